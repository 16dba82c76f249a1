//! Claims: what a scan gets, and every refusal in its order of precedence.

use koi_core::campaign::{self, Beacon, Scope, Seal, State};
use koi_core::command::Order;
use koi_core::coupon::Status;
use koi_core::id::{CodeText, MerchantId};
use koi_core::refusal::Refusal;
use koi_core::scene::Pick;

use crate::stage::{
    CAMPAIGN, CODE, CODE_IN_CHINA, CODE_OF_OTHER, DAY, DAY1, ENDING, HOUR, MINUTE, OPENING, Scan, Stage, at,
    beacon, code, plain, planted, splittable,
};

/// The refusals of a claim, in the order of the contract.
const PRECEDENCE: [&str; 15] = [
    "unknown_campaign",
    "unknown_code",
    "code_revoked",
    "campaign_not_started",
    "campaign_ended",
    "campaign_paused",
    "campaign_not_live",
    "not_verified",
    "id_country_not_eligible",
    "store_country_not_eligible",
    "store_not_participating",
    "coupon_already_held",
    "person_holds_coupon",
    "limit_reached",
    "sold_out",
];

fn place(name: &str) -> usize {
    PRECEDENCE.iter().position(|other| *other == name).expect("a refusal of claims")
}

/// A stage and a scan that break every rule from the `first` on.
fn breaking_from(first: usize) -> (Stage, Scan) {
    let breaks = |name| first <= place(name);
    let held = if breaks("coupon_already_held") { 2 } else { 1 };
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![plain(500, 3)];
        rules.limits.live = held;
        rules.limits.per_window = held;
        rules.merchants = Some(vec![MerchantId::stored("kiwi-honey")]);
    });
    let mut scan = Scan { person: "P", ..Scan::default() };

    let others = if breaks("coupon_already_held") { vec!["X"] } else { vec!["X", "Y"] };
    others.into_iter().for_each(|account| drop(stage.claim(account).expect("a coupon")));
    if breaks("limit_reached") {
        stage.scan(&Scan { account: "B", ..scan.clone() }).expect("a coupon");
        if !breaks("person_holds_coupon") {
            let quote = stage.buy(crate::stage::shopper("B", "P"), "queen-st", crate::stage::nzd(4590));
            stage.pay(quote.expect("a quote").id).expect("used");
        }
    } else {
        stage.claim("Z").expect("the last packet");
    }
    if breaks("coupon_already_held") {
        stage.scan(&scan).expect("a second coupon");
    }

    if breaks("store_not_participating") {
        scan.code = CODE_OF_OTHER;
    }
    if breaks("store_country_not_eligible") {
        scan.code = CODE_IN_CHINA;
    }
    if breaks("id_country_not_eligible") {
        scan.id_country = "NZ";
    }
    scan.verified = !breaks("not_verified");
    if breaks("code_revoked") {
        stage.must(Order::RevokeCode(CodeText::stored(scan.code), "pasted over".into()));
    }
    let state = match first {
        _ if breaks("campaign_paused") => {
            Some(State::Paused { scope: Scope::All, since: at(DAY1), reason: "fraud".into() })
        }
        _ if breaks("campaign_not_live") => Some(State::Approved),
        _ => None,
    };
    if let Some(state) = state {
        planted(&mut stage, |campaign| campaign.state = state);
    }
    if breaks("campaign_ended") {
        stage.now = at(ENDING);
    }
    if breaks("campaign_not_started") {
        stage.now = at(OPENING).plus_ms(-1);
    }
    if breaks("unknown_code") {
        scan.code = "NOSUCHCODE";
    }
    if breaks("unknown_campaign") {
        scan.campaign = "no-such-campaign";
    }
    (stage, scan)
}

#[test]
fn the_first_refusal_that_applies_is_the_answer() {
    for (first, expected) in PRECEDENCE.into_iter().enumerate() {
        let (mut stage, scan) = breaking_from(first);
        // Rows that a stage out of time holds cannot be settled; only the answer counts here.
        let outcome = stage.scene(|rows, scene| {
            let claim = koi_core::command::Call {
                command: scan.command(),
                asked: koi_core::idempotency::Asked {
                    key: koi_core::idempotency::Key(1),
                    fingerprint: koi_core::idempotency::Fingerprint([0; 16]),
                },
            };
            koi_core::decide::decide(rows, scene, &claim)
        });
        match outcome {
            Err(koi_core::command::No::Refused(refusal)) => assert_eq!(refusal.code(), expected, "rule {first}"),
            other => panic!("rule {first}, {expected}: {other:?}"),
        }
    }
}

#[test]
fn a_scan_that_breaks_no_rule_gets_the_packet_that_luck_picks() {
    let mut stage =
        Stage::open(|rules| rules.packets = vec![plain(500, 2), splittable(288_800, 1), plain(888, 3)]);
    stage.picks.borrow_mut().extend([2, 4, 0]);
    let first = stage.scan(&Scan { person: "P1", ..Scan::default() }).expect("a coupon");
    assert_eq!((first.face, first.remaining, first.split, first.tier), (288_800, 288_800, true, 1));
    assert_eq!((first.reserved, first.spent, first.lapsed), (0, 0, 0));
    assert_eq!(first.status(), Status::Active);
    assert_eq!((first.person.as_str(), first.account.as_str(), first.code.as_str()), ("P1", "A", CODE));
    assert_eq!((first.collected_at, first.expires_at), (at(DAY1), at("2018-07-26T22:15:00Z")));
    assert_eq!((first.revision, first.restocked, first.id.ordinal()), (1, false, 0));
    // Of the five that are left, number 4 is the last 8.88.
    assert_eq!(stage.claim("B").expect("a coupon").face, 888);
    assert_eq!(stage.claim("C").expect("a coupon").face, 500);
    assert_eq!(stage.left(), [1, 0, 2]);
    let expected = [(0, 6), (1, 5), (2, 4)].map(|(ordinal, total)| (Pick::Claim { ordinal }, total));
    assert_eq!(*stage.luck_asked.borrow(), expected, "luck knows the ordinal and what is left");
    assert_eq!(stage.budget(), [500 + 2 * 888, 288_800 + 888 + 500, 0, 0, 0, 0]);
}

#[test]
fn the_last_packet_is_no_special_case() {
    let mut stage = Stage::of(plain(500, 1));
    assert_eq!(stage.claim("A").expect("a coupon").face, 500);
    assert_eq!(stage.claim("B"), Err(Refusal::SoldOut));
    assert_eq!((stage.left(), stage.budget()), (vec![0], [0, 500, 0, 0, 0, 0]));
}

#[test]
fn the_clock_opens_and_ends_to_the_millisecond() {
    let check = |time: &str, more_ms, expected: Result<(), Refusal>| {
        let mut stage = Stage::of(plain(500, 3));
        stage.now = at(time).plus_ms(more_ms);
        assert_eq!(stage.claim("A").map(drop), expected, "{time} {more_ms:+}");
    };
    check(OPENING, -1, Err(Refusal::CampaignNotStarted(at(OPENING))));
    check(OPENING, 0, Ok(()));
    check(ENDING, -1, Ok(()));
    check(ENDING, 0, Err(Refusal::CampaignEnded));
}

#[test]
fn a_state_is_told_by_its_own_refusal() {
    let paused = |scope| State::Paused { scope, since: at(DAY1), reason: "why".into() };
    for (state, before, within, after) in [
        (State::Draft, "campaign_not_started", "campaign_not_live", "campaign_ended"),
        (State::InReview, "campaign_not_started", "campaign_not_live", "campaign_ended"),
        (State::Approved, "campaign_not_started", "campaign_not_live", "campaign_ended"),
        (State::Open, "campaign_not_started", "ok", "campaign_ended"),
        (paused(Scope::Issuing), "campaign_not_started", "campaign_paused", "campaign_ended"),
        (paused(Scope::All), "campaign_not_started", "campaign_paused", "campaign_ended"),
        (
            State::Ended { at: at(DAY1), reason: "why".into() },
            "campaign_not_started",
            "campaign_ended",
            "campaign_ended",
        ),
    ] {
        for (time, expected) in [("2018-07-14T15:00:00Z", before), (DAY1, within), ("2018-10-01T00:00:00Z", after)]
        {
            let mut stage = Stage::of(plain(500, 3));
            planted(&mut stage, |campaign| campaign.state = state.clone());
            stage.now = at(time);
            let scan = Scan::default();
            let asked = stage.asked("wallet", "k", &scan.command());
            let call = koi_core::command::Call { command: scan.command(), asked };
            let told = match stage.scene(|rows, scene| koi_core::decide::decide(rows, scene, &call)) {
                Ok(_) => "ok",
                Err(koi_core::command::No::Refused(refusal)) => refusal.code(),
                Err(koi_core::command::No::Fault(fault)) => panic!("{fault}"),
            };
            assert_eq!(told, expected, "{state:?} at {time}");
        }
    }
}

#[test]
fn a_closed_campaign_has_ended() {
    let mut stage = Stage::of(plain(500, 3));
    stage.end();
    stage.close().expect("closed");
    assert_eq!(stage.claim("A"), Err(Refusal::CampaignEnded));
}

#[test]
fn eligibility_is_what_the_document_says() {
    let check =
        |verified: bool, id_countries: &[&str], excluded: &[&str], merchants: Option<&[&str]>, scan: Scan| {
            let mut stage = Stage::open(|rules| {
                rules.eligibility.verified = verified;
                rules.eligibility.id_countries =
                    id_countries.iter().map(|land| crate::stage::country(land)).collect();
                rules.eligibility.not_in_countries =
                    excluded.iter().map(|land| crate::stage::country(land)).collect();
                rules.merchants = merchants.map(|list| list.iter().map(|name| MerchantId::stored(name)).collect());
            });
            code(stage.scan(&scan))
        };
    let scan = Scan::default;
    assert_eq!(check(true, &["CN"], &["CN"], None, Scan { verified: false, ..scan() }), "not_verified");
    assert_eq!(check(false, &["CN"], &["CN"], None, Scan { verified: false, ..scan() }), "ok");
    assert_eq!(check(true, &["CN"], &[], None, Scan { id_country: "HK", ..scan() }), "id_country_not_eligible");
    assert_eq!(check(true, &["CN", "HK"], &[], None, Scan { id_country: "HK", ..scan() }), "ok");
    assert_eq!(check(true, &[], &[], None, Scan { id_country: "NZ", ..scan() }), "ok");
    assert_eq!(
        check(true, &[], &["CN"], None, Scan { code: CODE_IN_CHINA, ..scan() }),
        "store_country_not_eligible"
    );
    assert_eq!(check(true, &[], &["NZ"], None, Scan { code: CODE_IN_CHINA, ..scan() }), "ok");
    let kiwi: Option<&[&str]> = Some(&["kiwi-honey"]);
    assert_eq!(check(true, &[], &[], kiwi, Scan { code: CODE_OF_OTHER, ..scan() }), "store_not_participating");
    assert_eq!(check(true, &[], &[], kiwi, scan()), "ok");
    assert_eq!(check(true, &[], &[], Some(&[]), scan()), "store_not_participating");
}

#[test]
fn the_coupon_held_is_shown_to_its_account_only() {
    let mut stage = Stage::of(plain(500, 9));
    let held = stage.scan(&Scan { person: "P", ..Scan::default() }).expect("a coupon");
    let again = stage.scan(&Scan { person: "P", ..Scan::default() });
    assert_eq!(again, Err(Refusal::CouponAlreadyHeld(Box::new(held.clone()), held.expires_at)));
    let other = stage.scan(&Scan { account: "B", person: "P", ..Scan::default() });
    assert_eq!(other, Err(Refusal::PersonHoldsCoupon(held.expires_at)));
    // An account belongs to one person, but a family at one table are several.
    stage.scan(&Scan { account: "C", person: "Q", ..Scan::default() }).expect("another person");
}

#[test]
fn a_quote_that_outlasts_the_coupon_keeps_it_held() {
    let mut stage = Stage::of(plain(500, 9));
    let held = stage.claim("A").expect("a coupon");
    stage.now = held.expires_at.plus_ms(-3 * MINUTE - 1);
    let early = stage.quote("A", 4590);
    assert_eq!(early.expires_at, held.expires_at.plus_ms(-1));
    let until = |outcome| match outcome {
        Err(Refusal::CouponAlreadyHeld(coupon, until)) => (coupon.expires_at, until),
        other => panic!("{other:?}"),
    };
    assert_eq!(until(stage.claim("A")), (held.expires_at, held.expires_at), "the coupon's own expiry is later");
    stage.cancel_quote(early.id).expect("cancelled");
    stage.now = held.expires_at.plus_ms(-1);
    let late = stage.quote("A", 4590);
    assert_eq!(until(stage.claim("A")), (held.expires_at, late.expires_at), "the quote's is");
    stage.now = held.expires_at;
    assert_eq!(
        until(stage.claim("A")),
        (held.expires_at, late.expires_at),
        "past its expiry a quote holds it still"
    );
    stage.now = late.expires_at;
    stage.claim("A").expect("neither holds it any more");
}

#[test]
fn of_several_held_the_one_that_expires_first_is_shown() {
    let mut stage = Stage::open(|rules| rules.limits.live = 3);
    let claim = |stage: &mut Stage, account| {
        stage.scan(&Scan { account, person: "P", ..Scan::default() }).expect("a coupon")
    };
    claim(&mut stage, "B");
    stage.wait(HOUR);
    let first = claim(&mut stage, "A");
    stage.wait(HOUR);
    claim(&mut stage, "A");
    let refused = |stage: &mut Stage, account| {
        stage.scan(&Scan { account, person: "P", ..Scan::default() }).expect_err("three are held")
    };
    assert_eq!(refused(&mut stage, "A"), Refusal::CouponAlreadyHeld(Box::new(first.clone()), first.expires_at));
    let of_b = at(DAY1).plus_ms(7 * DAY);
    assert_eq!(refused(&mut stage, "C"), Refusal::PersonHoldsCoupon(of_b), "of anybody's, the first to expire");
}

#[test]
fn a_pause_moves_the_time_that_is_told() {
    let mut stage = Stage::of(plain(500, 9));
    let held = stage.claim("A").expect("a coupon");
    stage.pause(Scope::All);
    stage.pass(DAY);
    stage.resume();
    let moved = held.expires_at.plus_ms(DAY);
    let Err(Refusal::CouponAlreadyHeld(shown, until)) = stage.claim("A") else { panic!("held") };
    assert_eq!((shown.expires_at, until), (moved, moved));
}

#[test]
fn a_coupon_of_another_campaign_does_not_count() {
    let mut stage = Stage::of(plain(500, 9));
    let mut other = crate::stage::rules();
    other.id = koi_core::id::CampaignId::stored("autumn");
    stage.launch(other);
    stage.claim("A").expect("a coupon");
    let autumn = stage.scan(&Scan { campaign: "autumn", ..Scan::default() }).expect("another campaign's");
    assert_eq!((autumn.face, autumn.id.campaign().0, autumn.id.ordinal()), (8800, 2, 0));
    assert_eq!(code(stage.scan(&Scan { campaign: CAMPAIGN, ..Scan::default() })), "coupon_already_held");
}

#[test]
fn nothing_is_drawn_before_the_randomness_is_known() {
    let mut stage = Stage::bare();
    stage.beacon = None;
    let mut rules = crate::stage::rules();
    rules.packets = vec![plain(500, 3)];
    stage.must(Order::Draft(Box::new(rules), [7; 32]));
    let id = crate::stage::id();
    let unseal = |stage: &mut Stage, round: u64, beacon: Beacon| {
        stage.order_by("operator", Order::Unseal(id.clone(), round, beacon))
    };
    let refused = |stage: &mut Stage, round, beacon| unseal(stage, round, beacon).err();
    let invalid = Some(Refusal::InvalidTransition);
    assert_eq!(refused(&mut stage, 1000, beacon()), invalid, "no rules were stated");
    stage.must(Order::Submit(id.clone()));
    stage.approve(&id).expect("approved");
    let stated_at = stage.now;
    stage.must(Order::Fund(id.clone(), crate::stage::money("CNY", 1500)));
    assert_eq!(stage.campaign().status(stage.now), campaign::Status::Scheduled);
    assert_eq!(stage.claim("A").err(), Some(Refusal::CampaignNotLive));
    assert_eq!(stage.campaign().status(at(ENDING)), campaign::Status::Ended, "the clock ends it all the same");

    assert_eq!(refused(&mut stage, 1001, beacon()), invalid, "another round");
    stage.must(Order::Unseal(id.clone(), 1000, beacon()));
    let sealed = Seal { stated_at, chain: [3; 32], round: 1000, beacon: Some(beacon()) };
    assert_eq!(stage.campaign().seal, Some(sealed));
    assert_eq!(stage.campaign().status(stage.now), campaign::Status::Live);
    assert_eq!(stage.claim("A").expect("a coupon").face, 500);
    let known = stage.campaign().clone();
    unseal(&mut stage, 1000, beacon()).expect("once more changes nothing");
    assert_eq!(stage.campaign(), known);
    let other = Beacon { randomness: [9; 32], ..beacon() };
    assert_eq!(refused(&mut stage, 1000, other), invalid, "it is known once, and never another");
    assert_eq!(refused(&mut stage, 1001, beacon()), invalid, "of one round, and never another");
}
