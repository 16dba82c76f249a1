//! A log that only grows, in the formats of the C2SP, so that tools of others can read it.
//!
//! Koi writes what it must not change later into such logs: the rules of a draw, its entries, its outcome.
//! From the inside out:
//!
//! - a Merkle [`tree`] gives every state of the log one hash, and short proofs about it;
//! - [`tile`]s are the files in which the tree and the entries are served;
//! - a signed [`note`] carries the signatures, a [`checkpoint`] is the note that names a log's size and root;
//! - [`witness`]es add [`cosignature`]s to checkpoints that only grow, each with its time, so that a log cannot
//!   show one history to some and another to others; a [`quorum`] says how many are enough;
//! - a [`proof`] is what a person keeps: an entry's place, its way to the root, and the checkpoint.
//!
//! Everything is a value or a function of values. What reads or writes is a trait that the caller has; times
//! and secrets are arguments. Parsing is strict: one spelling for each meaning.

pub mod checkpoint;
pub mod cosignature;
mod hash;
pub mod note;
pub mod proof;
pub mod quorum;
pub(crate) mod text;
pub mod tile;
pub mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use cosignature::{CosignTime, Cosignature, CosignatureError, CosignerKey, TimeOutOfRange, WitnessKey};
pub use hash::TreeHash;
pub use note::{KeyError, KeyName, Note, NoteError, Signature, SignerKey, VerifierKey};
pub use proof::{Policy, Proved, TlogProof, TlogProofError, VerifyError};
pub use quorum::{Quorum, QuorumError};
pub use text::TextError;
pub use tile::{
    AppendError, AuditDepth, AuditError, BundleError, Folder, NoSuchTile, ResumeError, TileError, TileKind,
    TilePath, TilePathError, TileReader, TileSink, TileSource, TileWriter, audit, bundle_of, entries_of,
    hashes_of_tile,
};
pub use tree::{
    Frontier, FrontierError, HashSource, Leaves, MakeError, NoSuchNode, Node, ProofError, consistency, inclusion,
    verify_consistency, verify_inclusion,
};
pub use witness::{AddCheckpoint, Answer, AnswerError, KnownLog, Refusal, RequestError, Seen, decide};
