//! The order of checks is part of the contract: 401, 403, 404 of the route, 400 of the missing key, 422 of the
//! body, replay or reuse of the key, then the rules. For every `POST`.

use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::server::{CAMPAIGN, DURING, Server, campaign, claim, purchase, text};

/// A call with its role, an object in its route that is not there (empty: none), and a body that is understood.
struct Post {
    role: &'static str,
    path: String,
    absent: &'static str,
    body: Value,
}

fn all(server: &Server, code: &str) -> Vec<Post> {
    let coupon = text(&server.claim(code, "A").expect(201), "id");
    let quote = text(&server.quote("B", 4590).expect(201), "id");
    let payment = text(&server.pay("C", 4590).expect(201), "id");
    let reason = json!({ "reason": "a test" });
    let cny = json!({ "amount": { "currency": "CNY", "value": 1 } });
    let nzd = json!({ "amount": { "currency": "NZD", "value": 1 } });
    let step = |role, step: &str, body: Value| Post {
        role,
        path: format!("/v1/campaigns/{CAMPAIGN}/{step}"),
        absent: "/v1/campaigns/absent",
        body,
    };
    let post = |role, path: &str, absent, body: Value| Post { role, path: path.to_owned(), absent, body };
    let merchant =
        json!({ "id": "another", "name": "Another", "country": "NZ", "currency": "NZD", "fee_bps": 160 });
    let store =
        json!({ "id": "other-st", "name": "Other Street", "country": "NZ", "time_zone": "Pacific/Auckland" });
    vec![
        post("operator", "/v1/campaigns", "", campaign("another")),
        step("operator", "submit", json!({})),
        step("approver", "approve", json!({})),
        step("operator", "fund", cny),
        step("operator", "pause", json!({ "scope": "issuing", "reason": "a test" })),
        step("approver", "resume", json!({})),
        step("operator", "end", reason.clone()),
        step("operator", "close", json!({})),
        step("wallet", "claims", claim(code, "D")),
        post("acquirer", "/v1/merchants", "", merchant),
        post("acquirer", "/v1/merchants/kiwi-honey/stores", "/v1/merchants/absent", store),
        post("acquirer", "/v1/stores/queen-st/codes", "/v1/stores/absent", json!({ "medium": "poster" })),
        post("acquirer", &format!("/v1/codes/{code}/revoke"), "/v1/codes/absent", reason.clone()),
        post("operator", &format!("/v1/coupons/{coupon}/void"), "/v1/coupons/cpn_000004ZZZZZZ", reason),
        post("wallet", "/v1/quotes", "", purchase("D", 4590)),
        post("wallet", &format!("/v1/quotes/{quote}/cancel"), "/v1/quotes/quo_00000000ZZZZ", json!({})),
        post("wallet", "/v1/payments", "", json!({ "quote": quote })),
        post("wallet", &format!("/v1/payments/{payment}/cancel"), "/v1/payments/pay_00000000ZZZZ", json!({})),
        post("wallet", &format!("/v1/payments/{payment}/refunds"), "/v1/payments/pay_00000000ZZZZ", nzd),
    ]
}

#[test]
fn each_check_comes_before_the_next() {
    let (server, code) = Server::summer(DURING);
    let posts = all(&server, &code);
    let wrong = || b"{\"nothing\": [".to_vec();
    for Post { role, path, absent, .. } in &posts {
        let other = if *role == "auditor" { "wallet" } else { "auditor" };
        let last = path.rsplit('/').next().unwrap();
        let gone = if absent.is_empty() { path.clone() } else { format!("{absent}/{last}") };
        let call = |path: &str| server.call("POST", path).body(wrong());
        // Everything is wrong: no key, no object, no idempotency key, no JSON.
        call(&gone).send().refused(401, "unauthenticated");
        call(&gone).role(other).send().refused(403, "forbidden");
        if !absent.is_empty() {
            let code = if last == "claims" { "unknown_campaign" } else { "not_found" };
            call(&gone).role(role).send().refused(404, code);
            // Ids of our making are upper case; nothing has this name.
            let odd = gone.replace("cpn_", "cpn_é").replace("ZZZZ", "zzzz");
            server.call("POST", &odd).role(role).fresh_key().body("{}").send().refused(404, code);
        }
        call(path).role(role).send().refused(400, "idempotency_key_missing");
        call(path).role(role).fresh_key().send().refused(422, "invalid_request");
        call(path).role(role).fresh_key().body("[]").send().refused(422, "invalid_request");
        call(path).role(role).fresh_key().body("null").send().refused(422, "invalid_request");
    }
}

#[test]
fn odd_idempotency_keys_are_no_keys() {
    let (server, code) = Server::summer(DURING);
    for Post { role, path, body, .. } in &all(&server, &code) {
        let call = || server.call("POST", path).role(role).json(body);
        let refused = |call: Call| {
            call.send().refused(400, "idempotency_key_missing");
        };
        refused(call().key(""));
        refused(call().key("two words"));
        refused(call().key("schlüssel"));
        refused(call().key(&"k".repeat(256)));
        refused(call().key("one").key("two"));
        refused(call().key("same").key("same"));
    }
    let long = "k".repeat(255);
    server.call("POST", "/v1/quotes").role("wallet").key(&long).json(&purchase("K", 100)).send().expect(201);
}

/// A repeat is found before the rules are asked, and a changed one is refused.
pub(crate) fn repeat(first: &Answer, call: &Call, changed: &Call) {
    let again = call.send().expect(first.status);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);
    changed.send().refused(422, "idempotency_key_reused");
}
