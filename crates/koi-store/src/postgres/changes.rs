//! What a batch changed of its cells' rows, as one statement for each table and kind of change.

use std::borrow::Borrow;

use koi_core::coupon::Coupon;
use koi_core::id::Cell;
use koi_core::ledger::Transfer;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::Quote;
use koi_core::rows::{Counters, Rows, Write};

use super::form::{Form, Sql, Table, place};
use super::session::{Param, Request};
use super::table::slice::Part;
use super::table::{self, cell};
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
    form: Form,
    coupons: Kept<&'a Coupon>,
    quotes: Kept<&'a Quote>,
    payments: Kept<&'a Payment>,
    refunds: Changed<&'a Refund>,
    slices: Kept<Part>,
    transfers: Changed<&'a Transfer>,
    counters: Changed<(Counters, Counters)>,
}

impl<'a> Changes<'a> {
    /// The changes of some cells, all of which must have been taken. `begun` are the cells that were, with the numbers
    /// that were given out from.
    pub(super) fn of(cells: &'a [Rows], begun: &[(Cell, Counters)]) -> Result<Self, StoreError> {
        let mut changes = Self {
            form: Form::of(begun.len()),
            coupons: Kept::default(),
            quotes: Kept::default(),
            payments: Kept::default(),
            refunds: Changed::default(),
            slices: Kept::default(),
            transfers: Changed::default(),
            counters: Changed::default(),
        };
        let mut taken = begun.to_vec();
        for rows in cells {
            let at = taken.iter().position(|(cell, _)| *cell == rows.cell);
            let Some(at) = at else {
                return Err(StoreError::Refused(format!("cell {} was not taken", rows.cell.0)));
            };
            changes.add(rows, taken.swap_remove(at).1);
        }
        Ok(changes)
    }

    fn add(&mut self, rows: &'a Rows, begun: Counters) {
        let cell = place(rows.cell);
        rows.coupons.changed().for_each(|(_, coupon, write)| self.coupons.add(cell, coupon, write));
        rows.quotes.changed().for_each(|(_, quote, write)| self.quotes.add(cell, quote, write));
        rows.payments.changed().for_each(|(_, payment, write)| self.payments.add(cell, payment, write));
        rows.refunds.changed().for_each(|(_, refund, _)| self.refunds.add(cell, refund));
        for (campaign, slice, write) in rows.slices.changed() {
            self.slices.add(cell, Part::of(campaign, slice), write);
        }
        rows.transfers.iter().for_each(|line| self.transfers.add(cell, line));
        if rows.counters != begun {
            self.counters.add(cell, (begun, rows.counters));
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
        self.moved(&mut writes);
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
        if changed.rows.is_empty() {
            return;
        }
        let rows: Vec<&T> = changed.rows.iter().map(Borrow::borrow).collect();
        let mut params = vec![self.form.cells(changed.cells.clone())];
        params.extend(table.values(&rows));
        writes.push((Request::with(sql.form(self.form), params), Some(rows.len() as u64)));
    }

    fn moved<'s>(&'s self, writes: &mut Vec<Written<'s>>) {
        let Changed { cells, rows } = &self.counters;
        if rows.is_empty() {
            return;
        }
        let numbers = |of: fn(&(Counters, Counters)) -> i64| Box::new(rows.iter().map(of).collect::<Vec<i64>>());
        let params: Vec<Param> = vec![
            self.form.cells(cells.clone()),
            numbers(|(_, new)| new.quote),
            numbers(|(_, new)| new.transfer),
            numbers(|(old, _)| old.quote),
            numbers(|(old, _)| old.transfer),
        ];
        writes.push((Request::with(cell::MOVE.form(self.form), params), Some(rows.len() as u64)));
    }
}
