//! Who did what, when and why: only ever added to.

use koi_core::time::Time;
use rusqlite::{Connection, params};

use crate::LogLine;
use crate::error::StoreError;

const ADD: &str = "INSERT INTO log (at, principal, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
const LATEST: &str = "SELECT at FROM log ORDER BY number DESC LIMIT 1";

/// When the last line was written.
pub(crate) fn latest(connection: &Connection) -> Result<Option<Time>, StoreError> {
    let mut statement = connection.prepare(LATEST)?;
    let mut rows = statement.query([])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(Time::of_ms))
}

pub(crate) fn add(connection: &Connection, line: &LogLine) -> Result<(), StoreError> {
    connection.prepare_cached(ADD)?.execute(params![
        line.at.ms(),
        line.principal.as_str(),
        line.action,
        line.subject,
        line.detail,
    ])?;
    Ok(())
}
