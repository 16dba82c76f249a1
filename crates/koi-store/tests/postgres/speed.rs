//! How fast batches go: begin, decide, commit.

use std::time::Instant;

use koi_store::postgres::Database;

use crate::claims::{found, run};
use crate::server::Server;
use crate::shop::{self, claim};

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
            let start = Instant::now();
            for batch in calls.chunks(size) {
                let outcomes = run(&mut writer, &catalog, shop::opening(&catalog), batch);
                assert!(outcomes.iter().all(Result::is_ok));
            }
            let ms = start.elapsed().as_millis().max(1);
            println!("{cells:2} cells, batches of {size:3}: {:6} claims/s", u128::from(claims) * 1000 / ms);
        }
    }
}
