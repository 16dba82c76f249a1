//! Whole servers with relays on the loopback that are late, lie and break, and rounds that are handed in.
//!
//! The only chain that tests can sign rounds of is the local one: here it is one whose rounds have to be brought.

mod stage;

use std::sync::atomic::Ordering;
use std::time::Duration;

use koi_fair::beacon::{Chain, local};
use koi_fair::replay::{Findings, Outlines};
use koi_fair::statement::Statement;
use serde_json::{Value, json};

use super::*;
use crate::engine::beacons::tests::{ROUND, SIGNATURE};
use stage::{BEFORE, DUE, FAST, HONEST, OPENING, Relay, Server, brought, relay, sealed};

/// Another round, as relays of quicknet served it (verify/vectors/beacon.json).
const OTHER_ROUND: u64 = 1000;
const OTHER_SIGNATURE: &str =
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";

#[test]
fn a_stock_is_sealed_once_the_round_is_there_and_not_asked_for_before() {
    let relay = relay(HONEST);
    let server = Server::start(BEFORE, brought(&[&relay]));
    let round = sealed(&server, "summer", OPENING);
    assert_eq!(server.campaign("summer")["status"], "scheduled");
    assert_eq!(server.campaign("summer")["seal"]["randomness"], Value::Null);
    server.clock("2018-07-14T15:58:59.999Z");
    std::thread::sleep(20 * FAST.look);
    assert_eq!(relay.asked(), [""; 0], "nobody can know it yet");

    server.clock(DUE);
    server.wait_for("summer", |campaign| !campaign["seal"]["randomness"].is_null());
    let randomness = hex::encode(koi_fair::beacon::local_randomness(round));
    assert_eq!(server.campaign("summer")["seal"]["randomness"], randomness);
    assert_eq!(relay.asked(), [format!("/{}/public/{round}", hex::encode(Chain::local().hash()))]);
    assert_eq!(server.campaign("summer")["status"], "scheduled", "its time has not come");
    server.clock(OPENING);
    assert_eq!(server.campaign("summer")["status"], "live");
}

#[test]
fn a_network_that_is_late_is_waited_for_and_asked_for_the_same_round() {
    let relay = relay(stage::NOT_YET);
    let server = Server::start(BEFORE, brought(&[&relay]));
    let round = sealed(&server, "summer", OPENING);
    server.clock(OPENING);
    relay.wait_for(4);
    // Past its start it is no more than scheduled: nothing can be drawn.
    assert_eq!(server.campaign("summer")["status"], "scheduled");
    let code = server.code();
    let claim = |key| server.post("wallet", "/v1/campaigns/summer/claims", key, &stage::claim(&code));
    let (status, problem) = claim("a");
    assert_eq!(
        (status, &problem["code"], &problem["retryable"]),
        (409, &json!("campaign_not_live"), &json!(true))
    );
    for (step, body) in [("pause", json!({"scope": "all", "reason": "x"})), ("end", json!({"reason": "x"}))] {
        let (status, problem) = server.post("operator", &format!("/v1/campaigns/summer/{step}"), step, &body);
        assert_eq!((status, &problem["code"]), (409, &json!("invalid_transition")), "{step}");
    }
    let metrics = server.metrics();
    assert!(metrics.contains("koi_beacon_waiting_campaigns 1\n"), "{metrics}");
    assert!(
        metrics.contains("koi_beacon_waiting_seconds 60\n"),
        "since the round could have been there: {metrics}"
    );
    let failures = format!("koi_beacon_relay_failures_total{{relay=\"{}\",why=\"not_yet\"}}", relay.url);
    assert!(metrics.contains(&failures), "{metrics}");

    relay.manners.store(HONEST, Ordering::SeqCst);
    server.wait_for("summer", |campaign| campaign["status"] == "live");
    assert_eq!(claim("a").0, 201, "the same call again");
    let path = format!("/{}/public/{round}", hex::encode(Chain::local().hash()));
    assert!(relay.asked().iter().all(|asked| *asked == path), "{:?}", relay.asked());
    server.wait_until("nobody waits", || server.metrics().contains("koi_beacon_waiting_campaigns 0\n"));
    assert!(server.metrics().contains("koi_beacon_waiting_seconds 0\n"));
}

#[test]
fn relays_that_lie_or_break_choose_nothing() {
    let bad = [
        (stage::OTHER_ROUND, "refused"),
        (stage::OTHER_SIGNATURE, "refused"),
        (stage::NOT_CANONICAL, "refused"),
        (stage::OTHER_CHAIN, "refused"),
        (stage::ENDLESS, "refused"),
        (stage::GARBAGE, "refused"),
        (stage::HANG, "late"),
        (stage::BREAK_OFF, "unreachable"),
        (stage::BROKEN, "status"),
        (stage::ELSEWHERE, "redirects"),
    ];
    let relays: Vec<Relay> = bad.iter().map(|(manners, _)| relay(*manners)).collect();
    let server = Server::start(BEFORE, brought(&relays.iter().collect::<Vec<_>>()));
    let round = sealed(&server, "summer", OPENING);
    server.clock(OPENING);
    relays.iter().for_each(|relay| relay.wait_for(2));
    assert_eq!(server.campaign("summer")["seal"]["randomness"], Value::Null);
    for (relay, (manners, why)) in relays.iter().zip(bad) {
        // A busy machine may be late the first time.
        let label = format!("{{relay=\"{}\",why=\"{why}\"}}", relay.url);
        server.wait_until(&format!("manners {manners} as {why}"), || server.metrics().contains(&label));
    }
    // One that is honest is enough, and what the others say then is the same.
    relays[0].manners.store(HONEST, Ordering::SeqCst);
    server.wait_for("summer", |campaign| campaign["status"] == "live");
    let randomness = hex::encode(koi_fair::beacon::local_randomness(round));
    assert_eq!(server.campaign("summer")["seal"]["randomness"], randomness);
}

#[test]
fn campaigns_of_one_round_share_it_and_others_do_not_wait_for_one_that_nobody_has() {
    let relay = relay(stage::NOT_YET);
    let server = Server::start(BEFORE, brought(&[&relay]));
    let lost = sealed(&server, "lost", "2018-07-14T15:30:00Z");
    let round = sealed(&server, "one", OPENING);
    assert_eq!(sealed(&server, "two", OPENING), round);
    server.clock("2018-07-14T15:30:00Z");
    relay.wait_for(3);
    relay.lacks.store(lost, Ordering::SeqCst);
    relay.manners.store(HONEST, Ordering::SeqCst);
    server.clock(DUE);
    for campaign in ["one", "two"] {
        server.wait_for(campaign, |campaign| !campaign["seal"]["randomness"].is_null());
    }
    assert_eq!(server.campaign("lost")["seal"]["randomness"], Value::Null);
    let of_both = relay.asked().iter().filter(|path| path.ends_with(&format!("/{round}"))).count();
    assert_eq!(of_both, 1, "it is asked for once");
}

#[test]
fn a_stop_does_not_wait_for_relays() {
    let relay = relay(stage::HANG);
    let mut randomness = brought(&[&relay]);
    randomness.relays = Relays::new([&relay.url]).with_patience(Duration::from_secs(60));
    let server = Server::start(BEFORE, randomness);
    sealed(&server, "summer", OPENING);
    server.clock(OPENING);
    relay.wait_for(1);
    assert!(server.stop() < Duration::from_secs(10));
}

/// A campaign that starts a minute after a round of quicknet whose signature is published.
const QUICKNET_BEFORE: &str = "2026-06-30T07:00:00Z";
const QUICKNET_DUE: &str = "2026-06-30T07:09:24Z";
const QUICKNET_OPENING: &str = "2026-06-30T07:10:24Z";

fn quicknet() -> Randomness {
    Randomness { beacons: Beacons::quicknet(), ..brought(&[]) }
}

fn round(round: u64, signature: &str) -> Value {
    json!({ "round": round, "signature": signature })
}

#[test]
fn a_published_round_of_quicknet_is_handed_in() {
    let server = Server::start(QUICKNET_BEFORE, quicknet());
    assert_eq!(sealed(&server, "summer", QUICKNET_OPENING), ROUND);
    assert_eq!(server.campaign("summer")["seal"]["notice"], Value::Null, "this is a public draw");
    let path = "/v1/campaigns/summer/beacon";
    let refused = |role: &str, path: &str, key: &str, body: &Value| {
        let (status, problem) = server.post(role, path, key, body);
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    let genuine = round(ROUND, SIGNATURE);
    // Who does not wait for the round's time has a clock that is behind.
    let (status, problem) = server.post("operator", path, "a", &genuine);
    assert_eq!((status, &problem["code"], &problem["retryable"]), (409, &json!("beacon_early"), &json!(true)));
    assert_eq!(problem["next_allowed_at"], "2026-06-30T07:09:24.000Z");
    server.clock(QUICKNET_DUE);
    let flipped = SIGNATURE.replacen("81", "a1", 1);
    let local = local::sign(ROUND);
    for (body, status, code) in [
        (round(OTHER_ROUND, OTHER_SIGNATURE), 422, "beacon_other_round"),
        (round(0, SIGNATURE), 422, "beacon_other_round"),
        (round(ROUND, OTHER_SIGNATURE), 422, "beacon_signature_wrong"),
        (round(ROUND, &flipped), 422, "beacon_signature_wrong"),
        (round(ROUND, &SIGNATURE.replacen("81", "01", 1)), 422, "beacon_not_canonical"),
        (round(ROUND, &hex::encode(&local.signature)), 422, "beacon_other_chain"),
        (round(ROUND, &SIGNATURE.to_uppercase()), 422, "invalid_request"),
        (round(ROUND, &SIGNATURE[2..]), 422, "invalid_request"),
        (
            json!({"round": ROUND, "signature": SIGNATURE, "randomness": "00".repeat(32)}),
            422,
            "beacon_randomness_wrong",
        ),
        (json!({"round": ROUND, "signature": SIGNATURE, "chain": "quicknet"}), 422, "invalid_request"),
        (json!({"round": ROUND}), 422, "invalid_request"),
    ] {
        assert_eq!(refused("operator", path, "a", &body), is(status, code), "{body}");
    }
    assert_eq!(refused("approver", path, "a", &genuine), is(403, "forbidden"));
    assert_eq!(refused("operator", "/v1/campaigns/winter/beacon", "a", &genuine), is(404, "not_found"));
    server.draft("autumn", QUICKNET_OPENING);
    assert_eq!(refused("operator", "/v1/campaigns/autumn/beacon", "a", &genuine), is(409, "invalid_transition"));
    assert_eq!(server.campaign("summer")["seal"]["randomness"], Value::Null);

    let (status, campaign) = server.post("operator", path, "a", &genuine);
    assert_eq!(status, 200, "{campaign}");
    let randomness = "24fdbb00b10a967c392b5b708967011e996689994a2bf1c5573c3e372c2e844d";
    assert_eq!(campaign["seal"]["randomness"], randomness);
    // The key knows what it was answered; what is known may be handed in again; anything else stays refused.
    assert_eq!(server.post("operator", path, "a", &genuine), (200, campaign));
    assert_eq!(refused("operator", path, "a", &round(OTHER_ROUND, SIGNATURE)), is(422, "idempotency_key_reused"));
    let whole = json!({"round": ROUND, "randomness": randomness, "signature": SIGNATURE});
    assert_eq!(server.post("operator", path, "b", &whole).0, 200);
    assert_eq!(
        refused("operator", path, "c", &round(OTHER_ROUND, OTHER_SIGNATURE)),
        is(422, "beacon_other_round")
    );
    server.clock(QUICKNET_OPENING);
    assert_eq!(server.campaign("summer")["status"], "live");
    let (status, coupon) =
        server.post("wallet", "/v1/campaigns/summer/claims", "d", &stage::claim(&server.code()));
    assert_eq!(status, 201, "{coupon}");
    assert_eq!(openings(&server), [ROUND], "what is known is said once");
}

#[test]
fn many_bring_the_same_round_and_one_is_heard() {
    let server = Server::start(QUICKNET_BEFORE, quicknet());
    sealed(&server, "summer", QUICKNET_OPENING);
    server.clock(QUICKNET_DUE);
    let bring = |n: usize| {
        let key = format!("key-{n}");
        server.post("operator", "/v1/campaigns/summer/beacon", &key, &round(ROUND, SIGNATURE)).0
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|n| scope.spawn(move || bring(n))).collect();
        all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), 200));
    });
    assert_eq!(openings(&server), [ROUND]);
}

#[test]
fn a_campaign_keeps_the_chain_that_it_was_approved_with() {
    let server = Server::start(QUICKNET_BEFORE, quicknet());
    sealed(&server, "summer", QUICKNET_OPENING);
    let server = server.again(Randomness { beacons: Beacons::local(), ..brought(&[]) });
    sealed(&server, "trial", QUICKNET_OPENING);
    let trial = server.campaign("trial");
    assert_eq!(trial["seal"]["notice"], "local randomness: not a public draw");
    assert!(!trial["seal"]["randomness"].is_null(), "it is signed here, ahead of every clock");
    assert_eq!(server.campaign("summer")["seal"]["randomness"], Value::Null);
    server.clock(QUICKNET_DUE);
    let path = "/v1/campaigns/summer/beacon";
    assert_eq!(server.post("operator", path, "a", &round(ROUND, SIGNATURE)).0, 200);
}

/// The network never comes back: the campaign's money does, and from then on nothing is drawn any more.
#[test]
fn a_campaign_without_its_randomness_ends_by_the_clock_and_is_closed() {
    let server = Server::start(QUICKNET_BEFORE, quicknet());
    sealed(&server, "summer", QUICKNET_OPENING);
    server.clock(stage::ENDING);
    let ended = server.campaign("summer");
    assert_eq!((&ended["status"], &ended["seal"]["randomness"]), (&json!("ended"), &Value::Null));
    server.wait_until("it waits", || server.metrics().contains("koi_beacon_waiting_campaigns 1\n"));
    let (status, closed) = server.post("operator", "/v1/campaigns/summer/close", "a", &json!({}));
    assert_eq!((status, &closed["status"]), (200, &json!("closed")));
    server.wait_until("nobody waits", || server.metrics().contains("koi_beacon_waiting_campaigns 0\n"));
    let (status, late) = server.post("operator", "/v1/campaigns/summer/beacon", "b", &round(ROUND, SIGNATURE));
    assert_eq!((status, &late["code"]), (409, &json!("invalid_transition")));
    assert_eq!(openings(&server), [0; 0]);
}

/// The rounds of which the public statements say that they are known. A verifier finds nothing wrong with them.
fn openings(server: &Server) -> Vec<u64> {
    let mut rounds = Vec::new();
    let mut outlines = Outlines::new(vec![Chain::quicknet(), Chain::local()]);
    let mut findings = Findings::new(10);
    for (_, stated) in server.reader().statements(0, 1000).unwrap() {
        let statement = Statement::parse(stated.body.as_bytes()).unwrap();
        outlines.take(&statement, &mut findings);
        if let Statement::Opening(opening) = statement {
            rounds.push(opening.round);
        }
    }
    assert!(findings.kept.is_empty(), "{:?}", findings.kept);
    rounds
}

fn waiting(campaign: &str, round: u64) -> Awaited {
    let time = time_of(&Chain::local(), round).unwrap();
    Awaited { chain: Chain::local(), round, time, campaigns: vec![CampaignId::stored(campaign)] }
}

#[test]
fn what_was_tried_least_goes_first() {
    let now = Instant::now();
    let due = [waiting("a", 10), waiting("b", 20), waiting("c", 30)];
    let tried = |list: &[(u64, u32, bool)]| -> BTreeMap<Key, Tried> {
        let of = |(round, times, ready): &(u64, u32, bool)| {
            let again = if *ready { now } else { now + Duration::from_secs(1) };
            ((*Chain::local().hash(), *round), Tried { times: *times, again, fetched: None })
        };
        list.iter().map(of).collect()
    };
    let first = |list: &[(u64, u32, bool)]| next(&due, &tried(list), now).map(|awaited| awaited.round);
    assert_eq!(first(&[]), Some(10), "the oldest");
    assert_eq!(first(&[(10, 1, true)]), Some(20));
    assert_eq!(first(&[(10, 1, true), (20, 2, true), (30, 2, true)]), Some(10));
    assert_eq!(first(&[(10, 1, false), (20, 2, true), (30, 3, true)]), Some(20));
    assert_eq!(first(&[(10, 1, false), (20, 2, false), (30, 3, false)]), None);
}

#[test]
fn pauses_grow_to_the_longest_and_differ() {
    let seconds = |failed, chance| pause(PACE, failed, chance).as_secs_f64();
    for (failed, least, most) in
        [(0, 0.5, 1.0), (1, 1.0, 2.0), (5, 16.0, 32.0), (6, 30.0, 60.0), (u32::MAX, 30.0, 60.0)]
    {
        assert_eq!((seconds(failed, 0), seconds(failed, u16::MAX)), (least, most), "{failed}");
    }
    assert!((0.74..0.76).contains(&seconds(0, u16::MAX / 2)));
}
