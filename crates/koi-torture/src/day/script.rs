//! The day: a campaign's life from the draft to the close, with every kind of deed in it.
//!
//! Every act that needs something made earlier (a code, a quote, a payment) names it. The faces are
//! one per campaign, so the day costs the same whatever the luck; in the middle the server is stopped
//! and started again, so that a shutdown is part of what is tortured.

use crate::deed::Scope;

/// What the day is played with.
pub(crate) const OPENING: &str = "2018-07-14T16:00:00Z";
pub(crate) const BEFORE_OPENING: &str = "2018-07-14T15:00:00Z";
pub(crate) const ENDING: &str = "2018-09-14T16:00:00Z";
pub(crate) const FEE_BPS: i64 = 160;
pub(crate) const RATE_E8: i64 = 458_170_000;

/// What must come of an act, beside what the model works out by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Refused(&'static str),
}

/// One act. Texts in it are names of the script, not ids of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Merchant,
    Store,
    Code {
        name: &'static str,
    },
    RevokeCode {
        code: &'static str,
    },
    Rate {
        rate_e8: i64,
    },
    Clock {
        now: &'static str,
    },
    /// The server is stopped in good order and started again.
    Restart,
    Campaign {
        id: &'static str,
        face: i64,
        count: i64,
        split: bool,
    },
    Submit {
        id: &'static str,
    },
    Approve {
        id: &'static str,
    },
    Fund {
        id: &'static str,
        amount: i64,
    },
    Pause {
        id: &'static str,
        scope: Scope,
    },
    Resume {
        id: &'static str,
    },
    End {
        id: &'static str,
    },
    Close {
        id: &'static str,
    },
    Claim {
        campaign: &'static str,
        code: &'static str,
        who: &'static str,
        coupon: &'static str,
    },
    Void {
        coupon: &'static str,
    },
    Quote {
        who: &'static str,
        amount: i64,
        quote: &'static str,
    },
    CancelQuote {
        quote: &'static str,
    },
    Pay {
        quote: &'static str,
        payment: &'static str,
    },
    CancelPayment {
        payment: &'static str,
    },
    Refund {
        payment: &'static str,
        amount: i64,
    },
}

const KITES: &str = "kites";
const WHALE: &str = "whale";

fn claim(who: &'static str, coupon: &'static str) -> Act {
    Act::Claim { campaign: KITES, code: "window", who, coupon }
}

fn quote(who: &'static str, amount: i64, quote: &'static str) -> Act {
    Act::Quote { who, amount, quote }
}

/// The whole day.
pub(crate) fn day() -> Vec<(Act, Outcome)> {
    use Outcome::{Done, Refused};
    let all = Scope::All;
    vec![
        (Act::Merchant, Done),
        (Act::Store, Done),
        (Act::Code { name: "window" }, Done),
        (Act::Code { name: "counter" }, Done),
        (Act::Rate { rate_e8: RATE_E8 }, Done),
        // Two campaigns: plain packets, and one big one that splits.
        (Act::Campaign { id: KITES, face: 8_800, count: 6, split: false }, Done),
        (Act::Submit { id: KITES }, Done),
        (Act::Approve { id: KITES }, Done),
        (Act::Fund { id: KITES, amount: 50_000 }, Done),
        (Act::Fund { id: KITES, amount: 2_800 }, Done),
        (Act::Campaign { id: WHALE, face: 288_800, count: 1, split: true }, Done),
        (Act::Submit { id: WHALE }, Done),
        (Act::Approve { id: WHALE }, Done),
        (Act::Fund { id: WHALE, amount: 288_800 }, Done),
        (claim("ada", "early"), Refused("campaign_not_started")),
        (Act::Clock { now: OPENING }, Done),
        (Act::Clock { now: "2018-07-19T22:15:00Z" }, Done),
        // Claims, one of them twice.
        (claim("ada", "ada-1"), Done),
        (claim("ben", "ben-1"), Done),
        (claim("cleo", "cleo-1"), Done),
        (claim("dan", "dan-1"), Done),
        (Act::Claim { campaign: WHALE, code: "counter", who: "eve", coupon: "eve-1" }, Done),
        (claim("ada", "again"), Refused("coupon_already_held")),
        // A purchase, and a second try to pay for it.
        (quote("ada", 4_590, "ada-q1"), Done),
        (quote("ada", 4_590, "ada-q2"), Done),
        (Act::Pay { quote: "ada-q1", payment: "ada-p1" }, Done),
        (Act::Pay { quote: "ada-q1", payment: "twice" }, Refused("quote_not_open")),
        // A quote is cancelled, a payment too; the coupon lives on.
        (quote("ben", 4_590, "ben-q1"), Done),
        (Act::CancelQuote { quote: "ben-q1" }, Done),
        (quote("ben", 5_000, "ben-q2"), Done),
        (Act::Pay { quote: "ben-q2", payment: "ben-p1" }, Done),
        (Act::CancelPayment { payment: "ben-p1" }, Done),
        (Act::Refund { payment: "ada-p1", amount: 1_000 }, Done),
        (Act::Refund { payment: "ada-p1", amount: 1_595 }, Done),
        // The big coupon over several purchases, two of them at once.
        (quote("eve", 19_900, "eve-q1"), Done),
        (Act::Pay { quote: "eve-q1", payment: "eve-p1" }, Done),
        (quote("eve", 8_950, "eve-q2"), Done),
        (quote("eve", 42_000, "eve-q3"), Done),
        (Act::CancelQuote { quote: "eve-q2" }, Done),
        (Act::Pay { quote: "eve-q3", payment: "eve-p2" }, Done),
        // A quote lapses.
        (quote("cleo", 4_590, "cleo-q1"), Done),
        (Act::Clock { now: "2018-07-19T22:18:00Z" }, Done),
        (Act::Pay { quote: "cleo-q1", payment: "late" }, Refused("quote_expired")),
        (Act::Restart, Done),
        // Six hours in which everything stands still; an open quote is honoured.
        (quote("cleo", 4_590, "cleo-q2"), Done),
        (Act::Pause { id: KITES, scope: all }, Done),
        (claim("finn", "paused"), Refused("campaign_paused")),
        (quote("dan", 4_590, "dan-q1"), Done),
        (Act::Pay { quote: "cleo-q2", payment: "cleo-p1" }, Done),
        (Act::Clock { now: "2018-07-20T04:18:00Z" }, Done),
        (Act::Resume { id: KITES }, Done),
        (Act::Rate { rate_e8: 460_000_000 }, Done),
        // No new coupons for a moment; the live ones keep working.
        (Act::Pause { id: KITES, scope: Scope::Issuing }, Done),
        (claim("finn", "not-now"), Refused("campaign_paused")),
        (quote("dan", 4_590, "dan-q2"), Done),
        (Act::CancelQuote { quote: "dan-q2" }, Done),
        (Act::Resume { id: KITES }, Done),
        // A coupon is voided, its packet goes to the next; a code is taken off the wall.
        (claim("finn", "finn-1"), Done),
        (Act::Void { coupon: "finn-1" }, Done),
        (claim("finn", "finn-2"), Done),
        (Act::RevokeCode { code: "counter" }, Done),
        (Act::Claim { campaign: KITES, code: "counter", who: "gus", coupon: "torn" }, Refused("code_revoked")),
        (Act::Refund { payment: "ada-p1", amount: 1_995 }, Done),
        // A week later what was not spent has lapsed, and its packets are there again.
        (Act::Clock { now: "2018-07-27T22:18:00Z" }, Done),
        (claim("hana", "hana-1"), Done),
        (quote("hana", 2_345, "hana-q1"), Done),
        (Act::Pay { quote: "hana-q1", payment: "hana-p1" }, Done),
        (claim("ben", "ben-2"), Done),
        (Act::End { id: KITES }, Done),
        (claim("gus", "over"), Refused("campaign_ended")),
        (Act::Close { id: KITES }, Refused("invalid_transition")),
        (Act::Clock { now: "2018-08-04T00:00:00Z" }, Done),
        (Act::Close { id: KITES }, Done),
        (Act::Refund { payment: "hana-p1", amount: 345 }, Done),
        (Act::End { id: WHALE }, Done),
        (Act::Close { id: WHALE }, Done),
    ]
}
