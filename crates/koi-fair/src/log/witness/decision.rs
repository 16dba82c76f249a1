//! Whether a witness cosigns: a function of what it saw and what it is asked.

use super::request::AddCheckpoint;
use crate::log::TreeHash;
use crate::log::checkpoint::CheckpointError;
use crate::log::cosignature::{CosignTime, CosignerKey};
use crate::log::note::{Signature, VerifierKey};
use crate::log::tree::{ProofError, verify_consistency};

/// A log that a witness follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// Its origin.
    pub origin: String,
    /// Its keys: one of them must have signed.
    pub keys: Vec<VerifierKey>,
}

/// What a witness cosigned last of a log. It is the whole state of a witness, one for each origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The number of entries.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
}

/// Why a witness does not cosign, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The log is not followed here.
    #[error("the log is not known here")]
    UnknownLog,
    /// None of the log's keys signed, or one of them wrongly, or it is another log's checkpoint.
    #[error("the checkpoint is not signed: {0}")]
    NotSigned(CheckpointError),
    /// The old size is above the checkpoint's.
    #[error("the old size is above the checkpoint's")]
    SizesOutOfOrder,
    /// The old size is not what was seen last.
    #[error("the old size is not {seen}, which was seen last")]
    OtherSize {
        /// The size that was seen last, 0 for none.
        seen: u64,
    },
    /// A checkpoint of the same size had another root: the log shows two histories.
    #[error("another root of this size was seen")]
    OtherRoot,
    /// The consistency proof does not lead from what was seen to the checkpoint.
    #[error("the consistency proof is refused: {0}")]
    ProofWrong(ProofError),
}

/// What a witness does with a request about the log of the checkpoint's claimed origin, if it follows one: what
/// it saw last from now on, and its cosignature; or why not.
///
/// The new state must be stored before the cosignature is given out, in the same step as `seen` was read.
///
/// # Errors
///
/// The first refusal that applies. The state stays what it was.
pub fn decide(
    seen: Option<&Seen>,
    log: Option<&KnownLog>,
    request: &AddCheckpoint,
    cosigner: &CosignerKey,
    time: CosignTime,
) -> Result<(Seen, Signature), Refusal> {
    let log = log.ok_or(Refusal::UnknownLog)?;
    let checkpoint = request.checkpoint.open(&log.origin, &log.keys).map_err(Refusal::NotSigned)?;
    if request.old_size > checkpoint.size() {
        return Err(Refusal::SizesOutOfOrder);
    }
    let seen = seen.copied().unwrap_or(Seen { size: 0, root: TreeHash::of_nothing() });
    if request.old_size != seen.size {
        return Err(Refusal::OtherSize { seen: seen.size });
    }
    if checkpoint.size() == seen.size && checkpoint.root() != seen.root {
        return Err(Refusal::OtherRoot);
    }
    verify_consistency(seen.size, checkpoint.size(), &seen.root, &checkpoint.root(), &request.proof)
        .map_err(Refusal::ProofWrong)?;
    let now = Seen { size: checkpoint.size(), root: checkpoint.root() };
    Ok((now, cosigner.cosign(&request.checkpoint, time)))
}
