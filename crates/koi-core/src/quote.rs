//! A quote: a promise of what a purchase will cost, for a few minutes.

use crate::campaign::Campaign;
use crate::catalog::{Merchant, Store};
use crate::coupon::Coupon;
use crate::id::{AccountId, CouponId, PersonId, QuoteId, ShopperKey, StoreId};
use crate::idempotency::Asked;
use crate::money::{Money, Rate};
use crate::time::Time;

/// Where a quote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It can be paid until its expiry.
    Open,
    /// It was paid.
    Paid,
    /// The caller gave it back.
    Cancelled,
    /// It ran out.
    Expired,
}

impl Phase {
    /// The phase's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Open => "open",
            Phase::Paid => "paid",
            Phase::Cancelled => "cancelled",
            Phase::Expired => "expired",
        }
    }
}

/// Why a quote has no deduction, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoDeduction {
    /// The coupon's campaign is paused with scope `all`.
    CampaignPaused,
    /// The store's merchant does not take part, or its country is excluded.
    StoreNotParticipating,
    /// Open quotes hold all of the coupon.
    CouponReserved,
    /// The amount is not large enough.
    DoesNotExceed,
    /// No coupon is live, and the account's last one expired.
    CouponExpired,
    /// No coupon is live.
    NoCoupon,
}

impl NoDeduction {
    /// All reasons, in the order of their numbers.
    pub const ALL: [NoDeduction; 6] = [
        NoDeduction::CampaignPaused,
        NoDeduction::StoreNotParticipating,
        NoDeduction::CouponReserved,
        NoDeduction::DoesNotExceed,
        NoDeduction::CouponExpired,
        NoDeduction::NoCoupon,
    ];

    /// The reason's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            NoDeduction::CampaignPaused => "campaign_paused",
            NoDeduction::StoreNotParticipating => "store_not_participating",
            NoDeduction::CouponReserved => "coupon_reserved",
            NoDeduction::DoesNotExceed => "does_not_exceed",
            NoDeduction::CouponExpired => "coupon_expired",
            NoDeduction::NoCoupon => "no_coupon",
        }
    }
}

/// A quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    /// Its cell and number.
    pub id: QuoteId,
    /// The person's number.
    pub shopper: ShopperKey,
    /// Who buys.
    pub person: PersonId,
    /// The account that pays.
    pub account: AccountId,
    /// Where.
    pub store: StoreId,
    /// What the store charges, in its own currency.
    pub amount: Money,
    /// What one whole unit of that is in the wallet's.
    pub rate: Rate,
    /// The amount in the wallet's currency.
    pub gross: Money,
    /// What the coupon takes off; 0 without one.
    pub deduction: i64,
    /// The coupon that is applied.
    pub coupon: Option<CouponId>,
    /// Why none is.
    pub no_deduction: Option<NoDeduction>,
    /// Where it stands. An open quote without a coupon stays `Open` past its expiry: nothing is booked.
    pub phase: Phase,
    /// When it was made.
    pub created_at: Time,
    /// Until when it can be paid.
    pub expires_at: Time,
    /// The call that it answers.
    pub asked: Asked,
    /// The call that paid or cancelled it.
    pub settled: Option<Asked>,
}

impl Quote {
    /// The phase at `now`, by the clock.
    pub fn phase_at(&self, now: Time) -> Phase {
        match self.phase {
            Phase::Open if now >= self.expires_at => Phase::Expired,
            phase => phase,
        }
    }

    /// What the shopper pays. (A deduction is at most the gross; of a damaged one the auditor tells.)
    pub fn payable(&self) -> Money {
        Money { value: self.gross.value.saturating_sub(self.deduction), ..self.gross }
    }

    /// The quote as it was when it was made: what a repeated call is answered.
    pub fn as_opened(&self) -> Self {
        Self { phase: Phase::Open, settled: None, ..self.clone() }
    }
}

/// Whether a store's purchases can have coupons of a campaign.
fn takes_part(campaign: &Campaign, merchant: &Merchant, store: &Store) -> bool {
    campaign.admits(&merchant.id) && !campaign.rules.eligibility.not_in_countries.contains(&store.country)
}

/// What a live coupon takes off a purchase, or why it takes nothing.
pub fn deduction(
    coupon: &Coupon,
    campaign: &Campaign,
    merchant: &Merchant,
    store: &Store,
    gross: i64,
) -> Result<i64, NoDeduction> {
    let rules = &campaign.rules;
    if campaign.is_frozen() {
        return Err(NoDeduction::CampaignPaused);
    }
    if !takes_part(campaign, merchant, store) {
        return Err(NoDeduction::StoreNotParticipating);
    }
    if coupon.remaining == 0 {
        return Err(NoDeduction::CouponReserved);
    }
    // What a deduction may be at most if the shopper is to pay the least amount.
    let room = gross - rules.coupon.min_shopper_pays;
    if coupon.split {
        let taken = coupon.remaining.min(room);
        return if taken > 0 { Ok(taken) } else { Err(NoDeduction::DoesNotExceed) };
    }
    let admitted = rules.coupon.threshold.admits(gross, coupon.face) && coupon.face <= room;
    if admitted { Ok(coupon.face) } else { Err(NoDeduction::DoesNotExceed) }
}
