//! The schema's versions. The database carries its own in `user_version`.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::fold::KEPT_BYTES;
use crate::error::StoreError;

/// The migrations, in order: the n-th leads to version n.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/0001_red_packets.sql")];

/// Statements that a connection keeps prepared: more than there are.
const PREPARED: usize = 128;
/// How long a connection waits for another's transaction, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5_000;
/// Pages that a connection keeps in memory, in KiB: the upper pages of every tree, and those of many batches. More
/// would cost time: after a commit that split a page in the middle of a tree SQLite looks through all of them.
const CACHE_KIB: i64 = 16 * 1024;

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(PREPARED);
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Without this a statement is prepared anew whenever a value is bound that a partial index might like.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The log is folded beside the writer (see `fold`).
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", KEPT_BYTES)?;
    Ok(())
}

/// What the file says it is (SQLite's file format, 1.3.10): `Koi1`.
const APPLICATION: i64 = 0x4B6F_6931;

/// Refuses a database that another program made.
fn must_be_ours(connection: &Connection) -> Result<(), StoreError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if tables > 0 && application != APPLICATION {
        return Err(StoreError::Refused("it is a database of another program, not of Koi".into()));
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings a database to the newest version, one transaction per step; refuses one that is newer.
pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    must_be_ours(connection)?;
    let found = version(connection)?;
    if found > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Unavailable(format!("the file system allows no write-ahead log (mode {mode})")));
    }
    for (step, migration) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {migration} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}; COMMIT;",
                step + 1
            ))?;
    }
    Ok(())
}

/// Refuses a database that this program does not read as it is.
pub(super) fn must_be_current(connection: &Connection) -> Result<(), StoreError> {
    must_be_ours(connection)?;
    let found = version(connection)?;
    match found.cmp(&known()) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::Newer { found, known: known() }),
        std::cmp::Ordering::Less => Err(StoreError::Refused(format!(
            "the database has version {found}, this Koi needs {}: start `koi serve` once, which brings it up to date",
            known()
        ))),
    }
}
