//! Rates: every one that was ever in force; the last of a pair is. Whoever adds one holds the catalog's revision, so
//! that the next number is nobody else's.

use std::sync::LazyLock;

use koi_core::catalog::Pair;
use koi_core::money::{Currency, Rate};
use koi_core::time::Time;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::session::{Reply, Request};

const NAME: &str = "rate";

static ALL: LazyLock<String> =
    LazyLock::new(|| format!("SELECT \"from\", \"into\", rate FROM {NAME} ORDER BY number"));
static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (number, \"from\", \"into\", rate, since) \
         SELECT (SELECT coalesce(max(number), 0) FROM {NAME}) + new.place, new.source, new.target, new.rate, $4 \
         FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS new (source, target, rate, place)"
    )
});

pub(crate) fn all() -> Request<'static> {
    Request::of(&ALL)
}

/// Reads the answer to [`all`]: the oldest first.
pub(crate) fn read(reply: &Reply) -> Result<Vec<(Pair, Rate)>, StoreError> {
    let currency = |code: &str| Currency::parse(code).ok_or_else(|| damaged("a rate's currency"));
    let rate = |row| {
        let mut fields = Fields::of(row);
        Ok(((currency(fields.next()?)?, currency(fields.next()?)?), Rate::of_scaled(fields.number("a rate")?)))
    };
    reply.rows.iter().map(rate).collect()
}

/// Adds rates, in their order.
pub(crate) fn add(rates: &[(Pair, Rate)], since: Time) -> Request<'_> {
    let from: Vec<&str> = rates.iter().map(|((from, _), _)| from.code()).collect();
    let into: Vec<&str> = rates.iter().map(|((_, into), _)| into.code()).collect();
    let scaled: Vec<i64> = rates.iter().map(|(_, rate)| rate.scaled().cast_signed()).collect();
    Request::with(&ADD, vec![Box::new(from), Box::new(into), Box::new(scaled), Box::new(since.ms())])
}
