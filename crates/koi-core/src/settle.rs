//! Bringing a coupon up to date: what its open quotes and its expiry mean at `now`.
//!
//! Everything that falls due is decided here, in one place: by a job soon after its time, and before any
//! command that touches the coupon. So no answer depends on a job being on time.

use crate::campaign::{Campaign, State};
use crate::coupon::{self, Coupon};
use crate::fault::Fault;
use crate::id::CouponId;
use crate::ledger::{Account, Movement, PUT_BACK, Reason};
use crate::quote::{self, Quote};
use crate::rows::{Changes, Rows};
use crate::scene::Scene;
use crate::time::Time;

/// Books what fell due of a coupon, if anything did: open quotes that ran out, then its own expiry.
pub fn settle(rows: &mut Rows, scene: &Scene, id: CouponId) -> Result<(), Fault> {
    while let Some(changes) = next_due(rows, scene, id)? {
        rows.apply(changes, scene.now)?;
    }
    Ok(())
}

fn next_due(rows: &Rows, scene: &Scene, id: CouponId) -> Result<Option<Changes>, Fault> {
    let coupon = rows.coupons.get(id).ok_or(Fault::Missing("a coupon"))?;
    let campaign = scene.campaign_of(id)?;
    let ran_out = rows
        .holds
        .get(&id)
        .into_iter()
        .flatten()
        .filter_map(|quote| rows.quotes.get(*quote))
        .find(|quote| quote.phase_at(scene.now) == quote::Phase::Expired);
    if let Some(quote) = ran_out {
        let quote = Quote { phase: quote::Phase::Expired, ..quote.clone() };
        return release(coupon, campaign, quote).map(Some);
    }
    if coupon.is_live() && coupon.has_expired(campaign, scene.now) && coupon.remaining > 0 {
        return expire(coupon, campaign, scene.now).map(Some);
    }
    if coupon.is_live() && campaign.judged_at(scene.now) >= coupon.expires_at && coupon.remaining > 0 {
        // The stored time has come, but finished pauses moved it: write it, so that it is not looked at again.
        let moved = coupon.clone().with_pauses(&campaign.pauses);
        let changes = Changes { coupons: vec![moved.clone()], ..Changes::default() };
        return Ok((moved.expires_at != coupon.expires_at).then_some(changes));
    }
    Ok(None)
}

/// Gives the deduction of a quote back to its coupon. `quote` is as it will be.
pub fn release(coupon: &Coupon, campaign: &Campaign, quote: Quote) -> Result<Changes, Fault> {
    let amount = quote.deduction;
    let (coupon, credit) = match coupon.phase {
        coupon::Phase::Void => (coupon.clone().release_void(amount)?, Account::Free),
        coupon::Phase::Held | coupon::Phase::Used | coupon::Phase::Expired => {
            (coupon.clone().release(amount)?, Account::Committed)
        }
    };
    let movement = Movement {
        debit: Account::Reserved,
        credit,
        amount,
        reason: Reason::Release,
        subject: quote.id.number(),
        part: 0,
        coupon: Some(coupon.id),
    };
    let changes = Changes { quotes: vec![quote], ..moving(campaign, movement) };
    Ok(with_coupon(changes, coupon, campaign))
}

/// Books the expiry of a coupon of which something remains. (Of one that is held and of which nothing does, open quotes
/// hold the rest.)
fn expire(coupon: &Coupon, campaign: &Campaign, now: Time) -> Result<Changes, Fault> {
    let movement = Movement {
        debit: Account::Committed,
        credit: Account::Free,
        amount: coupon.remaining,
        reason: Reason::Expire,
        subject: coupon.id.number(),
        part: 0,
        coupon: Some(coupon.id),
    };
    Ok(with_coupon(moving(campaign, movement), coupon.clone().expire(&campaign.pauses, now)?, campaign))
}

/// Changes that move money of a campaign.
pub fn moving(campaign: &Campaign, movement: Movement) -> Changes {
    Changes { movements: vec![(campaign.number, movement)], ..Changes::default() }
}

/// Adds a coupon to changes that move money of it, and puts its packet back into the stock when it ended without being
/// used: the line says so.
pub fn with_coupon(mut changes: Changes, mut coupon: Coupon, campaign: &Campaign) -> Changes {
    let open = !matches!(campaign.state, State::Closed { .. });
    if open && coupon.leaves_packet(campaign.rules.coupon.restock_expired) {
        coupon.restocked = true;
        changes.put_back = Some((campaign.number, usize::from(coupon.tier)));
        for (_, movement) in &mut changes.movements {
            movement.part = PUT_BACK;
        }
    }
    changes.coupons.push(coupon);
    changes
}
