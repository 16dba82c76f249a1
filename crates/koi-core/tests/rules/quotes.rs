//! Quotes: which coupon is applied, what it takes off, or why nothing is.

use koi_core::campaign::Scope;
use koi_core::command::Order;
use koi_core::coupon::Status;
use koi_core::id::{CouponId, MerchantId};
use koi_core::money::Currency;
use koi_core::packet::Tier;
use koi_core::quote::{NoDeduction, Phase, Quote};
use koi_core::refusal::Refusal;
use koi_core::rules::{Rules, Threshold};

use crate::stage::{
    DAY, DAY1, HOUR, MINUTE, Scan, Stage, at, code, money, nzd, plain, rules, shopper, splittable,
};

/// A stage where a New Zealand cent is a fen, so that the amount is the gross.
fn one_to_one(change: impl FnOnce(&mut Rules)) -> Stage {
    let mut stage = Stage::open(change);
    stage.rate("1");
    stage
}

/// What a quote says of its coupon.
fn taken(quote: &Quote) -> (i64, Option<NoDeduction>) {
    assert_eq!(quote.coupon.is_some(), quote.deduction > 0);
    (quote.deduction, quote.no_deduction)
}

#[test]
fn a_coupon_is_taken_off_only_where_the_amount_is_large_enough() {
    use Threshold::{Exceeds, Reaches};
    let check = |tier: Tier, threshold, min, gross, expected: i64| {
        let mut stage = one_to_one(|rules| {
            rules.packets = vec![tier];
            rules.coupon.threshold = threshold;
            rules.coupon.min_shopper_pays = min;
        });
        stage.claim("A").expect("a coupon");
        let quote = stage.quote("A", gross);
        let reason = (expected == 0).then_some(NoDeduction::DoesNotExceed);
        assert_eq!(taken(&quote), (expected, reason), "{tier:?} {threshold:?} min {min} gross {gross}");
        assert_eq!(quote.payable(), money("CNY", gross - expected));
    };
    check(plain(500, 1), Exceeds, 0, 500, 0);
    check(plain(500, 1), Exceeds, 0, 501, 500);
    check(plain(500, 1), Reaches, 0, 499, 0);
    check(plain(500, 1), Reaches, 0, 500, 500);
    check(plain(500, 1), Reaches, 1, 500, 0);
    check(plain(500, 1), Reaches, 1, 501, 500);
    check(plain(500, 1), Exceeds, 1, 501, 500);
    check(plain(500, 1), Exceeds, 100, 599, 0);
    check(plain(500, 1), Exceeds, 100, 600, 500);
    // One that splits takes what it can, whatever the threshold.
    check(splittable(500, 1), Exceeds, 0, 500, 500);
    check(splittable(500, 1), Exceeds, 0, 300, 300);
    check(splittable(500, 1), Exceeds, 1, 300, 299);
    check(splittable(500, 1), Exceeds, 1, 501, 500);
    check(splittable(500, 1), Exceeds, 1, 500, 499);
    check(splittable(500, 1), Exceeds, 1, 90_000, 500);
    check(splittable(500, 1), Exceeds, 1, 2, 1);
    check(splittable(500, 1), Exceeds, 1, 1, 0);
    check(splittable(500, 1), Exceeds, 100, 100, 0);
    check(splittable(500, 1), Exceeds, 100, 99, 0);
}

#[test]
fn the_comparison_uses_the_rounded_gross() {
    let check = |rate: &str, cents, gross, deduction| {
        let mut stage = Stage::of(plain(8800, 1));
        stage.rate(rate);
        stage.claim("A").expect("a coupon");
        let quote = stage.quote("A", cents);
        assert_eq!((quote.gross, quote.deduction), (money("CNY", gross), deduction), "{cents} at {rate}");
        assert_eq!(quote.rate.to_string(), format!("{rate:0<10}"));
    };
    check("4.40000000", 2000, 8800, 0);
    check("4.40020000", 2000, 8800, 0);
    check("4.40025000", 2000, 8801, 8800);
    check("4.40000000", 2001, 8804, 8800);
    check("4.58170000", 4590, 21_030, 8800);
}

#[test]
fn a_quote_reserves_its_deduction_and_says_until_when() {
    let mut stage = Stage::of(plain(8800, 2));
    let coupon = stage.claim("A").expect("a coupon");
    let quote = stage.quote("A", 4590);
    assert_eq!((quote.coupon, quote.phase), (Some(coupon.id), Phase::Open));
    assert_eq!((quote.created_at, quote.expires_at), (at(DAY1), at("2018-07-19T22:18:00Z")));
    assert_eq!((quote.account.as_str(), quote.person.as_str()), ("A", "person-of-A"));
    assert_eq!((quote.store.as_str(), quote.amount, quote.settled), ("queen-st", nzd(4590), None));
    assert_eq!(stage.shown(coupon.id), (Status::Reserved, 0));
    assert_eq!(stage.budget(), [8800, 0, 8800, 0, 0, 0]);
    let second = stage.quote("A", 4590);
    assert_eq!(taken(&second), (0, Some(NoDeduction::CouponReserved)));
    assert_ne!(second.id, quote.id);
}

#[test]
fn a_quote_with_a_coupon_holds_as_long_as_its_campaign_says_and_one_without_as_the_server_says() {
    let mut stage = Stage::open(|rules| rules.quote_valid_s = 600);
    assert_eq!(stage.quote("A", 4590).expires_at, at(DAY1).plus_ms(2 * MINUTE), "the server's 120 s");
    stage.claim("A").expect("a coupon");
    assert_eq!(stage.quote("A", 4590).expires_at, at(DAY1).plus_ms(10 * MINUTE), "the campaign's 600 s");
}

#[test]
fn a_quote_can_be_paid_or_cancelled_before_its_expiry_and_not_at_it() {
    let check = |coupon: bool, pays: bool| {
        let mut stage = Stage::of(plain(8800, 2));
        if coupon {
            stage.claim("A").expect("a coupon");
        }
        let quote = stage.quote("A", 4590);
        let outcome = |stage: &mut Stage| match pays {
            true => code(stage.pay(quote.id)),
            false => code(stage.cancel_quote(quote.id)),
        };
        let mut late = stage.cells.clone();
        stage.now = quote.expires_at.plus_ms(-1);
        assert_eq!(outcome(&mut stage), "ok", "coupon: {coupon}, pays: {pays}");
        stage.now = quote.expires_at;
        assert_eq!(code(stage.pay(quote.id)), "quote_not_open", "also past its expiry");
        assert_eq!(code(stage.cancel_quote(quote.id)), "quote_not_open", "also past its expiry");
        std::mem::swap(&mut stage.cells, &mut late);
        let next = stage.rows().counters.transfer;
        stage.ledger.retain(|line| line.id.number() < next);
        assert_eq!(outcome(&mut stage), "quote_expired", "coupon: {coupon}, pays: {pays}");
    };
    [(true, true), (true, false), (false, true), (false, false)].into_iter().for_each(|(c, p)| check(c, p));
}

#[test]
fn a_quote_that_ran_out_gives_its_coupon_back_whether_a_job_came_or_not() {
    for job in [true, false] {
        let mut stage = Stage::of(plain(8800, 2));
        let coupon = stage.claim("A").expect("a coupon");
        let quote = stage.quote("A", 4590);
        if job {
            stage.pass(3 * MINUTE)
        } else {
            stage.wait(3 * MINUTE)
        };
        assert_eq!(code(stage.pay(quote.id)), "quote_expired");
        assert_eq!(stage.shown(coupon.id), (Status::Active, 8800));
        assert_eq!(stage.quote("A", 4590).deduction, 8800);
    }
}

#[test]
fn a_cancelled_quote_gives_its_reservation_back() {
    let mut stage = Stage::of(plain(8800, 2));
    let coupon = stage.claim("A").expect("a coupon");
    let quote = stage.quote("A", 4590);
    let cancelled = stage.cancel_quote(quote.id).expect("cancelled");
    assert_eq!(
        (cancelled.phase, cancelled.deduction, cancelled.coupon),
        (Phase::Cancelled, 8800, Some(coupon.id))
    );
    assert!(cancelled.settled.is_some());
    assert_eq!((stage.shown(coupon.id), stage.budget()), ((Status::Active, 8800), [8800, 8800, 0, 0, 0, 0]));
    assert_eq!(code(stage.cancel_quote(quote.id)), "quote_not_open");
    assert_eq!(code(stage.pay(quote.id)), "quote_not_open");
    let without = stage.buy(shopper("B", ""), "queen-st", nzd(100)).expect("a quote");
    assert_eq!(stage.cancel_quote(without.id).expect("cancelled").phase, Phase::Cancelled);
}

#[test]
fn bad_amounts_and_pairs_are_refused() {
    let mut stage = Stage::of(plain(8800, 2));
    let mut check = |store: &str, amount, expected| {
        assert_eq!(code(stage.buy(shopper("A", ""), store, amount)), expected, "{amount}");
    };
    check("nowhere", nzd(100), "not_found");
    check("queen-st", nzd(0), "invalid_amount");
    check("queen-st", nzd(-5), "invalid_amount");
    check("queen-st", money("CNY", 100), "invalid_amount");
    check("queen-st", nzd(i64::MAX), "invalid_amount");
    check("queen-st", nzd(1), "ok");
    check("beijing", money("CNY", i64::MAX), "ok");
    check("beijing", nzd(100), "invalid_amount");
    stage.rate("0.004");
    assert_eq!(code(stage.buy(shopper("A", ""), "queen-st", nzd(1))), "invalid_amount", "a gross of 0");
    assert_eq!(stage.buy(shopper("A", ""), "queen-st", nzd(125)).expect("a quote").gross.value, 1);
}

#[test]
fn a_pair_needs_a_rate_and_the_wallet_currency_none() {
    let mut stage = Stage::of(plain(8800, 2));
    stage.must(Order::AddMerchant(crate::stage::merchant_of("fiji-sun", "FJ", "FJD")));
    stage.must(Order::AddStore(crate::stage::store_of("nadi", "fiji-sun", "FJ")));
    let fjd = |value| money("FJD", value);
    assert_eq!(stage.buy(shopper("A", ""), "nadi", fjd(100)), Err(Refusal::NoRate));
    assert_eq!(
        code(stage.buy(shopper("A", ""), "nadi", fjd(0))),
        "invalid_amount",
        "before the rate is looked at"
    );
    let quote = stage.buy(shopper("A", ""), "beijing", money("CNY", 100)).expect("one to one");
    assert_eq!((quote.rate.to_string().as_str(), quote.gross), ("1.00000000", money("CNY", 100)));
    let pair = (Currency::parse("FJD").expect("FJD"), Currency::CNY);
    let rate = koi_core::money::Rate::parse("3").expect("a rate");
    stage.must(Order::SetRate(pair.0, pair.1, rate));
    assert_eq!(stage.buy(shopper("A", ""), "nadi", fjd(100)).expect("a quote").gross.value, 300);
}

#[test]
fn a_quote_keeps_its_own_rate() {
    let mut stage = Stage::of(plain(8800, 2));
    let quote = stage.quote("A", 4590);
    stage.rate("9.9");
    let payment = stage.pay(quote.id).expect("a payment");
    assert_eq!((quote.gross.value, payment.fee), (21_030, 73));
    assert_eq!(stage.quote("A", 4590).gross.value, 45_441);
}

/// A stage whose shopper A holds these packets, claimed an hour apart.
fn holding(tiers: &[Tier]) -> (Stage, Vec<CouponId>) {
    let mut stage = one_to_one(|rules| {
        rules.packets = tiers.iter().map(|tier| Tier { count: 9, ..*tier }).collect();
        rules.packets.dedup();
        rules.limits.live = 10;
        rules.limits.per_window = 10;
    });
    let mut coupons = Vec::new();
    for tier in tiers {
        let left = stage.left();
        let place = stage.campaign().rules.packets.iter().position(|other| other.face == tier.face);
        let pick = left[..place.expect("a tier")].iter().sum();
        stage.picks.borrow_mut().push_back(pick);
        coupons.push(stage.claim("A").expect("a coupon").id);
        stage.wait(HOUR);
    }
    (stage, coupons)
}

#[test]
fn of_several_coupons_the_largest_deduction_is_applied_then_the_first_to_expire() {
    let check = |tiers: &[Tier], gross, applied: Option<usize>, deduction| {
        let (mut stage, coupons) = holding(tiers);
        let quote = stage.quote("A", gross);
        assert_eq!(quote.deduction, deduction, "{tiers:?} of {gross}");
        assert_eq!(quote.coupon, applied.map(|place| coupons[place]), "{tiers:?} of {gross}");
    };
    let (small, middle, large) = (plain(500, 1), plain(888, 1), plain(1888, 1));
    check(&[small, large, middle], 5000, Some(1), 1888);
    check(&[small, large, middle], 1000, Some(2), 888);
    check(&[small, large, middle], 888, Some(0), 500);
    check(&[small, large, middle], 500, None, 0);
    check(&[small, small], 5000, Some(0), 500);
    // One that splits counts with what it takes, not with what it is worth.
    check(&[splittable(9000, 1), middle], 889, Some(0), 888);
    check(&[middle, splittable(9000, 1)], 889, Some(0), 888);
    check(&[middle, splittable(9000, 1)], 888, Some(1), 887);
    check(&[middle, splittable(9000, 1)], 1000, Some(1), 999);
}

#[test]
fn ties_go_to_the_earliest_expiry_and_then_to_the_one_collected_first() {
    // Two campaigns with other validities: the later coupon expires earlier.
    let mut stage = one_to_one(|rules| rules.coupon.valid_days = 9);
    let mut autumn = rules();
    autumn.id = koi_core::id::CampaignId::stored("autumn");
    stage.launch(autumn);
    let long = stage.claim("A").expect("nine days");
    stage.wait(HOUR);
    let short = stage.scan(&Scan { campaign: "autumn", ..Scan::default() }).expect("seven days");
    assert!(short.expires_at < long.expires_at && short.id > long.id);
    assert_eq!(stage.quote("A", 10_000).coupon, Some(short.id), "the earlier expiry");

    // The same expiry: the later campaign's was collected first, so it has the larger number.
    let mut stage = one_to_one(|rules| rules.coupon.valid_days = 6);
    let mut autumn = rules();
    autumn.id = koi_core::id::CampaignId::stored("autumn");
    stage.launch(autumn);
    let first = stage.scan(&Scan { campaign: "autumn", ..Scan::default() }).expect("seven days");
    stage.pass(DAY);
    let second = stage.claim("A").expect("six days");
    assert!(second.expires_at == first.expires_at && second.id < first.id);
    assert_eq!(stage.quote("A", 10_000).coupon, Some(first.id), "the one collected first");

    // The same instant in all: the smaller number.
    let mut stage = one_to_one(|rules| rules.limits.live = 2);
    let first = stage.claim("A").expect("a coupon");
    stage.claim("A").expect("a coupon");
    assert_eq!(stage.quote("A", 10_000).coupon, Some(first.id));
}

#[test]
fn a_pause_counts_when_expiries_are_compared() {
    let mut stage = one_to_one(|rules| rules.coupon.valid_days = 7);
    let mut autumn = rules();
    autumn.id = koi_core::id::CampaignId::stored("autumn");
    autumn.coupon.valid_days = 8;
    stage.launch(autumn);
    let seven = stage.claim("A").expect("seven days");
    let eight = stage.scan(&Scan { campaign: "autumn", ..Scan::default() }).expect("eight days");
    assert_eq!(stage.quote("A", 10_000).coupon, Some(seven.id));
    stage.pass(3 * MINUTE);
    stage.pause(Scope::All);
    stage.pass(2 * DAY);
    stage.resume();
    assert_eq!(stage.quote("A", 10_000).coupon, Some(eight.id), "seven days and two are nine");
}

#[test]
fn the_first_reason_that_applies_to_any_coupon_is_told() {
    use NoDeduction::{CampaignPaused, CouponReserved, DoesNotExceed, StoreNotParticipating};
    // Each row breaks one rule and all later ones, of one coupon.
    let check = |reserved: bool, store: &str, paused: Option<Scope>, expected| {
        let mut stage = one_to_one(|rules| rules.merchants = Some(vec![MerchantId::stored("kiwi-honey")]));
        stage.claim("A").expect("a coupon");
        if reserved {
            stage.quote("A", 10_000);
        }
        if let Some(scope) = paused {
            stage.pause(scope);
        }
        let quote = stage.buy(shopper("A", ""), store, nzd(1)).expect("a quote");
        assert_eq!(taken(&quote), (0, Some(expected)), "{reserved} {store} {paused:?}");
    };
    check(true, "lambton", Some(Scope::All), CampaignPaused);
    check(false, "queen-st", Some(Scope::All), CampaignPaused);
    check(true, "lambton", Some(Scope::Issuing), StoreNotParticipating);
    check(true, "lambton", None, StoreNotParticipating);
    check(false, "lambton", None, StoreNotParticipating);
    check(true, "queen-st", None, CouponReserved);
    check(false, "queen-st", None, DoesNotExceed);
    check(false, "queen-st", Some(Scope::Issuing), DoesNotExceed);
}

#[test]
fn a_store_in_an_excluded_country_does_not_take_part() {
    let mut stage = Stage::of(plain(8800, 2));
    stage.claim("A").expect("a coupon");
    let quote = stage.buy(shopper("A", ""), "beijing", money("CNY", 10_000)).expect("a quote");
    assert_eq!(taken(&quote), (0, Some(NoDeduction::StoreNotParticipating)));
}

#[test]
fn of_several_coupons_the_first_reason_wins_whichever_coupon_it_is_of() {
    let (mut stage, _) = holding(&[plain(500, 1), plain(888, 1)]);
    assert_eq!(stage.quote("A", 889).deduction, 888);
    // One is reserved, one is too large for the amount: reserved comes first.
    assert_eq!(taken(&stage.quote("A", 500)), (0, Some(NoDeduction::CouponReserved)));
    let (mut stage, _) = holding(&[plain(888, 1), plain(500, 1)]);
    stage.quote("A", 889);
    assert_eq!(taken(&stage.quote("A", 500)), (0, Some(NoDeduction::CouponReserved)), "in the other order");
}

#[test]
fn without_a_live_coupon_the_last_ones_end_is_told() {
    let reason = |stage: &mut Stage| stage.quote("A", 10_000).no_deduction.expect("no deduction");
    let mut stage = one_to_one(|_| ());
    assert_eq!(reason(&mut stage), NoDeduction::NoCoupon);
    stage.claim("A").expect("a coupon");
    stage.pass(7 * DAY);
    assert_eq!(reason(&mut stage), NoDeduction::CouponExpired);
    stage.claim("A").expect("a coupon");
    stage.purchase("A", 10_000);
    assert_eq!(reason(&mut stage), NoDeduction::NoCoupon, "the last one was used");
    let last = stage.claim("A").expect("a coupon");
    stage.pass(7 * DAY);
    assert_eq!(reason(&mut stage), NoDeduction::CouponExpired);
    let void = stage.claim("A").expect("a coupon");
    stage.void(void.id).expect("void");
    assert_eq!(reason(&mut stage), NoDeduction::NoCoupon, "the last one was void, whatever {last:?} was");
}

#[test]
fn the_last_coupon_is_the_one_collected_last_and_not_that_of_the_latest_campaign() {
    let mut stage = one_to_one(|_| ());
    let mut autumn = rules();
    autumn.id = koi_core::id::CampaignId::stored("autumn");
    stage.launch(autumn);
    let used = stage.scan(&Scan { campaign: "autumn", ..Scan::default() }).expect("a coupon");
    stage.purchase("A", 10_000);
    let expired = stage.claim("A").expect("a coupon");
    assert!(used.id > expired.id && used.collected_at == expired.collected_at);
    stage.pass(DAY);
    stage.scan(&Scan { campaign: "autumn", ..Scan::default() }).expect("a coupon");
    stage.pass(7 * DAY);
    assert_eq!(stage.quote("A", 10_000).no_deduction, Some(NoDeduction::CouponExpired));

    // Collected at the same instant: the larger number is the last.
    let mut stage = one_to_one(|rules| rules.limits.live = 2);
    stage.claim("A").expect("a coupon");
    let second = stage.claim("A").expect("a coupon");
    stage.void(second.id).expect("void");
    stage.pass(7 * DAY);
    assert_eq!(stage.quote("A", 10_000).no_deduction, Some(NoDeduction::NoCoupon));
}

#[test]
fn a_coupon_is_spent_by_the_account_and_person_that_got_it() {
    let check = |account: &str, person: &str, expected| {
        let mut stage = one_to_one(|_| ());
        stage.scan(&Scan { person: "P", ..Scan::default() }).expect("a coupon");
        let quote = stage.buy(shopper(account, person), "queen-st", nzd(10_000)).expect("a quote");
        assert_eq!(taken(&quote), expected, "{account} of {person}");
    };
    check("A", "P", (8800, None));
    check("B", "P", (0, Some(NoDeduction::NoCoupon)));
    check("A", "Q", (0, Some(NoDeduction::NoCoupon)));
}

#[test]
fn a_split_coupon_can_be_held_by_several_quotes() {
    let mut stage = one_to_one(|rules| rules.packets = vec![splittable(1000, 1)]);
    let coupon = stage.claim("A").expect("a coupon");
    assert_eq!(stage.quote("A", 301).deduction, 300);
    assert_eq!(stage.shown(coupon.id), (Status::Active, 700));
    assert_eq!(stage.quote("A", 9000).deduction, 700);
    assert_eq!(stage.shown(coupon.id), (Status::Reserved, 0));
    assert_eq!(taken(&stage.quote("A", 2)), (0, Some(NoDeduction::CouponReserved)));
    stage.pass(3 * MINUTE);
    assert_eq!(stage.shown(coupon.id), (Status::Active, 1000));
}

#[test]
fn so_many_quotes_can_hold_one_coupon_and_no_more() {
    let mut stage = one_to_one(|rules| rules.packets = vec![splittable(288_800, 1)]);
    stage.claim("A").expect("a coupon");
    let most = koi_core::limits::OPEN_QUOTES;
    let quotes: Vec<Quote> = (0..most).map(|_| stage.quote("A", 2)).collect();
    assert!(quotes.iter().all(|quote| taken(quote) == (1, None)));
    assert_eq!(taken(&stage.quote("A", 2)), (0, Some(NoDeduction::CouponReserved)));
    stage.cancel_quote(quotes[0].id).expect("cancelled");
    assert_eq!(taken(&stage.quote("A", 2)), (1, None), "one was given back");
}
