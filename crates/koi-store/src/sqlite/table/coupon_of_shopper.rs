//! Which coupons a shopper has, as far as they are sorted already; see [`shoppers`](crate::sqlite::shoppers).

use koi_core::id::{CouponId, ShopperKey};
use rusqlite::{Connection, params};

use crate::error::StoreError;

const OF: &str = "SELECT coupon FROM coupon_of_shopper WHERE shopper = ?1";
/// A run that was cut off is written again from its beginning.
const ADD: &str = "INSERT OR IGNORE INTO coupon_of_shopper (shopper, coupon) VALUES (?1, ?2)";
const ALL: &str = "SELECT shopper, coupon FROM coupon_of_shopper";
const SORTED: &str = "SELECT part, until FROM coupon_sorted ORDER BY part";
const PUT_SORTED: &str = "INSERT OR REPLACE INTO coupon_sorted (part, until) VALUES (?1, ?2)";
const UNSORTED: &str = "SELECT id, shopper FROM coupon WHERE id >= ?1 AND id < ?2";
const FIRST: &str = "SELECT id FROM coupon WHERE id >= ?1 ORDER BY id LIMIT 1";
const MISSING: &str = "SELECT id FROM coupon WHERE id >= ?1 AND id < ?2 AND NOT EXISTS (SELECT 1 FROM \
    coupon_of_shopper AS entry WHERE entry.shopper = coupon.shopper AND entry.coupon = coupon.id) LIMIT ?3";
const SURPLUS: &str = "SELECT coupon FROM coupon_of_shopper AS entry WHERE NOT EXISTS (SELECT 1 FROM coupon WHERE \
    coupon.id = entry.coupon AND coupon.shopper = entry.shopper) LIMIT ?1";
/// Entries that are named; after so many it is clear enough.
const NAMED: i64 = 100;

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

/// Up to which coupon each part is sorted.
pub(crate) fn sorted(connection: &Connection) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(SORTED)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Says that a part is sorted up to a coupon.
pub(crate) fn put_sorted(connection: &Connection, part: i64, until: i64) -> Result<(), StoreError> {
    connection.prepare_cached(PUT_SORTED)?.execute(params![part, until])?;
    Ok(())
}

/// The first coupon from a number on.
pub(crate) fn first_coupon(connection: &Connection, from: i64) -> Result<Option<CouponId>, StoreError> {
    let mut statement = connection.prepare_cached(FIRST)?;
    let mut rows = statement.query([from])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(CouponId::of_number))
}

/// The coupons with numbers in `[from, until)`, each with its shopper.
pub(crate) fn for_each_coupon(
    connection: &Connection,
    from: i64,
    until: i64,
    mut each: impl FnMut(ShopperKey, CouponId),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(UNSORTED)?;
    let mut rows = statement.query([from, until])?;
    while let Some(row) = rows.next()? {
        each(ShopperKey(row.get(1)?), CouponId::of_number(row.get(0)?));
    }
    Ok(())
}

/// Coupons with numbers in `[from, until)` that are not there.
pub(crate) fn missing(connection: &Connection, from: i64, until: i64) -> Result<Vec<CouponId>, StoreError> {
    let mut statement = connection.prepare(MISSING)?;
    let rows = statement.query_map([from, until, NAMED], |row| Ok(CouponId::of_number(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Entries that no coupon makes.
pub(crate) fn surplus(connection: &Connection) -> Result<Vec<CouponId>, StoreError> {
    let mut statement = connection.prepare(SURPLUS)?;
    let rows = statement.query_map([NAMED], |row| Ok(CouponId::of_number(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
