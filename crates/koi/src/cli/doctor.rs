//! `koi doctor`: everything that usually is the matter, looked at in one go.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use koi_core::time::{DAY_MS, Time};
use koi_store::sqlite::Folder;
use koi_store::{Installation, StoreError};
use serde_json::json;

use super::check::whole;
use super::flags::ServeFlags;
use super::healthcheck::{ask, here};
use super::terminal::Paint;
use super::{Ended, Ending, terminal};
use crate::engine::clock::Clock;
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
Example:
  koi doctor --data koi-data

Exit status:
  0  nothing is the matter
  1  something is; the lines marked `bad` say what, and what to do
  2  it was called wrongly";

/// Free space below which a disk is called full, in MiB.
const FREE_LEAST_MIB: u64 = 512;
/// A machine's clock before this was never set: the program is younger.
const CLOCK_EARLIEST: Time = Time::of_ms(1_767_225_600_000);

/// Looks for whatever may be the matter: settings, folder, disk, clock, database, ledger
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Doctor {
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ServeFlags,
}

/// What was looked at, and what was found.
struct Finding {
    what: &'static str,
    well: bool,
    said: String,
}

impl Finding {
    fn of(what: &'static str, found: anyhow::Result<String>) -> Self {
        match found {
            Ok(said) => Self { what, well: true, said },
            Err(error) => Self { what, well: false, said: format!("{error:#}") },
        }
    }
}

impl Doctor {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let findings = self.look(environment);
        let well = findings.iter().all(|finding| finding.well);
        if self.json {
            let all: Vec<_> = findings
                .iter()
                .map(|finding| json!({"what": finding.what, "well": finding.well, "said": finding.said}))
                .collect();
            terminal::print_json(&json!({"well": well, "findings": all}))?;
        } else {
            let paint = Paint::of_output(environment);
            for finding in &findings {
                let mark = if finding.well { paint.green("well") } else { paint.red("bad ") };
                terminal::print(&format!("{mark}  {:<9} {}", finding.what, finding.said))?;
            }
        }
        Ok(if well { Ending::Well } else { Ending::NotWell })
    }

    fn look(&self, environment: &Environment) -> Vec<Finding> {
        let settings = self.flags.0.load(environment);
        let serve = settings.and_then(|settings| settings.serve().map_err(|why| anyhow!(why)));
        let serve = match serve {
            Ok(serve) => serve,
            Err(error) => return vec![Finding::of("settings", Err(error))],
        };
        let installation = serve.installation();
        let mut findings = match &installation {
            Installation::Folder(folder) => vec![
                Finding::of("settings", Ok(format!("right; the data folder is {}", serve.data.display()))),
                Finding::of("folder", writable(&serve.data)),
                Finding::of("secrets", secrets(folder)),
                Finding::of("disk", free(&serve.data)),
            ],
            Installation::Database(database) => {
                vec![Finding::of("settings", Ok(format!("right; the database is {database}")))]
            }
        };
        findings.extend([
            Finding::of("clock", clock(&installation)),
            Finding::of("database", database(&installation)),
            Finding::of("ledger", ledger(&installation, environment)),
            Finding::of("server", server(&serve.listen)),
        ]);
        findings
    }
}

/// The folder, or the nearest one above it that is there.
fn nearest(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find(|path| path.is_dir()).map(Path::to_owned)
}

fn writable(data: &Path) -> anyhow::Result<String> {
    let folder = nearest(data).ok_or_else(|| anyhow!("{} leads nowhere", data.display()))?;
    tempfile::tempfile_in(&folder)
        .map_err(|error| anyhow!("{} cannot be written: {error}. Whose folder is it?", folder.display()))?;
    let made = if data.is_dir() { "can be written" } else { "is not there yet and can be made" };
    Ok(format!("{} {made}", data.display()))
}

/// The database holds the secret of each campaign's stock: who knows it knows what the next packet is.
fn secrets(folder: &Folder) -> anyhow::Result<String> {
    if !folder.exists() {
        return Ok("there are none yet".to_owned());
    }
    if let Some(open) = folder.open_to_others()?.first() {
        return Err(anyhow!(
            "others can read {}, and what the next packets are: chmod 700 {}",
            open.display(),
            folder.path().display()
        ));
    }
    Ok("nobody but their owner can read them".to_owned())
}

fn free(data: &Path) -> anyhow::Result<String> {
    let folder = nearest(data).ok_or_else(|| anyhow!("{} leads nowhere", data.display()))?;
    let disk = rustix::fs::statvfs(&folder)?;
    let free_mib = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
    if free_mib < FREE_LEAST_MIB {
        return Err(anyhow!("only {free_mib} MiB are free: make room before the server has to refuse"));
    }
    Ok(format!("{} GiB and {} MiB are free", free_mib >> 10, free_mib & 1023))
}

/// The machine's clock must be past this program's making, and past everything that was booked live.
fn clock(installation: &Installation) -> anyhow::Result<String> {
    let now = Clock::running().now();
    if now < CLOCK_EARLIEST {
        return Err(anyhow!("the machine says {now}: it was never set. Turn time synchronisation on"));
    }
    let keys = installation.reader().and_then(|reader| reader.keys()).unwrap_or_default();
    if let Some(key) = keys.iter().find(|key| key.created_at.since_ms(now) > DAY_MS) {
        let made = key.created_at;
        return Err(anyhow!(
            "the machine says {now}, but {} was made at {made}: the clock went backwards",
            key.id
        ));
    }
    Ok(format!("the machine says {now}"))
}

fn database(installation: &Installation) -> anyhow::Result<String> {
    match installation.reader() {
        Ok(reader) => {
            let campaigns = reader.catalog()?.campaigns().count();
            Ok(format!("opens, with the version that this Koi writes; {campaigns} campaigns"))
        }
        Err(StoreError::Absent(_)) => Ok("there is none yet; the first `koi serve` makes it".to_owned()),
        Err(error) => Err(error.into()),
    }
}

fn ledger(installation: &Installation, environment: &Environment) -> anyhow::Result<String> {
    let reader = match installation.reader() {
        Err(StoreError::Absent(_)) => return Ok("nothing was booked yet".to_owned()),
        reader => reader?,
    };
    let checked = whole(&reader, environment)?;
    if let Some(first) = checked.broken.first() {
        return Err(anyhow!("{} things are broken, such as: {first}. See koi check", checked.broken.len()));
    }
    Ok(format!(
        "{} transfers, {} coupons, {} payments agree",
        checked.transfers, checked.coupons, checked.payments
    ))
}

/// A server that does not run is no illness; one that runs and is not well is.
fn server(listen: &str) -> anyhow::Result<String> {
    let url = here(listen);
    match ask(&url) {
        Ok(200) => Ok(format!("{url} is well")),
        Ok(status) => Err(anyhow!("{url}/healthz answers {status}: see the server's log")),
        Err(_) => Ok(format!("none answers at {url}")),
    }
}
