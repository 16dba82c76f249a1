//! The hashes of a Merkle tree (RFC 6962, section 2.1; RFC 9162, section 2.1.1).
//!
//! A leaf and a node are hashed with different first bytes. Without them, somebody could pass off a node as
//! an entry that happens to be 64 bytes long, and prove it to be in the log.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::text::{self, TextError};

/// A SHA-256 hash in a tree. It is written as in all texts of a log: 44 characters of base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash(pub [u8; 32]);

impl TreeHash {
    /// The bytes of a hash.
    pub const BYTES: usize = 32;

    /// The root of a tree without leaves: the SHA-256 of nothing.
    pub fn of_nothing() -> Self {
        Self(Sha256::digest(b"").into())
    }

    /// The hash of an entry: `SHA256(0x00 ‖ entry)`.
    pub fn of_leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
    }

    /// The hash of two subtrees: `SHA256(0x01 ‖ left ‖ right)`.
    pub fn of_node(left: &Self, right: &Self) -> Self {
        // In one piece: most of the work on a large log is here.
        let mut bytes = [0x01; 1 + 2 * Self::BYTES];
        bytes[1..=Self::BYTES].copy_from_slice(&left.0);
        bytes[1 + Self::BYTES..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of a complete subtree from those of its leaves or subtrees, whose number must be a power of
    /// two; of nothing it is the empty root.
    pub(crate) fn of_complete(mut hashes: Vec<Self>) -> Self {
        while hashes.len() > 1 {
            let half = hashes.len() / 2;
            for place in 0..half {
                hashes[place] = Self::of_node(&hashes[2 * place], &hashes[2 * place + 1]);
            }
            hashes.truncate(half);
        }
        hashes.first().copied().unwrap_or_else(Self::of_nothing)
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&text::base64(&self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TreeHash({self})")
    }
}

impl FromStr for TreeHash {
    type Err = TextError;

    fn from_str(line: &str) -> Result<Self, TextError> {
        let bytes = text::bytes_of_base64(line)?;
        bytes.try_into().map(Self).map_err(|_| TextError::HashLength)
    }
}
