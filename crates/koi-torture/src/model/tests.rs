//! The model must know the money before it may accuse anyone: short stories, with the buckets they end in.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::deed::{Deed, Scope, Shopper, cny, nzd};
use crate::model::arithmetic::{fee, gross, rate_text};
use crate::model::buckets::Buckets;
use crate::model::rules::{COUPON_VALID_MS, QUOTE_VALID_MS, Rules, Tier};
use crate::model::world::World;
use crate::moment::{Moment, SECOND_MS};

const RATE_E8: i64 = 458_170_000;
const FEE_BPS: i64 = 160;
const FUNDED: i64 = 1_000_000;

fn start() -> Moment {
    Moment::parse("2018-07-19T22:15:00Z").unwrap()
}

fn answer(status: u16, body: Value) -> Answer {
    let (retry_after, content_type) = (None, String::new());
    Answer { status, replayed: false, retry_after, content_type, body: body.to_string() }
}

/// A story on one campaign with the given packet.
struct Story {
    world: World,
    now: Moment,
    ids: u32,
}

impl Story {
    fn begin(face: i64, split: bool) -> Self {
        let tiers = vec![Tier { face, count: 3, split }];
        let rules =
            Arc::new(Rules { id: "c".into(), starts_at: start(), ends_at: start().plus_ms(1 << 40), tiers });
        let mut story = Self { world: World::new(FEE_BPS, RATE_E8), now: start(), ids: 0 };
        let campaign = || "c".to_owned();
        story.does(Deed::CreateCampaign { rules }, 201, json!({}));
        story.does(Deed::Submit { campaign: campaign() }, 200, json!({}));
        story.does(Deed::Approve { campaign: campaign() }, 200, json!({}));
        story.does(Deed::Fund { campaign: campaign(), amount: FUNDED }, 200, json!({}));
        story
    }

    fn does(&mut self, deed: Deed, status: u16, body: Value) {
        self.world.witness(&deed, &answer(status, body), self.now).unwrap();
    }

    fn is_wrong(&mut self, deed: &Deed, status: u16, body: Value) {
        let told = self.world.clone().witness(deed, &answer(status, body), self.now);
        assert!(told.is_err(), "{deed:?} answered {status} went unnoticed");
    }

    fn id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}_{}", self.ids)
    }

    fn claim_of(who: &str) -> Deed {
        Deed::Claim { campaign: "c".into(), code: "CODE".into(), shopper: shopper(who) }
    }

    fn coupon(&mut self, who: &str) -> Value {
        let tier = self.world.campaigns["c"].rules.tiers[0];
        json!({
            "id": self.id("cpn"), "campaign": "c", "account": who, "person": format!("person-of-{who}"), "code": "CODE",
            "face": cny(tier.face), "remaining": cny(tier.face), "split": tier.split, "status": "active",
            "collected_at": self.now.to_string(), "expires_at": self.now.plus_ms(COUPON_VALID_MS).to_string(),
        })
    }

    fn claims(&mut self, who: &str) -> String {
        let coupon = self.coupon(who);
        self.does(Self::claim_of(who), 201, coupon.clone());
        coupon["id"].as_str().unwrap().to_owned()
    }

    fn quote_of(who: &str, amount: i64) -> Deed {
        Deed::Quote { shopper: shopper(who), store: "s".into(), amount }
    }

    fn quote(&mut self, amount: i64, deduction: i64, coupon: Option<&str>, no_deduction: Option<&str>) -> Value {
        let gross = gross(amount, RATE_E8);
        json!({
            "id": self.id("quo"), "status": "open", "amount": nzd(amount), "rate": rate_text(RATE_E8),
            "gross": cny(gross), "deduction": cny(deduction), "payable": cny(gross - deduction), "coupon": coupon,
            "no_deduction": no_deduction, "expires_at": self.now.plus_ms(QUOTE_VALID_MS).to_string(),
        })
    }

    fn quotes(&mut self, who: &str, amount: i64, deduction: i64, coupon: &str) -> String {
        let quote = self.quote(amount, deduction, Some(coupon), None);
        self.does(Self::quote_of(who, amount), 201, quote.clone());
        quote["id"].as_str().unwrap().to_owned()
    }

    fn payment(&mut self, quote_id: &str) -> Value {
        let quote = self.world.quotes[quote_id].clone();
        let merchant_fee = fee(quote.amount, FEE_BPS);
        let funded_by = match quote.coupon {
            Some(_) => json!([{"funder": "alipay", "campaign": "c", "amount": cny(quote.deduction)}]),
            None => json!([]),
        };
        json!({
            "id": self.id("pay"), "status": "paid", "quote": quote_id, "account": quote.shopper.account,
            "amount": nzd(quote.amount), "rate": rate_text(quote.rate_e8), "gross": cny(quote.gross),
            "deduction": cny(quote.deduction), "paid": cny(quote.gross - quote.deduction), "coupon": quote.coupon,
            "merchant": {"gross": nzd(quote.amount), "fee": nzd(merchant_fee), "net": nzd(quote.amount - merchant_fee)},
            "funded_by": funded_by, "refunded": nzd(0), "paid_at": self.now.to_string(),
        })
    }

    fn pays(&mut self, quote: &str) -> String {
        let payment = self.payment(quote);
        self.does(Deed::Pay { quote: quote.into() }, 201, payment.clone());
        payment["id"].as_str().unwrap().to_owned()
    }

    fn waits(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }

    /// Checks free, committed, reserved, spent and recovered, and that all adds up.
    fn check(&self, free: i64, committed: i64, reserved: i64, spent: i64, recovered: i64) {
        let buckets = self.world.buckets("c", self.now).unwrap();
        let expect = Buckets { funded: FUNDED, free, committed, reserved, spent, returned: 0, recovered };
        assert_eq!(buckets, expect);
        assert!(buckets.add_up());
    }
}

fn shopper(who: &str) -> Shopper {
    Shopper { account: who.into(), person: format!("person-of-{who}") }
}

fn problem(code: &str) -> Value {
    json!({"code": code})
}

#[test]
fn money_moves_from_free_to_spent_and_a_refund_recovers_the_funders_share() {
    let mut story = Story::begin(8_800, false);
    let coupon = story.claims("A");
    story.check(FUNDED - 8_800, 8_800, 0, 0, 0);
    let quote = story.quotes("A", 4_590, 8_800, &coupon);
    story.check(FUNDED - 8_800, 0, 8_800, 0, 0);
    let payment = story.pays(&quote);
    story.check(FUNDED - 8_800, 0, 0, 8_800, 0);
    let refund = json!({"payment": payment, "amount": nzd(1_000), "shopper": cny(2_665), "funder": cny(1_917)});
    story.does(Deed::Refund { payment: payment.clone(), amount: 1_000 }, 201, refund);
    story.check(FUNDED - 8_800, 0, 0, 8_800, 1_917);
    let too_much = json!({"payment": payment, "amount": nzd(1_595), "shopper": cny(4_251), "funder": cny(3_057)});
    story.is_wrong(&Deed::Refund { payment, amount: 1_595 }, 201, too_much);
}

#[test]
fn an_open_quote_holds_the_money_past_the_coupons_expiry_and_not_past_its_own() {
    let mut story = Story::begin(8_800, false);
    let coupon = story.claims("A");
    story.waits(COUPON_VALID_MS - 30 * SECOND_MS);
    story.quotes("A", 4_590, 8_800, &coupon);
    story.waits(40 * SECOND_MS);
    story.check(FUNDED - 8_800, 0, 8_800, 0, 0);
    story.waits(QUOTE_VALID_MS);
    story.check(FUNDED, 0, 0, 0, 0);
    assert!(story.world.outlay("c", story.now).packets.is_empty(), "the packet is in the stock again");
}

#[test]
fn a_cancelled_payment_gives_the_coupon_back_while_it_lives_and_the_money_afterwards() {
    let mut story = Story::begin(8_800, false);
    let coupon = story.claims("A");
    let quote = story.quotes("A", 4_590, 8_800, &coupon);
    let payment = story.pays(&quote);
    story.does(Deed::CancelPayment { payment: payment.clone() }, 200, json!({"status": "cancelled"}));
    story.check(FUNDED - 8_800, 8_800, 0, 0, 0);
    story.is_wrong(&Deed::CancelPayment { payment }, 200, json!({"status": "cancelled"}));
    story.waits(COUPON_VALID_MS);
    story.check(FUNDED, 0, 0, 0, 0);
}

#[test]
fn a_big_coupon_is_split_to_its_last_fen() {
    let mut story = Story::begin(288_800, true);
    let coupon = story.claims("A");
    let first = story.quotes("A", 19_900, 91_175, &coupon);
    story.pays(&first);
    let one = story.quotes("A", 8_950, 41_005, &coupon);
    story.quotes("A", 42_000, 156_620, &coupon);
    story.check(FUNDED - 288_800, 0, 197_625, 91_175, 0);
    story.does(Deed::CancelQuote { quote: one }, 200, json!({"status": "cancelled"}));
    story.check(FUNDED - 288_800, 41_005, 156_620, 91_175, 0);
}

#[test]
fn a_pause_of_everything_stops_expiry_and_gives_the_time_back() {
    let mut story = Story::begin(8_800, false);
    story.claims("A");
    story.does(Deed::Pause { campaign: "c".into(), scope: Scope::All }, 200, json!({}));
    story.waits(COUPON_VALID_MS + SECOND_MS);
    story.check(FUNDED - 8_800, 8_800, 0, 0, 0);
    story.does(Deed::Resume { campaign: "c".into() }, 200, json!({}));
    story.waits(COUPON_VALID_MS - SECOND_MS);
    story.check(FUNDED - 8_800, 8_800, 0, 0, 0);
    story.waits(SECOND_MS);
    story.check(FUNDED, 0, 0, 0, 0);
}

#[test]
fn a_second_effect_is_noticed() {
    let mut story = Story::begin(8_800, false);
    let coupon = story.claims("A");
    let second = story.coupon("A");
    story.is_wrong(&Story::claim_of("A"), 201, second);
    let quote = story.quotes("A", 4_590, 8_800, &coupon);
    let reserved_twice = story.quote(4_590, 8_800, Some(&coupon), None);
    story.is_wrong(&Story::quote_of("A", 4_590), 201, reserved_twice);
    story.pays(&quote);
    let paid_twice = story.payment(&quote);
    story.is_wrong(&Deed::Pay { quote }, 201, paid_twice);
}

#[test]
fn a_refusal_needs_a_reason_in_the_history() {
    let mut story = Story::begin(8_800, false);
    story.is_wrong(&Story::claim_of("A"), 409, problem("coupon_already_held"));
    let coupon = story.claims("A");
    story.does(Story::claim_of("A"), 409, problem("coupon_already_held"));
    story.is_wrong(&Story::claim_of("A"), 409, problem("limit_reached"));
    let unheard_of =
        json!({"code": "coupon_already_held", "coupon": {"id": "cpn_x", "face": cny(8_800), "status": "active"}});
    story.is_wrong(&Story::claim_of("A"), 409, unheard_of);
    let quote = story.quotes("A", 4_590, 8_800, &coupon);
    story.is_wrong(&Deed::Pay { quote: quote.clone() }, 409, problem("quote_expired"));
    story.waits(QUOTE_VALID_MS);
    story.does(Deed::Pay { quote }, 409, problem("quote_expired"));
}

#[test]
fn a_deduction_off_by_a_fen_is_noticed() {
    let mut story = Story::begin(8_800, false);
    let coupon = story.claims("A");
    let less = story.quote(4_590, 8_799, Some(&coupon), None);
    story.is_wrong(&Story::quote_of("A", 4_590), 201, less);
    let none = story.quote(4_590, 0, None, Some("no_coupon"));
    story.is_wrong(&Story::quote_of("A", 4_590), 201, none);
    let too_small = story.quote(1_920, 0, None, Some("does_not_exceed"));
    story.does(Story::quote_of("A", 1_920), 201, too_small);
}

#[test]
fn five_coupons_in_a_window_and_no_sixth() {
    let mut story = Story::begin(8_800, false);
    for _ in 0..5 {
        let coupon = story.claims("A");
        let quote = story.quotes("A", 4_590, 8_800, &coupon);
        story.pays(&quote);
    }
    let sixth = story.coupon("A");
    story.is_wrong(&Story::claim_of("A"), 201, sixth);
    story.does(Story::claim_of("A"), 409, problem("limit_reached"));
}
