//! A whole tree in memory, for small logs and for tests.

use super::make::HashSource;
use super::node::{Node, complete, peaks, root_of_peaks};
use crate::log::TreeHash;

/// The hashes of all leaves of a log, in order. Every node is hashed anew when it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaves(pub Vec<TreeHash>);

/// A node that is not complete among the leaves at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subtree {} of level {} is not complete", node.index, node.level)]
pub struct NoSuchNode {
    /// The node that was asked for.
    pub node: Node,
}

impl Leaves {
    /// The root over the first `size` leaves, or over all if there are fewer.
    pub fn root(&self, size: u64) -> TreeHash {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(self.0.len());
        let hashes = peaks(0, size as u64).into_iter().filter_map(|node| self.node(node));
        root_of_peaks(&hashes.collect::<Vec<_>>())
    }

    fn node(&self, node: Node) -> Option<TreeHash> {
        if !complete(node, self.0.len() as u64) {
            return None;
        }
        let start = usize::try_from(node.index << node.level).ok()?;
        let end = start.checked_add(1 << node.level)?;
        Some(TreeHash::of_complete(self.0.get(start..end)?.to_vec()))
    }
}

impl HashSource for Leaves {
    type Error = NoSuchNode;

    fn hashes(&self, nodes: &[Node]) -> Result<Vec<TreeHash>, NoSuchNode> {
        nodes.iter().map(|node| self.node(*node).ok_or(NoSuchNode { node: *node })).collect()
    }
}
