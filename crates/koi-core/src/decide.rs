//! Decides a call of the load-bearing path on the rows in memory: repeats first, then the rules.

use crate::claim;
use crate::command::{Answer, Call, Command, Decision, No};
use crate::fault::Fault;
use crate::id::{CouponId, PaymentId, QuoteId};
use crate::pay;
use crate::purchase;
use crate::refund;
use crate::refusal::Refusal;
use crate::rows::{Changes, Done, Rows};
use crate::scene::Scene;
use crate::settle::settle;
use crate::void;

/// Decides a call and applies it to the working set. A refusal leaves nothing to undo: all that may have
/// changed by then is what had fallen due anyway. The decision's changes are in the working set when it is
/// answered, and no longer in it.
pub fn decide(rows: &mut Rows, scene: &Scene, call: &Call) -> Result<Decision, No> {
    route(rows, &call.command)?;
    if let Some((fingerprint, done)) = rows.done(call.asked.key) {
        if fingerprint != call.asked.fingerprint {
            return Err(Refusal::KeyReused.into());
        }
        let answer = replay(rows, scene, done)?;
        return Ok(Decision { changes: Changes::default(), answer, replayed: true });
    }
    for coupon in touched(rows, &call.command) {
        settle(rows, scene, coupon)?;
    }
    let mut decision = match &call.command {
        Command::Claim(claim) => claim::claim(rows, scene, claim, call.asked),
        Command::Quote(purchase) => purchase::quote(rows, scene, purchase, call.asked),
        Command::CancelQuote(id) => pay::cancel_quote(rows, scene, *id, call.asked),
        Command::Pay(id) => pay::pay(rows, scene, *id, call.asked),
        Command::CancelPayment(id) => pay::cancel_payment(rows, scene, *id, call.asked),
        Command::Refund(id, amount) => refund::refund(rows, scene, *id, *amount, call.asked),
        Command::Void(id) => void::void(rows, scene, *id, call.asked),
    }?;
    rows.apply(std::mem::take(&mut decision.changes), scene.now)?;
    if let Command::CancelQuote(_) | Command::CancelPayment(_) = call.command {
        // What came back may be past its expiry.
        for coupon in touched(rows, &call.command) {
            settle(rows, scene, coupon)?;
        }
    }
    Ok(decision)
}

/// What the call is about must exist, before anything else is looked at.
fn route(rows: &Rows, command: &Command) -> Result<(), Refusal> {
    let exists = match command {
        Command::Claim(_) | Command::Quote(_) => true,
        Command::CancelQuote(id) | Command::Pay(id) => rows.quotes.has(*id),
        Command::CancelPayment(id) | Command::Refund(id, _) => rows.payments.has(*id),
        Command::Void(id) => rows.coupons.has(*id),
    };
    if exists { Ok(()) } else { Err(Refusal::NotFound) }
}

/// The coupons that a command looks at.
fn touched(rows: &Rows, command: &Command) -> Vec<CouponId> {
    let of_quote = |id: QuoteId| rows.quotes.get(id).and_then(|quote| quote.coupon).into_iter().collect();
    match command {
        Command::Claim(claim) => live_coupons(rows, claim.shopper.key),
        Command::Quote(purchase) => live_coupons(rows, purchase.shopper.key),
        Command::CancelQuote(id) | Command::Pay(id) => of_quote(*id),
        Command::CancelPayment(id) | Command::Refund(id, _) => of_quote(id.quote()),
        Command::Void(id) => vec![*id],
    }
}

fn live_coupons(rows: &Rows, shopper: crate::id::ShopperKey) -> Vec<CouponId> {
    let coupons = rows.shoppers.get(&shopper).map(Vec::as_slice).unwrap_or_default();
    coupons.iter().copied().filter(|id| rows.coupons.get(*id).is_some_and(|coupon| coupon.is_live())).collect()
}

/// Answers a repeat from the row that the first call made, as that row was then.
fn replay(rows: &Rows, scene: &Scene, done: Done) -> Result<Answer, Fault> {
    let coupon = |id: CouponId| rows.coupons.get(id).ok_or(Fault::Missing("a coupon"));
    let quote = |id: QuoteId| rows.quotes.get(id).ok_or(Fault::Missing("a quote"));
    let payment = |id: PaymentId| rows.payments.get(id).ok_or(Fault::Missing("a payment"));
    Ok(match done {
        Done::Claim(id) => Answer::Coupon(coupon(id)?.as_issued(scene.campaign_of(id)?)),
        Done::Void(id) => Answer::Coupon(coupon(id)?.clone()),
        Done::Quote(id) => Answer::Quote(quote(id)?.as_opened()),
        // Whoever cancelled it was the last to change it.
        Done::CancelQuote(id) => Answer::Quote(quote(id)?.clone()),
        Done::Pay(id) => Answer::Payment(quote(id)?.clone(), payment(PaymentId::of(id))?.as_paid()),
        Done::CancelPayment(id) => Answer::Payment(quote(id.quote())?.clone(), payment(id)?.clone()),
        Done::Refund(id) => {
            let refund = rows.refunds.get(id).ok_or(Fault::Missing("a refund"))?;
            Answer::Refund(quote(id.payment.quote())?.clone(), refund.clone())
        }
    })
}
