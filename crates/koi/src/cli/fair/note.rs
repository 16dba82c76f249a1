//! `koi fair note`: whether a signed note is signed by a key.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use koi_fair::log::{
    Checkpoint, CosignatureError, KeyError, Note, NoteError, SignedCheckpoint, VerifierKey, WitnessKey,
};
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
    key: Vec<Key>,
}

/// A key of a log, or of a witness.
#[derive(Clone)]
enum Key {
    Log(VerifierKey),
    Witness(WitnessKey),
}

fn key(text: &str) -> Result<Key, String> {
    let read = match text.parse() {
        Ok(key) => Ok(Key::Log(key)),
        Err(KeyError::Type(_)) => text.parse().map(Key::Witness),
        Err(why) => Err(why),
    };
    read.map_err(|why| why.to_string())
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
            Err(Why { reason, detail }) => {
                say(&No { valid: Some(false), reason: reason.to_owned(), detail })?;
                Ok(Ending::NotWell)
            }
        }
    }
}

/// Why a note is not signed.
struct Why {
    reason: &'static str,
    detail: String,
}

impl Why {
    fn new(reason: &'static str, detail: &impl ToString) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}

impl From<NoteError> for Why {
    fn from(why: NoteError) -> Self {
        let reason = match why {
            NoteError::TooLong => "too_long",
            NoteError::ControlCharacter => "control_character",
            NoteError::NoSignatures | NoteError::NoNewline => "not_a_note",
            NoteError::SignatureLine => "signature_malformed",
            NoteError::TooManySignatures => "too_many_signatures",
            NoteError::KeysAmbiguous => "keys_ambiguous",
            NoteError::SignedTwice => "signed_twice",
            NoteError::SignatureWrong => "signature_wrong",
            NoteError::NoKnownKey => "unsigned",
        };
        Self::new(reason, &why)
    }
}

/// A byte more than a note may have is enough to refuse it.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(Note::BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check(bytes: &[u8], keys: &[Key]) -> Result<Signed, Why> {
    let text = std::str::from_utf8(bytes).map_err(|_| Why::new("not_a_text", &"the note is not in UTF-8"))?;
    let note: Note = text.parse()?;
    let checkpoint: Option<SignedCheckpoint> = text.parse().ok();
    let signed_by = keys.iter().map(|key| signer(&note, checkpoint.as_ref(), key)).collect::<Result<_, _>>()?;
    // Each of the keys vouches for the text; that of a witness is the checkpoint's.
    let text = text.rfind("\n\n").and_then(|end| text.get(..=end)).unwrap_or_default();
    let log = |read: Checkpoint| Log {
        origin: read.origin().to_owned(),
        size: read.size(),
        root: hex::encode(read.root().0),
    };
    let parts = text.parse().ok().map(log);
    Ok(Signed { valid: true, text: text.to_owned(), signed_by, checkpoint: parts })
}

/// A key that has signed.
fn signer(note: &Note, checkpoint: Option<&SignedCheckpoint>, key: &Key) -> Result<Signer, Why> {
    match key {
        Key::Log(key) => {
            note.open(std::slice::from_ref(key))?;
            Ok(Signer { name: key.name().to_string(), at: None })
        }
        Key::Witness(key) => {
            let checkpoint = checkpoint.ok_or_else(|| {
                Why::new("not_a_checkpoint", &"a witness signs checkpoints, and the text of this note is none")
            })?;
            let time = key.time_of(checkpoint).map_err(|why| match why {
                CosignatureError::Wrong { .. } => Why::new("signature_wrong", &why),
                _ => Why::new("cosignature_refused", &why),
            })?;
            let time = time.ok_or_else(|| Why::from(NoteError::NoKnownKey))?;
            Ok(Signer { name: key.name().to_string(), at: Some(self::time(time.seconds())) })
        }
    }
}

/// A witness may sign any number as the time.
fn time(time_s: u64) -> String {
    let time = i64::try_from(time_s).ok().and_then(|time_s| Timestamp::from_second(time_s).ok());
    time.map_or_else(|| format!("{time_s} s after 1970"), |time| time.to_string())
}
