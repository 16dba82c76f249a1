//! What a person keeps: a file that shows that an entry is in a log (<https://c2sp.org/tlog-proof>).
//!
//! It can be checked offline, with nothing but the log's key and those of the witnesses.
//!
//! ```
//! use koi_fair::log::{Checkpoint, Leaves, Policy, Quorum, SignerKey, TlogProof, TreeHash, inclusion};
//!
//! // Everybody knows the secret of this example.
//! let log = SignerKey::from_seed("example.com/log", [7; 32])?;
//! let leaves = Leaves(["a", "b", "c"].iter().map(|entry| TreeHash::of_leaf(entry.as_bytes())).collect());
//! let checkpoint = Checkpoint::new("example.com/log", 3, leaves.root(3))?.sign(&[&log])?;
//! let proof = TlogProof { extra: None, index: 1, hashes: inclusion(1, 3, &leaves)?, checkpoint };
//!
//! let policy = Policy {
//!     origin: "example.com/log".to_owned(),
//!     keys: vec![log.verifier()],
//!     quorum: Quorum::new(vec![], 0)?,
//!     before: None,
//! };
//! let kept = proof.to_string();
//! assert_eq!(kept.parse::<TlogProof>()?.verify(b"b", &policy)?.size, 3);
//! assert!(proof.verify(b"c", &policy).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use super::TreeHash;
use super::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use super::cosignature::{Cosignature, CosignatureError};
use super::note::VerifierKey;
use super::quorum::Quorum;
use super::text::{self, TextError};
use super::tree::{ProofError, verify_inclusion};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A proof that an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Whatever the application adds. Nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// The entry's index, from 0.
    pub index: u64,
    /// The inclusion proof, from the leaf to the root.
    pub hashes: Vec<TreeHash>,
    /// The checkpoint that it leads to, with its cosignatures.
    pub checkpoint: SignedCheckpoint,
}

/// What a checkpoint needs to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The log's origin.
    pub origin: String,
    /// The log's keys: one of them must have signed.
    pub keys: Vec<VerifierKey>,
    /// The witnesses, and how many of them must have cosigned.
    pub quorum: Quorum,
    /// The time before which they must have, in seconds since the epoch, if it matters.
    pub before: Option<u64>,
}

/// What a proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The entry's index, from 0.
    pub index: u64,
    /// The number of entries in the log.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
    /// The witnesses of the quorum that cosigned (in time, if that matters).
    pub cosignatures: Vec<Cosignature>,
}

/// Why a text is not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// It does not begin with the line of this format and version.
    #[error("the text is not a tlog-proof of version 1")]
    Header,
    /// A line is not what it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// There are more hashes than any tree is high.
    #[error("the proof has more than {} hashes", TlogProof::HASHES_MAX)]
    TooManyHashes,
    /// The checkpoint is not one.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// Why a proof does not show anything, in the order in which it is checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The log did not sign the checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The witnesses did not cosign it as is needed.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// The entry is not at its place in the log.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

impl Policy {
    /// What the log says and which witnesses of the quorum cosigned it, if both are as is needed.
    ///
    /// # Errors
    ///
    /// If the log did not sign, or the quorum is not reached (in time).
    pub fn accept<'a>(
        &self,
        signed: &'a SignedCheckpoint,
    ) -> Result<(&'a Checkpoint, Vec<Cosignature>), VerifyError> {
        let checkpoint = signed.open(&self.origin, &self.keys)?;
        let cosignatures = match self.before {
            Some(before) => self.quorum.before(signed, before)?,
            None => self.quorum.reached(signed)?,
        };
        Ok((checkpoint, cosignatures))
    }
}

impl TlogProof {
    /// The most hashes of a proof: the height of the highest tree whose size can be written.
    pub const HASHES_MAX: usize = 64;

    /// Checks that `entry` is in the log, by what `policy` needs.
    ///
    /// # Errors
    ///
    /// If the proof does not show that.
    pub fn verify(&self, entry: &[u8], policy: &Policy) -> Result<Proved, VerifyError> {
        let (checkpoint, cosignatures) = policy.accept(&self.checkpoint)?;
        let (size, root) = (checkpoint.size(), checkpoint.root());
        verify_inclusion(self.index, size, &TreeHash::of_leaf(entry), &self.hashes, &root)?;
        Ok(Proved { index: self.index, size, root, cosignatures })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(out, "extra {}", text::base64(extra))?;
        }
        writeln!(out, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(out, "{hash}"))?;
        write!(out, "\n{}", self.checkpoint)
    }
}

impl FromStr for TlogProof {
    type Err = TlogProofError;

    fn from_str(proof: &str) -> Result<Self, TlogProofError> {
        let rest = proof.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n'));
        let (mut line, mut rest) = text::line(rest.ok_or(TlogProofError::Header)?)?;
        let mut extra = None;
        if let Ok(bytes) = text::after_word(line, "extra") {
            extra = Some(text::bytes_of_base64(bytes)?);
            (line, rest) = text::line(rest)?;
        }
        let index = text::number(text::after_word(line, "index")?)?;
        let (hashes, rest) = text::hashes(rest, Self::HASHES_MAX)?.ok_or(TlogProofError::TooManyHashes)?;
        Ok(Self { extra, index, hashes, checkpoint: rest.parse()? })
    }
}

#[cfg(test)]
mod tests;
