//! The keys that sign: `PRIVATE+KEY+<name>+<id>+<base64 of type and seed>`.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer, SigningKey};

use super::key::{KeyError, KeyName, VerifierKey, check_id, hex, key_id};
use super::{PublicKey, Signature};
use crate::log::text;

const PREFIX: &str = "PRIVATE+KEY+";
/// The type byte of plain Ed25519 signatures.
const TYPE_ED25519: u8 = 0x01;

/// A secret of some signature type: what both kinds of signers have in common. It is wiped from memory when it
/// goes, and not shown in debug output.
#[derive(Clone)]
pub(crate) struct Secret {
    name: KeyName,
    kind: u8,
    key: SigningKey,
}

impl Secret {
    pub(crate) fn from_seed(name: &str, kind: u8, seed: [u8; 32]) -> Result<Self, KeyError> {
        Ok(Self { name: name.parse()?, kind, key: SigningKey::from_bytes(&seed) })
    }

    pub(crate) fn parse(text: &str, kind: u8) -> Result<Self, KeyError> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(KeyError::Shape)?.splitn(3, '+');
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Shape);
        };
        let bytes = text::bytes_of_base64(bytes).map_err(|_| KeyError::Shape)?;
        let Some((found, seed)) = bytes.split_first() else { return Err(KeyError::Shape) };
        if *found != kind {
            return Err(KeyError::Type(*found));
        }
        let secret = Self::from_seed(name, kind, seed.try_into().map_err(|_| KeyError::Bytes)?)?;
        // The id is that of the public key, so that it can be found among those that are published.
        check_id(&secret.name, &secret.typed_public(), id)?;
        Ok(secret)
    }

    pub(crate) fn to_text(&self) -> String {
        let id = hex(key_id(&self.name, &self.typed_public()));
        let bytes = [&[self.kind], &self.key.as_bytes()[..]].concat();
        format!("{PREFIX}{}+{id}+{}", self.name, text::base64(&bytes))
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::new(self.name.clone(), self.kind, self.key.verifying_key())
    }

    /// The 64 bytes of the signature of a message.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// A signature line of this key with bytes that it made.
    pub(crate) fn line(&self, bytes: Vec<u8>) -> Signature {
        Signature::new(self.name.clone(), key_id(&self.name, &self.typed_public()), bytes)
    }

    fn typed_public(&self) -> Vec<u8> {
        [&[self.kind], &self.key.verifying_key().as_bytes()[..]].concat()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secret of {}", self.name)
    }
}

/// A secret key that signs notes (signature type 0x01).
///
/// ```
/// use koi_fair::log::{KeyError, Note, SignerKey};
///
/// // The example of Go's package `note`.
/// let text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
/// let signer: SignerKey = text.parse()?;
/// let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// assert_eq!(signer.verifier().to_string(), public);
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SignerKey(Secret);

impl SignerKey {
    /// The key of a name and a secret of 32 random bytes.
    ///
    /// # Errors
    ///
    /// If the name is not that of a key.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        Secret::from_seed(name, TYPE_ED25519, seed).map(Self)
    }

    /// The secret as text, to be kept where only its owner can read it.
    pub fn to_secret_text(&self) -> String {
        self.0.to_text()
    }

    /// The key that checks what this one signs.
    pub fn verifier(&self) -> VerifierKey {
        let public = self.0.public();
        VerifierKey::of(public.name().clone(), self.0.key.verifying_key())
    }

    pub(super) fn sign(&self, text: &str) -> Signature {
        self.0.line(self.0.sign(text.as_bytes()).to_vec())
    }
}

impl FromStr for SignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Secret::parse(text, TYPE_ED25519).map(Self)
    }
}
