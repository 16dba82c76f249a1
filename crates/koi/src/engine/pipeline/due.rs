//! Due work: coupons that expired, quotes that ran out. It is booked before the next batch, a transaction at a time.
//!
//! Correctness does not depend on it being in time: whatever a command touches is brought up to date first.

use std::sync::{PoisonError, RwLockReadGuard};
use std::time::Duration;

use koi_core::campaign::{Campaign, State};
use koi_core::catalog::Catalog;
use koi_core::command::{Call, Command};
use koi_core::fault::Fault;
use koi_core::id::{CampaignNo, CouponId};
use koi_core::rows::Rows;
use koi_core::scene::Scene;
use koi_core::settle::settle;
use koi_core::time::Time;
use koi_store::{Due, Notes, StoreError, Want};

use super::{Pipeline, Waiting};
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

    /// Whether something that fell due may not be booked yet.
    pub(super) fn is_behind(&self) -> bool {
        self.resting || self.next_due.is_some_and(|due| due <= self.clock.now())
    }

    /// Books what fell due, in at most `rounds` transactions.
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

    /// Books a transaction's worth of what may bring packets back to the stocks that claims found empty; answers
    /// whether there was any.
    pub(super) fn book_returns(&mut self, claims: &[Waiting]) -> Result<bool, StoreError> {
        let booked = self.try_book_returns(claims);
        self.noted(booked)
    }

    /// Due work that failed rests for a while.
    fn noted<T>(&mut self, booked: Result<T, StoreError>) -> Result<T, StoreError> {
        self.resting = booked.is_err();
        booked.inspect_err(|error| {
            self.failed(error);
            // A clock that stands still would never come to the end of a rest.
            let rest_ms = if self.clock.is_frozen() { 0 } else { limits::REST_MS };
            self.next_due = Some(self.clock.now().plus_ms(rest_ms));
        })
    }

    /// Books a transaction's worth of what fell due; answers when to look again.
    fn try_book_due(&mut self, now: Time) -> Result<Option<Time>, StoreError> {
        self.refresh()?;
        let judged = judged(&self.look(), now, |_| true);
        let due = self.due(now, &judged)?;
        if due.coupons.is_empty() {
            let rested = now.plus_ms(if self.left_alone.is_empty() { 0 } else { limits::REST_MS });
            self.left_alone.clear();
            return Ok(due.next.map(|next| next.max(rested)));
        }
        self.book(&due.coupons, now)?;
        Ok(Some(now))
    }

    fn try_book_returns(&mut self, claims: &[Waiting]) -> Result<bool, StoreError> {
        self.refresh()?;
        let now = self.clock.now();
        // Quotes that ran out are always looked at: they may hold the last part of a voided coupon.
        let judged = judged(&self.look(), now, |campaign| {
            campaign.rules.coupon.restock_expired && claims.iter().any(|(call, _)| claims_of(call, campaign))
        });
        let due = self.due(now, &judged)?;
        if due.coupons.is_empty() {
            return Ok(false);
        }
        self.book(&due.coupons, now)?;
        Ok(true)
    }

    /// A transaction's worth of what fell due, but for what could not be booked: that stays due, and must not hide
    /// the others.
    fn due(&mut self, now: Time, judged: &[(CampaignNo, Time)]) -> Result<Due, StoreError> {
        let mut due = self.store.due(now, judged, limits::DUE + self.left_alone.len())?;
        due.coupons.retain(|id| !self.left_alone.contains(id));
        Ok(due)
    }

    fn look(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Books what is due of some coupons. When that cannot be done as a whole they are split, and the one that
    /// cannot be booked is left alone for a while; the ledger check names it.
    fn book(&mut self, due: &[CouponId], now: Time) -> Result<(), StoreError> {
        match (self.try_book(due, now), due) {
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
                self.book(first, now)?;
                self.book(second, now)
            }
        }
    }

    fn try_book(&mut self, due: &[CouponId], now: Time) -> Result<(), StoreError> {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let wants: Vec<Want> = due.iter().map(|id| Want::Coupon(*id)).collect();
        let mut rows = self.store.begin(&wants)?;
        let pick = |campaign: &_, cell, pick, total| self.pools.pick(campaign, cell, pick, total);
        let scene = Scene { catalog: &catalog, settings: &self.settings, now, luck: &pick };
        let settled = due.iter().try_for_each(|id| settle(&mut rows, &scene, *id));
        drop(catalog);
        if let Err(fault) = settled {
            self.store.rollback();
            return Err(fault.into());
        }
        if !rows.is_changed() {
            self.store.rollback();
            return Err(Fault::Broken("something is due, but nothing of it can be booked").into());
        }
        self.store.commit(&rows, &Notes::default())
    }

    /// What the batch made may fall due earlier than anything known so far.
    pub(super) fn expect_due(&mut self, rows: &Rows) {
        let coupons = rows.coupons.changed().map(|(_, coupon, _)| coupon.expires_at);
        let quotes = rows.quotes.changed().map(|(_, quote, _)| quote.expires_at);
        self.next_due = coupons.chain(quotes).chain(self.next_due).min();
    }
}

/// Whether a call claims a coupon of a campaign.
fn claims_of(call: &Call, campaign: &Campaign) -> bool {
    matches!(&call.command, Command::Claim(claim) if claim.campaign == campaign.rules.id)
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
