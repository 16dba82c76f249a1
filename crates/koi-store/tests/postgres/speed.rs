//! How fast batches go: begin, decide, commit.

use std::time::{Duration, Instant};

use koi_store::postgres::Database;
use koi_store::{Notes, Store};

use crate::claims::found;
use crate::server::Server;
use crate::shop::{self, claim, decide_all, wants};

/// Claims of each measurement.
const CLAIMS: u32 = 6_000;

#[test]
#[ignore = "a measurement: run it by hand with --release"]
fn claims_per_second() {
    // As an operator runs it: every commit waits for the disk.
    let server = Server::start_with(true, "-c fsync=on -c full_page_writes=on -c shared_buffers=256MB");
    let catalog = shop::catalog(u64::from(u32::MAX));
    for cells in [1, 64] {
        let database: Database = server.url(&server.fresh()).parse().unwrap();
        let (mut writer, _) = database.serve(Some(cells)).unwrap();
        found(&mut writer, &catalog, |_| vec![10, 1_000_000]);
        let mut person = 0;
        for size in [1, 16, 128, 512] {
            let claims = if size == 1 { CLAIMS / 6 } else { CLAIMS };
            let calls: Vec<_> = (person..person + claims).map(|person| claim(person, "k")).collect();
            person += claims;
            let mut took = [Duration::ZERO; 3];
            for batch in calls.chunks(size) {
                let start = Instant::now();
                let wants: Vec<_> = batch.iter().map(|call| wants(call, cells)).collect();
                let mut begun = writer.begin(&wants, None).unwrap();
                took[0] += start.elapsed();
                let start = Instant::now();
                let outcomes = decide_all(&mut begun.cells, cells, &catalog, shop::opening(&catalog), batch);
                assert!(outcomes.iter().all(Result::is_ok));
                took[1] += start.elapsed();
                let start = Instant::now();
                writer.commit(&begun.cells, &Notes::default()).unwrap();
                took[2] += start.elapsed();
            }
            let ms = took.iter().sum::<Duration>().as_millis().max(1);
            let per_s = u128::from(claims) * 1000 / ms;
            let [begin, decide, commit] = took.map(|took| took.as_micros() / u128::from(claims));
            println!(
                "{cells:2} cells, batches of {size:3}: {per_s:6} claims/s; each {begin} µs to begin, {decide} µs to \
                 decide, {commit} µs to commit"
            );
        }
    }
}
