//! Between the contract's words and the engine's types, as the HTTP layer does it.

use std::sync::Arc;

use koi::engine::work::{Done, Failure, OfficeWork, Outcome, Why, Work};
use koi_core::campaign;
use koi_core::catalog;
use koi_core::command::{Answer, Call, Claim, Command, Order, Purchase, Shopper};
use koi_core::coupon::Coupon;
use koi_core::id::{
    AccountId, CampaignId, CodeText, CouponId, FunderId, Medium, MerchantId, PaymentId, PersonId, Principal,
    QuoteId, StoreId,
};
use koi_core::idempotency::Asked;
use koi_core::money::{Currency, Money, Rate};
use koi_core::packet::Tier;
use koi_core::payment::Payment;
use koi_core::quote::Quote;
use koi_core::refusal::Refusal;
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules};
use koi_core::time::{Time, Zone};

use crate::ask::{self, Amount, Ask, Document, Request};
use crate::seen::{CampaignShown, CouponShown, PaymentShown, QuoteShown, RefundShown, Refused, Reply, Seen};

/// The work that a request is. `None` when the HTTP layer would not let it through.
pub(crate) fn work(request: &Request, wallet: &'static str) -> Option<Work> {
    let by = Principal::stored(request.by);
    let asked = request
        .bound()
        .map(|bound| Asked::new(&by, &bound.scope, &request.key, &bound.path, &[bound.body.as_bytes()]));
    if let Ask::Clock(to) = request.ask {
        return Some(Work::SetClock(Time::of_ms(to)));
    }
    if let Some(order) = order(&request.ask, wallet)? {
        let render = Box::new(|answer: &Answer, now: Time| (200, body(answer, now)));
        let work = OfficeWork { order, by, asked, detail: String::new(), render };
        return Some(Work::Office(Box::new(work)));
    }
    let why = matches!(request.ask, Ask::Void(_)).then(|| Why { by, reason: "simulated".into() });
    Some(Work::Call(Box::new(Call { command: command(&request.ask)?, asked: asked? }), why))
}

fn command(ask: &Ask) -> Option<Command> {
    Some(match ask {
        Ask::Claim { campaign, code, shopper, verified, id_country } => Command::Claim(Claim {
            campaign: CampaignId::parse(campaign)?,
            code: CodeText::parse(code)?,
            shopper: buyer(shopper)?,
            verified: *verified,
            id_country: Country::parse(id_country)?,
        }),
        Ask::Quote { shopper, store, amount } => Command::Quote(Purchase {
            shopper: buyer(shopper)?,
            store: StoreId::parse(store)?,
            amount: money(*amount)?,
        }),
        Ask::CancelQuote(id) => Command::CancelQuote(QuoteId::parse(id)?),
        Ask::Pay(id) => Command::Pay(QuoteId::parse(id)?),
        Ask::CancelPayment(id) => Command::CancelPayment(PaymentId::parse(id)?),
        Ask::Refund(id, amount) => Command::Refund(PaymentId::parse(id)?, money(*amount)?),
        Ask::Void(id) => Command::Void(CouponId::parse(id)?),
        _ => return None,
    })
}

/// The order of the office that is asked; `Some(None)` for a call of the load-bearing path.
fn order(ask: &Ask, wallet: &'static str) -> Option<Option<Order>> {
    let reason = || Arc::from("simulated");
    Some(Some(match ask {
        Ask::Draft(document) => Order::Draft(Box::new(rules(document, wallet)?), document.pool_secret),
        Ask::Submit(id) => Order::Submit(CampaignId::parse(id)?),
        Ask::Approve(id) => Order::Approve(CampaignId::parse(id)?),
        Ask::Fund(id, amount) => Order::Fund(CampaignId::parse(id)?, money(*amount)?),
        Ask::Pause(id, scope) => {
            let scope = match scope {
                ask::Scope::Issuing => campaign::Scope::Issuing,
                ask::Scope::All => campaign::Scope::All,
            };
            Order::Pause(CampaignId::parse(id)?, scope, reason())
        }
        Ask::Resume(id) => Order::Resume(CampaignId::parse(id)?),
        Ask::End(id) => Order::End(CampaignId::parse(id)?, reason()),
        Ask::Close(id) => Order::Close(CampaignId::parse(id)?),
        Ask::AddMerchant(merchant) => Order::AddMerchant(catalog::Merchant {
            id: MerchantId::parse(&merchant.id)?,
            name: merchant.id.as_str().into(),
            country: Country::parse(merchant.country)?,
            currency: Currency::parse(merchant.currency)?,
            fee_bps: merchant.fee_bps,
        }),
        Ask::AddStore(store) => Order::AddStore(catalog::Store {
            id: StoreId::parse(&store.id)?,
            merchant: MerchantId::parse(&store.merchant)?,
            name: store.id.as_str().into(),
            country: Country::parse(store.country)?,
            zone: Zone::parse("Pacific/Auckland")?,
        }),
        Ask::AddCode(store, text) => {
            Order::AddCode(StoreId::parse(store)?, Medium::parse("a5_sticker")?, CodeText::parse(text)?)
        }
        Ask::RevokeCode(text) => Order::RevokeCode(CodeText::parse(text)?, reason()),
        Ask::SetRate(from, rate) => {
            Order::SetRate(Currency::parse(from)?, Currency::parse(wallet)?, Rate::of_scaled(*rate))
        }
        _ => return Some(None),
    }))
}

fn rules(document: &Document, wallet: &'static str) -> Option<Rules> {
    let countries =
        |codes: &[&str]| codes.iter().map(|code| Country::parse(code)).collect::<Option<Vec<Country>>>();
    let both = || Bilingual { en: "Simulated".into(), zh: "模拟".into() };
    let tier = |tier: &ask::Tier| Tier { face: tier.face, count: tier.count, split: tier.split };
    let rules = Rules {
        id: CampaignId::parse(&document.id)?,
        title: both(),
        currency: Currency::parse(wallet)?,
        funder: FunderId::parse("funder")?,
        zone: Zone::parse(document.zone)?,
        starts_at: Time::of_ms(document.starts_at),
        ends_at: Time::of_ms(document.ends_at),
        packets: document.packets.iter().map(tier).collect(),
        eligibility: Eligibility {
            verified: document.verified,
            id_countries: countries(&document.id_countries)?,
            not_in_countries: countries(&document.not_in_countries)?,
        },
        limits: Limits { window_days: document.window_days, per_window: document.per_window, live: document.live },
        coupon: CouponRules {
            valid_days: document.valid_days,
            threshold: match document.threshold {
                ask::Threshold::Exceeds => koi_core::rules::Threshold::Exceeds,
                ask::Threshold::Reaches => koi_core::rules::Threshold::Reaches,
            },
            min_shopper_pays: document.min_shopper_pays,
            refund_returns_coupon: document.refund_returns_coupon,
            restock_expired: document.restock_expired,
        },
        quote_valid_s: document.quote_valid_s,
        merchants: match &document.merchants {
            None => None,
            Some(list) => Some(list.iter().map(|id| MerchantId::parse(id)).collect::<Option<_>>()?),
        },
        terms: both(),
    };
    rules.check(Currency::parse(wallet)?).is_empty().then_some(rules)
}

fn buyer(shopper: &ask::Shopper) -> Option<Shopper> {
    Some(Shopper::new(PersonId::parse(&shopper.person)?, AccountId::parse(&shopper.account)?))
}

fn money(amount: Amount) -> Option<Money> {
    Some(Money { currency: Currency::parse(amount.currency)?, value: amount.value })
}

/// The body that is kept for repeats of an order: the campaign's name, status and stock, or a name.
fn body(answer: &Answer, now: Time) -> String {
    match answer {
        Answer::Campaign(campaign, left) => {
            let left: Vec<String> = left.iter().map(u64::to_string).collect();
            format!("{} {} {}", campaign.rules.id, campaign.status(now).name(), left.join(","))
        }
        Answer::Merchant(merchant) => merchant.id.to_string(),
        Answer::Store(store) => store.id.to_string(),
        Answer::Code(code) => code.text.as_str().to_owned(),
        Answer::Rate(from, ..) => from.to_string(),
        Answer::Coupon(_) | Answer::Quote(_) | Answer::Payment(..) | Answer::Refund(..) => "?".to_owned(),
    }
}

fn read_body(body: &str) -> Reply {
    let mut words = body.split(' ');
    match (words.next(), words.next(), words.next()) {
        (Some(id), Some(status), Some(left)) => Reply::Campaign(CampaignShown {
            id: id.to_owned(),
            status: status.to_owned(),
            left: left.split(',').filter_map(|count| count.parse().ok()).collect(),
        }),
        _ => Reply::Entered(body.to_owned()),
    }
}

/// What a caller sees of an outcome; `None`: the server died first.
pub(crate) fn seen(outcome: Option<Outcome>, catalog: &catalog::Catalog) -> Seen {
    match outcome {
        None | Some(Err(Failure::Unavailable | Failure::Stopping | Failure::Busy | Failure::CatchingUp)) => {
            Seen::Unknown
        }
        // Nobody brings rounds there: the local chain's are known at once.
        Some(Err(Failure::Fault | Failure::Unaccepted(_))) => Seen::Fault,
        Some(Err(Failure::ClockBackwards(_))) => Seen::refused("clock_backwards"),
        Some(Err(Failure::Refused(refusal))) => Seen::Refused(refused(&refusal, catalog)),
        Some(Ok(Done::Clock(to))) => Seen::good(Reply::Clock(to.ms())),
        Some(Ok(Done::Office { body, replayed, .. })) => Seen::Good { reply: read_body(&body), replayed },
        Some(Ok(Done::Call { answer, replayed })) => {
            let reply = match &answer {
                Answer::Coupon(coupon) => Reply::Coupon(coupon_shown(coupon, catalog)),
                // A repeat shows the quote as it was when it was made, or cancelled.
                Answer::Quote(quote) => Reply::Quote(quote_shown(quote, quote.created_at)),
                Answer::Payment(quote, payment) => Reply::Payment(payment_shown(quote, payment)),
                Answer::Refund(_, refund) => Reply::Refund(RefundShown {
                    id: refund.id.to_string(),
                    payment: refund.id.payment.to_string(),
                    amount: refund.amount,
                    shopper: refund.shopper,
                    funder: refund.funder,
                }),
                other => Reply::Entered(format!("{other:?}")),
            };
            Seen::Good { reply, replayed }
        }
    }
}

fn refused(refusal: &Refusal, catalog: &catalog::Catalog) -> Refused {
    let (next_allowed_at, coupon) = match refusal {
        Refusal::CampaignNotStarted(at) | Refusal::PersonHoldsCoupon(at) => (Some(at.ms()), None),
        Refusal::CouponAlreadyHeld(coupon, at) => (Some(at.ms()), Some(coupon_shown(coupon, catalog))),
        Refusal::LimitReached(at) => (at.map(Time::ms), None),
        _ => (None, None),
    };
    Refused { code: refusal.code().to_owned(), next_allowed_at, coupon }
}

pub(crate) fn coupon_shown(coupon: &Coupon, catalog: &catalog::Catalog) -> CouponShown {
    let campaign = catalog.campaign_numbered(coupon.id.campaign());
    CouponShown {
        id: coupon.id.to_string(),
        campaign: campaign.map(|campaign| campaign.rules.id.to_string()).unwrap_or_default(),
        account: coupon.account.to_string(),
        person: coupon.person.to_string(),
        code: coupon.code.as_str().to_owned(),
        face: coupon.face,
        remaining: coupon.remaining,
        split: coupon.split,
        status: coupon.status().name(),
        collected_at: coupon.collected_at.ms(),
        expires_at: coupon.expires_at.ms(),
        terms_revision: coupon.revision,
    }
}

pub(crate) fn quote_shown(quote: &Quote, now: Time) -> QuoteShown {
    QuoteShown {
        id: quote.id.to_string(),
        status: quote.phase_at(now).name(),
        account: quote.account.to_string(),
        person: quote.person.to_string(),
        store: quote.store.to_string(),
        amount: (quote.amount.currency.to_string(), quote.amount.value),
        rate: quote.rate.scaled(),
        gross: (quote.gross.currency.to_string(), quote.gross.value),
        deduction: quote.deduction,
        payable: quote.payable().value,
        coupon: quote.coupon.map(|coupon| coupon.to_string()),
        no_deduction: quote.no_deduction.map(|reason| reason.name()),
        expires_at: quote.expires_at.ms(),
    }
}

pub(crate) fn payment_shown(quote: &Quote, payment: &Payment) -> PaymentShown {
    PaymentShown {
        id: payment.id.to_string(),
        status: if payment.cancelled.is_some() { "cancelled" } else { "paid" },
        quote: quote.id.to_string(),
        account: quote.account.to_string(),
        person: quote.person.to_string(),
        store: quote.store.to_string(),
        amount: (quote.amount.currency.to_string(), quote.amount.value),
        rate: quote.rate.scaled(),
        gross: quote.gross.value,
        deduction: quote.deduction,
        paid: quote.payable().value,
        coupon: quote.coupon.map(|coupon| coupon.to_string()),
        fee: payment.fee,
        net: quote.amount.value - payment.fee,
        refunded: payment.refunded,
        paid_at: payment.paid_at.ms(),
    }
}
