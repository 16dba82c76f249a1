//! Copies from store to store, and digests: what arrives is what was there, and nothing else is ever touched.

mod meanwhile;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../sqlite/sample.rs"]
mod sample;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../postgres/server.rs"]
mod server;
mod speed;

use std::path::Path;

use koi_core::catalog::Entry;
use koi_core::coupon::Coupon;
use koi_core::id::{Cell, Principal};
use koi_core::money::{Currency, Rate};
use koi_core::quote::{Phase, Quote};
use koi_core::rows::{Counters, Rows};
use koi_store::copy::{self, Source, Standing, Step};
use koi_store::postgres::Database;
use koi_store::sqlite::{Folder, backup, restore};
use koi_store::tally::{Tallies, tallies};
use koi_store::{
    Answered, ApiKey, Installation, LogLine, News, Notes, Sequenced, Stated, Store, Want, Wanted, Writer,
};

use crate::sample::{CELL, at};
use crate::server::{Server, Sql};

fn folder(path: &Path) -> Installation {
    Installation::Folder(Folder::new(path))
}

fn database(name: &str) -> Installation {
    let database: Database = Server::shared().url(name).parse().unwrap();
    Installation::Database(Box::new(database))
}

fn sql(name: &str) -> Sql {
    Server::shared().sql(name)
}

/// Rows in every table, with many coupons, so that they come in several chunks.
fn change(rows: &mut Rows) {
    for ordinal in 1..=COUPONS {
        rows.coupons.put(sample::coupon(ordinal).id, sample::coupon(ordinal));
    }
    let voided = Coupon { voided: Some(sample::asked(7)), ..sample::largest_coupon() };
    rows.coupons.put(voided.id, voided);
    for number in 1..=QUOTES {
        let quote = Quote { phase: Phase::Paid, ..sample::quote(number) };
        let payment = sample::payment(&quote);
        rows.refunds.put(sample::refund(&payment, 1).id, sample::refund(&payment, 1));
        rows.payments.put(payment.id, payment);
        rows.quotes.put(quote.id, quote);
    }
    let largest = sample::largest_quote();
    let payment = sample::largest_payment(&largest);
    rows.payments.put(payment.id, payment);
    rows.quotes.put(largest.id, largest);
    rows.slices.put(sample::CAMPAIGN, sample::slice());
    rows.transfers.extend((1..=QUOTES).map(sample::transfer));
    rows.counters = Counters { quote: QUOTES + 1, transfer: QUOTES + 1 };
}

const COUPONS: u32 = 9000;
const QUOTES: i64 = 300;

fn entries() -> Vec<Entry> {
    let pauses = vec![koi_core::campaign::Pause { from: at(1), until: None }];
    let campaign = koi_core::campaign::Campaign { pauses, ..sample::campaign("summer", 1) };
    let nzd = Currency::parse("NZD").unwrap();
    vec![
        Entry::Campaign(campaign.into()),
        Entry::Merchant(sample::merchant("m").into()),
        Entry::Store(sample::store("s", "m").into()),
        Entry::Code(sample::code("23456789", "s").into()),
        Entry::Rate((nzd, Currency::CNY), Rate::parse("4.5").unwrap()),
        Entry::Rate((nzd, Currency::CNY), Rate::parse("4.58170001").unwrap()),
    ]
}

/// Fills every table of an installation of one cell.
fn stock(writer: &mut Writer) {
    writer.mode("sandbox").unwrap();
    writer.wallet_currency("CNY").unwrap();
    let wanted: Vec<Wanted> = vec![(CELL, vec![Want::Slice(sample::CAMPAIGN)])];
    let mut begun = writer.begin(&wanted, None).unwrap();
    let rows = begun.cells.get_mut(CELL).unwrap();
    change(rows);
    rows.entries = entries();
    // A text with the characters that PostgreSQL has to write in another way.
    let answered = Answered { asked: sample::asked(5), status: 201, body: "{\"红\":\"\u{0}\u{1A}\"}".into() };
    let log = vec![LogLine {
        at: at(1800),
        principal: Principal::stored("operator"),
        action: "campaign.create".into(),
        subject: "summer".into(),
        detail: "\u{0}'; --".into(),
    }];
    let statements = vec![Stated { at: at(1800), body: "{\"kind\":\"rules\"}".into(), lines: vec![1, 301] }];
    let notes = Notes { answered: Some(answered), log, statements, sandbox_clock: Some(at(1_531_580_400_000)) };
    writer.commit(&begun.cells, &notes).unwrap();
    let step = Sequenced { number: 1, at: at(1801), size: 12, root: [9; 32], statement: 1, lines: vec![301] };
    assert!(writer.sequence(&step, &[0; 32]).unwrap());
    let key = ApiKey {
        id: "key_1".into(),
        hash: [7; 32],
        principal: Principal::stored("till-7"),
        role: "wallet".into(),
        created_at: at(1),
        expires_at: Some(at(i64::MAX)),
        revoked_at: None,
        used_at: None,
    };
    writer.add_key(&key).unwrap();
    writer.keys_used(&[("key_1".into(), at(9))]).unwrap();
}

fn stocked(installation: &Installation) {
    let mut served = installation.serve(None, 1).unwrap();
    stock(&mut served.writers[0]);
}

fn tally(installation: &Installation) -> Tallies {
    tallies(&installation.reader().unwrap(), &|_, _| {}).unwrap()
}

/// Copies, compares and finishes, as the command does.
fn copied(from: &Installation, into: &Installation) -> Tallies {
    let source = Source::open(from).unwrap();
    let sent = copy::fill(&source, into, &|_| {}).unwrap();
    let arrived = tallies(&copy::reader(into).unwrap(), &|_, _| {}).unwrap();
    assert_eq!(arrived, sent.tallies);
    assert!(copy::is_ours(into, &sent).unwrap());
    copy::finish(&source, into, &sent).unwrap();
    sent.tallies
}

#[test]
fn a_folder_becomes_a_database_and_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let (from, name) = (folder(&place.path().join("a")), Server::shared().fresh());
    stocked(&from);
    let into = database(&name);
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Empty);
    let sent = copied(&from, &into);
    assert!(sent.0.iter().all(|tally| tally.rows > 0), "a table is empty: nothing is shown by it: {sent:#?}");
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Whole);
    assert_eq!(tally(&into), tally(&from));

    // It is served, with one cell, and everything is found.
    let mut served = into.serve(None, 2).unwrap();
    let writer = &mut served.writers[0];
    assert_eq!((writer.cells(), writer.latest().unwrap()), (1, Some(at(1800))));
    assert_eq!(writer.mode("live").unwrap(), "sandbox");
    assert_eq!(writer.sandbox_clock().unwrap(), Some(at(1_531_580_400_000)));
    let coupon = sample::coupon(3);
    let wants = vec![Want::Shopper(coupon.shopper), Want::QuoteAsked(sample::quote(2).asked.key)];
    let begun = writer.begin(&[(CELL, wants)], Some(sample::asked(5).key)).unwrap();
    let rows = begun.cells.get(CELL).unwrap();
    assert_eq!(rows.coupons.get(coupon.id), Some(&coupon));
    assert!(rows.quotes.has(sample::quote(2).id));
    assert_eq!(begun.answered.unwrap().body, "{\"红\":\"\u{0}\u{1A}\"}");
    writer.rollback();
    // All of the catalog is known to who has read it, and nothing of it to who has not.
    let catalog = writer.load_catalog().unwrap();
    assert!(catalog.campaigns().count() == 1 && catalog.codes().count() == 1);
    assert!(
        matches!(writer.catalog_after(catalog.revision).unwrap(), News::Later(_, entries) if entries.is_empty())
    );
    drop(served);

    let (back, again) = (folder(&place.path().join("b")), database(&Server::shared().fresh()));
    copied(&into, &back);
    assert_eq!(tally(&back), tally(&from));
    assert_eq!(back.serve(None, 1).unwrap().writers[0].latest().unwrap(), Some(at(1800)));
    let rows = back.reader().unwrap().rows(&[(CELL, vec![Want::Shopper(coupon.shopper)])]).unwrap();
    assert_eq!(rows.get(CELL).unwrap().coupons.get(coupon.id), Some(&coupon));
    copied(&back, &again);
    assert_eq!(tally(&again), tally(&from));
}

#[test]
fn a_database_of_many_cells_becomes_another_one_and_no_folder() {
    let (from, into) = (database(&Server::shared().fresh()), database(&Server::shared().fresh()));
    let mut served = from.serve(Some(64), 1).unwrap();
    let wanted: Vec<Wanted> = [0, 17, 63].map(|cell| (Cell(cell), Vec::new())).to_vec();
    let mut begun = served.writers[0].begin(&wanted, None).unwrap();
    for rows in begun.cells.iter_mut() {
        for ordinal in 1..=3000 {
            let id = koi_core::id::CouponId::new(rows.cell, sample::CAMPAIGN, ordinal);
            let coupon = Coupon { id, asked: sample::asked(id.number()), ..sample::coupon(ordinal) };
            rows.coupons.put(id, coupon);
        }
        rows.slices.put(sample::CAMPAIGN, sample::slice());
        rows.counters.transfer += 1;
        rows.transfers.push(koi_core::ledger::Transfer {
            id: koi_core::id::TransferId::new(rows.cell, 1),
            ..sample::transfer(1)
        });
    }
    served.writers[0].commit(&begun.cells, &Notes::default()).unwrap();
    let refused = Source::open(&from).unwrap_err().to_string();
    assert!(refused.contains("Stop all of them first") && refused.contains("pooler"), "{refused}");
    assert!(refused.contains("pid ") && refused.contains("from a socket of its machine"), "{refused}");
    drop(served);
    copied(&from, &into);
    assert_eq!(tally(&into), tally(&from));
    let (one, other) = (into.reader().unwrap(), from.reader().unwrap());
    assert_eq!(one.cells(), 64);
    assert_eq!(one.state().unwrap(), other.state().unwrap());
    assert_eq!(one.slices().unwrap(), other.slices().unwrap());

    let place = tempfile::tempdir().unwrap();
    let refused = copy::standing(&folder(place.path()), 64).unwrap_err().to_string();
    assert!(refused.contains("64 cells"), "{refused}");
}

#[test]
fn a_folder_that_is_served_is_not_copied() {
    let place = tempfile::tempdir().unwrap();
    let from = folder(place.path());
    let _served = from.serve(None, 1).unwrap();
    let refused = Source::open(&from).unwrap_err().to_string();
    assert!(refused.contains("stop it first"), "{refused}");
    let absent = Source::open(&folder(&place.path().join("no"))).unwrap_err().to_string();
    assert!(absent.contains("no Koi database"), "{absent}");
    assert!(!place.path().join("no").exists());
}

/// Every door is shut on half a copy, and a repeat of it starts over.
#[test]
fn half_a_copy_is_served_by_nobody_and_started_over() {
    let place = tempfile::tempdir().unwrap();
    let (from, name) = (folder(place.path()), Server::shared().fresh());
    stocked(&from);
    let into = database(&name);
    let source = Source::open(&from).unwrap();
    // Interrupted while rows are written: whoever is told of the first ones stops.
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        copy::fill(&source, &into, &|step| assert!(!matches!(step, Step::Writing("quote", ..)), "stop"))
    }));
    assert!(broken.is_err());
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Half);
    assert_eq!(sql(&name).value("SELECT count(*) FROM coupon"), "0", "full or empty");
    let shut = || {
        for refused in [
            into.serve(None, 1).map(drop).unwrap_err(),
            into.administer().map(drop).unwrap_err(),
            into.reader().map(drop).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("repeat the same `koi db copy`"), "{refused}");
        }
    };
    shut();
    // Filled, and not finished.
    drop(source);
    let source = Source::open(&from).unwrap();
    let sent = copy::fill(&source, &into, &|_| {}).unwrap();
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Half);
    shut();
    let other = sql(&name).run("UPDATE meta SET value = 'another' WHERE name = 'copy'");
    assert_eq!(other.len(), 0);
    assert!(copy::finish(&source, &into, &sent).unwrap_err().to_string().contains("another copy"));
    drop(source);
    copied(&from, &into);
    assert_eq!(tally(&into), tally(&from));
    into.serve(None, 1).unwrap();
}

#[test]
fn what_is_there_is_never_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let (from, name) = (folder(place.path()), Server::shared().fresh());
    stocked(&from);
    let into = database(&name);
    into.serve(Some(1), 1).unwrap();
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Whole);
    let before = tally(&into);
    let source = Source::open(&from).unwrap();
    let refused = copy::fill(&source, &into, &|_| {}).unwrap_err().to_string();
    assert!(refused.contains("has become an installation"), "{refused}");
    assert_eq!(tally(&into), before);

    let foreign = Server::shared().fresh();
    sql(&foreign).run("CREATE TABLE meta (name text, value text)");
    assert!(copy::standing(&database(&foreign), 1).unwrap_err().to_string().contains("another program"));
    assert!(copy::fill(&source, &database(&foreign), &|_| {}).is_err());
    assert_eq!(sql(&foreign).value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "1");
}

#[test]
fn a_backup_and_its_restore_have_the_same_digest() {
    let place = tempfile::tempdir().unwrap();
    let from = Folder::new(&place.path().join("a"));
    stocked(&Installation::Folder(from.clone()));
    let file = place.path().join("koi.backup");
    backup(&from, &file, |_, _| {}).unwrap();
    let restored = Folder::new(&place.path().join("b"));
    restored.make().unwrap();
    restore(&file, &restored, |_, _| {}).unwrap();
    let (from, restored) = (Installation::Folder(from), Installation::Folder(restored));
    assert_eq!(tally(&from), tally(&restored));
    assert_eq!(tally(&from).digest(), tally(&restored).digest());
}

#[test]
fn one_change_of_anything_changes_the_digest_and_names_its_table() {
    let (from, into) = (database(&Server::shared().fresh()), Server::shared().fresh());
    from.serve(Some(1), 1).map(|mut served| stock(&mut served.writers[0])).unwrap();
    let sent = copied(&from, &database(&into));
    let sql = sql(&into);
    for (table, change) in [
        ("meta", "UPDATE meta SET value = 'live' WHERE name = 'mode'"),
        ("cell", "UPDATE cell SET next_quote = next_quote + 1"),
        ("campaign", "UPDATE campaign SET state_reason = ''"),
        ("tier", "UPDATE tier SET split = NOT split WHERE place = 0"),
        ("pause", "UPDATE pause SET \"until\" = 0"),
        ("merchant", "UPDATE merchant SET fee_bps = fee_bps + 1"),
        ("store", "UPDATE store SET name = name || ' '"),
        ("code", "UPDATE code SET revoked_at = 1"),
        ("rate", "UPDATE rate SET since = since + 1 WHERE number = 1"),
        ("answered", "UPDATE answered SET status = 200"),
        ("log", "DELETE FROM log"),
        ("api_key", "UPDATE api_key SET role = 'auditor'"),
        ("slice", "UPDATE slice SET stock[1] = stock[1] - 1"),
        ("coupon", "UPDATE coupon SET face = face + 1 WHERE id = (SELECT min(id) FROM coupon)"),
        ("quote", "UPDATE quote SET gross = gross - 1 WHERE id = (SELECT min(id) FROM quote)"),
        ("payment", "UPDATE payment SET coupon_returned = NOT coupon_returned"),
        ("refund", "UPDATE refund SET number = 2 WHERE payment = (SELECT max(payment) FROM refund)"),
        ("statement", "UPDATE statement SET lines = lines || ',1'"),
        ("sequenced", "UPDATE sequenced SET size = size + 1"),
        ("transfer", "UPDATE transfer SET amount = amount + 1 WHERE id = (SELECT min(id) FROM transfer)"),
    ] {
        sql.run(&format!("BEGIN; {change}; COMMIT"));
        let now = tally(&database(&into));
        assert_ne!(now.digest(), sent.digest(), "{table}");
        assert!(now.differing(&sent).contains(&table), "{table}");
    }
    assert_eq!(tally(&database(&into)).differing(&sent).len(), sent.0.len());
    let sums = |tallies: &Tallies| tallies.0.iter().find(|tally| tally.name == "coupon").unwrap().sums.clone();
    assert_eq!(sums(&tally(&database(&into)))[0].1, sums(&sent)[0].1 + 1);
}
