//! What an answer must be, worked out from the history before looking at it.

use crate::deed::{Deed, Scope, Shopper};
use crate::model::coupon::{Coupon, QuoteState, Standing};
use crate::model::rules::{CANCEL_GRACE_MS, COUPONS_PER_WINDOW, MIN_SHOPPER_PAYS, REFUND_WINDOW_MS};
use crate::model::world::{Campaign, Stage, World};
use crate::moment::Moment;

/// What a quote must say about the deduction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PromisedQuote {
    pub(crate) deduction: i64,
    pub(crate) coupon: Option<String>,
    pub(crate) no_deduction: Option<&'static str>,
}

/// Why a live coupon takes nothing off; the first that applies to any coupon is the one shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NoDeduction {
    CampaignPaused,
    CouponReserved,
    DoesNotExceed,
}

impl NoDeduction {
    fn code(self) -> &'static str {
        match self {
            Self::CampaignPaused => "campaign_paused",
            Self::CouponReserved => "coupon_reserved",
            Self::DoesNotExceed => "does_not_exceed",
        }
    }
}

impl World {
    /// The code of the refusal that a deed must meet at `at`, if any. An empty stock is not judged here.
    pub(crate) fn refusal(&self, deed: &Deed, at: Moment) -> Option<&'static str> {
        match deed {
            Deed::CreateMerchant { .. } | Deed::CreateStore { .. } | Deed::CreateCode { .. } => None,
            Deed::RevokeCode { .. } | Deed::Quote { .. } => None,
            Deed::CreateCampaign { rules } => self.campaigns.contains_key(&rules.id).then_some("already_exists"),
            Deed::Submit { campaign } => self.unless(campaign, |known| known.stage == Stage::Draft),
            Deed::Approve { campaign } => self.unless(campaign, |known| known.stage == Stage::InReview),
            Deed::Fund { campaign, .. } => {
                self.unless(campaign, |known| matches!(known.stage, Stage::Approved | Stage::EndedEarly))
            }
            Deed::Pause { campaign, .. } => {
                self.unless(campaign, |known| known.is_open(at) && known.pause.is_none())
            }
            Deed::Resume { campaign } => self.unless(campaign, |known| known.pause.is_some()),
            Deed::End { campaign } => self.unless(campaign, |known| known.is_open(at) || known.pause.is_some()),
            Deed::Close { campaign } => {
                let out = self.outlay(campaign, at);
                let idle = out.committed == 0 && out.reserved == 0;
                self.unless(campaign, |known| {
                    idle && known.pause.is_none() && known.stage != Stage::Closed && known.has_ended(at)
                })
            }
            Deed::Claim { campaign, code, shopper } => self.claim_refusal(campaign, code, shopper, at),
            Deed::VoidCoupon { coupon } => {
                let status = self.coupons.get(coupon).and_then(|coupon| self.standing(coupon, at).status());
                (status != Some("active")).then_some("coupon_not_active")
            }
            Deed::CancelQuote { quote } | Deed::Pay { quote } => {
                let Some(quote) = self.quotes.get(quote) else { return Some("not_found") };
                match quote.state {
                    QuoteState::Paid | QuoteState::Cancelled => Some("quote_not_open"),
                    QuoteState::Open => (quote.expires_at <= at).then_some("quote_expired"),
                }
            }
            Deed::CancelPayment { payment } => {
                let Some(payment) = self.payments.get(payment) else { return Some("not_found") };
                let closes_at = payment.paid_at.next_midnight_in_shanghai().plus_ms(CANCEL_GRACE_MS);
                if payment.cancelled {
                    Some("payment_cancelled")
                } else if payment.refunded > 0 {
                    Some("already_refunded")
                } else {
                    (closes_at <= at).then_some("cancel_window_closed")
                }
            }
            Deed::Refund { payment, amount } => {
                let Some(payment) = self.payments.get(payment) else { return Some("not_found") };
                if payment.cancelled {
                    Some("payment_cancelled")
                } else if payment.paid_at.plus_ms(REFUND_WINDOW_MS) <= at {
                    Some("refund_window_closed")
                } else {
                    (payment.refunded + amount > payment.paid.amount).then_some("refund_exceeds_payment")
                }
            }
        }
    }

    fn unless(&self, campaign: &str, allowed: impl Fn(&Campaign) -> bool) -> Option<&'static str> {
        match self.campaigns.get(campaign) {
            None => Some("not_found"),
            Some(known) if allowed(known) => None,
            Some(_) => Some("invalid_transition"),
        }
    }

    fn claim_refusal(&self, campaign: &str, code: &str, shopper: &Shopper, at: Moment) -> Option<&'static str> {
        let Some(known) = self.campaigns.get(campaign) else { return Some("unknown_campaign") };
        if self.revoked_codes.contains(code) {
            return Some("code_revoked");
        }
        if at < known.rules.starts_at {
            return Some("campaign_not_started");
        }
        if known.has_ended(at) {
            return Some("campaign_ended");
        }
        if known.pause.is_some() {
            return Some("campaign_paused");
        }
        if !known.is_open(at) {
            return Some("campaign_not_live");
        }
        let received: Vec<&Coupon> =
            self.coupons_of(&shopper.person).filter(|coupon| coupon.campaign == campaign).collect();
        let mut live = received.iter().filter(|coupon| self.standing(coupon, at).is_live()).peekable();
        if live.peek().is_some() {
            let own = live.any(|coupon| coupon.shopper.account == shopper.account);
            return Some(if own { "coupon_already_held" } else { "person_holds_coupon" });
        }
        let window = known.rules.window(at);
        let counts = |coupon: &&&Coupon| !coupon.voided && known.rules.window(coupon.collected_at) == window;
        (received.iter().filter(counts).count() >= COUPONS_PER_WINDOW).then_some("limit_reached")
    }

    /// The deduction that a purchase of this gross amount must get.
    pub(crate) fn promised_quote(&self, shopper: &Shopper, gross: i64, at: Moment) -> PromisedQuote {
        let own = || self.coupons_of(&shopper.person).filter(|coupon| coupon.shopper.account == shopper.account);
        let mut best: Option<(i64, &Coupon)> = None;
        let mut reasons = Vec::new();
        for coupon in own() {
            let standing = self.standing(coupon, at);
            if !standing.is_live() {
                continue;
            }
            match self.deduction(coupon, standing, gross) {
                // Among equals the earliest expiry wins, then the one collected first.
                Ok(deduction) => {
                    let better = best.is_none_or(|(most, chosen)| {
                        deduction > most || (deduction == most && coupon.expires_at < chosen.expires_at)
                    });
                    if better {
                        best = Some((deduction, coupon));
                    }
                }
                Err(reason) => reasons.push(reason),
            }
        }
        if let Some((deduction, coupon)) = best {
            return PromisedQuote { deduction, coupon: Some(coupon.id.clone()), no_deduction: None };
        }
        let last_status = own().last().and_then(|coupon| self.standing(coupon, at).status());
        let no_deduction = match reasons.iter().min() {
            Some(reason) => reason.code(),
            None if last_status == Some("expired") => "coupon_expired",
            None => "no_coupon",
        };
        PromisedQuote { deduction: 0, coupon: None, no_deduction: Some(no_deduction) }
    }

    fn deduction(&self, coupon: &Coupon, standing: Standing, gross: i64) -> Result<i64, NoDeduction> {
        let pause = self.campaigns.get(&coupon.campaign).and_then(|campaign| campaign.pause.as_ref());
        if pause.is_some_and(|pause| pause.scope == Scope::All) {
            return Err(NoDeduction::CampaignPaused);
        }
        if standing.committed == 0 {
            return Err(NoDeduction::CouponReserved);
        }
        let at_most = gross - MIN_SHOPPER_PAYS;
        let deduction = if coupon.split { standing.committed.min(at_most) } else { coupon.face };
        let exceeds = coupon.split || gross > coupon.face;
        if exceeds && deduction <= at_most && deduction > 0 {
            Ok(deduction)
        } else {
            Err(NoDeduction::DoesNotExceed)
        }
    }

    /// The coupons of a person, in the order of their collection.
    pub(crate) fn coupons_of(&self, person: &str) -> impl Iterator<Item = &Coupon> {
        let ids = self.of_person.get(person).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.coupons.get(id))
    }
}

impl Campaign {
    /// Between its start and its end, funded for its whole stock, whether paused or not.
    fn is_open(&self, at: Moment) -> bool {
        let funded = self.funded >= self.rules.budget();
        self.stage == Stage::Approved && funded && self.rules.starts_at <= at && at < self.rules.ends_at
    }

    fn has_ended(&self, at: Moment) -> bool {
        matches!(self.stage, Stage::EndedEarly | Stage::Closed) || self.rules.ends_at <= at
    }
}
