//! What waits in memory for a turn in the tables of the sorted indexes, shared by the writer and the readers beside it.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use koi_core::id::{CouponId, QuoteId, ShopperKey};
use koi_core::idempotency::Key;
use koi_core::rows::{Rows, Write};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::{Entry, Index, KEYS, Piece, Runs, SHOPPERS, Unsorted};
use crate::Want;
use crate::error::StoreError;

/// Rows that a batch adds.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct New {
    pub(in crate::sqlite) coupons: usize,
    pub(in crate::sqlite) quotes: usize,
}

/// What a commit wrote of the runs.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sqlite) struct Pieces {
    shoppers: Piece,
    keys: Piece,
}

/// What is not in the table of any index yet.
#[derive(Debug)]
pub(in crate::sqlite) struct Recent {
    pub(super) shoppers: Unsorted,
    pub(super) keys: Unsorted,
}

impl Recent {
    /// Nothing is known yet.
    pub(in crate::sqlite) fn empty(runs: Runs) -> Self {
        Self { shoppers: Unsorted::empty(&SHOPPERS, runs), keys: Unsorted::empty(&KEYS, runs) }
    }

    /// Reads the rows that are not in the tables.
    pub(in crate::sqlite) fn load(connection: &Connection, runs: Runs) -> Result<Self, StoreError> {
        Ok(Self {
            shoppers: Unsorted::load(&SHOPPERS, connection, runs)?,
            keys: Unsorted::load(&KEYS, connection, runs)?,
        })
    }

    /// Writes what is due of the runs, along with so many new coupons and quotes.
    pub(in crate::sqlite) fn write(&self, connection: &Connection, new: New) -> Result<Pieces, StoreError> {
        Ok(Pieces {
            shoppers: self.shoppers.write(connection, new.coupons)?,
            keys: self.keys.write(connection, new.quotes)?,
        })
    }

    /// A batch is durable, with what was written of the runs.
    pub(in crate::sqlite) fn committed(&mut self, rows: &Rows, pieces: Pieces) {
        self.shoppers.committed(new_coupons(rows), pieces.shoppers);
        self.keys.committed(new_quotes(rows), pieces.keys);
    }

    pub(in crate::sqlite) fn found(&self, wants: &[Want]) -> Found {
        let mut found = Found::default();
        for want in wants {
            match want {
                Want::Shopper(shopper) => found.shoppers.add(shopper.0, self.shoppers.of(shopper.0)),
                Want::QuoteAsked(key) => found.keys.add(key.0, self.keys.of(key.0)),
                Want::Quote(_) | Want::Payment(..) | Want::Coupon(_) | Want::Slice(_) => {}
            }
        }
        found
    }
}

fn new_coupons(rows: &Rows) -> impl Iterator<Item = Entry> + '_ {
    let new = rows.coupons.changed().filter(|(.., write)| *write == Write::Insert);
    new.map(|(id, coupon, _)| (coupon.shopper.0, id.number()))
}

fn new_quotes(rows: &Rows) -> impl Iterator<Item = Entry> + '_ {
    let new = rows.quotes.changed().filter(|(.., write)| *write == Write::Insert);
    new.map(|(id, quote, _)| (quote.asked.key.0, id.number()))
}

/// What is not in the tables yet, shared by the writer and the readers of its process.
#[derive(Clone, Debug)]
pub struct Beside(Arc<RwLock<Recent>>);

impl Beside {
    pub(in crate::sqlite) fn new(recent: Recent) -> Self {
        Self(Arc::new(RwLock::new(recent)))
    }

    pub(in crate::sqlite) fn look(&self) -> RwLockReadGuard<'_, Recent> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::sqlite) fn change(&self, change: impl FnOnce(&mut Recent)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is wanted and not in the tables. Who reads beside the writer asks for it before the transaction begins: what
    /// moves into a table meanwhile is then seen twice rather than not at all.
    pub(in crate::sqlite) fn found(&self, wants: &[Want]) -> Found {
        self.look().found(wants)
    }
}

/// Rows by what was looked for.
#[derive(Debug, Default)]
struct ByKey(FxHashMap<i64, Vec<i64>>);

impl ByKey {
    fn add(&mut self, key: i64, numbers: Vec<i64>) {
        if !numbers.is_empty() {
            self.0.insert(key, numbers);
        }
    }

    /// The rows of a key, with those in the table, in the order of their numbers.
    fn with_sorted(&self, index: &Index, connection: &Connection, key: i64) -> Result<Vec<i64>, StoreError> {
        let mut numbers = index.of(connection, key)?;
        numbers.extend(self.0.get(&key).into_iter().flatten());
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

/// What is wanted and not in the tables yet.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Found {
    shoppers: ByKey,
    keys: ByKey,
}

impl Found {
    /// The coupons of a shopper, with those in the table, in the order of their numbers.
    pub(in crate::sqlite) fn coupons(
        &self,
        connection: &Connection,
        of: ShopperKey,
    ) -> Result<Vec<CouponId>, StoreError> {
        let numbers = self.shoppers.with_sorted(&SHOPPERS, connection, of.0)?;
        Ok(numbers.into_iter().map(CouponId::of_number).collect())
    }

    /// The quotes that were asked for under a key, with those in the table, in the order of their numbers; no more than
    /// one unless keys collide.
    pub(in crate::sqlite) fn quotes(&self, connection: &Connection, of: Key) -> Result<Vec<QuoteId>, StoreError> {
        let numbers = self.keys.with_sorted(&KEYS, connection, of.0)?;
        Ok(numbers.into_iter().map(QuoteId::of_number).collect())
    }
}
