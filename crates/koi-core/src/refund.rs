//! A refund: money goes back to the shopper and to the funder, each what they gave. The coupon is not
//! given back, unless the campaign says so.

use crate::campaign::State;
use crate::command::{Answer, Decision, No};
use crate::coupon::{Coupon, Phase};
use crate::fault::Fault;
use crate::id::{PaymentId, RefundId};
use crate::idempotency::Asked;
use crate::ledger::{Account, Movement, Reason};
use crate::money::Money;
use crate::pay::unspend;
use crate::payment::{Payment, Refund, cumulative};
use crate::quote::Quote;
use crate::refusal::Refusal;
use crate::rows::{Changes, Rows};
use crate::scene::Scene;
use crate::settle::moving;
use crate::time::DAY_MS;

/// Gives a part or all of a payment back.
pub(crate) fn refund(
    rows: &Rows,
    scene: &Scene,
    id: PaymentId,
    amount: Money,
    asked: Asked,
) -> Result<Decision, No> {
    let payment = rows.payments.get(id).ok_or(Refusal::NotFound)?;
    let quote = rows.quotes.get(id.quote()).ok_or(Fault::Missing("a payment's quote"))?;
    if amount.value <= 0 || amount.currency != quote.amount.currency {
        return Err(Refusal::InvalidAmount.into());
    }
    if payment.cancelled.is_some() {
        return Err(Refusal::PaymentCancelled.into());
    }
    if scene.now >= payment.paid_at.plus_ms(scene.settings.refund_days * DAY_MS) {
        return Err(Refusal::RefundWindowClosed.into());
    }
    let left = quote.amount.value - payment.refunded;
    if amount.value > left {
        return Err(Refusal::RefundExceedsPayment.into());
    }
    let refunded = payment.refunded + amount.value;
    let shares = cumulative(quote, refunded);
    let refund = Refund {
        id: RefundId { payment: id, number: payment.refunds + 1 },
        amount: amount.value,
        shopper: shares.shopper - payment.refunded_shopper,
        funder: shares.funder - payment.refunded_funder,
        at: scene.now,
        asked,
    };
    let returned = returned_coupon(rows, scene, quote, payment, amount.value)?;
    let mut changes = match (returned, quote.coupon) {
        (Some(coupon), _) => {
            unspend(coupon, quote.deduction, scene, Reason::Restore, id.number(), refund.id.number)?
        }
        (None, Some(coupon)) if refund.funder > 0 => {
            let movement = Movement {
                debit: Account::Refunds,
                credit: Account::Recovered,
                amount: refund.funder,
                reason: Reason::Recover,
                subject: id.number(),
                part: refund.id.number,
                coupon: None,
            };
            moving(scene.campaign_of(coupon)?, movement)
        }
        (None, _) => Changes::default(),
    };
    changes.payments.push(Payment {
        refunded,
        refunded_shopper: shares.shopper,
        refunded_funder: shares.funder,
        refunds: refund.id.number,
        coupon_returned: returned.is_some(),
        ..payment.clone()
    });
    changes.refunds.push(refund.clone());
    Ok(Decision::new(changes, Answer::Refund(quote.clone(), refund)))
}

/// The coupon that this refund gives back: of a campaign that says so, for a single refund of the whole
/// amount, a plain coupon before its expiry and the campaign's close.
fn returned_coupon<'a>(
    rows: &'a Rows,
    scene: &Scene,
    quote: &Quote,
    payment: &Payment,
    amount: i64,
) -> Result<Option<&'a Coupon>, Fault> {
    let Some(id) = quote.coupon else { return Ok(None) };
    let coupon = rows.coupons.get(id).ok_or(Fault::Missing("a payment's coupon"))?;
    let campaign = scene.campaign_of(id)?;
    let returns = campaign.rules.coupon.refund_returns_coupon
        && payment.refunded == 0
        && amount == quote.amount.value
        && !coupon.split
        && coupon.phase == Phase::Used
        && !matches!(campaign.state, State::Closed { .. })
        && !coupon.revived(&campaign.pauses).has_expired(campaign, scene.now);
    Ok(returns.then_some(coupon))
}
