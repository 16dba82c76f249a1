//! Signed notes: text with signatures under it that people can read (<https://c2sp.org/signed-note>).
//!
//! A signature line names its key by name and by four bytes of a hash. Lines of keys that a reader does not
//! know are ignored, so that a log can change keys and witnesses can add theirs; a line of a key that it does
//! know must be right, or the whole note is refused. The text is given out only after that ([`Note::open`]).
//!
//! ```
//! use koi_fair::log::{Note, SignerKey};
//!
//! // Everybody knows the secret of this example.
//! let signer = SignerKey::from_seed("example.com/log", [7; 32])?;
//! let note = Note::sign("Nobody has won yet.\n", &[&signer])?;
//! let received: Note = note.to_string().parse()?;
//! assert_eq!(received.open(&[signer.verifier()])?, "Nobody has won yet.\n");
//! assert!(note.to_string().replace("Nobody", "Ada").parse::<Note>()?.open(&[signer.verifier()]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod key;
mod signature;
mod signer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub(crate) use key::PublicKey;
pub use key::{KeyError, KeyName, VerifierKey};
pub use signature::Signature;
pub(crate) use signer::Secret;
pub use signer::SignerKey;

use crate::log::text::TextError;

/// A text and the signatures under it, in order. That they are right is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// Why a note is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has more than [`Note::BYTES_MAX`] bytes.
    #[error("the note is too long")]
    TooLong,
    /// It has a control character other than the newline.
    #[error("the note has a control character")]
    ControlCharacter,
    /// The text does not end in a newline, or no empty line separates it from the signatures.
    #[error("no empty line separates the text from the signatures")]
    NoSignatures,
    /// The note does not end in a newline.
    #[error("the note does not end in a newline")]
    NoNewline,
    /// A line under the text is not an em dash, a name and a signature.
    #[error("a line under the text is not a signature")]
    SignatureLine,
    /// It has more than [`Note::SIGNATURES_MAX`] signatures.
    #[error("the note has too many signatures")]
    TooManySignatures,
    /// Two of the keys that were given have the same name and id.
    #[error("two known keys cannot be told apart")]
    KeysAmbiguous,
    /// A known key signed twice.
    #[error("a known key signed twice")]
    SignedTwice,
    /// The signature of a known key is not right.
    #[error("the signature of a known key is not right")]
    SignatureWrong,
    /// No known key signed.
    #[error("no known key signed")]
    NoKnownKey,
}

impl Note {
    /// The most bytes of a note: a megabyte.
    pub const BYTES_MAX: usize = 1_000_000;
    /// The most signatures of a note; the specification asks for 16 at least.
    pub const SIGNATURES_MAX: usize = 100;

    /// A text with the signatures of some keys, in their order.
    ///
    /// # Errors
    ///
    /// If the result would not be read as a note, for example because the text does not end in a newline.
    pub fn sign(text: &str, signers: &[&SignerKey]) -> Result<Self, NoteError> {
        let signatures = signers.iter().map(|signer| signer.sign(text)).collect();
        Self { text: text.to_owned(), signatures }.checked()
    }

    /// The note with one more signature at its end.
    ///
    /// # Errors
    ///
    /// If it is then too long or has too many.
    pub fn with(mut self, signature: Signature) -> Result<Self, NoteError> {
        self.signatures.push(signature);
        self.checked()
    }

    /// The note with those of its signatures that are wanted.
    ///
    /// # Errors
    ///
    /// If none is wanted.
    pub(crate) fn only(&self, wanted: impl Fn(&Signature) -> bool) -> Result<Self, NoteError> {
        let signatures = self.signatures.iter().filter(|signature| wanted(signature)).cloned().collect();
        Self { text: self.text.clone(), signatures }.checked()
    }

    /// The text, if at least one of the keys signed it and none of them wrongly.
    ///
    /// # Errors
    ///
    /// If the keys cannot be told apart, one of them signed twice or wrongly, or none signed.
    pub fn open(&self, keys: &[VerifierKey]) -> Result<&str, NoteError> {
        let mut known = 0;
        for (place, key) in keys.iter().enumerate() {
            if keys[..place].iter().any(|other| other.public().is_named_as(key.public())) {
                return Err(NoteError::KeysAmbiguous);
            }
            if let Some(signature) = self.signature_of(key.public())? {
                key.verify(&self.text, signature)?;
                known += 1;
            }
        }
        if known > 0 { Ok(&self.text) } else { Err(NoteError::NoKnownKey) }
    }

    /// The signatures, in order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The text, which nobody vouches for yet.
    pub(crate) fn text_unverified(&self) -> &str {
        &self.text
    }

    /// The one signature of a key, if there is one.
    pub(crate) fn signature_of(&self, key: &PublicKey) -> Result<Option<&Signature>, NoteError> {
        let mut found = self.signatures.iter().filter(|signature| key.made(signature));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(NoteError::SignedTwice),
            (found, _) => Ok(found),
        }
    }

    /// The note, if it is read back as itself.
    fn checked(self) -> Result<Self, NoteError> {
        let read: Self = self.to_string().parse()?;
        // A text that ends in what looks like signatures would be read as another note.
        if read == self { Ok(self) } else { Err(NoteError::SignatureLine) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(out, "{signature}"))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > Self::BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        if note.chars().any(|letter| letter < ' ' && letter != '\n') {
            return Err(NoteError::ControlCharacter);
        }
        if !note.ends_with('\n') {
            return Err(NoteError::NoNewline);
        }
        // The text may have empty lines, the signatures may not: the last one separates them.
        let end = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        if signatures.lines().count() > Self::SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let signatures = signatures.split_inclusive('\n').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }
}

impl From<TextError> for NoteError {
    fn from(_: TextError) -> Self {
        Self::SignatureLine
    }
}
