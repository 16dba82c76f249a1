//! What falls due, and when the store looks again.

use koi_core::campaign::{Campaign, Scope};
use koi_core::coupon::{self, Coupon};
use koi_core::id::{CampaignNo, CouponId};
use koi_core::quote::{self, Quote};
use koi_core::time::Time;
use koi_store::{Due, Want};

use crate::Installation;
use crate::sample::{self, at};

const OTHER: CampaignNo = CampaignNo(2);

/// A coupon of the first campaign that expires at an instant.
fn expiring(ordinal: u32, ms: i64) -> Coupon {
    Coupon { expires_at: at(ms), ..sample::coupon(ordinal) }
}

fn of_campaign(number: CampaignNo, coupon: Coupon) -> Coupon {
    Coupon { id: CouponId::new(sample::CELL, number, coupon.id.ordinal()), ..coupon }
}

fn store(installation: &mut Installation, coupons: &[Coupon]) {
    installation.commit(|rows| coupons.iter().for_each(|coupon| rows.coupons.put(coupon.id, coupon.clone())));
}

fn due(installation: &mut Installation, now: i64, judged: &[(CampaignNo, i64)]) -> Due {
    let judged: Vec<(CampaignNo, Time)> = judged.iter().map(|(number, ms)| (*number, at(*ms))).collect();
    installation.due(at(now), &judged, 1000)
}

fn ids(coupons: &[Coupon]) -> Vec<CouponId> {
    let mut ids: Vec<CouponId> = coupons.iter().map(|coupon| coupon.id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn nothing_is_due_in_an_empty_store() {
    assert_eq!(due(&mut Installation::new(), i64::MAX, &[(sample::CAMPAIGN, i64::MAX)]), Due::default());
}

#[test]
fn a_coupon_is_due_from_the_instant_of_its_expiry() {
    let mut installation = Installation::new();
    let coupons = [expiring(1, 100), expiring(2, 200), expiring(3, 300)];
    store(&mut installation, &coupons);
    let mut check = |now, expected: &[Coupon], next| {
        let found = due(&mut installation, now, &[(sample::CAMPAIGN, now)]);
        assert_eq!(found, Due { coupons: ids(expected), next: Some(at(next)) }, "{now}");
    };
    check(99, &[], 100);
    check(100, &coupons[..1], 100);
    check(299, &coupons[..2], 100);
    check(300, &coupons, 100);
}

#[test]
fn what_has_ended_or_holds_nothing_is_not_due() {
    let mut installation = Installation::new();
    let ended = [coupon::Phase::Used, coupon::Phase::Expired, coupon::Phase::Void];
    let mut coupons: Vec<Coupon> = ended
        .into_iter()
        .zip(1..)
        .map(|(phase, ordinal)| Coupon { phase, remaining: 5, ..expiring(ordinal, 100) })
        .collect();
    coupons.push(Coupon { remaining: 0, reserved: 8800, ..expiring(9, 100) });
    store(&mut installation, &coupons);
    assert_eq!(due(&mut installation, 1000, &[(sample::CAMPAIGN, 1000)]), Due::default());
}

#[test]
fn once_booked_it_is_not_due_again() {
    let mut installation = Installation::new();
    store(&mut installation, &[expiring(1, 100), expiring(2, 200)]);
    let expired = Coupon { phase: coupon::Phase::Expired, remaining: 0, lapsed: 8800, ..expiring(1, 100) };
    installation.commit_on(&[Want::Coupon(expired.id)], |rows| rows.coupons.put(expired.id, expired));
    let found = due(&mut installation, 150, &[(sample::CAMPAIGN, 150)]);
    assert_eq!(found, Due { coupons: Vec::new(), next: Some(at(200)) });
}

#[test]
fn a_coupon_whose_quote_ran_out_is_due() {
    let mut installation = Installation::new();
    let held = Coupon { remaining: 0, reserved: 8800, ..expiring(1, 9000) };
    let open = Quote { expires_at: at(500), ..sample::quote(1) };
    let without_coupon = Quote { coupon: None, expires_at: at(10), ..sample::quote(2) };
    let paid = Quote { phase: quote::Phase::Paid, expires_at: at(10), ..sample::quote(3) };
    installation.commit(|rows| {
        rows.coupons.put(held.id, held.clone());
        for quote in [&open, &without_coupon, &paid] {
            rows.quotes.put(quote.id, quote.clone());
        }
    });
    assert_eq!(due(&mut installation, 499, &[]), Due { coupons: Vec::new(), next: Some(at(500)) });
    assert_eq!(due(&mut installation, 500, &[]), Due { coupons: vec![held.id], next: Some(at(500)) });
}

#[test]
fn a_coupon_that_is_due_twice_is_named_once() {
    let mut installation = Installation::new();
    let held = Coupon { remaining: 4400, reserved: 4400, split: true, ..expiring(1, 100) };
    let open = Quote { expires_at: at(90), ..sample::quote(1) };
    installation.commit(|rows| {
        rows.coupons.put(held.id, held.clone());
        rows.quotes.put(open.id, open.clone());
    });
    assert_eq!(due(&mut installation, 100, &[(sample::CAMPAIGN, 100)]).coupons, [held.id]);
}

/// As many quotes may hold parts of one coupon as a look at what is due takes in.
#[test]
fn a_coupon_with_many_quotes_hides_no_other() {
    let mut installation = Installation::new();
    let held = |ordinal| Coupon { remaining: 0, reserved: 8800, ..expiring(ordinal, 9000) };
    let (many, later, last) = (held(5), held(3), held(1));
    installation.commit(|rows| {
        let holders = std::iter::repeat_n(&many, 20).chain([&later, &many, &last]);
        for (number, coupon) in (1..).zip(holders) {
            let quote = Quote { coupon: Some(coupon.id), expires_at: at(number), ..sample::quote(number) };
            rows.quotes.put(quote.id, quote);
        }
        for coupon in [&many, &later, &last] {
            rows.coupons.put(coupon.id, coupon.clone());
        }
    });
    for (limit, expected) in [(1, &[5][..]), (2, &[3, 5]), (3, &[1, 3, 5]), (4, &[1, 3, 5])] {
        let due = installation.due(at(500), &[], limit).coupons;
        let ordinals: Vec<u32> = due.iter().map(|id| id.ordinal()).collect();
        assert_eq!(ordinals, expected, "those of the oldest {limit}");
    }
}

#[test]
fn each_campaign_is_judged_by_its_own_instant() {
    let mut installation = Installation::new();
    let paused = sample::campaign("summer", 1);
    let from = paused.rules.starts_at.plus_ms(1000);
    let paused: Campaign = paused.pause(Scope::All, "fraud".into(), from).unwrap();
    let before = Coupon { expires_at: from.plus_ms(-1), ..sample::coupon(1) };
    let after = Coupon { expires_at: from.plus_ms(1), ..sample::coupon(2) };
    let running = of_campaign(OTHER, Coupon { expires_at: from.plus_ms(2), ..sample::coupon(3) });
    store(&mut installation, &[before.clone(), after, running.clone()]);

    let now = from.plus_ms(1_000_000);
    let judged = [(sample::CAMPAIGN, paused.judged_at(now)), (OTHER, now)];
    assert_eq!(judged[0].1, from);
    let found = installation.due(now, &judged, 1000);
    assert_eq!(found.coupons, ids(&[before.clone(), running.clone()]));

    // With those booked nothing is due by itself any more: what expires after the pause's start waits for its end.
    for coupon in [before, running] {
        let expired = Coupon { phase: coupon::Phase::Expired, remaining: 0, ..coupon };
        installation.commit_on(&[Want::Coupon(expired.id)], |rows| rows.coupons.put(expired.id, expired));
    }
    assert_eq!(installation.due(now, &judged, 1000), Due::default());
}

#[test]
fn a_campaign_that_is_not_named_is_left_alone() {
    let mut installation = Installation::new();
    store(&mut installation, &[expiring(1, 100), of_campaign(OTHER, expiring(2, 100))]);
    let found = due(&mut installation, 1000, &[(OTHER, 1000)]);
    assert_eq!(found.coupons, [CouponId::new(sample::CELL, OTHER, 2)]);
}

#[test]
fn no_more_is_named_than_was_asked_for_and_the_oldest_first() {
    let mut installation = Installation::new();
    let coupons: Vec<Coupon> = (1..=20).map(|ordinal| expiring(ordinal, 1000 - i64::from(ordinal))).collect();
    store(&mut installation, &coupons);
    let judged = [(sample::CAMPAIGN, at(5000))];
    let found = installation.due(at(5000), &judged, 7);
    assert_eq!(found.coupons, ids(&coupons[13..]));
    assert_eq!(found.next, Some(at(980)));
}
