//! `koi db copy`: an installation that is stopped goes somewhere else, as it is.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, anyhow};
use koi_store::copy::{self, Sent, Source, Standing, Step};
use koi_store::sqlite::Folder;
use koi_store::tally::{Tallies, tallies};
use koi_store::{Installation, StoreError};
use serde_json::json;

use super::place::Places;
use crate::cli::backup::publish;
use crate::cli::check::{whole, written};
use crate::cli::digest::{compared, listed};
use crate::cli::flags::DatabaseFlags;
use crate::cli::workplace::Workplace;
use crate::cli::{Ended, Ending, terminal};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
SOURCE and TARGET are sqlite:FOLDER or postgres://… . An address with a password is better kept in a file \
(--source-file, --target-file) or, for the target, in KOI_DATABASE or KOI_DATABASE_FILE: arguments can be seen by \
everybody on the machine.

The source must be stopped; it is not changed. The target must be an empty database or a new folder, and nothing is \
ever overwritten. All rows are copied as they are, in one transaction; then both sides are read and compared (the \
number of rows, the sums of amounts, a SHA-256 of each table), and the whole ledger is checked in the target. Until \
that is done nobody can serve it. A copy that was interrupted is repeated with the same command and starts over; one \
that is finished is compared again, and nothing is changed. Of two copies into one database the later one is finished, and \
the other says so; a folder takes one at a time.

The number of cells stays, since every coupon's number begins with its cell: a data folder becomes a database of one \
cell. Any number of servers can work on it, but what belongs to shoppers is written one batch after the other, as in \
the folder. A database with more cells cannot become a folder.

Examples:
  koi db copy sqlite:koi-data postgres://koi@db.example.com/koi
  koi db copy sqlite:koi-data --target-file /etc/koi/database-url
  koi db copy postgres://koi@db.example.com/koi sqlite:koi-data-2

Exit status:
  0  the target holds exactly what the source does, and its ledger is whole
  1  refused: the target holds something else, which was left as it is; or what arrived is not right, the source \
was changed meanwhile, or another copy has taken the target over: it cannot be served
  2  it could not be copied";

/// The folder within a new one in which the copy is made.
const WORKPLACE: &str = "koi-copy.partial";

/// Moves a stopped installation to another place, and verifies every row
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct CopyCommand {
    /// Where everything is: sqlite:FOLDER or postgres://…
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// Where it goes [default: the database of the settings]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// A file that holds the address of the source, instead of SOURCE
    #[arg(long, value_name = "FILE")]
    source_file: Option<PathBuf>,
    /// A file that holds the address of the target, instead of TARGET
    #[arg(long, value_name = "FILE")]
    target_file: Option<PathBuf>,
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: DatabaseFlags,
}

impl CopyCommand {
    pub(in crate::cli) fn run(self, environment: &Environment) -> Ended {
        let places = Places {
            first: self.source,
            second: self.target,
            source_file: self.source_file,
            target_file: self.target_file,
        };
        let settings = self.flags.0.load(environment)?;
        let (from, into) = places.read(|| {
            let database = settings.database().map_err(|why| anyhow!(why))?;
            Ok(database.map(|database| Installation::Database(Box::new(database))))
        })?;
        let copying = Copying { from, into, json: self.json, environment };
        copying.run()
    }
}

struct Copying<'a> {
    from: Installation,
    into: Installation,
    json: bool,
    environment: &'a Environment,
}

impl Copying<'_> {
    fn run(&self) -> Ended {
        let Self { from, into, .. } = self;
        let source = Source::open(from).with_context(|| format!("the source {from}"))?;
        let standing = match copy::standing(into, source.reader().cells()) {
            Err(StoreError::Refused(why)) => {
                eprintln!("koi: refused: {why}");
                return Ok(Ending::NotWell);
            }
            standing => standing.with_context(|| format!("the target {into}"))?,
        };
        match (standing, into) {
            (Standing::Whole, _) => self.compare(&source),
            (Standing::Empty | Standing::Half, Installation::Folder(folder)) => self.fill_folder(&source, folder),
            (Standing::Empty | Standing::Half, Installation::Database(_)) => self.fill_database(&source),
        }
    }

    /// Nobody else copies into a folder that is reserved, and no server makes a database in it meanwhile.
    fn fill_folder(&self, source: &Source, folder: &Folder) -> Ended {
        let began = Instant::now();
        let workplace =
            Workplace::within(folder, WORKPLACE).with_context(|| format!("the target {}", self.into))?;
        // It was looked at before.
        if folder.exists() {
            eprintln!("koi: refused: {} has become an installation meanwhile, and was left as it is", self.into);
            return Ok(Ending::NotWell);
        }
        let Some(arrived) = self.fill(source, &Installation::Folder(workplace.folder()))? else {
            return Ok(Ending::NotWell);
        };
        publish(&workplace.folder().database(), &folder.database())?;
        self.say(&arrived, "copied", began)
    }

    fn fill_database(&self, source: &Source) -> Ended {
        let began = Instant::now();
        match self.fill(source, &self.into)? {
            Some(arrived) => self.say(&arrived, "copied", began),
            None => Ok(Ending::NotWell),
        }
    }

    /// What is there already may be what a copy left: then it is right, and otherwise nobody's business.
    fn compare(&self, source: &Source) -> Ended {
        let (began, into) = (Instant::now(), &self.into);
        let spinner = terminal::spinner(self.environment);
        let read = |reader| {
            tallies(reader, &|table, seen| {
                spinner.set_message(table);
                spinner.set_position(seen);
            })
        };
        let sent = read(source.reader())?;
        let reader = into.reader().with_context(|| format!("the target {into}"))?;
        let there = read(&reader)?;
        spinner.finish_and_clear();
        let differing = there.differing(&sent);
        if !differing.is_empty() {
            eprintln!(
                "koi: refused: {into} holds an installation that differs from {} in {}, and was left as it is; a copy \
                 overwrites nothing. Choose another target",
                self.from,
                differing.join(", ")
            );
            return Ok(Ending::NotWell);
        }
        let checked = whole(&reader, self.environment)?;
        if !checked.broken.is_empty() {
            eprintln!("koi: {into} holds everything of {} already, and its ledger is broken", self.from);
            terminal::print(&written(&checked))?;
            return Ok(Ending::NotWell);
        }
        self.say(&there, "already", began)
    }

    /// Copies, compares and checks; answers what has arrived, or nothing after saying what is wrong.
    fn fill(&self, source: &Source, into: &Installation) -> anyhow::Result<Option<Tallies>> {
        let bar = terminal::bar(self.environment, "{msg}", 0);
        let filled = copy::fill(source, into, &|step| match step {
            Step::Reading(table, seen) => {
                bar.set_message(format!("reading {table}"));
                bar.set_length(seen);
            }
            Step::Writing(table, written, all) => {
                bar.set_message(format!("copying {table}"));
                bar.set_length(all);
                bar.set_position(written);
            }
        });
        let sent = filled.with_context(|| format!("copying {} to {}", self.from, self.into))?;
        let reader = copy::reader(into)?;
        let arrived = tallies(&reader, &|table, seen| {
            bar.set_message(format!("comparing {table}"));
            bar.set_position(seen);
        })?;
        bar.finish_and_clear();
        if arrived != sent.tallies {
            if self.is_ours(into, &sent)? {
                eprintln!(
                    "koi: what arrived is not what was sent; the copy cannot be served. Repeat it, and see the disks"
                );
                terminal::print(&compared(&sent.tallies, &arrived))?;
            }
            return Ok(None);
        }
        let checked = whole(&reader, self.environment)?;
        drop(reader);
        if !checked.broken.is_empty() {
            if self.is_ours(into, &sent)? {
                let of_source = whole(source.reader(), self.environment)?;
                eprintln!("koi: {}", where_broken(!of_source.broken.is_empty()));
                terminal::print(&written(&checked))?;
            }
            return Ok(None);
        }
        match copy::finish(source, into, &sent) {
            Ok(()) => Ok(Some(arrived)),
            Err(StoreError::Refused(why)) => {
                eprintln!("koi: refused: {why}");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether what was read of the target is this copy's. Another one may have emptied it: then nothing follows from it
    /// for the source or the disks, which is said.
    fn is_ours(&self, into: &Installation, sent: &Sent) -> anyhow::Result<bool> {
        let is_ours = copy::is_ours(into, sent)?;
        if !is_ours {
            eprintln!(
                "koi: refused: another copy has taken over {}: let that one end, or repeat this one when it has",
                self.into
            );
        }
        Ok(is_ours)
    }

    fn say(&self, tallies: &Tallies, what: &str, began: Instant) -> Ended {
        let Self { from, into, .. } = self;
        if self.json {
            let mut out = listed(tallies);
            out["copied"] = json!(what == "copied");
            terminal::print_json(&out)?;
            return Ok(Ending::Well);
        }
        terminal::print(&compared(tallies, tallies))?;
        terminal::print(&format!("\n{}  both sides, and the ledger is whole", hex::encode(tallies.digest())))?;
        let time = began.elapsed();
        match what {
            "already" => eprintln!("{into} held everything of {from} already; nothing was changed ({time:.1?})."),
            _ => eprintln!(
                "{into} holds everything of {from} ({time:.1?}). Serve it, and keep the source as a backup."
            ),
        }
        Ok(Ending::Well)
    }
}

/// What to say of a copy whose rows are those of the source, and whose ledger is broken.
fn where_broken(in_source: bool) -> &'static str {
    if in_source {
        "the ledger is broken, in the source as in the copy, which cannot be served"
    } else {
        "the ledger of the copy is broken, and that of the source is whole; the copy cannot be served. Repeat it, and see \
         the disks"
    }
}
