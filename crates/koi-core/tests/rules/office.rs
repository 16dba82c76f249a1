//! Orders of the office: four eyes, funding, the states of a campaign, and what the catalog takes in.

use koi_core::campaign::{Scope, Status};
use koi_core::catalog::Entry;
use koi_core::command::{Answer, No, Order};
use koi_core::fault::Fault;
use koi_core::id::{CampaignId, CampaignNo, CodeText, MAX_CAMPAIGNS, Medium, Principal, StoreId};
use koi_core::ledger::{Account, Reason};
use koi_core::limits;
use koi_core::money::{Currency, Money, Rate};
use koi_core::office;
use koi_core::packet::Tier;
use koi_core::refusal::Refusal;

use crate::stage::{
    CODE, DAY1, ENDING, OPENING, Stage, at, code, id, merchant_of, money, nzd, plain, planted, rules, store_of,
};

fn draft(stage: &mut Stage) -> Result<Answer, Refusal> {
    let mut rules = rules();
    rules.packets = vec![plain(500, 2), plain(88, 1)];
    stage.order(Order::Draft(Box::new(rules), [7; 32]))
}

fn status(stage: &Stage) -> Status {
    stage.campaign().status(stage.now)
}

/// Brings a new campaign to a status, and leaves the clock within its time.
fn stage_at(status: Status) -> Stage {
    let mut stage = Stage::bare();
    stage.now = at(DAY1);
    draft(&mut stage).expect("a draft");
    let reached = |stage: &mut Stage, steps: usize| {
        if steps > 0 {
            stage.must(Order::Submit(id()));
        }
        if steps > 1 {
            stage.approve(&id()).expect("approved");
        }
        if steps > 2 {
            stage.must(Order::Fund(id(), money("CNY", 1088)));
        }
    };
    match status {
        Status::Draft => reached(&mut stage, 0),
        Status::InReview => reached(&mut stage, 1),
        Status::Approved => reached(&mut stage, 2),
        Status::Scheduled => {
            stage.now = at(OPENING).plus_ms(-1);
            reached(&mut stage, 3);
        }
        Status::Live => reached(&mut stage, 3),
        Status::Paused => {
            reached(&mut stage, 3);
            stage.pause(Scope::All);
        }
        Status::Ended => {
            reached(&mut stage, 3);
            stage.end();
        }
        Status::Closed => {
            reached(&mut stage, 3);
            stage.end();
            stage.close().expect("closed");
        }
    }
    assert_eq!(self::status(&stage), status);
    stage
}

const ALL: [Status; 8] = [
    Status::Draft,
    Status::InReview,
    Status::Approved,
    Status::Scheduled,
    Status::Live,
    Status::Paused,
    Status::Ended,
    Status::Closed,
];

#[test]
fn a_transition_leads_where_the_contract_says_or_is_refused() {
    use Status::{Approved, Closed, Draft, Ended, InReview, Live, Paused, Scheduled};
    let check = |what: &str, order: fn() -> Order, by: &str, allowed: &[(Status, Status)]| {
        for from in ALL {
            let mut stage = stage_at(from);
            let outcome = stage.order_by(by, order());
            let to = allowed.iter().find(|(start, _)| *start == from).map(|(_, to)| *to);
            assert_eq!(
                code(outcome.clone()),
                if to.is_some() { "ok" } else { "invalid_transition" },
                "{what} {from:?}"
            );
            assert_eq!(status(&stage), to.unwrap_or(from), "{what} {from:?}");
            if let Ok(Answer::Campaign(campaign, left)) = outcome {
                assert_eq!((&campaign, left), (&stage.campaign(), stage.left()), "the answer is the campaign");
            }
        }
    };
    check("submit", || Order::Submit(id()), "operator", &[(Draft, InReview)]);
    check("approve", || Order::Approve(id()), "approver", &[(InReview, Approved)]);
    check(
        "fund in part",
        || Order::Fund(id(), money("CNY", 1)),
        "operator",
        &[(Approved, Approved), (Scheduled, Scheduled), (Live, Live), (Paused, Paused), (Ended, Ended)],
    );
    check(
        "fund",
        || Order::Fund(id(), money("CNY", 1088)),
        "operator",
        &[(Approved, Live), (Scheduled, Scheduled), (Live, Live), (Paused, Paused), (Ended, Ended)],
    );
    check("pause", || Order::Pause(id(), Scope::Issuing, "why".into()), "operator", &[(Live, Paused)]);
    check("pause all", || Order::Pause(id(), Scope::All, "why".into()), "operator", &[(Live, Paused)]);
    check("resume", || Order::Resume(id()), "approver", &[(Paused, Live)]);
    check("end", || Order::End(id(), "why".into()), "operator", &[(Live, Ended), (Paused, Ended)]);
    check("close", || Order::Close(id()), "operator", &[(Ended, Closed)]);
}

#[test]
fn nobody_approves_what_they_submitted() {
    let mut stage = stage_at(Status::Draft);
    assert_eq!(
        code(stage.order_by("operator", Order::Approve(id()))),
        "invalid_transition",
        "a draft is not in review"
    );
    stage.must(Order::Submit(id()));
    assert_eq!(stage.order_by("operator", Order::Approve(id())), Err(Refusal::OwnSubmission));
    assert_eq!(Refusal::OwnSubmission.code(), "forbidden");
    assert_eq!(status(&stage), Status::InReview);
    stage.approve(&id()).expect("another pair of eyes");
    let campaign = stage.campaign();
    assert_eq!(campaign.submitted_by, Some(Principal::stored("operator")));
    assert_eq!(campaign.approved_by, Some(Principal::stored("approver")));
}

#[test]
fn the_clock_opens_and_ends_a_funded_campaign() {
    let stage = stage_at(Status::Scheduled);
    for (time, more_ms, expected) in [
        (OPENING, -1, Status::Scheduled),
        (OPENING, 0, Status::Live),
        (ENDING, -1, Status::Live),
        (ENDING, 0, Status::Ended),
    ] {
        assert_eq!(stage.campaign().status(at(time).plus_ms(more_ms)), expected, "{time} {more_ms:+}");
    }
}

#[test]
fn a_campaign_ended_by_the_clock_can_be_closed_and_not_paused_or_ended() {
    let mut stage = stage_at(Status::Live);
    stage.now = at(ENDING);
    assert_eq!(code(stage.order(Order::Pause(id(), Scope::All, "late".into()))), "invalid_transition");
    assert_eq!(code(stage.order(Order::End(id(), "late".into()))), "invalid_transition");
    stage.must(Order::Fund(id(), money("CNY", 5)));
    stage.close().expect("closed");
    assert_eq!(stage.budget(), [0, 0, 0, 0, 1093, 0]);
}

#[test]
fn a_campaign_opens_once_its_whole_stock_is_funded() {
    let mut stage = stage_at(Status::Approved);
    stage.must(Order::Fund(id(), money("CNY", 1000)));
    stage.must(Order::Fund(id(), money("CNY", 87)));
    assert_eq!((status(&stage), stage.budget()[0]), (Status::Approved, 1087), "a fen is missing");
    let answer = stage.must(Order::Fund(id(), money("CNY", 1)));
    assert_eq!(status(&stage), Status::Live);
    let Answer::Campaign(campaign, left) = answer else { panic!("{answer:?}") };
    assert_eq!((campaign.status(stage.now), left), (Status::Live, vec![2, 1]));
    let line = stage.ledger.last().expect("a line");
    assert_eq!((line.movement.debit, line.movement.credit), (Account::Funder, Account::Free));
    assert_eq!((line.movement.amount, line.movement.reason, line.movement.subject), (1, Reason::Fund, 1));
    assert_eq!((line.movement.coupon, line.movement.part, line.count, line.at), (None, 0, 1, stage.now));
}

#[test]
fn a_funding_is_above_zero_in_the_campaigns_currency_and_no_more_than_money_may_be() {
    let check = |amount: Money, expected| {
        let mut stage = stage_at(Status::Live);
        assert_eq!(code(stage.order(Order::Fund(id(), amount))), expected, "{amount}");
        let more = if expected == "ok" { amount.value } else { 0 };
        assert_eq!(stage.budget()[0], 1088 + more);
    };
    check(money("CNY", 1), "ok");
    check(money("CNY", 0), "invalid_amount");
    check(money("CNY", -1), "invalid_amount");
    check(nzd(1), "invalid_amount");
    check(money("CNY", limits::MONEY - 1088), "ok");
    check(money("CNY", limits::MONEY - 1087), "invalid_amount");
    check(money("CNY", i64::MAX), "invalid_amount");
    let mut stage = stage_at(Status::Draft);
    let refused = stage.order(Order::Fund(id(), money("CNY", 0)));
    assert_eq!(code(refused), "invalid_amount", "the amount is looked at before the state");
}

#[test]
fn a_close_waits_for_every_coupon_and_quote() {
    let mut stage = Stage::of(plain(8800, 3));
    let coupon = stage.claim("A").expect("a coupon");
    stage.end();
    assert_eq!(code(stage.close()), "invalid_transition", "a coupon is committed");
    let quote = stage.quote("A", 4590);
    assert_eq!(code(stage.close()), "invalid_transition", "a quote reserves it");
    assert_eq!(code(both_held().close()), "invalid_transition", "as much is committed as is reserved");
    stage.pay(quote.id).expect("live coupons run off");
    assert_eq!(stage.budget(), [17_600, 0, 0, 8800, 0, 0]);
    stage.close().expect("closed");
    assert_eq!(stage.budget(), [0, 0, 0, 8800, 17_600, 0]);
    let line = stage.ledger.last().expect("a line");
    assert_eq!((line.movement.amount, line.movement.reason, line.movement.subject), (17_600, Reason::Close, 1));
    assert_eq!((line.movement.debit, line.movement.credit), (Account::Free, Account::Returned));
    assert_eq!(stage.coupon(coupon.id).spent, 8800);
}

/// Ended, with one coupon that is live and one that a quote holds.
fn both_held() -> Stage {
    let mut stage = Stage::of(plain(8800, 3));
    stage.claim("A").expect("a coupon");
    stage.claim("B").expect("a coupon");
    stage.quote("A", 4590);
    stage.end();
    assert_eq!(stage.budget(), [8800, 8800, 8800, 0, 0, 0]);
    stage
}

#[test]
fn a_close_of_nothing_moves_nothing() {
    let mut stage = Stage::of(plain(8800, 1));
    stage.claim("A").expect("a coupon");
    stage.purchase("A", 4590);
    stage.end();
    let lines = stage.ledger.len();
    stage.close().expect("closed");
    assert_eq!((stage.ledger.len(), status(&stage)), (lines, Status::Closed));
}

#[test]
fn a_draft_is_what_the_document_says() {
    let mut stage = Stage::bare();
    let answer = draft(&mut stage).expect("a draft");
    let Answer::Campaign(campaign, left) = answer else { panic!("{answer:?}") };
    assert_eq!((campaign.number, campaign.revision, left), (CampaignNo(1), 1, vec![2, 1]));
    assert_eq!((campaign.pool_secret, campaign.pauses.len()), ([7; 32], 0));
    assert_eq!((campaign.submitted_by.clone(), campaign.approved_by.clone()), (None, None));
    assert_eq!((campaign.rules.budget(), campaign.rules.packet_count()), (1088, 3));
    assert_eq!((stage.left(), stage.budget()), (vec![2, 1], [0; 6]));
    assert_eq!(draft(&mut stage), Err(Refusal::AlreadyExists));
    let mut second = rules();
    second.id = CampaignId::stored("autumn");
    stage.must(Order::Draft(Box::new(second), [8; 32]));
    assert_eq!(stage.catalog.campaign(&CampaignId::stored("autumn")).expect("a campaign").number, CampaignNo(2));
    assert_eq!(stage.catalog.next_campaign(), CampaignNo(3));
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut stage = Stage::bare();
    let nobody = || CampaignId::stored("nobody");
    for order in [
        Order::Submit(nobody()),
        Order::Approve(nobody()),
        Order::Fund(nobody(), money("CNY", 0)),
        Order::Pause(nobody(), Scope::All, "why".into()),
        Order::Resume(nobody()),
        Order::End(nobody(), "why".into()),
        Order::Close(nobody()),
        Order::AddStore(store_of("new", "nobody", "NZ")),
        Order::AddCode(StoreId::stored("nowhere"), Medium::stored("poster"), CodeText::stored("NEWCODE2")),
        Order::RevokeCode(CodeText::stored("NOSUCHCODE"), "why".into()),
    ] {
        assert_eq!(stage.order(order.clone()), Err(Refusal::NotFound), "{order:?}");
    }
}

#[test]
fn merchants_stores_and_codes_are_entered_once() {
    let mut stage = Stage::bare();
    let merchant = merchant_of("fiji-sun", "FJ", "FJD");
    let answer = stage.must(Order::AddMerchant(merchant.clone()));
    assert!(matches!(&answer, Answer::Merchant(entered) if **entered == merchant), "{answer:?}");
    assert_eq!(stage.order(Order::AddMerchant(merchant_of("fiji-sun", "NZ", "NZD"))), Err(Refusal::AlreadyExists));
    assert_eq!(stage.catalog.merchant(&merchant.id).map(AsRef::as_ref), Some(&merchant));

    let store = store_of("nadi", "fiji-sun", "FJ");
    let answer = stage.must(Order::AddStore(store.clone()));
    assert!(matches!(&answer, Answer::Store(entered) if **entered == store), "{answer:?}");
    assert_eq!(stage.order(Order::AddStore(store_of("nadi", "kiwi-honey", "NZ"))), Err(Refusal::AlreadyExists));
    assert_eq!(stage.catalog.store(&store.id).map(AsRef::as_ref), Some(&store));

    let text = CodeText::stored("NEWCODE2");
    let answer = stage.must(Order::AddCode(store.id.clone(), Medium::stored("poster"), text.clone()));
    let Answer::Code(entered) = answer else { panic!("{answer:?}") };
    assert_eq!((&entered.text, &entered.store, entered.medium.as_str()), (&text, &store.id, "poster"));
    assert_eq!(entered.revoked, None);
    let twice = Order::AddCode(store.id, Medium::stored("poster"), text);
    let by = Principal::stored("acquirer");
    let fault = stage.scene_of_all(|cells, scene| office::order(cells, scene, &twice, &by));
    assert!(
        matches!(fault, Err(No::Fault(Fault::Broken(_)))),
        "the caller draws codes that nobody has: {fault:?}"
    );

    assert_eq!(stage.catalog.merchants().count(), 4);
    assert_eq!(stage.catalog.stores().count(), 4);
    assert_eq!(stage.catalog.codes().count(), 4);
    assert_eq!(stage.catalog.campaigns().count(), 0);
}

#[test]
fn a_code_is_revoked_once_and_says_when_and_why() {
    let mut stage = Stage::bare();
    let answer = stage.must(Order::RevokeCode(CodeText::stored(CODE), "pasted over".into()));
    let Answer::Code(code) = answer else { panic!("{answer:?}") };
    assert_eq!(code.revoked, Some((stage.now, "pasted over".into())));
    assert_eq!((code.store.as_str(), code.medium.as_str()), ("queen-st", "a5_sticker"));
    assert_eq!(stage.catalog.code(&code.text), Some(&code));
    let again = stage.order(Order::RevokeCode(CodeText::stored(CODE), "again".into()));
    assert_eq!(again, Err(Refusal::CodeRevoked));
}

#[test]
fn a_rate_is_in_force_from_now_on_and_one_way() {
    let mut stage = Stage::bare();
    let nzd = Currency::parse("NZD").expect("NZD");
    let rate = Rate::parse("4.4").expect("a rate");
    let answer = stage.must(Order::SetRate(nzd, Currency::CNY, rate));
    assert_eq!(answer, Answer::Rate(nzd, Currency::CNY, rate));
    assert_eq!(stage.catalog.rate(nzd, Currency::CNY), Some(rate));
    assert_eq!(stage.catalog.rate(Currency::CNY, nzd), None);
    assert_eq!(stage.catalog.rate(nzd, nzd), Some(Rate::ONE));
}

#[test]
fn the_installation_holds_so_many_campaigns_and_no_more() {
    let mut stage = Stage::bare();
    let mut catalog = stage.catalog.clone();
    let mut small = rules();
    (small.packets, small.eligibility.id_countries, small.eligibility.not_in_countries) = Default::default();
    let campaign = koi_core::campaign::Campaign::draft(CampaignNo(1), small, [0; 32]);
    for number in 1..MAX_CAMPAIGNS {
        let mut named = campaign.rules.as_ref().clone();
        named.id = CampaignId::stored(&format!("c{number}"));
        let entry =
            koi_core::campaign::Campaign { number: CampaignNo(number), rules: named.into(), ..campaign.clone() };
        catalog.apply(Entry::Campaign(entry.into()));
    }
    stage.catalog = catalog;
    let order = |name: &str| {
        let mut rules = rules();
        rules.id = CampaignId::stored(name);
        Order::Draft(Box::new(rules), [0; 32])
    };
    let by = Principal::stored("operator");
    let decide = |stage: &mut Stage, name| {
        stage.scene_of_all(|cells, scene| office::order(cells, scene, &order(name), &by))
    };
    decide(&mut stage, "last").expect("the last number");
    stage.apply_entries();
    assert_eq!(
        stage.catalog.campaign(&CampaignId::stored("last")).expect("there").number,
        CampaignNo(MAX_CAMPAIGNS)
    );
    let refused = decide(&mut stage, "one-too-many");
    assert!(matches!(refused, Err(No::Refused(Refusal::TooManyCampaigns))), "{refused:?}");
}

#[test]
fn an_order_names_its_campaign_and_has_a_name_in_the_log() {
    let check = |order: Order, campaign: bool, name: &str| {
        assert_eq!((order.campaign(), order.name()), (campaign.then(id).as_ref(), name));
    };
    let text = || CodeText::stored(CODE);
    check(Order::Draft(Box::new(rules()), [0; 32]), true, "campaign.create");
    check(Order::Submit(id()), true, "campaign.submit");
    check(Order::Approve(id()), true, "campaign.approve");
    check(Order::Fund(id(), money("CNY", 1)), true, "campaign.fund");
    check(Order::Pause(id(), Scope::All, "why".into()), true, "campaign.pause");
    check(Order::Resume(id()), true, "campaign.resume");
    check(Order::End(id(), "why".into()), true, "campaign.end");
    check(Order::Close(id()), true, "campaign.close");
    check(Order::AddMerchant(merchant_of("m", "NZ", "NZD")), false, "merchant.create");
    check(Order::AddStore(store_of("s", "m", "NZ")), false, "store.create");
    check(Order::AddCode(StoreId::stored("s"), Medium::stored("poster"), text()), false, "code.create");
    check(Order::RevokeCode(text(), "why".into()), false, "code.revoke");
    check(Order::SetRate(Currency::CNY, Currency::CNY, Rate::ONE), false, "rate.set");
}

#[test]
fn a_stock_beyond_all_money_never_opens() {
    let mut stage = Stage::bare();
    let mut huge = rules();
    huge.packets = vec![Tier { face: i64::MAX, count: 2, split: false }];
    assert_eq!(huge.budget(), i64::MAX, "the document's check refuses it long before");
    stage.must(Order::Draft(Box::new(huge), [0; 32]));
    stage.must(Order::Submit(id()));
    stage.approve(&id()).expect("approved");
    stage.must(Order::Fund(id(), money("CNY", limits::MONEY)));
    assert_eq!(status(&stage), Status::Approved);
}

#[test]
fn statuses_have_the_names_of_the_contract() {
    let names = ["draft", "in_review", "approved", "scheduled", "live", "paused", "ended", "closed"];
    assert_eq!(ALL.map(Status::name), names);
    assert_eq!([Scope::Issuing, Scope::All].map(Scope::name), ["issuing", "all"]);
    let mut stage = stage_at(Status::Live);
    planted(&mut stage, |campaign| campaign.revision = 2);
    assert_eq!(stage.claim("A").expect("a coupon").revision, 2, "a coupon names the revision of its terms");
}
