//! The indexes that are written in sorted runs.

use koi_core::id::{CouponId, QuoteId};
use rusqlite::Connection;

use super::{PART_BITS, Until, part};
use crate::error::StoreError;
use crate::sqlite::table::{cell, coupon, coupon_of_shopper, quote, quote_of_key, slice};

/// An entry: what is looked for, which comes in no order, and the number of a row.
pub(in crate::sqlite) type Entry = (i64, i64);

/// One of them: its statements, and words for what may be wrong with it.
#[derive(Debug)]
pub(in crate::sqlite) struct Index {
    /// Its number in the tables of marks.
    pub(super) number: i64,
    pub(super) name: &'static str,
    /// Statements of its own table: the rows of a key, an entry to add, and all entries in their order. To add one
    /// that is there already is right: a mark that was damaged must not stop anybody. The check names it.
    of: &'static str,
    add: &'static str,
    all: &'static str,
    /// Statements of the table of its rows: the first row from a number on, the rows of a range with their keys, and the
    /// key of a row.
    first: &'static str,
    keys: &'static str,
    key: &'static str,
    /// The first number of each part that no row has yet.
    pub(super) issued: fn(&Connection) -> Result<Until, StoreError>,
    /// A row, in words.
    pub(super) row: fn(i64) -> String,
    /// What is said of a row that has no entry, one under another key, and one that should still wait.
    pub(super) lacking: &'static str,
    pub(super) surplus: &'static str,
    pub(super) early: &'static str,
}

/// The coupons of a shopper.
pub(in crate::sqlite) const SHOPPERS: Index = Index {
    number: 1,
    name: "coupons of shoppers",
    of: coupon_of_shopper::OF,
    add: coupon_of_shopper::ADD,
    all: coupon_of_shopper::ALL,
    first: coupon::FIRST,
    keys: coupon::SHOPPERS,
    key: coupon::SHOPPER,
    issued: issued_coupons,
    row: |number| format!("coupon {}", CouponId::of_number(number)),
    lacking: "its shopper does not have it",
    surplus: "another shopper has it, too",
    early: "its shopper has it before its turn",
};

/// The quote that was asked for under a key.
pub(in crate::sqlite) const KEYS: Index = Index {
    number: 2,
    name: "quotes of keys",
    of: quote_of_key::OF,
    add: quote_of_key::ADD,
    all: quote_of_key::ALL,
    first: quote::FIRST,
    keys: quote::KEYS,
    key: quote::KEY,
    issued: made_quotes,
    row: |number| format!("quote {}", QuoteId::of_number(number)),
    lacking: "its key does not find it",
    surplus: "another key finds it, too",
    early: "its key finds it before its turn",
};

fn issued_coupons(connection: &Connection) -> Result<Until, StoreError> {
    let mut issued = Until::default();
    for (cell, campaign) in slice::all(connection)? {
        if let Some(slice) = slice::get(connection, cell, campaign)? {
            let first = CouponId::new(cell, campaign, 0).number();
            issued.insert(part(first), first + i64::from(slice.next_ordinal));
        }
    }
    Ok(issued)
}

/// Numbers of quotes go on from part to part.
fn made_quotes(connection: &Connection) -> Result<Until, StoreError> {
    let mut made = Until::default();
    for (cell, counters) in cell::all(connection)? {
        let (first, next) = (QuoteId::new(cell, 0).number(), QuoteId::new(cell, counters.quote).number());
        for part in part(first)..=part(next) {
            made.insert(part, next.min((part + 1) << PART_BITS));
        }
    }
    Ok(made)
}

impl Index {
    /// The rows of a key that are sorted.
    pub(super) fn of(&self, connection: &Connection, key: i64) -> Result<Vec<i64>, StoreError> {
        let mut statement = connection.prepare_cached(self.of)?;
        let rows = statement.query_map([key], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a piece of a run.
    pub(super) fn add(&self, connection: &Connection, entries: &[Entry]) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(self.add)?;
        for (key, number) in entries {
            statement.execute([key, number])?;
        }
        Ok(())
    }

    /// Every entry that is sorted, in their order.
    pub(super) fn for_each(&self, connection: &Connection, mut each: impl FnMut(Entry)) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(self.all)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each((row.get(0)?, row.get(1)?));
        }
        Ok(())
    }

    /// The first row from a number on.
    pub(super) fn first(&self, connection: &Connection, from: i64) -> Result<Option<i64>, StoreError> {
        let mut statement = connection.prepare_cached(self.first)?;
        let mut rows = statement.query([from])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }

    /// The entries of the rows with numbers in `[from, until)`, in the order of the rows.
    pub(super) fn for_each_row(
        &self,
        connection: &Connection,
        (from, until): (i64, i64),
        mut each: impl FnMut(Entry),
    ) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(self.keys)?;
        let mut rows = statement.query([from, until])?;
        while let Some(row) = rows.next()? {
            each((row.get(1)?, row.get(0)?));
        }
        Ok(())
    }

    /// The key of a row.
    pub(super) fn key(&self, connection: &Connection, number: i64) -> Result<Option<i64>, StoreError> {
        let mut statement = connection.prepare_cached(self.key)?;
        let mut rows = statement.query([number])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }
}
