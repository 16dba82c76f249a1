//! Refunds: cumulative, at the payment's own rate, and never more than was given.

use koi_core::campaign::Scope;
use koi_core::coupon::Status;
use koi_core::ledger::Reason;
use koi_core::refusal::Refusal;

use crate::stage::{DAY, HOUR, Stage, code, money, nzd, plain, splittable};

/// A payment of NZD 45.90 with the 88.00 coupon, refunded in these parts: (cents, shopper, funder) each.
fn check(parts: &[(i64, i64, i64)]) {
    let mut stage = Stage::of(plain(8800, 2));
    let coupon = stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 4590);
    stage.rate("9.99990000"); // the payment keeps its own
    for (place, (cents, shopper, funder)) in parts.iter().enumerate() {
        let refund = stage.refund(payment.id, *cents).expect("a refund");
        assert_eq!((refund.amount, refund.shopper, refund.funder), (*cents, *shopper, *funder), "{parts:?}");
        assert_eq!((refund.id.payment, refund.id.number as usize), (payment.id, place + 1));
        assert_eq!(refund.at, stage.now);
    }
    let sum = |part: fn(&(i64, i64, i64)) -> i64| parts.iter().map(part).sum::<i64>();
    let stored = stage.stored_payment(payment.id);
    assert_eq!((stored.refunded, stored.refunds as usize), (sum(|part| part.0), parts.len()));
    assert_eq!((stored.refunded_shopper, stored.refunded_funder), (sum(|part| part.1), sum(|part| part.2)));
    assert_eq!((stored.fee, stored.coupon_returned), (73, false), "the fee is not returned");
    assert_eq!(stage.shown(coupon.id), (Status::Used, 0), "the coupon is not given back");
    assert_eq!(stage.budget(), [8800, 0, 0, 8800, 0, sum(|part| part.2)]);
}

#[test]
fn the_worked_example_to_the_fen() {
    check(&[(1000, 2665, 1917), (1595, 4250, 3058), (1995, 5315, 3825)]);
}

#[test]
fn thirds_do_not_pay_a_fen_too_much() {
    check(&[(1530, 4077, 2933), (1530, 4076, 2934), (1530, 4077, 2933)]);
}

#[test]
fn all_at_once_gives_each_what_they_gave() {
    check(&[(4590, 12_230, 8800)]);
}

#[test]
fn the_last_cent_gives_the_exact_rest() {
    check(&[(4589, 12_227, 8798), (1, 3, 2)]);
    check(&[(1, 3, 2), (4589, 12_227, 8798)]);
}

#[test]
fn without_a_coupon_all_goes_to_the_shopper() {
    let mut stage = Stage::of(plain(8800, 2));
    let payment = stage.purchase("A", 4590);
    let refund = stage.refund(payment.id, 1000).expect("a refund");
    assert_eq!((refund.shopper, refund.funder), (4582, 0));
    let rest = stage.refund(payment.id, 3590).expect("a refund");
    assert_eq!((rest.shopper, rest.funder), (21_030 - 4582, 0));
    assert_eq!(stage.budget()[5], 0);
}

#[test]
fn a_share_of_nothing_moves_nothing() {
    // Of CNY 88,000.01 the funder gave one fen: small refunds have no share of it.
    let mut stage = Stage::open(|rules| rules.packets = vec![plain(1, 1)]);
    stage.rate("1");
    stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 8_800_001);
    let lines = stage.ledger.len();
    let refund = stage.refund(payment.id, 1).expect("a refund");
    assert_eq!((refund.shopper, refund.funder), (1, 0));
    assert_eq!(stage.ledger.len(), lines, "no line of nothing");
    stage.refund(payment.id, 8_800_000).expect("the rest");
    assert_eq!(stage.budget()[5], 1);
}

#[test]
fn a_shopper_who_paid_nothing_gets_nothing_back() {
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![plain(500, 1)];
        rules.coupon.threshold = koi_core::rules::Threshold::Reaches;
        rules.coupon.min_shopper_pays = 0;
    });
    stage.rate("1");
    stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 500);
    for cents in [123, 377] {
        let refund = stage.refund(payment.id, cents).expect("a refund");
        assert_eq!((refund.shopper, refund.funder), (0, cents));
    }
}

#[test]
fn a_tiny_rate_never_gives_back_more_than_the_gross() {
    // 3 cents at 0.2 are 0.6 fen, so 1 fen; each of the first two cents is 0.2 fen, so none.
    let mut stage = Stage::of(plain(8800, 1));
    stage.rate("0.2");
    let payment = stage.purchase("A", 3);
    let shares = [1, 1, 1].map(|cents| stage.refund(payment.id, cents).expect("a refund").shopper);
    assert_eq!(shares, [0, 0, 1]);
    // 4 cents at 0.2 are 0.8 fen; three of them are 0.6, and so 1 already.
    let payment = stage.purchase("A", 4);
    let shares = [3, 1].map(|cents| stage.refund(payment.id, cents).expect("a refund").shopper);
    assert_eq!(shares, [1, 0]);
}

#[test]
fn refusals_come_in_their_order() {
    // Each row breaks one rule and all later ones.
    let check = |cents, currency: &str, cancelled: bool, days, expected| {
        let mut stage = Stage::of(plain(8800, 2));
        let payment = stage.purchase("A", 4590);
        if cancelled {
            stage.cancel(payment.id).expect("cancelled");
        }
        stage.wait(days * DAY);
        let command = koi_core::command::Command::Refund(payment.id, money(currency, cents));
        assert_eq!(code(stage.call(command)), expected, "{currency} {cents}, {days} days");
    };
    check(0, "NZD", true, 360, "invalid_amount");
    check(-1, "NZD", false, 0, "invalid_amount");
    check(9999, "CNY", true, 360, "invalid_amount");
    check(9999, "NZD", true, 360, "payment_cancelled");
    check(9999, "NZD", false, 360, "refund_window_closed");
    check(9999, "NZD", false, 359, "refund_exceeds_payment");
    check(4591, "NZD", false, 0, "refund_exceeds_payment");
    check(4590, "NZD", false, 359, "ok");
    check(1, "NZD", false, 0, "ok");
}

#[test]
fn refunds_are_taken_for_360_days_to_the_millisecond() {
    let mut stage = Stage::of(plain(8800, 2));
    let payment = stage.purchase("A", 4590);
    stage.wait(360 * DAY - 1);
    stage.refund(payment.id, 1).expect("the last millisecond");
    stage.wait(1);
    assert_eq!(stage.refund(payment.id, 1), Err(Refusal::RefundWindowClosed));
}

#[test]
fn no_more_than_what_is_left_is_given_back() {
    let mut stage = Stage::of(plain(8800, 2));
    let payment = stage.purchase("A", 4590);
    stage.refund(payment.id, 2595).expect("a refund");
    assert_eq!(stage.refund(payment.id, 1996), Err(Refusal::RefundExceedsPayment));
    stage.refund(payment.id, 1995).expect("the rest");
    assert_eq!(stage.refund(payment.id, 1), Err(Refusal::RefundExceedsPayment));
}

#[test]
fn a_refund_after_the_close_is_still_recovered() {
    let mut stage = Stage::of(plain(8800, 2));
    stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 4590);
    stage.end();
    stage.close().expect("closed");
    stage.refund(payment.id, 4590).expect("a refund");
    assert_eq!(stage.budget(), [0, 0, 0, 8800, 8800, 8800]);
}

// --- campaigns whose refunds give the coupon back

/// What a whole refund does: whether the coupon comes back.
fn returns(change: impl FnOnce(&mut koi_core::rules::Rules), act: impl FnOnce(&mut Stage)) -> bool {
    let mut stage = Stage::open(|rules| {
        rules.coupon.refund_returns_coupon = true;
        change(rules);
    });
    let coupon = stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 4590);
    let quote = stage.rows().quotes.get(payment.id.quote()).expect("its quote").clone();
    act(&mut stage);
    let before = stage.budget();
    let left = stage.stored_payment(payment.id).refunded;
    let refund = stage.refund(payment.id, 4590 - left).expect("a refund");
    if left == 0 {
        assert_eq!(
            (refund.shopper, refund.funder),
            (quote.payable().value, quote.deduction),
            "the computed shares"
        );
    }
    let returned = stage.stored_payment(payment.id).coupon_returned;
    let [free, committed, reserved, spent, closed, recovered] = before;
    let after = match returned {
        true => [free, committed + quote.deduction, reserved, spent - quote.deduction, closed, recovered],
        false => [free, committed, reserved, spent, closed, recovered + refund.funder],
    };
    assert_eq!(stage.budget(), after, "spent → committed and nothing recovered, or recovered");
    assert_eq!(stage.coupon(coupon.id).spent == 0, returned);
    assert!(!returned || stage.shown(coupon.id) == (Status::Active, coupon.face));
    assert_eq!(stage.ledger.last().expect("a line").movement.reason == Reason::Restore, returned);
    returned
}

#[test]
fn a_single_whole_refund_returns_a_plain_coupon_where_the_campaign_says_so() {
    assert!(returns(|_| (), |_| ()));
    assert!(!returns(|rules| rules.coupon.refund_returns_coupon = false, |_| ()));
    assert!(!returns(|rules| rules.packets = vec![splittable(8800, 2)], |_| ()), "used up, but it splits");
    assert!(!returns(|rules| rules.packets = vec![splittable(88_000, 2)], |_| ()), "a part of one that splits");
}

#[test]
fn a_refund_in_parts_returns_no_coupon() {
    let part = |stage: &mut Stage| {
        let payment = stage.rows().payments.changed().next().expect("a payment").0;
        stage.refund(payment, 1).expect("a refund");
    };
    assert!(!returns(|_| (), part));
}

#[test]
fn a_coupon_is_returned_before_its_expiry_and_not_at_it() {
    assert!(returns(|_| (), |stage| stage.wait(7 * DAY - 1)));
    assert!(!returns(|_| (), |stage| stage.wait(7 * DAY)));
}

#[test]
fn a_coupon_is_returned_until_the_campaigns_close() {
    assert!(returns(|_| (), Stage::end));
    assert!(!returns(
        |_| (),
        |stage| {
            stage.end();
            stage.close().expect("closed");
        }
    ));
}

#[test]
fn a_coupon_is_returned_during_a_pause_by_the_expiry_at_its_start() {
    assert!(returns(
        |_| (),
        |stage| {
            stage.wait(6 * DAY);
            stage.pause(Scope::All);
            stage.wait(9 * DAY);
        }
    ));
}

#[test]
fn a_returned_coupon_has_its_own_expiry_and_works_again() {
    let mut stage = Stage::open(|rules| rules.coupon.refund_returns_coupon = true);
    let coupon = stage.claim("A").expect("a coupon");
    let first = stage.purchase("A", 4590);
    stage.wait(HOUR);
    stage.refund(first.id, 4590).expect("a refund");
    let back = stage.coupon(coupon.id);
    assert_eq!((back.expires_at, back.remaining, back.spent), (coupon.expires_at, 8800, 0));
    assert_eq!(stage.refund(first.id, 1), Err(Refusal::RefundExceedsPayment));
    assert_eq!(code(stage.cancel(first.id)), "already_refunded");
    let second = stage.quote("A", 4590);
    assert_eq!((second.coupon, second.deduction), (Some(coupon.id), 8800));
    let second = stage.pay(second.id).expect("a payment");
    stage.refund(second.id, 4590).expect("it comes back again");
    assert_eq!(stage.shown(coupon.id), (Status::Active, 8800));
    stage.pass(7 * DAY);
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0));
    assert_eq!(stage.left(), [100], "nothing of it was spent in the end");
}

#[test]
fn a_refund_says_what_was_bought() {
    let mut stage = Stage::of(plain(8800, 2));
    let payment = stage.purchase("A", 4590);
    let command = koi_core::command::Command::Refund(payment.id, nzd(1));
    let answer = stage.call(command).expect("a refund");
    let koi_core::command::Answer::Refund(quote, refund) = answer else { panic!("{answer:?}") };
    assert_eq!((quote.id, refund.amount), (payment.id.quote(), 1));
}
