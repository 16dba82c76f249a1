//! Cancels of payments: everything is undone, and the coupon is live again with its own expiry.

use koi_core::campaign::Scope;
use koi_core::coupon::{Phase, Status};
use koi_core::refusal::Refusal;

use crate::stage::{DAY, DAY1, HOUR, MINUTE, Stage, at, code, plain, splittable};

#[test]
fn a_cancel_undoes_a_payment_and_the_coupon_is_live_again() {
    let mut stage = Stage::of(plain(8800, 2));
    let coupon = stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 4590);
    stage.wait(HOUR);
    let cancelled = stage.cancel(payment.id).expect("cancelled");
    assert_eq!(cancelled.cancelled.map(|(at, _)| at), Some(stage.now));
    assert_eq!((cancelled.fee, cancelled.paid_at, cancelled.refunded), (73, at(DAY1), 0));
    let back = stage.coupon(coupon.id);
    assert_eq!((back.status(), back.remaining, back.expires_at), (Status::Active, 8800, coupon.expires_at));
    assert_eq!(stage.budget(), [8800, 8800, 0, 0, 0, 0]);
    assert_eq!(stage.refund(payment.id, 1), Err(Refusal::PaymentCancelled));
    assert_eq!(stage.cancel(payment.id), Err(Refusal::PaymentCancelled));
    assert_eq!(stage.purchase("A", 4590).refunded, 0);
    assert_eq!(stage.budget()[3], 8800, "it can be spent again");
}

#[test]
fn a_payment_without_a_coupon_is_cancelled_too() {
    let mut stage = Stage::of(plain(8800, 2));
    let payment = stage.purchase("A", 4590);
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!(stage.stored_payment(payment.id).cancelled.map(|(at, _)| at), Some(stage.now));
}

#[test]
fn refusals_come_in_their_order() {
    // Each row breaks one rule and all later ones; a cancelled payment cannot be refunded, nor the other way.
    let check = |cancelled: bool, refunded: i64, late: bool, expected| {
        let mut stage = Stage::of(plain(8800, 2));
        let payment = stage.purchase("A", 4590);
        if refunded > 0 {
            stage.refund(payment.id, refunded).expect("a refund");
        }
        if cancelled {
            stage.cancel(payment.id).expect("cancelled");
        }
        if late {
            stage.wait(2 * DAY);
        }
        assert_eq!(code(stage.cancel(payment.id)), expected, "{cancelled} {refunded} {late}");
    };
    check(true, 0, true, "payment_cancelled");
    check(true, 0, false, "payment_cancelled");
    check(false, 1, true, "already_refunded");
    check(false, 4590, false, "already_refunded");
    check(false, 0, true, "cancel_window_closed");
    check(false, 0, false, "ok");
}

#[test]
fn a_cancel_is_allowed_until_a_quarter_past_midnight_in_beijing() {
    let check = |paid: &str, time: &str, more_ms, expected| {
        let mut stage = Stage::of(plain(8800, 2));
        stage.now = at(paid);
        let payment = stage.purchase("A", 4590);
        stage.now = at(time).plus_ms(more_ms);
        assert_eq!(code(stage.cancel(payment.id)), expected, "paid {paid}, at {time} {more_ms:+}");
    };
    check(DAY1, "2018-07-20T16:15:00Z", -1, "ok");
    check(DAY1, "2018-07-20T16:15:00Z", 0, "cancel_window_closed");
    // The day before midnight of Beijing has a quarter of an hour only.
    check("2018-07-20T15:59:59.999Z", "2018-07-20T16:15:00Z", -1, "ok");
    check("2018-07-20T15:59:59.999Z", "2018-07-20T16:15:00Z", 0, "cancel_window_closed");
    check("2018-07-20T16:00:00Z", "2018-07-21T16:15:00Z", -1, "ok");
    check("2018-07-20T16:00:00Z", "2018-07-21T16:15:00Z", 0, "cancel_window_closed");
}

/// A payment made `before` the coupon's expiry (by a quote opened before), cancelled at `now` after it.
fn paid_at_the_end(stage: &mut Stage, before_ms: i64) -> koi_core::payment::Payment {
    let coupon = stage.claim("A").expect("a coupon");
    stage.now = coupon.expires_at.plus_ms(-before_ms);
    stage.purchase("A", 4590)
}

#[test]
fn past_the_expiry_the_coupon_is_expired_and_its_money_free() {
    for (wait_ms, status, budget) in
        [(HOUR - 1, Status::Active, [0, 8800, 0, 0, 0, 0]), (HOUR, Status::Expired, [8800, 0, 0, 0, 0, 0])]
    {
        let mut stage = Stage::of(plain(8800, 1));
        let payment = paid_at_the_end(&mut stage, HOUR);
        stage.wait(wait_ms);
        stage.cancel(payment.id).expect("cancelled");
        let coupon = stage.rows().coupons.changed().next().expect("a coupon").0;
        assert_eq!((stage.shown(coupon).0, stage.budget()), (status, budget), "after {wait_ms} ms");
        let back = u64::from(status == Status::Expired);
        assert_eq!(stage.left(), [back], "nothing was spent: its packet goes back");
    }
}

#[test]
fn an_expired_coupon_of_a_campaign_without_restock_keeps_its_packet_out() {
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![plain(8800, 1)];
        rules.coupon.restock_expired = false;
    });
    let payment = paid_at_the_end(&mut stage, HOUR);
    stage.wait(HOUR);
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!((stage.left(), stage.budget()), (vec![0], [8800, 0, 0, 0, 0, 0]));
}

#[test]
fn of_a_closed_campaign_the_coupon_is_expired_and_its_money_returned() {
    let mut stage = Stage::of(plain(8800, 2));
    let coupon = stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 4590);
    stage.end();
    stage.close().expect("closed");
    assert_eq!(stage.budget(), [0, 0, 0, 8800, 8800, 0]);
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!(stage.budget(), [0, 0, 0, 0, 17_600, 0]);
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0), "long before its expiry");
    assert_eq!(stage.left(), [1], "no packet goes back into a stock that is closed");
}

#[test]
fn a_split_coupon_gets_each_part_back() {
    let mut stage = Stage::of(splittable(10_000, 1));
    let coupon = stage.claim("A").expect("a coupon");
    stage.rate("1");
    let first = stage.purchase("A", 3001);
    let second = stage.purchase("A", 99_999);
    assert_eq!(stage.shown(coupon.id), (Status::Used, 0));
    stage.cancel(first.id).expect("cancelled");
    let back = stage.coupon(coupon.id);
    assert_eq!((back.status(), back.remaining, back.spent), (Status::Active, 3000, 7000));
    stage.cancel(second.id).expect("cancelled");
    let back = stage.coupon(coupon.id);
    assert_eq!((back.status(), back.remaining, back.spent), (Status::Active, 10_000, 0));
}

#[test]
fn a_split_coupon_whose_rest_expired_gets_nothing_back() {
    let mut stage = Stage::of(splittable(10_000, 1));
    stage.rate("1");
    let coupon = stage.claim("A").expect("a coupon");
    stage.now = coupon.expires_at.plus_ms(-HOUR);
    let first = stage.purchase("A", 3001);
    let second = stage.purchase("A", 1001);
    stage.wait(HOUR);
    stage.cancel(first.id).expect("cancelled");
    let shown = stage.coupon(coupon.id);
    assert_eq!((shown.status(), shown.spent, shown.lapsed), (Status::Expired, 1000, 9000));
    assert_eq!((stage.budget(), stage.left()), ([9000, 0, 0, 1000, 0, 0], vec![0]), "a part is spent");
    stage.cancel(second.id).expect("cancelled");
    assert_eq!((stage.budget(), stage.left()), ([10_000, 0, 0, 0, 0, 0], vec![1]), "nothing is");
}

#[test]
fn past_the_expiry_an_open_quote_keeps_its_part_when_another_payment_is_cancelled() {
    let mut stage = Stage::of(splittable(10_000, 1));
    stage.rate("1");
    let coupon = stage.claim("A").expect("a coupon");
    stage.now = coupon.expires_at.plus_ms(-MINUTE);
    let payment = stage.purchase("A", 3001);
    let open = stage.quote("A", 99_999);
    assert_eq!(open.deduction, 7000);
    stage.wait(MINUTE);
    stage.cancel(payment.id).expect("cancelled");
    let held = stage.coupon(coupon.id);
    assert_eq!((held.phase, held.reserved, held.lapsed, held.remaining), (Phase::Held, 7000, 3000, 0));
    stage.pay(open.id).expect("honoured to its own end");
    let ended = stage.coupon(coupon.id);
    assert_eq!((ended.status(), ended.spent, ended.lapsed), (Status::Expired, 7000, 3000));
}

#[test]
fn a_void_coupon_stays_void_when_its_payment_is_cancelled() {
    let mut stage = Stage::of(splittable(10_000, 1));
    stage.rate("1");
    let coupon = stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 3001);
    let void = stage.void(coupon.id).expect("void");
    assert_eq!((void.status(), void.remaining, void.spent, void.lapsed), (Status::Void, 0, 3000, 7000));
    assert_eq!((stage.budget(), stage.left()), ([7000, 0, 0, 3000, 0, 0], vec![0]));
    stage.cancel(payment.id).expect("cancelled");
    let after = stage.coupon(coupon.id);
    assert_eq!((after.status(), after.remaining, after.lapsed), (Status::Void, 0, 10_000));
    assert_eq!(after.ended_at, void.ended_at);
    assert_eq!((stage.budget(), stage.left()), ([10_000, 0, 0, 0, 0, 0], vec![1]));
}

#[test]
fn a_void_coupon_of_a_closed_campaign_stays_void_and_its_money_is_returned() {
    let mut stage = Stage::of(splittable(10_000, 1));
    stage.rate("1");
    let coupon = stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 3001);
    stage.void(coupon.id).expect("void");
    stage.end();
    stage.close().expect("closed");
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!((stage.shown(coupon.id), stage.budget()), ((Status::Void, 0), [0, 0, 0, 0, 10_000, 0]));
    assert_eq!(stage.left(), [0], "no packet goes back into a stock that is closed");
}

#[test]
fn during_a_pause_expiry_is_judged_as_of_its_start() {
    // Paid a minute before its expiry; the pause begins so many milliseconds after the payment.
    let check = |pause_after_ms, status| {
        let mut stage = Stage::of(plain(8800, 2));
        let payment = paid_at_the_end(&mut stage, MINUTE);
        let coupon = stage.rows().coupons.changed().next().expect("a coupon").0;
        stage.wait(pause_after_ms);
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.cancel(payment.id).expect("cancelled");
        assert_eq!(stage.shown(coupon).0, status, "paused after {pause_after_ms} ms");
        stage.resume();
        stage.book_due();
        assert_eq!(
            stage.shown(coupon).0,
            Status::Expired,
            "it was not live when the pause began: no time comes back"
        );
    };
    check(MINUTE - 1, Status::Active);
    check(MINUTE, Status::Expired);
}
