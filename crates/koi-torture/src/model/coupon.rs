//! The things a shopper can have: coupons, quotes, payments.

use crate::deed::Shopper;
use crate::model::arithmetic::{Paid, Shares};
use crate::moment::Moment;

/// A coupon, as the claim's answer promised it, and what was spent of it since.
#[derive(Clone, Debug)]
pub(crate) struct Coupon {
    pub(crate) id: String,
    pub(crate) campaign: String,
    pub(crate) shopper: Shopper,
    pub(crate) face: i64,
    pub(crate) split: bool,
    pub(crate) collected_at: Moment,
    pub(crate) expires_at: Moment,
    pub(crate) voided: bool,
    /// Taken off by payments that stand.
    pub(crate) spent: i64,
    /// Every quote that ever reserved something of it.
    pub(crate) quotes: Vec<String>,
}

/// Where a coupon stands at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) committed: i64,
    pub(crate) reserved: i64,
    pub(crate) spent: i64,
    pub(crate) lapsed: bool,
    voided: bool,
    split: bool,
    /// Neither spent nor reserved, whether it can still be used or not.
    unused: i64,
}

impl Standing {
    pub(crate) fn of(coupon: &Coupon, reserved: i64, lapsed: bool) -> Self {
        let unused = coupon.face - coupon.spent - reserved;
        Self {
            committed: if lapsed || coupon.voided { 0 } else { unused },
            reserved,
            spent: coupon.spent,
            lapsed,
            voided: coupon.voided,
            split: coupon.split,
            unused,
        }
    }

    /// Active or reserved; one that only an open quote holds is live too.
    pub(crate) fn is_live(self) -> bool {
        !self.voided && self.committed + self.reserved > 0
    }

    /// Whether its packet is out of the stock. Void and expired ones go back if nothing was spent.
    pub(crate) fn keeps_its_packet(self) -> bool {
        self.committed + self.reserved + self.spent > 0
    }

    /// The status that the coupon shows; `None` where the contract leaves room (the rest of a split
    /// coupon has lapsed while a quote still holds a part of it).
    pub(crate) fn status(self) -> Option<&'static str> {
        if self.voided {
            return Some("void");
        }
        if self.committed > 0 {
            return Some("active");
        }
        if self.reserved > 0 {
            return if self.split && self.lapsed { None } else { Some("reserved") };
        }
        Some(if self.unused == 0 { "used" } else { "expired" })
    }
}

/// How far a quote has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuoteState {
    Open,
    Paid,
    Cancelled,
}

/// A quote, as it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    pub(crate) shopper: Shopper,
    pub(crate) amount: i64,
    pub(crate) rate_e8: i64,
    pub(crate) gross: i64,
    pub(crate) deduction: i64,
    pub(crate) coupon: Option<String>,
    pub(crate) expires_at: Moment,
    pub(crate) state: QuoteState,
}

impl Quote {
    /// What it holds of its coupon at this instant.
    pub(crate) fn reserves(&self, now: Moment) -> i64 {
        if self.state == QuoteState::Open && now < self.expires_at { self.deduction } else { 0 }
    }
}

/// A payment, as it was answered, and its refunds.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) paid: Paid,
    pub(crate) deduction: i64,
    pub(crate) coupon: Option<String>,
    pub(crate) campaign: Option<String>,
    pub(crate) paid_at: Moment,
    pub(crate) cancelled: bool,
    pub(crate) refunded: i64,
    pub(crate) shares: Shares,
}
