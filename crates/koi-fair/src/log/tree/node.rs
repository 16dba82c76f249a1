//! Complete subtrees: the only nodes that a proof, a frontier or a tile is made of.

use crate::log::TreeHash;

/// The complete subtree over the leaves `index · 2^level` up to `(index + 1) · 2^level`. Level 0 is a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// How often two subtrees were joined: 0 to 63.
    pub level: u8,
    /// Its place among the subtrees of its level, from the left.
    pub index: u64,
}

/// Whether all leaves of a node are in a tree of `size` leaves.
pub(crate) fn complete(node: Node, size: u64) -> bool {
    let end = (u128::from(node.index) + 1).checked_shl(u32::from(node.level)).unwrap_or(u128::MAX);
    node.level < 64 && end <= u128::from(size)
}

/// The complete subtrees that the leaves from `start` up to `end` consist of, the largest first. `start` must
/// be a multiple of the largest power of two that is not above `end − start`, as it is in every range that a
/// tree splits into.
pub(crate) fn peaks(mut start: u64, end: u64) -> Vec<Node> {
    let mut peaks = Vec::new();
    while start < end {
        let level = (end - start).ilog2();
        peaks.push(Node { level: level.to_le_bytes()[0], index: start >> level });
        start += 1 << level;
    }
    peaks
}

/// The root over complete subtrees, the largest first: the smaller ones are joined first.
pub(crate) fn root_of_peaks(hashes: &[TreeHash]) -> TreeHash {
    let joined = hashes.iter().rev().copied().reduce(|right, left| TreeHash::of_node(&left, &right));
    joined.unwrap_or_else(TreeHash::of_nothing)
}
