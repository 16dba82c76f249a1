//! Limits: so many coupons in each window, counted by person.

use koi_core::refusal::Refusal;
use koi_core::time::Time;

use crate::stage::{DAY, OPENING, Scan, Stage, at, plain};

const SECOND_WINDOW: &str = "2018-08-14T00:00:00+08:00";
const LAST_WINDOW: &str = "2018-09-13T00:00:00+08:00";

/// With two coupons per window of thirty days, and any number held.
fn stage() -> Stage {
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![plain(500, 50)];
        rules.limits.per_window = 2;
        rules.limits.live = 10;
    });
    stage.now = at(OPENING);
    stage
}

fn limit(stage: &mut Stage) -> Option<Time> {
    match stage.claim("A") {
        Err(Refusal::LimitReached(next)) => next,
        other => panic!("the limit is not reached: {other:?}"),
    }
}

#[test]
fn a_window_ends_to_the_millisecond_and_the_next_gives_a_full_allowance() {
    let mut stage = stage();
    stage.claim("A").expect("the first instant of the first window");
    stage.now = at(SECOND_WINDOW).plus_ms(-1);
    stage.claim("A").expect("its last");
    assert_eq!(limit(&mut stage), Some(at(SECOND_WINDOW)));
    stage.now = at(SECOND_WINDOW);
    stage.claim("A").expect("the next window");
    stage.claim("A").expect("the next window");
    assert_eq!(limit(&mut stage), Some(at(LAST_WINDOW)));
}

#[test]
fn the_last_window_is_cut_short_with_a_full_allowance_and_none_follows() {
    let mut stage = stage();
    stage.now = at(LAST_WINDOW);
    stage.claim("A").expect("the last window");
    stage.claim("A").expect("the last window");
    assert_eq!(limit(&mut stage), None);
}

#[test]
fn what_was_received_counts_whatever_became_of_it() {
    let check = |what: &str, act: fn(&mut Stage), counts: bool| {
        let mut stage = Stage::open(|rules| {
            rules.limits.per_window = 1;
            rules.limits.live = 10;
            rules.coupon.refund_returns_coupon = what == "returned";
        });
        stage.claim("A").expect("a coupon");
        act(&mut stage);
        let again = stage.claim("A");
        assert_eq!(matches!(again, Err(Refusal::LimitReached(_))), counts, "{what}: {again:?}");
    };
    check("held", |_| (), true);
    check("expired", |stage| stage.pass(8 * DAY), true);
    check(
        "used",
        |stage| {
            stage.purchase("A", 4590);
        },
        true,
    );
    check(
        "refunded",
        |stage| {
            let payment = stage.purchase("A", 4590);
            stage.refund(payment.id, 4590).expect("refunded");
        },
        true,
    );
    check(
        "returned",
        |stage| {
            let payment = stage.purchase("A", 4590);
            stage.refund(payment.id, 4590).expect("refunded");
        },
        true,
    );
    check(
        "void",
        |stage| {
            let coupon = stage.rows().coupons.changed().next().expect("a coupon").0;
            stage.void(coupon).expect("void");
        },
        false,
    );
}

#[test]
fn limits_count_by_person_and_not_by_account() {
    let mut stage = stage();
    for account in ["A", "B"] {
        stage.scan(&Scan { account, person: "P", ..Scan::default() }).expect("a coupon");
    }
    let third = stage.scan(&Scan { account: "C", person: "P", ..Scan::default() });
    assert_eq!(third, Err(Refusal::LimitReached(Some(at(SECOND_WINDOW)))));
    stage.scan(&Scan { account: "A", person: "Q", ..Scan::default() }).expect("another person");
}

#[test]
fn held_coupons_are_refused_before_the_limit() {
    let mut stage = Stage::open(|rules| rules.limits.per_window = 1);
    stage.claim("A").expect("a coupon");
    assert!(matches!(stage.claim("A"), Err(Refusal::CouponAlreadyHeld(..))));
    stage.purchase("A", 4590);
    assert!(matches!(stage.claim("A"), Err(Refusal::LimitReached(_))));
}

#[test]
fn as_many_may_be_held_as_the_document_says() {
    let mut stage = Stage::open(|rules| rules.limits.live = 2);
    stage.claim("A").expect("one");
    stage.claim("A").expect("two");
    assert!(matches!(stage.claim("A"), Err(Refusal::CouponAlreadyHeld(..))));
}

#[test]
fn a_cancel_may_bring_a_second_live_coupon_back() {
    let mut stage = Stage::of(plain(500, 9));
    stage.claim("A").expect("a coupon");
    let payment = stage.purchase("A", 4590);
    stage.claim("A").expect("the first is used");
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!(stage.budget()[1], 1000, "two are live: the limit is checked at claims only");
    assert!(matches!(stage.claim("A"), Err(Refusal::CouponAlreadyHeld(..))));
}
