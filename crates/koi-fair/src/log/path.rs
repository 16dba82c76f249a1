//! Proofs that a leaf is in a tree, and that a tree is the beginning of another: made and checked (RFC 9162, sections 2.1.3
//! and 2.1.4).
//!
//! Whoever makes proofs asks for the roots of a few complete subtrees, wherever they are kept. Whoever checks them needs
//! nothing but the proof.

use super::tree::{Hash, empty_root, node_hash, root_of};

/// Where the roots of complete subtrees are kept.
pub trait Nodes {
    /// Why one could not be had.
    type Error;

    /// The root of the complete subtree of 2^`level` leaves that begins at leaf `index · 2^level`.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The leaves' hashes of a tree that is small enough for memory: what is above them is computed when it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct InMemory<'a>(pub &'a [Hash]);

/// The tree in memory has no such subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree is not that large")]
pub struct NotThere;

impl Nodes for InMemory<'_> {
    type Error = NotThere;

    fn node(&self, level: u32, index: u64) -> Result<Hash, NotThere> {
        let first = index.checked_shl(level).and_then(|first| usize::try_from(first).ok());
        let last = first.and_then(|first| first.checked_add(1_usize.checked_shl(level)?));
        let leaves = first.zip(last).and_then(|(first, last)| self.0.get(first..last));
        leaves.map(root_of).ok_or(NotThere)
    }
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefusal {
    /// The leaf would be outside of the tree.
    #[error("index {index} is not below the size {size}")]
    Index {
        /// The leaf.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The older tree is larger.
    #[error("the older tree has {old} leaves, the newer one {size}")]
    Sizes {
        /// Of the older tree.
        old: u64,
        /// Of the newer tree.
        size: u64,
    },
    /// A proof of such a tree has another length.
    #[error("the proof has {found} hashes, it must have {expected}")]
    Length {
        /// What the sizes ask for.
        expected: usize,
        /// What there is.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to another root than that of the tree")]
    Root,
    /// The proof leads to another root of the older tree.
    #[error("the proof leads to another root than that of the older tree")]
    OldRoot,
}

impl ProofRefusal {
    /// Its name, which stays the same.
    pub fn code(self) -> &'static str {
        match self {
            Self::Index { .. } => "index_outside",
            Self::Sizes { .. } => "sizes_reversed",
            Self::Length { .. } => "proof_length",
            Self::Root => "wrong_root",
            Self::OldRoot => "wrong_old_root",
        }
    }
}

/// The largest power of two below `size`, which is above one.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The root of the leaves `[from, until)`; `from` is where a subtree of the tree begins.
fn range<N: Nodes>(nodes: &N, from: u64, until: u64) -> Result<Hash, N::Error> {
    let size = until - from;
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes.node(level, from >> level);
    }
    let middle = from + split(size);
    Ok(node_hash(&range(nodes, from, middle)?, &range(nodes, middle, until)?))
}

/// The root of a tree.
pub fn root<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range(nodes, 0, size) }
}

/// The proof that leaf `index` is in the tree of `size` leaves, from the leaf up; empty when there is no such leaf.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    let (mut from, mut until) = (0, size);
    if index >= size {
        return Ok(proof);
    }
    while until - from > 1 {
        let middle = from + split(until - from);
        if index < middle {
            proof.push(range(nodes, middle, until)?);
            until = middle;
        } else {
            proof.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` leaves is the beginning of that of `size` leaves; empty when there is nothing to prove.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    let (mut from, mut until) = (0, size);
    if old == 0 || old >= size {
        return Ok(proof);
    }
    // Down to the subtree that ends where the older tree does.
    while until != old {
        let middle = from + split(until - from);
        if old <= middle {
            proof.push(range(nodes, middle, until)?);
            until = middle;
        } else {
            proof.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    // Of an older tree that is complete itself the root is known.
    if from > 0 {
        proof.push(range(nodes, from, until)?);
    }
    proof.reverse();
    Ok(proof)
}

/// How many hashes stand beside the path of a leaf: those inside the subtrees that it shares with the last leaf's path, and
/// those left of it above.
fn lengths(index: u64, size: u64) -> (usize, usize) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner as usize, border as usize)
}

/// Checks that a leaf is in a tree.
pub fn check_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofRefusal> {
    if index >= size {
        return Err(ProofRefusal::Index { index, size });
    }
    let (inner, border) = lengths(index, size);
    if proof.len() != inner + border {
        return Err(ProofRefusal::Length { expected: inner + border, found: proof.len() });
    }
    let (beside, above) = proof.split_at(inner);
    let hash = up(*leaf, index, beside);
    if along_border(hash, above) == *root { Ok(()) } else { Err(ProofRefusal::Root) }
}

/// The hash above `hash`, whose subtree has number `index`, with those beside it.
fn up(hash: Hash, index: u64, beside: &[Hash]) -> Hash {
    beside.iter().enumerate().fold(hash, |hash, (level, other)| {
        if index >> level & 1 == 0 { node_hash(&hash, other) } else { node_hash(other, &hash) }
    })
}

fn along_border(hash: Hash, left: &[Hash]) -> Hash {
    left.iter().fold(hash, |hash, left| node_hash(left, &hash))
}

/// Checks that the tree of `old` leaves is the beginning of that of `size` leaves. Of an older tree without leaves nothing
/// has to be proven but that its root is the empty one.
pub fn check_consistency(
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofRefusal> {
    if old > size {
        return Err(ProofRefusal::Sizes { old, size });
    }
    if old == size || old == 0 {
        if !proof.is_empty() {
            return Err(ProofRefusal::Length { expected: 0, found: proof.len() });
        }
        let expected = if old == 0 { empty_root() } else { *root };
        return if *old_root == expected { Ok(()) } else { Err(ProofRefusal::OldRoot) };
    }
    // The path of the last leaf of the older tree begins at the subtree that ends with it.
    let shift = old.trailing_zeros();
    let (inner, border) = lengths(old - 1, size);
    let inner = inner - shift as usize;
    let is_complete = old.is_power_of_two();
    let expected = inner + border + usize::from(!is_complete);
    if proof.len() != expected {
        return Err(ProofRefusal::Length { expected, found: proof.len() });
    }
    let (start, proof) = match proof.split_first() {
        Some((first, rest)) if !is_complete => (*first, rest),
        _ => (*old_root, proof),
    };
    let index = (old - 1) >> shift;
    let (beside, above) = proof.split_at(inner);
    // Only what is left of the path is in the older tree.
    let left = beside.iter().enumerate().filter(|(level, _)| index >> level & 1 == 1).map(|(_, hash)| hash);
    let older = left.fold(start, |hash, left| node_hash(left, &hash));
    if along_border(older, above) != *old_root {
        return Err(ProofRefusal::OldRoot);
    }
    if along_border(up(start, index, beside), above) == *root { Ok(()) } else { Err(ProofRefusal::Root) }
}

#[cfg(test)]
mod tests;
