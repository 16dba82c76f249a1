//! Why a draw's proof shows nothing. The order is that of the checks: the first that applies is said.

use crate::beacon::BeaconRefusal;
use crate::canonical::NotCanonical;
use crate::log::{CheckpointError, CosignatureError, NoteError, ProofError};
use crate::statement::{Instant, Unreadable};

use super::{DrawRefusal, PROOF_BYTES_MAX, PROOF_FORMAT, WrongExclusion};

/// Why a draw's proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawProofRefusal {
    /// More bytes than a proof has.
    #[error("the proof is longer than {PROOF_BYTES_MAX} bytes; one has about 3,000")]
    TooLong,
    /// It is no canonical JSON.
    #[error("the proof was changed, or is something else: {0}")]
    NotCanonical(#[from] NotCanonical),
    /// It is no proof of this format.
    #[error("it is no proof of the format {PROOF_FORMAT}")]
    Version,
    /// A member is missing, unknown or wrong.
    #[error("the proof does not have the members of one: {0}")]
    Member(String),
    /// The seal or the rules in it are no statements of this version, or not of their kinds, or out of range.
    #[error("the seal, or the rules in it, cannot be read: {0}")]
    Statement(Unreadable),
    /// The checkpoint is none, is of another log, or the log did not sign it.
    #[error("the checkpoint of the log: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The seal is not at its place in the log.
    #[error("the seal, with the rules in it, is not number {index} of the log (from 0): {why}")]
    SealInclusion {
        /// Where it should be.
        index: u64,
        /// What is wrong.
        why: ProofError,
    },
    /// The seal of one draw with the rules of another.
    #[error("the seal is of the draw {seal}, its rules are of {rules}")]
    DrawDiffers {
        /// What the seal names.
        seal: String,
        /// What the rules name.
        rules: String,
    },
    /// A chain that the verifier does not know.
    #[error("the chain {0} is not known: give its info if you trust it")]
    ChainUnknown(String),
    /// The local chain passed off as a public one, or the other way round.
    #[error("the rules say local: {said}, but the chain is {}", if *said { "a public one" } else { "the local one" })]
    ChainLocal {
        /// What the rules say.
        said: bool,
    },
    /// The round was chosen.
    #[error("the seal names round {said}, but by the rules it is {computed}")]
    RoundFormula {
        /// What the seal says.
        said: u64,
        /// What follows from close and margin.
        computed: u64,
    },
    /// Rules that came when entries were no longer accepted.
    #[error("the rules were stated at {at}, not before the close at {close}")]
    RulesLate {
        /// When they were stated.
        at: Instant,
        /// The close.
        close: Instant,
    },
    /// Entries could still come.
    #[error("it was sealed at {at}, before the close at {close}")]
    SealedEarly {
        /// When it was sealed.
        at: Instant,
        /// The close.
        close: Instant,
    },
    /// The round could be known already.
    #[error("it was sealed at {at}, not before the round at {round}")]
    SealedLate {
        /// When it was sealed.
        at: Instant,
        /// The time of the round.
        round: Instant,
    },
    /// The witnesses do not show that the seal was there before the round.
    #[error("the witnesses: {0}")]
    Cosignature(#[from] CosignatureError),
    /// The public randomness is not genuine.
    #[error("the public randomness: {0}")]
    Beacon(BeaconRefusal),
    /// The entry is not at its place among those that were sealed.
    #[error("the entry is not number {index} of those that were sealed (from 0): {why}")]
    EntryInclusion {
        /// Where it should be.
        index: u64,
        /// What is wrong.
        why: ProofError,
    },
    /// A list of exclusions that is none.
    #[error("the list of exclusions: {0}")]
    Exclusions(WrongExclusion),
    /// Another list than the one that was sealed.
    #[error("the list of exclusions has the hash {found}, sealed was {sealed}: it is another list")]
    ExclusionsHash {
        /// The hash of the list, or of the empty one.
        found: String,
        /// What the seal says.
        sealed: String,
    },
    /// More or fewer exclusions than were sealed, or more than there are entries.
    #[error("{found} entries are excluded here, sealed were {sealed} of {entries} entries")]
    ExclusionsCount {
        /// How many are in the list, or were passed over.
        found: u64,
        /// What the seal says.
        sealed: u64,
        /// The number of entries.
        entries: u64,
    },
    /// Nothing can be drawn.
    #[error("the draw: {0}")]
    Draw(#[from] DrawRefusal),
    /// Other entries were passed over than the proof says.
    #[error("the proof says that the draw passed over {said:?}, but it passed over {found:?}")]
    SkippedDiffers {
        /// What the proof says.
        said: Vec<u64>,
        /// What the draw met.
        found: Vec<u64>,
    },
    /// Another winner.
    #[error("the winner is index {found}, not {said}")]
    WinnerDiffers {
        /// Who is said to be.
        said: u64,
        /// Who is.
        found: u64,
    },
}

impl DrawProofRefusal {
    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "proof_too_long",
            Self::NotCanonical(_) => "proof_not_canonical",
            Self::Version => "proof_version",
            Self::Member(_) => "proof_member",
            Self::Statement(why) => of_statement(why),
            Self::Checkpoint(why) => of_checkpoint(*why),
            Self::SealInclusion { why, .. } => inclusion(*why, ["seal_index", "seal_length", "seal_root"]),
            Self::DrawDiffers { .. } => "draw_differs",
            Self::ChainUnknown(_) => "chain_unknown",
            Self::ChainLocal { .. } => "chain_local",
            Self::RoundFormula { .. } => "round_formula",
            Self::RulesLate { .. } => "rules_late",
            Self::SealedEarly { .. } => "sealed_early",
            Self::SealedLate { .. } => "sealed_late",
            Self::Cosignature(why) => of_cosignature(why),
            Self::Beacon(BeaconRefusal::SignatureWrong) => "beacon_signature",
            Self::Beacon(_) => "beacon_encoding",
            Self::EntryInclusion { why, .. } => inclusion(*why, ["entry_index", "entry_length", "entry_root"]),
            Self::Exclusions(_) => "exclusions_malformed",
            Self::ExclusionsHash { .. } => "exclusions_hash",
            Self::ExclusionsCount { .. } => "exclusions_count",
            Self::Draw(why) => why.code(),
            Self::SkippedDiffers { .. } => "skipped_differs",
            Self::WinnerDiffers { .. } => "winner_differs",
        }
    }
}

pub(super) fn of_statement(why: &Unreadable) -> &'static str {
    match why {
        Unreadable::NotCanonical(_) => "statement_not_canonical",
        Unreadable::Version => "statement_version",
        Unreadable::Member(_) => "statement_member",
    }
}

fn of_checkpoint(why: CheckpointError) -> &'static str {
    match why {
        CheckpointError::Note(NoteError::SignatureWrong) => "signature_wrong",
        CheckpointError::Note(NoteError::NoKnownKey) => "signature_missing",
        CheckpointError::Note(NoteError::KeysAmbiguous | NoteError::SignedTwice)
        | CheckpointError::SignedTwice => "signed_twice",
        CheckpointError::Note(_) => "note_malformed",
        CheckpointError::Text(_) | CheckpointError::ControlCharacter | CheckpointError::EmptyRoot => {
            "checkpoint_malformed"
        }
        CheckpointError::OriginDiffers => "checkpoint_origin",
    }
}

fn of_cosignature(why: &CosignatureError) -> &'static str {
    match why {
        CosignatureError::Wrong { .. } => "cosignature_wrong",
        CosignatureError::TimeOutOfRange { .. } => "cosignature_time",
        CosignatureError::TooFew { .. } => "quorum_too_few",
        CosignatureError::TooLate { .. } => "quorum_too_late",
    }
}

fn inclusion(why: ProofError, [index, length, root]: [&'static str; 3]) -> &'static str {
    match why {
        ProofError::IndexOutOfRange | ProofError::SizesOutOfOrder => index,
        ProofError::TooShort { .. } | ProofError::TooLong { .. } => length,
        ProofError::OldRootDiffers | ProofError::RootDiffers => root,
    }
}
