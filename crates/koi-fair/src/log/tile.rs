//! Tiles: the tree cut into files that never change (C2SP tlog-tiles, <https://c2sp.org/tlog-tiles>).
//!
//! A tile has up to 256 hashes that stand side by side; the tile above has one hash for each full tile below. A bundle has
//! the leaves of a tile of the lowest level themselves. A full one is written once; of those at the right edge, which
//! are not full, a new file is written for each width. So whoever has the files can prove everything, and a server
//! for static files is enough.

mod name;
mod read;
mod write;

pub use name::{TileName, Unnamed};
pub use read::{Files, TileRefusal, Tiles, bundle};
pub use write::{Sink, TileWriter, Unresumed};

/// Hashes of a full tile, and leaves of a full bundle.
pub const WIDTH: usize = 256;
/// The levels of the tree that a tile spans: 2⁸ is its width.
pub const HEIGHT: u32 = 8;
/// The longest leaf of a bundle, in bytes: its length stands in two.
pub const LEAF_BYTES_MAX: usize = 65_535;

#[cfg(test)]
mod tests;
