//! An operator takes a coupon back: what remains of it is free again.

use crate::command::{Answer, Decision, No};
use crate::coupon::Status;
use crate::id::CouponId;
use crate::idempotency::Asked;
use crate::ledger::{Account, Movement, Reason};
use crate::refusal::Refusal;
use crate::rows::Rows;
use crate::scene::Scene;
use crate::settle::{moving, with_coupon};

/// Makes an active coupon void.
pub(crate) fn void(rows: &Rows, scene: &Scene, id: CouponId, asked: Asked) -> Result<Decision, No> {
    let coupon = rows.coupons.get(id).ok_or(Refusal::NotFound)?;
    if coupon.status() != Status::Active {
        return Err(Refusal::CouponNotActive.into());
    }
    let campaign = scene.campaign_of(id)?;
    let movement = Movement {
        debit: Account::Committed,
        credit: Account::Free,
        amount: coupon.remaining,
        reason: Reason::Void,
        subject: id.number(),
        part: 0,
        coupon: Some(id),
    };
    let void = coupon.clone().void(asked, &campaign.pauses, scene.now)?;
    let changes = with_coupon(moving(campaign, movement), void.clone(), campaign);
    Ok(Decision::new(changes, Answer::Coupon(void)))
}
