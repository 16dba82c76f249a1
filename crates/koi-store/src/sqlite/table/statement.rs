//! What the public log will say of campaigns: only ever added to.

use rusqlite::{Connection, params};

use crate::Stated;
use crate::error::StoreError;
use crate::sheet::joined;

const ADD: &str = "INSERT INTO statement (at, body, lines) VALUES (?1, ?2, ?3)";

pub(crate) fn add(connection: &Connection, stated: &Stated) -> Result<(), StoreError> {
    let lines = joined(&stated.lines);
    connection.prepare_cached(ADD)?.execute(params![stated.at.ms(), stated.body, lines])?;
    Ok(())
}
