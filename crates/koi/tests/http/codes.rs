//! Every refusal is provoked, in both languages, and is a whole problem document.

use std::collections::BTreeSet;
use std::io::Write;

use koi_fair::beacon::{Beacon, local};
use serde_json::{Value, json};

use crate::client::{Answer, Call, connect, read};
use crate::server::{BEFORE, CAMPAIGN, Server, campaign, claim, document, purchase, text};

/// 2^18 − 1 campaigns are more than a test makes, and a sandbox knows each round ahead of every clock.
const NOT_PROVOKED: [&str; 2] = ["too_many_campaigns", "beacon_early"];

/// Problems that were seen.
struct Seen<'a> {
    server: &'a Server,
    page: String,
    codes: BTreeSet<String>,
}

impl Seen<'_> {
    /// A call that is refused, asked in both languages.
    #[track_caller]
    fn refused(&mut self, status: u16, code: &str, call: &Call) -> Value {
        let english = call.clone().send().refused(status, code);
        let chinese =
            call.clone().header("accept-language", "zh-CN,zh;q=0.9,en;q=0.5").send().refused(status, code);
        self.whole(&english, "en");
        self.whole(&chinese, "zh");
        let [en, zh] = [english.json(), chinese.json()];
        assert_ne!(en["title"], zh["title"]);
        assert_ne!(en["detail"], zh["detail"]);
        assert!(!zh["detail"].as_str().unwrap().is_ascii(), "{zh}");
        en
    }

    #[track_caller]
    fn whole(&mut self, answer: &Answer, language: &str) {
        let problem = answer.json();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("content-language"), Some(language));
        assert_eq!(problem["status"], answer.status);
        assert!(problem["retryable"].is_boolean());
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        assert_eq!(problem["type"], format!("/docs/problems#{code}"));
        assert!(self.page.contains(&format!("id=\"{code}\"")), "{code} is not on the page");
        assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
        self.codes.insert(code);
    }

    fn post(&self, role: &str, path: &str, body: &Value) -> Call {
        self.server.call("POST", path).role(role).fresh_key().json(body)
    }

    fn claims(&self, campaign: &str, body: &Value) -> Call {
        self.post("wallet", &format!("/v1/campaigns/{campaign}/claims"), body)
    }
}

#[test]
fn every_refusal_is_provoked_in_both_languages() {
    // What is in the public log is published later than this test takes.
    let server = Server::with(BEFORE, &["--public-log-seconds", "3600"]);
    let code = server.stage(&campaign(CAMPAIGN));
    let api = document(&server);
    let page = server.call("GET", "/docs/problems").send().text();
    let mut seen = Seen { server: &server, page, codes: BTreeSet::new() };
    // A body that never ends is given up while the others are asked.
    let mut slow = connect(server.address);
    let head = "POST /v1/quotes HTTP/1.1\r\nhost: koi\r\nauthorization: Bearer sandbox_wallet\r\n\
                idempotency-key: slow\r\ncontent-length: 10\r\naccept-language: zh\r\n\r\n{";
    slow.write_all(head.as_bytes()).unwrap();

    at_the_door(&mut seen);
    campaigns(&mut seen, &code);
    claims(&mut seen, &code);
    payments(&mut seen);

    let late = read(&mut slow).expect("an answer").refused(408, "request_timeout");
    seen.whole(&late, "zh");
    let all = api["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_array().unwrap();
    let kind = |code: &str| seen.page.split(&format!("<tr id=\"{code}\">")).nth(1).unwrap().contains("<td>5");
    for code in all.iter().filter_map(Value::as_str).filter(|code| !NOT_PROVOKED.contains(code)) {
        let is_fault = kind(code) && seen.page.contains(&format!("<code>{code}</code></td><td>5"));
        assert!(is_fault || seen.codes.contains(code), "{code} was not provoked");
    }
}

fn at_the_door(seen: &mut Seen) {
    let server = seen.server;
    seen.refused(401, "unauthenticated", &server.call("GET", "/v1/campaigns"));
    seen.refused(403, "forbidden", &server.call("GET", "/v1/ledger/check").role("wallet"));
    seen.refused(404, "not_found", &server.call("GET", "/v1/nowhere").role("wallet"));
    seen.refused(405, "method_not_allowed", &server.call("DELETE", "/v1/campaigns").role("wallet"));
    seen.refused(400, "idempotency_key_missing", &server.call("POST", "/v1/quotes").role("wallet").body("{}"));
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(20_000));
    seen.refused(413, "body_too_large", &seen.post("wallet", "/v1/quotes", &json!({})).body(large));
    let problem = seen.refused(422, "invalid_request", &seen.post("wallet", "/v1/quotes", &json!({ "store": 5 })));
    assert_eq!(problem["pointer"], "/store");
    let back =
        server.call("PUT", "/v1/sandbox/clock").role("wallet").json(&json!({ "now": "2018-01-01T00:00:00Z" }));
    seen.refused(409, "clock_backwards", &back);
    seen.server.post("wallet", "/v1/quotes", &purchase("Z", 1)).expect(201);
    let once = server.call("POST", "/v1/quotes").role("wallet").key("used").json(&purchase("Y", 1));
    once.send().expect(201);
    let other = server.call("POST", "/v1/quotes").role("wallet").key("used").json(&purchase("Y", 2));
    seen.refused(422, "idempotency_key_reused", &other);
}

fn campaigns(seen: &mut Seen, code: &str) {
    let path = format!("/v1/campaigns/{CAMPAIGN}");
    seen.refused(409, "already_exists", &seen.post("operator", "/v1/campaigns", &campaign(CAMPAIGN)));
    seen.refused(409, "invalid_transition", &seen.post("operator", &format!("{path}/close"), &json!({})));
    let amount = json!({ "amount": { "currency": "NZD", "value": 1 } });
    seen.refused(422, "invalid_amount", &seen.post("operator", &format!("{path}/fund"), &amount));
    rounds(seen, &path);
    let mut draft = campaign("draft");
    draft["starts_at"] = "2018-07-01T00:00:00+08:00".into();
    seen.server.post("operator", "/v1/campaigns", &draft).expect(201);
    seen.refused(404, "unknown_campaign", &seen.claims("absent", &claim(code, "A")));
    seen.refused(404, "unknown_code", &seen.claims(CAMPAIGN, &claim("NOSUCHCODE", "A")));
    seen.refused(409, "campaign_not_started", &seen.claims(CAMPAIGN, &claim(code, "A")));
    seen.refused(409, "campaign_not_live", &seen.claims("draft", &claim(code, "A")));
    seen.refused(409, "no_rate", &{
        seen.server.store("aussie", "bondi", "AU", "AUD");
        let mut body = purchase("A", 100);
        body["store"] = "bondi".into();
        body["amount"]["currency"] = "AUD".into();
        seen.post("wallet", "/v1/quotes", &body)
    });
}

/// Rounds that are handed in for a campaign which has its own already: any other is refused all the same.
fn rounds(seen: &mut Seen, path: &str) {
    let sealed = seen.server.get("auditor", path).json();
    let round = sealed["seal"]["round"].as_u64().unwrap();
    let path = format!("{path}/beacon");
    let hand_in = |seen: &Seen, beacon: &Beacon| {
        let body: Value = serde_json::from_str(&beacon.json()).unwrap();
        seen.post("operator", &path, &body)
    };
    let genuine = local::sign(round);
    let mut other_point = genuine.signature.clone();
    other_point[0] &= 0x7F;
    for (code, beacon) in [
        ("beacon_other_round", local::sign(round + 1)),
        ("beacon_signature_wrong", Beacon { round, ..local::sign(round + 1) }),
        ("beacon_randomness_wrong", Beacon { randomness: Some([0; 32]), ..genuine.clone() }),
        ("beacon_not_canonical", Beacon { signature: other_point, randomness: None, round }),
        // As api.drand.sh served it (verify/vectors/beacon.json).
        (
            "beacon_other_chain",
            Beacon { round: 1000, randomness: None, signature: hex::decode(QUICKNET_1000).unwrap() },
        ),
    ] {
        seen.refused(422, code, &hand_in(seen, &beacon));
    }
    hand_in(seen, &genuine).send().expect(200);
    hand_in(seen, &Beacon { randomness: None, ..genuine }).send().expect(200);
    assert_eq!(seen.server.get("auditor", path.trim_end_matches("/beacon")).json(), sealed, "it is as it was");
}

const QUICKNET_1000: &str =
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";

fn claims(seen: &mut Seen, code: &str) {
    let server = seen.server;
    let mut small = campaign("small");
    small["packets"] = json!([{ "face": 500, "count": 2 }]);
    small["merchants"] = json!(["kiwi-honey"]);
    small["limits"] = json!({ "window_days": 30, "per_window": 1, "live": 1 });
    server.campaign(&small);
    let home = server.store("panda-tea", "beijing", "CN", "CNY");
    let elsewhere = server.store("koala", "bondi-2", "AU", "AUD");
    let old = server.store("moa", "dunedin", "NZ", "NZD");
    server.post("acquirer", &format!("/v1/codes/{old}/revoke"), &json!({ "reason": "old" })).expect(200);
    server.clock("2018-07-19T22:15:00Z");
    seen.refused(410, "code_revoked", &seen.claims(CAMPAIGN, &claim(&old, "A")));
    let person = |member: &str, value: Value| {
        let mut body = claim(code, "A");
        body["shopper"][member] = value;
        body
    };
    seen.refused(403, "not_verified", &seen.claims(CAMPAIGN, &person("verified", false.into())));
    seen.refused(403, "id_country_not_eligible", &seen.claims(CAMPAIGN, &person("id_country", "NZ".into())));
    seen.refused(403, "store_country_not_eligible", &seen.claims(CAMPAIGN, &claim(&home, "A")));
    seen.refused(403, "store_not_participating", &seen.claims("small", &claim(&elsewhere, "A")));

    let held = text(&server.claim(code, "A").expect(201), "id");
    let problem = seen.refused(409, "coupon_already_held", &seen.claims(CAMPAIGN, &claim(code, "A")));
    assert_eq!(problem["coupon"]["id"], held);
    assert!(problem["next_allowed_at"].is_string());
    let proof = server.call("GET", &format!("/v1/coupons/{held}/proof")).role("wallet");
    seen.refused(409, "not_published", &proof);
    let mut other = claim(code, "B");
    other["shopper"]["person"] = "person-of-A".into();
    seen.refused(409, "person_holds_coupon", &seen.claims(CAMPAIGN, &other));

    server.post("wallet", "/v1/campaigns/small/claims", &claim(code, "L")).expect(201);
    server.pay("L", 4590).expect(201);
    seen.refused(409, "limit_reached", &seen.claims("small", &claim(code, "L")));
    server.post("wallet", "/v1/campaigns/small/claims", &claim(code, "M")).expect(201);
    seen.refused(409, "sold_out", &seen.claims("small", &claim(code, "N")));

    let pause = json!({ "scope": "issuing", "reason": "a test" });
    server.post("operator", "/v1/campaigns/small/pause", &pause).expect(200);
    seen.refused(409, "campaign_paused", &seen.claims("small", &claim(code, "N")));
    server.post("operator", "/v1/campaigns/small/end", &json!({ "reason": "a test" })).expect(200);
    seen.refused(409, "campaign_ended", &seen.claims("small", &claim(code, "N")));

    let void = seen.post("operator", &format!("/v1/coupons/{held}/void"), &json!({ "reason": "a test" }));
    void.send().expect(200);
    let again = seen.post("operator", &format!("/v1/coupons/{held}/void"), &json!({ "reason": "a test" }));
    seen.refused(409, "coupon_not_active", &again);
}

fn payments(seen: &mut Seen) {
    let server = seen.server;
    let nzd = |value: i64| json!({ "amount": { "currency": "NZD", "value": value } });
    let quote = text(&server.quote("Q", 4590).expect(201), "id");
    let pay = |seen: &Seen| seen.post("wallet", "/v1/payments", &json!({ "quote": quote }));
    let payment = text(&pay(seen).send().expect(201), "id");
    seen.refused(409, "quote_not_open", &pay(seen));
    let refunds = format!("/v1/payments/{payment}/refunds");
    let cancel = format!("/v1/payments/{payment}/cancel");
    seen.refused(409, "refund_exceeds_payment", &seen.post("wallet", &refunds, &nzd(4591)));
    server.post("wallet", &refunds, &nzd(10)).expect(201);
    seen.refused(409, "already_refunded", &seen.post("wallet", &cancel, &json!({})));
    let undone = text(&server.pay("Q", 100).expect(201), "id");
    let undo = format!("/v1/payments/{undone}/cancel");
    server.post("wallet", &undo, &json!({})).expect(200);
    seen.refused(409, "payment_cancelled", &seen.post("wallet", &undo, &json!({})));
    let late = text(&server.pay("Q", 100).expect(201), "id");
    let open = text(&server.quote("Q", 100).expect(201), "id");
    server.clock("2018-07-20T16:15:00Z");
    seen.refused(409, "quote_expired", &seen.post("wallet", "/v1/payments", &json!({ "quote": open })));
    let too_late = seen.post("wallet", &format!("/v1/payments/{late}/cancel"), &json!({}));
    seen.refused(409, "cancel_window_closed", &too_late);
    server.clock("2019-07-20T16:15:00Z");
    seen.refused(409, "refund_window_closed", &seen.post("wallet", &refunds, &nzd(1)));
}
