//! `koi bench fairness`: does verifiable luck keep its bars on this machine?

mod files;
mod measure;
mod report;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context, bail};
use koi_bench::{Machine, Progress, on_standard_error};

use self::files::bytes_of_log;
use self::measure::{Asked, measure};
use self::report::Report;
use crate::cli::{Ended, Ending, terminal};

/// The draw that the bars are about.
pub(super) const ENTRIES: u64 = 3_000_000;
/// A hundred times as many: what does not grow must not grow there either.
const ENTRIES_LARGE: u64 = 300_000_000;
const ENTRIES_BRIEF: u64 = 20_000;
const ENTRIES_MIN: u64 = 10_000;
const ENTRIES_MAX: u64 = 10_000_000_000;
const ROUNDS: u32 = 3;
const ROUNDS_MAX: u32 = 100;
/// The bars are for two cores.
const THREADS: usize = 2;
/// How much more room than the log's files is asked for: file systems round up.
const ROOM_PERCENT: u64 = 125;

const AFTER_HELP: &str = "\
A draw is made up and held as a real one is: entries become a log of tiles in a folder, its root is sealed in a statement \
of another log, witnesses cosign that, and a round of the local chain decides. Nothing of it is a public draw. Measured is:

  outcome      from the round's randomness to the winner and five reserves, with the list of exclusions in memory
  seal         from the entries in memory to the root, with all tiles written to the folder (not waited for on the disk)
  audit        the whole draw again from its public files: every entry, every tile, the statements, the winner
  proof time   one person's proof, read and verified: signatures, witnesses, the round, their entry, the winner
  proof size   the longest of these proofs, after 1,000 other statements; each doubling of that log adds 43 bytes at most
  memory       the most memory of all that (VmHWM), over that of a draw of a tenth of the entries, at most a million

The bars of seal and audit are for 3,000,000 entries, and grow with the number; that of the proof's size is for 3,000,000 \
or fewer. 300,000,000 entries take 20 GB of disk and some minutes. Everything is removed at the end. On ext4, files are \
created many times slower for some minutes after many were removed, as at the end of such a run: wait before the next.

Examples:
  koi bench fairness
  koi bench fairness --brief --json
  koi bench fairness --large --data /var/tmp

Exit status:
  0  every bar that was judged holds
  1  a bar does not hold
  2  it was called wrongly, or could not run";

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Fairness {
    /// Entries of the draw, 10000 to 10000000000 [default: 3000000; 20000 with --brief]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(ENTRIES_MIN..=ENTRIES_MAX))]
    entries: Option<u64>,
    /// The same as --entries 300000000 --rounds 1
    #[arg(long, conflicts_with_all = ["entries", "brief"])]
    large: bool,
    /// How often things are measured [default: 3; 1 with --brief or --large]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MAX)))]
    rounds: Option<u32>,
    /// Threads of seal and audit
    #[arg(long, value_name = "NUMBER", default_value_t = THREADS, value_parser = parse_threads)]
    threads: usize,
    /// The folder in which the log is written [default: the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only shows that everything works, in a few seconds; judges nothing
    #[arg(long)]
    brief: bool,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

fn parse_threads(text: &str) -> Result<usize, String> {
    let threads = text.parse().ok().filter(|threads| (1..=256).contains(threads));
    threads.ok_or_else(|| "a number from 1 to 256 is needed".to_owned())
}

impl Fairness {
    pub(super) fn run(self) -> Ended {
        let progress = on_standard_error();
        let entries = match self.entries {
            Some(entries) => entries,
            None if self.large => ENTRIES_LARGE,
            None if self.brief => ENTRIES_BRIEF,
            None => ENTRIES,
        };
        let rounds = self.rounds.unwrap_or(if self.large || self.brief { 1 } else { ROUNDS });
        let parent = self.data.unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::Builder::new().prefix("koi-bench-fairness").tempdir_in(&parent);
        let folder = folder.with_context(|| format!("making a folder in {}", parent.display()))?;
        let asked = Asked {
            entries,
            rounds,
            threads: NonZeroUsize::new(self.threads).unwrap_or(NonZeroUsize::MIN),
            folder: folder.path(),
        };
        has_room(&asked)?;
        let machine = Machine::read(folder.path());
        let measured = measure(&asked, |step| progress(Progress::Step(step)))?;
        let report = Report::of(machine, &asked, self.brief, &measured);
        folder.close().context("removing the folder")?;
        if self.json {
            terminal::print_json(&report)?;
        } else {
            terminal::print(&report.table())?;
        }
        Ok(if report.succeeded() { Ending::Well } else { Ending::NotWell })
    }
}

/// Refuses what the disk has no room for, before it is full.
fn has_room(asked: &Asked<'_>) -> anyhow::Result<()> {
    let logs = bytes_of_log(asked.entries).saturating_mul(u64::from(asked.rounds));
    let needed = logs.saturating_mul(ROOM_PERCENT) / 100;
    let disk = rustix::fs::statvfs(asked.folder)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < needed {
        let (needed, free) = (needed >> 20, free >> 20);
        bail!(
            "the entries take {needed} MiB of disk and {free} are free: name a folder with --data, or fewer with --entries"
        );
    }
    Ok(())
}
