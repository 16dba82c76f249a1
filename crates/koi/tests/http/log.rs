//! The public log over HTTP: its files need no key, receipts are there at once, proofs within seconds.

use std::time::{Duration, Instant};

use koi_fair::log::{Note, Policy, Quorum, SignedCheckpoint, TlogProof, VerifierKey};
use koi_fair::statement::Statement;
use serde_json::json;

use crate::client::Answer;
use crate::server::{CAMPAIGN, DURING, Server, campaign};

/// A page that has no key.
fn open(server: &Server, path: &str) -> Answer {
    server.call("GET", path).send()
}

/// The checkpoint, once it covers so many leaves.
fn checkpoint(server: &Server, size: u64) -> (SignedCheckpoint, u64) {
    let began = Instant::now();
    loop {
        let answer = open(server, "/log/checkpoint");
        if answer.status == 200 {
            let signed: SignedCheckpoint = answer.text().parse().expect("a checkpoint");
            let stated = answer.text().lines().nth(1).unwrap().parse().unwrap();
            if stated >= size {
                return (signed, stated);
            }
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{}", answer.text());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_shopper_keeps_a_receipt_at_once_and_a_proof_soon() {
    let (server, code) = Server::summer(DURING);
    let coupon = server.claim(&code, "A").expect(201).json();
    let id = coupon["id"].as_str().unwrap();
    let log = open(&server, "/v1/log").expect(200).json();
    let key: VerifierKey = log["key"].as_str().unwrap().parse().unwrap();
    let origin = log["origin"].as_str().unwrap();
    assert_eq!(open(&server, "/log/key").expect(200).text().trim(), key.to_string());

    let receipt = server.get("wallet", &format!("/v1/coupons/{id}/receipt")).expect(200);
    assert_eq!(receipt.header("content-type"), Some("text/plain; charset=utf-8"));
    let note: Note = receipt.text().parse().unwrap();
    let text = note.open(std::slice::from_ref(&key)).unwrap();
    let (first, leaf) = text.split_once('\n').unwrap();
    assert_eq!(first, format!("{origin}/receipt"));
    let Statement::Receipt(said) = Statement::parse(leaf.trim_end().as_bytes()).unwrap() else { panic!("{leaf}") };
    assert_eq!(
        (said.coupon.as_str(), said.face, said.ordinal),
        (id, coupon["face"]["value"].as_i64().unwrap(), 0)
    );

    // Rules, opening, money, the receipt.
    checkpoint(&server, 4);
    let proof: TlogProof =
        server.get("auditor", &format!("/v1/coupons/{id}/proof")).expect(200).text().parse().unwrap();
    assert_eq!(proof.extra.as_deref(), Some(leaf.trim_end().as_bytes()), "the log has what was promised");
    let quorum = Quorum::new(vec![], 0).unwrap();
    let policy = Policy { origin: origin.to_owned(), keys: vec![key], quorum, before: None };
    let proved = proof.verify(leaf.trim_end().as_bytes(), &policy).unwrap();
    let by_index = open(&server, &format!("/v1/log/leaves/{}/proof", proved.index)).expect(200);
    assert_eq!(by_index.text(), proof.to_string());
    for index in ["4000", "x", "-1", "18446744073709551616"] {
        open(&server, &format!("/v1/log/leaves/{index}/proof")).refused(404, "not_found");
    }
}

#[test]
fn who_asks_for_a_proof_too_early_is_told_to_come_back() {
    let server = Server::with(DURING, &["--public-log-seconds", "3600"]);
    let code = server.stage(&campaign(CAMPAIGN));
    let id = server.claim(&code, "A").expect(201).json()["id"].as_str().unwrap().to_owned();
    server.get("wallet", &format!("/v1/coupons/{id}/receipt")).expect(200);
    let early = server.get("wallet", &format!("/v1/coupons/{id}/proof")).refused(409, "not_published").json();
    assert_eq!(early["retryable"], json!(true));
    let log = open(&server, "/v1/log").expect(200).json();
    assert_eq!((log["size"].as_u64(), log.get("root")), (Some(0), None));
    open(&server, "/log/checkpoint").refused(404, "not_found");
}

#[test]
fn receipts_and_proofs_are_for_those_who_may_see_coupons() {
    let (server, code) = Server::summer(DURING);
    let id = server.claim(&code, "A").expect(201).json()["id"].as_str().unwrap().to_owned();
    for what in ["receipt", "proof"] {
        let path = format!("/v1/coupons/{id}/{what}");
        open(&server, &path).refused(401, "unauthenticated");
        server.get("acquirer", &path).refused(403, "forbidden");
        for other in ["cpn_0", "cpn_000004ZZZZZZ", "cpn_ZZZZZZZZZZZZ", "x"] {
            server.get("wallet", &format!("/v1/coupons/{other}/{what}")).refused(404, "not_found");
        }
    }
}

#[test]
fn files_may_be_kept_by_whoever_copies_them_and_nothing_else_is_served() {
    let (server, _) = Server::summer(DURING);
    let (_, size) = checkpoint(&server, 3);
    for (path, kind, caching) in [
        ("checkpoint".to_owned(), "text/plain; charset=utf-8", "no-cache"),
        ("key".to_owned(), "text/plain; charset=utf-8", "public, max-age=3600"),
        (format!("tile/0/000.p/{size}"), "application/octet-stream", "public, max-age=31536000, immutable"),
        (format!("tile/entries/000.p/{size}"), "application/octet-stream", "public, max-age=31536000, immutable"),
    ] {
        let file = open(&server, &format!("/log/{path}")).expect(200);
        assert_eq!(
            (file.header("content-type"), file.header("cache-control")),
            (Some(kind), Some(caching)),
            "{path}"
        );
        assert_eq!(file.header("access-control-allow-origin"), Some("*"));
        assert!(!file.body.is_empty());
    }
    for path in [
        "tile/0/001",
        "tile/0/000",
        "tile/9/000",
        "..%2Fkoi.db",
        "%2e%2e/koi.db",
        "tile/entries/../../koi.db",
        "x",
        "tile",
    ] {
        open(&server, &format!("/log/{path}")).refused(404, "not_found");
    }
    assert!(server.get("operator", &format!("/v1/campaigns/{CAMPAIGN}")).status == 200);
}

#[test]
fn the_log_goes_on_where_a_server_that_was_killed_left_it() {
    let (mut server, code) = Server::summer(DURING);
    server.claim(&code, "A").expect(201);
    let (before, _) = checkpoint(&server, 4);
    let key = open(&server, "/log/key").expect(200).text();
    for person in ["B", "C", "D"] {
        server.claim(&code, person).expect(201);
    }
    server.kill();
    let server = server.again(DURING);
    let (after, _) = checkpoint(&server, 7);
    assert_eq!(open(&server, "/log/key").expect(200).text(), key);
    assert_eq!(before.claimed_origin(), after.claimed_origin());
    assert!(after.open(after.claimed_origin(), &[key.trim().parse().unwrap()]).is_ok());
}

#[test]
fn claims_go_on_while_the_log_has_no_place_to_go() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().to_str().unwrap();
    let server = Server::with(DURING, &["--public-log-seconds", "1", "--public-log", log]);
    // What should be a folder is a file: nothing can be written below it.
    let tiles = place.path().join("tile");
    std::fs::write(&tiles, "in the way").unwrap();
    let code = server.stage(&campaign(CAMPAIGN));
    let failures = || {
        let metrics = open(&server, "/metrics").expect(200).text();
        let line = metrics.lines().find_map(|line| line.strip_prefix("koi_public_log_failures_total "));
        line.expect("its counter").parse::<u64>().unwrap()
    };
    let began = Instant::now();
    for person in 0.. {
        server.claim(&code, &format!("P{person}")).expect(201);
        if failures() > 1 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
    open(&server, "/log/checkpoint").refused(404, "not_found");
    std::fs::remove_file(&tiles).unwrap();
    // Nothing was lost meanwhile.
    let (_, size) = checkpoint(&server, 5);
    open(&server, &format!("/v1/log/leaves/{}/proof", size - 1)).expect(200);
}
