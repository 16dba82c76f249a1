//! R3: the disk fails. Injected errors at every n-th call, a file system that is really full, and a
//! data folder that may not be written.
//!
//! The promise: whatever the disk does, an answer is correct or a 503 that says when to come back;
//! reading goes on; nothing is half written; and when the disk is well again so is the service.

mod full_disk;
mod injected;
mod mount;
mod read_only;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::seed::Seed;
use crate::server::Installation;
use crate::tally::Tally;

/// What to play.
pub(crate) struct Order {
    pub(crate) koi: PathBuf,
    pub(crate) seed: Seed,
    pub(crate) step: u32,
    pub(crate) call: Option<String>,
    pub(crate) jobs: usize,
}

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("faults", order.seed, 2);
    match mount::is_possible() {
        Ok(()) => {
            let installation = Installation::fresh(&order.koi)?;
            match full_disk::run(&installation).await {
                Ok(told) => {
                    tally.note(&told);
                    tally.pass();
                }
                Err(error) => tally.fail(full_disk::TITLE, &error, Some(&installation.keep())),
            }
            let installation = Installation::fresh(&order.koi)?;
            match read_only::run(&installation).await {
                Ok(told) => {
                    tally.note(&told);
                    tally.pass();
                }
                Err(error) => tally.fail(read_only::TITLE, &error, Some(&installation.keep())),
            }
        }
        Err(reason) => {
            tally.skip(full_disk::TITLE, &reason);
            tally.skip(read_only::TITLE, &reason);
        }
    }
    injected::run(order, &mut tally).await?;
    Ok(tally.close())
}
