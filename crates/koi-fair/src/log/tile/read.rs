//! Reading a log: from its files come its hashes, its leaves, and every proof.

use super::{HEIGHT, TileName, WIDTH};
use crate::log::path::Nodes;
use crate::log::tree::{Hash, root_of};

/// Where files of a log are read.
pub trait Files {
    /// The bytes of a tile or a bundle; `None` when there is no such file, an error in words when it cannot be read.
    fn read(&self, name: TileName) -> Result<Option<Vec<u8>>, String>;
}

/// Why a file of a log is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileRefusal {
    /// There is neither the file nor a fuller one.
    #[error("{0} is not there")]
    Missing(TileName),
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(TileName, String),
    /// It has another length than its name says.
    #[error("{0} has {1} bytes, which is not what its name says")]
    Length(TileName, usize),
    /// A bundle's leaves do not end where it does.
    #[error("{0} does not have the leaves that its name says")]
    Bundle(TileName),
}

impl TileRefusal {
    /// Its name, which stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "tile_missing",
            Self::Unreadable(..) => "tile_unreadable",
            Self::Length(..) => "tile_length",
            Self::Bundle(_) => "bundle_malformed",
        }
    }
}

/// A file, or the full one in its place: once that is there the others may be removed.
fn file<F: Files>(files: &F, name: TileName) -> Result<(TileName, Vec<u8>), TileRefusal> {
    for name in [name, name.full()] {
        let read = files.read(name).map_err(|why| TileRefusal::Unreadable(name, why))?;
        if let Some(bytes) = read {
            return Ok((name, bytes));
        }
    }
    Err(TileRefusal::Missing(name))
}

/// The hashes of a tile: as many as its name says, of a file that may have more.
pub(super) fn tile<F: Files>(files: &F, name: TileName) -> Result<Vec<Hash>, TileRefusal> {
    let (found, bytes) = file(files, name)?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() != found.width || !rest.is_empty() {
        return Err(TileRefusal::Length(found, bytes.len()));
    }
    Ok(hashes.iter().take(name.width).copied().collect())
}

/// The leaves of a bundle: as many as its name says.
pub fn bundle<F: Files>(files: &F, name: TileName) -> Result<Vec<Vec<u8>>, TileRefusal> {
    let (found, bytes) = file(files, name)?;
    let leaves = leaves(&bytes).filter(|leaves| leaves.len() == found.width);
    let leaves = leaves.ok_or(TileRefusal::Bundle(found))?;
    Ok(leaves.into_iter().take(name.width).map(<[u8]>::to_vec).collect())
}

/// The bytes of a bundle's leaves, cut where the last of them ends.
pub(super) fn whole_bundle<F: Files>(files: &F, name: TileName) -> Result<Vec<u8>, TileRefusal> {
    let mut bytes = Vec::new();
    for leaf in bundle(files, name)? {
        let length = u16::try_from(leaf.len()).map_err(|_| TileRefusal::Bundle(name))?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&leaf);
    }
    Ok(bytes)
}

fn leaves(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (leaf, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(leaf);
        rest = after;
    }
    Some(leaves)
}

/// The tree of a log, by its files: what [`path`](crate::log::path) makes proofs of.
#[derive(Clone, Copy, Debug)]
pub struct Tiles<'a, F> {
    files: &'a F,
    size: u64,
}

impl<'a, F: Files> Tiles<'a, F> {
    /// The tree of so many leaves.
    pub fn new(files: &'a F, size: u64) -> Self {
        Self { files, size }
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of a tile of this tree, by its level and number.
    pub fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, TileRefusal> {
        tile(self.files, self.named(Some(level), index))
    }

    /// The leaves of a bundle of this tree, by its number.
    pub fn leaves(&self, index: u64) -> Result<Vec<Vec<u8>>, TileRefusal> {
        bundle(self.files, self.named(None, index))
    }

    /// The name of a tile as wide as it is in this tree.
    fn named(&self, level: Option<u8>, index: u64) -> TileName {
        let count = self.size.checked_shr(HEIGHT * u32::from(level.unwrap_or(0))).unwrap_or(0);
        let width = count.saturating_sub(index.saturating_mul(WIDTH as u64)).min(WIDTH as u64);
        TileName { level, index, width: usize::try_from(width).unwrap_or(WIDTH) }
    }
}

impl<F: Files> Nodes for Tiles<'_, F> {
    type Error = TileRefusal;

    fn node(&self, level: u32, index: u64) -> Result<Hash, TileRefusal> {
        let (of_tile, above) = (level / HEIGHT, level % HEIGHT);
        // The hashes of the tile that the subtree is made of.
        let count = 1_usize << above;
        let first = index << above;
        let place = usize::try_from(first % WIDTH as u64).unwrap_or(0);
        let name = self.named(Some(u8::try_from(of_tile).unwrap_or(u8::MAX)), first / WIDTH as u64);
        let hashes = tile(self.files, name)?;
        hashes.get(place..place + count).map(root_of).ok_or(TileRefusal::Length(name, hashes.len() * 32))
    }
}
