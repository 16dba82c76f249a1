//! Quotes. Open ones that hold a part of a coupon are in two small indexes, which they leave when settled.

use std::sync::LazyLock;

use koi_core::id::{AccountId, CouponId, PersonId, QuoteId, ShopperKey, StoreId};
use koi_core::money::{Currency, Money, Rate};
use koi_core::quote::{NoDeduction, Phase, Quote};
use tokio_postgres::Row;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Sql, Table, Value, changing, fixed, key};
use crate::postgres::walk::Walk;

pub(crate) static TABLE: Table<Quote> = Table {
    name: "quote",
    columns: &[
        key("id", Value::Big(|quote| quote.id.number())),
        fixed("shopper", Value::Big(|quote| quote.shopper.0)),
        fixed("person", Value::Name(|quote| quote.person.as_str())),
        fixed("account", Value::Name(|quote| quote.account.as_str())),
        fixed("store", Value::Name(|quote| quote.store.as_str())),
        fixed("currency", Value::Name(|quote| quote.amount.currency.code())),
        fixed("amount", Value::Big(|quote| quote.amount.value)),
        fixed("rate", Value::Big(|quote| quote.rate.scaled().cast_signed())),
        fixed("wallet", Value::Name(|quote| quote.gross.currency.code())),
        fixed("gross", Value::Big(|quote| quote.gross.value)),
        fixed("deduction", Value::Big(|quote| quote.deduction)),
        fixed("coupon", Value::BigOrNone(|quote| quote.coupon.map(CouponId::number))),
        fixed("no_deduction", Value::SmallOrNone(|quote| quote.no_deduction.map(|reason| reason as i16))),
        changing("phase", Value::Small(|quote| phase_number(quote.phase))),
        fixed("created_at", Value::Big(|quote| quote.created_at.ms())),
        fixed("expires_at", Value::Big(|quote| quote.expires_at.ms())),
        fixed("asked_key", Value::Big(|quote| quote.asked.key.0)),
        fixed("asked_call", Value::Bytes(|quote| &quote.asked.fingerprint.0)),
        changing("settled_key", Value::BigOrNone(|quote| quote.settled.map(|asked| asked.key.0))),
        changing("settled_call", Value::BytesOrNone(|quote| Some(&quote.settled.as_ref()?.fingerprint.0))),
    ],
};

/// What of a quote's row is in the indexes `quote_holding` and `quote_due`.
const HOLDS: &str = "stored.phase = 0 AND stored.coupon IS NOT NULL";

pub(crate) static INSERT: LazyLock<Sql> = LazyLock::new(|| TABLE.insert());
/// The row is the one that was read.
pub(crate) static UPDATE: LazyLock<Sql> = LazyLock::new(|| TABLE.update("stored.asked_key = excluded.asked_key"));
pub(crate) static BY_ID: LazyLock<Sql> = LazyLock::new(|| TABLE.by("id", ""));
pub(crate) static BY_KEY: LazyLock<Sql> = LazyLock::new(|| TABLE.by("asked_key", ""));
/// The open quotes that hold a part of each of some coupons.
pub(crate) static HOLDING: LazyLock<Sql> = LazyLock::new(|| TABLE.by("coupon", &format!(" AND {HOLDS}")));
pub(crate) static WALK: LazyLock<Walk> = LazyLock::new(|| Walk::new(TABLE.name, &TABLE.read(), &["id"], ""));
/// The key under which each quote was asked for, in the order of the keys of each cell: `quote_asked` has most of it.
pub(crate) static KEYS: LazyLock<Walk> =
    LazyLock::new(|| Walk::new(TABLE.name, "stored.asked_key, stored.id", &["asked_key"], ""));
/// What every quote takes off a coupon.
pub(crate) static DEDUCTIONS: LazyLock<Walk> = LazyLock::new(|| {
    let columns = "stored.id, stored.coupon, stored.deduction, stored.phase, stored.shopper, stored.account";
    Walk::new(TABLE.name, columns, &["id"], " AND stored.coupon IS NOT NULL")
});

/// When the next open quote of each of some cells ($1) runs out.
pub(crate) static NEXT_DUE: LazyLock<Sql> = LazyLock::new(|| {
    let next = |cell: &str| {
        format!(
            "SELECT stored.cell, stored.expires_at FROM {} AS stored WHERE stored.cell = {cell} AND {HOLDS} \
             ORDER BY stored.expires_at LIMIT 1",
            TABLE.name
        )
    };
    Sql::new(
        next("$1"),
        format!(
            "SELECT next.cell, next.expires_at FROM unnest($1::smallint[]) AS of (cell) CROSS JOIN LATERAL ({}) AS next",
            next("of.cell")
        ),
    )
});

/// The coupons of which open quotes ran out by an instant ($2) in some cells ($1), so many at most ($3). Cells are
/// looked at in the order in which they are given, and no longer than until there are enough.
pub(crate) static DUE: LazyLock<Sql> = LazyLock::new(|| {
    let due = |cell: &str| {
        format!(
            "SELECT stored.coupon FROM {} AS stored WHERE stored.cell = {cell} AND {HOLDS} AND stored.expires_at <= $2 \
             ORDER BY stored.expires_at LIMIT $3",
            TABLE.name
        )
    };
    Sql::new(
        due("$1"),
        format!(
            "SELECT due.coupon FROM unnest($1::smallint[]) AS of (cell) CROSS JOIN LATERAL ({}) AS due LIMIT $3",
            due("of.cell")
        ),
    )
});

fn phase_number(phase: Phase) -> i16 {
    match phase {
        Phase::Open => 0,
        Phase::Paid => 1,
        Phase::Cancelled => 2,
        Phase::Expired => 3,
    }
}

pub(crate) fn phase_of(number: i16) -> Result<Phase, StoreError> {
    match number {
        0 => Ok(Phase::Open),
        1 => Ok(Phase::Paid),
        2 => Ok(Phase::Cancelled),
        3 => Ok(Phase::Expired),
        _ => Err(damaged("a quote's phase")),
    }
}

fn money(fields: &mut Fields) -> Result<Money, StoreError> {
    let currency = Currency::parse(fields.next()?).ok_or_else(|| damaged("a quote's currency"))?;
    Ok(Money { currency, value: fields.next()? })
}

fn reason(number: Option<i16>) -> Result<Option<NoDeduction>, StoreError> {
    let Some(number) = number else { return Ok(None) };
    let reason = usize::try_from(number).ok().and_then(|number| NoDeduction::ALL.get(number).copied());
    reason.map(Some).ok_or_else(|| damaged("a quote's reason"))
}

/// Reads a quote, with its cell, from the columns of [`TABLE`].
pub(crate) fn read(row: &Row) -> Result<(i16, Quote), StoreError> {
    let mut fields = Fields::of(row);
    let cell = fields.next()?;
    let (id, shopper) = (QuoteId::of_number(fields.next()?), ShopperKey(fields.next()?));
    let (person, account) = (PersonId::stored(fields.next()?), AccountId::stored(fields.next()?));
    let store = StoreId::stored(fields.next()?);
    let amount = money(&mut fields)?;
    let rate = Rate::of_scaled(fields.number("a quote's rate")?);
    let gross = money(&mut fields)?;
    let quote = Quote {
        id,
        shopper,
        person,
        account,
        store,
        amount,
        rate,
        gross,
        deduction: fields.next()?,
        coupon: fields.next::<Option<i64>>()?.map(CouponId::of_number),
        no_deduction: reason(fields.next()?)?,
        phase: phase_of(fields.next()?)?,
        created_at: fields.time()?,
        expires_at: fields.time()?,
        asked: fields.asked()?,
        settled: fields.asked_or_none()?,
    };
    Ok((cell, quote))
}
