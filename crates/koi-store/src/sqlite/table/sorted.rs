//! Up to which row each sorted index is whole, part by part; see [`sorted`](crate::sqlite::sorted).

use rusqlite::{Connection, params};

use crate::error::StoreError;

const ALL: &str = "SELECT part, until FROM sorted WHERE what = ?1";
const PUT: &str = "INSERT OR REPLACE INTO sorted (what, part, until) VALUES (?1, ?2, ?3)";

/// Up to which row each part of an index is sorted.
pub(crate) fn all(connection: &Connection, what: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([what], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says that a part is sorted up to a row.
pub(crate) fn put(connection: &Connection, what: i64, part: i64, until: i64) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![what, part, until])?;
    Ok(())
}
