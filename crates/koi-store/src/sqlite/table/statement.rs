//! What the public log will say of campaigns: only ever added to.

use koi_core::time::Time;
use rusqlite::{Connection, params};

use crate::Stated;
use crate::error::StoreError;
use crate::sheet::{joined, split};

const AFTER: &str = "SELECT number, at, body, lines FROM statement WHERE number > ?1 ORDER BY number LIMIT ?2";
const ADD: &str = "INSERT INTO statement (at, body, lines) VALUES (?1, ?2, ?3)";

pub(crate) fn add(connection: &Connection, stated: &Stated) -> Result<(), StoreError> {
    let lines = joined(&stated.lines);
    connection.prepare_cached(ADD)?.execute(params![stated.at.ms(), stated.body, lines])?;
    Ok(())
}

/// At most `limit` statements with numbers above `number`, in their order.
pub(crate) fn after(connection: &Connection, number: i64, limit: u32) -> Result<Vec<(i64, Stated)>, StoreError> {
    let mut statement = connection.prepare_cached(AFTER)?;
    let mut rows = statement.query(params![number, limit])?;
    let mut statements = Vec::new();
    while let Some(row) = rows.next()? {
        let lines: String = row.get(3)?;
        let stated = Stated { at: Time::of_ms(row.get(1)?), body: row.get(2)?, lines: split(&lines)? };
        statements.push((row.get(0)?, stated));
    }
    Ok(statements)
}
