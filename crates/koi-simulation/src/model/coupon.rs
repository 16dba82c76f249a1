//! Coupons of the model, and where their money goes when something ends.

use crate::model::campaign::Stage;
use crate::model::{Model, Phase};
use crate::seen::CouponShown;

/// Where a coupon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Held.
    Live,
    /// Spent to the last fen.
    Used,
    /// It, or its rest, expired.
    Expired,
    /// Taken back.
    Void,
}

/// A coupon.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the words of domain.md")]
pub struct Coupon {
    pub id: String,
    pub campaign: String,
    pub account: String,
    pub person: String,
    pub code: String,
    pub tier: usize,
    pub face: i64,
    pub split: bool,
    pub remaining: i64,
    pub reserved: i64,
    pub spent: i64,
    pub lapsed: i64,
    pub life: Life,
    pub collected_at: i64,
    pub expires_at: i64,
    /// Its place among all coupons.
    pub serial: u64,
    /// Whether its packet is back in the stock.
    pub restocked: bool,
    /// Whether it was live and unexpired when the pause that lasts began.
    pub gets_time_back: bool,
}

impl Coupon {
    /// The status of the contract.
    pub fn status(&self) -> &'static str {
        match self.life {
            Life::Live if self.remaining > 0 => "active",
            Life::Live => "reserved",
            Life::Used => "used",
            Life::Expired => "expired",
            Life::Void => "void",
        }
    }

    /// How it is shown.
    pub fn shown(&self) -> CouponShown {
        CouponShown {
            id: self.id.clone(),
            campaign: self.campaign.clone(),
            account: self.account.clone(),
            person: self.person.clone(),
            code: self.code.clone(),
            face: self.face,
            remaining: self.remaining,
            split: self.split,
            status: self.status(),
            collected_at: self.collected_at,
            expires_at: self.expires_at,
            terms_revision: 1,
        }
    }
}

/// Why a coupon is looked at: it decides whether a server that lags may book it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Booked {
    /// A call brings it about.
    Now,
    /// The clock does.
    ByTheClock,
}

impl Model {
    /// Lets everything fall due that is due by now.
    pub fn let_time_pass(&mut self) {
        let open: Vec<String> = self
            .quotes
            .values()
            .filter(|quote| quote.phase == Phase::Open)
            .map(|quote| quote.id.clone())
            .collect();
        for id in open {
            if self.quotes[&id].expires_at <= self.now {
                self.end_quote(&id, Phase::Expired, Booked::ByTheClock);
            }
        }
        let live: Vec<String> = self
            .coupons
            .values()
            .filter(|coupon| coupon.life == Life::Live)
            .map(|coupon| coupon.id.clone())
            .collect();
        for id in live {
            self.lapse_if_expired(&id, Booked::ByTheClock);
        }
    }

    /// Ends an open quote otherwise than by paying it.
    pub(super) fn end_quote(&mut self, id: &str, phase: Phase, booked: Booked) {
        let Some(quote) = self.quotes.get_mut(id) else { return };
        quote.phase = phase;
        let amount = quote.deduction;
        let Some(coupon_id) = quote.coupon.clone() else { return };
        let Some(coupon) = self.coupons.get_mut(&coupon_id) else { return };
        let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) else { return };
        coupon.reserved -= amount;
        campaign.buckets.reserved -= amount;
        if coupon.life == Life::Void {
            coupon.lapsed += amount;
            campaign.buckets.free += amount;
            self.restock(&coupon_id, booked);
        } else {
            coupon.remaining += amount;
            campaign.buckets.committed += amount;
            self.lapse_if_expired(&coupon_id, booked);
        }
    }

    /// Whether the coupon's time is over, in the eyes of its campaign.
    pub(super) fn is_over(&self, coupon: &Coupon) -> bool {
        self.campaigns[&coupon.campaign].judged(self.now) >= coupon.expires_at
    }

    fn lapse_if_expired(&mut self, id: &str, booked: Booked) {
        let coupon = &self.coupons[id];
        if coupon.life != Life::Live || !self.is_over(coupon) {
            return;
        }
        let Some(coupon) = self.coupons.get_mut(id) else { return };
        let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) else { return };
        campaign.buckets.committed -= coupon.remaining;
        campaign.buckets.free += coupon.remaining;
        coupon.lapsed += coupon.remaining;
        coupon.remaining = 0;
        // What an open quote holds is honoured to the quote's own end.
        if coupon.reserved == 0 {
            coupon.life = Life::Expired;
            self.restock(id, booked);
        }
    }

    /// Puts the packet of a coupon that ended unspent back, if the rules say so.
    pub(super) fn restock(&mut self, id: &str, booked: Booked) {
        let Some(coupon) = self.coupons.get_mut(id) else { return };
        let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) else { return };
        let goes_back = match coupon.life {
            Life::Void => true,
            Life::Expired => campaign.rules.restock_expired,
            Life::Live | Life::Used => false,
        };
        let untouched = coupon.spent == 0 && coupon.reserved == 0 && !coupon.restocked;
        if goes_back && untouched && campaign.stage != Stage::Closed {
            coupon.restocked = true;
            campaign.left[coupon.tier] += 1;
            if booked == Booked::ByTheClock {
                campaign.coming_back.push(coupon.tier);
            }
        }
    }

    /// Gives spent money back: to the coupon while it can be live, else to where the campaign keeps it.
    pub(super) fn unspend(&mut self, id: &str, amount: i64) {
        let over = self.is_over(&self.coupons[id]);
        let Some(coupon) = self.coupons.get_mut(id) else { return };
        let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) else { return };
        let closed = campaign.stage == Stage::Closed;
        coupon.spent -= amount;
        campaign.buckets.spent -= amount;
        if coupon.life != Life::Void && !closed && !over {
            coupon.remaining += amount;
            coupon.life = Life::Live;
            campaign.buckets.committed += amount;
            return;
        }
        coupon.lapsed += amount;
        if closed {
            campaign.buckets.returned += amount;
        } else {
            campaign.buckets.free += amount;
        }
        if coupon.life != Life::Void && coupon.remaining == 0 && coupon.reserved == 0 {
            coupon.life = Life::Expired;
        }
        self.restock(id, Booked::Now);
    }
}
