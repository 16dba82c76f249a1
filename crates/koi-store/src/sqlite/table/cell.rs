//! The next numbers of each cell.

use koi_core::id::Cell;
use koi_core::rows::Counters;
use rusqlite::{Connection, params};

use crate::error::StoreError;

const GET: &str = "SELECT next_quote, next_transfer FROM cell WHERE cell = ?1";
const ALL: &str = "SELECT cell, next_quote, next_transfer FROM cell";
/// What is copied and digested: cells that nothing was written to are as good as none.
pub(crate) const SHEET: &str = "SELECT cell, next_quote, next_transfer FROM cell \
    WHERE next_quote <> 1 OR next_transfer <> 1 ORDER BY cell";
const PUT: &str = "INSERT OR REPLACE INTO cell (cell, next_quote, next_transfer) VALUES (?1, ?2, ?3)";

/// The cell's counters; those of a cell that nothing was written to yet start at 1.
pub(crate) fn get(connection: &Connection, cell: Cell) -> Result<Counters, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    let mut rows = statement.query([cell.0])?;
    match rows.next()? {
        Some(row) => Ok(Counters { quote: row.get(0)?, transfer: row.get(1)? }),
        None => Ok(Counters { quote: 1, transfer: 1 }),
    }
}

/// The counters of every cell that was written to.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(Cell, Counters)>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement
        .query_map([], |row| Ok((Cell(row.get(0)?), Counters { quote: row.get(1)?, transfer: row.get(2)? })))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn put(connection: &Connection, cell: Cell, counters: Counters) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![cell.0, counters.quote, counters.transfer])?;
    Ok(())
}
