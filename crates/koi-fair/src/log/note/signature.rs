//! A signature line: `— <name> <base64 of id and signature>`.

use std::fmt;
use std::str::FromStr;

use super::NoteError;
use super::key::KeyName;
use crate::log::text;

/// A signature as it stands under a note. That it is right is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Signature {
    pub(super) fn new(name: KeyName, id: [u8; 4], bytes: Vec<u8>) -> Self {
        Self { name, id, bytes }
    }

    /// The name of the key that it says made it.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key that it says made it.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What the key made: for a type 0x01 the 64 bytes of Ed25519.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// With its newline.
impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.bytes].concat();
        writeln!(out, "— {} {}", self.name, text::base64(&bytes))
    }
}

/// From a line with its newline.
impl FromStr for Signature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let line = line.strip_suffix('\n').ok_or(NoteError::NoNewline)?;
        let rest = line.strip_prefix("— ").ok_or(NoteError::SignatureLine)?;
        let (name, bytes) = rest.split_once(' ').ok_or(NoteError::SignatureLine)?;
        let name = name.parse().map_err(|_| NoteError::SignatureLine)?;
        let bytes = text::bytes_of_base64(bytes)?;
        match bytes.split_first_chunk() {
            Some((id, bytes)) if !bytes.is_empty() => Ok(Self::new(name, *id, bytes.to_vec())),
            Some(_) | None => Err(NoteError::SignatureLine),
        }
    }
}
