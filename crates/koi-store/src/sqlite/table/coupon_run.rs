//! The run that is being written to `coupon_of_shopper`: how far it goes, and how far it is written.

use koi_core::id::{CouponId, ShopperKey};
use rusqlite::{Connection, params};

use crate::error::StoreError;

const ALL: &str = "SELECT part, until FROM coupon_run ORDER BY part";
const LAST: &str = "SELECT shopper, coupon FROM coupon_run_last";
const PUT: &str = "INSERT OR REPLACE INTO coupon_run (part, until) VALUES (?1, ?2)";
const PUT_LAST: &str = "INSERT OR REPLACE INTO coupon_run_last (one, shopper, coupon) VALUES (1, ?1, ?2)";
const CLEAR: &str = "DELETE FROM coupon_run";
const CLEAR_LAST: &str = "DELETE FROM coupon_run_last";

/// Up to which coupon of each part the run goes; empty when none is being written.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The last entry of it that is written.
pub(crate) fn last(connection: &Connection) -> Result<Option<(ShopperKey, CouponId)>, StoreError> {
    let mut statement = connection.prepare_cached(LAST)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((ShopperKey(row.get(0)?), CouponId::of_number(row.get(1)?))))
}

/// Says that the run takes the coupons of a part up to one.
pub(crate) fn put(connection: &Connection, part: i64, until: i64) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![part, until])?;
    Ok(())
}

/// Says that the run is written up to an entry.
pub(crate) fn put_last(
    connection: &Connection,
    (shopper, coupon): (ShopperKey, CouponId),
) -> Result<(), StoreError> {
    connection.prepare_cached(PUT_LAST)?.execute(params![shopper.0, coupon.number()])?;
    Ok(())
}

/// Says that no run is being written.
pub(crate) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached(CLEAR)?.execute([])?;
    connection.prepare_cached(CLEAR_LAST)?.execute([])?;
    Ok(())
}
