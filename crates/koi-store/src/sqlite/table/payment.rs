//! Payments, under the numbers of their quotes.

use koi_core::id::PaymentId;
use koi_core::payment::Payment;
use koi_core::rows::Write;
use koi_core::time::Time;
use rusqlite::{CachedStatement, Connection, Row, params};

use super::asked::asked_optional;
use crate::error::{StoreError, damaged};

macro_rules! columns {
    () => {
        "id, paid_at, fee, refunded, refunded_shopper, refunded_funder, refunds, coupon_returned, cancelled_at, \
         cancel_key, cancel_call"
    };
}

const INSERT: &str =
    concat!("INSERT INTO payment (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
/// What of a payment can change.
const UPDATE: &str = "UPDATE payment SET refunded = ?2, refunded_shopper = ?3, refunded_funder = ?4, refunds = ?5, \
    coupon_returned = ?6, cancelled_at = ?7, cancel_key = ?8, cancel_call = ?9 WHERE id = ?1";
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM payment WHERE id = ?1");
const FROM: &str = concat!("SELECT ", columns!(), " FROM payment WHERE id >= ?1 ORDER BY id");

/// Reads a payment from the columns of [`FROM`].
pub(crate) fn read(row: &Row) -> Result<Payment, StoreError> {
    let (cancelled_at, cancelled_by): (Option<i64>, _) = (row.get(8)?, asked_optional(row, 9)?);
    if cancelled_at.is_some() != cancelled_by.is_some() {
        return Err(damaged("a payment's cancel"));
    }
    Ok(Payment {
        id: PaymentId::of_number(row.get(0)?),
        paid_at: Time::of_ms(row.get(1)?),
        fee: row.get(2)?,
        refunded: row.get(3)?,
        refunded_shopper: row.get(4)?,
        refunded_funder: row.get(5)?,
        refunds: row.get(6)?,
        coupon_returned: row.get(7)?,
        cancelled: cancelled_at.map(Time::of_ms).zip(cancelled_by),
    })
}

pub(crate) fn by_id(connection: &Connection, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    let mut rows = statement.query([id.number()])?;
    rows.next()?.map(read).transpose()
}

/// The payments from a number on, in order, to be read side by side with others.
pub(crate) fn from(connection: &Connection) -> Result<CachedStatement<'_>, StoreError> {
    Ok(connection.prepare_cached(FROM)?)
}

/// Writes the payments that changed, in their order.
pub(crate) fn write<'a>(
    connection: &Connection,
    changed: impl Iterator<Item = (PaymentId, &'a Payment, Write)>,
) -> Result<(), StoreError> {
    let (mut insert, mut update) = (connection.prepare_cached(INSERT)?, connection.prepare_cached(UPDATE)?);
    for (id, payment, write) in changed {
        let cancelled_at = payment.cancelled.map(|(at, _)| at.ms());
        let cancel_key = payment.cancelled.map(|(_, asked)| asked.key.0);
        let cancel_call = payment.cancelled.map(|(_, asked)| asked.fingerprint.0);
        match write {
            Write::Keep => {}
            Write::Insert => {
                insert.execute(params![
                    id.number(),
                    payment.paid_at.ms(),
                    payment.fee,
                    payment.refunded,
                    payment.refunded_shopper,
                    payment.refunded_funder,
                    payment.refunds,
                    payment.coupon_returned,
                    cancelled_at,
                    cancel_key,
                    cancel_call,
                ])?;
            }
            Write::Update => {
                update.execute(params![
                    id.number(),
                    payment.refunded,
                    payment.refunded_shopper,
                    payment.refunded_funder,
                    payment.refunds,
                    payment.coupon_returned,
                    cancelled_at,
                    cancel_key,
                    cancel_call,
                ])?;
            }
        }
    }
    Ok(())
}
