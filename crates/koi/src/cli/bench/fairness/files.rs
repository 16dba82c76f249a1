//! The files of an entry log in a real folder, as a server has them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use koi_fair::log::{TilePath, TileSink, TileSource};

/// A folder of tiles and bundles.
pub(super) struct Files(PathBuf);

impl Files {
    /// The files in a folder, which may not be there yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn path(&self, path: &TilePath) -> PathBuf {
        self.0.join(path.to_string())
    }
}

impl TileSink for Files {
    type Error = io::Error;

    fn write(&self, path: &TilePath, bytes: &[u8]) -> io::Result<()> {
        let file = self.path(path);
        match fs::write(&file, bytes) {
            // A folder holds a thousand files: it is rarely the first.
            Err(why) if why.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(file.parent().unwrap_or(&self.0))?;
                fs::write(&file, bytes)
            }
            written => written,
        }
    }
}

impl TileSource for Files {
    type Error = io::Error;

    fn read(&self, path: &TilePath) -> io::Result<Vec<u8>> {
        fs::read(self.path(path))
    }
}

/// Bytes of a log of so many entries of 32 bytes: the bundles, and a hash for each and for each tile above.
pub(super) fn bytes_of_log(entries: u64) -> u64 {
    let in_bundles = entries.saturating_mul(2 + 32);
    let mut hashes = entries;
    let mut of_tiles = entries;
    while hashes >= u64::from(TilePath::WIDTH) {
        hashes /= u64::from(TilePath::WIDTH);
        of_tiles = of_tiles.saturating_add(hashes);
    }
    in_bundles.saturating_add(of_tiles.saturating_mul(32))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use koi_fair::draw::made_up::Plan;

    use super::*;

    fn bytes_in(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let of = |entry: fs::DirEntry| {
            let about = entry.metadata().unwrap();
            if about.is_dir() { bytes_in(&entry.path()) } else { about.len() }
        };
        entries.map(of).sum()
    }

    #[test]
    fn a_log_takes_as_many_bytes_as_is_said() {
        for entries in [1, 256, 66_000] {
            let folder = tempfile::tempdir().unwrap();
            let plan = Plan { entries, ..Plan::small() };
            plan.write_entries(&Files::new(folder.path()), NonZeroUsize::MIN).unwrap();
            // Of a tile that was begun there may be full ones beside it that it ended in.
            assert_eq!(bytes_in(folder.path()), bytes_of_log(entries), "{entries}");
        }
    }
}
