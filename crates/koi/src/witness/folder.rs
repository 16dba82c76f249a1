//! What a witness keeps, in a folder of its own:
//!
//! | file | what |
//! |---|---|
//! | `key` | its secret, for its owner alone |
//! | `lock` | held by the one who serves |
//! | `logs` | the origin of each log of which it cosigned something, one on each line |
//! | `seen/HASH` | the checkpoint of a log that it cosigned last, with that cosignature |
//! | `evidence/HASH.seen`, `.other` | two checkpoints that contradict each other, as the log signed them |
//!
//! HASH is the SHA-256 of the log's origin. What a file says of a log is believed for its own cosignature: a file that was
//! damaged does not have it, and one that is gone is missed by `logs`. Both are reasons not to start: a witness that
//! forgot something could be made to cosign another history. An older copy of the whole folder cannot be told from the newest.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use koi_fair::log::{CosignTime, CosignerKey, Seen, SignedCheckpoint, WitnessKey};
use sha2::{Digest, Sha256};

const KEY: &str = "key";
const LOCK: &str = "lock";
const LOGS: &str = "logs";
const SEEN: &str = "seen";
const EVIDENCE: &str = "evidence";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Bits of the group and of all.
const OTHERS: u32 = 0o077;
/// Bytes of a file that are read: more than a request has, and more than the names of all logs.
const FILE_BYTES: u64 = 1024 * 1024;

/// A folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// The right to serve a folder; given back when it is dropped, also by the death of the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error("{}: there is no key of a witness: make one with `koi witness key --name NAME --data DIR`", .0.display())]
    NoKey(PathBuf),
    #[error(
        "{}: there is a key of a witness already, and it stays: `koi witness show` prints its public part", .0.display()
    )]
    KeyThere(PathBuf),
    #[error("{} can be read by others than its owner: chmod 600 it, and ask yourself who has read it", .0.display())]
    KeyOpen(PathBuf),
    #[error("{}: the key is damaged ({why}): put it back from its copy", .path.display())]
    KeyDamaged { path: PathBuf, why: String },
    #[error(
        "{} is in use: another witness serves it. Two with one key could cosign two histories; never copy the folder to \
         run it twice",
        .0.display()
    )]
    InUse(PathBuf),
    #[error(
        "{} is damaged ({why}). A witness that forgot what it saw could be made to cosign another history of a log, so it \
         cosigns nothing. If the very last state of the file can be had, put it back; never an older one. Otherwise this \
         witness has come to its end: make a new one with `koi witness key` in another folder, and give its key to those \
         who use this one",
        .path.display()
    )]
    Damaged { path: PathBuf, why: String },
    #[error("{}: {why}", .path.display())]
    Unavailable { path: PathBuf, why: std::io::Error },
}

/// The checkpoint of a log that was cosigned last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Latest {
    note: SignedCheckpoint,
    time: CosignTime,
}

/// Two checkpoints of a log that contradict each other.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) files: [PathBuf; 2],
}

impl Latest {
    /// With the cosignature of that time.
    pub(crate) fn new(note: SignedCheckpoint, time: CosignTime) -> Self {
        Self { note, time }
    }

    /// What was seen.
    pub(crate) fn seen(&self) -> Seen {
        let checkpoint = self.note.claimed();
        Seen { size: checkpoint.size(), root: checkpoint.root() }
    }

    /// Which log.
    pub(crate) fn origin(&self) -> &str {
        self.note.claimed_origin()
    }

    /// When it was cosigned.
    pub(crate) fn time(&self) -> CosignTime {
        self.time
    }

    /// The checkpoint with the log's signature and the cosignature.
    pub(crate) fn note(&self) -> &SignedCheckpoint {
        &self.note
    }
}

/// The name of a log's file: the SHA-256 of its origin.
pub(crate) fn hash(origin: &str) -> String {
    hex::encode(Sha256::digest(origin))
}

/// Whether a file is called as that of a log is.
fn is_hash(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Folder {
    /// The folder at a path.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Makes a folder for a witness that has seen nothing yet, and keeps its key.
    pub(crate) fn make(&self, key: &CosignerKey) -> Result<(), FolderError> {
        self.make_folder(&self.path)?;
        let _lock = self.lock()?;
        let path = self.path.join(KEY);
        if path.try_exists().map_err(|why| unavailable(&path, why))? {
            return Err(FolderError::KeyThere(self.path.clone()));
        }
        self.make_folder(&self.path.join(SEEN))?;
        // What was seen by a witness whose key is lost is not what this one saw.
        let list = self.path.join(LOGS);
        if read(&list)?.is_some_and(|text| !text.is_empty()) {
            return Err(damaged(&list, "the key that belongs to it is gone".to_owned()));
        }
        self.replace(&list, "")?;
        // The key comes last: with it the folder is whole.
        self.replace(&path, &format!("{}\n", key.to_secret_text()))
    }

    /// Its key.
    pub(crate) fn key(&self) -> Result<CosignerKey, FolderError> {
        let path = self.path.join(KEY);
        let Some(text) = read(&path)? else { return Err(FolderError::NoKey(self.path.clone())) };
        let mode = std::fs::metadata(&path).map_err(|why| unavailable(&path, why))?.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(FolderError::KeyOpen(path));
        }
        // What is wrong with it is said without a letter of it.
        let text = text.strip_suffix('\n').unwrap_or(&text);
        text.parse().map_err(|why: koi_fair::log::KeyError| FolderError::KeyDamaged { path, why: why.to_string() })
    }

    /// Takes the right to serve it.
    pub(crate) fn lock(&self) -> Result<Lock, FolderError> {
        let path = self.path.join(LOCK);
        let open = File::options().create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
        let file = open.map_err(|why| unavailable(&path, why))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(self.path.clone())),
            Err(TryLockError::Error(why)) => Err(unavailable(&path, why)),
        }
    }

    /// What was cosigned last of every log, followed or not, by origin.
    pub(crate) fn all(&self, key: &WitnessKey) -> Result<BTreeMap<String, Latest>, FolderError> {
        let mut all = BTreeMap::new();
        for origin in self.origins()? {
            let path = self.seen(&origin);
            let latest = self.latest(&origin, key)?;
            let latest = latest.ok_or_else(|| damaged(&path, format!("what was seen of {origin} is gone")))?;
            all.insert(origin, latest);
        }
        // One that was written just before the process ended is not on the list yet: nobody has its cosignature.
        let folder = self.path.join(SEEN);
        for entry in folder.read_dir().map_err(|why| damaged(&folder, why.to_string()))? {
            let path = entry.map_err(|why| unavailable(&folder, why))?.path();
            let known = |latest: &Latest| self.seen(latest.origin()) == path;
            // What was not finished has another name.
            if !is_hash(&path) || all.values().any(known) {
                continue;
            }
            let latest = read(&path)?.map(|text| latest_of(&path, &text, key)).transpose()?;
            let latest = latest.filter(known).ok_or_else(|| damaged(&path, "it is of another log".to_owned()))?;
            all.insert(latest.origin().to_owned(), latest);
        }
        Ok(all)
    }

    /// What was cosigned last of a log.
    pub(crate) fn latest(&self, origin: &str, key: &WitnessKey) -> Result<Option<Latest>, FolderError> {
        let path = self.seen(origin);
        let Some(text) = read(&path)? else {
            let known = self.origins()?.iter().any(|known| known == origin);
            return if known { Err(damaged(&path, "it is gone".to_owned())) } else { Ok(None) };
        };
        let latest = latest_of(&path, &text, key)?;
        if latest.origin() == origin {
            Ok(Some(latest))
        } else {
            Err(damaged(&path, format!("it is of another log, {}", latest.origin())))
        }
    }

    /// Keeps what was cosigned. When this returns, it is on the disk.
    pub(crate) fn store(&self, latest: &Latest) -> Result<(), FolderError> {
        self.replace(&self.seen(latest.origin()), &latest.note.to_string())?;
        let mut origins = self.origins()?;
        if origins.iter().any(|origin| origin == latest.origin()) {
            return Ok(());
        }
        origins.push(latest.origin().to_owned());
        let list: String = origins.iter().map(|origin| format!("{origin}\n")).collect();
        self.replace(&self.path.join(LOGS), &list)
    }

    /// Keeps two checkpoints that contradict each other; of each log the first such pair. False if there is one.
    pub(crate) fn keep_evidence(&self, seen: &Latest, other: &SignedCheckpoint) -> Result<bool, FolderError> {
        let [first, second] = self.evidence_files(seen.origin());
        if second.exists() {
            return Ok(false);
        }
        self.make_folder(&self.path.join(EVIDENCE))?;
        self.replace(&first, &seen.note.to_string())?;
        self.replace(&second, &other.to_string())?;
        Ok(true)
    }

    /// The evidence that is kept against these logs.
    pub(crate) fn evidence(
        &self,
        origins: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Evidence>, FolderError> {
        let mut found = Vec::new();
        for origin in origins {
            let files = self.evidence_files(&origin);
            let Some(text) = read(&files[1])? else { continue };
            let other: SignedCheckpoint =
                text.parse().map_err(|why| damaged(&files[1], format!("it is no checkpoint: {why}")))?;
            found.push(Evidence { origin, size: other.claimed().size(), files });
        }
        Ok(found)
    }

    fn origins(&self) -> Result<Vec<String>, FolderError> {
        let path = self.path.join(LOGS);
        let text = read(&path)?.ok_or_else(|| damaged(&path, "it is gone".to_owned()))?;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(damaged(&path, "its last line has no end".to_owned()));
        }
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn seen(&self, origin: &str) -> PathBuf {
        self.path.join(SEEN).join(hash(origin))
    }

    fn evidence_files(&self, origin: &str) -> [PathBuf; 2] {
        ["seen", "other"].map(|which| self.path.join(EVIDENCE).join(format!("{}.{which}", hash(origin))))
    }

    fn make_folder(&self, path: &Path) -> Result<(), FolderError> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path).map_err(|why| unavailable(path, why))?;
        if path == self.path { Ok(()) } else { sync(&self.path) }
    }

    /// Puts a file in the place of another so that there is always a whole one, also if the machine stops here.
    fn replace(&self, path: &Path, text: &str) -> Result<(), FolderError> {
        let new = path.with_extension("new");
        let write = || {
            let mut file = File::options().create(true).truncate(true).write(true).mode(FILE_MODE).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        };
        write().map_err(|why| unavailable(path, why))?;
        sync(path.parent().unwrap_or(&self.path))
    }
}

fn latest_of(path: &Path, text: &str, key: &WitnessKey) -> Result<Latest, FolderError> {
    let note: SignedCheckpoint =
        text.parse().map_err(|why| damaged(path, format!("it is no checkpoint: {why}")))?;
    let time = key.time_of(&note).map_err(|why| damaged(path, why.to_string()))?;
    let time = time.ok_or_else(|| damaged(path, format!("it is not cosigned by this witness, {}", key.name())))?;
    Ok(Latest { note, time })
}

/// The text of a file, if there is one.
fn read(path: &Path) -> Result<Option<String>, FolderError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(unavailable(path, why)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|why| unavailable(path, why))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(damaged(path, "it is too long".to_owned()));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| damaged(path, "it is not text".to_owned()))
}

/// The names in a folder are on the disk when this returns.
fn sync(folder: &Path) -> Result<(), FolderError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|why| unavailable(folder, why))
}

fn damaged(path: &Path, why: String) -> FolderError {
    FolderError::Damaged { path: path.to_owned(), why }
}

fn unavailable(path: &Path, why: std::io::Error) -> FolderError {
    FolderError::Unavailable { path: path.to_owned(), why }
}

#[cfg(test)]
mod tests;
