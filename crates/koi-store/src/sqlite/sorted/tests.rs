//! Each index beside a map that knows everything.

use std::collections::BTreeMap;

use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, QuoteId, ShopperKey};
use koi_core::idempotency::{Asked, Key};
use koi_core::quote::Quote;
use koi_core::rows::{Cells, Done, Rows, Slice};
use proptest::prelude::*;

use super::recent::Recent;
use super::*;
use crate::sample;
use crate::sqlite::Folder;
use crate::sqlite::writer::Writer;
use crate::{Notes, Store, Want};

const SHORT: Runs = Runs { length: 20, piece: 6 };
const BOTH: [&Index; 2] = [&SHOPPERS, &KEYS];

/// Coupons of many shoppers, in no order.
fn coupon(ordinal: u32) -> Coupon {
    let shopper = i64::from(ordinal).wrapping_mul(7_919) % 23;
    let id = CouponId::new(Cell(0), sample::CAMPAIGN, ordinal);
    Coupon { id, shopper: ShopperKey(shopper), ..sample::coupon(0) }
}

/// Quotes under keys of their own, in no order.
fn quote(ordinal: u32) -> Quote {
    let key = Key(i64::from(ordinal).wrapping_mul(7_919) % 1_009);
    let quote = sample::quote(0);
    Quote { id: QuoteId::new(Cell(0), i64::from(ordinal)), asked: Asked { key, ..quote.asked }, ..quote }
}

fn entry(index: &Index, ordinal: u32) -> Entry {
    if index.number == SHOPPERS.number {
        let coupon = coupon(ordinal);
        (coupon.shopper.0, coupon.id.number())
    } else {
        let quote = quote(ordinal);
        (quote.asked.key.0, quote.id.number())
    }
}

/// Commits rows of an index with these ordinals.
fn add(writer: &mut Writer, index: &Index, ordinals: std::ops::Range<u32>) -> Result<(), StoreError> {
    let mut rows =
        writer.begin(&[(Cell(0), vec![Want::Slice(sample::CAMPAIGN)])], None)?.cells.treasury().cloned().unwrap();
    let mut slice = sample::slice();
    slice.next_ordinal = ordinals.end;
    rows.slices.put(sample::CAMPAIGN, slice);
    rows.counters.quote = i64::from(ordinals.end);
    for ordinal in ordinals {
        if index.number == SHOPPERS.number {
            rows.coupons.put(coupon(ordinal).id, coupon(ordinal));
        } else {
            rows.quotes.put(quote(ordinal).id, quote(ordinal));
        }
    }
    writer.commit(&Cells::new(vec![rows.clone()]), &Notes::default())
}

fn known(index: &Index, ordinals: u32) -> BTreeMap<i64, Vec<i64>> {
    let mut known: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    (0..ordinals)
        .map(|ordinal| entry(index, ordinal))
        .for_each(|(key, id)| known.entry(key).or_default().push(id));
    known
}

/// The rows that are found by a key.
fn found(index: &Index, rows: &Rows, key: i64) -> Vec<i64> {
    if index.number == SHOPPERS.number {
        let coupons = &rows.shoppers[&ShopperKey(key)];
        assert!(coupons.iter().all(|id| rows.coupons.has(*id)));
        return coupons.iter().map(|id| id.number()).collect();
    }
    match rows.done(Key(key)) {
        Some((_, Done::Quote(id))) => vec![id.number()],
        None => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// Writer, a reader beside it and a reader alone all find the same rows by every key.
fn verify(folder: &Folder, writer: &mut Writer, index: &'static Index, ordinals: u32) {
    verify_found(folder, writer, index, ordinals);
    let reader = folder.reader().unwrap();
    assert_eq!(broken(index, reader.connection()).unwrap(), Vec::<String>::new());
    let mut all = Vec::new();
    for_each(index, reader.connection(), |entry| all.push(entry)).unwrap();
    let mut expected: Vec<Entry> = (0..ordinals).map(|ordinal| entry(index, ordinal)).collect();
    expected.sort_unstable();
    assert_eq!(all, expected, "in their order, those that wait among them");
}

fn verify_found(folder: &Folder, writer: &mut Writer, index: &Index, ordinals: u32) {
    let beside = folder.reader().unwrap().beside(writer.recent());
    let alone = folder.reader().unwrap();
    let known = known(index, ordinals);
    for key in (0..25).chain(known.keys().copied().filter(|key| *key >= 25)) {
        let shopper = index.number == SHOPPERS.number;
        let wants = [if shopper { Want::Shopper(ShopperKey(key)) } else { Want::QuoteAsked(Key(key)) }];
        let expected = known.get(&key).cloned().unwrap_or_default();
        let seen = writer.begin(&[(Cell(0), wants.to_vec())], None).unwrap().cells.treasury().cloned().unwrap();
        writer.rollback();
        for (who, rows) in
            [("writer", seen), ("beside", beside.rows(&wants).unwrap()), ("alone", alone.rows(&wants).unwrap())]
        {
            assert_eq!(found(index, &rows, key), expected, "{who}, {key} after {ordinals}");
        }
    }
}

fn served(place: &tempfile::TempDir) -> (Folder, Writer, crate::sqlite::Lock) {
    let folder = Folder::new(place.path()).with_runs(SHORT);
    let (writer, lock) = folder.serve().unwrap();
    (folder, writer, lock)
}

#[test]
fn every_row_is_found_at_every_moment() {
    for index in BOTH {
        let place = tempfile::tempdir().unwrap();
        let (folder, mut writer, _lock) = served(&place);
        let mut next = 0;
        for batch in [1, 3, 9, 7, 1, 1, 1, 2, 40, 5, 1, 30, 2, 2, 2, 2, 2, 2, 61, 1, 1] {
            add(&mut writer, index, next..next + batch).unwrap();
            next += batch;
            verify(&folder, &mut writer, index, next);
        }
        let (waits, _) = waiting_and_due(&writer, index);
        assert!(waits < 100, "{waits} of {next} wait: runs were written");
        let sorted = sorted::all(folder.reader().unwrap().connection(), index.number).unwrap();
        assert!(!sorted.is_empty(), "to their ends");
    }
}

/// Each index has marks of its own.
#[test]
fn indexes_do_not_disturb_each_other() {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    let (mut coupons, mut quotes) = (0, 0);
    for (index, count) in [(0, 25), (1, 25), (0, 3), (1, 4), (0, 30), (1, 30), (1, 30), (0, 2), (1, 1)] {
        let next = if index == 0 { &mut coupons } else { &mut quotes };
        let ordinals = *next..*next + count;
        *next += count;
        // Both counters are those of the slice: rows of either index exist below them.
        let mut rows = writer.begin(&[(Cell(0), vec![Want::Slice(sample::CAMPAIGN)])], None).unwrap();
        let rows = rows.cells.get_mut(Cell(0)).unwrap();
        rows.slices.put(sample::CAMPAIGN, Slice { next_ordinal: coupons, ..sample::slice() });
        rows.counters.quote = i64::from(quotes);
        for ordinal in ordinals {
            match index {
                0 => rows.coupons.put(coupon(ordinal).id, coupon(ordinal)),
                _ => rows.quotes.put(quote(ordinal).id, quote(ordinal)),
            }
        }
        writer.commit(&Cells::new(vec![rows.clone()]), &Notes::default()).unwrap();
        verify(&folder, &mut writer, &SHOPPERS, coupons);
        verify(&folder, &mut writer, &KEYS, quotes);
    }
}

/// Entries in memory, and those of them that should be written by now.
fn waiting_and_due(writer: &Writer, index: &Index) -> (usize, usize) {
    let recent = writer.recent();
    let recent = recent.look();
    let unsorted = unsorted(&recent, index);
    let run = unsorted.run.as_ref();
    (unsorted.entries().len(), run.map_or(0, |run| unsorted.due(run, 0)))
}

fn unsorted<'a>(recent: &'a Recent, index: &Index) -> &'a Unsorted {
    if index.number == SHOPPERS.number { &recent.shoppers } else { &recent.keys }
}

/// What happens to a server between its start and its end.
#[derive(Clone, Debug)]
struct Life {
    /// New coupons, commit by commit; some commits are refused by the database, which must cost nothing.
    commits: Vec<(u32, bool)>,
    /// Whether it ends within a transaction.
    cut_off: bool,
}

fn life() -> impl Strategy<Value = Life> {
    let commits = proptest::collection::vec((0..6_u32, prop::bool::weighted(0.1)), 0..4);
    (commits, any::<bool>()).prop_map(|(commits, cut_off)| Life { commits, cut_off })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// However short the lives are: what waits in memory stays within its bound, so that runs come to their ends.
    #[test]
    fn runs_advance_over_many_short_lives(
        index in prop::sample::select(&BOTH[..]),
        length in 4..30_usize,
        piece in 1..12_usize,
        lives in proptest::collection::vec(life(), 1..40),
    ) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path()).with_runs(Runs { length, piece });
        let (mut next, mut left) = (0, (0, 0));
        for life in lives {
            let (mut writer, _lock) = folder.serve().unwrap();
            prop_assert_eq!(waiting_and_due(&writer, index), left, "a restart takes nothing back, and brings nothing");
            for (count, refused) in life.commits {
                if refused && next > 0 {
                    prop_assert!(add(&mut writer, index, next - 1..next + count).is_err());
                } else {
                    add(&mut writer, index, next..next + count).unwrap();
                    next += count;
                }
                let (waits, most) = (waiting_and_due(&writer, index).0, length + piece.div_ceil(2) + 5);
                prop_assert!(waits <= most, "{} wait, at most {} may", waits, most);
            }
            prop_assert_eq!(broken(index, folder.reader().unwrap().connection()).unwrap(), Vec::<String>::new());
            left = waiting_and_due(&writer, index);
            if life.cut_off {
                writer.begin(&[(Cell(0), vec![Want::Slice(sample::CAMPAIGN)])], None).unwrap();
            }
        }
        let (mut writer, _lock) = folder.serve().unwrap();
        verify(&folder, &mut writer, index, next);
    }
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    for (index, batches) in BOTH.into_iter().flat_map(|index| (1..40).map(move |batches| (index, batches))) {
        let place = tempfile::tempdir().unwrap();
        let (folder, mut writer, lock) = served(&place);
        for batch in 0..batches {
            add(&mut writer, index, batch * 3..batch * 3 + 3).unwrap();
        }
        drop((writer, lock));
        let (mut writer, _lock) = folder.serve().unwrap();
        verify(&folder, &mut writer, index, batches * 3);
        add(&mut writer, index, batches * 3..batches * 3 + 50).unwrap();
        verify(&folder, &mut writer, index, batches * 3 + 50);
    }
}

#[test]
fn what_a_refused_commit_wrote_is_not_remembered() {
    for index in BOTH {
        let place = tempfile::tempdir().unwrap();
        let (folder, mut writer, _lock) = served(&place);
        add(&mut writer, index, 0..30).unwrap();
        // Twice the same rows: the database refuses.
        assert!(add(&mut writer, index, 25..35).is_err());
        verify(&folder, &mut writer, index, 30);
        add(&mut writer, index, 30..90).unwrap();
        verify(&folder, &mut writer, index, 90);
    }
}

/// One run is written, and of the next one a piece.
fn two_runs(index: &Index) -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    for ordinals in [0..20, 20..24, 24..50, 50..54] {
        add(&mut writer, index, ordinals).unwrap();
    }
    let connection = folder.connect(rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    assert_eq!(broken(index, &connection).unwrap(), Vec::<String>::new());
    let marks = Marks::read(index, &connection).unwrap();
    assert_eq!((marks.sorted.len(), marks.run.len(), marks.last.is_some()), (1, 1, true));
    (place, folder)
}

/// Does damage, and answers what is said of it, with words for some rows.
fn damage(folder: &Folder, index: &Index, damage: &str) -> Vec<String> {
    let connection = folder.connect(rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    assert_eq!(connection.execute_batch(damage), Ok(()), "{damage}");
    let broken = broken(index, &connection).unwrap();
    let plain = |line: &String| {
        [(3, "three"), (20, "twenty"), (50, "fifty"), (55, "fifty-five")]
            .into_iter()
            .fold(line.clone(), |line, (ordinal, word)| line.replace(&(index.row)(entry(index, ordinal).1), word))
    };
    broken.iter().map(plain).collect()
}

/// The table of an index and its columns; the table of its rows and the column of their keys.
fn tables(index: &Index) -> [&'static str; 5] {
    if index.number == SHOPPERS.number {
        ["coupon_of_shopper", "shopper", "coupon", "coupon", "shopper"]
    } else {
        ["quote_of_key", "key", "quote", "quote", "asked_key"]
    }
}

#[test]
fn damage_is_named() {
    for index in BOTH {
        let check = |what: &str, expected: &[&str]| {
            let (_place, folder) = two_runs(index);
            let mut named = damage(&folder, index, what);
            named.truncate(expected.len());
            assert_eq!(named, expected, "{what}");
        };
        let [three, twenty, fifty_five] = [3, 20, 55].map(|ordinal| entry(index, ordinal).1);
        let [table, key, id, rows, of_row] = tables(index);
        let (name, number) = (index.name, index.number);
        let (lacks, has) = (format!("three: {}", index.lacking), format!("three: {}", index.surplus));
        check(&format!("DELETE FROM {table} WHERE {id} = {three}"), &[&lacks]);
        check(&format!("UPDATE {table} SET {key} = -99 WHERE {id} = {three}"), &[&has, &lacks]);
        check(&format!("INSERT INTO {table} VALUES (-99, {three})"), &[&has]);
        check(&format!("UPDATE {rows} SET {of_row} = -99 WHERE id = {three}"), &[&has, &lacks]);
        check(
            &format!("UPDATE sorted SET until = {fifty_five} WHERE what = {number}"),
            &[
                &format!("{name}: a run goes up to fifty, which is sorted"),
                &format!("{name}: sorted up to fifty-five, which is not there yet"),
            ],
        );
        let not_there = format!("{name}: a run goes up to fifty-five, which is not there yet");
        check(&format!("UPDATE run SET until = {fifty_five} WHERE what = {number}"), &[&not_there]);
        let sorted = format!("{name}: a run goes up to twenty, which is sorted");
        check(&format!("UPDATE run SET until = {twenty} WHERE what = {number}"), &[&sorted]);
        let unknown = |what| format!("{name}: a run is being written, and {what} is not known");
        check("DELETE FROM run", &[&unknown("which one")]);
        check("DELETE FROM run_last", &[&unknown("how far")]);
        let of = |what: &str, change: &str| {
            let (_place, folder) = two_runs(index);
            let named = damage(&folder, index, change);
            assert!(!named.is_empty() && named.iter().all(|line| line.ends_with(what)), "{change}: {named:?}");
        };
        of(index.lacking, "UPDATE run_last SET key = (SELECT max(key) + 30 FROM run_last)");
        of(index.early, "UPDATE run_last SET key = key - 1");
    }
}

/// Work goes on with a damaged mark; and where it lost nothing, nothing is wrong any more once its run is written.
#[test]
fn marks_that_lost_nothing_heal() {
    for change in [
        "DELETE FROM run",
        "DELETE FROM run_last",
        "DELETE FROM run; DELETE FROM run_last",
        "DELETE FROM sorted",
        "UPDATE run_last SET key = -1",
    ] {
        for index in BOTH {
            let (_place, folder) = two_runs(index);
            assert_ne!(damage(&folder, index, change), Vec::<String>::new(), "{change}");
            let (mut writer, _lock) = folder.serve().unwrap();
            verify_found(&folder, &mut writer, index, 54);
            for next in (54..120).step_by(3) {
                add(&mut writer, index, next..next + 3).unwrap();
            }
            verify(&folder, &mut writer, index, 120);
        }
    }
}
