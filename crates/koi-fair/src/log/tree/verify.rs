//! Checking proofs, as in RFC 9162, sections 2.1.3.2 and 2.1.4.2.
//!
//! A proof does not bind the size of the tree by itself: some trees of different sizes have the same path to
//! an entry. Size and root must come together, from one signed checkpoint, as they do in a
//! [`TlogProof`](crate::log::TlogProof).

use crate::log::TreeHash;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size.
    #[error("the index is not below the size")]
    IndexOutOfRange,
    /// The old size is above the new one.
    #[error("the old size is above the new one")]
    SizesOutOfOrder,
    /// There are fewer hashes than the index and the sizes call for.
    #[error("the proof has {given} hashes, it needs {needed}")]
    TooShort {
        /// How many the proof needs.
        needed: usize,
        /// How many it has.
        given: usize,
    },
    /// There are more hashes than the index and the sizes call for.
    #[error("the proof has {given} hashes, it needs {needed}")]
    TooLong {
        /// How many the proof needs.
        needed: usize,
        /// How many it has.
        given: usize,
    },
    /// The hashes lead to another root of the older tree.
    #[error("the proof does not lead to the old root")]
    OldRootDiffers,
    /// The hashes lead to another root.
    #[error("the proof does not lead to the root")]
    RootDiffers,
}

/// Checks that a leaf's hash is number `index` (from 0) in the tree of `size` leaves with this root.
///
/// # Errors
///
/// If the proof does not show that; the reason is the first in the order of [`ProofError`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &TreeHash,
    proof: &[TreeHash],
    root: &TreeHash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange);
    }
    // Up to where the path leaves the right edge of the tree, every level has a hash beside it; from there on
    // only the levels where the path is a right child.
    let last = size - 1;
    let inner = bits(index ^ last);
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    check_length(inner + border, proof)?;
    let (inner, border) = proof.split_at(as_length(inner));
    let mut hash = *leaf;
    for (level, beside) in inner.iter().enumerate() {
        let is_left = (index >> level) & 1 == 0;
        hash = if is_left { TreeHash::of_node(&hash, beside) } else { TreeHash::of_node(beside, &hash) };
    }
    let reached = border.iter().fold(hash, |hash, beside| TreeHash::of_node(beside, &hash));
    if reached == *root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// Checks that the tree of `size` leaves begins with all leaves of the tree of `old_size`, by their roots.
/// Equal sizes need equal roots; from size 0 the old root must be that of nothing. Both with an empty proof.
///
/// # Errors
///
/// If the proof does not show that; the reason is the first in the order of [`ProofError`].
pub fn verify_consistency(
    old_size: u64,
    size: u64,
    old_root: &TreeHash,
    root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if old_size > size {
        return Err(ProofError::SizesOutOfOrder);
    }
    if old_size == 0 || old_size == size {
        check_length(0, proof)?;
        if old_size == 0 && *old_root != TreeHash::of_nothing() {
            return Err(ProofError::OldRootDiffers);
        }
        return if old_size == size && root != old_root { Err(ProofError::RootDiffers) } else { Ok(()) };
    }
    // The path runs from the last complete subtree of the old tree, `level` levels above the leaves.
    let level = old_size.trailing_zeros();
    let (index, last) = ((old_size - 1) >> level, (size - 1) >> level);
    let inner = bits(index ^ last);
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    // If that subtree is all of the old tree, its root is known; otherwise the proof begins with it.
    let begins_with_hash = index != 0;
    check_length(inner + border + u32::from(begins_with_hash), proof)?;
    let (first, path) = match proof.split_first() {
        Some((first, path)) if begins_with_hash => (first, path),
        Some(_) | None => (old_root, proof),
    };
    let (inner, border) = path.split_at(as_length(inner));
    let (mut old, mut new) = (*first, *first);
    for (level, beside) in inner.iter().enumerate() {
        if (index >> level) & 1 == 0 {
            // To the right of the old tree: only the new one has it.
            new = TreeHash::of_node(&new, beside);
        } else {
            old = TreeHash::of_node(beside, &old);
            new = TreeHash::of_node(beside, &new);
        }
    }
    for beside in border {
        old = TreeHash::of_node(beside, &old);
        new = TreeHash::of_node(beside, &new);
    }
    if old != *old_root {
        return Err(ProofError::OldRootDiffers);
    }
    if new == *root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// How many bits a number has: 0 for 0, 64 at most.
fn bits(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

fn as_length(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn check_length(needed: u32, proof: &[TreeHash]) -> Result<(), ProofError> {
    let (needed, given) = (as_length(needed), proof.len());
    match given.cmp(&needed) {
        std::cmp::Ordering::Less => Err(ProofError::TooShort { needed, given }),
        std::cmp::Ordering::Greater => Err(ProofError::TooLong { needed, given }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}
