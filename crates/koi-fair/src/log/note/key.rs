//! The keys that signatures are checked with: `<name>+<id>+<base64 of type and key>`.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

use super::{NoteError, Signature};
use crate::log::text;

/// The type byte of plain Ed25519 signatures.
const TYPE_ED25519: u8 = 0x01;

/// The name of a key: not empty, without spaces of any alphabet, control characters or `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a name, an id and a key with `+` between them (and `PRIVATE+KEY+` in front of a secret one).
    #[error("the key is not a name, an id and base64 with + between them")]
    Shape,
    /// The name is empty or has a space, a control character or `+`.
    #[error("the name of the key is empty or has a space or +")]
    Name,
    /// The id is not that of the name and the key.
    #[error("the id of the key is not that of its name and bytes")]
    Id,
    /// The type of the key is not the one that is needed here: 0x01 for notes, 0x04 for witnesses.
    #[error("the key is of type {0:#04x}, which does not belong here")]
    Type(u8),
    /// The bytes are not an Ed25519 key in its one spelling, or it is one whose signatures mean nothing (of small
    /// order).
    #[error("the key is not a sound Ed25519 key")]
    Bytes,
}

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let refused = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
        if name.is_empty() || name.chars().any(refused) { Err(KeyError::Name) } else { Ok(Self(name.to_owned())) }
    }
}

/// A name, a signature type and an Ed25519 key: what both kinds of keys have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    name: KeyName,
    kind: u8,
    key: VerifyingKey,
}

impl PublicKey {
    pub(crate) fn new(name: KeyName, kind: u8, key: VerifyingKey) -> Self {
        Self { name, kind, key }
    }

    /// Reads a key of one type.
    pub(crate) fn parse(text: &str, kind: u8) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Shape);
        };
        let name: KeyName = name.parse()?;
        let bytes = text::bytes_of_base64(bytes).map_err(|_| KeyError::Shape)?;
        check_id(&name, &bytes, id)?;
        match bytes.split_first() {
            Some((found, bytes)) if *found == kind => Ok(Self { name, kind, key: sound(bytes)? }),
            Some((found, _)) => Err(KeyError::Type(*found)),
            None => Err(KeyError::Shape),
        }
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.name
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        key_id(&self.name, &self.typed_bytes())
    }

    pub(crate) fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whether a signature says that it is this key's.
    pub(crate) fn made(&self, signature: &Signature) -> bool {
        signature.name() == &self.name && signature.id() == self.id()
    }

    pub(crate) fn is_named_as(&self, other: &Self) -> bool {
        self.name == other.name && self.id() == other.id()
    }

    /// Whether 64 bytes are this key's signature of a message. Strict: there is no second signature of the
    /// same message that somebody without the secret could make of the first.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    fn typed_bytes(&self) -> Vec<u8> {
        [&[self.kind], &self.key.as_bytes()[..]].concat()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.typed_bytes();
        write!(out, "{}+{}+{}", self.name, hex(key_id(&self.name, &bytes)), text::base64(&bytes))
    }
}

/// The first four bytes of `SHA256(name ‖ 0x0A ‖ type ‖ key)`.
pub(super) fn key_id(name: &KeyName, typed_bytes: &[u8]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name.as_str()).chain_update(b"\n").chain_update(typed_bytes).finalize();
    std::array::from_fn(|place| hash[place])
}

pub(super) fn check_id(name: &KeyName, typed_bytes: &[u8], id: &str) -> Result<(), KeyError> {
    let shaped = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !shaped {
        return Err(KeyError::Shape);
    }
    if hex(key_id(name, typed_bytes)) == id { Ok(()) } else { Err(KeyError::Id) }
}

pub(super) fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

fn sound(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Bytes)?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Bytes)?;
    let canonical = key.to_edwards().compress().as_bytes() == bytes;
    if canonical && !key.is_weak() { Ok(key) } else { Err(KeyError::Bytes) }
}

/// A key that signs notes (signature type 0x01).
///
/// ```
/// use koi_fair::log::{KeyError, VerifierKey};
///
/// // The example of the specification.
/// let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!(key.to_string(), text);
/// assert_eq!(text.replace("foo", "bar").parse::<VerifierKey>(), Err(KeyError::Id));
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey(PublicKey);

impl VerifierKey {
    pub(super) fn of(name: KeyName, key: VerifyingKey) -> Self {
        Self(PublicKey::new(name, TYPE_ED25519, key))
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        self.0.name()
    }

    /// The key's id: with the name it tells which signatures are this key's.
    pub fn id(&self) -> [u8; 4] {
        self.0.id()
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.0
    }

    pub(super) fn verify(&self, text: &str, signature: &Signature) -> Result<(), NoteError> {
        let right = self.0.verifies(text.as_bytes(), signature.bytes());
        if right { Ok(()) } else { Err(NoteError::SignatureWrong) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PublicKey::parse(text, TYPE_ED25519).map(Self)
    }
}
