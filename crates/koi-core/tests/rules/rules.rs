//! What makes a campaign document wrong, field by field, at the edges of every range.

use koi_core::id::MerchantId;
use koi_core::limits;
use koi_core::money::Currency;
use koi_core::packet::Tier;
use koi_core::rules::{Country, Rules, Threshold, Why};

use crate::stage::{DAY, plain, rules, splittable};

/// The fields that are wrong after a change.
fn check(change: impl FnOnce(&mut Rules), expected: &[(&str, &str)]) {
    let mut rules = rules();
    change(&mut rules);
    let wrong = rules.check(Currency::CNY);
    let told: Vec<(&str, &str)> = wrong.iter().map(|wrong| (wrong.pointer.as_str(), kind(&wrong.why))).collect();
    assert_eq!(told, expected);
}

fn kind(why: &Why) -> &'static str {
    match why {
        Why::Missing => "missing",
        Why::Unknown => "unknown",
        Why::Form(..) => "form",
        Why::Range { .. } => "range",
        Why::Length { .. } => "length",
        Why::WalletCurrency(_) => "currency",
        Why::EndBeforeStart => "end",
        Why::Repeated => "repeated",
        Why::BudgetTooLarge => "budget",
        Why::Unreadable(_) => "unreadable",
    }
}

#[test]
fn the_originals_rules_are_right() {
    check(|_| (), &[]);
}

#[test]
fn the_currency_is_the_wallets() {
    check(|rules| rules.currency = Currency::parse("NZD").expect("NZD"), &[("/currency", "currency")]);
}

#[test]
fn a_campaign_ends_after_its_start_and_within_ten_years() {
    let lasting = |ms: i64| move |rules: &mut Rules| rules.ends_at = rules.starts_at.plus_ms(ms);
    check(lasting(-1), &[("/ends_at", "end")]);
    check(lasting(0), &[("/ends_at", "end")]);
    check(lasting(1), &[]);
    check(lasting(limits::CAMPAIGN_DAYS * DAY), &[]);
    check(lasting(limits::CAMPAIGN_DAYS * DAY + 1), &[("/ends_at", "form")]);
}

#[test]
fn every_text_is_there_in_both_languages() {
    check(|rules| rules.title.en = " ".into(), &[("/title/en", "length")]);
    check(|rules| rules.title.zh = "".into(), &[("/title/zh", "length")]);
    check(|rules| rules.terms.en = "\n".into(), &[("/terms/en", "length")]);
    check(|rules| rules.terms.zh = "".into(), &[("/terms/zh", "length")]);
    check(|rules| rules.title.zh = "红".repeat(limits::TITLE_CHARS).into(), &[]);
    check(|rules| rules.title.zh = "红".repeat(limits::TITLE_CHARS + 1).into(), &[("/title/zh", "length")]);
    check(|rules| rules.terms.en = "x".repeat(limits::TERMS_CHARS).into(), &[]);
    check(|rules| rules.terms.en = "x".repeat(limits::TERMS_CHARS + 1).into(), &[("/terms/en", "length")]);
}

#[test]
fn a_stock_has_tiers_with_faces_and_counts() {
    let of = |packets: Vec<Tier>| move |rules: &mut Rules| rules.packets = packets;
    check(of(vec![]), &[("/packets", "length")]);
    let tiers = |count: usize| (1..=count).map(|face| plain(face as i64, 1)).collect::<Vec<_>>();
    check(of(tiers(limits::TIERS)), &[]);
    check(of(tiers(limits::TIERS + 1)), &[("/packets", "length")]);
    // One that is too long is not looked through.
    check(of(vec![plain(0, 0); 40_000]), &[("/packets", "length")]);
    check(of(vec![plain(0, 1)]), &[("/packets/0/face", "range")]);
    check(of(vec![plain(1, 1), plain(-1, 1)]), &[("/packets/1/face", "range")]);
    check(of(vec![plain(limits::MONEY, 1)]), &[]);
    check(of(vec![plain(limits::MONEY + 1, 1)]), &[("/packets/0/face", "range"), ("/packets", "budget")]);
    check(of(vec![plain(1, 0)]), &[("/packets/0/count", "range")]);
    let most = u64::try_from(limits::PACKETS).expect("a count");
    check(of(vec![plain(1, most)]), &[]);
    check(of(vec![plain(1, most + 1)]), &[("/packets/0/count", "range"), ("/packets", "budget")]);
    check(of(vec![plain(1, u64::MAX)]), &[("/packets/0/count", "range"), ("/packets", "budget")]);
}

#[test]
fn a_tier_is_told_by_its_face_and_whether_it_splits() {
    let of = |packets: Vec<Tier>| move |rules: &mut Rules| rules.packets = packets;
    check(of(vec![plain(5, 1), plain(6, 1), plain(5, 2)]), &[("/packets/2/face", "repeated")]);
    check(of(vec![splittable(5, 1), splittable(5, 1)]), &[("/packets/1/face", "repeated")]);
    check(of(vec![plain(5, 1), splittable(5, 1)]), &[]);
}

#[test]
fn a_stock_is_worth_no_more_than_money_may_be_and_has_an_ordinal_for_each_packet() {
    let of = |packets: Vec<Tier>| move |rules: &mut Rules| rules.packets = packets;
    check(of(vec![plain(limits::MONEY - 1, 1), plain(1, 1)]), &[]);
    check(of(vec![plain(limits::MONEY - 1, 1), plain(2, 1)]), &[("/packets", "budget")]);
    check(of(vec![plain(limits::MONEY, 2_000)]), &[("/packets", "budget")]);
    let most = u64::try_from(limits::PACKETS).expect("a count");
    check(of(vec![plain(1, most - 1), plain(2, 1)]), &[]);
    check(of(vec![plain(1, most), plain(2, 1)]), &[("/packets", "budget")]);
}

#[test]
fn settings_keep_to_their_ranges() {
    type Set = fn(&mut Rules, i64);
    let fields: [(&str, Set, i64, i64); 6] = [
        ("/limits/window_days", |rules, value| rules.limits.window_days = value as u32, 1, limits::CAMPAIGN_DAYS),
        ("/limits/per_window", |rules, value| rules.limits.per_window = value as u32, 1, limits::PER_WINDOW),
        ("/limits/live", |rules, value| rules.limits.live = value as u32, 1, limits::PER_WINDOW),
        ("/coupon/valid_days", |rules, value| rules.coupon.valid_days = value as u32, 1, limits::CAMPAIGN_DAYS),
        ("/coupon/min_shopper_pays", |rules, value| rules.coupon.min_shopper_pays = value, 0, limits::MONEY),
        ("/quote/valid_seconds", |rules, value| rules.quote_valid_s = value as u32, 1, limits::QUOTE_VALID_S),
    ];
    for (field, set, least, most) in fields {
        for (value, right) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
            // A number that the type does not hold is refused when the field is read.
            let expected: &[(&str, &str)] = if right { &[] } else { &[(field, "range")] };
            check(|rules| set(rules, value), expected);
        }
    }
}

#[test]
fn a_merchant_is_listed_once() {
    let list = |names: Vec<String>| {
        move |rules: &mut Rules| {
            rules.merchants = Some(names.iter().map(|name| MerchantId::stored(name)).collect());
        }
    };
    let names = |count: usize| (0..count).map(|number| format!("m{number}")).collect::<Vec<_>>();
    check(list(vec![]), &[]);
    check(list(vec!["a".into(), "b".into(), "a".into()]), &[("/merchants/2", "repeated")]);
    check(list(names(limits::MERCHANTS_LISTED)), &[]);
    check(list(names(limits::MERCHANTS_LISTED + 1)), &[("/merchants", "length")]);
    check(list(vec!["a".into(); limits::MERCHANTS_LISTED + 1]), &[("/merchants", "length")]);
}

#[test]
fn a_country_is_listed_once() {
    let countries = |names: &[&str]| -> Vec<Country> {
        names.iter().map(|name| Country::parse(name).expect("a country")).collect()
    };
    let all: Vec<Country> = ('A'..='Z')
        .flat_map(|first| ('A'..='Z').map(move |second| format!("{first}{second}")))
        .map(|name| Country::parse(&name).expect("a country"))
        .collect();
    type List = fn(&mut Rules) -> &mut Vec<Country>;
    let fields: [(&str, List); 2] = [
        ("/eligibility/id_countries", |rules| &mut rules.eligibility.id_countries),
        ("/eligibility/not_in_countries", |rules| &mut rules.eligibility.not_in_countries),
    ];
    for (field, list) in fields {
        check(|rules| list(rules).clear(), &[]);
        let again = format!("{field}/2");
        check(|rules| *list(rules) = countries(&["NZ", "CN", "NZ"]), &[(&again, "repeated")]);
        check(|rules| *list(rules) = all[..limits::COUNTRIES].to_vec(), &[]);
        check(|rules| *list(rules) = all[..=limits::COUNTRIES].to_vec(), &[(field, "length")]);
        check(|rules| *list(rules) = vec![all[0]; 40_000], &[(field, "length")]);
    }
}

#[test]
fn a_range_says_its_ends() {
    let mut rules = rules();
    rules.coupon.min_shopper_pays = -1;
    assert_eq!(rules.check(Currency::CNY)[0].why, Why::Range { least: 0, most: (1 << 53) - 1 });
    rules.title.en = "".into();
    assert_eq!(rules.check(Currency::CNY)[0].why, Why::Length { least: 1, most: 200 });
}

#[test]
fn a_threshold_is_more_than_or_at_least() {
    use Threshold::{Exceeds, Reaches};
    for (threshold, gross, admits) in [
        (Exceeds, 499, false),
        (Exceeds, 500, false),
        (Exceeds, 501, true),
        (Reaches, 499, false),
        (Reaches, 500, true),
    ] {
        assert_eq!(threshold.admits(gross, 500), admits, "{threshold:?} {gross}");
    }
}

#[test]
fn a_country_is_two_upper_case_letters() {
    for (text, ok) in [("CN", true), ("nz", false), ("N", false), ("NZL", false), ("N1", false), ("", false)] {
        assert_eq!(Country::parse(text).is_some(), ok, "{text}");
    }
    assert_eq!(Country::parse("NZ").expect("a country").code(), "NZ");
}
