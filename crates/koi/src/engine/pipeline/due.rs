//! Due work: coupons that expired, quotes that ran out. It is booked before the next batch, a transaction at a time.
//!
//! Correctness does not depend on it being in time: whatever a command touches is brought up to date first.

use std::time::Duration;

use koi_core::campaign::{Campaign, State};
use koi_core::catalog::Catalog;
use koi_core::fault::Fault;
use koi_core::id::{CampaignNo, Cell, CouponId};
use koi_core::rows::Cells;
use koi_core::scene::Scene;
use koi_core::settle::settle;
use koi_core::time::Time;
use koi_store::{Begun, Due, Notes, StoreError, Want, Wanted};

use super::{Pipeline, of_cell};
use crate::limits;

impl Pipeline {
    /// How long the writer may sleep when nobody asks for anything.
    pub fn idle_time(&self) -> Duration {
        match self.next_due {
            // What failed is tried again, but not all the time.
            Some(_) if self.resting => limits::IDLE,
            Some(due) => {
                let wait_ms = due.since_ms(self.clock.now()).max(0);
                limits::IDLE.min(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)))
            }
            None => limits::IDLE,
        }
    }

    /// Books what fell due in the cells that are served here, in at most `rounds` transactions.
    pub(super) fn book_due(&mut self, rounds: usize) -> Result<(), StoreError> {
        for _ in 0..rounds {
            let now = self.clock.now();
            if self.next_due.is_none_or(|due| due > now) {
                return Ok(());
            }
            let booked = self.try_book_due(now);
            self.next_due = self.noted(booked)?;
        }
        Ok(())
    }

    /// Books all that fell due in all cells, whether or not due work rests after a failure.
    pub(super) fn book_everything(&mut self) -> Result<(), StoreError> {
        let booked = self.try_book_everything();
        self.next_due = Some(self.clock.now());
        self.noted(booked)
    }

    /// Books a transaction's worth of what is due of some campaigns, whether or not due work rests after a failure;
    /// answers whether there was any.
    pub(super) fn book_some_of(
        &mut self,
        cells: &[Cell],
        of: impl Fn(&Campaign) -> bool,
    ) -> Result<bool, StoreError> {
        let booked = self.try_book_some_of(cells, of);
        self.noted(booked)
    }

    /// Due work that failed rests for a while.
    fn noted<T>(&mut self, booked: Result<T, StoreError>) -> Result<T, StoreError> {
        self.resting = booked.is_err();
        booked.inspect_err(|error| {
            self.failed(error);
            self.rest();
        })
    }

    /// Due work is not tried again at once.
    pub(super) fn rest(&mut self) {
        self.next_due = Some(self.rested(self.clock.now()));
    }

    fn rested(&self, now: Time) -> Time {
        // A clock that stands still would never come to the end of a rest.
        now.plus_ms(if self.clock.is_frozen() { 0 } else { limits::REST_MS })
    }

    /// Books a transaction's worth of what fell due; answers when to look again.
    fn try_book_due(&mut self, now: Time) -> Result<Option<Time>, StoreError> {
        // Somebody else does the work, and has booked nearly all of them by now: nobody carries them along.
        if self.raced.len() > limits::DUE {
            self.raced.clear();
            return Ok(Some(self.rested(now)));
        }
        let cells = self.cells.clone();
        let due = self.due(&cells, now, |_| true)?;
        if due.coupons.is_empty() {
            let is_done = self.left_alone.is_empty() && self.raced.is_empty();
            let rested = now.plus_ms(if is_done { 0 } else { limits::REST_MS });
            self.forget_left_alone();
            let next = due.next.map(|next| next.max(rested));
            // Others may make what falls due earlier.
            let look = self.store.is_shared().then(|| now.plus_ms(limits::LOOK_MS));
            return Ok(next.into_iter().chain(look).min());
        }
        self.book(&due.coupons, now)?;
        Ok(Some(now))
    }

    fn try_book_everything(&mut self) -> Result<(), StoreError> {
        let cells = self.all_cells();
        // What could not be booked before is tried again.
        self.forget_left_alone();
        loop {
            let now = self.clock.now();
            let due = self.due(&cells, now, |_| true)?;
            if due.coupons.is_empty() {
                break;
            }
            self.book(&due.coupons, now)?;
        }
        if self.left_alone.is_empty() && self.raced.is_empty() {
            return Ok(());
        }
        let (left_alone, raced) = (std::mem::take(&mut self.left_alone), std::mem::take(&mut self.raced));
        let now = self.clock.now();
        if self.due(&cells, now, |_| true)?.coupons.is_empty() {
            return Ok(());
        }
        (self.left_alone, self.raced) = (left_alone, raced);
        Err(StoreError::Damaged("what is due of some coupons cannot be booked; see the lines before".into()))
    }

    fn try_book_some_of(&mut self, cells: &[Cell], of: impl Fn(&Campaign) -> bool) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let due = self.due(cells, now, of)?;
        if due.coupons.is_empty() {
            return Ok(false);
        }
        self.book(&due.coupons, now)?;
        Ok(true)
    }

    /// A transaction's worth of what fell due, of some campaigns, but for what could not be booked: that stays due, and
    /// must not hide the others.
    fn due(&mut self, cells: &[Cell], now: Time, of: impl Fn(&Campaign) -> bool) -> Result<Due, StoreError> {
        let judged = judged(&self.look(), now, of);
        let limit = limits::DUE + self.left_alone.len() + self.raced.len();
        let mut due = self.store.due(cells, now, &judged, limit)?;
        due.coupons.retain(|id| !self.left_alone.contains(id) && !self.raced.contains(id));
        due.coupons.truncate(limits::DUE);
        Ok(due)
    }

    fn forget_left_alone(&mut self) {
        self.left_alone.clear();
        self.raced.clear();
    }

    /// Books what is due of some coupons. When that cannot be done as a whole they are split, and the one that
    /// cannot be booked is left alone for a while; the ledger check names it.
    fn book(&mut self, due: &[CouponId], now: Time) -> Result<(), StoreError> {
        if self.store.span() < usize::from(self.store.cells()) {
            return due
                .chunk_by(|one, other| one.cell() == other.cell())
                .try_for_each(|due| self.book_some(due, now));
        }
        self.book_some(due, now)
    }

    fn book_some(&mut self, due: &[CouponId], now: Time) -> Result<(), StoreError> {
        match (self.again(|pipeline| pipeline.try_book(due, now)), due) {
            (Ok(()), _) => {
                self.metrics.due(due.len());
                Ok(())
            }
            (Err(error), _) if error.may_heal() => Err(error),
            (Err(error), [one]) if error.is_retryable() => {
                tracing::warn!(coupon = %one, %error, "what is due of a coupon cannot be booked now");
                Err(error)
            }
            (Err(error), [one]) => {
                tracing::error!(coupon = %one, %error, "what is due of a coupon cannot be booked; see koi check");
                self.left_alone.insert(*one);
                Ok(())
            }
            (Err(_), _) => {
                let (first, second) = due.split_at(due.len() / 2);
                self.book_some(first, now)?;
                self.book_some(second, now)
            }
        }
    }

    fn try_book(&mut self, due: &[CouponId], now: Time) -> Result<(), StoreError> {
        let Begun { mut cells, .. } = self.begin(|_| wanted(due), None)?;
        // Others may have written in these cells since it was found out what is due.
        let now = now.max(self.clock.now());
        let catalog = self.look();
        let scene = Scene { catalog: &catalog, settings: &self.settings, now, luck: &self.pools };
        let settled = due.iter().try_for_each(|id| settle(of_cell(&mut cells, id.cell())?, &scene, *id));
        drop(catalog);
        if let Err(fault) = settled {
            self.store.rollback();
            return Err(fault.into());
        }
        if cells.is_changed() {
            return self.store.commit(&cells, &Notes::default());
        }
        self.store.rollback();
        if self.store.is_shared() {
            self.raced.extend(due);
            return Ok(());
        }
        Err(Fault::Broken("something is due, but nothing of it can be booked").into())
    }

    /// What the batch made may fall due earlier than anything known so far.
    pub(super) fn expect_due(&mut self, cells: &Cells) {
        for rows in cells.iter() {
            let coupons = rows.coupons.changed().map(|(_, coupon, _)| coupon.expires_at);
            let quotes = rows.quotes.changed().map(|(_, quote, _)| quote.expires_at);
            self.next_due = coupons.chain(quotes).chain(self.next_due).min();
        }
    }
}

/// The rows that booking what is due of some coupons needs; they are in the order of their numbers, and so of cells.
fn wanted(due: &[CouponId]) -> Vec<Wanted> {
    let cells = due.chunk_by(|one, other| one.cell() == other.cell());
    cells.map(|due| (due[0].cell(), due.iter().map(|id| Want::Coupon(*id)).collect())).collect()
}

/// Of some campaigns, those whose coupons can expire, each with the instant by which that is judged.
fn judged(catalog: &Catalog, now: Time, of: impl Fn(&Campaign) -> bool) -> Vec<(CampaignNo, Time)> {
    let mut judged: Vec<_> = catalog
        .campaigns()
        .filter(|campaign| match campaign.state {
            State::Draft | State::InReview | State::Approved | State::Closed { .. } => false,
            State::Open | State::Paused { .. } | State::Ended { .. } => of(campaign),
        })
        .map(|campaign| (campaign.number, campaign.judged_at(now)))
        .collect();
    judged.sort_unstable();
    judged
}
