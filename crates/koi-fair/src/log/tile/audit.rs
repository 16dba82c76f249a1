//! Reading a whole log to see that its files belong to a root.
//!
//! The right edge is checked against the root first, then every full tile against the hash that stands for it
//! one level above, then every bundle against its tile. Each file is read once or twice, and the memory does
//! not grow with the log.

use std::num::NonZeroUsize;

use super::bundle::entries_of;
use super::hashes::TileError;
use super::path::{TileKind, TilePath, hashes_in_level};
use super::reader::{TileReader, TileSource};
use crate::log::TreeHash;
use crate::log::tree::{HashSource, peaks, root_of_peaks};

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditDepth {
    /// The tiles: that every hash belongs to the root.
    Hashes,
    /// The bundles, too: that every entry belongs to its hash.
    Entries,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError<E> {
    /// A file is missing or not what its path says.
    #[error(transparent)]
    Tile(TileError<E>),
    /// The right edge of the tree belongs to another root.
    #[error("the tiles do not belong to the root")]
    RootDiffers,
    /// A tile is not the one that the level above stands for.
    #[error("{path} does not belong to the tile above it")]
    TileDiffers {
        /// Which file.
        path: TilePath,
    },
    /// An entry is not the one that its hash stands for.
    #[error("entry {index} does not belong to its hash")]
    EntryDiffers {
        /// The entry's index in the log.
        index: u64,
    },
}

/// Checks that the files of a log of `size` entries belong to `root`, on as many threads as are given.
///
/// # Errors
///
/// The first thing that is wrong, in the order of levels from the top and of indices from the left.
pub fn audit<S>(
    source: &S,
    size: u64,
    root: &TreeHash,
    depth: AuditDepth,
    threads: NonZeroUsize,
) -> Result<(), AuditError<S::Error>>
where
    S: TileSource + Sync,
    S::Error: Send,
{
    let reader = TileReader::new(source, size);
    let edge = reader.hashes(&peaks(0, size)).map_err(AuditError::Tile)?;
    if root_of_peaks(&edge) != *root {
        return Err(AuditError::RootDiffers);
    }
    for level in (0..8).rev() {
        let hashes = hashes_in_level(level, size);
        let full = hashes / u64::from(TilePath::WIDTH);
        in_shares(full, threads, |first, end| full_tiles(source, size, level, first, end))?;
    }
    if depth == AuditDepth::Entries {
        let bundles = size.div_ceil(u64::from(TilePath::WIDTH));
        in_shares(bundles, threads, |first, end| {
            (first..end).try_for_each(|index| one_bundle(source, size, index))
        })?;
    }
    Ok(())
}

/// Checks the full tiles `first` up to `end` of a level against those above them.
fn full_tiles<S: TileSource>(
    source: &S,
    size: u64,
    level: u8,
    first: u64,
    end: u64,
) -> Result<(), AuditError<S::Error>> {
    let reader = TileReader::new(source, size);
    let width = u64::from(TilePath::WIDTH);
    let tile = |kind, index| {
        let path = TilePath::in_log(kind, index, size).ok_or(AuditError::Tile(TileError::NotInLog))?;
        reader.tile(&path).map_err(AuditError::Tile)
    };
    let mut above = Vec::new();
    for index in first..end {
        if above.is_empty() || index % width == 0 {
            above = tile(TileKind::Hashes(level + 1), index / width)?;
        }
        let root = TreeHash::of_complete(tile(TileKind::Hashes(level), index)?);
        let stands_for_it = usize::try_from(index % width).ok().and_then(|place| above.get(place));
        if stands_for_it != Some(&root) {
            return Err(AuditError::TileDiffers { path: TilePath::full(TileKind::Hashes(level), index) });
        }
    }
    Ok(())
}

/// Checks a bundle against its tile.
fn one_bundle<S: TileSource>(source: &S, size: u64, index: u64) -> Result<(), AuditError<S::Error>> {
    let not_in_log = AuditError::Tile(TileError::NotInLog);
    let tile = TilePath::in_log(TileKind::Hashes(0), index, size);
    let path = TilePath::in_log(TileKind::Entries, index, size);
    let (Some(tile), Some(path)) = (tile, path) else { return Err(not_in_log) };
    let hashes = TileReader::new(source, size).tile(&tile).map_err(AuditError::Tile)?;
    let bundle = source.read(&path).map_err(|error| AuditError::Tile(TileError::Source { path, error }))?;
    let entries =
        entries_of(&path, &bundle).map_err(|error| AuditError::Tile(TileError::Bundle { path, error }))?;
    let first = index * u64::from(TilePath::WIDTH);
    let mut pairs = (first..).zip(entries.into_iter().zip(&hashes));
    match pairs.find(|(_, (entry, hash))| TreeHash::of_leaf(entry) != **hash) {
        Some((index, _)) => Err(AuditError::EntryDiffers { index }),
        None => Ok(()),
    }
}

/// Does the work over 0 up to `count` in one share for each thread; the error is that of the leftmost share.
fn in_shares<E: Send>(
    count: u64,
    threads: NonZeroUsize,
    work: impl Fn(u64, u64) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let share = count.div_ceil(threads.get() as u64).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let firsts = (0..threads.get() as u64).map(|thread| thread.saturating_mul(share));
        let shares = firsts.take_while(|first| *first < count);
        let threads: Vec<_> =
            shares.map(|first| scope.spawn(move || work(first, (first + share).min(count)))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
