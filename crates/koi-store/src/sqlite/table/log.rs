//! Who did what, when and why: only ever added to.

use rusqlite::{Connection, params};

use crate::LogLine;
use crate::error::StoreError;

const ADD: &str = "INSERT INTO log (at, principal, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)";

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
