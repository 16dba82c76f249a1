//! Pauses of scope `all`: nothing expires meanwhile, and what was live gets its time back.

use koi_core::campaign::{Pause, Scope};
use koi_core::command::Order;
use koi_core::coupon::{Coupon, Status};

use crate::stage::{DAY, HOUR, MINUTE, Stage, at, code, id, plain, splittable};

/// A coupon is claimed; `act` plays a day; the expiry must have moved by so much.
fn check(what: &str, moved_ms: i64, act: impl Fn(&mut Stage, &Coupon)) {
    for jobs in [true, false] {
        let mut stage = Stage::of(splittable(1000, 3));
        stage.rate("1");
        let coupon = stage.claim("A").expect("a coupon");
        act(&mut stage, &coupon);
        if jobs {
            stage.book_due();
        }
        let shown = stage.coupon(coupon.id);
        assert_eq!(shown.expires_at.since_ms(coupon.expires_at), moved_ms, "{what}, jobs: {jobs}");
        if shown.status() != Status::Active {
            continue;
        }
        stage.now = shown.expires_at.plus_ms(-1);
        assert_eq!(stage.shown(coupon.id).0, Status::Active, "{what}: live to its last millisecond");
        stage.now = shown.expires_at;
        assert_eq!(stage.shown(coupon.id).0, Status::Expired, "{what}: and not longer");
        stage.book_due();
        assert_eq!(
            stage.coupon(coupon.id).expires_at,
            shown.expires_at,
            "{what}: what is stored is what was shown"
        );
    }
}

fn paused(stage: &mut Stage, length_ms: i64) {
    stage.pause(Scope::All);
    stage.wait(length_ms);
    stage.resume();
}

#[test]
fn a_live_coupon_gets_the_length_of_the_pause() {
    check("nothing", 0, |_, _| ());
    check("a pause", HOUR, |stage, _| {
        stage.wait(HOUR);
        paused(stage, HOUR);
    });
    check("a pause of scope issuing", 0, |stage, _| {
        stage.pause(Scope::Issuing);
        stage.wait(HOUR);
        stage.resume();
    });
    check("a pause longer than its validity", 30 * DAY, |stage, _| paused(stage, 30 * DAY));
    check("several pauses", 3 * HOUR, |stage, _| {
        paused(stage, HOUR);
        stage.wait(DAY);
        paused(stage, 2 * HOUR);
        stage.wait(DAY);
    });
    check("two pauses that touch", 3 * HOUR, |stage, _| {
        paused(stage, HOUR);
        paused(stage, 2 * HOUR);
    });
    check("a pause after the first moved it", 8 * DAY + HOUR, |stage, coupon| {
        paused(stage, 8 * DAY);
        stage.now = coupon.expires_at.plus_ms(HOUR);
        paused(stage, HOUR);
    });
}

#[test]
fn a_pause_counts_from_the_last_millisecond_of_a_coupon() {
    check("it begins a millisecond before the expiry", DAY, |stage, coupon| {
        stage.now = coupon.expires_at.plus_ms(-1);
        paused(stage, DAY);
    });
    check("it begins at the expiry", 0, |stage, coupon| {
        stage.now = coupon.expires_at;
        paused(stage, DAY);
    });
}

#[test]
fn the_end_lifts_the_pause_and_gives_the_time_back() {
    check("ended while paused", HOUR, |stage, _| {
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.end();
        stage.wait(HOUR);
    });
    check("ended, and paused before", HOUR, |stage, _| {
        paused(stage, HOUR);
        stage.end();
        stage.wait(HOUR);
    });
    check("paused beyond the campaign's own end", 70 * DAY, |stage, _| paused(stage, 70 * DAY));
}

#[test]
fn a_coupon_claimed_after_a_pause_gets_nothing_of_it() {
    let mut stage = Stage::of(plain(500, 9));
    paused(&mut stage, DAY);
    let coupon = stage.claim("A").expect("a coupon");
    assert_eq!(stage.coupon(coupon.id).expires_at, coupon.collected_at.plus_ms(7 * DAY));
    paused(&mut stage, HOUR);
    assert_eq!(stage.coupon(coupon.id).expires_at, coupon.collected_at.plus_ms(7 * DAY + HOUR));
}

#[test]
fn no_coupon_expires_while_all_is_paused() {
    let mut stage = Stage::of(plain(500, 9));
    let coupon = stage.claim("A").expect("a coupon");
    stage.now = coupon.expires_at.plus_ms(-1);
    stage.pause(Scope::All);
    stage.pass(30 * DAY);
    assert_eq!((stage.shown(coupon.id), stage.budget()[1]), ((Status::Active, 500), 500));
    stage.resume();
    stage.book_due();
    assert_eq!(stage.shown(coupon.id), (Status::Active, 500));
    stage.pass(1);
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0));
}

#[test]
fn a_coupon_that_expired_before_the_pause_is_expired_in_it_though_no_job_came() {
    let mut stage = Stage::of(plain(500, 9));
    let coupon = stage.claim("A").expect("a coupon");
    stage.wait(7 * DAY);
    stage.pause(Scope::All);
    stage.wait(DAY);
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0));
    stage.resume();
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0));
}

#[test]
fn one_past_its_expiry_that_only_a_quote_holds_does_not_move() {
    let mut stage = Stage::of(plain(500, 9));
    let coupon = stage.claim("A").expect("a coupon");
    stage.now = coupon.expires_at.plus_ms(-1);
    let quote = stage.quote("A", 4590);
    stage.pass(1);
    paused(&mut stage, MINUTE);
    assert_eq!(stage.shown(coupon.id).0, Status::Reserved);
    assert_eq!(stage.coupon(coupon.id).expires_at, coupon.expires_at);
    stage.cancel_quote(quote.id).expect("cancelled");
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0), "it does not live again");
}

#[test]
fn open_quotes_are_honoured_during_a_pause_and_run_out_in_it() {
    let mut stage = Stage::of(plain(500, 9));
    let (a, b) = (stage.claim("A").expect("a coupon"), stage.claim("B").expect("a coupon"));
    let (to_pay, to_lapse) = (stage.quote("A", 4590), stage.quote("B", 4590));
    stage.pause(Scope::All);
    assert_eq!(code(stage.pay(to_pay.id)), "ok");
    stage.pass(3 * MINUTE);
    assert_eq!(code(stage.pay(to_lapse.id)), "quote_expired");
    assert_eq!(stage.quote("B", 4590).deduction, 0, "no new deduction");
    assert_eq!((stage.shown(a.id).0, stage.shown(b.id)), (Status::Used, (Status::Active, 500)));
    stage.resume();
    assert_eq!(stage.quote("B", 4590).deduction, 500);
    assert_eq!(stage.coupon(b.id).expires_at, b.expires_at.plus_ms(3 * MINUTE));
}

#[test]
fn a_coupon_used_during_a_pause_and_revived_by_a_cancel_gets_the_time_back() {
    check("cancelled after the pause", HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(MINUTE);
        stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR - MINUTE);
        stage.resume();
        stage.wait(MINUTE);
        let payment = stage.rows().payments.changed().next().expect("a payment").0;
        stage.cancel(payment).expect("cancelled");
    });
    check("cancelled within the pause", HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(MINUTE);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.cancel(payment.id).expect("cancelled");
        stage.wait(HOUR - MINUTE);
        stage.resume();
    });
    check("and paused once more", 3 * HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(MINUTE);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR - MINUTE);
        stage.resume();
        stage.cancel(payment.id).expect("cancelled");
        paused(stage, 2 * HOUR);
    });
    check("used in a second pause, after a first one", 3 * HOUR, |stage, _| {
        paused(stage, 2 * HOUR);
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(MINUTE);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR - MINUTE);
        stage.resume();
        stage.cancel(payment.id).expect("cancelled");
    });
}

#[test]
fn a_pause_that_began_while_the_coupon_was_used_gives_nothing_back() {
    check("cancelled after the pause", 0, |stage, _| {
        let payment = stage.purchase("A", 99_999);
        stage.wait(MINUTE);
        paused(stage, HOUR);
        stage.cancel(payment.id).expect("cancelled");
    });
    check("cancelled within the pause", 0, |stage, _| {
        let payment = stage.purchase("A", 99_999);
        stage.wait(MINUTE);
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.cancel(payment.id).expect("cancelled");
        stage.wait(HOUR);
        stage.resume();
    });
    check("the pause after that counts again", 2 * HOUR, |stage, _| {
        let payment = stage.purchase("A", 99_999);
        stage.wait(MINUTE);
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.cancel(payment.id).expect("cancelled");
        stage.resume();
        paused(stage, 2 * HOUR);
    });
    check("the one before counts", HOUR, |stage, _| {
        paused(stage, HOUR);
        let payment = stage.purchase("A", 99_999);
        stage.wait(MINUTE);
        paused(stage, 2 * HOUR);
        stage.cancel(payment.id).expect("cancelled");
    });
    check("used in the first, which counts, and revived in the third", HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(MINUTE);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR - MINUTE);
        stage.resume();
        paused(stage, 2 * HOUR);
        stage.pause(Scope::All);
        stage.wait(2 * HOUR);
        stage.cancel(payment.id).expect("cancelled");
        stage.wait(HOUR);
        stage.resume();
    });
    check("two cancels within one pause", 0, |stage, _| {
        let (one, two) = (stage.purchase("A", 301), stage.purchase("A", 99_999));
        stage.wait(MINUTE);
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.cancel(one.id).expect("cancelled");
        stage.cancel(two.id).expect("cancelled");
        stage.wait(HOUR);
        stage.resume();
    });
}

#[test]
fn within_one_millisecond_the_order_of_payment_and_pause_counts() {
    // Broke once: a coupon that was used up, and then paused in the same instant of the sandbox's clock, got the
    // pause's length when its payment was cancelled.
    check("paid, then paused", 0, |stage, _| {
        let payment = stage.purchase("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.resume();
        stage.cancel(payment.id).expect("cancelled");
    });
    check("paid, then paused, and cancelled within the pause", 0, |stage, _| {
        let payment = stage.purchase("A", 99_999);
        stage.pause(Scope::All);
        stage.wait(HOUR);
        stage.cancel(payment.id).expect("cancelled");
        stage.resume();
    });
    check("paused, then paid", HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR);
        stage.resume();
        stage.cancel(payment.id).expect("cancelled");
    });
    check("paused for no time, then paid, then paused", 0, |stage, _| {
        paused(stage, 0);
        let payment = stage.purchase("A", 99_999);
        paused(stage, HOUR);
        stage.cancel(payment.id).expect("cancelled");
    });
    check("paused, paid, resumed and paused again", 0, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.resume();
        paused(stage, HOUR);
        stage.cancel(payment.id).expect("cancelled");
    });
    check("resumed, then paid, then paused again", HOUR, |stage, _| {
        paused(stage, HOUR);
        let payment = stage.purchase("A", 99_999);
        paused(stage, 2 * HOUR);
        stage.cancel(payment.id).expect("cancelled");
    });
}

#[test]
fn a_coupon_that_ended_during_a_pause_shows_the_expiry_that_moved() {
    // Broke once: the expiry of every coupon that was live when the pause began moves, also of those that were
    // used or void when it was over; they showed the old one.
    check("used", HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR);
        stage.resume();
    });
    check("void", HOUR, |stage, coupon| {
        stage.pause(Scope::All);
        stage.void(coupon.id).expect("void");
        stage.wait(HOUR);
        stage.resume();
    });
    check("used, while the pause lasts", 0, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR);
    });
    check("used before", 0, |stage, _| {
        stage.purchase("A", 99_999);
        stage.wait(1);
        paused(stage, HOUR);
    });
    check("used, and cancelled after the close", HOUR, |stage, _| {
        let quote = stage.quote("A", 99_999);
        stage.pause(Scope::All);
        let payment = stage.pay(quote.id).expect("an open quote is honoured");
        stage.wait(HOUR);
        stage.end();
        stage.close().expect("closed");
        stage.cancel(payment.id).expect("cancelled");
    });
}

#[test]
fn a_coupon_revived_after_a_pause_that_outlived_it_lives_by_the_moved_expiry() {
    let mut stage = Stage::of(plain(500, 9));
    let coupon = stage.claim("A").expect("a coupon");
    stage.now = coupon.expires_at.plus_ms(-MINUTE);
    let quote = stage.quote("A", 4590);
    stage.pause(Scope::All);
    let payment = stage.pay(quote.id).expect("honoured");
    stage.wait(HOUR);
    stage.resume();
    stage.wait(MINUTE - 1);
    let mut late = stage.cells.clone();
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!(stage.shown(coupon.id), (Status::Active, 500), "a millisecond of it is left");
    std::mem::swap(&mut late, &mut stage.cells);
    let next = stage.rows().counters.transfer;
    stage.ledger.retain(|line| line.id.number() < next);
    stage.wait(1);
    stage.cancel(payment.id).expect("cancelled");
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0));
}

#[test]
fn pauses_are_kept_in_order_and_none_overlaps() {
    let mut stage = Stage::of(plain(500, 9));
    assert!(!stage.campaign().is_frozen());
    stage.pause(Scope::Issuing);
    assert!(!stage.campaign().is_frozen());
    assert_eq!(stage.campaign().pauses, []);
    stage.resume();
    let from = stage.now;
    stage.pause(Scope::All);
    assert!(stage.campaign().is_frozen());
    assert_eq!(stage.campaign().pauses, [Pause { from, until: None }]);
    stage.wait(HOUR);
    assert_eq!(stage.campaign().judged_at(stage.now), from);
    assert_eq!(stage.campaign().judged_at(from.plus_ms(-1)), from.plus_ms(-1), "looked at from before");
    let again = stage.order(Order::Pause(id(), Scope::All, "again".into()));
    assert_eq!(code(again), "invalid_transition");
    stage.resume();
    let until = stage.now;
    assert_eq!(stage.campaign().pauses, [Pause { from, until: Some(until) }]);
    assert_eq!(stage.campaign().judged_at(stage.now), stage.now);
    stage.wait(HOUR);
    stage.end();
    assert_eq!(stage.campaign().pauses, [Pause { from, until: Some(until) }], "the end lifts none that is over");
}

#[test]
fn a_paused_campaign_that_passes_its_end_is_ended_once_it_is_resumed() {
    use koi_core::campaign::Status::{Ended, Paused};
    let mut stage = Stage::of(plain(500, 9));
    stage.pause(Scope::All);
    stage.now = at("2018-10-01T00:00:00Z");
    assert_eq!(stage.campaign().status(stage.now), Paused);
    assert_eq!(code(stage.claim("A")), "campaign_ended", "by the clock");
    stage.resume();
    assert_eq!(stage.campaign().status(stage.now), Ended);
    stage.close().expect("closed");
}

/// The stored expiry finds what is due. Once it has come, the one that pauses moved takes its place, so that the coupon
/// is not found again and again; a coupon of which nothing remains is not found at all.
#[test]
fn a_moved_expiry_is_stored_when_the_one_before_has_come() {
    let stored =
        |stage: &Stage, coupon: &Coupon| stage.rows().coupons.get(coupon.id).map(|stored| stored.expires_at);
    let mut stage = Stage::of(plain(1000, 3));
    stage.rate("1");
    let (free, held) = (stage.claim("A").expect("a coupon"), stage.claim("B").expect("a coupon"));
    stage.now = held.expires_at.plus_ms(-MINUTE);
    stage.quote("B", 2000);
    paused(&mut stage, MINUTE / 2);
    stage.now = free.expires_at.plus_ms(-1);
    stage.book_due();
    assert_eq!(stored(&stage, &free), Some(free.expires_at), "it is not looked at before");
    stage.now = free.expires_at;
    stage.book_due();
    assert_eq!(stored(&stage, &free), Some(free.expires_at.plus_ms(MINUTE / 2)));
    assert_eq!(stored(&stage, &held), Some(held.expires_at), "its quote is what is due next");
}
