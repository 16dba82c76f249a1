//! Payments, under the numbers of their quotes.

use std::sync::LazyLock;

use koi_core::id::PaymentId;
use koi_core::payment::Payment;
use tokio_postgres::Row;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Sql, Table, Value, changing, fixed, key};
use crate::postgres::walk::Walk;

pub(crate) static TABLE: Table<Payment> = Table {
    name: "payment",
    columns: &[
        key("id", Value::Big(|payment| payment.id.number())),
        fixed("paid_at", Value::Big(|payment| payment.paid_at.ms())),
        fixed("fee", Value::Big(|payment| payment.fee)),
        changing("refunded", Value::Big(|payment| payment.refunded)),
        changing("refunded_shopper", Value::Big(|payment| payment.refunded_shopper)),
        changing("refunded_funder", Value::Big(|payment| payment.refunded_funder)),
        changing("refunds", Value::Big(|payment| payment.refunds.into())),
        changing("coupon_returned", Value::Flag(|payment| payment.coupon_returned)),
        changing("cancelled_at", Value::BigOrNone(|payment| payment.cancelled.map(|(at, _)| at.ms()))),
        changing("cancel_key", Value::BigOrNone(|payment| payment.cancelled.map(|(_, asked)| asked.key.0))),
        changing("cancel_call", Value::BytesOrNone(|payment| Some(&payment.cancelled.as_ref()?.1.fingerprint.0))),
    ],
};

pub(crate) static INSERT: LazyLock<Sql> = LazyLock::new(|| TABLE.insert());
/// The row is the one that was read.
pub(crate) static UPDATE: LazyLock<Sql> = LazyLock::new(|| TABLE.update("stored.paid_at = excluded.paid_at"));
pub(crate) static BY_ID: LazyLock<Sql> = LazyLock::new(|| TABLE.by("id", ""));
pub(crate) static WALK: LazyLock<Walk> = LazyLock::new(|| Walk::new(TABLE.name, &TABLE.read(), &["id"], ""));
/// The payments that stand: neither cancelled nor their coupons given back.
pub(crate) static STANDING: LazyLock<Walk> = LazyLock::new(|| {
    let stands = " AND stored.cancelled_at IS NULL AND NOT stored.coupon_returned";
    Walk::new(TABLE.name, "stored.id", &["id"], stands)
});

/// Reads a payment, with its cell, from the columns of [`TABLE`].
pub(crate) fn read(row: &Row) -> Result<(i16, Payment), StoreError> {
    let mut fields = Fields::of(row);
    let cell = fields.next()?;
    let mut payment = Payment {
        id: PaymentId::of_number(fields.next()?),
        paid_at: fields.time()?,
        fee: fields.next()?,
        refunded: fields.next()?,
        refunded_shopper: fields.next()?,
        refunded_funder: fields.next()?,
        refunds: fields.number("a payment's refunds")?,
        coupon_returned: fields.next()?,
        cancelled: None,
    };
    let (at, asked) = (fields.time_or_none()?, fields.asked_or_none()?);
    if at.is_some() != asked.is_some() {
        return Err(damaged("a payment's cancel"));
    }
    payment.cancelled = at.zip(asked);
    Ok((cell, payment))
}
