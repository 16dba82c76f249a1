//! `koi fair note`: whether a signed note is signed by a key.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use koi_fair::log::checkpoint::Checkpoint;
use koi_fair::log::note::{Kind, NOTE_BYTES_MAX, Note, NoteRefusal, VerifierKey};
use serde::Serialize;

use super::{No, say};
use crate::cli::{Ended, Ending};

const AFTER_HELP: &str = "\
A note is a text, an empty line, and lines of signatures (https://c2sp.org/signed-note). A key of type 0x04 is a witness's: \
it signs the text of a checkpoint together with the time at which the witness saw it. Where the text is a checkpoint, its \
parts are written, too. Signatures by other keys are passed over.

Example:
  koi fair note checkpoint --key PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW

Exit status:
  0  the note is signed by each of the keys
  1  it is not; the reason is said
  2  it was called wrongly, or the file cannot be read";

/// Checks the signatures of a signed note
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct NoteCommand {
    /// The note
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A key that must have signed it, as NAME+HASH+BASE64; may be given several times
    #[arg(long, value_name = "VKEY", required = true, value_parser = key)]
    key: Vec<VerifierKey>,
}

fn key(text: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(text).map_err(|why| why.to_string())
}

/// A note that is signed by all keys.
#[derive(Serialize)]
struct Signed {
    valid: bool,
    text: String,
    signed_by: Vec<Signer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Log>,
}

#[derive(Serialize)]
struct Signer {
    name: String,
    /// When a witness saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

#[derive(Serialize)]
struct Log {
    origin: String,
    size: u64,
    root: String,
}

impl NoteCommand {
    pub(super) fn run(self) -> Ended {
        let bytes = read(&self.file).with_context(|| format!("reading {}", self.file.display()))?;
        match check(&bytes, &self.key) {
            Ok(signed) => say(&signed),
            Err(why) => {
                say(&No { valid: Some(false), reason: why.code().to_owned(), detail: why.to_string() })?;
                Ok(Ending::NotWell)
            }
        }
    }
}

/// A byte more than a note may have is enough to refuse it.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check(bytes: &[u8], keys: &[VerifierKey]) -> Result<Signed, NoteRefusal> {
    let note = Note::parse(bytes)?;
    let signer = |key: &VerifierKey| {
        let time_s = note.cosigned_at(key)?;
        let at = (key.kind() == Kind::Cosignature).then(|| time(time_s));
        Ok(Signer { name: key.name().to_owned(), at })
    };
    let signed_by = keys.iter().map(signer).collect::<Result<_, _>>()?;
    let checkpoint = Checkpoint::parse(&note.text).ok();
    let log = |read: Checkpoint| Log { origin: read.origin, size: read.size, root: hex::encode(read.root) };
    Ok(Signed { valid: true, text: note.text, signed_by, checkpoint: checkpoint.map(log) })
}

/// A witness may sign any number as the time.
fn time(time_s: u64) -> String {
    let time = i64::try_from(time_s).ok().and_then(|time_s| Timestamp::from_second(time_s).ok());
    time.map_or_else(|| format!("{time_s} s after 1970"), |time| time.to_string())
}
