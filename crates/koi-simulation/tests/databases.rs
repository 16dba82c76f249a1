//! The simulation on PostgreSQL: with one cell and one server a seed is the same run as on a data folder; with more of
//! either, server and model agree all the same.

#[allow(dead_code, reason = "shared with the tests of the store")]
#[path = "../../koi-store/tests/postgres/server.rs"]
mod postgres;

use koi_simulation::bugs::Bug;
use koi_simulation::databases::Databases;
use koi_simulation::simulation::{Ground, Plan, TRACE, run, run_on};

const STEPS: u32 = 40;

fn plan(seed: u64) -> Plan {
    Plan { seed, steps: STEPS, bug: None, trace: TRACE }
}

fn databases(cells: u16, servers: usize) -> Databases {
    Databases::prepare(&postgres::Server::shared().url("postgres"), cells, servers).unwrap()
}

#[test]
fn a_seed_is_the_same_run_on_either_store() {
    let databases = databases(1, 1);
    for seed in 0..4 {
        let folder = run(plan(seed)).unwrap_or_else(|failure| panic!("{failure}"));
        let database =
            run_on(plan(seed), Ground::Database(&databases)).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(folder, database, "seed {seed}");
    }
}

#[test]
fn servers_that_take_turns_on_scattered_stocks_agree_with_the_model() {
    for (cells, servers, seed) in [(1, 2, 10), (3, 1, 20), (5, 3, 30)] {
        let databases = databases(cells, servers);
        for seed in seed..seed + 2 {
            if let Err(failure) = run_on(plan(seed), Ground::Database(&databases)) {
                panic!("{cells} cells, {servers} servers: {failure}");
            }
        }
    }
}

#[test]
fn bugs_are_found_there_too() {
    let databases = databases(3, 2);
    for bug in [Bug::CommitLost, Bug::TransferTwice, Bug::KeyForgotten] {
        let run = |bug, seed| run_on(Plan { bug, ..plan(seed) }, Ground::Database(&databases));
        // A database that fails has found nothing: the same seed agrees without the bug.
        let finds = |seed: &u64| run(Some(bug), *seed).is_err_and(|failure| failure.step > 0);
        let found = (0..12).find(finds).unwrap_or_else(|| panic!("{bug:?} was not found"));
        run(None, found).unwrap_or_else(|failure| panic!("{bug:?}: {failure}"));
    }
}
