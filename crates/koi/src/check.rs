//! The check: recomputes every balance from the transfers, and every bucket, coupon and payment from them, and
//! names what does not agree.

use std::ops::ControlFlow;

use koi_core::audit::{Audit, Known, Run};
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, QuoteId, TransferId};
use koi_core::rows::Slice;
use koi_store::sqlite::Indexes;
use koi_store::{Reader, StoreError};

/// Coupons, and purchases, whose sums are held in memory at once: some 90 bytes for each coupon, and 16 for each
/// purchase. Each pass reads all lines again.
const PASS: u32 = 3_000_000;
type Place = (Cell, CampaignNo, Slice);

/// Rows between two reports of progress.
const REPORT: u64 = 100_000;
/// Disagreements that are named; after so many it is clear enough.
const NAMED: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Lines of the ledger.
    pub transfers: u64,
    /// Accounts whose balances were recomputed.
    pub accounts: u64,
    /// Coupons that were recomputed.
    pub coupons: u64,
    /// Payments that were recomputed.
    pub payments: u64,
    /// What does not agree, in words that name it.
    pub broken: Vec<String>,
}

impl Checked {
    /// What a database comes to that cannot be read to its end.
    pub fn unread(why: &StoreError) -> Self {
        Self { broken: vec![why.to_string()], ..Self::default() }
    }
}

/// Checks everything on one state of the database. `progress` is told what is looked at, and how many of it so far.
/// A database that cannot be read to its end is broken; that is what was found, not an error.
pub fn check(reader: &Reader, progress: &dyn Fn(&'static str, u64)) -> Result<Checked, StoreError> {
    let recomputed = match recompute(reader, progress) {
        // A disk that failed once is asked again before its file is called damaged.
        Err(StoreError::Unreadable(_)) => recompute(reader, progress),
        recomputed => recomputed,
    };
    match recomputed {
        Err(error @ (StoreError::Damaged(_) | StoreError::Unreadable(_))) => Ok(Checked::unread(&error)),
        checked => checked,
    }
}

fn recompute(reader: &Reader, progress: &dyn Fn(&'static str, u64)) -> Result<Checked, StoreError> {
    reader.at_one_moment(|| {
        let (catalog, rates) = (reader.catalog()?, reader.rates()?);
        let (slices, counters) = (reader.slices()?, reader.counters()?);
        let known = Known {
            catalog: &catalog,
            rates: &rates,
            slices: &slices,
            counters: &counters,
            cells: reader.cells(),
        };
        let mut audit = Audit::new(known, NAMED);
        audit.campaigns();
        let mut coupons = audit.passes(&ends(reader, &slices)?, PASS).into_iter();
        let indexes = Indexes::default();
        let mut walk = Walk { reader, progress, next: Some(QuoteId::FIRST), purchases: 0, coupons: 0, indexes };
        walk.pass(&mut audit, &coupons.next().unwrap_or_default(), Lines::Balanced)?;
        loop {
            let runs = coupons.next();
            if runs.is_none() && walk.next.is_none() {
                break;
            }
            walk.pass(&mut audit, &runs.unwrap_or_default(), Lines::Again)?;
        }
        walk.beyond(&mut audit, &slices)?;
        reader.for_each_quote_key(|key, id| audit.quote_asked(key, id))?;
        let mut found = audit.finish();
        found.broken.extend(reader.broken_indexes(&walk.indexes)?);
        Ok(Checked {
            transfers: found.transfers,
            accounts: found.accounts,
            coupons: found.coupons,
            payments: found.payments,
            broken: found.broken,
        })
    })
}

/// How many ordinals there are up to the last coupon of each slice.
fn ends(reader: &Reader, slices: &[Place]) -> Result<Vec<(Cell, CampaignNo, u32)>, StoreError> {
    let end = |(cell, campaign, _): &Place| Ok((*cell, *campaign, reader.last_ordinal(*cell, *campaign)?));
    slices.iter().map(end).collect()
}

/// Whether a pass over the lines is the first, which makes the balances.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Balanced,
    Again,
}

/// The way through the rows, pass by pass.
struct Walk<'a> {
    reader: &'a Reader,
    progress: &'a dyn Fn(&'static str, u64),
    /// The number from which on purchases were not looked at.
    next: Option<QuoteId>,
    purchases: u64,
    coupons: u64,
    /// What the indexes should hold.
    indexes: Indexes,
}

impl Walk<'_> {
    /// Looks at some purchases and coupons, and at all lines about them.
    fn pass(&mut self, audit: &mut Audit, runs: &[Run], lines: Lines) -> Result<(), StoreError> {
        audit.begin(runs);
        self.some_purchases(audit)?;
        self.all_lines(audit, lines)?;
        if !runs.is_empty() {
            self.reader.for_each_deduction(|deduction| audit.deduction(&deduction))?;
        }
        for run in runs {
            let from = run.first.number();
            self.reader.for_each_coupon(from, from.saturating_add(i64::from(run.count)), |coupon| {
                audit.coupon(&coupon);
                self.indexes.coupon(&coupon);
                self.coupons += 1;
                tell(self.progress, "coupons", self.coupons);
            })?;
        }
        audit.end();
        Ok(())
    }

    fn some_purchases(&mut self, audit: &mut Audit) -> Result<(), StoreError> {
        let Some(from) = self.next.take() else { return Ok(()) };
        let mut room = PASS;
        self.reader.for_each_purchase(from, |purchase| {
            if room == 0 {
                self.next = Some(purchase.id);
                return ControlFlow::Break(());
            }
            room -= 1;
            audit.purchase(&purchase);
            purchase.quote.iter().for_each(|quote| self.indexes.quote(quote));
            self.purchases += 1;
            tell(self.progress, "purchases", self.purchases);
            ControlFlow::Continue(())
        })
    }

    fn all_lines(&self, audit: &mut Audit, lines: Lines) -> Result<(), StoreError> {
        let mut seen = 0;
        self.reader.for_each_transfer(TransferId::FIRST.., |line| {
            if lines == Lines::Balanced {
                audit.transfer(&line);
                seen += 1;
                tell(self.progress, "transfers", seen);
            }
            audit.movement(&line);
            ControlFlow::Continue(())
        })?;
        if lines == Lines::Balanced {
            audit.balances();
        }
        Ok(())
    }

    /// Looks at the coupons that no slice has issued.
    fn beyond(&mut self, audit: &mut Audit, slices: &[Place]) -> Result<(), StoreError> {
        let mut stray = |coupon: Coupon| {
            audit.stray(&coupon);
            self.indexes.coupon(&coupon);
        };
        let mut from = i64::MIN;
        for (cell, campaign, slice) in slices {
            let first = CouponId::new(*cell, *campaign, 0).number();
            self.reader.for_each_coupon(from, first, &mut stray)?;
            from = from.max(first.saturating_add(i64::from(slice.next_ordinal)));
        }
        self.reader.for_each_coupon(from, i64::MAX, stray)
    }
}

fn tell(progress: &dyn Fn(&'static str, u64), what: &'static str, seen: u64) {
    if seen.is_multiple_of(REPORT) {
        progress(what, seen);
    }
}
