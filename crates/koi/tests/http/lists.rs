//! Pages of lists add up to the whole, without gaps and without repeats.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::server::{CAMPAIGN, DURING, Server, campaign, claim, text};

fn pages(server: &Server, role: &str, path: &str, limit: usize) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let page = server.get(role, &format!("{path}{joint}limit={limit}{cursor}")).expect(200).json();
        let data = page["data"].as_array().expect("data").clone();
        assert!(data.len() <= limit);
        entries.extend(data);
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return entries,
        }
    }
}

#[test]
fn the_transfers_of_a_campaign_add_up_to_its_buckets_whatever_the_page() {
    let (server, code) = Server::summer(DURING);
    server.campaign(&campaign("another"));
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (server, code) = (&server, &code);
            scope.spawn(move || {
                for shopper in 0..5 {
                    server.claim(code, &format!("S{worker}-{shopper}")).expect(201);
                }
            });
        }
    });
    server.pay("S0-0", 4590).expect(201);
    server.quote("S0-1", 4590).expect(201);
    let path = format!("/v1/ledger/transfers?campaign={CAMPAIGN}");
    let whole = pages(&server, "auditor", &path, 1000);
    // Where there are several cells, packets and the money that backs them move between them, too.
    let is_move = |line: &&Value| ["move", "gather"].contains(&line["reason"].as_str().unwrap());
    assert_eq!(whole.len() - whole.iter().filter(is_move).count(), 1 + 40 + 2 + 1);
    for limit in [1, 2, 3, 7, 43, 44, 45] {
        assert_eq!(pages(&server, "auditor", &path, limit), whole, "pages of {limit}");
    }
    let ids: BTreeSet<String> = whole.iter().map(|line| line["id"].to_string()).collect();
    assert_eq!(ids.len(), whole.len(), "ids are not repeated");
    let mut balances: BTreeMap<String, i64> = BTreeMap::new();
    for line in &whole {
        let value = line["amount"]["value"].as_i64().unwrap();
        assert!(value > 0);
        *balances.entry(line["debit"].as_str().unwrap().to_owned()).or_default() -= value;
        *balances.entry(line["credit"].as_str().unwrap().to_owned()).or_default() += value;
    }
    let budget = server.get("auditor", &format!("/v1/campaigns/{CAMPAIGN}/budget")).expect(200).json();
    for bucket in ["free", "committed", "reserved", "spent", "returned", "recovered"] {
        let balance = balances.get(bucket).copied().unwrap_or_default();
        assert_eq!(Some(balance), budget[bucket]["value"].as_i64(), "{bucket}");
    }
    let all = pages(&server, "auditor", "/v1/ledger/transfers", 5);
    assert_eq!(all.len(), whole.len() + 1, "the other campaign was funded");
    assert_eq!(pages(&server, "auditor", "/v1/campaigns", 1).len(), 2);
}

/// A document may have a MiB, and a page a thousand of them.
#[test]
fn a_page_of_campaigns_has_a_bounded_length() {
    const PAGE_BYTES: usize = 4 << 20;
    let server = Server::start(DURING);
    let names: Vec<String> = (0..13).map(|number| format!("long-{number}")).collect();
    for name in &names {
        let mut document = campaign(name);
        document["terms"] = json!({ "en": "x".repeat(100_000), "zh": "红".repeat(100_000) });
        server.post("operator", "/v1/campaigns", &document).expect(201);
    }
    let first = server.get("auditor", "/v1/campaigns?limit=1000").expect(200);
    let (length, campaigns) = (first.body.len(), first.json()["data"].as_array().map(Vec::len));
    assert!((PAGE_BYTES - 500_000..PAGE_BYTES + 1000).contains(&length), "{length} bytes");
    assert_eq!(campaigns, Some(10));
    for limit in [1, 2, 9, 10, 11, 12, 13, 1000] {
        let listed = pages(&server, "auditor", "/v1/campaigns", limit);
        let listed: Vec<&str> = listed.iter().filter_map(|campaign| campaign["id"].as_str()).collect();
        assert_eq!(listed, names, "pages of {limit}");
    }
}

#[test]
fn the_coupons_of_a_person_come_in_the_order_of_their_collection() {
    let (server, code) = Server::summer(DURING);
    for id in ["second", "third"] {
        server.campaign(&campaign(id));
    }
    let collected: Vec<String> =
        [("third", "2018-07-20T01:00:00Z"), (CAMPAIGN, "2018-07-20T02:00:00Z"), ("second", "")]
            .iter()
            .map(|(id, then)| {
                let path = format!("/v1/campaigns/{id}/claims");
                let coupon = server.post("wallet", &path, &claim(&code, "A")).expect(201);
                if !then.is_empty() {
                    server.clock(then);
                }
                text(&coupon, "id")
            })
            .collect();
    for limit in 1..=4 {
        let shown = pages(&server, "wallet", "/v1/shoppers/person-of-A/coupons", limit);
        let ids: Vec<&str> = shown.iter().filter_map(|coupon| coupon["id"].as_str()).collect();
        assert_eq!(ids, collected, "pages of {limit}");
    }
}

#[test]
fn odd_parameters_are_refused() {
    let (server, code) = Server::summer(DURING);
    server.claim(&code, "A").expect(201);
    for list in ["/v1/campaigns", "/v1/ledger/transfers", "/v1/shoppers/person-of-A/coupons"] {
        for odd in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=+5",
            "limit=",
            "limit=1e2",
            "limit=99999999999999999999",
            "limit=1&limit=2",
            "cursor=",
            "cursor=bogus!",
            "cursor=-1",
            "cursor=%FF",
            "cursor=A.B",
            "cursor=0.-1",
            "page=2",
            "campain=x",
            "%FF=1",
            "cursor=zzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            let answer = server.get("auditor", &format!("{list}?{odd}")).refused(422, "invalid_request");
            assert!(answer.json()["pointer"].as_str().is_some_and(|pointer| pointer.starts_with('?')), "{odd}");
        }
        server.get("auditor", &format!("{list}?limit=1000")).expect(200);
        server.get("auditor", &format!("{list}?")).expect(200);
    }
    server.get("auditor", "/v1/ledger/transfers?campaign=absent").refused(404, "not_found");
    server.get("auditor", "/v1/ledger/transfers?campaign=nz%2Dsummer%2D2018").expect(200);
    server.get("auditor", "/v1/campaigns?campaign=x").refused(422, "invalid_request");
    server.get("auditor", "/v1/shoppers/a%20b/coupons?limit=0").refused(404, "not_found");
}
