//! A new data folder that is filled before it is one: in a folder of its own within it, so that it is on the same
//! (perhaps mounted) volume, and the database gets its name only when it is whole.

use std::path::{Path, PathBuf};

use anyhow::Context;
use koi_store::sqlite::{Folder, Lock};

/// The place within a folder where it is filled. While there is one, nobody else fills the folder or serves it; in the end
/// nothing of it is left, nor of a folder that was made for it and stayed empty.
pub(super) struct Workplace {
    path: PathBuf,
    /// Held to the end, unless it is removed then.
    lock: Option<Lock>,
    had_lock: bool,
    /// The folders that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

impl Workplace {
    /// A place of this name within a folder. What is there already was left behind by somebody who is gone.
    pub(super) fn within(folder: &Folder, name: &str) -> anyhow::Result<Self> {
        let (had_lock, made) = (folder.has_lock(), missing(folder.path()));
        let lock = folder.reserve()?;
        let place = Self { path: folder.path().join(name), lock: Some(lock), had_lock, made };
        clear(&place.path).with_context(|| format!("removing {}", place.path.display()))?;
        place.folder().make().with_context(|| format!("making {}", place.path.display()))?;
        Ok(place)
    }

    /// The folder that is filled.
    pub(super) fn folder(&self) -> Folder {
        Folder::new(&self.path)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        let _ = clear(&self.path);
        if let Some(lock) = self.lock.take_if(|_| !self.had_lock) {
            let _ = lock.remove();
        }
        for folder in &self.made {
            // One that holds something stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The folders on the way to one, and itself, that are not there.
fn missing(path: &Path) -> Vec<PathBuf> {
    let named = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
    named.take_while(|folder| !folder.exists()).map(Path::to_owned).collect()
}

fn clear(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
