//! How fast rows are copied and read again.

use std::time::Instant;

use koi_core::quote::{Phase, Quote};
use koi_store::Store;
use koi_store::copy::{self, Source};
use koi_store::postgres::Database;
use koi_store::tally::tallies;
use koi_store::{Installation, Notes};

use crate::sample::{self, CELL};
use crate::server::Server;

/// Coupons of the measurement; half as many quotes and lines of the ledger.
const COUPONS: u32 = 400_000;
const BATCH: u32 = 20_000;

#[test]
#[ignore = "a measurement: run it by hand with --release"]
fn rows_per_second() {
    let place = tempfile::tempdir().unwrap();
    let from = crate::folder(place.path());
    let mut served = from.serve(None, 1).unwrap();
    for first in (0..COUPONS).step_by(usize::try_from(BATCH).unwrap()) {
        let mut begun = served.writers[0].begin(&[(CELL, Vec::new())], None).unwrap();
        let rows = begun.cells.get_mut(CELL).unwrap();
        for ordinal in first..first + BATCH {
            rows.coupons.put(sample::coupon(ordinal).id, sample::coupon(ordinal));
            if ordinal % 2 == 0 {
                let quote = Quote { phase: Phase::Paid, ..sample::quote(ordinal.into()) };
                rows.payments.put(sample::payment(&quote).id, sample::payment(&quote));
                rows.quotes.put(quote.id, quote);
                rows.transfers.push(sample::transfer(ordinal.into()));
            }
        }
        served.writers[0].commit(&begun.cells, &Notes::default()).unwrap();
    }
    drop(served);
    // As an operator runs it: a commit waits for the disk.
    let server =
        Server::start_with(true, "-c fsync=on -c full_page_writes=on -c shared_buffers=256MB -c max_wal_size=2GB");
    let database: Database = server.url(&server.fresh()).parse().unwrap();
    let into = Installation::Database(Box::new(database));
    let source = Source::open(&from).unwrap();
    let rows = tallies(source.reader(), &|_, _| {}).unwrap().rows();
    let timed = |what: &str, work: &dyn Fn()| {
        let start = Instant::now();
        work();
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap().max(1);
        println!("{what}: {rows} rows in {ms} ms, {} rows/s", rows * 1000 / ms);
    };
    timed("reading the folder", &|| drop(tallies(source.reader(), &|_, _| {}).unwrap()));
    timed("copying, with reading the folder twice", &|| drop(copy::fill(&source, &into, &|_| {}).unwrap()));
    timed("reading the database", &|| drop(tallies(&copy::reader(&into).unwrap(), &|_, _| {}).unwrap()));
}
