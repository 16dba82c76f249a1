//! A new folder as the target of a copy. Who copies gives it its name only when it is whole, as a restore does.

use rusqlite::{Connection, OpenFlags};

use super::folder::{Folder, Lock};
use super::sheets;
use crate::error::StoreError;
use crate::sheet::{Sheet, Value};

/// A folder that is being filled, in one transaction.
pub(crate) struct Filling {
    connection: Connection,
    _lock: Lock,
}

impl Folder {
    /// Makes an installation in it, and begins to fill it.
    pub(crate) fn fill(&self) -> Result<Filling, StoreError> {
        let (writer, lock) = self.serve()?;
        drop(writer);
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Filling { connection, _lock: lock })
    }
}

impl Filling {
    /// Adds a row to a table.
    pub(crate) fn add(&self, sheet: &Sheet, row: &[Value]) -> Result<(), StoreError> {
        sheets::insert(&self.connection, sheet, row)
    }

    /// Commits, and folds the log into the database: it is one file that can be given a name.
    pub(crate) fn end(self) -> Result<(), StoreError> {
        self.connection.execute_batch("COMMIT")?;
        let mut fold = self.connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
        let is_busy: bool = fold.query_row([], |row| row.get(0))?;
        if is_busy { Err(StoreError::Unavailable("somebody else reads the new folder".into())) } else { Ok(()) }
    }
}
