//! `koi witness`: a witness of public logs, for whoever wants to see that a log shows everybody the same.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use jiff::Timestamp;
use koi_fair::log::{CosignerKey, KeyName, KnownLog, Seen};
use serde_json::{Value, json};

use super::flags::Given;
use super::{Ended, Ending, logging, terminal};
use crate::engine::clock::Clock;
use crate::serve::told_to_stop;
use crate::settings::environment::Environment;
use crate::settings::parse;
use crate::source::Source;
use crate::witness::folder::{Evidence, Folder, Latest};
use crate::witness::{Witness, known, server};

const KEY_HELP: &str = "\
The name is an address without https:// that is yours, and stays for ever: it is part of the key. The public key is \
written to standard output: give it to those who run the logs. The secret is in the folder, for its owner alone; a copy \
of the file `key` belongs in a safe place, but an older copy of the whole folder must never be served: it has forgotten.

Example:
  koi witness key --name witness.press.example --data koi-witness

Exit status:
  0  the key was made
  2  it was called wrongly, there is a key already, or the folder cannot be made";

const SERVE_HELP: &str = "\
The first line on standard output is `listening on http://ADDRESS`; the log goes to standard error, as KOI_LOG and \
KOI_LOG_FORMAT say. Put a web server in front of it that speaks HTTPS. SIGTERM and Ctrl-C stop it.

A file of logs is TOML. It has for each log a table [[log]] with keys = [\"VKEY\", …] and, if the log is not called as its \
first key is, origin = \"ORIGIN\".

Example:
  koi witness serve --data koi-witness --listen 127.0.0.1:8090 --logs logs.toml

Exit status:
  0  it was told to stop, and did
  1  it was told twice, and ended without waiting
  2  it was called wrongly, or could not start: folder in use or damaged, wrong clock";

const SHOW_HELP: &str = "\
It can be asked beside the witness that serves.

Example:
  koi witness show --data koi-witness

Exit status:
  0  all is well
  1  a log signed two histories: the evidence is named
  2  there is no witness in the folder, or what it saw is damaged";

/// Where a witness listens when nobody says.
const LISTEN: &str = "127.0.0.1:8090";
/// Bytes of a file of logs.
const FILE_BYTES: u64 = 1024 * 1024;

/// Cosigns the checkpoints of public logs that only grow
#[derive(Subcommand)]
pub(super) enum WitnessCommand {
    /// Makes a witness's key and shows its public part
    #[command(after_help = KEY_HELP)]
    Key {
        /// The witness's name, such as witness.press.example
        #[arg(long, value_parser = name)]
        name: KeyName,
        #[command(flatten)]
        at: At,
    },
    /// Runs a witness
    #[command(after_help = SERVE_HELP)]
    Serve {
        #[command(flatten)]
        at: At,
        /// The address and port to listen on. Port 0 lets the system choose one
        #[arg(long, value_name = "ADDRESS", default_value = LISTEN, value_parser = parse::listen)]
        listen: String,
        /// A log to watch: its key, and its origin if it is not called as its key is; may be given several times
        #[arg(long, value_name = "VKEY[=ORIGIN]", value_parser = known::log)]
        log: Vec<KnownLog>,
        /// A file that names more logs
        #[arg(long, value_name = "FILE")]
        logs: Option<PathBuf>,
    },
    /// Shows a witness's key and what it saw last of each log
    #[command(after_help = SHOW_HELP)]
    Show {
        #[command(flatten)]
        at: At,
        /// Writes JSON
        #[arg(long)]
        json: bool,
    },
}

/// Where the witness is.
#[derive(clap::Args)]
pub(super) struct At {
    /// The witness's folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

fn name(text: &str) -> Result<KeyName, String> {
    text.parse().map_err(|why: koi_fair::log::KeyError| why.to_string())
}

impl WitnessCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        match self {
            WitnessCommand::Key { name, at } => make(&name, &at.data),
            WitnessCommand::Serve { at, listen, mut log, logs } => {
                if let Some(path) = logs {
                    log.extend(read(&path).with_context(|| format!("--logs: {}", path.display()))?);
                }
                let log = known::together(log).map_err(|why| anyhow!(why))?;
                serve(&at.data, &listen, log, environment)
            }
            WitnessCommand::Show { at, json } => show(&at.data, json),
        }
    }
}

fn make(name: &KeyName, data: &Path) -> Ended {
    let seed = Source::system().bytes().context("the operating system gives no random numbers")?;
    let key = CosignerKey::from_seed(name.as_str(), seed)?;
    Folder::new(data).make(&key)?;
    terminal::print(&key.witness().to_string())?;
    eprintln!(
        "This is the key of {name}: give it to those who run the logs that it is to watch. Its secret is in {}, for you \
         alone.",
        data.display()
    );
    Ok(Ending::Well)
}

fn read(path: &Path) -> anyhow::Result<Vec<KnownLog>> {
    if std::fs::metadata(path)?.len() > FILE_BYTES {
        return Err(anyhow!("the file is too long"));
    }
    known::file(&std::fs::read_to_string(path)?).map_err(|why| anyhow!(why))
}

fn serve(data: &Path, listen: &str, logs: Vec<KnownLog>, environment: &Environment) -> Ended {
    let settings = Given::default().load(environment)?;
    logging::start(&settings, environment)?;
    let clock = Clock::running();
    let witness = Witness::open(Folder::new(data), logs, clock.now())?;
    let said = format!("{} watches {} logs; its key: {}", witness.name(), witness.seen().len(), witness.key());
    let ready = |address| {
        // Whoever started it may have gone away: that does not stop it.
        let _ = terminal::print(&format!("listening on http://{address}"));
        tracing::info!("{said}");
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(server::serve(witness, clock, listen, ready, told_to_stop()));
    // A disk that does not answer does not keep the process: nobody was told what it did not confirm.
    runtime.shutdown_background();
    served?;
    Ok(Ending::Well)
}

fn show(data: &Path, json: bool) -> Ended {
    let folder = Folder::new(data);
    let key = folder.key()?.witness();
    let all = folder.all(&key)?;
    let evidence = folder.evidence(all.keys().cloned())?;
    if json {
        terminal::print_json(&json!({
            "name": key.name().as_str(),
            "key": key.to_string(),
            "logs": all.values().map(log_out).collect::<Vec<_>>(),
            "evidence": evidence.iter().map(evidence_out).collect::<Vec<_>>(),
        }))?;
    } else {
        let mut text = format!("{}\n  key       {key}\n", key.name());
        for latest in all.values() {
            let Seen { size, root } = latest.seen();
            text += &format!(
                "\n{}\n  entries   {size}\n  root      {root}\n  cosigned  {}\n",
                latest.origin(),
                time(latest)
            );
        }
        terminal::print(&text)?;
        if all.is_empty() {
            eprintln!("It has cosigned nothing yet.");
        }
    }
    for found in &evidence {
        let [seen, other] = found.files.each_ref().map(|path| path.display().to_string());
        eprintln!(
            "koi: ALARM: the log {} signed two histories of {} entries: {seen} and {other}. Keep both, and show them: \
             nobody can deny them.",
            found.origin, found.size
        );
    }
    Ok(if evidence.is_empty() { Ending::Well } else { Ending::NotWell })
}

fn time(latest: &Latest) -> String {
    let seconds = i64::try_from(latest.time().seconds()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s after 1970"), |time| time.to_string())
}

fn log_out(latest: &Latest) -> Value {
    let seen = latest.seen();
    json!({
        "origin": latest.origin(),
        "size": seen.size,
        "root": seen.root.to_string(),
        "cosigned_at": time(latest),
        "checkpoint": latest.note().to_string(),
    })
}

fn evidence_out(found: &Evidence) -> Value {
    json!({"origin": found.origin, "size": found.size, "files": found.files})
}
