//! Campaigns' parts of a cell: the next ordinal, the balances, and the packets left of each tier.

use koi_core::id::{CampaignNo, Cell};
use koi_core::ledger::Buckets;
use koi_core::rows::Slice;
use rusqlite::{Connection, params};

use crate::error::StoreError;

const SLICE: &str = "SELECT next_ordinal, funder, free, committed, reserved, spent, returned, recovered, refunds, \
    moved FROM slice WHERE cell = ?1 AND campaign = ?2";
const CELLS: &str = "SELECT cell, campaign FROM slice ORDER BY cell, campaign";
const STOCK: &str = "SELECT packets FROM stock WHERE cell = ?1 AND campaign = ?2 ORDER BY tier";
const PUT_SLICE: &str = "INSERT OR REPLACE INTO slice (cell, campaign, next_ordinal, funder, free, committed, reserved, \
    spent, returned, recovered, refunds, moved) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
/// What is copied and digested, with lists of the balances, in the order of the accounts' numbers, and of the stock.
pub(crate) const SHEET: &str = "SELECT slice.cell, slice.campaign, slice.next_ordinal, \
    concat_ws(',', slice.funder, slice.free, slice.committed, slice.reserved, slice.spent, slice.returned, \
    slice.recovered, slice.refunds, slice.moved), \
    coalesce((SELECT group_concat(stock.packets, ',' ORDER BY stock.tier) FROM stock \
    WHERE stock.cell = slice.cell AND stock.campaign = slice.campaign), '') \
    FROM slice ORDER BY slice.cell, slice.campaign";
const PUT_STOCK: &str = "INSERT OR REPLACE INTO stock (cell, campaign, tier, packets) VALUES (?1, ?2, ?3, ?4)";

pub(crate) fn get(connection: &Connection, cell: Cell, campaign: CampaignNo) -> Result<Option<Slice>, StoreError> {
    let mut statement = connection.prepare_cached(SLICE)?;
    let mut rows = statement.query(params![cell.0, campaign.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let next_ordinal = row.get(0)?;
    let mut balances = [0_i64; 9];
    for (place, balance) in balances.iter_mut().enumerate() {
        *balance = row.get(place + 1)?;
    }
    let mut statement = connection.prepare_cached(STOCK)?;
    let left = statement.query_map(params![cell.0, campaign.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Some(Slice { next_ordinal, left, buckets: Buckets::stored(balances) }))
}

/// Every slice, by its cell and campaign.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(Cell, CampaignNo)>, StoreError> {
    let mut statement = connection.prepare_cached(CELLS)?;
    let rows = statement.query_map([], |row| Ok((Cell(row.get(0)?), CampaignNo(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn put(
    connection: &Connection,
    cell: Cell,
    campaign: CampaignNo,
    slice: &Slice,
) -> Result<(), StoreError> {
    let [funder, free, committed, reserved, spent, returned, recovered, refunds, moved] = slice.buckets.balances();
    connection.prepare_cached(PUT_SLICE)?.execute(params![
        cell.0,
        campaign.0,
        slice.next_ordinal,
        funder,
        free,
        committed,
        reserved,
        spent,
        returned,
        recovered,
        refunds,
        moved,
    ])?;
    let mut statement = connection.prepare_cached(PUT_STOCK)?;
    for (tier, packets) in slice.left.iter().enumerate() {
        statement.execute(params![cell.0, campaign.0, tier, packets])?;
    }
    Ok(())
}

/// Adds what was read by [`SHEET`]: cell, campaign and next ordinal, the balances, the stock.
pub(crate) fn copy(
    connection: &Connection,
    first: [i64; 3],
    balances: &[i64],
    stock: &[i64],
) -> Result<(), StoreError> {
    let numbers = first.iter().chain(balances);
    connection.prepare_cached(PUT_SLICE)?.execute(rusqlite::params_from_iter(numbers))?;
    let mut statement = connection.prepare_cached(PUT_STOCK)?;
    for (tier, packets) in stock.iter().enumerate() {
        statement.execute(params![first[0], first[1], tier, packets])?;
    }
    Ok(())
}
