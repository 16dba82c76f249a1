//! Refunds, beside each other under their payment.

use std::sync::LazyLock;

use koi_core::id::{PaymentId, RefundId};
use koi_core::payment::Refund;
use tokio_postgres::Row;

use super::Fields;
use crate::error::StoreError;
use crate::postgres::form::{Sql, Table, Value, fixed, key};
use crate::postgres::walk::Walk;

pub(crate) static TABLE: Table<Refund> = Table {
    name: "refund",
    columns: &[
        key("payment", Value::Big(|refund| refund.id.payment.number())),
        key("number", Value::Big(|refund| refund.id.number.into())),
        fixed("amount", Value::Big(|refund| refund.amount)),
        fixed("shopper", Value::Big(|refund| refund.shopper)),
        fixed("funder", Value::Big(|refund| refund.funder)),
        fixed("at", Value::Big(|refund| refund.at.ms())),
        fixed("asked_key", Value::Big(|refund| refund.asked.key.0)),
        fixed("asked_call", Value::Bytes(|refund| &refund.asked.fingerprint.0)),
    ],
};

pub(crate) static INSERT: LazyLock<Sql> = LazyLock::new(|| TABLE.insert());
/// The refunds of some payments that were made under some keys ($3), which each belong to one payment.
pub(crate) static BY_KEY: LazyLock<Sql> =
    LazyLock::new(|| TABLE.by("payment", " AND stored.asked_key = ANY($3::bigint[])"));
pub(crate) static WALK: LazyLock<Walk> =
    LazyLock::new(|| Walk::new(TABLE.name, &TABLE.read(), &["payment", "number"], ""));

/// Reads a refund, with its cell, from the columns of [`TABLE`].
pub(crate) fn read(row: &Row) -> Result<(i16, Refund), StoreError> {
    let mut fields = Fields::of(row);
    let cell = fields.next()?;
    let (payment, number) = (PaymentId::of_number(fields.next()?), fields.number("a refund's number")?);
    let refund = Refund {
        id: RefundId { payment, number },
        amount: fields.next()?,
        shopper: fields.next()?,
        funder: fields.next()?,
        at: fields.time()?,
        asked: fields.asked()?,
    };
    Ok((cell, refund))
}
