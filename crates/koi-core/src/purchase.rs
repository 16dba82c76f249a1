//! A quote for a purchase: which coupon is applied, and what the shopper will pay.

use std::cmp::Reverse;

use crate::campaign::Campaign;
use crate::catalog::{Merchant, Store};
use crate::command::{Answer, Decision, No, Purchase, Shopper};
use crate::coupon::{Coupon, Phase};
use crate::fault::Fault;
use crate::id::QuoteId;
use crate::idempotency::Asked;
use crate::ledger::{Account, Movement, Reason};
use crate::limits;
use crate::money::{Money, gross};
use crate::quote::{self, NoDeduction, Quote, deduction};
use crate::refusal::Refusal;
use crate::rows::{Changes, Rows};
use crate::scene::Scene;
use crate::settle::moving;

/// What the coupon of a quote takes off.
struct Applied<'a> {
    coupon: &'a Coupon,
    campaign: &'a Campaign,
    amount: i64,
}

/// Makes a quote, which reserves its deduction.
pub(crate) fn quote(rows: &Rows, scene: &Scene, purchase: &Purchase, asked: Asked) -> Result<Decision, No> {
    let store = scene.catalog.store(&purchase.store).ok_or(Refusal::NotFound)?;
    let merchant = scene.catalog.merchant(&store.merchant).ok_or(Fault::Missing("a store's merchant"))?;
    if purchase.amount.value <= 0 || purchase.amount.currency != merchant.currency {
        return Err(Refusal::InvalidAmount.into());
    }
    let wallet = scene.settings.wallet_currency;
    let rate = scene.catalog.rate(merchant.currency, wallet).ok_or(Refusal::NoRate)?;
    let gross = gross(purchase.amount, rate, wallet).filter(|gross| *gross > 0).ok_or(Refusal::InvalidAmount)?;

    let applied = choose(rows, scene, &purchase.shopper, merchant, store, gross)?;
    let (valid_s, coupon, taken, no_deduction) = match &applied {
        Ok(applied) => (applied.campaign.rules.quote_valid_s, Some(applied.coupon.id), applied.amount, None),
        Err(reason) => (scene.settings.quote_valid_s, None, 0, Some(*reason)),
    };
    let quote = Quote {
        id: QuoteId::new(rows.cell, rows.counters.quote),
        shopper: purchase.shopper.key,
        person: purchase.shopper.person.clone(),
        account: purchase.shopper.account.clone(),
        store: purchase.store.clone(),
        amount: purchase.amount,
        rate,
        gross: Money { currency: wallet, value: gross },
        deduction: taken,
        coupon,
        no_deduction,
        phase: quote::Phase::Open,
        created_at: scene.now,
        expires_at: scene.now.plus_ms(i64::from(valid_s) * 1000),
        asked,
        settled: None,
    };
    let mut changes = match applied {
        Ok(applied) => reserve(&applied, &quote)?,
        Err(_) => Changes::default(),
    };
    changes.quotes.push(quote.clone());
    Ok(Decision::new(changes, Answer::Quote(quote)))
}

/// Among several live coupons of the account: the largest deduction, then the earliest expiry, then the one
/// that was collected first. Without a deduction: the first reason that applies to any of them.
fn choose<'a>(
    rows: &'a Rows,
    scene: &'a Scene,
    shopper: &Shopper,
    merchant: &Merchant,
    store: &Store,
    gross: i64,
) -> Result<Result<Applied<'a>, NoDeduction>, Fault> {
    let ids = rows.shoppers.get(&shopper.key).map(Vec::as_slice).unwrap_or_default();
    let own = ids
        .iter()
        .filter_map(|id| rows.coupons.get(*id))
        .filter(|coupon| coupon.person == shopper.person && coupon.account == shopper.account);

    let mut best: Option<(Applied, _)> = None;
    let mut reason: Option<NoDeduction> = None;
    let mut last: Option<&Coupon> = None;
    for coupon in own {
        if last.is_none_or(|last| (last.collected_at, last.id) < (coupon.collected_at, coupon.id)) {
            last = Some(coupon);
        }
        if !coupon.is_live() {
            continue;
        }
        let campaign = scene.campaign_of(coupon.id)?;
        let held = rows.holds.get(&coupon.id).map_or(0, Vec::len);
        match deduction(coupon, campaign, merchant, store, gross).and_then(|amount| room_for(held, amount)) {
            Ok(amount) => {
                let expiry = coupon.expiry(&campaign.pauses);
                let rank = (amount, Reverse(expiry), Reverse(coupon.collected_at), Reverse(coupon.id));
                if best.as_ref().is_none_or(|(_, other)| rank > *other) {
                    best = Some((Applied { coupon, campaign, amount }, rank));
                }
            }
            Err(why) => reason = Some(reason.map_or(why, |other| other.min(why))),
        }
    }
    Ok(match (best, reason, last) {
        (Some((applied, _)), ..) => Ok(applied),
        (None, Some(reason), _) => Err(reason),
        (None, None, Some(last)) if last.phase == Phase::Expired => Err(NoDeduction::CouponExpired),
        (None, None, _) => Err(NoDeduction::NoCoupon),
    })
}

/// So many open quotes may hold parts of a coupon; for one more, all of it counts as reserved.
fn room_for(held: usize, amount: i64) -> Result<i64, NoDeduction> {
    if held < limits::OPEN_QUOTES { Ok(amount) } else { Err(NoDeduction::CouponReserved) }
}

fn reserve(applied: &Applied, quote: &Quote) -> Result<Changes, Fault> {
    let movement = Movement {
        debit: Account::Committed,
        credit: Account::Reserved,
        amount: applied.amount,
        reason: Reason::Reserve,
        subject: quote.id.number(),
        part: 0,
        coupon: Some(applied.coupon.id),
    };
    let coupon = applied.coupon.clone().with_pauses(&applied.campaign.pauses).reserve(applied.amount)?;
    Ok(Changes { coupons: vec![coupon], ..moving(applied.campaign, movement) })
}
