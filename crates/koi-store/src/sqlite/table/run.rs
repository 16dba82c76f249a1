//! The run of each sorted index that is being written: how far it goes, and how far it is written.

use rusqlite::{Connection, params};

use crate::error::StoreError;

const ALL: &str = "SELECT part, until FROM run WHERE what = ?1";
const LAST: &str = "SELECT key, number FROM run_last WHERE what = ?1";
const PUT: &str = "INSERT OR REPLACE INTO run (what, part, until) VALUES (?1, ?2, ?3)";
const PUT_LAST: &str = "INSERT OR REPLACE INTO run_last (what, key, number) VALUES (?1, ?2, ?3)";
const CLEAR: &str = "DELETE FROM run WHERE what = ?1";
const CLEAR_LAST: &str = "DELETE FROM run_last WHERE what = ?1";

/// Up to which row of each part the run goes; empty when none is being written.
pub(crate) fn all(connection: &Connection, what: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([what], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The last entry of it that is written.
pub(crate) fn last(connection: &Connection, what: i64) -> Result<Option<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(LAST)?;
    let mut rows = statement.query([what])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get(0)?, row.get(1)?)))
}

/// Says that the run takes the rows of a part up to one.
pub(crate) fn put(connection: &Connection, what: i64, part: i64, until: i64) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![what, part, until])?;
    Ok(())
}

/// Says that the run is written up to an entry.
pub(crate) fn put_last(connection: &Connection, what: i64, (key, number): (i64, i64)) -> Result<(), StoreError> {
    connection.prepare_cached(PUT_LAST)?.execute(params![what, key, number])?;
    Ok(())
}

/// Says that no run is being written.
pub(crate) fn clear(connection: &Connection, what: i64) -> Result<(), StoreError> {
    connection.prepare_cached(CLEAR)?.execute([what])?;
    connection.prepare_cached(CLEAR_LAST)?.execute([what])?;
    Ok(())
}
