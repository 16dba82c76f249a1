//! Which coupons a shopper has.
//!
//! Shoppers come in no order. An index that is written with each coupon would touch a page of its own for each:
//! read it, log it, fold it, some hundred times the bytes of the entry. So entries are written in sorted runs, as
//! log-structured trees do it:
//!
//! ```text
//! new coupons ─▶ `young`, in memory ──(so many)──▶ `run`, sorted, in memory ──(piece by piece)──▶ coupon_of_shopper
//! ```
//! Each commit writes a piece of the run along with its own rows, twice as fast as new coupons come in; so a run is
//! written long before the next one begins. Nothing is lost with the memory: coupons have dense numbers, and
//! `coupon_sorted` says up to which one all are in the table. A server that starts reads the rest.
//!
//! Invariant: a coupon is in the table, in what is left of `run`, or in `young`.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use koi_core::id::{CouponId, ShopperKey};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::table::{coupon, coupon_of_shopper, coupon_sorted, slice};
use crate::Want;
use crate::error::StoreError;

/// How runs are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Coupons that begin a run: some 25 bytes of memory each, twice.
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

/// Entries that a check names; after so many it is clear enough.
const NAMED: usize = 100;
/// Numbers of coupons of one cell and campaign have the same upper half.
const PART_BITS: u32 = 32;

fn part(coupon: CouponId) -> i64 {
    coupon.number() >> PART_BITS
}

/// Entries in memory, and up to which coupon of each part they go.
#[derive(Clone, Debug, Default)]
struct Entries {
    sorted: BTreeSet<Entry>,
    /// The first coupon after them, by part.
    until: FxHashMap<i64, i64>,
}

impl Entries {
    /// All at once: a tree that is built from sorted entries takes a fraction of the time.
    fn new(entries: Vec<Entry>) -> Self {
        let mut until = FxHashMap::default();
        entries.iter().for_each(|(_, coupon)| reach(&mut until, *coupon));
        Self { sorted: BTreeSet::from_iter(entries), until }
    }

    fn add(&mut self, entry: Entry) {
        self.sorted.insert(entry);
        reach(&mut self.until, entry.1);
    }

    /// The coupons of a shopper that come after a place.
    fn of(&self, shopper: ShopperKey, after: Option<Entry>) -> impl Iterator<Item = CouponId> + '_ {
        let first = Bound::Included((shopper, CouponId::of_number(i64::MIN)));
        let first = match after {
            Some(after) if after.0 > shopper => return None.into_iter().flatten(),
            Some(after) if after.0 == shopper => Bound::Excluded(after),
            _ => first,
        };
        let last = Bound::Included((shopper, CouponId::of_number(i64::MAX)));
        Some(self.sorted.range((first, last)).map(|entry| entry.1)).into_iter().flatten()
    }
}

fn reach(until: &mut FxHashMap<i64, i64>, coupon: CouponId) {
    let until = until.entry(part(coupon)).or_default();
    *until = (*until).max(coupon.number() + 1);
}

/// A run that is being written.
#[derive(Debug)]
struct Run {
    entries: Entries,
    /// The last entry that is written.
    written: Option<Entry>,
}

impl Run {
    fn rest(&self) -> impl Iterator<Item = &Entry> {
        let from = self.written.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.sorted.range((from, Bound::Unbounded))
    }
}

/// What is not in the table yet.
#[derive(Debug)]
pub(super) struct Unsorted {
    runs: Runs,
    young: Entries,
    run: Option<Run>,
    /// Entries that may be written, by the coupons that came in.
    owed: usize,
}

/// What a commit wrote of the run.
#[derive(Debug)]
pub(super) struct Piece {
    /// Its last entry, and whether it is the run's.
    last: Option<(Entry, bool)>,
    count: usize,
}

impl Unsorted {
    /// Nothing is known yet.
    pub(super) fn empty(runs: Runs) -> Self {
        Self { runs, young: Entries::default(), run: None, owed: 0 }
    }

    /// Reads the coupons that are not in the table.
    pub(super) fn load(connection: &Connection, runs: Runs) -> Result<Self, StoreError> {
        let mut unsorted = Self::empty(runs);
        let sorted: FxHashMap<i64, i64> = coupon_sorted::all(connection)?.into_iter().collect();
        let (mut entries, mut from) = (Vec::new(), 0);
        while let Some(first) = coupon::first(connection, from)? {
            let sorted = sorted.get(&part(first)).copied().unwrap_or(first.number());
            from = (part(first) + 1) << PART_BITS;
            coupon::for_each_shopper(connection, sorted, from, |shopper, id| entries.push((shopper, id)))?;
        }
        unsorted.young = Entries::new(entries);
        unsorted.begin_run();
        Ok(unsorted)
    }

    /// The coupons of a shopper that are not in the table.
    fn of(&self, shopper: ShopperKey) -> Vec<CouponId> {
        let run = self.run.iter().flat_map(|run| run.entries.of(shopper, run.written));
        run.chain(self.young.of(shopper, None)).collect()
    }

    /// Writes a piece of the run, if one is due with so many new coupons.
    pub(super) fn write(&self, connection: &Connection, new: usize) -> Result<Piece, StoreError> {
        let nothing = Piece { last: None, count: 0 };
        let Some(run) = &self.run else { return Ok(nothing) };
        let count = self.owed + 2 * new;
        if count < self.runs.piece {
            return Ok(nothing);
        }
        let piece: Vec<Entry> = run.rest().take(count).copied().collect();
        coupon_of_shopper::add(connection, piece.iter().copied())?;
        let ends = piece.len() < count || run.rest().nth(count).is_none();
        if ends {
            for (part, until) in &run.entries.until {
                coupon_sorted::put(connection, *part, *until)?;
            }
        }
        Ok(Piece { last: piece.last().map(|last| (*last, ends)), count: piece.len() })
    }

    /// A commit is durable: its coupons are known from now on, and its piece need not be kept.
    pub(super) fn committed(&mut self, coupons: impl Iterator<Item = Entry>, piece: &Piece) {
        let before = self.young.sorted.len();
        coupons.for_each(|entry| self.young.add(entry));
        if let Some(run) = &mut self.run {
            self.owed += 2 * (self.young.sorted.len() - before);
            self.owed = self.owed.saturating_sub(piece.count);
            match piece.last {
                Some((_, true)) => self.run = None,
                Some((last, false)) => run.written = Some(last),
                None => {}
            }
        }
        self.begin_run();
    }

    fn begin_run(&mut self) {
        if self.run.is_none() && self.young.sorted.len() >= self.runs.length {
            self.run = Some(Run { entries: std::mem::take(&mut self.young), written: None });
            self.owed = 0;
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

/// What is wrong with the table, if anything: entries that are missing, or that no coupon makes.
pub(super) fn broken(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut broken = Vec::new();
    let sorted = coupon_sorted::all(connection)?;
    let mut issued = FxHashMap::default();
    for (cell, campaign) in slice::all(connection)? {
        if let Some(slice) = slice::get(connection, cell, campaign)? {
            let first = CouponId::new(cell, campaign, 0);
            issued.insert(part(first), first.number() + i64::from(slice.next_ordinal));
        }
    }
    let (mut coupons, mut entries) = (Sum::default(), Sum::default());
    for (part, until) in &sorted {
        if issued.get(part).is_none_or(|issued| until > issued) {
            broken.push(format!(
                "coupons of shoppers: sorted up to {}, which is not issued",
                CouponId::of_number(*until)
            ));
        }
        coupon::for_each_shopper(connection, *part << PART_BITS, *until, |shopper, id| {
            coupons.add((shopper, id))
        })?;
    }
    let sorted: FxHashMap<i64, i64> = sorted.into_iter().collect();
    // Those of a run that is being written: some.
    let mut ahead = Vec::new();
    coupon_of_shopper::for_each(connection, |shopper, id| {
        match sorted.get(&part(id)).is_some_and(|until| id.number() < *until) {
            true => entries.add((shopper, id)),
            false => ahead.push((shopper, id)),
        }
    })?;
    broken.extend(surplus(connection, ahead)?);
    // Sums are quick to compare and tell nothing; who is to blame is looked for only when they differ.
    if coupons != entries {
        let mut all = Vec::new();
        coupon_of_shopper::for_each(connection, |shopper, id| all.push((shopper, id)))?;
        broken.extend(surplus(connection, all)?);
        broken.extend(missing(connection, &sorted)?);
    }
    Ok(broken)
}

/// Of some entries, those that no coupon makes.
fn surplus(connection: &Connection, entries: Vec<Entry>) -> Result<Vec<String>, StoreError> {
    let mut named = Vec::new();
    for (shopper, id) in entries {
        if coupon::shopper(connection, id)? != Some(shopper) && named.len() < NAMED {
            named.push(format!("coupon {id}: another shopper has it, too"));
        }
    }
    Ok(named)
}

/// Coupons that their shoppers lack.
fn missing(connection: &Connection, sorted: &FxHashMap<i64, i64>) -> Result<Vec<String>, StoreError> {
    let mut named = Vec::new();
    for (part, until) in sorted {
        let mut coupons = Vec::new();
        coupon::for_each_shopper(connection, *part << PART_BITS, *until, |shopper, id| {
            coupons.push((shopper, id))
        })?;
        for (shopper, id) in coupons {
            if named.len() < NAMED && !coupon_of_shopper::of(connection, shopper)?.contains(&id) {
                named.push(format!("coupon {id}: its shopper does not have it"));
            }
        }
    }
    Ok(named)
}

/// A sum over entries that does not depend on their order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    hashes: u128,
}

impl Sum {
    fn add(&mut self, (shopper, coupon): Entry) {
        let mixed = u128::from(shopper.0.cast_unsigned()) << 64 | u128::from(coupon.number().cast_unsigned());
        // The multiplier is that of a 128-bit linear congruential generator (L'Ecuyer 1999).
        let mixed = mixed.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645);
        self.count += 1;
        self.hashes = self.hashes.wrapping_add((mixed ^ mixed >> 64).wrapping_mul(mixed | 1));
    }
}

#[cfg(test)]
mod tests;
