//! Damaged campaigns, stocks and counters.

use std::sync::Arc;

use koi_core::campaign::{Campaign, Pause, Scope, State};
use koi_core::catalog::Entry;
use koi_core::rows::Counters;

use super::{check, healthy, short};
use crate::books::Books;
use crate::stage::{Stage, planted};

/// What is found after a damage to the campaign itself.
fn check_campaign(what: &str, damage: impl FnOnce(&mut Campaign), expected: &[&str]) {
    let (mut stage, books) = healthy();
    planted(&mut stage, damage);
    let found = books.findings(&stage.catalog, 1000, 100);
    let named: Vec<String> = found.broken.iter().map(|text| short(text)).collect();
    assert_eq!(named, expected, "{what}");
}

#[test]
fn a_state_that_does_not_fit_the_money() {
    let at = crate::stage::at(crate::stage::DAY1);
    check_campaign(
        "closed",
        |campaign| campaign.state = State::Closed { at },
        &[
            "summer: it is closed, and its account free holds 3500",
            "summer: it is closed, and its account committed holds 1000",
            "summer: it is closed, and its account reserved holds 200",
        ],
    );
    check_campaign(
        "draft",
        |campaign| campaign.state = State::Draft,
        &[
            "summer: it is draft, and its account funder holds -5500",
            "summer: it is draft, and its account free holds 3500",
            "summer: it is draft, and its account committed holds 1000",
            "summer: it is draft, and its account reserved holds 200",
            "summer: it is draft, and its account spent holds 800",
            "summer: it is draft, and its account recovered holds 200",
            "summer: it is draft, and its account refunds holds -200",
            "summer: it is draft, and 5 coupons were issued",
            "summer: it is draft, and who submitted and approved it does not fit that",
            "summer: it is draft, and what seals its stock does not fit that",
        ],
    );
    check_campaign(
        "in review",
        |campaign| campaign.state = State::InReview,
        &[
            "summer: it is in review, and its account funder holds -5500",
            "summer: it is in review, and its account free holds 3500",
            "summer: it is in review, and its account committed holds 1000",
            "summer: it is in review, and its account reserved holds 200",
            "summer: it is in review, and its account spent holds 800",
            "summer: it is in review, and its account recovered holds 200",
            "summer: it is in review, and its account refunds holds -200",
            "summer: it is in review, and 5 coupons were issued",
            "summer: it is in review, and who submitted and approved it does not fit that",
            "summer: it is in review, and what seals its stock does not fit that",
        ],
    );
    check_campaign(
        "approved",
        |campaign| campaign.state = State::Approved,
        &[
            "summer: it is approved, and its account committed holds 1000",
            "summer: it is approved, and its account reserved holds 200",
            "summer: it is approved, and its account spent holds 800",
            "summer: it is approved, and 5 coupons were issued",
            "summer: it is approved, its stock is worth 5500, and 5500 was funded",
        ],
    );
    check_campaign(
        "never stated",
        |campaign| campaign.seal = None,
        &[
            "summer: it is open, and what seals its stock does not fit that",
            "summer: 5 coupons were issued before the randomness was known that seals its stock",
        ],
    );
    check_campaign(
        "not sealed",
        |campaign| campaign.seal.as_mut().expect("a seal").beacon = None,
        &["summer: 5 coupons were issued before the randomness was known that seals its stock"],
    );
    let paused = |scope| State::Paused { scope, since: at, reason: "".into() };
    check_campaign(
        "frozen without a pause",
        |campaign| campaign.state = paused(Scope::All),
        &["summer: it is paused, and its pauses do not fit that"],
    );
    check_campaign(
        "not frozen, and a pause lasts",
        |campaign| campaign.pauses.push(Pause { from: at, until: None }),
        &["summer: it is open, and its pauses do not fit that"],
    );
    check_campaign(
        "nobody approved it",
        |campaign| campaign.approved_by = None,
        &["summer: it is open, and who submitted and approved it does not fit that"],
    );
    check_campaign(
        "approved by who submitted it",
        |campaign| campaign.approved_by = campaign.submitted_by.clone(),
        &["summer: it is open, and who submitted and approved it does not fit that"],
    );
    check_campaign(
        "rules that cannot be",
        |campaign| Arc::make_mut(&mut campaign.rules).limits.window_days = 0,
        &["summer: its rules cannot be: /limits/window_days"],
    );
    check_campaign(
        "another validity",
        |campaign| Arc::make_mut(&mut campaign.rules).coupon.valid_days = 8,
        &[
            "coupon S: its expiry is not what the rule makes",
            "coupon U: its expiry is not what the rule makes",
            "coupon A: its expiry is not what the rule makes",
            "coupon V: its expiry is not what the rule makes",
            "coupon E: its expiry is not what the rule makes",
        ],
    );
}

#[test]
fn a_closed_campaign_has_given_all_back() {
    let mut stage = Stage::open(|_| ());
    stage.end();
    stage.close().expect("closed");
    let check = |account: usize, expected: &[&str]| {
        let mut books = Books::of(&stage);
        let mut balances = books.slices[0].2.buckets.balances();
        balances[account] += 5;
        books.slices[0].2.buckets = koi_core::ledger::Buckets::stored(balances);
        let found = books.findings(&stage.catalog, 1000, 1);
        assert_eq!(found.broken, expected);
    };
    check(1, &["nz-summer-2018: it is closed, and its account free holds 5"]);
    check(2, &["nz-summer-2018: it is closed, and its account committed holds 5"]);
    check(3, &["nz-summer-2018: it is closed, and its account reserved holds 5"]);
    let books = Books::of(&stage);
    planted(&mut stage, |campaign| campaign.state = State::Open);
    let found = books.findings(&stage.catalog, 1000, 1);
    assert_eq!(found.broken, ["nz-summer-2018: it is open, and its account returned holds 880000"]);
}

#[test]
fn a_stock_that_is_not_that_of_the_rules() {
    check(
        "the last row is lost",
        |books| books.slices[0].2.left.truncate(1),
        &["summer: the stock has 1 tiers, the rules have 2"],
    );
    check(
        "a row more",
        |books| books.slices[0].2.left.push(0),
        &["summer: the stock has 3 tiers, the rules have 2"],
    );
    check(
        "more packets than there can be",
        |books| books.slices[0].2.left[1] = u64::MAX,
        &[
            "summer: account free holds 3500, the packets left are worth 9223372036854775807500",
            "summer: tier 1 has 18446744073709551615 packets left and 2 out, of 9",
        ],
    );
    check(
        "more ordinals than there are coupons",
        |books| books.slices[0].2.next_ordinal = u32::MAX,
        &["coupon X and the 4294967289 after it: issued, but not there"],
    );
}

#[test]
fn counters_that_do_not_follow_the_last_numbers() {
    check("lost", |books| books.counters.clear(), &["cell 0: its next numbers are not there"]);
    let counters = |change: fn(&mut Counters)| move |books: &mut Books| change(&mut books.counters[0].1);
    check(
        "a quote too many",
        counters(|counters| counters.quote += 1),
        &["cell 0: the next quote is 8, those there make 7"],
    );
    check(
        "a quote too few",
        counters(|counters| counters.quote -= 1),
        &["cell 0: the next quote is 6, those there make 7"],
    );
    check(
        "a transfer too many",
        counters(|counters| counters.transfer += 1),
        &["cell 0: the next transfer is 18, those there make 17"],
    );
    check(
        "a transfer too few",
        counters(|counters| counters.transfer -= 1),
        &["cell 0: the next transfer is 16, those there make 17"],
    );
    check(
        "far off",
        counters(|counters| counters.quote = i64::MIN),
        &[
            "transfer #4: reserve cannot be about quote #1 in this way",
            "transfer #5: spend cannot be about payment #1 in this way",
            "transfer #6: reserve cannot be about quote #2 in this way",
            "transfer #7: spend cannot be about payment #2 in this way",
            "transfer #8: recover cannot be about refund 1 of payment #2 in this way",
            "transfer #9: recover cannot be about refund 2 of payment #2 in this way",
            "transfer #11: reserve cannot be about quote #3 in this way",
            "transfer #12: spend cannot be about payment #3 in this way",
            "transfer #13: cancel cannot be about payment #3 in this way",
            "transfer #16: reserve cannot be about quote #4 in this way",
            "cell 0: the next quote is -9223372036854775808, those there make 7",
        ],
    );
}

#[test]
fn a_campaign_without_a_slice_is_named() {
    let (mut stage, books) = healthy();
    let mut other = stage.campaign().as_ref().clone();
    other.number = koi_core::id::CampaignNo(2);
    let mut rules = other.rules.as_ref().clone();
    rules.id = koi_core::id::CampaignId::stored("other");
    other = Campaign {
        state: State::Draft,
        submitted_by: None,
        approved_by: None,
        seal: None,
        rules: rules.into(),
        ..other
    };
    stage.catalog.apply(Entry::Campaign(other.into()));
    assert_eq!(books.findings(&stage.catalog, 1000, 9).broken, ["other: its slice is not there"]);
}

#[test]
fn a_lost_end_of_the_ledger_shows_though_its_sums_cancel() {
    let mut stage = Stage::open(|_| ());
    stage.claim("A").expect("a coupon");
    let quote = stage.quote("A", 4590);
    stage.cancel_quote(quote.id).expect("cancelled");
    let mut books = Books::of(&stage);
    books.lines.truncate(books.lines.len() - 2);
    let found = books.findings(&stage.catalog, 1000, 9);
    let named: Vec<String> = found.broken.iter().map(|text| short(text)).collect();
    let expected = [
        "cell 0: the next transfer is 5, those there make 3",
        "quote #1: its transfers are not those that it needs",
    ];
    assert_eq!(named, expected);
}
