//! The next numbers of each cell. Its row is its lock, too.

use std::sync::LazyLock;

use koi_core::rows::Counters;
use tokio_postgres::Row;

use super::Fields;
use crate::error::StoreError;
use crate::postgres::form::Sql;

const NAME: &str = "cell";

/// Locks some cells in their order: whoever needs several takes them like everybody else, and nobody waits in a circle.
pub(crate) static LOCK: LazyLock<Sql> = LazyLock::new(|| {
    let read = format!("SELECT stored.cell, stored.next_quote, stored.next_transfer FROM {NAME} AS stored");
    Sql::new(
        format!("{read} WHERE stored.cell = $1 FOR UPDATE"),
        format!("{read} WHERE stored.cell = ANY($1::smallint[]) ORDER BY stored.cell FOR UPDATE"),
    )
});
/// Reads the numbers of some cells.
pub(crate) static READ: LazyLock<Sql> = LazyLock::new(|| {
    let read = format!("SELECT stored.cell, stored.next_quote, stored.next_transfer FROM {NAME} AS stored");
    Sql::new(
        format!("{read} WHERE stored.cell = $1"),
        format!("{read} WHERE stored.cell = ANY($1::smallint[]) ORDER BY stored.cell"),
    )
});
/// Moves the numbers on, if they are still those that were given out from.
pub(crate) static MOVE: LazyLock<Sql> = LazyLock::new(|| {
    let set =
        format!("UPDATE {NAME} AS stored SET next_quote = new.next_quote, next_transfer = new.next_transfer FROM");
    let columns = "next_quote, next_transfer, old_quote, old_transfer";
    let arrays = "$2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]";
    let same = "stored.next_quote = new.old_quote AND stored.next_transfer = new.old_transfer";
    Sql::new(
        format!("{set} unnest({arrays}) AS new ({columns}) WHERE stored.cell = $1 AND {same}"),
        format!(
            "{set} unnest($1::smallint[], {arrays}) AS new (cell, {columns}) WHERE stored.cell = new.cell AND {same}"
        ),
    )
});

/// What makes the cells of a new installation.
pub(crate) fn install(cells: u16) -> String {
    let last = cells.saturating_sub(1);
    format!(
        "INSERT INTO {NAME} (cell, next_quote, next_transfer) SELECT number, 1, 1 FROM generate_series(0, {last}) AS number"
    )
}

/// Reads a cell's numbers.
pub(crate) fn read(row: &Row) -> Result<(i16, Counters), StoreError> {
    let mut fields = Fields::of(row);
    Ok((fields.next()?, Counters { quote: fields.next()?, transfer: fields.next()? }))
}
