//! Paying and cancelling: of quotes, and of payments on the day they were made.

use crate::campaign::State;
use crate::command::{Answer, Decision, No};
use crate::coupon::{Coupon, Phase};
use crate::fault::Fault;
use crate::id::{PaymentId, QuoteId};
use crate::idempotency::Asked;
use crate::ledger::{Account, Movement, Reason};
use crate::money::fee;
use crate::payment::Payment;
use crate::quote::{self, Quote};
use crate::refusal::Refusal;
use crate::rows::{Changes, Rows};
use crate::scene::Scene;
use crate::settle::{moving, release, with_coupon};
use crate::time::{Time, next_day};

/// The quote, if it can still be paid or cancelled.
fn open_quote(rows: &Rows, id: QuoteId, now: Time) -> Result<&Quote, Refusal> {
    let quote = rows.quotes.get(id).ok_or(Refusal::NotFound)?;
    match quote.phase_at(now) {
        quote::Phase::Open => Ok(quote),
        quote::Phase::Paid | quote::Phase::Cancelled => Err(Refusal::QuoteNotOpen),
        quote::Phase::Expired => Err(Refusal::QuoteExpired),
    }
}

fn coupon_of<'a>(rows: &'a Rows, quote: &Quote) -> Result<Option<&'a Coupon>, Fault> {
    match quote.coupon {
        Some(id) => rows.coupons.get(id).map(Some).ok_or(Fault::Missing("a quote's coupon")),
        None => Ok(None),
    }
}

/// Gives a quote's reservation back.
pub(crate) fn cancel_quote(rows: &Rows, scene: &Scene, id: QuoteId, asked: Asked) -> Result<Decision, No> {
    let quote = open_quote(rows, id, scene.now)?;
    let cancelled = Quote { phase: quote::Phase::Cancelled, settled: Some(asked), ..quote.clone() };
    let answer = Answer::Quote(cancelled.clone());
    let changes = match coupon_of(rows, quote)? {
        Some(coupon) => release(coupon, scene.campaign_of(coupon.id)?, cancelled)?,
        None => Changes { quotes: vec![cancelled], ..Changes::default() },
    };
    Ok(Decision::new(changes, answer))
}

/// Pays a quote: what it reserved is spent.
pub(crate) fn pay(rows: &Rows, scene: &Scene, id: QuoteId, asked: Asked) -> Result<Decision, No> {
    let quote = open_quote(rows, id, scene.now)?;
    let store = scene.catalog.store(&quote.store).ok_or(Fault::Missing("a quote's store"))?;
    let merchant = scene.catalog.merchant(&store.merchant).ok_or(Fault::Missing("a store's merchant"))?;
    let payment = Payment {
        id: PaymentId::of(id),
        paid_at: scene.now,
        fee: fee(quote.amount.value, merchant.fee_bps),
        refunded: 0,
        refunded_shopper: 0,
        refunded_funder: 0,
        refunds: 0,
        coupon_returned: false,
        cancelled: None,
    };
    let paid = Quote { phase: quote::Phase::Paid, settled: Some(asked), ..quote.clone() };
    let mut changes = match coupon_of(rows, quote)? {
        Some(coupon) => {
            let campaign = scene.campaign_of(coupon.id)?;
            let movement = Movement {
                debit: Account::Reserved,
                credit: Account::Spent,
                amount: quote.deduction,
                reason: Reason::Spend,
                subject: payment.id.number(),
                part: 0,
                coupon: Some(coupon.id),
            };
            let spent = coupon.clone().spend(quote.deduction, &campaign.pauses, scene.now)?;
            Changes { coupons: vec![spent], ..moving(campaign, movement) }
        }
        None => Changes::default(),
    };
    changes.quotes.push(paid.clone());
    changes.payments.push(payment.clone());
    Ok(Decision::new(changes, Answer::Payment(paid, payment)))
}

/// Undoes a payment: the coupon is live again with its own expiry.
pub(crate) fn cancel_payment(rows: &Rows, scene: &Scene, id: PaymentId, asked: Asked) -> Result<Decision, No> {
    let payment = rows.payments.get(id).ok_or(Refusal::NotFound)?;
    let quote = rows.quotes.get(id.quote()).ok_or(Fault::Missing("a payment's quote"))?;
    if payment.cancelled.is_some() {
        return Err(Refusal::PaymentCancelled.into());
    }
    if payment.refunded > 0 {
        return Err(Refusal::AlreadyRefunded.into());
    }
    let settings = scene.settings;
    if scene.now >= next_day(payment.paid_at, settings.cancel_minutes, &settings.settlement_zone) {
        return Err(Refusal::CancelWindowClosed.into());
    }
    let cancelled = Payment { cancelled: Some((scene.now, asked)), ..payment.clone() };
    let mut changes = match coupon_of(rows, quote)? {
        Some(coupon) => unspend(coupon, quote.deduction, scene, Reason::Cancel, id.number(), 0)?,
        None => Changes::default(),
    };
    changes.payments.push(cancelled.clone());
    Ok(Decision::new(changes, Answer::Payment(quote.clone(), cancelled)))
}

/// Moves what a payment spent back to where it belongs now: to the coupon if it can be live again, else to
/// `free`, and to `returned` once the campaign is closed.
pub(crate) fn unspend(
    coupon: &Coupon,
    amount: i64,
    scene: &Scene,
    reason: Reason,
    subject: i64,
    part: u32,
) -> Result<Changes, Fault> {
    let campaign = scene.campaign_of(coupon.id)?;
    let closed = matches!(campaign.state, State::Closed { .. });
    let revived = coupon.revived(&campaign.pauses);
    let lives = coupon.phase != Phase::Void && !closed && !revived.has_expired(campaign, scene.now);
    let (credit, coupon) = if lives {
        (Account::Committed, revived.unspend(amount)?)
    } else {
        let credit = if closed { Account::Returned } else { Account::Free };
        (credit, coupon.clone().unspend_lapsed(amount, &campaign.pauses, scene.now)?)
    };
    let movement =
        Movement { debit: Account::Spent, credit, amount, reason, subject, part, coupon: Some(coupon.id) };
    Ok(with_coupon(moving(campaign, movement), coupon, campaign))
}
