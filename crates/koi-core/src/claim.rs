//! A claim: a scan that asks for a coupon. The refusals are checked in the order of the contract.

use crate::campaign::{Campaign, State};
use crate::catalog::Code;
use crate::command::{Answer, Claim, Decision, No, Shopper};
use crate::coupon::{Coupon, Phase};
use crate::fault::Fault;
use crate::id::CouponId;
use crate::idempotency::Asked;
use crate::ledger::{Account, Movement, Reason};
use crate::packet;
use crate::refusal::Refusal;
use crate::rows::{Changes, Rows};
use crate::scene::{Pick, Scene};
use crate::settle::moving;
use crate::time::{DAY_MS, Time};

/// Issues a packet to a shopper, or says why not. It looks at the shopper's cell alone: `SoldOut` means that this
/// slice is empty, and is believed once no other cell has packets to give.
pub(crate) fn claim(rows: &Rows, scene: &Scene, claim: &Claim, asked: Asked) -> Result<Decision, No> {
    let campaign = scene.catalog.campaign(&claim.campaign).ok_or(Refusal::UnknownCampaign)?;
    let code = scene.catalog.code(&claim.code).ok_or(Refusal::UnknownCode)?;
    if code.revoked.is_some() {
        return Err(Refusal::CodeRevoked.into());
    }
    is_open(campaign, scene.now)?;
    is_eligible(campaign, scene, claim, code)?;
    holds_few(rows, campaign, &claim.shopper)?;
    has_allowance(rows, campaign, &claim.shopper, scene.now)?;
    issue(rows, scene, campaign, claim, asked)
}

fn is_open(campaign: &Campaign, now: Time) -> Result<(), Refusal> {
    if now < campaign.rules.starts_at {
        return Err(Refusal::CampaignNotStarted(campaign.rules.starts_at));
    }
    if now >= campaign.rules.ends_at {
        return Err(Refusal::CampaignEnded);
    }
    match campaign.state {
        State::Open if campaign.beacon().is_none() => Err(Refusal::CampaignNotLive),
        State::Open => Ok(()),
        State::Ended { .. } | State::Closed { .. } => Err(Refusal::CampaignEnded),
        State::Paused { .. } => Err(Refusal::CampaignPaused),
        State::Draft | State::InReview | State::Approved => Err(Refusal::CampaignNotLive),
    }
}

fn is_eligible(campaign: &Campaign, scene: &Scene, claim: &Claim, code: &Code) -> Result<(), No> {
    let rules = &campaign.rules;
    let store = scene.catalog.store(&code.store).ok_or(Fault::Missing("a code's store"))?;
    if rules.eligibility.verified && !claim.verified {
        return Err(Refusal::NotVerified.into());
    }
    let countries = &rules.eligibility.id_countries;
    if !countries.is_empty() && !countries.contains(&claim.id_country) {
        return Err(Refusal::IdCountryNotEligible.into());
    }
    if rules.eligibility.not_in_countries.contains(&store.country) {
        return Err(Refusal::StoreCountryNotEligible.into());
    }
    if !campaign.admits(&store.merchant) {
        return Err(Refusal::StoreNotParticipating.into());
    }
    Ok(())
}

/// The person's coupons of the campaign, in the order in which they were issued.
fn coupons<'a>(rows: &'a Rows, campaign: &'a Campaign, shopper: &'a Shopper) -> impl Iterator<Item = &'a Coupon> {
    let ids = rows.shoppers.get(&shopper.key).map(Vec::as_slice).unwrap_or_default();
    ids.iter()
        .filter(|id| id.campaign() == campaign.number)
        .filter_map(|id| rows.coupons.get(*id))
        .filter(|coupon| coupon.person == shopper.person)
}

/// No other coupon while as many as allowed are held, by the same account or another of the person.
fn holds_few(rows: &Rows, campaign: &Campaign, shopper: &Shopper) -> Result<(), Refusal> {
    let live: Vec<&Coupon> = coupons(rows, campaign, shopper).filter(|coupon| coupon.is_live()).collect();
    if live.len() < campaign.rules.limits.live as usize {
        return Ok(());
    }
    let expiry = |coupon: &Coupon| coupon.expiry(&campaign.pauses);
    let held_until = |coupon: &Coupon| {
        let quotes = rows.holds.get(&coupon.id).into_iter().flatten();
        let held = quotes.filter_map(|id| rows.quotes.get(*id)).map(|quote| quote.expires_at).max();
        held.map_or(expiry(coupon), |held| held.max(expiry(coupon)))
    };
    let first = |own: bool| {
        let of_account = live.iter().filter(|coupon| (coupon.account == shopper.account) == own);
        of_account.min_by_key(|coupon| (expiry(coupon), coupon.id))
    };
    Err(match (first(true), first(false)) {
        (Some(own), _) => {
            let shown = Coupon { expires_at: expiry(own), ..(*own).clone() };
            Refusal::CouponAlreadyHeld(Box::new(shown), held_until(own))
        }
        (None, Some(other)) => Refusal::PersonHoldsCoupon(held_until(other)),
        // A limit of nothing held is refused when rules are made.
        (None, None) => Refusal::LimitReached(None),
    })
}

/// So many coupons received in each window; one that the operator took back does not count.
fn has_allowance(rows: &Rows, campaign: &Campaign, shopper: &Shopper, now: Time) -> Result<(), No> {
    let (from, until) = campaign.window(now).ok_or(Fault::Broken("an open campaign has no window"))?;
    let received = coupons(rows, campaign, shopper)
        .filter(|coupon| coupon.phase != Phase::Void)
        .filter(|coupon| (from..until).contains(&coupon.collected_at))
        .count();
    if received < campaign.rules.limits.per_window as usize {
        return Ok(());
    }
    let next = (until < campaign.rules.ends_at).then_some(until);
    Err(Refusal::LimitReached(next).into())
}

fn issue(rows: &Rows, scene: &Scene, campaign: &Campaign, claim: &Claim, asked: Asked) -> Result<Decision, No> {
    let slice = rows.slices.get(campaign.number).ok_or(Fault::Missing("a campaign's slice"))?;
    let total = packet::total(&slice.left);
    if total == 0 {
        return Err(Refusal::SoldOut.into());
    }
    let what = Pick::Claim { ordinal: u64::from(slice.next_ordinal) };
    let pick = scene.luck.pick(campaign, rows.cell, what, total)?;
    let place = packet::at(&slice.left, pick)?;
    let tier = campaign.rules.packets.get(place).ok_or(Fault::Missing("a packet's tier"))?;
    let id = CouponId::new(rows.cell, campaign.number, slice.next_ordinal);
    let coupon = Coupon {
        id,
        shopper: claim.shopper.key,
        person: claim.shopper.person.clone(),
        account: claim.shopper.account.clone(),
        code: claim.code.clone(),
        tier: u16::try_from(place).map_err(|_| Fault::Overflow)?,
        face: tier.face,
        split: tier.split,
        remaining: tier.face,
        reserved: 0,
        spent: 0,
        lapsed: 0,
        phase: Phase::Held,
        collected_at: scene.now,
        expires_at: scene.now.plus_ms(i64::from(campaign.rules.coupon.valid_days) * DAY_MS),
        pauses_seen: u32::try_from(campaign.pauses.len()).map_err(|_| Fault::Overflow)?,
        ended_at: None,
        revision: campaign.revision,
        restocked: false,
        asked,
        voided: None,
    };
    let movement = Movement {
        debit: Account::Free,
        credit: Account::Committed,
        amount: tier.face,
        reason: Reason::Issue,
        subject: id.number(),
        part: 0,
        coupon: Some(id),
    };
    let changes = Changes {
        coupons: vec![coupon.clone()],
        taken: Some((campaign.number, place)),
        ..moving(campaign, movement)
    };
    Ok(Decision::new(changes, Answer::Coupon(coupon)))
}
