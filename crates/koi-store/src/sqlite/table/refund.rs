//! Refunds, beside each other under their payment.

use koi_core::id::{PaymentId, RefundId};
use koi_core::idempotency::Key;
use koi_core::payment::Refund;
use koi_core::time::Time;
use rusqlite::{CachedStatement, Connection, Row, params};

use super::asked::asked;
use crate::error::StoreError;

macro_rules! columns {
    () => {
        "payment, number, amount, shopper, funder, at, asked_key, asked_call"
    };
}

const INSERT: &str = concat!("INSERT INTO refund (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
const BY_KEY: &str = concat!("SELECT ", columns!(), " FROM refund WHERE payment = ?1 AND asked_key = ?2");
const FROM: &str = concat!("SELECT ", columns!(), " FROM refund WHERE payment >= ?1 ORDER BY payment, number");

/// Reads a refund from the columns of [`FROM`].
pub(crate) fn read(row: &Row) -> Result<Refund, StoreError> {
    Ok(Refund {
        id: RefundId { payment: PaymentId::of_number(row.get(0)?), number: row.get(1)? },
        amount: row.get(2)?,
        shopper: row.get(3)?,
        funder: row.get(4)?,
        at: Time::of_ms(row.get(5)?),
        asked: asked(row, 6)?,
    })
}

pub(crate) fn by_key(connection: &Connection, payment: PaymentId, key: Key) -> Result<Option<Refund>, StoreError> {
    let mut statement = connection.prepare_cached(BY_KEY)?;
    let mut rows = statement.query([payment.number(), key.0])?;
    rows.next()?.map(read).transpose()
}

/// The refunds of payments from a number on, in order, to be read side by side with others.
pub(crate) fn from(connection: &Connection) -> Result<CachedStatement<'_>, StoreError> {
    Ok(connection.prepare_cached(FROM)?)
}

pub(crate) fn insert(connection: &Connection, refund: &Refund) -> Result<(), StoreError> {
    connection.prepare_cached(INSERT)?.execute(params![
        refund.id.payment.number(),
        refund.id.number,
        refund.amount,
        refund.shopper,
        refund.funder,
        refund.at.ms(),
        refund.asked.key.0,
        refund.asked.fingerprint.0,
    ])?;
    Ok(())
}
