//! Which coupons a shopper has.
//!
//! Shoppers come in no order. An index that is written with each coupon would touch a page of its own for each:
//! read it, log it, fold it, some hundred times the bytes of the entry. So entries are written in sorted runs, as
//! log-structured trees do it:
//!
//! ```text
//! new coupons ─▶ `young`, in memory ──(so many)──▶ `run`, sorted, in memory ──(piece by piece)──▶ coupon_of_shopper
//! ```
//! Each commit writes a piece of the run along with its own rows, twice as many entries as new coupons came in. So a
//! run of n coupons is written when n/2 more have come in, and the next one begins when n have.
//!
//! Nothing is lost with the memory. Coupons have dense numbers, so that two marks tell what is in the table: all
//! coupons up to `coupon_sorted`; and, of those from there up to `coupon_run`, the entries up to `coupon_run_last`.
//! A server that starts reads the rest from the coupons, and goes on with the run where it was.
//!
//! Invariants:
//! - a coupon is in the table, in `run`, or in `young`;
//! - how much of the run is due follows from the coupons that wait alone, so that no restart takes back what was won,
//!   however few coupons came in between;
//! - so there wait in memory at most the length that begins a run, half a piece, and the coupons of one commit.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use koi_core::id::{CouponId, ShopperKey};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::table::{coupon, coupon_of_shopper, coupon_run, coupon_sorted};
use crate::Want;
use crate::error::StoreError;

mod check;

pub(super) use check::broken;

/// How runs are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Coupons that begin a run: some 25 bytes of memory each.
    pub length: usize,
    /// Entries of a run that are at least written at once.
    pub piece: usize,
}

impl Runs {
    /// What a server uses: long enough that neighbours share a page among ten million, short enough that what is not
    /// sorted is read in a moment when it starts.
    pub const SERVED: Runs = Runs { length: 1 << 20, piece: 512 };
}

/// An entry: sorted by shopper.
type Entry = (ShopperKey, CouponId);

/// Numbers of coupons of one cell and campaign have the same upper half.
const PART_BITS: u32 = 32;

fn part(coupon: CouponId) -> i64 {
    coupon.number() >> PART_BITS
}

/// Numbers by part.
type Until = FxHashMap<i64, i64>;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Table,
    Run,
    Young,
}

/// How far the table is written, as the database says.
#[derive(Debug)]
struct Marks {
    /// Up to which coupon of each part all are in the table.
    sorted: Until,
    /// Up to which coupon of each part the run goes that is being written.
    run: Until,
    /// The last entry of it that is written.
    last: Option<Entry>,
}

impl Marks {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            sorted: coupon_sorted::all(connection)?.into_iter().collect(),
            run: coupon_run::all(connection)?.into_iter().collect(),
            last: coupon_run::last(connection)?,
        })
    }

    fn place(&self, entry: Entry) -> Place {
        let before = |until: &Until| until.get(&part(entry.1)).is_some_and(|until| entry.1.number() < *until);
        if before(&self.sorted) {
            Place::Table
        } else if !before(&self.run) {
            Place::Young
        } else if Some(entry) <= self.last {
            Place::Table
        } else {
            Place::Run
        }
    }
}

/// Entries in memory, and up to which coupon of each part they go.
#[derive(Clone, Debug, Default)]
struct Entries {
    sorted: BTreeSet<Entry>,
    /// The first coupon after them, by part.
    until: Until,
}

impl Entries {
    /// All at once: a tree that is built from sorted entries takes a fraction of the time.
    fn new(entries: Vec<Entry>) -> Self {
        let mut until = Until::default();
        entries.iter().for_each(|(_, coupon)| reach(&mut until, *coupon));
        Self { sorted: BTreeSet::from_iter(entries), until }
    }

    fn add(&mut self, entry: Entry) {
        self.sorted.insert(entry);
        reach(&mut self.until, entry.1);
    }

    fn len(&self) -> usize {
        self.sorted.len()
    }

    fn of(&self, shopper: ShopperKey) -> impl Iterator<Item = CouponId> + '_ {
        let first = Bound::Included((shopper, CouponId::of_number(i64::MIN)));
        let last = Bound::Included((shopper, CouponId::of_number(i64::MAX)));
        self.sorted.range((first, last)).map(|entry| entry.1)
    }
}

fn reach(until: &mut Until, coupon: CouponId) {
    let until = until.entry(part(coupon)).or_default();
    *until = (*until).max(coupon.number() + 1);
}

/// A run that is being written.
#[derive(Debug)]
struct Run {
    /// What is not in the table yet. `until` is that of the whole run.
    rest: Entries,
    /// How many entries it has in all.
    length: usize,
}

impl Run {
    fn written(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Writes entries, and how far the run is now.
    fn write(&self, connection: &Connection, count: usize) -> Result<Piece, StoreError> {
        let entries: Vec<Entry> = self.rest.sorted.iter().take(count).copied().collect();
        coupon_of_shopper::add(connection, entries.iter().copied())?;
        let ends = entries.len() == self.rest.len();
        if ends {
            self.rest.until.iter().try_for_each(|(part, until)| coupon_sorted::put(connection, *part, *until))?;
            coupon_run::clear(connection)?;
        } else if let Some(last) = entries.last() {
            if self.written() == 0 {
                self.rest.until.iter().try_for_each(|(part, until)| coupon_run::put(connection, *part, *until))?;
            }
            coupon_run::put_last(connection, *last)?;
        }
        Ok(Piece { count: entries.len(), ends })
    }
}

/// What is not in the table yet.
#[derive(Debug)]
pub(super) struct Unsorted {
    runs: Runs,
    young: Entries,
    run: Option<Run>,
}

/// What a commit wrote of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    count: usize,
    /// Whether the run is written to its end.
    ends: bool,
}

impl Unsorted {
    /// Nothing is known yet.
    pub(super) fn empty(runs: Runs) -> Self {
        Self { runs, young: Entries::default(), run: None }
    }

    /// Reads the coupons that are not in the table.
    pub(super) fn load(connection: &Connection, runs: Runs) -> Result<Self, StoreError> {
        let marks = Marks::read(connection)?;
        let (mut young, mut rest, mut written, mut from) = (Vec::new(), Vec::new(), 0, 0);
        while let Some(first) = coupon::first(connection, from)? {
            let sorted = marks.sorted.get(&part(first)).copied().unwrap_or(first.number());
            from = (part(first) + 1) << PART_BITS;
            coupon::for_each_shopper(connection, sorted, from, |shopper, id| match marks.place((shopper, id)) {
                Place::Table => written += 1,
                Place::Run => rest.push((shopper, id)),
                Place::Young => young.push((shopper, id)),
            })?;
        }
        let mut unsorted = Self { young: Entries::new(young), ..Self::empty(runs) };
        // Marks without entries are damage, and gone with the first piece.
        if !marks.run.is_empty() || marks.last.is_some() {
            let length = written + rest.len();
            let rest = Entries { until: marks.run, ..Entries::new(rest) };
            unsorted.run = Some(Run { rest, length });
        }
        unsorted.begin_run();
        Ok(unsorted)
    }

    /// The coupons of a shopper that are not in the table.
    fn of(&self, shopper: ShopperKey) -> Vec<CouponId> {
        let run = self.run.iter().flat_map(|run| run.rest.of(shopper));
        run.chain(self.young.of(shopper)).collect()
    }

    /// Entries of a run that should be written by now: two for each coupon that came in since there were enough to
    /// begin it.
    fn due(&self, run: &Run, new: usize) -> usize {
        let since = (self.young.len() + new + run.length).saturating_sub(self.runs.length);
        (2 * since).saturating_sub(run.written())
    }

    /// Writes a piece of the run, if one is due with so many new coupons.
    pub(super) fn write(&self, connection: &Connection, new: usize) -> Result<Piece, StoreError> {
        let Some(run) = &self.run else { return Ok(Piece::default()) };
        let due = self.due(run, new);
        if due < self.runs.piece.min(run.rest.len()) {
            return Ok(Piece::default());
        }
        // No commit makes up for all that was left undone before it.
        run.write(connection, due.min(self.runs.piece + 2 * new))
    }

    /// A commit is durable: its coupons are known from now on, and its piece need not be kept.
    pub(super) fn committed(&mut self, coupons: impl Iterator<Item = Entry>, piece: Piece) {
        coupons.for_each(|entry| self.young.add(entry));
        match &mut self.run {
            Some(_) if piece.ends => self.run = None,
            Some(run) => (0..piece.count).for_each(|_| _ = run.rest.sorted.pop_first()),
            None => {}
        }
        self.begin_run();
    }

    fn begin_run(&mut self) {
        if self.run.is_none() && self.young.len() >= self.runs.length {
            let rest = std::mem::take(&mut self.young);
            self.run = Some(Run { length: rest.len(), rest });
        }
    }
}

/// What is not in the table yet, shared by the writer and the readers of its process.
#[derive(Clone, Debug)]
pub struct Shoppers(Arc<RwLock<Unsorted>>);

impl Shoppers {
    pub(super) fn new(unsorted: Unsorted) -> Self {
        Self(Arc::new(RwLock::new(unsorted)))
    }

    pub(super) fn look(&self) -> RwLockReadGuard<'_, Unsorted> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Unsorted)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is not in the table of the coupons of shoppers that are wanted. Who reads beside the writer asks for it
    /// before the transaction begins: what moves into the table meanwhile is then seen twice rather than not at all.
    pub(super) fn of(&self, wants: &[Want]) -> Found {
        self.look().found(wants)
    }
}

/// Coupons by shopper.
pub(super) type Found = FxHashMap<ShopperKey, Vec<CouponId>>;

impl Unsorted {
    pub(super) fn found(&self, wants: &[Want]) -> Found {
        let mut found = Found::default();
        for want in wants {
            if let Want::Shopper(shopper) = want {
                let coupons = self.of(*shopper);
                if !coupons.is_empty() {
                    found.insert(*shopper, coupons);
                }
            }
        }
        found
    }
}

/// The coupons of a shopper, in the order of their numbers.
pub(super) fn coupons(
    connection: &Connection,
    shopper: ShopperKey,
    unsorted: &Found,
) -> Result<Vec<CouponId>, StoreError> {
    let mut coupons = coupon_of_shopper::of(connection, shopper)?;
    if let Some(more) = unsorted.get(&shopper) {
        coupons.extend(more);
    }
    coupons.sort_unstable();
    coupons.dedup();
    Ok(coupons)
}

#[cfg(test)]
mod tests;
