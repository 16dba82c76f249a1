//! Keys of signed notes, as they are handed around.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{Note, Signature, message};

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The text of a note (Ed25519, type 0x01).
    Note,
    /// A checkpoint with the time at which a witness saw it (Ed25519, type 0x04).
    Cosignature,
}

impl Kind {
    fn number(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongKey {
    /// It is no key of a note.
    #[error("a key is written NAME+HASH+BASE64, the hash being 8 hexadecimal digits")]
    Shape,
    /// The hash is that of another name or key.
    #[error("its hash is not that of its name and its key")]
    Hash,
    /// It is of a type that is not known here.
    #[error("it is of type {0:#04x}; known are 0x01, which signs notes, and 0x04, which cosigns checkpoints")]
    Type(u8),
    /// It is no point of the curve.
    #[error("it is no Ed25519 key")]
    Key,
}

/// Names have no spaces, and no plus, which stands between the parts of a key.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
}

/// A key that verifies: `NAME+HASH+BASE64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: Kind,
    key: [u8; 32],
}

impl VerifierKey {
    /// Reads a key.
    pub fn parse(text: &str) -> Result<Self, WrongKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(WrongKey::Shape);
        };
        let bytes = BASE64.decode(encoded).map_err(|_| WrongKey::Shape)?;
        let (number, key) = bytes.split_first().ok_or(WrongKey::Shape)?;
        let kinds = [Kind::Note, Kind::Cosignature];
        let kind = kinds.into_iter().find(|kind| kind.number() == *number).ok_or(WrongKey::Type(*number))?;
        let key: [u8; 32] = key.try_into().map_err(|_| WrongKey::Key)?;
        VerifyingKey::from_bytes(&key).map_err(|_| WrongKey::Key)?;
        let read = Self { name: name.to_owned(), kind, key };
        let lower = hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if !is_name(name) || hash.len() != 8 || !lower {
            return Err(WrongKey::Shape);
        }
        if hex::encode(read.id()) == hash { Ok(read) } else { Err(WrongKey::Hash) }
    }

    /// Whose key it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The Ed25519 public key.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// The first four bytes of `SHA256(name ‖ 0x0A ‖ type ‖ key)`.
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(&self.name).chain_update([b'\n', self.kind.number()]);
        let hash: [u8; 32] = hash.chain_update(self.key).finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.kind.number()], &self.key[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), BASE64.encode(bytes))
    }
}

/// A key that signs.
pub struct Signer {
    name: String,
    key: SigningKey,
}

/// The secret stays out of every log.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.name)
    }
}

impl Signer {
    /// The key of a secret of 32 random bytes; `None` when the name has a space or a plus, or is empty.
    pub fn new(name: &str, secret: [u8; 32]) -> Option<Self> {
        is_name(name).then(|| Self { name: name.to_owned(), key: SigningKey::from_bytes(&secret) })
    }

    /// The key that verifies what this one signs.
    pub fn key(&self, kind: Kind) -> VerifierKey {
        VerifierKey { name: self.name.clone(), kind, key: self.key.verifying_key().to_bytes() }
    }

    /// A note of a text; `None` when the text does not end its last line, or has characters that a note may not have.
    pub fn sign(&self, text: &str) -> Option<String> {
        let signatures = vec![self.signature(text)];
        let note = Note { text: text.to_owned(), signatures }.to_string();
        Note::parse(note.as_bytes()).is_ok_and(|read| read.text == text).then_some(note)
    }

    /// A signature of a text, to be added to a note.
    pub fn signature(&self, text: &str) -> Signature {
        let bytes = self.key.sign(&message(text, Kind::Note, 0)).to_bytes().to_vec();
        Signature { name: self.name.clone(), key_id: self.key(Kind::Note).id(), bytes }
    }

    /// A witness's signature of a checkpoint that it saw at a time, in seconds since 1970.
    pub fn cosignature(&self, text: &str, time_s: u64) -> Signature {
        let signature = self.key.sign(&message(text, Kind::Cosignature, time_s)).to_bytes();
        let bytes = [&time_s.to_be_bytes()[..], &signature].concat();
        Signature { name: self.name.clone(), key_id: self.key(Kind::Cosignature).id(), bytes }
    }
}
