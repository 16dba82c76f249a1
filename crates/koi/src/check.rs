//! The check: recomputes every balance from the transfers, and every bucket, coupon and payment from them, and
//! names what does not agree.

use std::ops::ControlFlow;

use koi_core::audit::{Audit, Run};
use koi_core::id::{CampaignNo, CouponId, TransferId};
use koi_store::StoreError;
use koi_store::sqlite::Reader;

/// Coupons whose sums are held in memory at once: 32 bytes each.
const CHUNK: u32 = 4_000_000;
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
    /// What a database comes to that is damaged where it should be read.
    pub fn damaged(what: &str) -> Self {
        Self { broken: vec![format!("the database is damaged: {what}")], ..Self::default() }
    }
}

/// Checks everything on one state of the database. `progress` is told what is looked at, and how many of it so far.
/// A database that cannot be read to its end is broken; that is what was found, not an error.
pub fn check(reader: &Reader, progress: &dyn Fn(&'static str, u64)) -> Result<Checked, StoreError> {
    match recompute(reader, progress) {
        Err(StoreError::Damaged(what) | StoreError::Unreadable(what)) => Ok(Checked::damaged(&what)),
        checked => checked,
    }
}

fn recompute(reader: &Reader, progress: &dyn Fn(&'static str, u64)) -> Result<Checked, StoreError> {
    reader.at_one_moment(|| {
        let catalog = reader.catalog()?;
        let slices = reader.slices()?;
        let mut audit = Audit::new(&catalog, &slices, NAMED);
        let mut seen = 0;
        reader.for_each_transfer(TransferId::of_number(0), |line| {
            audit.transfer(&line);
            seen += 1;
            tell(progress, "transfers", seen);
            ControlFlow::Continue(())
        })?;
        audit.balances();
        let mut coupons = 0;
        for runs in Audit::chunks(&slices, CHUNK) {
            check_coupons(reader, &mut audit, &runs, &mut coupons, progress)?;
        }
        beyond(reader, &mut audit, &slices)?;
        let mut payments = 0;
        reader.for_each_purchase(|payment, quote, refunds| {
            audit.payment(&payment, quote.as_ref(), &refunds);
            payments += 1;
            tell(progress, "payments", payments);
        })?;
        let found = audit.finish();
        Ok(Checked {
            transfers: found.transfers,
            accounts: found.accounts,
            coupons: found.coupons,
            payments: found.payments,
            broken: found.broken,
        })
    })
}

fn tell(progress: &dyn Fn(&'static str, u64), what: &'static str, seen: u64) {
    if seen.is_multiple_of(REPORT) {
        progress(what, seen);
    }
}

/// Recomputes a chunk of coupons from the lines and quotes about them.
fn check_coupons(
    reader: &Reader,
    audit: &mut Audit,
    runs: &[Run],
    seen: &mut u64,
    progress: &dyn Fn(&'static str, u64),
) -> Result<(), StoreError> {
    audit.begin_coupons(runs);
    reader.for_each_transfer(TransferId::of_number(0), |line| {
        audit.movement_of_coupons(&line);
        ControlFlow::Continue(())
    })?;
    reader.for_each_deduction(|deduction| audit.deduction(&deduction))?;
    for run in runs {
        let from = run.first.number();
        reader.for_each_coupon(from, from + i64::from(run.count), |coupon| {
            audit.coupon(&coupon);
            *seen += 1;
            tell(progress, "coupons", *seen);
        })?;
    }
    audit.end_coupons();
    Ok(())
}

/// Coupons that no slice has issued.
fn beyond(
    reader: &Reader,
    audit: &mut Audit,
    slices: &[(koi_core::id::Cell, CampaignNo, koi_core::rows::Slice)],
) -> Result<(), StoreError> {
    let mut from = 0;
    for (cell, campaign, slice) in slices {
        let first = CouponId::new(*cell, *campaign, 0).number();
        reader.for_each_coupon(from, first, |coupon| audit.stray(&coupon))?;
        from = first + i64::from(slice.next_ordinal);
    }
    reader.for_each_coupon(from, i64::MAX, |coupon| audit.stray(&coupon))
}
