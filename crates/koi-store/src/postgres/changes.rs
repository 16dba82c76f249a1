//! What a batch changed of its cells' rows, with as few statements for each table and kind of change as there can be.

use std::borrow::Borrow;

use koi_core::coupon::Coupon;
use koi_core::ledger::Transfer;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::Quote;
use koi_core::rows::{Cells, Rows, Write};
use koi_core::time::Time;

use super::form::{Spread, Sql, Table, place};
use super::session::Request;
use super::table;
use super::table::cell::{self, Stored};
use super::table::slice::Part;
use crate::Notes;
use crate::error::StoreError;

/// A statement, and how many rows it must write; `None`: any number.
pub(super) type Written<'a> = (Request<'a>, Option<u64>);

/// Rows of one table, with their cells.
struct Changed<R> {
    cells: Vec<i16>,
    rows: Vec<R>,
}

impl<R> Default for Changed<R> {
    fn default() -> Self {
        Self { cells: Vec::new(), rows: Vec::new() }
    }
}

impl<R> Changed<R> {
    fn add(&mut self, cell: i16, row: R) {
        self.cells.push(cell);
        self.rows.push(row);
    }
}

/// Rows of one table: new ones, and others.
struct Kept<R> {
    new: Changed<R>,
    other: Changed<R>,
}

impl<R> Default for Kept<R> {
    fn default() -> Self {
        Self { new: Changed::default(), other: Changed::default() }
    }
}

impl<R> Kept<R> {
    fn add(&mut self, cell: i16, row: R, write: Write) {
        match write {
            Write::Keep => {}
            Write::Insert => self.new.add(cell, row),
            Write::Update => self.other.add(cell, row),
        }
    }
}

/// The changes of a transaction.
pub(super) struct Changes<'a> {
    spread: Spread,
    coupons: Kept<&'a Coupon>,
    quotes: Kept<&'a Quote>,
    payments: Kept<&'a Payment>,
    refunds: Changed<&'a Refund>,
    slices: Kept<Part>,
    transfers: Changed<&'a Transfer>,
    /// Each cell as it was, and as it is.
    cells: Changed<(Stored, Stored)>,
}

impl<'a> Changes<'a> {
    /// The changes of some cells, all of which must be among those that were taken.
    pub(super) fn of(
        cells: &'a Cells,
        notes: &Notes,
        taken: &[Stored],
        spread: Spread,
    ) -> Result<Self, StoreError> {
        let mut changes = Self {
            spread,
            coupons: Kept::default(),
            quotes: Kept::default(),
            payments: Kept::default(),
            refunds: Changed::default(),
            slices: Kept::default(),
            transfers: Changed::default(),
            cells: Changed::default(),
        };
        let written = times(cells).chain(notes.log.iter().map(|line| line.at)).max();
        for rows in cells.iter() {
            let found = taken.binary_search_by_key(&place(rows.cell), |stored| stored.cell);
            let Ok(found) = found else {
                return Err(StoreError::Refused(format!("cell {} was not taken", rows.cell.0)));
            };
            changes.add(rows, taken[found], written);
        }
        Ok(changes)
    }

    fn add(&mut self, rows: &'a Rows, old: Stored, written: Option<Time>) {
        let cell = old.cell;
        rows.coupons.changed().for_each(|(_, coupon, write)| self.coupons.add(cell, coupon, write));
        rows.quotes.changed().for_each(|(_, quote, write)| self.quotes.add(cell, quote, write));
        rows.payments.changed().for_each(|(_, payment, write)| self.payments.add(cell, payment, write));
        rows.refunds.changed().for_each(|(_, refund, _)| self.refunds.add(cell, refund));
        for (campaign, slice, write) in rows.slices.changed() {
            self.slices.add(cell, Part::of(campaign, slice), write);
        }
        rows.transfers.iter().for_each(|line| self.transfers.add(cell, line));
        let new = Stored { cell, counters: rows.counters, latest: old.latest.max(written) };
        if new != old {
            self.cells.add(cell, (old, new));
        }
    }

    /// The statements that write them, with as many rows each as there are.
    pub(super) fn requests(&self) -> Vec<Written<'_>> {
        use table::{coupon, payment, quote, refund, slice, transfer};
        let mut writes = Vec::new();
        self.kept(&mut writes, &self.coupons, &coupon::TABLE, [&coupon::INSERT, &coupon::UPDATE]);
        self.kept(&mut writes, &self.quotes, &quote::TABLE, [&quote::INSERT, &quote::UPDATE]);
        self.kept(&mut writes, &self.payments, &payment::TABLE, [&payment::INSERT, &payment::UPDATE]);
        self.one(&mut writes, &self.refunds, &refund::TABLE, &refund::INSERT);
        self.kept(&mut writes, &self.slices, &slice::TABLE, [&slice::INSERT, &slice::UPDATE]);
        self.one(&mut writes, &self.transfers, &transfer::TABLE, &transfer::INSERT);
        for group in self.spread.groups(&self.cells.cells, &self.cells.rows) {
            let count = group.rows.len() as u64;
            writes.push((cell::moved(group), Some(count)));
        }
        writes
    }

    fn kept<'s, R: Borrow<T>, T: 's>(
        &self,
        writes: &mut Vec<Written<'s>>,
        kept: &'s Kept<R>,
        table: &Table<T>,
        [insert, update]: [&'static Sql; 2],
    ) {
        self.one(writes, &kept.new, table, insert);
        self.one(writes, &kept.other, table, update);
    }

    fn one<'s, R: Borrow<T>, T: 's>(
        &self,
        writes: &mut Vec<Written<'s>>,
        changed: &'s Changed<R>,
        table: &Table<T>,
        sql: &'static Sql,
    ) {
        let rows: Vec<&T> = changed.rows.iter().map(Borrow::borrow).collect();
        for group in self.spread.groups(&changed.cells, &rows) {
            let (count, values) = (group.rows.len() as u64, table.values(&group.rows));
            writes.push((group.request(sql, values), Some(count)));
        }
    }
}

/// The times at which what is written was decided. (What a transaction books has a line of the ledger, or a row of its
/// own that says when.)
fn times(cells: &Cells) -> impl Iterator<Item = Time> {
    cells.iter().flat_map(|rows| {
        let lines = rows.transfers.iter().map(|line| line.at);
        let quotes = rows.quotes.changed().map(|(_, quote, _)| quote.created_at);
        let payments = rows.payments.changed().flat_map(|(_, payment, _)| {
            let cancelled = payment.cancelled.map(|(at, _)| at);
            [Some(payment.paid_at), cancelled].into_iter().flatten()
        });
        let refunds = rows.refunds.changed().map(|(_, refund, _)| refund.at);
        lines.chain(quotes).chain(payments).chain(refunds)
    })
}
