//! The door for PostgreSQL, proven by one spike: the same calls, decided by the same rules, leave the same rows
//! through [`Store`] whether SQLite or PostgreSQL stands behind it.
//!
//! # What it shows
//!
//! - `begin(wants) → Rows` is one pipelined round trip: the lock of the cell's row and one `= ANY($2)` statement
//!   per table, however large the batch. `commit(rows)` is two: one `UNNEST` statement per table, whose row
//!   counts are compared with what they must be, and the `COMMIT`.
//! - `cell` is the first column of every key and in every `WHERE`. There are no advisory locks, triggers,
//!   sequences or foreign keys; times, ids and luck are bound.
//! - Every batch needs the cell's row anyway, for its counters. Locked first, it makes READ COMMITTED as safe as
//!   SQLite's one writer: what is read after it stays true until the commit. Two processes on one cell take
//!   turns (the second test); batches of different cells do not meet.
//! - [`Store`] can stay synchronous: its owner is a thread that waits, with a runtime of one thread inside.
//!
//! # What PostgreSQL still needs of the door (issue 3)
//!
//! 1. *A third kind of error.* 40001, 40P01, a lost connection before `COMMIT` and a row count that is not what
//!    it must be mean "begin the same batch again": neither `Unavailable` (503) nor `Refused` (split the batch).
//!    `StoreError::Conflict`, and a bounded loop around `Pipeline::attempt`, which is idempotent already.
//! 2. *The catalog's revision.* Each process holds the catalog in memory; another may have changed it. `begin`
//!    must answer the revision that its transaction sees (a number beside the counters, or in `Rows`), so that
//!    the pipeline loads the catalog again before it decides. Orders of the office lock that row.
//! 3. *Office keys.* `answered` is asked before `begin`: two processes can both find nothing. It belongs behind
//!    the lock, as a want (`Want::Answered(key)`), or the second one must meet a `Conflict` and ask again.
//! 4. *Second-order wants.* A quote names its coupon, a coupon its holds: two more rounds of statements, each
//!    set-based, or one statement with joins. `Rows` needs nothing new for it.
//! 5. *Due work.* With the cell's row locked, `due` and the booking after it belong into one transaction, so
//!    that processes share it without a lease; or `SKIP LOCKED` on the cell's row, so that they do not queue.
//! 6. *Cells.* A store value writes one cell: N pipelines per process over a pool, and stock that moves between
//!    slices. `Folder`, `Reader` and the sandbox's clock of the engine have no door yet.

#[allow(dead_code)]
#[path = "../sqlite/sample.rs"]
mod sample;
mod server;
mod store;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use koi_core::campaign::Campaign;
use koi_core::catalog::{Catalog, Entry};
use koi_core::command::{Answer, Call, Claim, Command, No, Shopper};
use koi_core::decide::decide;
use koi_core::id::{AccountId, CampaignId, Cell, CodeText, PersonId, Principal, TransferId};
use koi_core::idempotency::Asked;
use koi_core::ledger::{Buckets, Transfer};
use koi_core::money::Currency;
use koi_core::refusal::Refusal;
use koi_core::rows::{Cells, Rows, Slice};
use koi_core::rules::Country;
use koi_core::scene::{Pick, Scene, Settings};
use koi_core::time::{DAY_MS, Time, Zone};
use koi_store::sqlite::Folder;
use koi_store::{Notes, Store, Want};

use crate::server::Server;
use crate::store::Postgres;

/// People who claim, each once a week.
const PEOPLE: u32 = 300;
const WEEKS: i64 = 2;
/// One call of so many is sent twice.
const REPEATED: u32 = 7;
const BATCHES: [usize; 5] = [1, 8, 32, 128, 512];

/// What was answered, in short: the coupon, and whether it is a repeat; or why not.
type Outcome = Result<(Answer, bool), No>;

/// The campaign, and everything around it that rarely changes.
fn catalog(packets: u64) -> Catalog {
    let mut catalog = Catalog::default();
    let rules = sample::rules("summer", packets);
    let campaign = Campaign { rules: rules.into(), ..sample::campaign("summer", sample::CAMPAIGN.0) };
    catalog.apply(Entry::Campaign(campaign.into()));
    catalog.apply(Entry::Merchant(sample::merchant("kiwi-honey").into()));
    catalog.apply(Entry::Store(sample::store("akl", "kiwi-honey").into()));
    catalog.apply(Entry::Code(sample::code("23456789", "akl").into()));
    catalog
}

fn campaign(catalog: &Catalog) -> &Campaign {
    catalog.campaign_numbered(sample::CAMPAIGN).unwrap()
}

/// A funded stock.
fn slice(catalog: &Catalog) -> Slice {
    let rules = &campaign(catalog).rules;
    let left = rules.packets.iter().map(|tier| tier.count).collect();
    let budget = rules.budget();
    Slice { next_ordinal: 0, left, buckets: Buckets::stored([-budget, budget, 0, 0, 0, 0, 0, 0, 0]) }
}

fn claim(person: u32, key: &str) -> Call {
    let person = format!("P{person}");
    let shopper = Shopper::new(PersonId::stored(&person), AccountId::stored(&person));
    let claim = Claim {
        campaign: CampaignId::stored("summer"),
        code: CodeText::stored("23456789"),
        shopper,
        verified: true,
        id_country: Country::parse("CN").unwrap(),
    };
    let body: [&[u8]; 1] = [person.as_bytes()];
    let asked = Asked::new(&Principal::stored("wallet"), &person, key, "/claims", &body);
    Call { command: Command::Claim(claim), asked }
}

/// A week's calls: everybody claims, some repeat themselves at once or later.
fn calls(week: i64) -> Vec<Call> {
    let key = format!("week-{week}");
    let mut calls: Vec<Call> = (0..PEOPLE).map(|person| claim(person, &key)).collect();
    for person in (0..PEOPLE).step_by(REPEATED as usize) {
        calls.insert(person as usize, claim(person, &key));
        calls.push(claim(person, &key));
    }
    calls
}

fn wants(call: &Call) -> [Want; 3] {
    let Command::Claim(claim) = &call.command else { unreachable!("the spike only claims") };
    [Want::Shopper(claim.shopper.key), Want::QuoteAsked(call.asked.key), Want::Slice(sample::CAMPAIGN)]
}

/// Begin, decide, commit.
fn run(store: &mut dyn Store, catalog: &Catalog, now: Time, batch: &[Call]) -> Vec<Outcome> {
    let settings = Settings {
        wallet_currency: Currency::CNY,
        settlement_zone: Zone::parse("Asia/Shanghai").unwrap(),
        quote_valid_s: 180,
        cancel_minutes: 15,
        refund_days: 360,
        cells: 1,
    };
    let luck = |_: &Campaign, _, pick: Pick, total: u64| match pick {
        Pick::Claim { ordinal: number } | Pick::Move { place: number, .. } => {
            number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % total
        }
    };
    let wants: Vec<Want> = batch.iter().flat_map(wants).collect();
    let mut rows = store.begin(&[(Cell(0), wants.clone())], None).unwrap().cells.treasury().cloned().unwrap();
    let scene = Scene { catalog, settings: &settings, now, luck: &luck };
    let outcomes = batch
        .iter()
        .map(|call| decide(&mut rows, &scene, call).map(|decision| (decision.answer, decision.replayed)))
        .collect();
    if rows.is_changed() {
        store.commit(&Cells::new(vec![rows.clone()]), &Notes::default()).unwrap();
    } else {
        store.rollback();
    }
    outcomes
}

/// Plays all weeks in batches of a size.
fn play(store: &mut dyn Store, catalog: &Catalog, size: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for week in 0..WEEKS {
        let now = campaign(catalog).rules.starts_at.plus_ms(1 + week * 8 * DAY_MS);
        calls(week).chunks(size).for_each(|batch| outcomes.extend(run(store, catalog, now, batch)));
    }
    outcomes
}

fn found(store: &mut dyn Store, catalog: &Catalog) {
    let mut rows = store
        .begin(&[(Cell(0), vec![Want::Slice(sample::CAMPAIGN)])], None)
        .unwrap()
        .cells
        .treasury()
        .cloned()
        .unwrap();
    rows.slices.put(sample::CAMPAIGN, slice(catalog));
    store.commit(&Cells::new(vec![rows.clone()]), &Notes::default()).unwrap();
}

/// All that a store has, in words: the slice, and everybody's coupons.
fn read_back(store: &mut dyn Store) -> (Slice, Vec<String>) {
    let wants: Vec<Want> = (0..PEOPLE)
        .map(|person| {
            Want::Shopper(Shopper::new(PersonId::stored(&format!("P{person}")), AccountId::stored("A")).key)
        })
        .chain([Want::Slice(sample::CAMPAIGN)])
        .collect();
    let rows: Rows = store.begin(&[(Cell(0), wants.clone())], None).unwrap().cells.treasury().cloned().unwrap();
    store.rollback();
    let mut ids: Vec<_> = rows.shoppers.values().flatten().copied().collect();
    ids.sort_unstable();
    let coupons = ids.iter().map(|id| format!("{:?}", rows.coupons.get(*id).unwrap())).collect();
    (rows.slices.get(sample::CAMPAIGN).unwrap().clone(), coupons)
}

/// A fresh database with the schema.
fn database(server: &Server, name: &str) -> tokio_postgres::Config {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let execute = async |config: tokio_postgres::Config, sql: &str| {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await.unwrap();
            drop(client);
            connection.await.unwrap().unwrap();
        };
        execute(server.config("postgres"), &format!("CREATE DATABASE {name}")).await;
        execute(server.config(name), include_str!("schema.sql")).await;
        execute(server.config(name), "INSERT INTO cell VALUES (0, 1, 1)").await;
    });
    server.config(name)
}

fn start() -> Option<Server> {
    match Server::start() {
        Ok(server) => Some(server),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}

#[test]
fn the_same_claims_leave_the_same_rows_on_both_stores() {
    let Some(server) = start() else { return };
    let catalog = catalog(4510);
    for size in BATCHES {
        let place = tempfile::tempdir().unwrap();
        let (mut sqlite, _lock) = Folder::new(place.path()).serve().unwrap();
        let mut postgres = Postgres::connect(&database(&server, &format!("batch_{size}")), sample::CELL);
        found(&mut sqlite, &catalog);
        found(&mut postgres, &catalog);

        let expected = play(&mut sqlite, &catalog, size);
        let begun = Instant::now();
        let outcomes = play(&mut postgres, &catalog, size);
        let took_ms = begun.elapsed().as_millis().max(1);

        assert_eq!(outcomes.len(), expected.len());
        for (place, (outcome, expected)) in outcomes.iter().zip(&expected).enumerate() {
            assert_eq!(outcome, expected, "call {place} in batches of {size}");
        }
        let issued = outcomes.iter().filter(|outcome| matches!(outcome, Ok((_, false)))).count();
        let repeats = outcomes.iter().filter(|outcome| matches!(outcome, Ok((_, true)))).count();
        assert_eq!(issued, usize::try_from(WEEKS).unwrap() * PEOPLE as usize);
        assert_eq!(issued + repeats, outcomes.len(), "nobody is refused");

        let (slice, coupons) = read_back(&mut postgres);
        assert_eq!((&slice, &coupons), (&read_back(&mut sqlite).0, &read_back(&mut sqlite).1));
        assert!(slice.buckets.adds_up());
        assert_eq!(coupons.len(), issued);
        assert_eq!(postgres.transfers(), sqlite_transfers(place.path()));
        let per_s = outcomes.len() as u128 * 1000 / took_ms;
        println!("PostgreSQL, one cell, batches of {size:3}: {per_s:6} claims/s");
    }
}

fn sqlite_transfers(place: &std::path::Path) -> Vec<Transfer> {
    let mut lines = Vec::new();
    let each = |line| {
        lines.push(line);
        std::ops::ControlFlow::Continue(())
    };
    Folder::new(place).reader().unwrap().for_each_transfer(TransferId::of_number(0), each).unwrap();
    lines
}

#[test]
fn two_processes_on_one_cell_issue_exactly_the_stock() {
    let Some(server) = start() else { return };
    // 10 + 140 packets for 2 × 150 people who all claim at the same time.
    let catalog = catalog(140);
    let config = database(&server, "shared");
    found(&mut Postgres::connect(&config, sample::CELL), &catalog);
    let (issued, sold_out) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for process in 0..2 {
            let (config, catalog, issued, sold_out) = (&config, &catalog, &issued, &sold_out);
            scope.spawn(move || {
                let mut store = Postgres::connect(config, sample::CELL);
                let people: Vec<Call> =
                    (process * 150..(process + 1) * 150).map(|person| claim(person, "k")).collect();
                let now = campaign(catalog).rules.starts_at.plus_ms(1);
                for batch in people.chunks(4) {
                    for outcome in run(&mut store, catalog, now, batch) {
                        match outcome {
                            Ok((_, false)) => issued.fetch_add(1, Ordering::Relaxed),
                            Err(No::Refused(Refusal::SoldOut)) => sold_out.fetch_add(1, Ordering::Relaxed),
                            other => panic!("{other:?}"),
                        };
                    }
                }
            });
        }
    });
    assert_eq!((issued.into_inner(), sold_out.into_inner()), (150, 150));
    let mut store = Postgres::connect(&config, sample::CELL);
    let (slice, coupons) = read_back(&mut store);
    assert_eq!((slice.next_ordinal, slice.left, coupons.len()), (150, vec![0, 0], 150));
    assert!(slice.buckets.adds_up());
    let lines = store.transfers();
    let counted: u32 = lines.iter().map(|line| line.count).sum();
    assert_eq!(counted, 150);
    // Numbers are dense: no batch wrote over another's, none is missing.
    assert!(lines.iter().zip(1..).all(|(line, number)| line.id == TransferId::new(sample::CELL, number)));
}
