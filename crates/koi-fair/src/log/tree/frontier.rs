//! A log that only grows needs no more of its tree than the right edge.

use super::node::{peaks, root_of_peaks};
use crate::log::TreeHash;

/// A tree to which leaves are added: its size and the roots of the complete subtrees along its right edge, one
/// for each bit that is set in the size. What it takes in memory grows with the logarithm of the log.
///
/// ```
/// use koi_fair::log::{Frontier, TreeHash};
///
/// let mut tree = Frontier::new();
/// for entry in ["a", "b", "c"] {
///     tree.append(TreeHash::of_leaf(entry.as_bytes()));
/// }
/// let stored = (tree.size(), tree.edge().to_vec());
/// let mut resumed = Frontier::resume(stored.0, stored.1)?;
/// tree.append(TreeHash::of_leaf(b"d"));
/// resumed.append(TreeHash::of_leaf(b"d"));
/// assert_eq!(resumed.root(), tree.root());
/// # Ok::<(), koi_fair::log::FrontierError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The largest subtree first.
    edge: Vec<TreeHash>,
}

/// Why a frontier cannot go on from what was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The number of hashes is not the number of bits that are set in the size.
    #[error("a tree of {size} leaves has {needed} hashes along its edge, not {given}")]
    EdgeLength {
        /// The size that was stored.
        size: u64,
        /// How many hashes it needs.
        needed: usize,
        /// How many there are.
        given: usize,
    },
    /// The size is above [`Frontier::SIZE_MAX`].
    #[error("a tree of {size} leaves is too large to grow")]
    TooLarge {
        /// The size that was stored.
        size: u64,
    },
}

impl Frontier {
    /// The largest tree that can be gone on from, 2⁶³ − 1: as many leaves again would take a machine that adds a
    /// billion every second nearly three centuries, so that the size cannot overflow.
    pub const SIZE_MAX: u64 = i64::MAX.unsigned_abs();

    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree whose size and edge were stored, [`Self::edge`] in its order. That the hashes are right shows
    /// when [`Self::root`] is compared with a signed checkpoint.
    ///
    /// # Errors
    ///
    /// If the number of hashes does not belong to the size, or the size is out of range.
    pub fn resume(size: u64, edge: Vec<TreeHash>) -> Result<Self, FrontierError> {
        if size > Self::SIZE_MAX {
            return Err(FrontierError::TooLarge { size });
        }
        let needed = peaks(0, size).len();
        if edge.len() != needed {
            return Err(FrontierError::EdgeLength { size, needed, given: edge.len() });
        }
        Ok(Self { size, edge })
    }

    /// Adds the hash of a leaf ([`TreeHash::of_leaf`]).
    pub fn append(&mut self, leaf: TreeHash) {
        let mut joined = leaf;
        // Each bit that adding one clears is a subtree that is completed.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                joined = TreeHash::of_node(&left, &joined);
            }
        }
        self.edge.push(joined);
        self.size += 1;
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees along the right edge, the largest first: what must be stored to
    /// go on later.
    pub fn edge(&self) -> &[TreeHash] {
        &self.edge
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> TreeHash {
        root_of_peaks(&self.edge)
    }
}
