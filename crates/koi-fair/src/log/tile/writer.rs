//! Writing a log's files while entries come in, with memory that does not grow with the log.
//!
//! What is kept is the partial tile of each level and the partial bundle. Whole tiles are hashed side by side
//! on as many threads as are allowed; which thread does what changes nothing in the result. Files of lower
//! levels are written before those above them, so that whatever a hash stands for is there.

use std::num::NonZeroUsize;

use super::bundle::{self, ENTRY_BYTES_MAX};
use super::hashes::{TileError, tile_of};
use super::path::{TileKind, TilePath};
use super::reader::{TileReader, TileSource};
use crate::log::TreeHash;
use crate::log::tree::{Frontier, peaks};

/// Something that takes the files of a log. Several threads write to it, no two of them the same file.
pub trait TileSink: Sync {
    /// Why a file could not be written.
    type Error: Send;

    /// Writes a file. The same file may be written again, with the same bytes.
    ///
    /// # Errors
    ///
    /// If it may not be there, whole, when the machine starts again.
    fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Why entries were not added. None of them were: the same call can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError<E> {
    /// An entry has more than 65,535 bytes.
    #[error("entry {place} of those to be added is too long: {bytes} bytes, at most {ENTRY_BYTES_MAX}")]
    EntryTooLong {
        /// Its place among those to be added, from 0.
        place: usize,
        /// How many bytes it has.
        bytes: usize,
    },
    /// The log would grow beyond [`Frontier::SIZE_MAX`].
    #[error("the log is full")]
    Full,
    /// The sink failed.
    #[error("a tile could not be written: {0}")]
    Sink(#[source] E),
}

/// Why writing cannot go on from files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError<E> {
    /// A file is not what it should be.
    #[error(transparent)]
    Tile(TileError<E>),
    /// The size is above [`Frontier::SIZE_MAX`].
    #[error("the log is too large to grow")]
    TooLarge,
    /// The tiles belong to another root.
    #[error("the tiles do not belong to the root")]
    RootDiffers,
    /// The entries of the last bundle do not belong to the tiles.
    #[error("the last bundle does not belong to the tiles")]
    BundleDiffers,
}

/// A log that is being written.
#[derive(Clone, Debug)]
pub struct TileWriter {
    size: u64,
    /// The hashes of the partial tile of each level, 0 to 255 of them.
    levels: Vec<Vec<TreeHash>>,
    /// The partial bundle.
    bundle: Vec<u8>,
    threads: NonZeroUsize,
}

/// How many tiles a thread hashes before all files so far are written: a bound to the memory, not to the speed.
const TILES_AT_ONCE: usize = 64;

impl Default for TileWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl TileWriter {
    /// A log without entries, written by one thread.
    pub fn new() -> Self {
        Self { size: 0, levels: Vec::new(), bundle: Vec::new(), threads: NonZeroUsize::MIN }
    }

    /// The same, with tiles hashed and written on several threads.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }

    /// The log of `size` entries whose files are in `source`, to go on with. Only its right edge is read.
    ///
    /// # Errors
    ///
    /// If the files are not there or do not belong to `root`, which should come from a signed checkpoint.
    pub fn resume<S: TileSource>(size: u64, root: &TreeHash, source: &S) -> Result<Self, ResumeError<S::Error>> {
        if size > Frontier::SIZE_MAX {
            return Err(ResumeError::TooLarge);
        }
        let mut writer = Self { size, ..Self::new() };
        let reader = TileReader::new(source, size);
        for path in TilePath::partial_in_log(size) {
            match path.kind() {
                TileKind::Hashes(level) => {
                    let hashes = reader.tile(&path).map_err(ResumeError::Tile)?;
                    writer.level(usize::from(level)).extend(hashes);
                }
                TileKind::Entries => {
                    let read = source.read(&path);
                    writer.bundle = read.map_err(|error| ResumeError::Tile(TileError::Source { path, error }))?;
                    let entries = bundle::entries_of(&path, &writer.bundle)
                        .map_err(|error| ResumeError::Tile(TileError::Bundle { path, error }))?;
                    let leaves: Vec<TreeHash> = entries.into_iter().map(TreeHash::of_leaf).collect();
                    if leaves != *writer.level(0) {
                        return Err(ResumeError::BundleDiffers);
                    }
                }
            }
        }
        if writer.root() == *root { Ok(writer) } else { Err(ResumeError::RootDiffers) }
    }

    /// Adds entries, and writes every file that becomes full.
    ///
    /// # Errors
    ///
    /// If an entry is too long or the sink fails. Nothing is added then: files that were already written are
    /// written again, with the same bytes, when the same entries are added again.
    pub fn append<E: AsRef<[u8]> + Sync, S: TileSink>(
        &mut self,
        entries: &[E],
        sink: &S,
    ) -> Result<(), AppendError<S::Error>> {
        let lengths = entries.iter().map(|entry| entry.as_ref().len()).enumerate();
        if let Some((place, bytes)) = lengths.into_iter().find(|(_, bytes)| *bytes > ENTRY_BYTES_MAX) {
            return Err(AppendError::EntryTooLong { place, bytes });
        }
        if entries.len() as u64 > Frontier::SIZE_MAX.saturating_sub(self.size) {
            return Err(AppendError::Full);
        }
        let before = self.clone();
        let added = self.add(entries, sink);
        if added.is_err() {
            *self = before;
        }
        added.map_err(AppendError::Sink)
    }

    /// Writes the partial tiles and the partial bundle. To be called before a checkpoint of this size is
    /// published; readers need them, and [`Self::resume`] too.
    ///
    /// # Errors
    ///
    /// If the sink fails.
    pub fn write_partial<S: TileSink>(&self, sink: &S) -> Result<(), S::Error> {
        for path in TilePath::partial_in_log(self.size) {
            match path.kind() {
                TileKind::Entries => sink.write(&path, &self.bundle)?,
                TileKind::Hashes(level) => {
                    let hashes = self.levels.get(usize::from(level)).map_or(&[][..], Vec::as_slice);
                    sink.write(&path, &tile_of(hashes))?;
                }
            }
        }
        Ok(())
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all entries so far.
    pub fn root(&self) -> TreeHash {
        self.frontier().root()
    }

    /// The right edge of the tree.
    pub fn frontier(&self) -> Frontier {
        let mut edge = Vec::new();
        for hashes in self.levels.iter().rev() {
            for node in peaks(0, hashes.len() as u64) {
                let first = usize::try_from(node.index << node.level).unwrap_or(usize::MAX);
                let below = hashes.iter().skip(first).take(1 << node.level);
                edge.push(TreeHash::of_complete(below.copied().collect()));
            }
        }
        // The edge fits the size, as each level has the bits of one byte of it.
        Frontier::resume(self.size, edge).unwrap_or_default()
    }

    fn level(&mut self, level: usize) -> &mut Vec<TreeHash> {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        &mut self.levels[level]
    }

    fn add<E: AsRef<[u8]> + Sync, S: TileSink>(&mut self, entries: &[E], sink: &S) -> Result<(), S::Error> {
        let width = usize::from(TilePath::WIDTH);
        let begun = self.level(0).len();
        // First to the end of the tile that was begun, then whole tiles, then what begins the next.
        let (first, rest) = entries.split_at(entries.len().min((width - begun) % width));
        self.add_to_begun(first, sink)?;
        let whole = rest.len() / width * width;
        let (whole, last) = rest.split_at(whole);
        for several in whole.chunks(width * TILES_AT_ONCE * self.threads.get()) {
            self.add_whole(several, sink)?;
        }
        self.add_to_begun(last, sink)
    }

    /// Adds entries to the tile that was begun, at most until it is full.
    fn add_to_begun<E: AsRef<[u8]>, S: TileSink>(&mut self, entries: &[E], sink: &S) -> Result<(), S::Error> {
        for entry in entries {
            // Lengths were checked before.
            let _ = bundle::add(entry.as_ref(), &mut self.bundle);
            self.level(0).push(TreeHash::of_leaf(entry.as_ref()));
        }
        self.size += entries.len() as u64;
        if self.level(0).len() < usize::from(TilePath::WIDTH) {
            return Ok(());
        }
        let index = self.size / u64::from(TilePath::WIDTH) - 1;
        sink.write(&TilePath::full(TileKind::Entries, index), &std::mem::take(&mut self.bundle))?;
        let leaves = std::mem::take(self.level(0));
        sink.write(&TilePath::full(TileKind::Hashes(0), index), &tile_of(&leaves))?;
        self.add_above(TreeHash::of_complete(leaves), index, sink)
    }

    /// Adds the entries of whole tiles, when no tile is begun.
    fn add_whole<E: AsRef<[u8]> + Sync, S: TileSink>(&mut self, entries: &[E], sink: &S) -> Result<(), S::Error> {
        let width = usize::from(TilePath::WIDTH);
        let first = self.size / u64::from(TilePath::WIDTH);
        let tiles: Vec<&[E]> = entries.chunks(width).collect();
        let share = tiles.len().div_ceil(self.threads.get()).max(1);
        let hash_share = |first: u64, tiles: &[&[E]]| {
            (first..)
                .zip(tiles)
                .map(|(index, entries)| write_tile(index, entries, sink))
                .collect::<Result<Vec<_>, _>>()
        };
        let roots: Vec<Result<Vec<TreeHash>, S::Error>> = if self.threads.get() == 1 {
            vec![hash_share(first, &tiles)]
        } else {
            std::thread::scope(|scope| {
                let shares = (first..).step_by(share).zip(tiles.chunks(share));
                let threads: Vec<_> =
                    shares.map(|(first, tiles)| scope.spawn(move || hash_share(first, tiles))).collect();
                let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
                joined.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            })
        };
        let mut index = first;
        for roots in roots {
            for root in roots? {
                self.add_above(root, index, sink)?;
                index += 1;
            }
        }
        self.size += entries.len() as u64;
        Ok(())
    }

    /// Adds the root of the full tile `index` of level 0 to the levels above it.
    fn add_above<S: TileSink>(&mut self, root: TreeHash, index: u64, sink: &S) -> Result<(), S::Error> {
        let (mut root, mut index) = (root, index);
        for level in 1.. {
            self.level(usize::from(level)).push(root);
            if self.level(usize::from(level)).len() < usize::from(TilePath::WIDTH) {
                break;
            }
            index /= u64::from(TilePath::WIDTH);
            let hashes = std::mem::take(self.level(usize::from(level)));
            sink.write(&TilePath::full(TileKind::Hashes(level), index), &tile_of(&hashes))?;
            root = TreeHash::of_complete(hashes);
        }
        Ok(())
    }
}

/// Writes a full tile of level 0 and its bundle; gives the root of the tile.
fn write_tile<E: AsRef<[u8]>, S: TileSink>(index: u64, entries: &[E], sink: &S) -> Result<TreeHash, S::Error> {
    let leaves: Vec<TreeHash> = entries.iter().map(|entry| TreeHash::of_leaf(entry.as_ref())).collect();
    // Lengths were checked before.
    let bundle = bundle::bundle_of(entries).unwrap_or_default();
    sink.write(&TilePath::full(TileKind::Entries, index), &bundle)?;
    sink.write(&TilePath::full(TileKind::Hashes(0), index), &tile_of(&leaves))?;
    Ok(TreeHash::of_complete(leaves))
}
