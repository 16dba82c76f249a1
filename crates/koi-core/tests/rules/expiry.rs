//! Expiry, voiding, and the way of packets back into the stock.

use koi_core::coupon::{Phase, Status};
use koi_core::packet::Tier;
use koi_core::refusal::Refusal;

use crate::stage::{DAY, HOUR, MINUTE, Stage, at, plain, splittable};

#[test]
fn a_coupon_expires_to_the_millisecond_and_runs_past_the_campaigns_end() {
    let mut stage = Stage::of(plain(8800, 2));
    stage.now = at("2018-09-14T15:59:59.999Z");
    let coupon = stage.claim("A").expect("the last millisecond");
    assert_eq!(coupon.expires_at, at("2018-09-21T15:59:59.999Z"));
    stage.now = coupon.expires_at.plus_ms(-1);
    stage.book_due();
    assert_eq!((stage.shown(coupon.id), stage.budget()[1]), ((Status::Active, 8800), 8800));
    stage.now = coupon.expires_at;
    assert_eq!(stage.shown(coupon.id), (Status::Expired, 0), "before any job came");
    stage.book_due();
    assert_eq!(stage.budget(), [17_600, 0, 0, 0, 0, 0]);
    assert_eq!(stage.coupon(coupon.id).ended_at, Some(stage.now));
}

#[test]
fn validity_is_so_many_times_24_hours() {
    for days in [1, 7, 366] {
        let mut stage = Stage::open(|rules| rules.coupon.valid_days = days);
        let coupon = stage.claim("A").expect("a coupon");
        assert_eq!(coupon.expires_at.since_ms(coupon.collected_at), i64::from(days) * DAY);
    }
}

#[test]
fn an_expired_packet_goes_back_into_the_stock_only_if_the_document_says_so_and_nothing_was_spent() {
    let check = |tier: Tier, restock, spend: &[i64], left: u64, free: i64| {
        let mut stage = Stage::open(|rules| {
            rules.packets = vec![plain(1, 1), Tier { count: 1, ..tier }];
            rules.coupon.restock_expired = restock;
        });
        stage.rate("1");
        stage.picks.borrow_mut().push_back(1);
        let coupon = stage.claim("A").expect("a coupon");
        for cents in spend {
            stage.purchase("A", *cents);
        }
        stage.pass(8 * DAY);
        assert_eq!(stage.coupon(coupon.id).status(), Status::Expired);
        assert_eq!(stage.left(), [1, left], "{tier:?} restock {restock} spent {spend:?}");
        assert_eq!(stage.coupon(coupon.id).restocked, left == 1);
        assert_eq!(stage.budget()[0], 1 + free, "its money is free either way");
    };
    check(plain(500, 1), true, &[], 1, 500);
    check(plain(500, 1), false, &[], 0, 500);
    check(splittable(500, 1), true, &[], 1, 500);
    check(splittable(500, 1), true, &[101], 0, 400);
    check(splittable(500, 1), false, &[101], 0, 400);
}

#[test]
fn a_packet_that_came_back_is_claimed_again() {
    let mut stage = Stage::of(plain(500, 1));
    let first = stage.claim("A").expect("a coupon");
    assert_eq!(stage.claim("B"), Err(Refusal::SoldOut));
    stage.pass(7 * DAY);
    let again = stage.claim("B").expect("it came back");
    assert_eq!((again.id.ordinal(), again.face), (first.id.ordinal() + 1, 500));
}

#[test]
fn an_open_quote_is_honoured_past_the_expiry_and_then_its_money_is_free() {
    let open = |stage: &mut Stage| {
        let coupon = stage.claim("A").expect("a coupon");
        stage.now = coupon.expires_at.plus_ms(-1);
        let quote = stage.quote("A", 4590);
        stage.pass(MINUTE);
        assert_eq!(stage.shown(coupon.id).0, Status::Reserved, "only the quote holds it");
        (coupon, quote)
    };
    let mut stage = Stage::of(plain(8800, 1));
    let (coupon, quote) = open(&mut stage);
    assert_eq!(stage.pay(quote.id).map(|payment| payment.refunded), Ok(0));
    assert_eq!((stage.shown(coupon.id).0, stage.budget()), (Status::Used, [0, 0, 0, 8800, 0, 0]));

    let mut stage = Stage::of(plain(8800, 1));
    let (coupon, quote) = open(&mut stage);
    stage.cancel_quote(quote.id).expect("cancelled");
    assert_eq!(stage.budget(), [8800, 0, 0, 0, 0, 0], "booked with the cancel");
    assert_eq!((stage.shown(coupon.id).0, stage.left()), (Status::Expired, vec![1]));

    let mut stage = Stage::of(plain(8800, 1));
    let (coupon, quote) = open(&mut stage);
    stage.now = quote.expires_at;
    stage.book_due();
    assert_eq!((stage.shown(coupon.id).0, stage.budget()), (Status::Expired, [8800, 0, 0, 0, 0, 0]));
}

#[test]
fn the_rest_of_a_split_coupon_lapses_while_quotes_hold_parts_of_it() {
    let open = |stage: &mut Stage| {
        stage.rate("1");
        let coupon = stage.claim("A").expect("a coupon");
        stage.now = coupon.expires_at.plus_ms(-1);
        let quotes = [stage.quote("A", 301), stage.quote("A", 201)];
        stage.pass(1);
        let held = stage.coupon(coupon.id);
        assert_eq!((held.phase, held.remaining, held.reserved, held.lapsed), (Phase::Held, 0, 500, 500));
        assert_eq!((stage.budget(), stage.left()), ([500, 0, 500, 0, 0, 0], vec![0]));
        (coupon.id, quotes)
    };
    let mut stage = Stage::of(splittable(1000, 1));
    let (coupon, quotes) = open(&mut stage);
    stage.pay(quotes[0].id).expect("paid");
    assert_eq!(stage.shown(coupon).0, Status::Reserved, "the other holds it still");
    stage.cancel_quote(quotes[1].id).expect("cancelled");
    assert_eq!((stage.shown(coupon).0, stage.budget()), (Status::Expired, [700, 0, 0, 300, 0, 0]));
    assert_eq!(stage.left(), [0], "a part of it was spent");

    let mut stage = Stage::of(splittable(1000, 1));
    let (coupon, quotes) = open(&mut stage);
    stage.now = quotes[0].expires_at;
    stage.book_due();
    assert_eq!((stage.shown(coupon).0, stage.budget()), (Status::Expired, [1000, 0, 0, 0, 0, 0]));
    assert_eq!(stage.left(), [1], "nothing of it was spent");

    let mut stage = Stage::of(splittable(1000, 1));
    let (coupon, quotes) = open(&mut stage);
    for quote in &quotes {
        stage.pay(quote.id).expect("paid");
    }
    assert_eq!((stage.shown(coupon).0, stage.budget()), (Status::Expired, [500, 0, 0, 500, 0, 0]));
}

#[test]
fn quotes_run_out_at_their_own_times() {
    let mut stage = Stage::of(splittable(1000, 1));
    stage.rate("1");
    let coupon = stage.claim("A").expect("a coupon");
    stage.quote("A", 301);
    stage.wait(MINUTE);
    stage.quote("A", 201);
    stage.wait(2 * MINUTE);
    assert_eq!(stage.shown(coupon.id), (Status::Active, 800));
    stage.pass(MINUTE);
    assert_eq!(stage.shown(coupon.id), (Status::Active, 1000));
}

// --- voids

#[test]
fn an_active_coupon_is_void_and_its_packet_goes_back() {
    for restock_expired in [true, false] {
        let mut stage = Stage::open(|rules| {
            rules.packets = vec![plain(8800, 1)];
            rules.coupon.restock_expired = restock_expired;
        });
        let coupon = stage.claim("A").expect("a coupon");
        stage.wait(HOUR);
        let void = stage.void(coupon.id).expect("void");
        assert_eq!((void.status(), void.remaining, void.lapsed), (Status::Void, 0, 8800));
        assert_eq!((void.ended_at, void.expires_at), (Some(stage.now), coupon.expires_at));
        assert_eq!((stage.budget(), stage.left()), ([8800, 0, 0, 0, 0, 0], vec![1]), "also {restock_expired}");
        stage.pass(8 * DAY);
        assert_eq!(stage.coupon(coupon.id).status(), Status::Void, "it does not expire as well");
        stage.claim("A").expect("the next coupon");
    }
}

#[test]
fn only_an_active_coupon_can_be_void() {
    let check = |what: &str, act: fn(&mut Stage)| {
        let mut stage = Stage::of(plain(8800, 2));
        let coupon = stage.claim("A").expect("a coupon");
        act(&mut stage);
        assert_eq!(stage.void(coupon.id), Err(Refusal::CouponNotActive), "{what}");
    };
    check("reserved", |stage| drop(stage.quote("A", 4590)));
    check("used", |stage| {
        stage.purchase("A", 4590);
    });
    check("expired", |stage| stage.pass(7 * DAY));
    check("expired, and no job came", |stage| stage.wait(7 * DAY));
    check("void", |stage| {
        let coupon = stage.rows().coupons.changed().next().expect("a coupon").0;
        stage.void(coupon).expect("void");
    });
}

#[test]
fn an_open_quote_of_a_void_coupon_is_honoured() {
    let open = |stage: &mut Stage| {
        stage.rate("1");
        let coupon = stage.claim("A").expect("a coupon");
        let quote = stage.quote("A", 301);
        let void = stage.void(coupon.id).expect("some of it is active");
        assert_eq!((void.lapsed, void.reserved), (700, 300));
        assert_eq!((stage.budget(), stage.left()), ([700, 0, 300, 0, 0, 0], vec![0]), "the quote holds the rest");
        (coupon.id, quote)
    };
    let mut stage = Stage::of(splittable(1000, 1));
    let (coupon, quote) = open(&mut stage);
    stage.pay(quote.id).expect("honoured");
    let paid = stage.coupon(coupon);
    assert_eq!((paid.status(), paid.spent, paid.lapsed), (Status::Void, 300, 700));
    assert_eq!((stage.budget(), stage.left()), ([700, 0, 0, 300, 0, 0], vec![0]));

    let mut stage = Stage::of(splittable(1000, 1));
    let (coupon, quote) = open(&mut stage);
    stage.cancel_quote(quote.id).expect("cancelled");
    assert_eq!((stage.coupon(coupon).status(), stage.coupon(coupon).lapsed), (Status::Void, 1000));
    assert_eq!((stage.budget(), stage.left()), ([1000, 0, 0, 0, 0, 0], vec![1]), "nothing of it was spent");

    let mut stage = Stage::of(splittable(1000, 1));
    let (coupon, quote) = open(&mut stage);
    stage.now = quote.expires_at;
    stage.book_due();
    assert_eq!((stage.coupon(coupon).status(), stage.left()), (Status::Void, vec![1]));
}
