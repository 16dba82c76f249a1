//! Rows to store: ordinary ones, and some at the ends of every range.

use std::sync::Arc;

use koi_core::campaign::{Beacon, Campaign, Seal, State};
use koi_core::catalog::{Code, Merchant, Store};
use koi_core::coupon::{self, Coupon};
use koi_core::id::{
    AccountId, CampaignId, CampaignNo, Cell, CodeText, CouponId, FunderId, Medium, MerchantId, NAME_LEN,
    PaymentId, PersonId, QuoteId, RefundId, ShopperKey, StoreId, TransferId,
};
use koi_core::idempotency::{Asked, Fingerprint, Key};
use koi_core::ledger::{Account, Buckets, Movement, Reason, Transfer};
use koi_core::money::{Currency, Money, Rate};
use koi_core::packet::Tier;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::{self, Quote};
use koi_core::rows::Slice;
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::time::{Time, Zone};

/// The first campaign, which most rows belong to.
pub(crate) const CAMPAIGN: CampaignNo = CampaignNo(1);
/// The one cell of an installation on SQLite.
pub(crate) const CELL: Cell = Cell(0);

/// The instant of so many milliseconds.
pub(crate) fn at(ms: i64) -> Time {
    Time::of_ms(ms)
}

/// A call of its own for each number.
pub(crate) fn asked(number: i64) -> Asked {
    Asked { key: Key(number), fingerprint: Fingerprint(u128::from(number.unsigned_abs()).to_be_bytes()) }
}

/// The longest name there may be.
pub(crate) fn long_name() -> String {
    "n".repeat(NAME_LEN)
}

/// The coupon of an ordinal, held and untouched: worth 88.00, from 1,000 to 2,000.
pub(crate) fn coupon(ordinal: u32) -> Coupon {
    let person = PersonId::stored(&format!("P{ordinal}"));
    Coupon {
        id: CouponId::new(CELL, CAMPAIGN, ordinal),
        shopper: ShopperKey::of(&person),
        person,
        account: AccountId::stored(&format!("A{ordinal}")),
        code: CodeText::stored("23456789"),
        tier: 1,
        face: 8800,
        split: false,
        remaining: 8800,
        reserved: 0,
        spent: 0,
        lapsed: 0,
        phase: coupon::Phase::Held,
        collected_at: at(1000),
        expires_at: at(2000),
        pauses_seen: 0,
        ended_at: None,
        revision: 1,
        restocked: false,
        asked: asked(1_000_000 + i64::from(ordinal)),
        voided: None,
    }
}

/// A coupon whose every field is as large as it can be.
pub(crate) fn largest_coupon() -> Coupon {
    Coupon {
        id: CouponId::new(CELL, CampaignNo(koi_core::id::MAX_CAMPAIGNS), u32::MAX),
        shopper: ShopperKey(i64::MAX),
        person: PersonId::stored(&long_name()),
        account: AccountId::stored(&long_name()),
        code: CodeText::stored(&long_name()),
        tier: u16::MAX,
        face: i64::MAX,
        split: true,
        remaining: i64::MAX,
        reserved: i64::MAX,
        spent: i64::MAX,
        lapsed: i64::MAX,
        phase: coupon::Phase::Void,
        collected_at: at(i64::MAX),
        expires_at: at(i64::MAX),
        pauses_seen: u32::MAX,
        ended_at: Some(at(i64::MAX)),
        revision: u32::MAX,
        restocked: true,
        asked: Asked { key: Key(i64::MAX), fingerprint: Fingerprint([0xFF; 16]) },
        voided: Some(Asked { key: Key(i64::MAX - 1), fingerprint: Fingerprint([0xFE; 16]) }),
    }
}

/// A quote, open, which takes all of the coupon of the same number off a purchase of NZD 45.90.
pub(crate) fn quote(number: i64) -> Quote {
    let ordinal = u32::try_from(number).unwrap();
    let of = coupon(ordinal);
    Quote {
        id: QuoteId::new(CELL, number),
        shopper: of.shopper,
        person: of.person,
        account: of.account,
        store: StoreId::stored("kiwi-honey-akl"),
        amount: Money { currency: Currency::parse("NZD").unwrap(), value: 4590 },
        rate: Rate::parse("4.5817").unwrap(),
        gross: Money { currency: Currency::CNY, value: 21_030 },
        deduction: 8800,
        coupon: Some(of.id),
        no_deduction: None,
        phase: quote::Phase::Open,
        created_at: at(1500),
        expires_at: at(1800),
        asked: asked(2_000_000 + number),
        settled: None,
    }
}

/// A quote whose every field is as large as it can be.
pub(crate) fn largest_quote() -> Quote {
    Quote {
        id: QuoteId::new(CELL, (1 << 50) - 1),
        shopper: ShopperKey(i64::MAX),
        person: PersonId::stored(&long_name()),
        account: AccountId::stored(&long_name()),
        store: StoreId::stored(&long_name()),
        amount: Money { currency: Currency::parse("KWD").unwrap(), value: i64::MAX },
        rate: Rate::MAX,
        gross: Money { currency: Currency::parse("JPY").unwrap(), value: i64::MAX },
        deduction: i64::MAX,
        coupon: None,
        no_deduction: Some(quote::NoDeduction::NoCoupon),
        phase: quote::Phase::Paid,
        created_at: at(i64::MAX),
        expires_at: at(i64::MAX),
        asked: Asked { key: Key(i64::MAX - 2), fingerprint: Fingerprint([0xFD; 16]) },
        settled: Some(Asked { key: Key(i64::MAX - 3), fingerprint: Fingerprint([0xFC; 16]) }),
    }
}

/// The payment of a quote, without refunds.
pub(crate) fn payment(of: &Quote) -> Payment {
    Payment {
        id: PaymentId::of(of.id),
        paid_at: at(1600),
        fee: 73,
        refunded: 0,
        refunded_shopper: 0,
        refunded_funder: 0,
        refunds: 0,
        coupon_returned: false,
        cancelled: None,
    }
}

/// A payment whose every field is as large as it can be.
pub(crate) fn largest_payment(of: &Quote) -> Payment {
    Payment {
        id: PaymentId::of(of.id),
        paid_at: at(i64::MAX),
        fee: i64::MAX,
        refunded: i64::MAX,
        refunded_shopper: i64::MAX,
        refunded_funder: i64::MAX,
        refunds: u32::MAX,
        coupon_returned: true,
        cancelled: Some((at(i64::MAX), asked(i64::MAX - 4))),
    }
}

/// A refund of a payment.
pub(crate) fn refund(of: &Payment, number: u32) -> Refund {
    Refund {
        id: RefundId { payment: of.id, number },
        amount: 1000,
        shopper: 2600,
        funder: 1982,
        at: at(1700),
        asked: asked(3_000_000 + i64::from(number)),
    }
}

/// A campaign's part of the cell, of three tiers.
pub(crate) fn slice() -> Slice {
    Slice { next_ordinal: 7, left: vec![10, 0, 4510], buckets: Buckets::stored([-90, 33, 30, 20, 0, 0, 5, -5, 7]) }
}

/// A line of the ledger that issues a coupon.
pub(crate) fn transfer(number: i64) -> Transfer {
    let coupon = CouponId::new(CELL, CAMPAIGN, u32::try_from(number).unwrap());
    Transfer {
        id: TransferId::new(CELL, number),
        campaign: CAMPAIGN,
        movement: Movement {
            debit: Account::Free,
            credit: Account::Committed,
            amount: 8800,
            reason: Reason::Issue,
            subject: coupon.number(),
            part: 0,
            coupon: Some(coupon),
        },
        count: 1,
        at: at(1000),
    }
}

/// The rules of summer 2018, with a stock of `count` packets of 88.00.
pub(crate) fn rules(name: &str, count: u64) -> Rules {
    let china = Country::parse("CN").unwrap();
    Rules {
        id: CampaignId::stored(name),
        title: Bilingual { en: "Red packets".into(), zh: "红包".into() },
        currency: Currency::CNY,
        funder: FunderId::stored("alipay"),
        zone: Zone::parse("Asia/Shanghai").unwrap(),
        starts_at: Time::parse("2018-07-15T00:00:00+08:00").unwrap(),
        ends_at: Time::parse("2018-09-15T00:00:00+08:00").unwrap(),
        packets: vec![Tier { face: 288_800, count: 10, split: true }, Tier { face: 8800, count, split: false }],
        eligibility: Eligibility { verified: true, id_countries: vec![china], not_in_countries: vec![china] },
        limits: Limits { window_days: 30, per_window: 5, live: 1 },
        coupon: CouponRules {
            valid_days: 7,
            threshold: Threshold::Exceeds,
            min_shopper_pays: 1,
            refund_returns_coupon: false,
            restock_expired: true,
        },
        quote_valid_s: 180,
        merchants: None,
        terms: Bilingual { en: "Terms.".into(), zh: "条款。".into() },
    }
}

/// A campaign that is open.
pub(crate) fn campaign(name: &str, number: u32) -> Campaign {
    let draft = Campaign::draft(CampaignNo(number), rules(name, 4510), [u8::try_from(number % 256).unwrap(); 32]);
    let beacon = Beacon { randomness: [4; 32], signature: [5; 48].into() };
    let seal = Seal { stated_at: at(1_531_000_000_000), chain: [6; 32], round: 1000, beacon: Some(beacon) };
    Campaign { state: State::Open, seal: Some(seal), ..draft }
}

pub(crate) fn merchant(name: &str) -> Merchant {
    Merchant {
        id: MerchantId::stored(name),
        name: Arc::from("Kiwi Honey & Söhne 蜂蜜 'O;--"),
        country: Country::parse("NZ").unwrap(),
        currency: Currency::parse("NZD").unwrap(),
        fee_bps: 160,
    }
}

pub(crate) fn store(name: &str, merchant: &str) -> Store {
    Store {
        id: StoreId::stored(name),
        merchant: MerchantId::stored(merchant),
        name: Arc::from("Queen Street"),
        country: Country::parse("NZ").unwrap(),
        zone: Zone::parse("Pacific/Auckland").unwrap(),
    }
}

pub(crate) fn code(text: &str, store: &str) -> Code {
    Code {
        text: CodeText::stored(text),
        store: StoreId::stored(store),
        medium: Medium::stored("a5_sticker"),
        revoked: None,
    }
}
