//! The table of shoppers beside a map that knows everything.

use std::collections::BTreeMap;

use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId};
use koi_core::rows::Cells;
use proptest::prelude::*;

use super::*;
use crate::sample;
use crate::sqlite::Folder;
use crate::sqlite::writer::Writer;
use crate::{Notes, Store};

const SHORT: Runs = Runs { length: 20, piece: 6 };

/// Coupons of many shoppers, in no order.
fn coupon(ordinal: u32) -> Coupon {
    let shopper = i64::from(ordinal).wrapping_mul(7_919) % 23;
    let id = CouponId::new(Cell(0), sample::CAMPAIGN, ordinal);
    Coupon { id, shopper: ShopperKey(shopper), ..sample::coupon(0) }
}

fn claim(writer: &mut Writer, ordinals: std::ops::Range<u32>) -> Result<(), StoreError> {
    let mut rows =
        writer.begin(&[(Cell(0), vec![Want::Slice(sample::CAMPAIGN)])], None)?.cells.treasury().cloned().unwrap();
    let mut slice = sample::slice();
    slice.next_ordinal = ordinals.end;
    rows.slices.put(sample::CAMPAIGN, slice);
    for ordinal in ordinals {
        rows.coupons.put(coupon(ordinal).id, coupon(ordinal));
    }
    writer.commit(&Cells::new(vec![rows.clone()]), &Notes::default())
}

fn known(ordinals: u32) -> BTreeMap<ShopperKey, Vec<CouponId>> {
    let mut known: BTreeMap<ShopperKey, Vec<CouponId>> = BTreeMap::new();
    (0..ordinals).map(coupon).for_each(|coupon| known.entry(coupon.shopper).or_default().push(coupon.id));
    known
}

/// Writer, a reader beside it and a reader alone all see the same coupons of every shopper.
fn verify(folder: &Folder, writer: &mut Writer, ordinals: u32) {
    verify_shoppers(folder, writer, ordinals);
    assert_eq!(broken(folder.reader().unwrap().connection()).unwrap(), Vec::<String>::new());
}

fn verify_shoppers(folder: &Folder, writer: &mut Writer, ordinals: u32) {
    let beside = folder.reader().unwrap().beside(writer.shoppers());
    let alone = folder.reader().unwrap();
    let known = known(ordinals);
    for shopper in (0..25).map(ShopperKey) {
        let wants = [Want::Shopper(shopper)];
        let expected = known.get(&shopper).cloned().unwrap_or_default();
        let seen = writer.begin(&[(Cell(0), wants.to_vec())], None).unwrap().cells.treasury().cloned().unwrap();
        writer.rollback();
        for (who, rows) in
            [("writer", seen), ("beside", beside.rows(&wants).unwrap()), ("alone", alone.rows(&wants).unwrap())]
        {
            assert_eq!(rows.shoppers[&shopper], expected, "{who}, {shopper:?} after {ordinals}");
            assert!(expected.iter().all(|id| rows.coupons.has(*id)), "{who}");
        }
    }
}

fn served(place: &tempfile::TempDir) -> (Folder, Writer, crate::sqlite::Lock) {
    let folder = Folder::new(place.path()).with_runs(SHORT);
    let (writer, lock) = folder.serve().unwrap();
    (folder, writer, lock)
}

#[test]
fn every_coupon_is_found_at_every_moment() {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    let mut next = 0;
    for batch in [1, 3, 9, 7, 1, 1, 1, 2, 40, 5, 1, 30, 2, 2, 2, 2, 2, 2, 61, 1, 1] {
        claim(&mut writer, next..next + batch).unwrap();
        next += batch;
        verify(&folder, &mut writer, next);
    }
    let unsorted = waiting(&writer);
    assert!(unsorted < 100, "{unsorted} of {next} wait: runs were written");
    assert!(!coupon_sorted::all(folder.reader().unwrap().connection()).unwrap().is_empty(), "to their ends");
}

/// Entries in memory.
fn waiting(writer: &Writer) -> usize {
    let shoppers = writer.shoppers();
    let unsorted = shoppers.look();
    unsorted.young.len() + unsorted.run.as_ref().map_or(0, |run| run.rest.len())
}

/// Entries in memory, and those of them that should be written by now.
fn waiting_and_due(writer: &Writer) -> (usize, usize) {
    let shoppers = writer.shoppers();
    let unsorted = shoppers.look();
    (waiting(writer), unsorted.run.as_ref().map_or(0, |run| unsorted.due(run, 0)))
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
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// However short the lives are: what waits in memory stays within its bound, so that runs come to their ends.
    #[test]
    fn runs_advance_over_many_short_lives(
        length in 4..30_usize,
        piece in 1..12_usize,
        lives in proptest::collection::vec(life(), 1..40),
    ) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path()).with_runs(Runs { length, piece });
        let (mut next, mut left) = (0, (0, 0));
        for life in lives {
            let (mut writer, _lock) = folder.serve().unwrap();
            prop_assert_eq!(waiting_and_due(&writer), left, "a restart takes nothing back, and brings nothing");
            for (count, refused) in life.commits {
                if refused && next > 0 {
                    prop_assert!(claim(&mut writer, next - 1..next + count).is_err());
                } else {
                    claim(&mut writer, next..next + count).unwrap();
                    next += count;
                }
                let (waits, most) = (waiting(&writer), length + piece.div_ceil(2) + 5);
                prop_assert!(waits <= most, "{} wait, at most {} may", waits, most);
            }
            prop_assert_eq!(broken(folder.reader().unwrap().connection()).unwrap(), Vec::<String>::new());
            left = waiting_and_due(&writer);
            if life.cut_off {
                writer.begin(&[(Cell(0), vec![Want::Slice(sample::CAMPAIGN)])], None).unwrap();
            }
        }
        let (mut writer, _lock) = folder.serve().unwrap();
        verify(&folder, &mut writer, next);
    }
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    for batches in 1..40 {
        let place = tempfile::tempdir().unwrap();
        let (folder, mut writer, lock) = served(&place);
        for batch in 0..batches {
            claim(&mut writer, batch * 3..batch * 3 + 3).unwrap();
        }
        drop((writer, lock));
        let (mut writer, _lock) = folder.serve().unwrap();
        verify(&folder, &mut writer, batches * 3);
        claim(&mut writer, batches * 3..batches * 3 + 50).unwrap();
        verify(&folder, &mut writer, batches * 3 + 50);
    }
}

#[test]
fn what_a_refused_commit_wrote_is_not_remembered() {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    claim(&mut writer, 0..30).unwrap();
    // Twice the same coupons: the database refuses.
    assert!(claim(&mut writer, 25..35).is_err());
    verify(&folder, &mut writer, 30);
    claim(&mut writer, 30..90).unwrap();
    verify(&folder, &mut writer, 90);
}

/// One run is written, and of the next one a piece.
fn two_runs() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    for ordinals in [0..20, 20..24, 24..50, 50..54] {
        claim(&mut writer, ordinals).unwrap();
    }
    let connection = folder.connect(rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    assert_eq!(broken(&connection).unwrap(), Vec::<String>::new());
    let marks = Marks::read(&connection).unwrap();
    assert_eq!((marks.sorted.len(), marks.run.len(), marks.last.is_some()), (1, 1, true));
    (place, folder)
}

fn damage(folder: &Folder, damage: &str) -> Vec<String> {
    let connection = folder.connect(rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    assert_eq!(connection.execute_batch(damage), Ok(()), "{damage}");
    let broken = broken(&connection).unwrap();
    let id = |ordinal| coupon(ordinal).id.to_string();
    let plain =
        |line: &String| line.replace(&id(3), "three").replace(&id(20), "twenty").replace(&id(55), "fifty-five");
    broken.iter().map(plain).collect()
}

#[test]
fn damage_is_named() {
    let check = |what: &str, expected: &[&str]| {
        let (_place, folder) = two_runs();
        let mut named = damage(&folder, what);
        named.truncate(expected.len());
        assert_eq!(named, expected, "{what}");
    };
    let three = coupon(3).id.number();
    let (twenty, fifty_five) = (coupon(20).id.number(), coupon(55).id.number());
    let lacks = "coupon three: its shopper does not have it";
    let has = "coupon three: another shopper has it, too";
    check(&format!("DELETE FROM coupon_of_shopper WHERE coupon = {three}"), &[lacks]);
    check(&format!("UPDATE coupon_of_shopper SET shopper = 99 WHERE coupon = {three}"), &[has, lacks]);
    check(&format!("INSERT INTO coupon_of_shopper VALUES (99, {three})"), &[has]);
    check(&format!("UPDATE coupon SET shopper = 99 WHERE id = {three}"), &[has, lacks]);
    check(
        &format!("UPDATE coupon_sorted SET until = {fifty_five}"),
        &[
            &format!("coupons of shoppers: a run goes up to {}, which is sorted", coupon(50).id),
            "coupons of shoppers: sorted up to fifty-five, which is not issued",
        ],
    );
    let not_issued = "coupons of shoppers: a run goes up to fifty-five, which is not issued";
    check(&format!("UPDATE coupon_run SET until = {fifty_five}"), &[not_issued]);
    let sorted = "coupons of shoppers: a run goes up to twenty, which is sorted";
    check(&format!("UPDATE coupon_run SET until = {twenty}"), &[sorted]);
    let unknown = |what| format!("coupons of shoppers: a run is being written, and {what} is not known");
    check("DELETE FROM coupon_run", &[&unknown("which one")]);
    check("DELETE FROM coupon_run_last", &[&unknown("how far")]);
    let of = |what: &str, change: &str| {
        let (_place, folder) = two_runs();
        let named = damage(&folder, change);
        assert!(!named.is_empty() && named.iter().all(|line| line.ends_with(what)), "{change}: {named:?}");
    };
    of("its shopper does not have it", "UPDATE coupon_run_last SET shopper = shopper + 1");
    of("its shopper has it before its turn", "UPDATE coupon_run_last SET shopper = shopper - 1");
}

/// Claims go on with a damaged mark; and where it lost nothing, nothing is wrong any more once its run is written.
#[test]
fn marks_that_lost_nothing_heal() {
    for change in [
        "DELETE FROM coupon_run",
        "DELETE FROM coupon_run_last",
        "DELETE FROM coupon_run; DELETE FROM coupon_run_last",
        "DELETE FROM coupon_sorted",
        "UPDATE coupon_run_last SET shopper = -1",
    ] {
        let (_place, folder) = two_runs();
        assert_ne!(damage(&folder, change), Vec::<String>::new(), "{change}");
        let (mut writer, _lock) = folder.serve().unwrap();
        verify_shoppers(&folder, &mut writer, 54);
        for next in (54..120).step_by(3) {
            claim(&mut writer, next..next + 3).unwrap();
        }
        verify(&folder, &mut writer, 120);
    }
}
