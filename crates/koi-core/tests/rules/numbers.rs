//! Rounding against plain big-integer arithmetic, and windows against plain days.

use koi_core::money::{Currency, Money, Rate, fee, gross, share};
use koi_core::packet::{self, Tier};
use koi_core::time::{Time, Zone, next_day, windows};
use proptest::prelude::*;

use crate::stage::{DAY, HOUR, MINUTE, at, money};

/// `n / d` half up, for numbers that are far from overflowing.
fn rounded(n: u128, d: u128) -> u128 {
    (2 * n + d) / (2 * d)
}

fn codes() -> impl Strategy<Value = (Currency, u32)> {
    let exponents = [("NZD", 2), ("CNY", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4)];
    proptest::sample::select(exponents.to_vec())
        .prop_map(|(code, exponent)| (Currency::parse(code).expect("a currency"), exponent))
}

proptest! {
    #[test]
    fn gross_is_amount_times_rate_half_up(
        value in 0..=9_007_199_254_740_991_i64,
        scaled in 1..=1_000_000_000_000_u64,
        (from, from_places) in codes(),
        (into, into_places) in codes(),
    ) {
        let exact = value as u128 * u128::from(scaled) * 10_u128.pow(into_places);
        let expected = i64::try_from(rounded(exact, 100_000_000 * 10_u128.pow(from_places))).ok();
        let amount = Money { currency: from, value };
        prop_assert_eq!(gross(amount, Rate::of_scaled(scaled), into), expected);
    }

    #[test]
    fn a_fee_is_half_up_and_at_most_the_amount(amount in 0..=i64::MAX, points in 0..=10_000_u32) {
        let expected = rounded(amount as u128 * u128::from(points), 10_000);
        prop_assert_eq!(u128::try_from(fee(amount, points)), Ok(expected));
        prop_assert!(fee(amount, points) <= amount);
    }

    #[test]
    fn a_share_is_half_up_and_at_most_the_whole(whole in 0..=i64::MAX, part in 0..=i64::MAX, more in 0..=i64::MAX) {
        let of = part.saturating_add(more).max(1);
        let (n, d) = (whole as u128 * part as u128, of as u128);
        let expected = n / d + u128::from((n % d) * 2 >= d);
        prop_assert_eq!(u128::try_from(share(whole, part, of)), Ok(expected));
        prop_assert!(share(whole, part, of) <= whole);
    }

    #[test]
    fn a_rate_that_is_written_reads_back(scaled in 1..=1_000_000_000_000_000_u64) {
        let rate = Rate::of_scaled(scaled);
        prop_assert_eq!(Rate::parse(&rate.to_string()), Some(rate));
        prop_assert_eq!(rate.to_string(), format!("{}.{:08}", scaled / 100_000_000, scaled % 100_000_000));
    }

    #[test]
    fn a_currency_without_daylight_saving_has_windows_of_so_many_days(
        start in 0..4000_i64, length in 1..500_000_000_000_i64, days in 1..400_u32,
    ) {
        let zone = Zone::parse("Asia/Shanghai").expect("a zone");
        let (from, until) = (at("2018-07-15T00:00:00+08:00").plus_ms(start * HOUR), length);
        let end = from.plus_ms(until);
        let expected: Vec<Time> = (0..)
            .map(|number| from.plus_ms(number * i64::from(days) * DAY))
            .take_while(|time| *time < end)
            .chain([end])
            .collect();
        prop_assert_eq!(windows(from, end, days, &zone), expected);
    }

    #[test]
    fn windows_partition_the_campaign(
        start in 0..20_000_i64, length in 1..40_000_i64, days in 1..60_u32, offset in -100..50_000_i64,
        zone in proptest::sample::select(vec!["Asia/Shanghai", "Pacific/Auckland", "America/New_York", "Australia/Lord_Howe"]),
    ) {
        let mut rules = crate::stage::rules();
        rules.zone = Zone::parse(zone).expect("a zone");
        rules.starts_at = at("2018-01-01T00:00:00Z").plus_ms(start * HOUR);
        rules.ends_at = rules.starts_at.plus_ms(length * HOUR);
        rules.limits.window_days = days;
        let (from, until) = (rules.starts_at, rules.ends_at);
        let campaign = koi_core::campaign::Campaign::draft(koi_core::id::CampaignNo(1), rules, [0; 32]);
        let edges = campaign.windows.clone();
        prop_assert_eq!((edges[0], *edges.last().expect("an end")), (from, until));
        prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
        // A window of so many calendar days is an hour longer or shorter where daylight saving changes.
        let lengths = edges.windows(2).map(|pair| pair[1].since_ms(pair[0]));
        let whole = i64::from(days) * DAY;
        let full = lengths.clone().take(edges.len() - 2).all(|length| (length - whole).abs() <= HOUR);
        prop_assert!(full && lengths.max().expect("one") <= whole + HOUR);

        let time = from.plus_ms(offset * HOUR + MINUTE);
        let holding: Vec<_> =
            edges.windows(2).map(|pair| (pair[0], pair[1])).filter(|(a, b)| *a <= time && time < *b).collect();
        prop_assert_eq!(holding.len(), usize::from(from <= time && time < until), "each instant is in one window");
        prop_assert_eq!(campaign.window(time), holding.first().copied());
    }

    #[test]
    fn a_pick_is_of_the_tier_in_whose_run_it_falls(left in proptest::collection::vec(0..6_u64, 1..6)) {
        let tiers = left.iter().enumerate().flat_map(|(tier, count)| vec![tier; *count as usize]);
        let table: Vec<usize> = tiers.collect();
        prop_assert_eq!(packet::total(&left), table.len() as u64);
        for (pick, tier) in table.iter().enumerate() {
            prop_assert_eq!(packet::at(&left, pick as u64), Ok(*tier));
        }
        prop_assert!(packet::at(&left, table.len() as u64).is_err());
    }

    #[test]
    fn a_stocks_value_is_the_sum_of_its_packets(
        tiers in proptest::collection::vec((1..1_000_000_i64, 0..1_000_000_u64), 0..6),
    ) {
        let table: Vec<Tier> = tiers.iter().map(|(face, count)| Tier { face: *face, count: *count, split: false }).collect();
        let left: Vec<u64> = tiers.iter().map(|(_, count)| *count).collect();
        let expected: i64 = tiers.iter().map(|(face, count)| face * *count as i64).sum();
        prop_assert_eq!(packet::value(&table, &left), Some(expected));
        prop_assert_eq!(packet::budget(&table), Some(expected));
    }

    #[test]
    fn a_cancel_ends_within_two_days_at_the_same_minute_past_midnight(ms in 0..100_000_000_000_i64, minutes in 0..60_i64) {
        let zone = Zone::parse("Asia/Shanghai").expect("a zone");
        let paid = at("2018-07-15T00:00:00+08:00").plus_ms(ms);
        let until = next_day(paid, minutes, &zone);
        let midnight = at("2018-07-15T00:00:00+08:00").plus_ms((ms / DAY + 1) * DAY);
        prop_assert_eq!(until, midnight.plus_ms(minutes * MINUTE));
    }
}

#[test]
fn windows_of_the_original_begin_in_beijing() {
    let campaign =
        koi_core::campaign::Campaign::draft(koi_core::id::CampaignNo(1), crate::stage::rules(), [0; 32]);
    let check = |time: &str, more_ms, expected: Option<(&str, &str)>| {
        let day = |day: &str| at(&format!("2018-{day}T00:00:00+08:00"));
        let expected = expected.map(|(from, until)| (day(from), day(until)));
        assert_eq!(campaign.window(at(time).plus_ms(more_ms)), expected, "{time} {more_ms:+}");
    };
    check("2018-07-15T00:00:00+08:00", -1, None);
    check("2018-07-15T00:00:00+08:00", 0, Some(("07-15", "08-14")));
    check("2018-08-14T00:00:00+08:00", -1, Some(("07-15", "08-14")));
    check("2018-08-14T00:00:00+08:00", 0, Some(("08-14", "09-13")));
    check("2018-09-13T00:00:00+08:00", 0, Some(("09-13", "09-15")));
    check("2018-09-15T00:00:00+08:00", -1, Some(("09-13", "09-15")));
    check("2018-09-15T00:00:00+08:00", 0, None);
}

#[test]
fn amounts_and_currencies_read_like_people_write_them() {
    assert_eq!(money("CNY", 0).to_string(), "CNY 0.00");
    assert_eq!(money("CNY", 99_999).to_string(), "CNY 999.99");
    assert_eq!(money("CNY", 100_000).to_string(), "CNY 1,000.00");
    assert_eq!(money("CNY", -1).to_string(), "CNY -0.01");
    assert_eq!(money("JPY", 0).to_string(), "JPY 0");
    assert_eq!(money("JPY", 123_456_789).to_string(), "JPY 123,456,789");
    assert_eq!(money("KWD", 1_000_005).to_string(), "KWD 1,000.005");
    assert_eq!(money("CNY", i64::MIN).to_string(), "CNY -92,233,720,368,547,758.08");
    let nzd = Currency::parse("NZD").expect("NZD");
    assert_eq!((nzd.code(), format!("{nzd}"), format!("{nzd:?}")), ("NZD", "NZD".into(), "NZD".into()));
    assert_eq!(Currency::CNY.code(), "CNY");
}
