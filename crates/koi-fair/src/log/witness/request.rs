//! The body of `add-checkpoint`: `old <size>`, the proof's hashes, an empty line, the checkpoint.

use std::fmt;
use std::str::FromStr;

use crate::log::TreeHash;
use crate::log::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::log::text::{self, TextError};

/// What a log asks of a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last, as far as the log knows; 0 for none.
    pub old_size: u64,
    /// The consistency proof from there, at most 63 hashes; none from size 0.
    pub proof: Vec<TreeHash>,
    /// The checkpoint to be cosigned.
    pub checkpoint: SignedCheckpoint,
}

/// Why a body is not a request. The answer is status 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A line is not what it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// There are more than 63 hashes.
    #[error("the proof has more than {} hashes", AddCheckpoint::HASHES_MAX)]
    TooManyHashes,
    /// The checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    /// The most hashes of a proof.
    pub const HASHES_MAX: usize = 63;
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(out, "{hash}"))?;
        write!(out, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = RequestError;

    fn from_str(body: &str) -> Result<Self, RequestError> {
        let (old, rest) = text::line(body)?;
        let old_size = text::number(text::after_word(old, "old")?)?;
        let (proof, rest) = text::hashes(rest, Self::HASHES_MAX)?.ok_or(RequestError::TooManyHashes)?;
        Ok(Self { old_size, proof, checkpoint: rest.parse()? })
    }
}
