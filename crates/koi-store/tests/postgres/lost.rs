//! Conflicts and lost connections: whatever is repeated is done once.

use std::time::{Duration, Instant};

use koi_core::campaign::{Campaign, State};
use koi_core::catalog::Entry;
use koi_core::id::Cell;
use koi_core::rows::Cells;
use koi_core::time::Time;
use koi_store::postgres::Writer;
use koi_store::{Answered, LogLine, Notes, Store, StoreError, Want, Wanted};

use crate::Installation;
use crate::cells::coupon;
use crate::sample::{self, asked};
use crate::server::{Server, Sql, wait_until};

const CELL: Cell = Cell(7);

/// The writers' connections to the database.
const WRITERS: &str = "FROM pg_stat_activity WHERE application_name = 'koi' AND datname = current_database()";

/// Ends all connections of the store.
fn terminate(sql: &Sql) {
    sql.run(&format!("SELECT pg_terminate_backend(pid) {WRITERS}"));
    wait_until("they are gone", || sql.value(&format!("SELECT count(*) {WRITERS}")) == "0");
}

fn begin(writer: &mut Writer) -> Result<Cells, StoreError> {
    writer.begin(&[(CELL, vec![Want::Coupon(coupon(CELL, 1).id)])], None).map(|begun| begun.cells)
}

/// Makes a coupon unless it is there, as a repeated call does; answers whether it made it.
fn claim(writer: &mut Writer) -> Result<bool, StoreError> {
    let mut cells = begin(writer)?;
    if cells.get(CELL).unwrap().coupons.has(coupon(CELL, 1).id) {
        writer.rollback();
        return Ok(false);
    }
    issue(&mut cells);
    writer.commit(&cells, &Notes::default()).map(|()| true)
}

fn issue(cells: &mut Cells) {
    let rows = cells.get_mut(CELL).unwrap();
    rows.coupons.put(coupon(CELL, 1).id, coupon(CELL, 1));
    rows.counters.transfer += 1;
}

fn coupons(sql: &Sql) -> String {
    sql.value("SELECT count(*) FROM coupon")
}

#[test]
fn a_connection_that_ended_while_nothing_was_under_way_is_not_noticed() {
    let mut installation = Installation::new();
    let (sql, reader) = (installation.sql(), installation.reader());
    reader.keys().unwrap();
    terminate(&sql);
    assert_eq!(reader.keys().unwrap(), []);
    assert!(claim(&mut installation.writer).unwrap());
    terminate(&sql);
    let now = sample::at(i64::MAX);
    assert_eq!(installation.writer.due(&[CELL], now, &[(sample::CAMPAIGN, now)], 9).unwrap().coupons.len(), 1);
    terminate(&sql);
    installation.writer.load_catalog().unwrap();
    terminate(&sql);
    reader.at_one_moment(|| reader.slices()).unwrap();
}

#[test]
fn a_connection_that_is_lost_in_a_transaction_is_a_conflict_and_nothing_of_it_is_stored() {
    let mut installation = Installation::new();
    let sql = installation.sql();
    let mut cells = begin(&mut installation.writer).unwrap();
    issue(&mut cells);
    terminate(&sql);
    // What else is asked meanwhile belongs to the transaction, and must not begin another one behind its back.
    let error = installation.writer.left(sample::CAMPAIGN).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    let error = installation.writer.commit(&cells, &Notes::default()).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(coupons(&sql), "0");
    assert!(claim(&mut installation.writer).unwrap());
    assert!(!claim(&mut installation.writer).unwrap());
    assert_eq!(coupons(&sql), "1");
}

#[test]
fn a_reader_that_is_lost_in_a_moment_does_not_go_on_in_another() {
    let installation = Installation::new();
    let (sql, reader) = (installation.sql(), installation.reader());
    let lost = reader.at_one_moment(|| {
        reader.slices()?;
        terminate(&sql);
        reader.slices()
    });
    assert!(matches!(lost, Err(StoreError::Conflict(_))), "{lost:?}");
    assert_eq!(reader.at_one_moment(|| reader.slices()).unwrap(), []);
}

/// A server whose commits wait for a replica that never comes, and a claim on it that waits.
fn check_waiting_commit(end: impl FnOnce(&Sql)) {
    let server = Server::own();
    let mut installation = Installation::on(&server);
    let sql = server.sql("koi_0");
    // The statements are known: all that is left to wait for is the commit.
    begin(&mut installation.writer).unwrap();
    installation.writer.rollback();
    sql.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    sql.run("SELECT pg_reload_conf()");
    wait_until("the setting is in force", || sql.value("SHOW synchronous_standby_names") == "nobody");

    let claiming = std::thread::spawn(move || {
        let outcome = claim(&mut installation.writer);
        (installation, outcome)
    });
    let waits = format!("SELECT count(*) {WRITERS} AND wait_event = 'SyncRep'");
    wait_until("the commit waits", || sql.value(&waits) == "1");
    end(&sql);
    let (mut installation, outcome) = claiming.join().unwrap();
    let error = outcome.unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "whether it is stored is not known: {error}");

    sql.run("ALTER SYSTEM RESET synchronous_standby_names");
    sql.run("SELECT pg_reload_conf()");
    assert!(!claim(&mut installation.writer).unwrap(), "the repeat finds what was done");
    assert_eq!(coupons(&sql), "1");
}

#[test]
fn a_connection_that_is_lost_while_the_commit_is_on_its_way_is_a_conflict_and_the_repeat_finds_it() {
    check_waiting_commit(terminate);
}

#[test]
fn a_commit_that_did_not_wait_for_the_replicas_is_no_success() {
    check_waiting_commit(|sql| {
        sql.run(&format!("SELECT pg_cancel_backend(pid) {WRITERS}"));
    });
}

#[test]
fn a_server_that_is_gone_is_unavailable_and_found_again_when_it_is_back() {
    let server = Server::own();
    let mut installation = Installation::on(&server);
    let reader = installation.reader();
    assert!(claim(&mut installation.writer).unwrap());
    let cells = begin(&mut installation.writer).unwrap();
    server.stop();
    let error = installation.writer.commit(&cells, &Notes::default());
    // Nothing was changed, so nothing but the end was sent.
    assert!(matches!(error, Err(StoreError::Conflict(_))), "{error:?}");
    for error in [claim(&mut installation.writer).unwrap_err(), reader.keys().unwrap_err()] {
        assert!(error.may_heal(), "{error}");
    }
    server.run("");
    assert!(!claim(&mut installation.writer).unwrap(), "what was answered is there");
    reader.keys().unwrap();
}

#[test]
fn a_writer_that_stands_still_loses_its_cells_to_the_others() {
    let mut installation = Installation::new();
    let mut cells = begin(&mut installation.writer).unwrap();
    issue(&mut cells);
    let mut other = installation.database.writer().unwrap();
    let start = Instant::now();
    assert!(claim(&mut other).unwrap());
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    let error = installation.writer.commit(&cells, &Notes::default()).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert!(!claim(&mut installation.writer).unwrap());
}

fn order_notes(number: i64, revision: &str) -> Notes {
    Notes {
        answered: Some(Answered { asked: asked(number), status: 200, body: revision.to_owned() }),
        log: vec![LogLine {
            at: Time::EARLIEST,
            principal: koi_core::id::Principal::stored("operator"),
            action: "merchant.put".to_owned(),
            subject: revision.to_owned(),
            detail: String::new(),
        }],
        ..Notes::default()
    }
}

#[test]
fn orders_of_the_office_follow_each_other() {
    let mut installation = Installation::new();
    let mut other = installation.database.writer().unwrap();
    let merchant = || Entry::Merchant(sample::merchant("m").into());
    let (key, cells) = (asked(1).key, [(CELL, vec![])]);
    // Both begin before either is done; they need not even share a cell.
    let mut first = installation.writer.begin(&cells, Some(key)).unwrap();
    let mut second = other.begin(&[(Cell(8), vec![])], Some(key)).unwrap();
    assert_eq!((first.revision, &first.answered, &second.answered), (1, &None, &None));
    first.cells.get_mut(CELL).unwrap().entries = vec![merchant()];
    second.cells.get_mut(Cell(8)).unwrap().entries = vec![merchant()];
    installation.writer.commit(&first.cells, &order_notes(1, "first")).unwrap();
    let error = other.commit(&second.cells, &order_notes(1, "second")).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    // Begun again, the second finds the answer of the first, and that the catalog is another one.
    let again = other.begin(&[(Cell(8), vec![])], Some(key)).unwrap();
    other.rollback();
    assert_eq!((again.revision, again.answered.unwrap().body.as_str()), (2, "first"));
    let catalog = other.load_catalog().unwrap();
    assert_eq!((catalog.merchants().count(), catalog.revision), (1, 2));
    assert_eq!(installation.reader().catalog().unwrap().revision, 2);
    assert_eq!(installation.log_lines().len(), 1);

    // An order that changes nothing of the catalog leaves its revision.
    let begun = other.begin(&cells, Some(asked(2).key)).unwrap();
    other.commit(&begun.cells, &order_notes(2, "third")).unwrap();
    assert_eq!(installation.reader().catalog().unwrap().revision, 2);
    let begun = other.begin(&cells, None).unwrap();
    other.commit(&begun.cells, &Notes { log: order_notes(3, "fourth").log, ..Notes::default() }).unwrap();
    assert_eq!(installation.sql().value("SELECT string_agg(number::text, ' ' ORDER BY number) FROM log"), "1 2 3");
}

#[test]
fn a_batch_sees_the_catalogs_revision_as_it_is_once_it_has_its_cells() {
    let mut installation = Installation::new();
    let mut first = installation.writer.begin(&[(CELL, vec![])], None).unwrap();
    first.cells.get_mut(CELL).unwrap().entries = vec![Entry::Merchant(sample::merchant("m").into())];
    let mut other = installation.database.writer().unwrap();
    let waiting = std::thread::spawn(move || other.begin(&[(CELL, vec![])], None).unwrap().revision);
    std::thread::sleep(Duration::from_millis(100));
    installation.writer.commit(&first.cells, &Notes::default()).unwrap();
    assert_eq!(waiting.join().unwrap(), 2);
}

/// All cells, as orders about a campaign take them.
fn all_cells() -> Vec<Wanted> {
    (0..64).map(|cell| (Cell(cell), vec![])).collect()
}

fn campaign(cells: &mut Cells, state: State) {
    let campaign = Campaign { state, ..sample::campaign("summer", 1) };
    cells.get_mut(Cell(0)).unwrap().entries = vec![Entry::Campaign(campaign.into())];
}

#[test]
fn a_campaign_is_changed_between_batches_and_never_within_one() {
    let mut installation = Installation::new();
    let mut begun = installation.writer.begin(&all_cells(), None).unwrap();
    campaign(&mut begun.cells, State::Open);
    installation.writer.commit(&begun.cells, &Notes::default()).unwrap();

    // A batch is under way. Who ends the campaign waits for it, and finds what it wrote.
    let mut batch = begin(&mut installation.writer).unwrap();
    issue(&mut batch);
    let mut office = installation.database.writer().unwrap();
    let ending = std::thread::spawn(move || {
        let mut wanted = all_cells();
        wanted[usize::from(CELL.0)].1.push(Want::Coupon(coupon(CELL, 1).id));
        let mut begun = office.begin(&wanted, None).unwrap();
        assert!(begun.cells.get(CELL).unwrap().coupons.has(coupon(CELL, 1).id));
        campaign(&mut begun.cells, State::Ended { at: sample::at(9), reason: "over".into() });
        (office, begun)
    });
    std::thread::sleep(Duration::from_millis(100));
    assert!(!ending.is_finished());
    installation.writer.commit(&batch, &Notes::default()).unwrap();

    // A batch that begins meanwhile waits for the order, and is told that the catalog is another one.
    let (mut office, ended) = ending.join().unwrap();
    let mut writer = installation.writer;
    let batch = std::thread::spawn(move || writer.begin(&[(CELL, vec![])], None).map(|begun| begun.revision));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!batch.is_finished());
    office.commit(&ended.cells, &Notes::default()).unwrap();
    assert_eq!((ended.revision, batch.join().unwrap().unwrap()), (2, 3));
}

#[test]
fn who_has_not_begun_on_all_cells_changes_no_campaign() {
    let mut installation = Installation::new();
    let mut begun = installation.writer.begin(&all_cells()[..63], None).unwrap();
    campaign(&mut begun.cells, State::Open);
    let error = installation.writer.commit(&begun.cells, &Notes::default()).unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    let catalog = installation.writer.load_catalog().unwrap();
    assert_eq!((catalog.campaigns().count(), catalog.revision), (0, 1));
}

#[test]
fn a_batch_beside_an_order_about_something_else_comes_before_it_or_after() {
    let mut installation = Installation::new();
    let mut office = installation.database.writer().unwrap();
    let mut batch = begin(&mut installation.writer).unwrap();
    issue(&mut batch);
    // The order has another cell, and is done at once.
    let mut order = office.begin(&[], None).unwrap();
    order.cells.get_mut(Cell(0)).unwrap().entries = vec![Entry::Merchant(sample::merchant("m").into())];
    office.commit(&order.cells, &Notes::default()).unwrap();
    // The batch was decided before it, changes nothing that it read, and leaves its own line of the log beside.
    let notes = Notes { log: order_notes(1, "void").log, ..Notes::default() };
    installation.writer.commit(&batch, &notes).unwrap();
    // A change that was decided before it is not written over it.
    let mut late = office.begin(&[], None).unwrap();
    assert_eq!(late.revision, 2);
    let mut first = installation.writer.begin(&[(CELL, vec![])], None).unwrap();
    for (begun, name) in [(&mut late, "late"), (&mut first, "first")] {
        let rows = begun.cells.iter_mut().next().unwrap();
        rows.entries = vec![Entry::Merchant(sample::merchant(name).into())];
    }
    installation.writer.commit(&first.cells, &Notes::default()).unwrap();
    let error = office.commit(&late.cells, &Notes::default()).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(office.begin(&[], None).unwrap().revision, 3);
}

#[test]
fn a_cell_that_somebody_holds_for_too_long_is_unavailable() {
    let mut installation = Installation::new();
    let sql = installation.sql();
    sql.run("BEGIN");
    sql.run("SELECT FROM cell WHERE cell = 7 FOR UPDATE");
    let start = Instant::now();
    let error = begin(&mut installation.writer).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!((9..15).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    sql.run("ROLLBACK");
    assert!(claim(&mut installation.writer).unwrap());
}

#[test]
fn the_sandboxs_clock_is_everybodys_and_never_goes_back() {
    let mut installation = Installation::new();
    let mut other = installation.database.writer().unwrap();
    let clock = |ms| Notes { sandbox_clock: Some(sample::at(ms)), ..Notes::default() };
    // They need not share a cell.
    let first = installation.writer.begin(&[], None).unwrap();
    let second = other.begin(&[(CELL, vec![])], None).unwrap();
    assert_eq!((first.clock, second.clock), (None, None));
    installation.writer.commit(&first.cells, &clock(2000)).unwrap();
    let error = other.commit(&second.cells, &clock(1000)).unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(other.begin(&[(CELL, vec![])], None).unwrap().clock, Some(sample::at(2000)));
    assert_eq!(installation.writer.sandbox_clock().unwrap(), Some(sample::at(2000)));
}
