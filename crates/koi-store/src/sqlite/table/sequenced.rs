//! How far the public log is sequenced: only ever added to.

use koi_core::time::Time;
use rusqlite::{Connection, Row, params};

use crate::Sequenced;
use crate::error::StoreError;
use crate::sheet::{joined, split};

const NUMBERED: &str = "SELECT number, at, size, root, statement, lines FROM sequenced WHERE number = ?1";
const LAST: &str = "SELECT number, at, size, root, statement, lines FROM sequenced ORDER BY number DESC LIMIT 1";
const ADD: &str = "INSERT INTO sequenced (number, at, size, root, statement, lines) SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
    WHERE ?1 = 1 OR EXISTS (SELECT 1 FROM sequenced AS before WHERE before.number = ?1 - 1 AND before.root = ?7) \
    ON CONFLICT (number) DO NOTHING";

/// Adds a row; false if there is one with its number, or not the one before it, with this root.
pub(crate) fn add(connection: &Connection, sequenced: &Sequenced, before: &[u8; 32]) -> Result<bool, StoreError> {
    let Sequenced { number, at, size, root, statement, lines } = sequenced;
    let values = params![number, at.ms(), size.cast_signed(), root, statement, joined(lines), before];
    Ok(connection.prepare_cached(ADD)?.execute(values)? == 1)
}

/// The row of a number, or the last one.
pub(crate) fn get(connection: &Connection, number: Option<i64>) -> Result<Option<Sequenced>, StoreError> {
    let mut statement = connection.prepare_cached(if number.is_some() { NUMBERED } else { LAST })?;
    let mut rows = match number {
        Some(number) => statement.query([number])?,
        None => statement.query([])?,
    };
    rows.next()?.map(read).transpose()
}

fn read(row: &Row) -> Result<Sequenced, StoreError> {
    let lines: String = row.get(5)?;
    Ok(Sequenced {
        number: row.get(0)?,
        at: Time::of_ms(row.get(1)?),
        size: row.get::<_, i64>(2)?.cast_unsigned(),
        root: row.get(3)?,
        statement: row.get(4)?,
        lines: split(&lines)?,
    })
}
