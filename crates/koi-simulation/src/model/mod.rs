//! The auditor's own server: a naive model of the contract, written from its text alone.
//!
//! It keeps everything in maps, settles everything eagerly when the clock moves, and never looks for speed. Given a
//! call and what the server answered, it says what the answer had to be. Only what the server is free to choose (the
//! ids that it makes) is taken from its answer.

mod arithmetic;
mod calendar;
mod campaign;
mod claim;
mod coupon;
mod office;
mod packet;
mod payment;
mod purchase;

use std::collections::BTreeMap;

pub use calendar::{DAY_MS, cancel_until};
pub use campaign::{Buckets, Campaign, Stage};
pub use coupon::{Coupon, Life};

use crate::ask::{Amount, Ask, Merchant, Request, Shopper, Store};
use crate::model::claim::Claim;
use crate::seen::{CampaignShown, PaymentShown, QuoteShown, Reply, Seen};

/// The installation's settings.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The currency of gross amounts and coupons.
    pub wallet_currency: &'static str,
    /// The zone of the trading day.
    pub settlement_zone: &'static str,
    /// Seconds that a quote without a coupon holds.
    pub quote_valid_s: u32,
}

/// A code.
#[derive(Clone, Debug)]
pub struct Code {
    /// Its store.
    pub store: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Where a quote stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the contract")]
pub enum Phase {
    Open,
    Paid,
    Cancelled,
    Expired,
}

/// A quote.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the words of the contract")]
pub struct Quote {
    pub id: String,
    pub shopper: Shopper,
    pub store: String,
    pub amount: Amount,
    pub rate: u64,
    pub gross: i64,
    pub deduction: i64,
    pub coupon: Option<String>,
    pub no_deduction: Option<&'static str>,
    pub phase: Phase,
    pub expires_at: i64,
}

impl Quote {
    /// How it is shown.
    pub fn shown(&self, wallet: &str) -> QuoteShown {
        QuoteShown {
            id: self.id.clone(),
            status: match self.phase {
                Phase::Open => "open",
                Phase::Paid => "paid",
                Phase::Cancelled => "cancelled",
                Phase::Expired => "expired",
            },
            account: self.shopper.account.clone(),
            person: self.shopper.person.clone(),
            store: self.store.clone(),
            amount: (self.amount.currency.to_owned(), self.amount.value),
            rate: self.rate,
            gross: (wallet.to_owned(), self.gross),
            deduction: self.deduction,
            payable: self.gross - self.deduction,
            coupon: self.coupon.clone(),
            no_deduction: self.no_deduction,
            expires_at: self.expires_at,
        }
    }
}

/// A refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the contract")]
pub struct Refund {
    pub amount: i64,
    pub shopper: i64,
    pub funder: i64,
}

/// A payment.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the words of the contract")]
pub struct Payment {
    pub id: String,
    pub quote: String,
    pub fee: i64,
    pub paid_at: i64,
    pub cancelled: bool,
    pub refunds: Vec<Refund>,
    pub coupon_returned: bool,
}

impl Payment {
    /// Refunded so far.
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// How it is shown.
    pub fn shown(&self, quote: &Quote) -> PaymentShown {
        PaymentShown {
            id: self.id.clone(),
            status: if self.cancelled { "cancelled" } else { "paid" },
            quote: self.quote.clone(),
            account: quote.shopper.account.clone(),
            person: quote.shopper.person.clone(),
            store: quote.store.clone(),
            amount: (quote.amount.currency.to_owned(), quote.amount.value),
            rate: quote.rate,
            gross: quote.gross,
            deduction: quote.deduction,
            paid: quote.gross - quote.deduction,
            coupon: quote.coupon.clone(),
            fee: self.fee,
            net: quote.amount.value - self.fee,
            refunded: self.refunded(),
            paid_at: self.paid_at,
        }
    }
}

/// The model.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "what is there, by name or id")]
pub struct Model {
    pub settings: Settings,
    /// Whether the stock is in several cells: then any packet may be given, and somebody gets the last.
    pub is_scattered: bool,
    pub now: i64,
    pub campaigns: BTreeMap<String, Campaign>,
    pub merchants: BTreeMap<String, Merchant>,
    pub stores: BTreeMap<String, Store>,
    pub codes: BTreeMap<String, Code>,
    pub rates: BTreeMap<&'static str, u64>,
    pub coupons: BTreeMap<String, Coupon>,
    pub quotes: BTreeMap<String, Quote>,
    pub payments: BTreeMap<String, Payment>,
    /// What was answered well under each principal, scope and key, and to what.
    kept: BTreeMap<(&'static str, String, String), (String, Reply)>,
    serial: u64,
}

impl Model {
    /// An empty installation.
    pub fn new(settings: Settings, now: i64) -> Self {
        Self {
            settings,
            is_scattered: false,
            now,
            campaigns: BTreeMap::new(),
            merchants: BTreeMap::new(),
            stores: BTreeMap::new(),
            codes: BTreeMap::new(),
            rates: BTreeMap::new(),
            coupons: BTreeMap::new(),
            quotes: BTreeMap::new(),
            payments: BTreeMap::new(),
            kept: BTreeMap::new(),
            serial: 0,
        }
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Carries a call out, and says what its answer has to be.
    pub fn answer(&mut self, request: &Request, seen: &Seen) -> Seen {
        let Some(bound) = request.bound() else { return self.carry_out(request, seen) };
        let slot = (request.by, bound.scope.clone(), request.key.clone());
        let call = format!("{} {}", bound.path, bound.body);
        if self.is_there(&request.ask)
            && let Some((kept, reply)) = self.kept.get(&slot)
        {
            if *kept != call {
                return Seen::refused("idempotency_key_reused");
            }
            return Seen::Good { reply: reply.clone(), replayed: true };
        }
        let answer = self.carry_out(request, seen);
        if let Seen::Good { reply, .. } = &answer {
            self.kept.insert(slot, (call, reply.clone()));
        }
        answer
    }

    /// Whether what the route names is there: that is looked at before the key.
    fn is_there(&self, ask: &Ask) -> bool {
        match ask {
            Ask::CancelQuote(id) | Ask::Pay(id) => self.quotes.contains_key(id),
            Ask::CancelPayment(id) | Ask::Refund(id, _) => self.payments.contains_key(id),
            Ask::Void(id) => self.coupons.contains_key(id),
            _ => true,
        }
    }

    fn carry_out(&mut self, request: &Request, seen: &Seen) -> Seen {
        match &request.ask {
            Ask::Claim { campaign, code, shopper, verified, id_country } => {
                self.claim(&Claim { campaign, code, shopper, verified: *verified, id_country }, seen)
            }
            Ask::Quote { shopper, store, amount } => self.quote(shopper, store, *amount, seen),
            Ask::CancelQuote(id) => self.cancel_quote(id),
            Ask::Pay(id) => self.pay(id, seen),
            Ask::CancelPayment(id) => self.cancel_payment(id),
            Ask::Refund(id, amount) => self.refund(id, *amount, seen),
            Ask::Void(id) => self.void(id),
            Ask::Clock(to) => self.clock(*to),
            office => {
                let answer = self.office(office, request.by);
                self.with_the_stock_seen(answer, seen)
            }
        }
    }

    /// Packets that go back by the clock are booked soon after their time: until then an answer about the campaign
    /// may be without them.
    fn with_the_stock_seen(&self, answer: Seen, seen: &Seen) -> Seen {
        match (&answer, seen) {
            (
                Seen::Good { reply: Reply::Campaign(expected), .. },
                Seen::Good { reply: Reply::Campaign(shown), .. },
            ) if self.campaigns[&expected.id].possible_stocks().contains(&shown.left) => {
                let shown = CampaignShown { left: shown.left.clone(), ..expected.clone() };
                Seen::good(Reply::Campaign(shown))
            }
            _ => answer,
        }
    }

    fn clock(&mut self, to: i64) -> Seen {
        if to < self.now {
            return Seen::refused("clock_backwards");
        }
        self.time_is(to);
        // The answer comes after all due work.
        self.agrees();
        Seen::good(Reply::Clock(to))
    }

    /// The clock stands at a later time.
    pub fn time_is(&mut self, now: i64) {
        self.now = now;
        self.let_time_pass();
    }

    /// Nothing that fell due waits to be booked any more.
    pub fn agrees(&mut self) {
        self.campaigns.values_mut().for_each(|campaign| campaign.coming_back.clear());
    }
}
