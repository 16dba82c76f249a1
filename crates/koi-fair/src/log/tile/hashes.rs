//! The hashes of a tile, one after the other.

use super::bundle::BundleError;
use super::path::TilePath;
use crate::log::TreeHash;

/// Why a file is not what its path says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError<E> {
    /// The source could not read it.
    #[error("{path} could not be read: {error}")]
    Source {
        /// Which file.
        path: TilePath,
        /// What the source says.
        error: E,
    },
    /// A tile is not 32 bytes for each of its hashes.
    #[error("{path} has {bytes} bytes, not 32 for each of {} hashes", path.width())]
    Length {
        /// Which file.
        path: TilePath,
        /// How many bytes it has.
        bytes: usize,
    },
    /// A bundle does not have the entries that its path says.
    #[error("{path}: {error}")]
    Bundle {
        /// Which file.
        path: TilePath,
        /// What is wrong with it.
        error: BundleError,
    },
    /// Something was asked for that a log of this size does not have.
    #[error("the log has no such tile")]
    NotInLog,
}

/// The hashes of a tile; `None` if it does not have 32 bytes for each that its path says.
pub fn hashes_of_tile(path: &TilePath, tile: &[u8]) -> Option<Vec<TreeHash>> {
    let (hashes, rest) = tile.as_chunks::<{ TreeHash::BYTES }>();
    let fits = rest.is_empty() && hashes.len() == usize::from(path.width());
    fits.then(|| hashes.iter().map(|hash| TreeHash(*hash)).collect())
}

/// The file of hashes.
pub(crate) fn tile_of(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().map(|hash| hash.0).collect::<Vec<_>>().into_flattened()
}
