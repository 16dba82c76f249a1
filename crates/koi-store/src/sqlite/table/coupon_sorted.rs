//! Up to which coupon the table `coupon_of_shopper` is whole, by cell and campaign.

use rusqlite::{Connection, params};

use crate::error::StoreError;

const ALL: &str = "SELECT part, until FROM coupon_sorted ORDER BY part";
const PUT: &str = "INSERT OR REPLACE INTO coupon_sorted (part, until) VALUES (?1, ?2)";

/// Up to which coupon each part is sorted.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says that a part is sorted up to a coupon.
pub(crate) fn put(connection: &Connection, part: i64, until: i64) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![part, until])?;
    Ok(())
}
