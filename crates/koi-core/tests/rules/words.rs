//! The words of the contract: names of states, reasons and refusals, which callers and stored rows rely on.

use koi_core::coupon::{self, Coupon};
use koi_core::ledger::{Account, Reason};
use koi_core::limits;
use koi_core::quote::{self, NoDeduction};
use koi_core::refusal::Refusal;

use crate::stage::{DAY1, Stage, at, plain};

#[test]
fn statuses_of_coupons_and_quotes() {
    use coupon::Status::{Active, Expired, Reserved, Used, Void};
    let names = [Active, Reserved, Used, Expired, Void].map(coupon::Status::name);
    assert_eq!(names, ["active", "reserved", "used", "expired", "void"]);
    use quote::Phase;
    let names = [Phase::Open, Phase::Paid, Phase::Cancelled, Phase::Expired].map(Phase::name);
    assert_eq!(names, ["open", "paid", "cancelled", "expired"]);
}

#[test]
fn reasons_for_no_deduction_in_their_order() {
    let names = NoDeduction::ALL.map(NoDeduction::name);
    let expected = [
        "campaign_paused",
        "store_not_participating",
        "coupon_reserved",
        "does_not_exceed",
        "coupon_expired",
        "no_coupon",
    ];
    assert_eq!(names, expected);
    assert!(NoDeduction::ALL.is_sorted());
}

#[test]
fn accounts_and_reasons_of_the_ledger() {
    let names = Account::ALL.map(Account::name);
    let expected =
        ["funder", "free", "committed", "reserved", "spent", "returned", "recovered", "refunds", "moved"];
    assert_eq!(names, expected);
    let outside: Vec<Account> = Account::ALL.into_iter().filter(|account| account.is_outside()).collect();
    assert_eq!(outside, [Account::Funder, Account::Refunds, Account::Moved]);
    let names = Reason::ALL.map(Reason::name);
    let expected = [
        "fund", "issue", "reserve", "release", "spend", "cancel", "expire", "void", "recover", "restore", "close",
        "move", "gather",
    ];
    assert_eq!(names, expected);
}

#[test]
fn refusals_have_the_codes_of_the_contract() {
    let coupon: Coupon = Stage::of(plain(500, 1)).claim("A").expect("a coupon");
    let time = at(DAY1);
    let all = [
        (Refusal::NotFound, "not_found"),
        (Refusal::UnknownCampaign, "unknown_campaign"),
        (Refusal::UnknownCode, "unknown_code"),
        (Refusal::AlreadyExists, "already_exists"),
        (Refusal::KeyReused, "idempotency_key_reused"),
        (Refusal::InvalidAmount, "invalid_amount"),
        (Refusal::CodeRevoked, "code_revoked"),
        (Refusal::CampaignNotStarted(time), "campaign_not_started"),
        (Refusal::CampaignEnded, "campaign_ended"),
        (Refusal::CampaignPaused, "campaign_paused"),
        (Refusal::CampaignNotLive, "campaign_not_live"),
        (Refusal::NotVerified, "not_verified"),
        (Refusal::IdCountryNotEligible, "id_country_not_eligible"),
        (Refusal::StoreCountryNotEligible, "store_country_not_eligible"),
        (Refusal::StoreNotParticipating, "store_not_participating"),
        (Refusal::CouponAlreadyHeld(Box::new(coupon), time), "coupon_already_held"),
        (Refusal::PersonHoldsCoupon(time), "person_holds_coupon"),
        (Refusal::LimitReached(None), "limit_reached"),
        (Refusal::SoldOut, "sold_out"),
        (Refusal::CouponNotActive, "coupon_not_active"),
        (Refusal::NoRate, "no_rate"),
        (Refusal::QuoteNotOpen, "quote_not_open"),
        (Refusal::QuoteExpired, "quote_expired"),
        (Refusal::PaymentCancelled, "payment_cancelled"),
        (Refusal::AlreadyRefunded, "already_refunded"),
        (Refusal::CancelWindowClosed, "cancel_window_closed"),
        (Refusal::RefundWindowClosed, "refund_window_closed"),
        (Refusal::RefundExceedsPayment, "refund_exceeds_payment"),
        (Refusal::InvalidTransition, "invalid_transition"),
        (Refusal::OwnSubmission, "forbidden"),
        (Refusal::TooManyCampaigns, "too_many_campaigns"),
    ];
    for (refusal, code) in all {
        assert_eq!(refusal.code(), code);
    }
}

#[test]
fn limits_are_what_the_documentation_prints() {
    assert_eq!(limits::MONEY, 9_007_199_254_740_991);
    assert_eq!(limits::PACKETS, 4_294_967_295);
    assert_eq!(limits::GRANT, 4096);
    assert_eq!(limits::COUNTRIES, 250);
    assert_eq!((limits::TIERS, limits::MERCHANTS_LISTED), (100, 100_000));
    assert_eq!((limits::TITLE_CHARS, limits::TERMS_CHARS), (200, 100_000));
    assert_eq!(koi_core::id::MAX_CAMPAIGNS, 262_143);
    assert_eq!(koi_core::id::MAX_CELLS, 1024);
    assert_eq!(koi_core::time::DAY_MS, 86_400_000);
    assert_eq!(koi_core::money::Rate::MAX.scaled(), 1_000_000_000_000_000);
}
