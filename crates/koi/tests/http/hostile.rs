//! Bodies, names and heads that nobody should send: each is refused by name, and changes nothing.

use std::io::Write;

use serde_json::{Value, json};

use crate::client::{connect, exchange, read};
use crate::server::{CAMPAIGN, DURING, Server, campaign, claim, purchase};

#[test]
fn a_bad_body_names_its_field_and_changes_nothing() {
    let (server, code) = Server::summer(DURING);
    let quote = purchase("A", 100).to_string();
    let claims = format!("/v1/campaigns/{CAMPAIGN}/claims");
    let claim = claim(&code, "A").to_string();
    let draft = campaign("draft").to_string();
    let long = "x".repeat(65);
    let pauses = format!("/v1/campaigns/{CAMPAIGN}/pause");
    let nested = format!("{{\"shopper\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let deep_document = format!("{{\"id\":{}", "{\"a\":".repeat(100_000));
    let money = "{\"currency\":\"NZD\",\"value\":100}";
    let rows: &[(&str, &str, String, &str)] = &[
        ("wallet", "/v1/quotes", "{not json".into(), ""),
        ("wallet", "/v1/quotes", "\u{feff}{}".into(), ""),
        ("wallet", "/v1/quotes", "\"text\"".into(), ""),
        ("wallet", "/v1/quotes", "7".into(), ""),
        ("wallet", "/v1/quotes", format!("[{{\"account\":\"A\",\"person\":\"P\"}},\"queen-st\",{money}]"), ""),
        ("wallet", "/v1/quotes", quote.replace(money, "[\"NZD\",100]"), "/amount"),
        ("wallet", "/v1/quotes", format!("{quote} {quote}"), ""),
        ("wallet", "/v1/quotes", quote.replace("100", "100.0"), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("100", "1e2"), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("100", "\"100\""), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("100", "9223372036854775808"), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("100", &"9".repeat(5000)), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("100", "null"), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("100", "NaN"), "/amount/value"),
        ("wallet", "/v1/quotes", quote.replace("NZD", "nzd"), "/amount/currency"),
        ("wallet", "/v1/quotes", quote.replace("NZD", "XXX"), "/amount/currency"),
        ("wallet", "/v1/quotes", quote.replace("queen-st", &long), "/store"),
        ("wallet", "/v1/quotes", quote.replace("queen-st", ""), "/store"),
        ("wallet", "/v1/quotes", quote.replace("queen-st", "皇后街"), "/store"),
        ("wallet", "/v1/quotes", quote.replace("queen-st", "a\\u0000b"), "/store"),
        ("wallet", "/v1/quotes", quote.replace("\"store\"", "\"shop\""), "/shop"),
        ("wallet", "/v1/quotes", quote.replacen('{', "{\"store\":\"queen-st\",", 1), "/store"),
        ("wallet", "/v1/quotes", nested, "/shopper/0"),
        ("wallet", claims.as_str(), claim.replace("true", "\"true\""), "/shopper/verified"),
        ("wallet", claims.as_str(), claim.replace("\"CN\"", "\"China\""), "/shopper/id_country"),
        ("wallet", claims.as_str(), claim.replace("person-of-A", "<script>"), "/shopper/person"),
        ("operator", "/v1/campaigns", draft.replacen('{', "{\"id\":\"draft\",", 1), "/id"),
        ("operator", "/v1/campaigns", draft.replace("\"count\":100", "\"count\":-1"), "/packets/0/count"),
        ("operator", "/v1/campaigns", draft.replace("\"count\":100", "\"count\":0"), "/packets/0/count"),
        ("operator", "/v1/campaigns", draft.replace("8800", "9007199254740992"), "/packets/0/face"),
        ("operator", "/v1/campaigns", draft.replace("\"CNY\"", "\"NZD\""), "/currency"),
        ("operator", "/v1/campaigns", draft.replace("2018-09-15", "2018-07-15"), "/ends_at"),
        ("operator", "/v1/campaigns", draft.replace("00:00:00+08:00", "00:00:00"), "/ends_at"),
        ("operator", "/v1/campaigns", draft.replace("Asia/Shanghai", "Asia/Nowhere"), "/time_zone"),
        ("operator", "/v1/campaigns", draft.replace("red_packet", "blue_packet"), "/kind"),
        ("operator", "/v1/campaigns", draft.replace("\"zh\":\"同", "\"fr\":\"同"), "/terms/fr"),
        ("operator", "/v1/campaigns", deep_document, "/id"),
        // A word is a text, and nothing that contains one.
        ("operator", "/v1/campaigns", draft.replace("\"red_packet\"", "{\"red_packet\":null}"), "/kind"),
        ("operator", "/v1/campaigns", draft.replace("\"exceeds\"", "{\"exceeds\":null}"), "/coupon/threshold"),
        ("operator", "/v1/campaigns", draft.replace("\"exceeds\"", "\"above\""), "/coupon/threshold"),
        ("operator", pauses.as_str(), "{\"scope\":{\"issuing\":null},\"reason\":\"x\"}".into(), "/scope"),
        ("operator", pauses.as_str(), "{\"scope\":[\"issuing\"],\"reason\":\"x\"}".into(), "/scope"),
        ("operator", pauses.as_str(), "{\"scope\":0,\"reason\":\"x\"}".into(), "/scope"),
        ("operator", pauses.as_str(), "{\"scope\":\"none\",\"reason\":\"x\"}".into(), "/scope"),
    ];
    for (role, path, body, pointer) in rows {
        let answer = server.call("POST", path).role(role).fresh_key().body(body.as_str()).send();
        let answer = answer.refused(422, "invalid_request");
        let shown = &body[..body
            .len()
            .min(200)
            .min(body.char_indices().map(|(place, _)| place).nth(150).unwrap_or(body.len()))];
        assert_eq!(answer.json()["pointer"], *pointer, "{shown}: {}", answer.text());
    }
    for rate in ["4.5", "0", "-1", "4.123456789", "1e1", "", "٤", "4."] {
        let answer = server.put("acquirer", "/v1/rates/AUD-CNY", &json!({ "rate": rate }));
        let wanted = if rate == "4.5" { 200 } else { 422 };
        assert_eq!(answer.status, wanted, "{rate}: {}", answer.text());
    }
    server.put("acquirer", "/v1/rates/AUD-CNY", &json!({ "rate": 4.5 })).refused(422, "invalid_request");
    server.put("acquirer", "/v1/rates/NZDCNY", &json!({ "rate": "1" })).refused(404, "not_found");
    server.put("acquirer", "/v1/rates/nzd-cny", &json!({ "rate": "1" })).refused(404, "not_found");
    let budget = server.get("operator", &format!("/v1/campaigns/{CAMPAIGN}/budget")).expect(200).json();
    assert_eq!(budget["free"]["value"], 880_000);
    assert_eq!(server.get("auditor", "/v1/ledger/check").expect(200).json()["ok"], true);
    server.get("operator", "/v1/campaigns/draft").refused(404, "not_found");
}

#[test]
fn bodies_over_the_limit_are_refused_with_and_without_a_length() {
    let server = Server::start(DURING);
    let quotes = || server.call("POST", "/v1/quotes").role("wallet").fresh_key();
    quotes().body(vec![b' '; 16 * 1024]).send().refused(422, "invalid_request");
    quotes().body(vec![b' '; 16 * 1024 + 1]).send().refused(413, "body_too_large");
    quotes().body(vec![b' '; 3 * 1024 * 1024]).send().refused(413, "body_too_large");
    let drafts = || server.call("POST", "/v1/campaigns").role("operator").fresh_key();
    drafts().body(vec![b' '; 1024 * 1024]).send().refused(422, "invalid_request");
    drafts().body(vec![b' '; 1024 * 1024 + 1]).send().refused(413, "body_too_large");

    let mut chunked = quotes().header("transfer-encoding", "chunked").bytes();
    for _ in 0..40 {
        chunked.extend(b"400\r\n");
        chunked.extend([b' '; 1024]);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    exchange(server.address, &chunked).expect("an answer").refused(413, "body_too_large");
    // Who asks first whether to send is told before sending.
    let mut polite = connect(server.address);
    let head = quotes().header("expect", "100-continue").header("content-length", "1000000").bytes();
    polite.write_all(&head).unwrap();
    read(&mut polite).expect("an answer").refused(413, "body_too_large");
    // An announced body that is larger than anything.
    let mut huge = connect(server.address);
    huge.write_all(&quotes().header("content-length", "18446744073709551615").bytes()).unwrap();
    let answer = read(&mut huge).expect("an answer");
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

#[test]
fn odd_heads_are_refused_and_the_server_lives_on() {
    let server = Server::start(DURING);
    let heads: &[&[u8]] = &[
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST /v1/quotes HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST /v1/quotes HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for head in heads {
        let mut stream = connect(server.address);
        let _ = stream.write_all(head);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        if let Some(answer) = read(&mut stream) {
            assert!((400..500).contains(&answer.status), "{head:?}: {}", answer.status);
        }
    }
    let long = server.call("GET", &format!("/{}", "x".repeat(100_000))).bytes();
    assert!(exchange(server.address, &long).is_none_or(|answer| [414, 431].contains(&answer.status)));
    let mut many = server.call("GET", "/healthz");
    for number in 0..500 {
        many = many.header(&format!("x-{number}"), "x");
    }
    assert!(exchange(server.address, &many.bytes()).is_none_or(|answer| answer.status == 431));
    server.call("GET", "/healthz").send().expect(200);
}

#[test]
fn names_in_routes_that_cannot_be_read_name_nothing() {
    let (server, _) = Server::summer(DURING);
    for name in ["%FF", "%", "%zz", "a%2Fb", "%00", "..%2f..", "%E4%B8%AD", "a%20b", "x".repeat(65).as_str()] {
        for (role, path) in [
            ("wallet", "/v1/campaigns/NAME"),
            ("wallet", "/v1/campaigns/NAME/budget"),
            ("auditor", "/v1/coupons/NAME"),
            ("auditor", "/v1/coupons/cpn_NAME"),
            ("auditor", "/v1/quotes/NAME"),
            ("auditor", "/v1/payments/NAME"),
            ("auditor", "/v1/merchants/NAME"),
            ("auditor", "/v1/stores/NAME"),
            ("auditor", "/v1/codes/NAME"),
            ("auditor", "/v1/rates/NAME"),
            ("auditor", "/v1/shoppers/NAME/coupons"),
        ] {
            let path = path.replace("NAME", name);
            server.call("GET", &path).send().refused(401, "unauthenticated");
            server.get(role, &path).refused(404, "not_found");
        }
        let claims = format!("/v1/campaigns/{name}/claims");
        server.call("POST", &claims).role("auditor").send().refused(403, "forbidden");
        server.call("POST", &claims).role("wallet").send().refused(404, "unknown_campaign");
    }
    // A name may be written in percent-encoding.
    server.get("wallet", "/v1/campaigns/nz%2Dsummer-2018").expect(200);
}

#[test]
fn wrong_methods_are_405_and_say_which_are_right() {
    let server = Server::start(DURING);
    let api = crate::server::document(&server);
    for (path, item) in api["paths"].as_object().unwrap() {
        let right: Vec<&String> = item.as_object().unwrap().keys().collect();
        let route = path.replace(['{', '}'], "");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            if right.iter().any(|other| other.eq_ignore_ascii_case(method)) {
                continue;
            }
            let answer = server.call(method, &route).role("wallet").send().refused(405, "method_not_allowed");
            let allow = answer.header("allow").unwrap_or_default().to_lowercase();
            assert!(right.iter().all(|method| allow.contains(method.as_str())), "{method} {path}: {allow:?}");
        }
    }
}

#[test]
fn an_empty_body_is_enough_where_nothing_is_needed() {
    let server = Server::start(DURING);
    server.post("operator", "/v1/campaigns", &campaign("one")).expect(201);
    let submit = |key: &str| server.call("POST", "/v1/campaigns/one/submit").role("operator").key(key);
    submit("a").header("content-length", "0").send().expect(200);
    let again = submit("a").body("{}").send().expect(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    submit("b").body("{\"x\":1}").send().refused(422, "invalid_request");
    submit("b").body("  ").send().refused(422, "invalid_request");
    let head = server.call("HEAD", "/v1/campaigns/one").role("wallet").send().expect(200);
    assert!(head.body.is_empty() && head.header("content-length").is_some());
    let head = server.call("HEAD", "/v1/campaigns/two").role("wallet").send().expect(404);
    assert!(head.body.is_empty());
    server.call("HEAD", "/v1/quotes").role("wallet").send().expect(405);
    assert_eq!(Value::Null, server.call("HEAD", "/v1/campaigns").send().expect(401).json());
}
