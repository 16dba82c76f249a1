//! Rates: every one that was ever in force; the last of a pair is. Whoever adds one holds the catalog's revision, so
//! that the next number is nobody else's.

use std::sync::LazyLock;

use koi_core::catalog::Pair;
use koi_core::money::{Currency, Rate};
use koi_core::time::Time;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::session::{Param, Reply, Request};

const NAME: &str = "rate";

/// Numbers grow with the revisions: this is their order.
static AFTER: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT \"from\", \"into\", rate FROM {NAME} WHERE revised > $1 ORDER BY revised, number")
});
static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (number, \"from\", \"into\", rate, since, revised) \
         SELECT (SELECT coalesce(max(number), 0) FROM {NAME}) + new.place, new.source, new.target, new.rate, $4, $5 \
         FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS new (source, target, rate, place)"
    )
});

/// What reads the rates that were written after a revision.
pub(crate) fn after(revision: i64) -> Request<'static> {
    Request::with(&AFTER, vec![Box::new(revision)])
}

/// Reads the answer to [`after`]: the oldest first.
pub(crate) fn read(reply: &Reply) -> Result<Vec<(Pair, Rate)>, StoreError> {
    let currency = |code: &str| Currency::parse(code).ok_or_else(|| damaged("a rate's currency"));
    let rate = |row| {
        let mut fields = Fields::of(row);
        Ok(((currency(fields.next()?)?, currency(fields.next()?)?), Rate::of_scaled(fields.number("a rate")?)))
    };
    reply.rows.iter().map(rate).collect()
}

/// Adds rates, in their order, at a revision of the catalog.
pub(crate) fn add(rates: &[(Pair, Rate)], since: Time, revised: i64) -> Request<'_> {
    let from: Vec<&str> = rates.iter().map(|((from, _), _)| from.code()).collect();
    let into: Vec<&str> = rates.iter().map(|((_, into), _)| into.code()).collect();
    let scaled: Vec<i64> = rates.iter().map(|(_, rate)| rate.scaled().cast_signed()).collect();
    let params =
        vec![Box::new(from) as Param, Box::new(into), Box::new(scaled), Box::new(since.ms()), Box::new(revised)];
    Request::with(&ADD, params)
}
