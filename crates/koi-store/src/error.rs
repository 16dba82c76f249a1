//! What can go wrong with a store, as far as its callers act on it.

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage does not take writes now: full, read-only, failing. It may heal.
    #[error("the storage does not answer: {0}")]
    Unavailable(String),
    /// Somebody else was in the way, or the connection broke: the same work is begun again. If it was the end of a
    /// transaction that failed, that may have been stored: its keys tell.
    #[error("the transaction must be begun again: {0}")]
    Conflict(String),
    /// Another server uses the folder.
    #[error("another Koi server is using {0}; stop it first, or choose another folder with --data")]
    InUse(String),
    /// The database was written by a newer Koi.
    #[error(
        "the database has version {found}, this Koi knows versions up to {known}: run the newer Koi that wrote it, \
         or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// There is no database where one is expected.
    #[error("there is no Koi database in {0}")]
    Absent(String),
    /// The file cannot be read: it is damaged, or the disk fails at reading. SQLite has the same words for both.
    #[error("the database cannot be read, because the disk fails or the file is damaged: {0}")]
    Unreadable(String),
    /// Rows that cannot be: the database was damaged, or written by something else.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Anything else that the database says; a statement that cannot be carried out.
    #[error("the database refused: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether it is the storage that fails, for everybody: waiting may help.
    pub fn may_heal(&self) -> bool {
        matches!(self, StoreError::Unavailable(_) | StoreError::Conflict(_))
    }

    /// Whether who asked may ask again later.
    pub fn is_retryable(&self) -> bool {
        self.may_heal() || matches!(self, StoreError::Unreadable(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                Code::DiskFull
                | Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::PermissionDenied
                | Code::FileLockingProtocolFailed
                | Code::OutOfMemory => StoreError::Unavailable(text),
                Code::DatabaseCorrupt | Code::NotADatabase => StoreError::Unreadable(text),
                _ => StoreError::Refused(text),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => StoreError::Damaged(text),
            _ => StoreError::Refused(text),
        }
    }
}

impl From<koi_core::fault::Fault> for StoreError {
    fn from(fault: koi_core::fault::Fault) -> Self {
        StoreError::Damaged(fault.to_string())
    }
}

/// The error of a stored value that cannot be.
pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.to_owned())
}
