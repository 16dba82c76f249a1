//! The data folder: a database, and a lock that one server holds.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::fold::Folding;
use super::reader::Reader;
use super::schema;
use super::shoppers::Runs;
use super::writer::Writer;
use crate::error::StoreError;

const DATABASE: &str = "koi.db";
const LOCK: &str = "koi.lock";

/// A data folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    runs: Runs,
}

/// The right to serve a folder; given back when it is dropped, also by the death of the process.
#[derive(Debug)]
pub struct Lock {
    _file: File,
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

    /// Whether it holds a database.
    pub fn exists(&self) -> bool {
        self.database().exists()
    }

    /// Makes the folder if it is not there, takes its lock, and brings its database up to date.
    pub fn serve(&self) -> Result<(Writer, Lock), StoreError> {
        let unavailable =
            |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", self.path.display()));
        std::fs::create_dir_all(&self.path).map_err(unavailable)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join(LOCK))
            .map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(self.path.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        schema::migrate(&connection)?;
        let folding = Folding::start(self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?)?;
        let mut writer = Writer::new(connection, self.clone(), Some(folding));
        writer.refresh()?;
        Ok((writer, Lock { _file: file }))
    }

    /// A connection for orders that need no server, such as making keys: beside a server that runs.
    pub fn administer(&self) -> Result<Writer, StoreError> {
        self.must_exist()?;
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::must_be_current(&connection)?;
        Ok(Writer::new(connection, self.clone(), None))
    }

    /// A connection that only reads. It looks through all that is not sorted by shopper yet, each time that it is
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
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.database(), flags)?;
        schema::configure(&connection)?;
        Ok(connection)
    }
}
