//! A repeat answers what the first answered, whatever has happened since.

use serde_json::{Value, json};

use crate::order::repeat;
use crate::server::{CAMPAIGN, DURING, Server, campaign, claim, purchase, text};

#[test]
fn every_post_is_repeated_and_says_so() {
    let server = Server::start(DURING);
    // A body that is another JSON value: where nothing may be in it, another path stands for it.
    let play = |role: &str, path: &str, key: &str, body: &Value, changed: &Value| {
        let call = |body: &Value| server.call("POST", path).role(role).key(key).json(body);
        let first = call(body).send();
        assert!(first.status < 300, "{path}: {}", first.text());
        repeat(&first, &call(body), &call(changed));
        first
    };
    let mut other = campaign(CAMPAIGN);
    other["title"]["en"] = "Another".into();
    play("operator", "/v1/campaigns", "c", &campaign(CAMPAIGN), &other);
    let path = |step: &str| format!("/v1/campaigns/{CAMPAIGN}/{step}");
    for (role, step) in [("operator", "submit"), ("approver", "approve")] {
        let call = |step: &str| server.call("POST", &path(step)).role(role).key("same").body("{}");
        let first = call(step).send().expect(200);
        let again = call(step).send().expect(200);
        assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body));
    }
    // The path counts: the same key and body on another step is another call.
    server.call("POST", &path("close")).role("operator").key("same").send().refused(422, "idempotency_key_reused");
    let amount = |value: i64| json!({ "amount": { "currency": "CNY", "value": value } });
    play("operator", &path("fund"), "f", &amount(880_000), &amount(880_001));
    let merchant = |fee: i64| json!({ "id": "kiwi-honey", "name": "Kiwi", "country": "NZ", "currency": "NZD", "fee_bps": fee });
    play("acquirer", "/v1/merchants", "m", &merchant(160), &merchant(161));
    let store =
        |name: &str| json!({ "id": "queen-st", "name": name, "country": "NZ", "time_zone": "Pacific/Auckland" });
    play("acquirer", "/v1/merchants/kiwi-honey/stores", "s", &store("Queen"), &store("King"));
    let medium = |medium: &str| json!({ "medium": medium });
    let made = play("acquirer", "/v1/stores/queen-st/codes", "k", &medium("poster"), &medium("stand"));
    let code = text(&made, "code");
    server.put("acquirer", "/v1/rates/NZD-CNY", &json!({ "rate": "4.58170000" })).expect(200);

    let coupon = play("wallet", &path("claims"), "claim", &claim(&code, "A"), &{
        let mut other = claim(&code, "A");
        other["shopper"]["id_country"] = "HK".into();
        other
    });
    let quote = play("wallet", "/v1/quotes", "quote", &purchase("A", 4590), &purchase("A", 4591));
    let quoted = json!({ "quote": text(&quote, "id") });
    let pay = || server.call("POST", "/v1/payments").role("wallet").key("pay").json(&quoted);
    let payment = pay().send().expect(201);
    let again = pay().send().expect(201);
    assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &payment.body));
    let refunds = format!("/v1/payments/{}/refunds", text(&payment, "id"));
    let refund = |value: i64| json!({ "amount": { "currency": "NZD", "value": value } });
    play("wallet", &refunds, "refund", &refund(10), &refund(11));
    // The quote was open when it was first answered, and a repeat says what was said then.
    repeat(
        &quote,
        &server.call("POST", "/v1/quotes").role("wallet").key("quote").json(&purchase("A", 4590)),
        &server.call("POST", "/v1/quotes").role("wallet").key("quote").json(&purchase("A", 1)),
    );
    for path in [
        format!("/v1/quotes/{}/cancel", text(&server.quote("B", 100).expect(201), "id")),
        format!("/v1/payments/{}/cancel", text(&server.pay("C", 100).expect(201), "id")),
    ] {
        let call = || server.call("POST", &path).role("wallet").key("cancel");
        let first = call().send().expect(200);
        let again = call().body("{}").send().expect(200);
        assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body), "{path}");
    }
    let reason = |reason: &str| json!({ "reason": reason });
    let held = text(&server.claim(&code, "D").expect(201), "id");
    play("operator", &format!("/v1/coupons/{held}/void"), "void", &reason("one"), &reason("two"));
    let pause = |scope: &str| json!({ "scope": scope, "reason": "a test" });
    play("operator", &path("pause"), "pause", &pause("issuing"), &pause("all"));
    let resume = || server.call("POST", &path("resume")).role("approver").key("resume");
    resume().send().expect(200);
    assert_eq!(resume().send().expect(200).header("idempotent-replayed"), Some("true"));
    play("acquirer", &format!("/v1/codes/{code}/revoke"), "revoke", &reason("one"), &reason("two"));
    play("operator", &path("end"), "end", &reason("one"), &reason("two"));
    let close = || server.call("POST", &path("close")).role("operator").key("close");
    close().send().expect(200);
    assert_eq!(close().send().expect(200).header("idempotent-replayed"), Some("true"));
    assert!(!text(&coupon, "id").is_empty());
}

#[test]
fn bodies_are_compared_as_json_and_refusals_are_not_kept() {
    let (server, code) = Server::summer(DURING);
    let claims = format!("/v1/campaigns/{CAMPAIGN}/claims");
    let call = |body: String| server.call("POST", &claims).role("wallet").key("one").body(body).send();
    let first = call(claim(&code, "A").to_string()).expect(201);
    let turned = format!(
        "{{ \"shopper\" : {{\"id_country\":\"CN\",\"verified\":true,\"person\":\"person-of-\\u0041\",\"account\":\"A\"}},\n\"code\":\"{code}\" }}"
    );
    assert_eq!(call(turned).expect(201).body, first.body);
    // A campaign document is compared as JSON as well.
    let document = campaign("another").to_string();
    let create = |body: &str| server.call("POST", "/v1/campaigns").role("operator").key("two").body(body).send();
    create(&document).expect(201);
    let turned = document.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let turned = turned.replace("\"id\":\"another\",", "");
    let again = create(&format!(" {{{turned}, \"id\" : \"another\"}}")).expect(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    // What was refused may be tried again under the same key.
    let quotes = |cents: i64| {
        server.call("POST", "/v1/quotes").role("wallet").key("three").json(&purchase("B", cents)).send()
    };
    quotes(0).refused(422, "invalid_amount");
    quotes(100).expect(201);
    quotes(101).refused(422, "idempotency_key_reused");
    // Keys of another shopper are other keys.
    server.call("POST", "/v1/quotes").role("wallet").key("three").json(&purchase("C", 100)).send().expect(201);
}
