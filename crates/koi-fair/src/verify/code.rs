//! The stable codes of everything that can be refused. What strangers cannot be expected to tell apart has one code.

use crate::log::{CheckpointError, CosignatureError, NoteError, ProofError, TlogProofError, VerifyError};
use crate::statement::Unreadable;

pub(super) fn of_note(why: NoteError) -> &'static str {
    match why {
        NoteError::TooLong
        | NoteError::ControlCharacter
        | NoteError::NoSignatures
        | NoteError::NoNewline
        | NoteError::SignatureLine
        | NoteError::TooManySignatures => "note_malformed",
        NoteError::KeysAmbiguous | NoteError::SignedTwice => "signed_twice",
        NoteError::SignatureWrong => "signature_wrong",
        NoteError::NoKnownKey => "signature_missing",
    }
}

pub(super) fn of_checkpoint(why: CheckpointError) -> &'static str {
    match why {
        CheckpointError::Note(why) => of_note(why),
        CheckpointError::Text(_) | CheckpointError::ControlCharacter | CheckpointError::EmptyRoot => {
            "checkpoint_malformed"
        }
        CheckpointError::SignedTwice => "signed_twice",
        CheckpointError::OriginDiffers => "checkpoint_origin",
    }
}

pub(super) fn of_cosignature(why: &CosignatureError) -> &'static str {
    match why {
        CosignatureError::Wrong { .. } => "cosignature_wrong",
        CosignatureError::TimeOutOfRange { .. } => "cosignature_time",
        CosignatureError::TooFew { .. } => "quorum_too_few",
        CosignatureError::TooLate { .. } => "quorum_too_late",
    }
}

pub(super) fn of_proof_text(why: TlogProofError) -> &'static str {
    match why {
        TlogProofError::Header | TlogProofError::Text(_) | TlogProofError::TooManyHashes => "proof_malformed",
        TlogProofError::Checkpoint(why) => of_checkpoint(why),
    }
}

pub(super) fn of_proof(why: &VerifyError) -> &'static str {
    match why {
        VerifyError::Checkpoint(why) => of_checkpoint(*why),
        VerifyError::Cosignature(why) => of_cosignature(why),
        VerifyError::Inclusion(ProofError::IndexOutOfRange) => "inclusion_index",
        VerifyError::Inclusion(ProofError::TooShort { .. } | ProofError::TooLong { .. }) => "inclusion_length",
        VerifyError::Inclusion(
            ProofError::RootDiffers | ProofError::OldRootDiffers | ProofError::SizesOutOfOrder,
        ) => "inclusion_root",
    }
}

pub(super) fn of_statement(why: &Unreadable) -> &'static str {
    match why {
        Unreadable::NotCanonical(_) => "statement_not_canonical",
        Unreadable::Version => "statement_version",
        Unreadable::Member(_) => "statement_member",
    }
}
