//! A log's files in memory: for tests, examples, and logs so small that they are kept whole.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::path::TilePath;
use super::reader::TileSource;
use super::writer::TileSink;

/// Files by their paths.
#[derive(Debug, Default)]
pub struct Folder(Mutex<BTreeMap<TilePath, Vec<u8>>>);

/// A file that is not in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such file")]
pub struct NoSuchTile;

impl Folder {
    /// The paths of all files, in order.
    pub fn paths(&self) -> Vec<TilePath> {
        self.files().keys().copied().collect()
    }

    /// Takes a file away, and gives what it was.
    pub fn remove(&self, path: &TilePath) -> Option<Vec<u8>> {
        self.files().remove(path)
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<TilePath, Vec<u8>>> {
        // A file is whole or absent, even if another thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TileSink for Folder {
    type Error = std::convert::Infallible;

    fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), Self::Error> {
        self.files().insert(*path, bytes.to_vec());
        Ok(())
    }
}

impl TileSource for Folder {
    type Error = NoSuchTile;

    fn read(&self, path: &TilePath) -> Result<Vec<u8>, NoSuchTile> {
        self.files().get(path).cloned().ok_or(NoSuchTile)
    }
}
