//! Paying, cancelling, refunding, and taking coupons back.

use crate::ask::Amount;
use crate::model::calendar::{DAY_MS, cancel_until};
use crate::model::campaign::Stage;
use crate::model::coupon::{Booked, Life};
use crate::model::{Model, Payment, Phase, Refund, arithmetic};
use crate::seen::{RefundShown, Reply, Seen};

impl Model {
    /// Why a quote can be neither paid nor cancelled.
    fn not_open(&self, id: &str) -> Option<Seen> {
        match self.quotes.get(id).map(|quote| quote.phase) {
            None => Some(Seen::refused("not_found")),
            Some(Phase::Open) => None,
            Some(Phase::Paid | Phase::Cancelled) => Some(Seen::refused("quote_not_open")),
            Some(Phase::Expired) => Some(Seen::refused("quote_expired")),
        }
    }

    pub(super) fn cancel_quote(&mut self, id: &str) -> Seen {
        if let Some(refusal) = self.not_open(id) {
            return refusal;
        }
        self.end_quote(id, Phase::Cancelled, Booked::Now);
        Seen::good(Reply::Quote(self.quotes[id].shown(self.settings.wallet_currency)))
    }

    pub(super) fn pay(&mut self, id: &str, seen: &Seen) -> Seen {
        if let Some(refusal) = self.not_open(id) {
            return refusal;
        }
        let payment_id = match seen {
            Seen::Good { reply: Reply::Payment(payment), .. } => payment.id.clone(),
            _ => "?".to_owned(),
        };
        let Some(quote) = self.quotes.get_mut(id) else { return Seen::Fault };
        quote.phase = Phase::Paid;
        let (amount, store, deduction) = (quote.amount, quote.store.clone(), quote.deduction);
        if let Some(coupon) = quote.coupon.clone().and_then(|coupon| self.coupons.get_mut(&coupon)) {
            coupon.reserved -= deduction;
            coupon.spent += deduction;
            if coupon.life == Life::Live && coupon.remaining == 0 && coupon.reserved == 0 {
                coupon.life = if coupon.lapsed > 0 { Life::Expired } else { Life::Used };
            }
            if let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) {
                campaign.buckets.reserved -= deduction;
                campaign.buckets.spent += deduction;
            }
        }
        let merchant = &self.merchants[&self.stores[&store].merchant];
        let payment = Payment {
            id: payment_id.clone(),
            quote: id.to_owned(),
            fee: arithmetic::fee(amount.value, merchant.fee_bps),
            paid_at: self.now,
            cancelled: false,
            refunds: Vec::new(),
            coupon_returned: false,
        };
        let shown = payment.shown(&self.quotes[id]);
        if self.payments.insert(payment_id, payment).is_some() {
            return Seen::refused("(the server gave an id twice)");
        }
        Seen::good(Reply::Payment(shown))
    }

    pub(super) fn cancel_payment(&mut self, id: &str) -> Seen {
        let zone = self.settings.settlement_zone;
        let Some(payment) = self.payments.get_mut(id) else { return Seen::refused("not_found") };
        if payment.cancelled {
            return Seen::refused("payment_cancelled");
        }
        if !payment.refunds.is_empty() {
            return Seen::refused("already_refunded");
        }
        if self.now >= cancel_until(payment.paid_at, zone) {
            return Seen::refused("cancel_window_closed");
        }
        payment.cancelled = true;
        let quote = self.quotes[&payment.quote].clone();
        let shown = payment.shown(&quote);
        if let Some(coupon) = &quote.coupon {
            self.unspend(coupon, quote.deduction);
        }
        Seen::good(Reply::Payment(shown))
    }

    pub(super) fn refund(&mut self, id: &str, amount: Amount, seen: &Seen) -> Seen {
        let Some(payment) = self.payments.get(id) else { return Seen::refused("not_found") };
        let quote = self.quotes[&payment.quote].clone();
        if amount.value <= 0 || amount.currency != quote.amount.currency {
            return Seen::refused("invalid_amount");
        }
        if payment.cancelled {
            return Seen::refused("payment_cancelled");
        }
        if self.now >= payment.paid_at + 360 * DAY_MS {
            return Seen::refused("refund_window_closed");
        }
        let before = payment.refunded();
        if i128::from(before) + i128::from(amount.value) > i128::from(quote.amount.value) {
            return Seen::refused("refund_exceeds_payment");
        }
        let sums = |refunded: i64| -> (i64, i64) {
            let gross = if refunded == quote.amount.value {
                quote.gross
            } else {
                let wallet = self.settings.wallet_currency;
                let gross = arithmetic::gross(refunded, quote.amount.currency, quote.rate, wallet);
                i64::try_from(gross).unwrap_or(i64::MAX)
            };
            let shopper = arithmetic::share(gross, quote.gross - quote.deduction, quote.gross);
            (shopper, gross - shopper)
        };
        let (was, is) = (sums(before), sums(before + amount.value));
        let refund = Refund { amount: amount.value, shopper: is.0 - was.0, funder: is.1 - was.1 };

        let whole = before == 0 && amount.value == quote.amount.value;
        let returned = quote.coupon.clone().filter(|coupon| whole && self.comes_back(coupon));
        if let Some(payment) = self.payments.get_mut(id) {
            payment.refunds.push(refund);
            payment.coupon_returned = returned.is_some();
        }
        match (returned, &quote.coupon) {
            (Some(coupon), _) => self.unspend(&coupon, quote.deduction),
            (None, Some(coupon)) => {
                let campaign = self.coupons[coupon].campaign.clone();
                if let Some(campaign) = self.campaigns.get_mut(&campaign) {
                    campaign.buckets.recovered += refund.funder;
                }
            }
            (None, None) => {}
        }
        let refund_id = match seen {
            Seen::Good { reply: Reply::Refund(refund), .. } => refund.id.clone(),
            _ => "?".to_owned(),
        };
        Seen::good(Reply::Refund(RefundShown {
            id: refund_id,
            payment: id.to_owned(),
            amount: refund.amount,
            shopper: refund.shopper,
            funder: refund.funder,
        }))
    }

    /// Whether a whole refund gives this coupon back.
    fn comes_back(&self, id: &str) -> bool {
        let coupon = &self.coupons[id];
        let campaign = &self.campaigns[&coupon.campaign];
        campaign.rules.refund_returns_coupon
            && !coupon.split
            && campaign.stage != Stage::Closed
            && !self.is_over(coupon)
    }

    pub(super) fn void(&mut self, id: &str) -> Seen {
        let Some(coupon) = self.coupons.get_mut(id) else { return Seen::refused("not_found") };
        if coupon.status() != "active" {
            return Seen::refused("coupon_not_active");
        }
        let Some(campaign) = self.campaigns.get_mut(&coupon.campaign) else { return Seen::Fault };
        campaign.buckets.committed -= coupon.remaining;
        campaign.buckets.free += coupon.remaining;
        coupon.lapsed += coupon.remaining;
        coupon.remaining = 0;
        coupon.life = Life::Void;
        let shown = coupon.shown();
        self.restock(id, Booked::Now);
        Seen::good(Reply::Coupon(shown))
    }
}
