//! `koi doctor`: everything that usually is the matter, looked at in one go.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use koi_core::time::{DAY_MS, Time};
use koi_fair::beacon::relay::{Relays, Why};
use koi_fair::beacon::{Chain, Verified};
use koi_fair::log::{SignedCheckpoint, VerifierKey};
use koi_store::sqlite::Folder;
use koi_store::{Installation, StoreError};
use serde_json::json;

use super::check::whole;
use super::flags::ServeFlags;
use super::healthcheck::{ask, here};
use super::terminal::Paint;
use super::{Ended, Ending, terminal};
use crate::engine::beacons::time_of;
use crate::engine::clock::Clock;
use crate::limits;
use crate::public_log::place::Address;
use crate::public_log::{self, Place, publisher};
use crate::settings::environment::Environment;
use crate::settings::{Beacon, Serve};

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

/// Looks for what may be the matter: settings, disk, clock, database, ledger, public log, relays
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
            Finding::of("relays", relays(&serve)),
            Finding::of("log", public_log(&serve, &installation)),
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

/// Relays that serve public randomness, and what its rounds say of this machine's clock. Where nothing is drawn in public
/// none are needed.
fn relays(serve: &Serve) -> anyhow::Result<String> {
    if serve.beacon == Beacon::Local {
        return Ok(
            "not asked: what is approved now is sealed with local randomness, which is no public draw".into()
        );
    }
    let quicknet = Chain::quicknet();
    let mut answers = Relays::new(&serve.beacon_relays).latest(&quicknet);
    // In the order of the settings, whoever was faster.
    answers.sort_by_key(|(relay, _)| serve.beacon_relays.iter().position(|other| other == relay));
    relays_found(&quicknet, &answers, Clock::running().now())
}

/// What relays answered at a time, in words.
fn relays_found(chain: &Chain, answers: &[(String, Result<Verified, Why>)], now: Time) -> anyhow::Result<String> {
    let failed: Vec<String> = answers
        .iter()
        .filter_map(|(relay, answer)| Some(format!("{relay}: {}", answer.as_ref().err()?)))
        .collect();
    let rounds = answers.iter().filter_map(|(_, answer)| Some(answer.as_ref().ok()?.round()));
    let Some(round) = rounds.max() else {
        return Err(anyhow!(
            "none serves rounds of {} here ({}): campaigns wait for their randomness. Let this machine reach one, name \
             others with --beacon-relays, or hand each round in with koi campaign beacon. A sandbox needs none: add \
             --sandbox",
            chain.beacon_id(),
            failed.join("; ")
        ));
    };
    let age_ms = time_of(chain, round).map_or(0, |time| now.since_ms(time));
    if !(-limits::BEACON_AHEAD_MS..=limits::BEACON_APART_MS).contains(&age_ms) {
        let (seconds, side) = (age_ms.abs() / 1000, if age_ms < 0 { "behind" } else { "ahead of" });
        return Err(anyhow!(
            "the machine says {now}, which is {seconds} s {side} the beacon's clock (its round {round}): turn time \
             synchronisation on, since rounds are asked for by it"
        ));
    }
    let well = answers.len() - failed.len();
    let mut said =
        format!("{well} of {} serve rounds of {}, whose clock agrees", answers.len(), chain.beacon_id());
    if !failed.is_empty() {
        said += &format!("; not {}", failed.join("; "));
    }
    Ok(said)
}

/// What is published must be signed by the log's key, and continued by the database.
fn public_log(serve: &Serve, installation: &Installation) -> anyhow::Result<String> {
    let reader = match installation.reader() {
        Err(StoreError::Absent(_)) => return Ok("nothing was published yet".to_owned()),
        reader => reader?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let address = serve.public_log.clone().or_else(|| own_copy(serve, installation));
    let Some(address) = address else { return Ok("no copy of it is kept here".to_owned()) };
    let place = Place::open(&address, runtime.handle().clone())?;
    let text = |name: &str| -> anyhow::Result<Option<String>> {
        Ok(place.read_file(name)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let (Some(key), Some(checkpoint)) = (text(public_log::KEY)?, text(public_log::CHECKPOINT)?) else {
        return Ok(format!("nothing is published in {address} yet"));
    };
    let key: VerifierKey = key.trim_end().parse().with_context(|| format!("{address}/key"))?;
    let signed: SignedCheckpoint = checkpoint.parse().with_context(|| format!("{address}/checkpoint"))?;
    let stated = signed.open(key.name().as_str(), std::slice::from_ref(&key));
    let stated =
        stated.with_context(|| format!("{address}/checkpoint is not of the log whose key is beside it"))?;
    publisher::continued(&reader, stated.size(), &stated.root())?;
    Ok(format!("{} leaves of {} are published in {address}", stated.size(), stated.origin()))
}

/// Where the server of these settings keeps its own copy, if it has made one.
fn own_copy(serve: &Serve, installation: &Installation) -> Option<Address> {
    let log = serve.data.join("log");
    if !installation.is_shared() {
        return log.is_dir().then_some(Address::Folder(log));
    }
    let copies = log.read_dir().ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let copies: Vec<_> = copies.filter(|copy| copy.join(public_log::CHECKPOINT).is_file()).collect();
    // Which of several is that of this database nobody can tell from outside.
    <[_; 1]>::try_from(copies).ok().map(|[copy]| Address::Folder(copy))
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

#[cfg(test)]
mod tests {
    use koi_fair::beacon::local;

    use super::*;

    #[test]
    fn the_beacon_tells_whether_the_clock_is_right() {
        let chain = Chain::local();
        let round = 194_966_381;
        let time = time_of(&chain, round).unwrap();
        let serves = |round| ("https://a.example".to_owned(), Ok(chain.verify(&local::sign(round)).unwrap()));
        let fails = || ("https://b.example".to_owned(), Err(Why::Status(500)));
        let found = |answers: &[_], late_ms: i64| {
            relays_found(&chain, answers, time.plus_ms(late_ms)).map_err(|error| error.to_string())
        };
        for late_ms in [-1000, 0, 2999, 30_000] {
            let said = found(&[serves(round - 1), serves(round)], late_ms);
            assert_eq!(said, Ok("2 of 2 serve rounds of koi-local, whose clock agrees".into()), "{late_ms}");
        }
        let some = found(&[fails(), serves(round)], 0).unwrap();
        assert!(some.ends_with("agrees; not https://b.example: it answered 500"), "{some}");
        let behind = found(&[serves(round)], -90_000).unwrap_err();
        assert!(behind.contains("which is 90 s behind the beacon's clock"), "{behind}");
        let ahead = found(&[serves(round), fails()], 31_000).unwrap_err();
        assert!(ahead.contains("which is 31 s ahead of the beacon's clock"), "{ahead}");
        let none = found(&[fails()], 0).unwrap_err();
        assert!(
            none.contains("(https://b.example: it answered 500)") && none.contains("--beacon-relays"),
            "{none}"
        );
    }
}
