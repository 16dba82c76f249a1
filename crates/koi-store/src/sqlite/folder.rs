//! The data folder: a database, and a lock that one server holds.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::fold::Folding;
use super::reader::Reader;
use super::schema;
use super::sorted::Runs;
use super::writer::Writer;
use crate::error::StoreError;

const DATABASE: &str = "koi.db";
const LOCK: &str = "koi.lock";
/// The database holds the secret of each campaign's stock: who knows it knows what the next packet is.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// What lets others than the owner into a folder, and what lets them read a file: bits of the group and of all.
const SEARCH_OF_OTHERS: u32 = 0o011;
const READ_OF_OTHERS: u32 = 0o044;

/// A data folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    runs: Runs,
}

/// The right to serve a folder; given back when it is dropped, also by the death of the process.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Gives the right back, and leaves no file of it behind.
    pub fn remove(self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    /// Whether its file is still the one that others find. One that was removed keeps nobody out.
    fn is_there(&self) -> std::io::Result<bool> {
        let (mine, found) = (self.file.metadata()?, std::fs::metadata(&self.path));
        Ok(found.is_ok_and(|found| (found.dev(), found.ino()) == (mine.dev(), mine.ino())))
    }
}

impl Folder {
    /// The folder at a path, which need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), runs: Runs::SERVED }
    }

    /// The same folder with runs of other lengths: tests have few coupons.
    #[must_use]
    pub fn with_runs(self, runs: Runs) -> Self {
        Self { runs, ..self }
    }

    pub(super) fn runs(&self) -> Runs {
        self.runs
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Whether there is a lock, held or not.
    pub fn has_lock(&self) -> bool {
        self.path.join(LOCK).exists()
    }

    /// Whether it holds a database.
    pub fn exists(&self) -> bool {
        self.database().exists()
    }

    /// Makes the folder if it is not there, for its owner alone; one that is there keeps its mode.
    pub fn make(&self) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&self.path)
    }

    /// The files in it that others than its owner can read, as far as the folder lets them in.
    pub fn open_to_others(&self) -> std::io::Result<Vec<PathBuf>> {
        let allows =
            |path: &Path, bits: u32| std::fs::metadata(path).map(|found| found.permissions().mode() & bits != 0);
        if !allows(&self.path, SEARCH_OF_OTHERS)? {
            return Ok(Vec::new());
        }
        let mut open = Vec::new();
        for entry in self.path.read_dir()? {
            let path = entry?.path();
            let is_file = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(DATABASE));
            // One that is gone meanwhile is read by nobody.
            if is_file && allows(&path, READ_OF_OTHERS).unwrap_or(false) {
                open.push(path);
            }
        }
        Ok(open)
    }

    /// Makes the folder if it is not there, takes its lock, and brings its database up to date.
    pub fn serve(&self) -> Result<(Writer, Lock), StoreError> {
        let lock = self.reserve()?;
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        schema::migrate(&connection)?;
        let folding = Folding::start(self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?)?;
        let mut writer = Writer::new(connection, self.clone(), Some(folding));
        writer.refresh()?;
        Ok((writer, lock))
    }

    /// Takes the right to serve a folder that is there, so that nobody serves it meanwhile.
    pub fn hold(&self) -> Result<Lock, StoreError> {
        self.must_exist()?;
        self.lock()
    }

    /// Makes the folder if it is not there, and takes the right to serve it: whoever fills it is alone meanwhile.
    pub fn reserve(&self) -> Result<Lock, StoreError> {
        self.make().map_err(|error| self.unavailable(&error))?;
        self.lock()
    }

    fn lock(&self) -> Result<Lock, StoreError> {
        loop {
            let path = self.path.join(LOCK);
            let mut open = File::options();
            let open = open.create(true).truncate(false).write(true).mode(FILE_MODE);
            let file = open.open(&path).map_err(|error| self.unavailable(&error))?;
            match file.try_lock() {
                Ok(()) => {
                    let lock = Lock { file, path };
                    // Who had it may have removed it since it was opened.
                    if lock.is_there().map_err(|error| self.unavailable(&error))? {
                        return Ok(lock);
                    }
                }
                Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(self.path.display().to_string())),
                Err(TryLockError::Error(error)) => return Err(self.unavailable(&error)),
            }
        }
    }

    fn unavailable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Unavailable(format!("{}: {error}", self.path.display()))
    }

    /// A connection for orders that need no server, such as making keys: beside a server that runs.
    pub fn administer(&self) -> Result<Writer, StoreError> {
        self.must_exist()?;
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::must_be_current(&connection)?;
        Ok(Writer::new(connection, self.clone(), None))
    }

    /// A connection that only reads. It looks through all that the sorted indexes lack, each time that it is
    /// asked for one; see [`Reader::beside`] for one that need not.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        self.must_exist()?;
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true)?;
        schema::must_be_current(&connection)?;
        Ok(Reader::new(connection))
    }

    fn must_exist(&self) -> Result<(), StoreError> {
        if self.exists() { Ok(()) } else { Err(StoreError::Absent(self.path.display().to_string())) }
    }

    pub(super) fn connect(&self, flags: OpenFlags) -> Result<Connection, StoreError> {
        if flags.contains(OpenFlags::SQLITE_OPEN_CREATE) {
            make_private(&self.database())?;
        }
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.database(), flags)?;
        schema::configure(&connection)?;
        Ok(connection)
    }
}

/// Makes an empty file for its owner alone if there is none; SQLite takes it for a new database, and gives the files
/// beside it the same mode.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    match File::options().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::Unavailable(format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
