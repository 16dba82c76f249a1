//! Which coupons a shopper has, as far as they are sorted already; see [`shoppers`](crate::sqlite::shoppers).

use koi_core::id::{CouponId, ShopperKey};
use rusqlite::{Connection, params};

use crate::error::StoreError;

const OF: &str = "SELECT coupon FROM coupon_of_shopper WHERE shopper = ?1";
/// What is there already is right: a mark of the run that was damaged must not stop claims. The check names it.
const ADD: &str = "INSERT OR IGNORE INTO coupon_of_shopper (shopper, coupon) VALUES (?1, ?2)";
const ALL: &str = "SELECT shopper, coupon FROM coupon_of_shopper";

/// The coupons of a shopper that are sorted.
pub(crate) fn of(connection: &Connection, shopper: ShopperKey) -> Result<Vec<CouponId>, StoreError> {
    let mut statement = connection.prepare_cached(OF)?;
    let rows = statement.query_map([shopper.0], |row| Ok(CouponId::of_number(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Adds a piece of a run.
pub(crate) fn add(
    connection: &Connection,
    run: impl Iterator<Item = (ShopperKey, CouponId)>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(ADD)?;
    for (shopper, coupon) in run {
        statement.execute(params![shopper.0, coupon.number()])?;
    }
    Ok(())
}

/// Every entry, in order.
pub(crate) fn for_each(
    connection: &Connection,
    mut each: impl FnMut(ShopperKey, CouponId),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(ShopperKey(row.get(0)?), CouponId::of_number(row.get(1)?));
    }
    Ok(())
}
