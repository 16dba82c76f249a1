//! What the installation is: `cells`, `mode`, `wallet_currency`; the sandbox's clock; and the catalog's revision.

use std::sync::LazyLock;

use koi_core::id::MAX_CELLS;
use koi_core::time::Time;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::session::{Reply, Request};

const NAME: &str = "meta";
const CELLS: &str = "cells";
const REVISION: &str = "revision";
const SANDBOX_CLOCK: &str = "sandbox_clock";
pub(crate) const MODE: &str = "mode";
pub(crate) const WALLET_CURRENCY: &str = "wallet_currency";

/// The first revision of a catalog.
const FIRST: u64 = 1;
/// The bit from which on a revision has its timeline.
const TIMELINE_AT: u32 = 40;
/// The last revision of a timeline.
const LAST: u64 = (1 << TIMELINE_AT) - 1;

static READ: LazyLock<String> = LazyLock::new(|| format!("SELECT name, value FROM {NAME}"));
/// Sets what is set once.
static SETTLE: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO {NAME} (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"));
/// Moves the catalog's revision on, if it is still the one that was decided on. Who writes next to it waits here.
static REVISE: LazyLock<String> =
    LazyLock::new(|| format!("UPDATE {NAME} SET value = $2 WHERE name = '{REVISION}' AND value = $1"));
/// Holds the catalog as it is, until the end of the transaction.
static HOLD: LazyLock<String> =
    LazyLock::new(|| format!("UPDATE {NAME} SET value = value WHERE name = '{REVISION}'"));
/// Moves the sandbox's clock on: never back, whoever else moves it.
static SET_CLOCK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} AS stored (name, value) VALUES ('{SANDBOX_CLOCK}', $1) ON CONFLICT (name) \
         DO UPDATE SET value = excluded.value WHERE stored.value::bigint <= excluded.value::bigint"
    )
});

/// What a copy is not given and a digest does not read: what servers keep for themselves.
pub(crate) const COPIED: &str = " AND stored.name NOT IN ('revision', 'copy')";
/// How a copied row takes the place of the one that is there from the beginning.
pub(crate) const REPLACE: &str = " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
/// Marks half a copy: nobody serves it. Its value tells which copy it is.
const COPY: &str = "copy";
static UNMARK: LazyLock<String> =
    LazyLock::new(|| format!("DELETE FROM {NAME} WHERE name = '{COPY}' AND value = $1"));
static SET_REVISION: LazyLock<String> =
    LazyLock::new(|| format!("UPDATE {NAME} SET value = $1 WHERE name = '{REVISION}'"));

/// Takes everything away, for a copy to fill it.
pub(crate) static CLEAR: LazyLock<String> = LazyLock::new(|| format!("DELETE FROM {NAME}"));

/// What makes an installation of a new schema that is half a copy. The mark is of plain letters.
pub(crate) fn install_marked(cells: u16, mark: &str) -> String {
    format!("{}; INSERT INTO {NAME} (name, value) VALUES ('{COPY}', '{mark}')", install(cells))
}

/// Takes the mark of a copy away; writes one row, or none if it is another one's.
pub(crate) fn unmark(mark: &str) -> Request<'_> {
    Request::with(&UNMARK, vec![Box::new(mark)])
}

/// Sets the catalog's revision in a copy.
pub(crate) fn set_revision(revision: u64) -> Request<'static> {
    Request::with(&SET_REVISION, vec![Box::new(revision.to_string())])
}

/// Whether it is half a copy, from the answer to [`read`].
pub(crate) fn is_half(reply: &Reply) -> Result<bool, StoreError> {
    Ok(value(reply, COPY)?.is_some())
}

/// Whether it is half a copy under this mark, from the answer to [`read`].
pub(crate) fn is_marked(reply: &Reply, mark: &str) -> Result<bool, StoreError> {
    Ok(value(reply, COPY)? == Some(mark))
}

/// What makes an installation of a new schema.
pub(crate) fn install(cells: u16) -> String {
    format!(
        "INSERT INTO {NAME} (name, value) VALUES ('{CELLS}', '{cells}'), ('{REVISION}', '{FIRST}'); {}",
        super::cell::install(cells)
    )
}

/// Reads all of it.
pub(crate) fn read() -> Request<'static> {
    Request::of(&READ)
}

/// Sets what is set once; what is set already stays.
pub(crate) fn settle<'a>(name: &'a str, value: &'a str) -> Request<'a> {
    Request::with(&SETTLE, vec![Box::new(name), Box::new(value)])
}

/// Moves the revision on; writes one row, or none if it has moved.
pub(crate) fn revise(from: u64, to: u64) -> Request<'static> {
    Request::with(&REVISE, vec![Box::new(from.to_string()), Box::new(to.to_string())])
}

/// Holds the catalog as it is.
pub(crate) fn hold() -> Request<'static> {
    Request::of(&HOLD)
}

/// Moves the sandbox's clock on; writes one row, or none if it is later already.
pub(crate) fn set_clock(now: Time) -> Request<'static> {
    Request::with(&SET_CLOCK, vec![Box::new(now.ms().to_string())])
}

/// A value, from the answer to [`read`].
pub(crate) fn value<'a>(reply: &'a Reply, name: &str) -> Result<Option<&'a str>, StoreError> {
    for row in &reply.rows {
        let mut fields = Fields::of(row);
        let (found, value): (&str, &str) = (fields.next()?, fields.next()?);
        if found == name {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The number of cells, from the answer to [`read`].
pub(crate) fn cells(replies: &[Reply]) -> Result<u16, StoreError> {
    let reply = replies.first().ok_or_else(|| damaged("the number of cells"))?;
    let cells = value(reply, CELLS)?.and_then(|cells| cells.parse().ok());
    cells.filter(|cells| (1..=MAX_CELLS).contains(cells)).ok_or_else(|| damaged("the number of cells"))
}

/// The catalog's revision as it is stored, from the answer to [`read`].
pub(crate) fn revision(reply: &Reply) -> Result<u64, StoreError> {
    let revision = value(reply, REVISION)?.and_then(|revision| revision.parse().ok());
    revision.filter(|revision| *revision <= LAST).ok_or_else(|| damaged("the catalog's revision"))
}

/// A revision of a timeline among those of all. A standby that takes the place of a primary may lack changes that this
/// had, and others get their numbers: so every revision of a timeline is later than all of those before it.
pub(crate) fn of_timeline(revision: u64, timeline: u32) -> u64 {
    (u64::from(timeline.saturating_sub(1)) << TIMELINE_AT) | revision
}

/// The revision of a timeline that one among those of all is, unless it is another timeline's. Where the server does not
/// tell its timeline (0), nobody knows.
pub(crate) fn within_timeline(revision: u64, timeline: u32) -> Option<u64> {
    let of = (revision >> TIMELINE_AT) + 1;
    (of == u64::from(timeline)).then_some(revision & LAST)
}

/// The sandbox's clock, from the answer to [`read`].
pub(crate) fn sandbox_clock(reply: &Reply) -> Result<Option<Time>, StoreError> {
    let Some(ms) = value(reply, SANDBOX_CLOCK)? else { return Ok(None) };
    ms.parse().map(|ms| Some(Time::of_ms(ms))).map_err(|_| damaged("the sandbox's clock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_of_one_timeline() {
        for (revision, timeline) in [(FIRST, 1), (LAST, 1), (FIRST, 2), (7, 0xFF), (LAST, u32::from(u16::MAX))] {
            let of_all = of_timeline(revision, timeline);
            assert_eq!(within_timeline(of_all, timeline), Some(revision));
            assert_eq!(within_timeline(of_all, timeline + 1), None);
            assert_eq!(within_timeline(of_all, timeline - 1), None);
            assert!(of_all < of_timeline(FIRST, timeline + 1));
        }
        // A server that does not tell its timeline is on none, and its revisions are those of a first one.
        assert_eq!(of_timeline(7, 0), 7);
        assert_eq!(within_timeline(7, 0), None);
    }
}
