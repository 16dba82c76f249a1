//! Checkpoints: the notes that say how large a log is and what its root is
//! (<https://c2sp.org/tlog-checkpoint>).
//!
//! ```
//! use koi_fair::log::{Checkpoint, SignedCheckpoint, SignerKey, TreeHash};
//!
//! // Everybody knows the secret of this example.
//! let signer = SignerKey::from_seed("example.com/log", [7; 32])?;
//! let checkpoint = Checkpoint::new("example.com/log", 1, TreeHash::of_leaf(b"the first entry"))?;
//! let published = checkpoint.sign(&[&signer])?.to_string();
//!
//! let received: SignedCheckpoint = published.parse()?;
//! assert_eq!(received.open("example.com/log", &[signer.verifier()])?, &checkpoint);
//! assert!(received.open("example.com/other", &[signer.verifier()]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use super::TreeHash;
use super::note::{Note, NoteError, Signature, SignerKey, VerifierKey};
use super::text::{self, TextError};

/// What a log says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: TreeHash,
    extensions: Vec<String>,
}

/// Why a checkpoint is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line is not what it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A line has a newline or another control character in it.
    #[error("a line of the checkpoint has a control character")]
    ControlCharacter,
    /// The log has no entries, but not the root of nothing.
    #[error("the root of an empty log is not the hash of nothing")]
    EmptyRoot,
    /// Two signature lines are of the same key.
    #[error("two signatures of the checkpoint are of the same key")]
    SignedTwice,
    /// It is the checkpoint of another log.
    #[error("the checkpoint is of another log")]
    OriginDiffers,
}

impl Checkpoint {
    /// The checkpoint of a log by its origin (a name for it, by custom an address without scheme), its size
    /// and its root. It has no extension lines, as the specification advises.
    ///
    /// # Errors
    ///
    /// If the origin is empty or more than a line, or the log is empty and the root is not that of nothing.
    pub fn new(origin: &str, size: u64, root: TreeHash) -> Result<Self, CheckpointError> {
        if origin.is_empty() {
            return Err(TextError::LineMissing.into());
        }
        if origin.contains(|letter: char| letter < ' ') {
            return Err(CheckpointError::ControlCharacter);
        }
        if size == 0 && root != TreeHash::of_nothing() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// The name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    pub fn root(&self) -> TreeHash {
        self.root
    }

    /// Lines after the root, which mean nothing here. Each is not empty.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The checkpoint with the signatures of the log's keys.
    ///
    /// # Errors
    ///
    /// If there is no key, or one twice.
    pub fn sign(&self, signers: &[&SignerKey]) -> Result<SignedCheckpoint, CheckpointError> {
        SignedCheckpoint::of_note(Note::sign(&self.to_string(), signers)?)
    }
}

/// The text of the note.
impl fmt::Display for Checkpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// From the text of the note.
impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(note: &str) -> Result<Self, CheckpointError> {
        let (origin, rest) = text::line(note)?;
        if origin.is_empty() {
            return Err(TextError::LineMissing.into());
        }
        let (size, rest) = text::line(rest)?;
        let (root, mut rest) = text::line(rest)?;
        let mut checkpoint = Self::new(origin, text::number(size)?, root.parse()?)?;
        while !rest.is_empty() {
            let (line, after) = text::line(rest)?;
            if line.is_empty() {
                return Err(TextError::LineMissing.into());
            }
            if line.contains(|letter: char| letter < ' ') {
                return Err(CheckpointError::ControlCharacter);
            }
            checkpoint.extensions.push(line.to_owned());
            rest = after;
        }
        Ok(checkpoint)
    }
}

/// A checkpoint with signatures that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    fn of_note(note: Note) -> Result<Self, CheckpointError> {
        let signatures = note.signatures();
        for (place, signature) in signatures.iter().enumerate() {
            let same = |other: &Signature| other.name() == signature.name() && other.id() == signature.id();
            if signatures[..place].iter().any(same) {
                return Err(CheckpointError::SignedTwice);
            }
        }
        let checkpoint = note.text_unverified().parse()?;
        Ok(Self { note, checkpoint })
    }

    /// What the log says, if it is the log of this origin and at least one of its keys signed.
    ///
    /// # Errors
    ///
    /// If it is another log, none of the keys signed, or one of them wrongly.
    pub fn open(&self, origin: &str, keys: &[VerifierKey]) -> Result<&Checkpoint, CheckpointError> {
        if self.checkpoint.origin() != origin {
            return Err(CheckpointError::OriginDiffers);
        }
        self.note.open(keys)?;
        Ok(&self.checkpoint)
    }

    /// The origin that it claims: to find the log's keys by.
    pub fn claimed_origin(&self) -> &str {
        self.checkpoint.origin()
    }

    /// What it claims, for which nobody vouches yet: to compare with what is known already.
    pub fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The checkpoint with those of its signatures that are wanted, and no others.
    ///
    /// # Errors
    ///
    /// If none is wanted.
    pub fn only(&self, wanted: impl Fn(&Signature) -> bool) -> Result<Self, CheckpointError> {
        Self::of_note(self.note.only(wanted)?)
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The checkpoint with one more signature, such as a witness's.
    ///
    /// # Errors
    ///
    /// If it has one of that key already, or too many.
    pub fn with(self, signature: Signature) -> Result<Self, CheckpointError> {
        Self::of_note(self.note.with(signature)?)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(out)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(note: &str) -> Result<Self, CheckpointError> {
        Self::of_note(note.parse()?)
    }
}
