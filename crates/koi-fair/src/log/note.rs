//! Signed notes: a text, an empty line, and lines of signatures (C2SP signed-note, <https://c2sp.org/signed-note>).
//!
//! Anybody may add a signature. One by a key that is not known says nothing and is passed over; one by a known key that is wrong
//! refuses the whole note. A witness signs the text together with a time (C2SP tlog-cosignature), so that it says when it saw it.
//!
//! ```
//! use koi_fair::log::note::{Kind, Note, Signer};
//!
//! let signer = Signer::new("koi.example/log", [7; 32]).expect("a name");
//! let note = signer.sign("Nobody chose it.\n").expect("a text");
//! let read = Note::parse(note.as_bytes())?;
//! assert_eq!(read.signed_by(&signer.key(Kind::Note)), Ok(()));
//! # Ok::<(), koi_fair::log::note::NoteRefusal>(())
//! ```

mod key;

pub use key::{Kind, Signer, VerifierKey, WrongKey};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature as Ed25519, VerifyingKey};

/// The longest note that is read, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_000_000;
/// The most signatures of a note.
pub const SIGNATURES_MAX: usize = 100;
/// What each line of a signature begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// Why a note is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefusal {
    /// It is longer than any note.
    #[error("it is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// It is no UTF-8, or it has characters that cannot be seen.
    #[error("it is not a text in UTF-8 without control characters")]
    Text,
    /// There is no empty line before the signatures, or none after it.
    #[error("it has no text, an empty line, and signatures, each line with its end")]
    Shape,
    /// A line after the empty one is no signature.
    #[error("a line of its signatures is malformed")]
    Signature,
    /// It has more signatures than a note may.
    #[error("it has more than {SIGNATURES_MAX} signatures")]
    TooMany,
    /// The key has not signed.
    #[error("it is not signed by this key")]
    Unsigned,
    /// A signature by the key is wrong.
    #[error("a signature by this key is wrong")]
    Forged,
}

impl NoteRefusal {
    /// Its name, which stays the same.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Text => "not_a_text",
            Self::Shape => "not_a_note",
            Self::Signature => "signature_malformed",
            Self::TooMany => "too_many_signatures",
            Self::Unsigned => "unsigned",
            Self::Forged => "signature_wrong",
        }
    }
}

/// A signature of a note, by whomever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who says to have signed.
    pub name: String,
    /// The first bytes of the key's hash.
    pub key_id: [u8; 4],
    /// The signature, whose form depends on the key.
    pub bytes: Vec<u8>,
}

/// A note as it was read; nothing of it is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed, with the end of its last line.
    pub text: String,
    /// The signatures, in their order.
    pub signatures: Vec<Signature>,
}

impl Note {
    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteRefusal> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteRefusal::TooLong);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteRefusal::Text)?;
        if note.chars().any(|letter| letter < ' ' && letter != '\n') {
            return Err(NoteRefusal::Text);
        }
        // The text may have empty lines of its own: the last one is before the signatures.
        let end = note.rfind("\n\n").ok_or(NoteRefusal::Shape)? + 1;
        let (text, signatures) = note.split_at_checked(end).ok_or(NoteRefusal::Shape)?;
        let lines = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let lines: Vec<&str> = lines.ok_or(NoteRefusal::Shape)?.split('\n').collect();
        if lines.len() > SIGNATURES_MAX {
            return Err(NoteRefusal::TooMany);
        }
        let signatures = lines.into_iter().map(signature).collect::<Option<_>>().ok_or(NoteRefusal::Signature)?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Whether a key has signed the text.
    pub fn signed_by(&self, key: &VerifierKey) -> Result<(), NoteRefusal> {
        self.times_of(key).map(|_| ())
    }

    /// When a witness has signed, in seconds since 1970: the earliest of its signatures. 0 of a key that signs no time.
    pub fn cosigned_at(&self, key: &VerifierKey) -> Result<u64, NoteRefusal> {
        let times = self.times_of(key)?;
        times.into_iter().min().ok_or(NoteRefusal::Unsigned)
    }

    /// The time of each signature by a key, all of which must be right.
    fn times_of(&self, key: &VerifierKey) -> Result<Vec<u64>, NoteRefusal> {
        let by_key = |signature: &&Signature| signature.name == key.name() && signature.key_id == key.id();
        let times: Vec<u64> = self
            .signatures
            .iter()
            .filter(by_key)
            .map(|signature| checked(&self.text, key, &signature.bytes).ok_or(NoteRefusal::Forged))
            .collect::<Result<_, _>>()?;
        if times.is_empty() { Err(NoteRefusal::Unsigned) } else { Ok(times) }
    }
}

/// The note, as it is written.
impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, key_id, bytes } in &self.signatures {
            writeln!(f, "{DASH}{name} {}", BASE64.encode([&key_id[..], bytes].concat()))?;
        }
        Ok(())
    }
}

fn signature(line: &str) -> Option<Signature> {
    let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = BASE64.decode(encoded).ok()?;
    let (key_id, bytes) = bytes.split_first_chunk::<4>()?;
    let is_signature = key::is_name(name) && !bytes.is_empty();
    is_signature.then(|| Signature { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
}

/// What is signed: the text, or the text with the time at which a witness saw it.
fn message(text: &str, kind: Kind, time_s: u64) -> Vec<u8> {
    match kind {
        Kind::Note => text.as_bytes().to_vec(),
        Kind::Cosignature => format!("cosignature/v1\ntime {time_s}\n{text}").into_bytes(),
    }
}

/// The time of a signature if it is right; 0 where none is signed.
fn checked(text: &str, key: &VerifierKey, bytes: &[u8]) -> Option<u64> {
    let (time_s, signature) = match key.kind() {
        Kind::Note => (0, bytes),
        Kind::Cosignature => {
            let (time, signature) = bytes.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*time), signature)
        }
    };
    let signature = Ed25519::from_slice(signature).ok()?;
    let verifying = VerifyingKey::from_bytes(key.bytes()).ok()?;
    verifying.verify_strict(&message(text, key.kind(), time_s), &signature).ok().map(|()| time_s)
}

#[cfg(test)]
mod tests;
