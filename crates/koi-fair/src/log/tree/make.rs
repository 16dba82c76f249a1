//! Making proofs (RFC 6962, sections 2.1.1 and 2.1.2) from complete subtrees.
//!
//! A proof is a list of ranges of leaves, one hash for each. All but the last on the right edge are complete
//! subtrees; that one is made of its peaks. So first it is found which nodes are needed, then they are asked
//! for all at once (a source can read its tiles side by side), and then put together.

use super::node::{Node, peaks, root_of_peaks};
use crate::log::TreeHash;

/// Something that has the hashes of complete subtrees.
pub trait HashSource {
    /// Why it could not be read.
    type Error;

    /// The hashes of nodes, in their order.
    ///
    /// # Errors
    ///
    /// If one of them is not at hand.
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<TreeHash>, Self::Error>;
}

/// Why a proof cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError<E> {
    /// The index is not below the size.
    #[error("there is no entry {index} in a log of {size}")]
    IndexOutOfRange {
        /// The index asked for.
        index: u64,
        /// The size of the log.
        size: u64,
    },
    /// The old size is above the new one.
    #[error("a log of {size} was never one of {old_size}")]
    SizesOutOfOrder {
        /// The size it is to have grown from.
        old_size: u64,
        /// The size of the log.
        size: u64,
    },
    /// The source gave another number of hashes than it was asked for.
    #[error("the source gave {given} hashes when asked for {asked}")]
    HashesOfSource {
        /// How many were asked for.
        asked: usize,
        /// How many came.
        given: usize,
    },
    /// The source could not be read.
    #[error("the hashes could not be read: {0}")]
    Source(#[source] E),
}

/// The inclusion proof of the entry `index` (from 0) in the tree over the first `size` leaves of `source`:
/// the hashes beside its path, from the leaf to the root, at most 64.
///
/// # Errors
///
/// If there is no such entry, or the source fails.
pub fn inclusion<S: HashSource>(index: u64, size: u64, source: &S) -> Result<Vec<TreeHash>, MakeError<S::Error>> {
    if index >= size {
        return Err(MakeError::IndexOutOfRange { index, size });
    }
    let (mut start, mut end) = (0, size);
    let mut beside = Vec::new();
    while end - start > 1 {
        let middle = split(start, end);
        if index < middle {
            beside.push((middle, end));
            end = middle;
        } else {
            beside.push((start, middle));
            start = middle;
        }
    }
    beside.reverse();
    hashes_of_ranges(&beside, source)
}

/// The consistency proof from the first `old_size` leaves of `source` to the first `size`. It is empty when
/// the sizes are equal or the old one is 0.
///
/// # Errors
///
/// If the sizes are out of order, or the source fails.
pub fn consistency<S: HashSource>(
    old_size: u64,
    size: u64,
    source: &S,
) -> Result<Vec<TreeHash>, MakeError<S::Error>> {
    if old_size > size {
        return Err(MakeError::SizesOutOfOrder { old_size, size });
    }
    if old_size == 0 || old_size == size {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, size);
    let mut ranges = Vec::new();
    while end != old_size {
        let middle = split(start, end);
        if old_size <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    // The old root itself is known to who checks; any other subtree at the old edge must be told.
    if start > 0 {
        ranges.push((start, end));
    }
    ranges.reverse();
    hashes_of_ranges(&ranges, source)
}

/// Where the range of a subtree with more than one leaf splits: after the largest power of two below its length.
fn split(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}

fn hashes_of_ranges<S: HashSource>(
    ranges: &[(u64, u64)],
    source: &S,
) -> Result<Vec<TreeHash>, MakeError<S::Error>> {
    let nodes: Vec<Vec<Node>> = ranges.iter().map(|(start, end)| peaks(*start, *end)).collect();
    let asked = nodes.concat();
    let hashes = source.hashes(&asked).map_err(MakeError::Source)?;
    if hashes.len() != asked.len() {
        return Err(MakeError::HashesOfSource { asked: asked.len(), given: hashes.len() });
    }
    let mut rest = hashes.as_slice();
    let roots = nodes.iter().map(|nodes| {
        let (these, after) = rest.split_at(nodes.len());
        rest = after;
        root_of_peaks(these)
    });
    Ok(roots.collect())
}
