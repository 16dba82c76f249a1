//! Where a log's files come from: a folder, or anything else that can give them by their names.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Step, Watch};
use crate::log::{BundleError, TileKind, TilePath, TileSource, TreeHash, entries_of};

/// Something that has the public files of a log. Several threads ask at once.
pub trait LogFiles: Sync {
    /// Why it could not be asked. That a file is not there is no error.
    type Error: Send;

    /// The first `most` bytes of a file such as `checkpoint` or `tile/0/000`, one more if it is longer; `None` if it is not there.
    ///
    /// # Errors
    ///
    /// If nobody can say whether the file is there, or what is in it.
    fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// A folder.
#[derive(Clone, Debug)]
pub struct Directory(pub PathBuf);

impl LogFiles for Directory {
    type Error = io::Error;

    fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, io::Error> {
        let file = match File::open(self.0.join(name)) {
            Ok(file) => file,
            // A name below what is a file and no folder is not there, too.
            Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(why) => return Err(why),
        };
        let mut bytes = Vec::new();
        file.take((most as u64).saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// Files by their names, in memory.
impl LogFiles for BTreeMap<String, Vec<u8>> {
    type Error = Infallible;

    fn read(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.get(name).map(|bytes| bytes[..bytes.len().min(most.saturating_add(1))].to_vec()))
    }
}

/// The tiles and bundles among a log's files. Those read are counted, for who watches.
pub(super) struct Tiles<'a, F> {
    files: &'a F,
    step: Step,
    read: AtomicU64,
    of: u64,
    watch: &'a Watch<'a>,
}

/// Why there is no tile.
#[derive(Debug)]
pub(super) enum NoTile<E> {
    /// It is not there.
    Missing,
    /// Nobody can say.
    Failed(E),
}

impl<'a, F: LogFiles> Tiles<'a, F> {
    /// The tiles of a log, of which so many will be read.
    pub(super) fn new(files: &'a F, step: Step, of: u64, watch: &'a Watch<'a>) -> Self {
        Self { files, step, read: AtomicU64::new(0), of, watch }
    }
}

impl<F: LogFiles> TileSource for Tiles<'_, F> {
    type Error = NoTile<F::Error>;

    /// A partial tile that is gone is cut from the full one.
    fn read(&self, path: &TilePath) -> Result<Vec<u8>, NoTile<F::Error>> {
        let ask = |path: &TilePath| self.files.read(&path.to_string(), bytes_max(path)).map_err(NoTile::Failed);
        let mut bytes = ask(path)?;
        if bytes.is_none() && path.is_partial() {
            let full = TilePath::full(path.kind(), path.index());
            bytes = ask(&full)?.map(|bytes| cut(path, &full, bytes));
        }
        let read = self.read.fetch_add(1, Ordering::Relaxed) + 1;
        (self.watch)(self.step, read.min(self.of), self.of);
        bytes.ok_or(NoTile::Missing)
    }
}

/// The most bytes that a tile can have.
fn bytes_max(path: &TilePath) -> usize {
    let each = match path.kind() {
        TileKind::Hashes(_) => TreeHash::BYTES,
        TileKind::Entries => 2 + usize::from(u16::MAX),
    };
    usize::from(path.width()) * each
}

/// The beginning of a full tile that is a partial one. One that is not right is left as it is: it is refused all the same.
fn cut(path: &TilePath, full: &TilePath, mut bytes: Vec<u8>) -> Vec<u8> {
    let length = match path.kind() {
        TileKind::Hashes(_) => Ok(bytes_max(path)),
        TileKind::Entries => entries_of(full, &bytes).map(|entries| {
            entries.iter().take(usize::from(path.width())).map(|entry| 2 + entry.len()).sum::<usize>()
        }),
    };
    if let Ok(length) = length.map_err(|_: BundleError| ()) {
        bytes.truncate(length);
    }
    bytes
}
