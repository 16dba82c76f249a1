//! Whether the indexes hold what their tables hold.
//!
//! What fell due is found through an index, and so is what holds a coupon. One that lacks an entry leaves money where it
//! is for ever, and no sum of the ledger tells. So the check adds up what the indexes should hold from the rows that it
//! reads anyway, and walks each index once. Those that are written in sorted runs have a check of their own.

use koi_core::coupon::Coupon;
use koi_core::quote::{Phase, Quote};
use rusqlite::Connection;

use super::sum::Sum;
use super::table;
use crate::error::StoreError;

/// What the indexes should hold, by the rows of their tables.
#[derive(Debug, Default)]
pub struct Indexes {
    coupon_due: Sum,
    quote_holding: Sum,
    quote_due: Sum,
}

impl Indexes {
    /// Takes a coupon.
    pub fn coupon(&mut self, coupon: &Coupon) {
        if coupon.is_live() && coupon.remaining > 0 {
            let id = coupon.id.number();
            self.coupon_due.add([id >> 32, coupon.expires_at.ms(), id]);
        }
    }

    /// Takes a quote.
    pub fn quote(&mut self, quote: &Quote) {
        let id = quote.id.number();
        if let Some(coupon) = quote.coupon.filter(|_| quote.phase == Phase::Open) {
            self.quote_holding.add([coupon.number(), id]);
            self.quote_due.add([quote.expires_at.ms(), coupon.number(), id]);
        }
    }

    /// The indexes that hold anything else.
    pub(super) fn broken(&self, connection: &Connection) -> Result<Vec<String>, StoreError> {
        let mut found = Self::default();
        table::coupon::for_each_due(connection, |row| found.coupon_due.add(row))?;
        table::quote::for_each_holding(connection, |row| found.quote_holding.add(row))?;
        table::quote::for_each_due(connection, |row| found.quote_due.add(row))?;
        let all = [
            ("coupon_due", &self.coupon_due, &found.coupon_due),
            ("quote_holding", &self.quote_holding, &found.quote_holding),
            ("quote_due", &self.quote_due, &found.quote_due),
        ];
        let broken = all.into_iter().filter(|(_, rows, entries)| rows != entries);
        Ok(broken.map(|(name, rows, entries)| differ(name, rows.count, entries.count)).collect())
    }
}

fn differ(name: &str, rows: u64, entries: u64) -> String {
    format!("the index {name} does not hold what its table does: {entries} entries for {rows} rows")
}
