//! Writing a log: leaves come in, tiles go out, and no more is kept than the right edge.

use std::thread;

use super::read::{Files, TileRefusal};
use super::{HEIGHT, LEAF_BYTES_MAX, TileName, WIDTH};
use crate::log::tree::{Hash, Peaks, empty_root, leaf_hash, node_hash, root_of};

/// Tiles whose roots are computed at once, on two threads: fewer are not worth a thread.
const SPAN: usize = 64;

/// Where files of a log are written. A file that is there already is written again with the same bytes.
pub trait Sink {
    /// Why one could not be written.
    type Error;

    /// Writes a tile or a bundle.
    fn write(&mut self, name: TileName, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Why a log cannot be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresumed {
    /// A file of the right edge is missing, or it is damaged.
    #[error(transparent)]
    Tile(#[from] TileRefusal),
    /// The files at the right edge make another root.
    #[error("the tiles make another root than that of the checkpoint")]
    Root,
}

/// A log as it is written.
#[derive(Clone, Debug, Default)]
pub struct TileWriter {
    size: u64,
    /// Of each level the hashes of the tile at the right edge: below 256 of them.
    edge: Vec<Vec<Hash>>,
    /// The bundle at the right edge.
    bundle: Vec<u8>,
    /// Whether there is a bundle: a log of hashes alone has none.
    bundled: bool,
}

impl TileWriter {
    /// A new log. `bundled`: its leaves are written, too, and not only their hashes.
    pub fn new(bundled: bool) -> Self {
        Self { bundled, ..Self::default() }
    }

    /// A log of `size` leaves, to go on with; its files must make this root.
    pub fn resume<F: Files>(files: &F, size: u64, root: &Hash, bundled: bool) -> Result<Self, Unresumed> {
        let mut writer = Self::new(bundled);
        writer.size = size;
        let mut count = size;
        let mut level = 0;
        while count > 0 {
            let width = usize::try_from(count % WIDTH as u64).unwrap_or(0);
            let name = TileName { level: Some(level), index: count / WIDTH as u64, width };
            writer.edge.push(if width == 0 { Vec::new() } else { super::read::tile(files, name)? });
            count /= WIDTH as u64;
            level += 1;
        }
        let width = usize::try_from(size % WIDTH as u64).unwrap_or(0);
        if bundled && width > 0 {
            let name = TileName { level: None, index: size / WIDTH as u64, width };
            writer.bundle = super::read::whole_bundle(files, name)?;
        }
        if writer.root() == *root { Ok(writer) } else { Err(Unresumed::Root) }
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; false, and nothing is added, when it is longer than [`LEAF_BYTES_MAX`].
    pub fn push<S: Sink>(&mut self, leaf: &[u8], sink: &mut S) -> Result<bool, S::Error> {
        let Ok(length) = u16::try_from(leaf.len()) else { return Ok(false) };
        debug_assert!(leaf.len() <= LEAF_BYTES_MAX);
        if self.bundled {
            self.bundle.extend_from_slice(&length.to_be_bytes());
            self.bundle.extend_from_slice(leaf);
            if self.size % WIDTH as u64 == WIDTH as u64 - 1 {
                let name = TileName { level: None, index: self.size / WIDTH as u64, width: WIDTH };
                sink.write(name, &self.bundle)?;
                self.bundle.clear();
            }
        }
        self.push_hash(0, leaf_hash(leaf), sink)?;
        self.size += 1;
        Ok(true)
    }

    /// Adds leaves by their hashes, to a log without bundles; many at once are hashed on two threads.
    pub fn extend<S: Sink>(&mut self, leaves: &[Hash], sink: &mut S) -> Result<(), S::Error> {
        let edge = usize::try_from(self.size % WIDTH as u64).unwrap_or(0);
        let to_edge = if edge == 0 { 0 } else { (WIDTH - edge).min(leaves.len()) };
        let (first, rest) = leaves.split_at(to_edge);
        self.push_hashes(first, sink)?;
        let tiles: Vec<&[Hash]> = rest.chunks_exact(WIDTH).collect();
        for tiles in tiles.chunks(SPAN) {
            for (tile, root) in tiles.iter().zip(roots(tiles)) {
                let name = TileName { level: Some(0), index: self.size / WIDTH as u64, width: WIDTH };
                sink.write(name, tile.as_flattened())?;
                self.push_hash(1, root, sink)?;
                self.size += WIDTH as u64;
            }
        }
        self.push_hashes(rest.chunks_exact(WIDTH).remainder(), sink)
    }

    fn push_hashes<S: Sink>(&mut self, leaves: &[Hash], sink: &mut S) -> Result<(), S::Error> {
        for leaf in leaves {
            self.push_hash(0, *leaf, sink)?;
            self.size += 1;
        }
        Ok(())
    }

    /// Adds a hash to the tile at the right edge of a level; a full one is written, and its root goes up.
    fn push_hash<S: Sink>(&mut self, level: u8, hash: Hash, sink: &mut S) -> Result<(), S::Error> {
        let place = usize::from(level);
        while self.edge.len() <= place {
            self.edge.push(Vec::with_capacity(WIDTH));
        }
        let Some(row) = self.edge.get_mut(place) else { return Ok(()) };
        row.push(hash);
        if row.len() < WIDTH {
            return Ok(());
        }
        let full = std::mem::take(row);
        let index = self.size >> (HEIGHT * (u32::from(level) + 1));
        sink.write(TileName { level: Some(level), index, width: WIDTH }, full.as_flattened())?;
        self.push_hash(level + 1, root_of(&full), sink)
    }

    /// Writes the tiles at the right edge that are not full, as they are now.
    pub fn write_edge<S: Sink>(&self, sink: &mut S) -> Result<(), S::Error> {
        for (level, row) in (0_u8..).zip(&self.edge) {
            if !row.is_empty() {
                let index = self.size >> (HEIGHT * (u32::from(level) + 1));
                sink.write(TileName { level: Some(level), index, width: row.len() }, row.as_flattened())?;
            }
        }
        let width = usize::try_from(self.size % WIDTH as u64).unwrap_or(0);
        if self.bundled && width > 0 {
            let name = TileName { level: None, index: self.size / WIDTH as u64, width };
            sink.write(name, &self.bundle)?;
        }
        Ok(())
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut root: Option<Hash> = None;
        // From the right: what is small stands right of what is large.
        for row in &self.edge {
            let mut peaks = Peaks::default();
            row.iter().for_each(|hash| peaks.push(*hash));
            for peak in peaks.hashes().iter().rev() {
                root = Some(root.map_or(*peak, |right| node_hash(peak, &right)));
            }
        }
        root.unwrap_or_else(empty_root)
    }
}

/// The roots of full tiles, in their order.
fn roots(tiles: &[&[Hash]]) -> Vec<Hash> {
    let root = |tile: &&[Hash]| root_of(tile);
    if tiles.len() < SPAN {
        return tiles.iter().map(root).collect();
    }
    let (first, second) = tiles.split_at(tiles.len() / 2);
    thread::scope(|scope| {
        let second_half = scope.spawn(|| second.iter().map(root).collect::<Vec<_>>());
        let mut roots: Vec<Hash> = first.iter().map(root).collect();
        // A thread that could not end did nothing that cannot be done here.
        roots.extend(second_half.join().unwrap_or_else(|_| second.iter().map(root).collect()));
        roots
    })
}
