//! Backups: taken online from one state of the database, restored into an empty folder.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::folder::{Folder, make_private};
use super::reader::Reader;
use super::schema;
use crate::error::StoreError;

/// Pages copied between two reports of progress.
const STEP_PAGES: i32 = 2_000;
/// How long to wait when the source is busy, in milliseconds.
const WAIT_MS: u64 = 20;

/// Copies the database to a new file while a server may go on writing. `progress` is told pages done and
/// pages in all. A file that is not there yet is made for its owner alone.
pub fn backup(folder: &Folder, into: &Path, mut progress: impl FnMut(i32, i32)) -> Result<(), StoreError> {
    let reader = folder.reader()?;
    make_private(into)?;
    let mut target = Connection::open(into)?;
    // One transaction from first to last page: a state that was, not a mixture.
    reader.at_one_moment(|| {
        reader.connection().query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0))?;
        copy(reader.connection(), &mut target, &mut progress)
    })?;
    target.pragma_update(None, "synchronous", "FULL")?;
    let _: String = target.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    schema::must_be_current(&target)
}

/// Opens a backup for looking at it; nothing is written, not even beside it.
pub fn open_backup(from: &Path) -> Result<Reader, StoreError> {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    schema::must_be_current(&connection)?;
    Ok(Reader::new(connection))
}

/// Copies a backup into a folder that holds no database yet; one that does is refused.
pub fn restore(from: &Path, folder: &Folder, mut progress: impl FnMut(i32, i32)) -> Result<(), StoreError> {
    if folder.exists() {
        return Err(StoreError::Refused(format!("{} holds a database already", folder.path().display())));
    }
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut target = folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    copy(&source, &mut target, &mut progress)?;
    schema::migrate(&target)
}

fn copy(
    source: &Connection,
    target: &mut Connection,
    progress: &mut impl FnMut(i32, i32),
) -> Result<(), StoreError> {
    let backup = Backup::new(source, target)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let reached = backup.progress();
        progress(reached.pagecount - reached.remaining, reached.pagecount);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(WAIT_MS)),
            _ => return Err(StoreError::Refused("the backup stopped at an unknown step".into())),
        }
    }
}
