//! The next numbers of each cell, and the latest time that was written in it. Its row is its lock, too.

use std::sync::LazyLock;

use koi_core::rows::Counters;
use koi_core::time::Time;

use super::Fields;
use crate::error::StoreError;
use crate::postgres::form::{Group, Sql};
use crate::postgres::session::{Param, Reply, Request};

const NAME: &str = "cell";
const COLUMNS: &str = "stored.cell, stored.next_quote, stored.next_transfer, stored.latest";

/// Locks some cells in their order: whoever needs several takes them like everybody else, and nobody waits in a circle.
pub(crate) static LOCK: LazyLock<Sql> = LazyLock::new(|| {
    let read = format!("SELECT {COLUMNS} FROM {NAME} AS stored");
    Sql::new(
        format!("{read} WHERE stored.cell = $1 FOR UPDATE"),
        format!("{read} WHERE stored.cell = ANY($1::smallint[]) ORDER BY stored.cell FOR UPDATE"),
    )
});
/// Reads the rows of some cells ($1).
pub(crate) static READ: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {COLUMNS} FROM {NAME} AS stored WHERE stored.cell = ANY($1::smallint[]) ORDER BY stored.cell")
});
/// Moves the numbers and the time on, if the numbers are still those that were given out from.
pub(crate) static MOVE: LazyLock<Sql> = LazyLock::new(|| {
    let set = format!(
        "UPDATE {NAME} AS stored SET next_quote = new.next_quote, next_transfer = new.next_transfer, \
         latest = new.latest FROM"
    );
    let columns = "next_quote, next_transfer, latest, old_quote, old_transfer";
    let arrays = "$2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]";
    let same = "stored.next_quote = new.old_quote AND stored.next_transfer = new.old_transfer";
    Sql::new(
        format!("{set} unnest({arrays}) AS new ({columns}) WHERE stored.cell = $1 AND {same}"),
        format!(
            "{set} unnest($1::smallint[], {arrays}) AS new (cell, {columns}) WHERE stored.cell = new.cell AND {same}"
        ),
    )
});

/// What is copied and digested: cells that nothing was written to are as good as none.
pub(crate) const COPIED: &str = " AND (stored.next_quote, stored.next_transfer) <> (1, 1)";
/// How a copied row takes the place of the one that is there from the beginning.
pub(crate) const REPLACE: &str =
    " ON CONFLICT (cell) DO UPDATE SET next_quote = excluded.next_quote, next_transfer = excluded.next_transfer";
static SET_LATEST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE {NAME} AS stored SET latest = new.latest FROM unnest($1::smallint[], $2::bigint[]) AS new (cell, latest) \
         WHERE stored.cell = new.cell"
    )
});

/// Says when cells were written to last, in a copy of them.
pub(crate) fn set_latest(cells: Vec<i16>, latest: Vec<i64>) -> Request<'static> {
    Request::with(&SET_LATEST, vec![Box::new(cells), Box::new(latest)])
}

/// What makes the cells of a new installation.
pub(crate) fn install(cells: u16) -> String {
    let last = cells.saturating_sub(1);
    format!(
        "INSERT INTO {NAME} (cell, next_quote, next_transfer) SELECT number, 1, 1 FROM generate_series(0, {last}) AS number"
    )
}

/// A cell's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) cell: i16,
    pub(crate) counters: Counters,
    /// `None`: nothing was written yet.
    pub(crate) latest: Option<Time>,
}

/// Reads the answers to [`LOCK`] or [`READ`].
pub(crate) fn read(replies: &[Reply]) -> Result<Vec<Stored>, StoreError> {
    let stored = |row| {
        let mut fields = Fields::of(row);
        let cell = fields.next()?;
        let counters = Counters { quote: fields.next()?, transfer: fields.next()? };
        Ok(Stored { cell, counters, latest: fields.time_or_none()? })
    };
    replies.iter().flat_map(|reply| &reply.rows).map(stored).collect()
}

/// Moves cells on, each from what it was to what it is.
pub(crate) fn moved(group: Group<(Stored, Stored)>) -> Request<'static> {
    let numbers = |of: fn(&(Stored, Stored)) -> i64| -> Param<'static> {
        Box::new(group.rows.iter().map(of).collect::<Vec<i64>>())
    };
    let latest: Vec<Option<i64>> = group.rows.iter().map(|(_, new)| new.latest.map(Time::ms)).collect();
    let values = vec![
        numbers(|(_, new)| new.counters.quote),
        numbers(|(_, new)| new.counters.transfer),
        Box::new(latest) as Param,
        numbers(|(old, _)| old.counters.quote),
        numbers(|(old, _)| old.counters.transfer),
    ];
    group.request(&MOVE, values)
}
