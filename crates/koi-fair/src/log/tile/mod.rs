//! Tiles: the files in which a log is served (<https://c2sp.org/tlog-tiles>).
//!
//! A tile has up to 256 hashes of one level of the tree, 8 levels above those of the tiles below it; the
//! entries themselves are in bundles of the same width. What is full never changes, so a log is a folder that
//! anybody can copy, and who has it can make every proof without asking anybody:
//!
//! - [`TileWriter`] takes entries and hands files to a [`TileSink`] as they become full;
//! - [`TileReader`] finds the hashes for a proof in the files of a [`TileSource`], each file read once;
//! - [`audit`] reads everything and checks that it belongs to a root.
//!
//! ```
//! use koi_fair::log::{Folder, TileReader, TileWriter, TreeHash, inclusion, verify_inclusion};
//!
//! let folder = Folder::default(); // in memory; yours would be on a disk
//! let mut writer = TileWriter::new();
//! let entries: Vec<String> = (0..1000).map(|number| format!("entry {number}")).collect();
//! writer.append(&entries, &folder).unwrap();
//! writer.write_partial(&folder).unwrap(); // before the checkpoint of this size is published
//!
//! let reader = TileReader::new(&folder, writer.size());
//! let proof = inclusion(700, writer.size(), &reader).unwrap();
//! let leaf = TreeHash::of_leaf(b"entry 700");
//! assert_eq!(verify_inclusion(700, 1000, &leaf, &proof, &writer.root()), Ok(()));
//! ```

mod audit;
mod bundle;
mod folder;
mod hashes;
mod path;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use audit::{AuditDepth, AuditError, audit};
pub use bundle::{BundleError, bundle_of, entries_of};
pub use folder::{Folder, NoSuchTile};
pub use hashes::{TileError, hashes_of_tile};
pub use path::{TileKind, TilePath, TilePathError};
pub use reader::{TileReader, TileSource};
pub use writer::{AppendError, ResumeError, TileSink, TileWriter};
