//! Quotes: which coupon is taken off, or why none is.

use std::cmp::Reverse;

use crate::ask::{Amount, Shopper, Threshold};
use crate::model::coupon::{Coupon, Life};
use crate::model::{Model, Phase, Quote, arithmetic};
use crate::seen::{Reply, Seen};

/// The reasons for no deduction, in their order.
const REASONS: [&str; 6] = [
    "campaign_paused",
    "store_not_participating",
    "coupon_reserved",
    "does_not_exceed",
    "coupon_expired",
    "no_coupon",
];

impl Model {
    pub(super) fn quote(&mut self, shopper: &Shopper, store: &str, amount: Amount, seen: &Seen) -> Seen {
        let Some(at) = self.stores.get(store) else { return Seen::refused("not_found") };
        let merchant = &self.merchants[&at.merchant];
        if amount.value <= 0 || amount.currency != merchant.currency {
            return Seen::refused("invalid_amount");
        }
        let wallet = self.settings.wallet_currency;
        let rate = if merchant.currency == wallet {
            Some(100_000_000)
        } else {
            self.rates.get(merchant.currency).copied()
        };
        let Some(rate) = rate else { return Seen::refused("no_rate") };
        let gross = arithmetic::gross(amount.value, amount.currency, rate, wallet);
        let Some(gross) = i64::try_from(gross).ok().filter(|gross| *gross > 0) else {
            return Seen::refused("invalid_amount");
        };
        let applied = self.deduction(shopper, store, gross);
        let (deduction, coupon, no_deduction) = match &applied {
            Ok((amount, coupon)) => (*amount, Some(coupon.clone()), None),
            Err(reason) => (0, None, Some(*reason)),
        };
        let valid_s = match &coupon {
            Some(coupon) => self.campaigns[&self.coupons[coupon].campaign].rules.quote_valid_s,
            None => self.settings.quote_valid_s,
        };
        let id = match seen {
            Seen::Good { reply: Reply::Quote(quote), .. } => quote.id.clone(),
            _ => "?".to_owned(),
        };
        let quote = Quote {
            id: id.clone(),
            shopper: shopper.clone(),
            store: store.to_owned(),
            amount,
            rate,
            gross,
            deduction,
            coupon: coupon.clone(),
            no_deduction,
            phase: Phase::Open,
            expires_at: self.now + i64::from(valid_s) * 1000,
        };
        if let Some(coupon) = coupon.and_then(|id| self.coupons.get_mut(&id)) {
            coupon.remaining -= deduction;
            coupon.reserved += deduction;
            if let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) {
                campaign.buckets.committed -= deduction;
                campaign.buckets.reserved += deduction;
            }
        }
        let shown = quote.shown(wallet);
        if self.quotes.insert(id, quote).is_some() {
            return Seen::refused("(the server gave an id twice)");
        }
        Seen::good(Reply::Quote(shown))
    }

    /// The largest deduction, then the earliest expiry, then the coupon collected first; or the first reason that
    /// applies to any.
    fn deduction(&self, shopper: &Shopper, store: &str, gross: i64) -> Result<(i64, String), &'static str> {
        let own = |coupon: &&Coupon| coupon.account == shopper.account && coupon.person == shopper.person;
        let mut live: Vec<&Coupon> =
            self.coupons.values().filter(own).filter(|coupon| coupon.life == Life::Live).collect();
        if live.is_empty() {
            let last = self.coupons.values().filter(own).max_by_key(|coupon| (coupon.collected_at, &coupon.id));
            let expired = last.is_some_and(|coupon| coupon.life == Life::Expired);
            return Err(if expired { "coupon_expired" } else { "no_coupon" });
        }
        // Of coupons that are alike in everything that the contract names, ids decide.
        live.sort_by_key(|coupon| (coupon.expires_at, coupon.collected_at, &coupon.id));
        let offers: Vec<_> = live.iter().map(|coupon| (self.offer(coupon, store, gross), &coupon.id)).collect();
        let best = offers
            .iter()
            .enumerate()
            .filter_map(|(place, (offer, id))| Some((offer.ok()?, Reverse(place), *id)))
            .max();
        if let Some((amount, _, id)) = best {
            return Ok((amount, id.clone()));
        }
        let first = REASONS.iter().find(|reason| offers.iter().any(|(offer, _)| *offer == Err(**reason)));
        Err(first.copied().unwrap_or("no_coupon"))
    }

    /// What one live coupon takes off.
    fn offer(&self, coupon: &Coupon, store: &str, gross: i64) -> Result<i64, &'static str> {
        let campaign = &self.campaigns[&coupon.campaign];
        let rules = &campaign.rules;
        let store = &self.stores[store];
        if campaign.is_frozen() {
            return Err("campaign_paused");
        }
        let listed = rules.merchants.as_ref().is_none_or(|list| list.contains(&store.merchant));
        if !listed || rules.not_in_countries.contains(&store.country) {
            return Err("store_not_participating");
        }
        if coupon.remaining == 0 {
            return Err("coupon_reserved");
        }
        let most = gross - rules.min_shopper_pays;
        let deduction = if coupon.split {
            coupon.remaining.min(most)
        } else {
            let enough = match rules.threshold {
                Threshold::Exceeds => gross > coupon.face,
                Threshold::Reaches => gross >= coupon.face,
            };
            if enough && coupon.face <= most { coupon.face } else { 0 }
        };
        if deduction > 0 { Ok(deduction) } else { Err("does_not_exceed") }
    }
}
