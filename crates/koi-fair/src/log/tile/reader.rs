//! The hashes for a proof, from the tiles that have them.
//!
//! A proof over 300,000,000 entries needs some forty nodes, which lie in at most eight tiles of 8 KB. What is
//! read is not trusted: a wrong tile makes a proof that does not lead to the signed root.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::hashes::{TileError, hashes_of_tile};
use super::path::{TileKind, TilePath};
use crate::log::TreeHash;
use crate::log::tree::{HashSource, Node, complete};

/// Something that has the files of a log.
///
/// A partial tile may be gone once the full one exists. A source over the network may then read the full one
/// and cut it to the width that is asked for.
pub trait TileSource {
    /// Why a file could not be read.
    type Error;

    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// If it is not there or cannot be read.
    fn read(&self, path: &TilePath) -> Result<Vec<u8>, Self::Error>;
}

/// Finds nodes in the tiles of a log of a certain size.
#[derive(Debug)]
pub struct TileReader<'a, S> {
    source: &'a S,
    size: u64,
}

impl<'a, S: TileSource> TileReader<'a, S> {
    /// Reads the tiles of a log of `size` entries.
    pub fn new(source: &'a S, size: u64) -> Self {
        Self { source, size }
    }

    /// The hashes of a tile.
    ///
    /// # Errors
    ///
    /// If it cannot be read or is not as long as its path says.
    pub fn tile(&self, path: &TilePath) -> Result<Vec<TreeHash>, TileError<S::Error>> {
        let bytes = self.source.read(path).map_err(|error| TileError::Source { path: *path, error })?;
        hashes_of_tile(path, &bytes).ok_or(TileError::Length { path: *path, bytes: bytes.len() })
    }
}

impl<S: TileSource> HashSource for TileReader<'_, S> {
    type Error = TileError<S::Error>;

    fn hashes(&self, nodes: &[Node]) -> Result<Vec<TreeHash>, Self::Error> {
        let mut tiles: BTreeMap<TilePath, Vec<TreeHash>> = BTreeMap::new();
        let mut hashes = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (path, first, count) = place(*node, self.size).ok_or(TileError::NotInLog)?;
            let tile = match tiles.entry(path) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(unread) => unread.insert(self.tile(&path)?),
            };
            let below = tile.get(first..first + count).ok_or(TileError::NotInLog)?;
            hashes.push(TreeHash::of_complete(below.to_vec()));
        }
        Ok(hashes)
    }
}

/// The tile under a node, and which of its hashes the node is over.
fn place(node: Node, size: u64) -> Option<(TilePath, usize, usize)> {
    if !complete(node, size) {
        return None;
    }
    let level = node.level / TilePath::HEIGHT;
    let above = node.level % TilePath::HEIGHT;
    let first = node.index << above;
    let width = u64::from(TilePath::WIDTH);
    let path = TilePath::in_log(TileKind::Hashes(level), first / width, size)?;
    Some((path, usize::try_from(first % width).ok()?, 1 << above))
}
