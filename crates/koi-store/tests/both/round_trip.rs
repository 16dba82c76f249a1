//! What is written is read back, in every field and at the ends of every range.

use koi_core::campaign::{Campaign, Pause, Scope, Seal, State};
use koi_core::catalog::{Code, Entry};
use koi_core::coupon::{self, Coupon};
use koi_core::id::{CampaignNo, PaymentId, Principal, RefundId};
use koi_core::ledger::{Account, Buckets, Movement, Reason, Transfer};
use koi_core::money::{Currency, Rate};
use koi_core::packet::Tier;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::{self, Quote};
use koi_core::rows::{Counters, Slice};
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::time::Time;
use koi_store::Want;
use koi_store::sqlite::ApiKey;

use crate::sample::{self, asked, at};
use crate::{Installation, transfers};

#[test]
fn coupons() {
    let mut installation = Installation::new();
    let mut check = |coupon: Coupon| {
        let stored = installation.rows(&[Want::Coupon(coupon.id)]).coupons.get(coupon.id).is_some();
        let wants = if stored { vec![Want::Coupon(coupon.id)] } else { Vec::new() };
        installation.commit_on(&wants, |rows| rows.coupons.put(coupon.id, coupon.clone()));
        assert_eq!(installation.rows(&[Want::Coupon(coupon.id)]).coupons.get(coupon.id), Some(&coupon));
        assert_eq!(installation.rows(&[Want::Shopper(coupon.shopper)]).coupons.get(coupon.id), Some(&coupon));
    };
    check(sample::largest_coupon());
    check(Coupon { collected_at: at(i64::MIN), face: 0, remaining: 0, asked: asked(0), ..sample::coupon(1) });
    // Once stored, each of these is an update of what can change.
    for phase in [coupon::Phase::Held, coupon::Phase::Used, coupon::Phase::Expired, coupon::Phase::Void] {
        check(Coupon { phase, remaining: 1, reserved: 2, spent: 3, lapsed: 8794, ..sample::coupon(2) });
    }
    check(Coupon {
        expires_at: at(9000),
        pauses_seen: 3,
        ended_at: Some(at(8000)),
        restocked: true,
        voided: Some(asked(77)),
        ..sample::coupon(2)
    });
    check(sample::coupon(2));
}

#[test]
fn a_shoppers_coupons_come_in_their_order() {
    let mut installation = Installation::new();
    let shopper = sample::coupon(0).shopper;
    installation.commit(|rows| {
        for ordinal in [5, 1, 3] {
            let coupon = Coupon { shopper, ..sample::coupon(ordinal) };
            rows.coupons.put(coupon.id, coupon);
        }
        rows.coupons.put(sample::coupon(2).id, sample::coupon(2));
    });
    let rows = installation.rows(&[Want::Shopper(shopper)]);
    let ordinals: Vec<u32> = rows.shoppers[&shopper].iter().map(|id| id.ordinal()).collect();
    assert_eq!(ordinals, [1, 3, 5]);
    assert!(installation.rows(&[Want::Shopper(sample::coupon(9).shopper)]).shoppers.values().all(Vec::is_empty));
}

#[test]
fn quotes() {
    let mut installation = Installation::new();
    let mut check = |quote: Quote| {
        let stored = installation.rows(&[Want::Quote(quote.id)]).quotes.has(quote.id);
        let wants = if stored { vec![Want::Quote(quote.id)] } else { Vec::new() };
        installation.commit_on(&wants, |rows| rows.quotes.put(quote.id, quote.clone()));
        assert_eq!(installation.rows(&[Want::Quote(quote.id)]).quotes.get(quote.id), Some(&quote));
        assert_eq!(installation.rows(&[Want::QuoteAsked(quote.asked.key)]).quotes.get(quote.id), Some(&quote));
    };
    check(sample::largest_quote());
    check(sample::quote(1));
    for phase in [quote::Phase::Paid, quote::Phase::Cancelled, quote::Phase::Expired] {
        check(Quote { phase, settled: Some(asked(55)), ..sample::quote(1) });
    }
    for (number, reason) in quote::NoDeduction::ALL.into_iter().enumerate() {
        let number = 10 + i64::try_from(number).unwrap();
        check(Quote { coupon: None, no_deduction: Some(reason), deduction: 0, ..sample::quote(number) });
    }
}

#[test]
fn an_open_quote_comes_with_the_coupon_that_it_holds() {
    let mut installation = Installation::new();
    let coupon = Coupon { remaining: 0, reserved: 8800, ..sample::coupon(1) };
    installation.commit(|rows| {
        rows.coupons.put(coupon.id, coupon.clone());
        rows.quotes.put(sample::quote(1).id, sample::quote(1));
        rows.slices.put(sample::CAMPAIGN, sample::slice());
    });
    for want in [
        Want::Shopper(coupon.shopper),
        Want::Coupon(coupon.id),
        Want::Quote(sample::quote(1).id),
        Want::QuoteAsked(sample::quote(1).asked.key),
    ] {
        let rows = installation.rows(&[want]);
        assert_eq!(rows.coupons.get(coupon.id), Some(&coupon), "{want:?}");
        assert_eq!(rows.quotes.get(sample::quote(1).id), Some(&sample::quote(1)), "{want:?}");
        assert_eq!(rows.holds[&coupon.id], [sample::quote(1).id], "{want:?}");
        assert!(rows.slices.has(sample::CAMPAIGN), "{want:?}");
    }
}

#[test]
fn payments_and_refunds() {
    let mut installation = Installation::new();
    let mut check = |quote: Quote, payment: Payment, refunds: &[Refund]| {
        let paid = Quote { phase: quote::Phase::Paid, ..quote };
        let key = refunds.first().map_or(asked(1).key, |refund| refund.asked.key);
        let want = Want::Payment(payment.id, key);
        let stored = installation.rows(&[want]).payments.has(payment.id);
        let wants = if stored { vec![want] } else { Vec::new() };
        installation.commit_on(&wants, |rows| {
            rows.quotes.put(paid.id, paid.clone());
            rows.payments.put(payment.id, payment.clone());
            refunds.iter().for_each(|refund| rows.refunds.put(refund.id, refund.clone()));
        });
        for want in [want, Want::Quote(paid.id)] {
            let rows = installation.rows(&[want]);
            assert_eq!(rows.payments.get(PaymentId::of(paid.id)), Some(&payment), "{want:?}");
            assert_eq!(rows.quotes.get(paid.id), Some(&paid), "{want:?}");
        }
        // A repeat finds the refund of its own key, and no other.
        for refund in refunds {
            let rows = installation.rows(&[Want::Payment(payment.id, refund.asked.key)]);
            assert_eq!(rows.refunds.get(refund.id), Some(refund));
            assert!(refunds.iter().filter(|other| other.id != refund.id).all(|other| !rows.refunds.has(other.id)));
        }
    };
    let (small, large) = (sample::quote(1), sample::largest_quote());
    check(small.clone(), sample::payment(&small), &[]);
    let refunded = Payment {
        refunded: 2000,
        refunded_shopper: 5200,
        refunded_funder: 3964,
        refunds: 2,
        cancelled: Some((at(1650), asked(66))),
        coupon_returned: true,
        ..sample::payment(&small)
    };
    check(small, refunded.clone(), &[sample::refund(&refunded, 1), sample::refund(&refunded, 2)]);
    let payment = sample::largest_payment(&large);
    let id = RefundId { payment: payment.id, number: u32::MAX };
    let most =
        Refund { id, amount: i64::MAX, shopper: i64::MAX, funder: i64::MAX, at: at(i64::MAX), asked: asked(4) };
    check(large, payment, &[most]);
}

#[test]
fn slices_and_counters() {
    let mut installation = Installation::new();
    let mut check = |campaign: CampaignNo, slice: Slice| {
        installation.commit_on(&[Want::Slice(campaign)], |rows| rows.slices.put(campaign, slice.clone()));
        assert_eq!(installation.rows(&[Want::Slice(campaign)]).slices.get(campaign), Some(&slice));
        let totals = installation.reader().totals(campaign).unwrap().unwrap();
        assert_eq!((totals.left, totals.buckets), (slice.left, slice.buckets));
    };
    check(sample::CAMPAIGN, sample::slice());
    check(sample::CAMPAIGN, Slice { next_ordinal: 8, left: vec![9, 0, 4510], ..sample::slice() });
    let (most, least) = (i64::MAX, i64::MIN);
    let most_left = u64::try_from(koi_core::limits::PACKETS).unwrap();
    check(
        CampaignNo(koi_core::id::MAX_CAMPAIGNS),
        Slice {
            next_ordinal: u32::MAX,
            left: vec![most_left; koi_core::limits::TIERS],
            buckets: Buckets::stored([least, most, most, most, most, most, most, least, least]),
        },
    );
    assert_eq!(installation.reader().slices().unwrap().len(), 2);
    assert_eq!(installation.reader().totals(CampaignNo(3)).unwrap(), None);

    assert_eq!(installation.rows(&[]).counters, Counters { quote: 1, transfer: 1 });
    let counters = Counters { quote: i64::MAX, transfer: i64::MAX };
    installation.commit(|rows| rows.counters = counters);
    assert_eq!(installation.rows(&[]).counters, counters);
}

#[test]
fn every_reason_and_account_of_the_ledger() {
    let mut installation = Installation::new();
    let mut lines: Vec<Transfer> = Vec::new();
    for (number, reason) in Reason::ALL.into_iter().enumerate() {
        let credit = Account::ALL[(number + 1) % Account::ALL.len()];
        let line = sample::transfer(1 + i64::try_from(number).unwrap());
        let movement =
            Movement { debit: Account::ALL[number % Account::ALL.len()], credit, reason, ..line.movement };
        lines.push(Transfer { movement, ..line });
    }
    let last = sample::transfer(100);
    let movement = Movement { amount: i64::MAX, subject: i64::MAX, part: u32::MAX, coupon: None, ..last.movement };
    lines.push(Transfer { movement, count: u32::MAX, at: at(i64::MAX), ..last });
    installation.commit(|rows| rows.transfers.clone_from(&lines));
    assert_eq!(transfers(&installation.reader()), lines);

    let mut some = Vec::new();
    let from = lines[3].id;
    let two = |line| {
        some.push(line);
        if some.len() == 2 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    };
    installation.reader().for_each_transfer(from.., two).unwrap();
    assert_eq!(some, lines[3..5]);
}

/// Rules whose every setting is the other one than in [`sample::rules`].
fn other_rules() -> Rules {
    let countries = ["CN", "NZ", "ZZ"].map(|code| Country::parse(code).unwrap());
    Rules {
        title: Bilingual { en: "t".repeat(200).into(), zh: "标".repeat(200).into() },
        currency: Currency::parse("JPY").unwrap(),
        starts_at: Time::EARLIEST,
        ends_at: Time::LATEST,
        packets: (1..=100).map(|face| Tier { face, count: 42_949_672, split: face % 2 == 0 }).collect(),
        eligibility: Eligibility {
            verified: false,
            id_countries: countries.to_vec(),
            not_in_countries: Vec::new(),
        },
        limits: Limits { window_days: u32::MAX, per_window: 1000, live: 1000 },
        coupon: CouponRules {
            valid_days: 3660,
            threshold: Threshold::Reaches,
            min_shopper_pays: i64::MAX,
            refund_returns_coupon: true,
            restock_expired: false,
        },
        quote_valid_s: 86_400,
        merchants: Some(vec![sample::merchant("a").id, sample::merchant(&sample::long_name()).id]),
        terms: Bilingual { en: "x\n".repeat(50_000).into(), zh: "'\"; --\u{0}\u{10FFFF}".into() },
        ..sample::rules(&sample::long_name(), 1)
    }
}

#[test]
fn campaigns_in_every_state() {
    let mut installation = Installation::new();
    let mut check = |campaign: Campaign| {
        installation.enter(vec![Entry::Campaign(campaign.clone().into())]);
        let stored = installation.load_catalog();
        // Not by `assert_eq`: the longest terms would fill the screen.
        let what = format!("{} {:?}", campaign.number.0, campaign.state);
        assert!(stored.campaign(&campaign.rules.id).unwrap().as_ref() == &campaign, "{what}");
        let read = installation.reader().catalog().unwrap();
        assert!(read.campaign_numbered(campaign.number).unwrap().as_ref() == &campaign, "{what}");
    };
    let base = sample::campaign("summer", 1);
    let reason: std::sync::Arc<str> = "because of \u{1F9E7}".into();
    for state in [
        State::Draft,
        State::InReview,
        State::Approved,
        State::Open,
        State::Paused { scope: Scope::Issuing, since: at(5), reason: reason.clone() },
        State::Paused { scope: Scope::All, since: at(5), reason: reason.clone() },
        State::Ended { at: at(6), reason },
        State::Closed { at: at(7) },
    ] {
        check(Campaign { state, ..base.clone() });
    }
    let pauses = vec![Pause { from: at(1), until: Some(at(2)) }, Pause { from: at(3), until: None }];
    let by = |name: &str| Some(Principal::stored(name));
    check(Campaign {
        pauses,
        submitted_by: by("one"),
        approved_by: by("two"),
        revision: u32::MAX,
        ..base.clone()
    });
    let unknown = base.seal.clone().map(|seal| Seal { beacon: None, round: 1 << 60, ..seal });
    check(Campaign { seal: unknown, ..base.clone() });
    check(Campaign { seal: None, ..base.clone() });
    check(Campaign::draft(CampaignNo(2), other_rules(), [0xFF; 32]));
}

#[test]
fn merchants_stores_codes_and_rates() {
    let mut installation = Installation::new();
    let (nzd, usd) = (Currency::parse("NZD").unwrap(), Currency::parse("USD").unwrap());
    let revoked = Some((at(i64::MAX), "scratched".into()));
    let code = sample::code("23456789", "s");
    installation.enter(vec![
        Entry::Merchant(sample::merchant("m").into()),
        Entry::Store(sample::store("s", "m").into()),
        Entry::Code(code.clone().into()),
        Entry::Code(sample::code("3456789A", "s").into()),
        Entry::Code(Code { revoked, ..code.clone() }.into()),
        Entry::Rate((nzd, Currency::CNY), Rate::parse("4.5").unwrap()),
        Entry::Rate((usd, Currency::CNY), Rate::MAX),
        Entry::Rate((nzd, Currency::CNY), Rate::parse("4.58170001").unwrap()),
    ]);
    let catalog = installation.load_catalog();
    assert_eq!(catalog.merchant(&sample::merchant("m").id).unwrap().as_ref(), &sample::merchant("m"));
    assert_eq!(catalog.store(&sample::store("s", "m").id).unwrap().as_ref(), &sample::store("s", "m"));
    assert_eq!(catalog.codes().count(), 2);
    assert_eq!(catalog.code(&code.text).unwrap().revoked, Some((at(i64::MAX), "scratched".into())));
    assert_eq!(catalog.rate(nzd, Currency::CNY), Rate::parse("4.58170001"));
    assert_eq!(catalog.rate(usd, Currency::CNY), Some(Rate::MAX));
    assert_eq!(catalog.rate(Currency::CNY, usd), None);
}

#[test]
fn keys_of_the_api() {
    let mut installation = Installation::new();
    let key = |id: &str, created: i64, expires_at| ApiKey {
        id: id.to_owned(),
        hash: [u8::try_from(created).unwrap(); 32],
        principal: Principal::stored("till-7"),
        role: "wallet".to_owned(),
        created_at: at(created),
        expires_at,
        revoked_at: None,
        used_at: None,
    };
    let (first, second) = (key("b", 1, None), key("a", 2, Some(at(i64::MAX))));
    installation.add_key(&second).unwrap();
    installation.add_key(&first).unwrap();
    assert!(installation.add_key(&ApiKey { id: "c".into(), ..first.clone() }).is_err(), "the same secret twice");
    assert_eq!(installation.reader().keys().unwrap(), [first.clone(), second]);
    assert!(installation.revoke_key("b", at(9)));
    assert!(!installation.revoke_key("b", at(10)), "it keeps the time of the first");
    assert!(!installation.revoke_key("z", at(10)));
    let revoked = ApiKey { revoked_at: Some(at(9)), ..first };
    assert_eq!(installation.reader().keys().unwrap()[0], revoked);
}
