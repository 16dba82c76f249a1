//! What is decided by the rules leaves the same rows on both stores, and never more coupons than packets.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use koi_core::audit::{Deduction, Purchase as Bought};
use koi_core::catalog::Catalog;
use koi_core::command::{Answer, Call, Command, No, Purchase};
use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, PaymentId, QuoteId, StoreId, TransferId};
use koi_core::ledger::Transfer;
use koi_core::money::{Currency, Money};
use koi_core::refusal::Refusal;
use koi_core::rows::Slice;
use koi_core::time::Time;
use koi_store::postgres::{Database, Writer};
use koi_store::sqlite::Folder;
use koi_store::{Notes, Store, StoreError, Want};

use crate::sample;
use crate::server::Server;
use crate::shop::{self, Outcome, call, claim, decide_all, shopper, wants};
use crate::{Installation, transfers};

/// Begin, decide, commit; again after a conflict.
fn run(writer: &mut Writer, catalog: &Catalog, now: Time, batch: &[Call]) -> Vec<Outcome> {
    loop {
        match attempt(writer, catalog, now, batch) {
            Ok(outcomes) => return outcomes,
            Err(error) if error.may_heal() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn attempt(writer: &mut Writer, catalog: &Catalog, now: Time, batch: &[Call]) -> Result<Vec<Outcome>, StoreError> {
    let of = writer.cells();
    let wants: Vec<_> = batch.iter().map(|call| wants(call, of)).collect();
    let mut begun = writer.begin(&wants, None)?;
    let outcomes = decide_all(&mut begun.cells, of, catalog, now, batch);
    if begun.cells.is_changed() {
        writer.commit(&begun.cells, &Notes::default())?;
    } else {
        writer.rollback();
    }
    Ok(outcomes)
}

fn run_on_sqlite(store: &mut dyn Store, catalog: &Catalog, now: Time, batch: &[Call]) -> Vec<Outcome> {
    let wants: Vec<Want> = batch.iter().flat_map(|call| wants(call, 1).1).collect();
    let mut begun = store.begin(&[(sample::CELL, wants)], None).unwrap();
    let outcomes = decide_all(&mut begun.cells, 1, catalog, now, batch);
    if begun.cells.is_changed() {
        store.commit(&begun.cells, &Notes::default()).unwrap();
    } else {
        store.rollback();
    }
    outcomes
}

/// Puts packets into cells.
pub(crate) fn found(writer: &mut Writer, catalog: &Catalog, left: impl Fn(Cell) -> Vec<u64>) {
    let wants: Vec<_> =
        (0..writer.cells()).map(|cell| (Cell(cell), vec![Want::Slice(sample::CAMPAIGN)])).collect();
    let mut begun = writer.begin(&wants, None).unwrap();
    for rows in begun.cells.iter_mut() {
        rows.slices.put(sample::CAMPAIGN, shop::slice(catalog, left(rows.cell)));
    }
    writer.commit(&begun.cells, &Notes::default()).unwrap();
}

/// Everything that two stores can be compared by.
#[derive(Debug, Default, PartialEq)]
struct Everything {
    slices: Vec<(Cell, koi_core::id::CampaignNo, Slice)>,
    coupons: Vec<Coupon>,
    purchases: Vec<Bought>,
    transfers: Vec<Transfer>,
    deductions: Vec<Deduction>,
    keys: Vec<(i64, QuoteId)>,
    ordinals: u32,
}

/// Reads everything with either kind of reader: their methods have the same names.
macro_rules! everything {
    ($reader:expr) => {{
        let reader = $reader;
        let mut all = Everything::default();
        reader
            .at_one_moment(|| {
                all.slices = reader.slices()?;
                reader.for_each_coupon(i64::MIN, i64::MAX, |coupon| all.coupons.push(coupon))?;
                reader.for_each_purchase(QuoteId::FIRST, |purchase| {
                    all.purchases.push(purchase);
                    ControlFlow::Continue(())
                })?;
                reader.for_each_transfer(TransferId::FIRST.., |line| {
                    all.transfers.push(line);
                    ControlFlow::Continue(())
                })?;
                reader.for_each_deduction(|deduction| all.deductions.push(deduction))?;
                reader.for_each_quote_key(|key, id| all.keys.push((key.0, id)))?;
                all.ordinals = reader.last_ordinal(sample::CELL, sample::CAMPAIGN)?;
                Ok(())
            })
            .unwrap();
        all
    }};
}

/// Numbers that look like chance, and are the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        if list.is_empty() { None } else { Some(list[self.below(list.len())]) }
    }
}

/// What was made so far.
#[derive(Default)]
struct Made {
    coupons: Vec<CouponId>,
    quotes: Vec<QuoteId>,
    payments: Vec<PaymentId>,
    calls: Vec<Call>,
}

impl Made {
    fn note(&mut self, outcome: &Outcome) {
        match outcome {
            Ok((Answer::Coupon(coupon), _)) => self.coupons.push(coupon.id),
            Ok((Answer::Quote(quote), _)) => self.quotes.push(quote.id),
            Ok((Answer::Payment(_, payment), _)) => self.payments.push(payment.id),
            _ => {}
        }
    }

    /// Some call: now and then one that was made before, or another one under its key.
    fn call(&mut self, chance: &mut Chance) -> Call {
        if !self.calls.is_empty() && chance.below(12) == 0 {
            return self.calls[chance.below(self.calls.len())].clone();
        }
        let call = self.new_call(chance);
        self.calls.push(call.clone());
        call
    }

    fn new_call(&self, chance: &mut Chance) -> Call {
        let person = u32::try_from(chance.below(25)).unwrap();
        let key = format!("k{}", chance.below(400));
        let nzd = |value: usize| Money {
            currency: Currency::parse("NZD").unwrap(),
            value: i64::try_from(value).unwrap(),
        };
        let about = match chance.below(10) {
            0 | 1 => None,
            2..=4 => {
                let (shopper, store) = (shopper(person), StoreId::stored("akl"));
                let scope = shopper.person.as_str().to_owned();
                let purchase = Purchase { shopper, store, amount: nzd(1500 + chance.below(90_000)) };
                return call(Command::Quote(purchase), &scope, &key);
            }
            5 | 6 => chance.one_of(&self.quotes).map(|id| (Command::Pay(id), id.to_string())),
            7 => chance.one_of(&self.quotes).map(|id| (Command::CancelQuote(id), id.to_string())),
            8 => chance.one_of(&self.payments).map(|id| {
                let amount = nzd(1 + chance.below(2000));
                let refund = chance.below(4) > 0;
                (if refund { Command::Refund(id, amount) } else { Command::CancelPayment(id) }, id.to_string())
            }),
            _ => chance.one_of(&self.coupons).map(|id| (Command::Void(id), id.to_string())),
        };
        match about {
            Some((command, scope)) => call(command, &scope, &key),
            None => claim(person, &key),
        }
    }
}

#[test]
fn the_same_calls_leave_the_same_rows_on_both_stores() {
    let catalog = shop::catalog(4510);
    for size in [1, 3, 17, 120] {
        let place = tempfile::tempdir().unwrap();
        let (mut sqlite, _lock) = Folder::new(place.path()).serve().unwrap();
        let mut cells = sqlite.begin(&[], None).unwrap().cells;
        let rows = cells.get_mut(sample::CELL).unwrap();
        rows.slices.put(sample::CAMPAIGN, shop::slice(&catalog, vec![10, 4510]));
        sqlite.commit(&cells, &Notes::default()).unwrap();

        let server = Server::shared();
        let database: Database = server.url(&server.fresh()).parse().unwrap();
        let (mut postgres, _) = database.serve(Some(1)).unwrap();
        found(&mut postgres, &catalog, |_| vec![10, 4510]);

        let (mut chance, mut made) = (Chance(size as u64), Made::default());
        let (mut now, mut kinds) = (shop::opening(&catalog), [0; 4]);
        for _ in 0..900 / size {
            let batch: Vec<Call> = (0..size).map(|_| made.call(&mut chance)).collect();
            let expected = run_on_sqlite(&mut sqlite, &catalog, now, &batch);
            assert_eq!(run(&mut postgres, &catalog, now, &batch), expected, "in batches of {size}");
            expected.iter().for_each(|outcome| made.note(outcome));
            for outcome in &expected {
                let kind = match outcome {
                    Ok((_, true)) => 0,
                    Ok((_, false)) => 1,
                    Err(No::Refused(_)) => 2,
                    Err(No::Fault(_)) => 3,
                };
                kinds[kind] += 1;
            }
            // Some minutes, so that quotes run out; and now and then a week, so that coupons expire.
            now = now.plus_ms(if chance.below(40) == 0 { 8 * 86_400_000 } else { 40_000 });
            let judged = [(sample::CAMPAIGN, now)];
            let due = sqlite.due(&[sample::CELL], now, &judged, 1000).unwrap();
            assert_eq!(postgres.due(&[sample::CELL], now, &judged, 1000).unwrap(), due);
        }
        assert!(kinds[0] > 5 && kinds[1] > 100 && kinds[2] > 100 && kinds[3] == 0, "{kinds:?}");
        let stored = everything!(database.reader().unwrap());
        assert_eq!(stored, everything!(Folder::new(place.path()).reader().unwrap()));
        assert!(stored.purchases.iter().any(|purchase| !purchase.refunds.is_empty()));
        assert!(stored.slices.iter().all(|(.., slice)| slice.buckets.adds_up()));
    }
}

/// A writer, as soon as there can be one.
fn open(database: &Database) -> Writer {
    loop {
        match database.writer() {
            Ok(writer) => return writer,
            Err(error) => assert!(error.may_heal(), "{error}"),
        }
    }
}

/// Writers that claim all at the same time; answers how many were issued and how many found nothing.
fn claim_side_by_side(database: &Database, catalog: &Catalog, writers: u32, each: u32, size: usize) -> [usize; 2] {
    let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let counts = &counts;
            scope.spawn(move || {
                let mut store = open(database);
                let calls: Vec<Call> =
                    (writer * each..(writer + 1) * each).map(|person| claim(person, "k")).collect();
                for batch in calls.chunks(size) {
                    for outcome in run(&mut store, catalog, shop::opening(catalog), batch) {
                        // A batch whose commit was lost on its way finds what it did.
                        let kind = match outcome {
                            Ok(_) => 0,
                            Err(No::Refused(Refusal::SoldOut)) => 1,
                            other => panic!("{other:?}"),
                        };
                        counts[kind].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    counts.map(AtomicUsize::into_inner)
}

#[test]
fn writers_on_one_cell_issue_exactly_the_stock() {
    // 10 + 140 packets for 2 × 150 people who all claim at the same time.
    let (server, catalog) = (Server::shared(), shop::catalog(140));
    let database: Database = server.url(&server.fresh()).parse().unwrap();
    let (mut writer, _) = database.serve(Some(1)).unwrap();
    found(&mut writer, &catalog, |_| vec![10, 140]);
    assert_eq!(claim_side_by_side(&database, &catalog, 2, 150, 4), [150, 150]);
    let reader = database.reader().unwrap();
    let slice = reader.slices().unwrap().remove(0).2;
    assert_eq!((slice.next_ordinal, &slice.left[..]), (150, &[0, 0][..]));
    assert!(slice.buckets.adds_up());
    let lines = transfers(&reader);
    assert_eq!(lines.iter().map(|line| line.count).sum::<u32>(), 150);
    assert!(lines.iter().zip(1..).all(|(line, number)| line.id == TransferId::new(sample::CELL, number)));
}

#[test]
fn writers_whose_batches_are_spread_over_all_cells_issue_exactly_the_stock() {
    let (mut installation, catalog) = (Installation::new(), shop::catalog(4510));
    // Two packets in each of 64 cells, for 400 people: in every cell some find nothing.
    found(&mut installation.writer, &catalog, |_| vec![0, 2]);
    let [issued, refused] = claim_side_by_side(&installation.database, &catalog, 4, 100, 25);
    let slices = installation.reader().slices().unwrap();
    let left: u64 = slices.iter().map(|(.., slice)| slice.left[1]).sum();
    assert_eq!((issued + refused, issued + usize::try_from(left).unwrap()), (400, 128));
    assert!(slices.iter().all(|(.., slice)| slice.buckets.adds_up()));
    let mut coupons = 0;
    installation.reader().for_each_coupon(i64::MIN, i64::MAX, |_| coupons += 1).unwrap();
    assert_eq!(coupons, issued);
    assert_eq!(transfers(&installation.reader()).iter().map(|line| line.count as usize).sum::<usize>(), issued);
}

#[test]
fn whatever_connections_are_lost_nothing_is_lost_or_doubled() {
    let (mut installation, catalog) = (Installation::new(), shop::catalog(4510));
    found(&mut installation.writer, &catalog, |_| vec![0, 5]);
    let (sql, done) = (installation.sql(), AtomicUsize::new(0));
    let [issued, refused] = std::thread::scope(|scope| {
        let done = &done;
        let killer = scope.spawn(move || {
            let mut chance = Chance(1);
            let mut killed = 0;
            // No longer than the claims can take: one that panics must not be waited for.
            let start = std::time::Instant::now();
            while done.load(Ordering::Relaxed) == 0 && start.elapsed().as_secs() < 30 {
                let one = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'koi' \
                     AND datname = current_database() ORDER BY (pid * {}) % 17 LIMIT 1",
                    chance.below(17) + 1
                );
                killed += sql.run(&one).len();
                // A quiet machine is done in a fraction of a second: the first ones come quickly.
                let rest = if killed > 5 { 40 } else { 8 };
                std::thread::sleep(std::time::Duration::from_millis(chance.below(rest) as u64));
            }
            killed
        });
        let counts = claim_side_by_side(&installation.database, &catalog, 4, 150, 10);
        done.store(1, Ordering::Relaxed);
        assert!(killer.join().unwrap() > 5);
        counts
    });
    let reader = installation.reader();
    let slices = reader.slices().unwrap();
    let left: u64 = slices.iter().map(|(.., slice)| slice.left[1]).sum();
    assert_eq!((issued + refused, issued + usize::try_from(left).unwrap()), (600, 320));
    assert!(slices.iter().all(|(.., slice)| slice.buckets.adds_up()));
    let (mut coupons, mut people) = (0, std::collections::BTreeSet::new());
    reader
        .for_each_coupon(i64::MIN, i64::MAX, |coupon| {
            coupons += 1;
            people.insert(coupon.person.as_str().to_owned());
        })
        .unwrap();
    assert_eq!((coupons, people.len()), (issued, issued), "nobody has two");
    assert_eq!(transfers(&reader).iter().map(|line| line.count as usize).sum::<usize>(), issued);
}
