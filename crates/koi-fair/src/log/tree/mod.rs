//! The Merkle tree of RFC 6962 and RFC 9162: one hash for a whole log, and short proofs about it.
//!
//! The tree over `n` leaves splits at the largest power of two below `n`, so that a complete subtree never
//! changes again as the log grows. That one property carries everything here:
//!
//! - [`Frontier`] keeps only the complete subtrees along the right edge, at most 64 hashes for any log;
//! - an *inclusion proof* shows that an entry is in a log, with the hashes beside its path to the root;
//! - a *consistency proof* shows that a log only grew, with hashes that make up both roots.
//!
//! Who makes a proof asks for complete subtrees only ([`Node`]), from anything that has them ([`HashSource`]):
//! tiles on a disk, or a list of leaves. Who checks one needs only the proof ([`verify_inclusion`],
//! [`verify_consistency`]) and gets a reason for every refusal ([`ProofError`]).
//!
//! ```
//! use koi_fair::log::{Leaves, TreeHash, consistency, inclusion, verify_consistency, verify_inclusion};
//!
//! let entries = ["a", "b", "c", "d", "e"];
//! let leaves = Leaves(entries.iter().map(|entry| TreeHash::of_leaf(entry.as_bytes())).collect());
//! let (old_root, root) = (leaves.root(3), leaves.root(5));
//!
//! let proof = inclusion(2, 5, &leaves)?;
//! assert_eq!(verify_inclusion(2, 5, &TreeHash::of_leaf(b"c"), &proof, &root), Ok(()));
//!
//! let proof = consistency(3, 5, &leaves)?;
//! assert_eq!(verify_consistency(3, 5, &old_root, &root, &proof), Ok(()));
//! # Ok::<(), koi_fair::log::MakeError<koi_fair::log::NoSuchNode>>(())
//! ```

mod frontier;
mod leaves;
mod make;
mod node;
#[cfg(test)]
mod tests;
mod verify;

pub use frontier::{Frontier, FrontierError};
pub use leaves::{Leaves, NoSuchNode};
pub use make::{HashSource, MakeError, consistency, inclusion};
pub use node::Node;
pub(crate) use node::{complete, peaks, root_of_peaks};
pub use verify::{ProofError, verify_consistency, verify_inclusion};
