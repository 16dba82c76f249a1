//! Found by the simulation (seed 20046): in one millisecond a coupon is used up, its campaign is paused, the payment
//! is cancelled, the coupon is taken back, and the campaign is resumed and paused again. The coupon had ended before
//! the second pause, which must not move its expiry.

use koi_core::campaign::Pause;
use koi_core::coupon::{Coupon, Phase};
use koi_core::id::{AccountId, CampaignNo, Cell, CodeText, CouponId, PersonId, ShopperKey};
use koi_core::idempotency::{Asked, Fingerprint, Key};
use koi_core::time::{DAY_MS, Time};

const NOW: Time = Time::EARLIEST;

fn pause(until: Option<Time>) -> Pause {
    Pause { from: NOW, until }
}

#[test]
fn a_second_pause_of_the_same_millisecond_does_not_move_a_coupon_that_ended_before_it() {
    let asked = Asked { key: Key(1), fingerprint: Fingerprint([0; 16]) };
    let expires_at = NOW.plus_ms(DAY_MS);
    let coupon = Coupon {
        id: CouponId::new(Cell(0), CampaignNo(1), 0),
        shopper: ShopperKey(1),
        person: PersonId::stored("P"),
        account: AccountId::stored("A"),
        code: CodeText::stored("7F3K9Q2M"),
        tier: 0,
        face: 100,
        split: false,
        remaining: 0,
        reserved: 100,
        spent: 0,
        lapsed: 0,
        phase: Phase::Held,
        collected_at: NOW,
        expires_at,
        pauses_seen: 0,
        ended_at: None,
        revision: 1,
        restocked: false,
        asked,
        voided: None,
    };
    let used = coupon.spend(100, &[], NOW).unwrap();
    let first = [pause(None)];
    let back = used.revived(&first).unspend(100).unwrap();
    let void = back.void(asked, &first, NOW).unwrap();
    let second = [pause(Some(NOW)), pause(Some(NOW.plus_ms(1000)))];
    assert_eq!(void.expiry(&second), expires_at);
}
