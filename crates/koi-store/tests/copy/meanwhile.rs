//! Copies that others come in between: a failover before, another copy, a server that was started too early, damage.

use koi_core::catalog::Entry;
use koi_store::copy::{self, Source, Standing};
use koi_store::tally::tallies;
use koi_store::{Installation, Notes, Store, StoreError, Wanted, Writer};

use crate::sample::{self, CELL, at};
use crate::server::{Server, wait_until};
use crate::{copied, database, folder, sql, stock, stocked, tally};

type Change = fn(&mut Writer);

/// The revision as it is stored is copied: that which readers see has the failovers of the source's server in it.
#[test]
fn a_source_that_has_failed_over_is_copied() {
    let server = Server::own();
    let name = server.fresh();
    let from = Installation::Database(Box::new(server.url(&name).parse().unwrap()));
    from.serve(Some(1), 1).map(|mut served| stock(&mut served.writers[0])).unwrap();
    server.stop();
    server.keep_a_standby();
    server.fail_over();
    let into = Server::shared().fresh();
    copied(&from, &database(&into));
    let stored = "SELECT value FROM meta WHERE name = 'revision'";
    assert_eq!(sql(&into).value(stored), server.sql(&name).value(stored));
    database(&into).serve(None, 1).unwrap();
    assert_eq!(tally(&database(&into)), tally(&from));
}

/// Two copies of the same rows are two: the mark of one is not that of the other.
#[test]
fn a_copy_that_another_one_has_replaced_finishes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (folder(&place.path().join("a")), folder(&place.path().join("b")));
    stocked(&one);
    stocked(&other);
    let into = database(&Server::shared().fresh());
    let (source, second) = (Source::open(&one).unwrap(), Source::open(&other).unwrap());
    let sent = copy::fill(&source, &into, &|_| {}).unwrap();
    let again = copy::fill(&second, &into, &|_| {}).unwrap();
    let refused = copy::finish(&source, &into, &sent).unwrap_err().to_string();
    assert!(refused.contains("another copy"), "{refused}");
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Half);
    assert!(!copy::is_ours(&into, &sent).unwrap() && copy::is_ours(&into, &again).unwrap());
    copy::finish(&second, &into, &again).unwrap();
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Whole);
}

/// One that has looked at half a copy empties it; nobody makes it whole in between.
#[test]
fn what_is_about_to_be_emptied_cannot_be_finished() {
    let place = tempfile::tempdir().unwrap();
    let (one, other) = (folder(&place.path().join("a")), folder(&place.path().join("b")));
    stocked(&one);
    stocked(&other);
    let name = Server::shared().fresh();
    let into = database(&name);
    let source = Source::open(&one).unwrap();
    let sent = copy::fill(&source, &into, &|_| {}).unwrap();
    // The other one has looked, and waits before it can empty the tables.
    let gate = sql(&name);
    gate.run("BEGIN; LOCK TABLE coupon IN ACCESS SHARE MODE");
    let second = std::thread::spawn({
        let into = into.clone();
        move || copied(&other, &into)
    });
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let beside = sql(&name);
    wait_until("the other copy waits", || beside.value(waiting) == "1");
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Half, "who only looks is not hindered");
    let refused = copy::finish(&source, &into, &sent).unwrap_err().to_string();
    assert!(refused.contains("another copy"), "{refused}");
    gate.run("COMMIT");
    second.join().unwrap();
    assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Whole);
}

/// A database that was alone when the copy began may not be so any more, nor what it was.
#[test]
fn a_source_that_has_moved_on_was_not_copied() {
    let (from, into) = (database(&Server::shared().fresh()), database(&Server::shared().fresh()));
    from.serve(Some(1), 1).map(|mut served| stock(&mut served.writers[0])).unwrap();
    let numbered = |writer: &mut Writer| {
        let wanted: Vec<Wanted> = vec![(CELL, Vec::new())];
        let mut begun = writer.begin(&wanted, None).unwrap();
        begun.cells.get_mut(CELL).unwrap().counters.quote += 1;
        writer.commit(&begun.cells, &Notes::default()).unwrap();
    };
    let used = |writer: &mut Writer| writer.keys_used(&[("key_1".into(), at(2000))]).unwrap();
    let revised = |writer: &mut Writer| {
        let mut begun = writer.begin(&[(CELL, Vec::new())], None).unwrap();
        begun.cells.get_mut(CELL).unwrap().entries = vec![Entry::Merchant(sample::merchant("late").into())];
        writer.commit(&begun.cells, &Notes::default()).unwrap();
    };
    let changes: [(&str, Change); 3] =
        [("numbers of a cell", numbered), ("key of the API", used), ("catalog's revision", revised)];
    for (what, change) in changes {
        let source = Source::open(&from).unwrap();
        let sent = copy::fill(&source, &into, &|_| {}).unwrap();
        let mut served = from.serve(None, 1).unwrap();
        change(&mut served.writers[0]);
        let refused = copy::finish(&source, &into, &sent).unwrap_err().to_string();
        assert!(refused.contains("Stop all of them first"), "{refused}");
        drop(served);
        let refused = copy::finish(&source, &into, &sent).unwrap_err().to_string();
        assert!(
            refused.contains("was changed while it was copied") && refused.contains(what),
            "{what}: {refused}"
        );
        assert_eq!(copy::standing(&into, 1).unwrap(), Standing::Half);
    }
    copied(&from, &into);
    assert_eq!(tally(&into), tally(&from));
}

/// What is found by its cell is looked for where its number says: a row that is elsewhere is damage, and no digest passes
/// over it.
#[test]
fn a_row_in_another_cell_or_campaign_than_its_number_says_is_damage() {
    let (from, name) = (database(&Server::shared().fresh()), Server::shared().fresh());
    from.serve(Some(1), 1).map(|mut served| stock(&mut served.writers[0])).unwrap();
    copied(&from, &database(&name));
    let sql = sql(&name);
    for (table, key, column) in [
        ("coupon", "id", "campaign"),
        ("coupon", "id", "cell"),
        ("refund", "payment", "cell"),
        ("transfer", "id", "cell"),
    ] {
        sql.run(&format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_cell"));
        let change = |by: i32| {
            let one = format!("{key} = (SELECT min({key}) FROM {table})");
            sql.run(&format!("UPDATE {table} SET {column} = {column} + ({by}) WHERE {one}"));
        };
        change(1);
        let damaged = tallies(&database(&name).reader().unwrap(), &|_, _| {}).unwrap_err();
        assert!(
            matches!(&damaged, StoreError::Damaged(what) if what.contains(table)),
            "{table}.{column}: {damaged}"
        );
        change(-1);
    }
    assert_eq!(tally(&database(&name)), tally(&from));
}
