//! Moving an installation, and its digest, from the command line.

mod cli;
#[allow(dead_code, reason = "shared with the tests of the store")]
#[path = "../../koi-store/tests/postgres/server.rs"]
mod postgres;

use std::path::Path;

use cli::{Ran, Server, finish, koi, run};
use koi_store::sqlite::Folder;
use serde_json::{Value, json};

const CLOCK: &str = "2018-07-19T22:15:00Z";

fn sandbox(place: &[&str]) -> Server {
    Server::start(koi().args(["serve", "--sandbox", "--clock", CLOCK, "--listen", "127.0.0.1:0"]).args(place))
}

/// Answers the claim of somebody, made anew or repeated.
fn claim(server: &Server, code: &str) -> Value {
    let body = json!({
        "code": code,
        "shopper": { "account": "A", "person": "P", "verified": true, "id_country": "CN" }
    });
    call(server, "wallet", "/v1/campaigns/summer/claims", &body)
}

fn call(server: &Server, role: &str, path: &str, body: &Value) -> Value {
    let (status, text) = server.call("POST", path, &format!("sandbox_{role}"), &body.to_string());
    assert!(status < 300, "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

/// A folder with a campaign and a purchase; answers the code that hangs in its store, and the coupon.
fn stocked(data: &str) -> (String, Value) {
    let server = sandbox(&["--data", data]);
    let document = json!({
        "id": "summer", "kind": "red_packet", "title": { "en": "NZ summer 2018", "zh": "新西兰之夏 2018" },
        "currency": "CNY", "funder": "alipay", "time_zone": "Asia/Shanghai",
        "starts_at": "2018-07-15T00:00:00+08:00", "ends_at": "2018-09-15T00:00:00+08:00",
        "packets": [{ "face": 8800, "count": 100 }],
        "eligibility": { "verified": true, "id_countries": ["CN"], "not_in_countries": ["CN"] },
        "limits": { "window_days": 30, "per_window": 5, "live": 1 },
        "coupon": {
            "valid_days": 7, "threshold": "exceeds", "min_shopper_pays": 1,
            "refund_returns_coupon": false, "restock_expired": true
        },
        "quote": { "valid_seconds": 180 },
        "terms": { "en": "One live coupon at a time.", "zh": "同一时间只能持有一张红包。" }
    });
    call(&server, "operator", "/v1/campaigns", &document);
    call(&server, "operator", "/v1/campaigns/summer/submit", &json!({}));
    call(&server, "approver", "/v1/campaigns/summer/approve", &json!({}));
    let amount = json!({ "amount": { "currency": "CNY", "value": 880_000 } });
    call(&server, "operator", "/v1/campaigns/summer/fund", &amount);
    let merchant = json!({ "id": "m", "name": "m", "country": "NZ", "currency": "CNY", "fee_bps": 160 });
    call(&server, "acquirer", "/v1/merchants", &merchant);
    let store = json!({ "id": "s", "name": "s", "country": "NZ", "time_zone": "Pacific/Auckland" });
    call(&server, "acquirer", "/v1/merchants/m/stores", &store);
    let code = call(&server, "acquirer", "/v1/stores/s/codes", &json!({ "medium": "a5_sticker" }));
    let code = code["code"].as_str().unwrap().to_owned();
    let coupon = claim(&server, &code);
    let shopper = json!({ "account": "A", "person": "P" });
    let quote = json!({ "shopper": shopper, "store": "s", "amount": { "currency": "CNY", "value": 20_000 } });
    let quote = call(&server, "wallet", "/v1/quotes", &quote);
    call(&server, "wallet", "/v1/payments", &json!({ "quote": quote["id"] }));

    let refused = copy(&[&format!("sqlite:{data}"), "postgres://koi@127.0.0.1:1/koi"]).expect(2);
    assert!(refused.err.contains("stop it first"), "{}", refused.err);
    assert_eq!(server.stop(), 0);
    (code, coupon)
}

fn copy(places: &[&str]) -> Ran {
    run(&[&["db", "copy"], places].concat())
}

fn digest(place: &[&str]) -> String {
    let digest = run(&[&["check", "--digest"], place].concat()).expect(0).out.trim().to_owned();
    assert!(digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digest}");
    digest
}

fn fresh() -> String {
    let cluster = postgres::Server::shared();
    // What is said of it never has the password.
    cluster.url(&cluster.fresh()).replace("koi@", "koi:s3cret@")
}

#[test]
fn a_folder_moves_to_a_database_and_is_served_there() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (data, url) = (path("data"), fresh());
    let (code, coupon) = stocked(&data);
    let source = format!("sqlite:{data}");
    let before = digest(&["--data", &data]);
    std::fs::write(path("url"), format!("{url}\n")).unwrap();

    let moved = copy(&[&source, "--target-file", &path("url")]).expect(0);
    assert!(moved.out.contains(&before) && moved.out.contains("transfer"), "{}", moved.out);
    let shown = moved.out + &moved.err;
    assert!(!shown.contains("s3cret") && moved.code == 0, "{shown}");
    assert_eq!(digest(&["--database", &url]), before);

    // A repeat changes nothing, wherever the target is named.
    let repeat = finish(koi().args(["db", "copy", &source, "--json"]).env("KOI_DATABASE", &url)).expect(0).json();
    assert_eq!((&repeat["copied"], &repeat["digest"]), (&json!(false), &json!(before)));
    assert_eq!(repeat["tables"].as_array().unwrap().len(), 20);

    // The same call has the same answer, and a new one goes on from there.
    let server = sandbox(&["--database", &url]);
    assert_eq!(claim(&server, &code), coupon);
    let merchant = json!({ "id": "n", "name": "n", "country": "NZ", "currency": "CNY", "fee_bps": 160 });
    call(&server, "acquirer", "/v1/merchants", &merchant);
    let held = copy(&[&url, &format!("sqlite:{}", path("busy"))]).expect(2);
    assert!(
        held.err.contains("Stop all of them first") && held.err.contains("pid ") && !held.err.contains("s3cret"),
        "{}",
        held.err
    );
    assert_eq!(server.stop(), 0);
    assert!(run(&["check", "--database", &url]).expect(0).out.contains("All is well"));
    assert_ne!(digest(&["--database", &url]), before);

    // What has moved on is not overwritten.
    let refused = copy(&[&source, &url]).expect(1);
    assert!(refused.err.contains("differs") && refused.err.contains("merchant"), "{}", refused.err);
    assert!(!refused.err.contains("s3cret"), "{}", refused.err);
    assert_eq!(digest(&["--data", &data]), before, "the source is as it was");

    // And back into a folder, which is one file in the end. One that somebody else holds is left alone.
    let back = path("back");
    let lock = Folder::new(Path::new(&back)).reserve().unwrap();
    std::fs::create_dir(Path::new(&back).join("koi-copy.partial")).unwrap();
    let held = copy(&[&url, &format!("sqlite:{back}")]).expect(2);
    assert!(held.err.contains("is using"), "{}", held.err);
    assert!(Path::new(&back).join("koi-copy.partial").exists(), "another copy works there");
    drop(lock);
    copy(&[&url, &format!("sqlite:{back}")]).expect(0);
    assert_eq!(digest(&["--data", &back]), digest(&["--database", &url]));
    assert!(!Path::new(&back).join("koi-copy.partial").exists());
    let server = sandbox(&["--data", &back]);
    assert_eq!(claim(&server, &code), coupon);
    assert_eq!(server.stop(), 0);
    run(&["check", "--data", &back]).expect(0);
}

#[test]
fn a_broken_ledger_moves_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data").to_str().unwrap().to_owned();
    stocked(&data);
    let (one, other) = (fresh(), fresh());
    copy(&[&format!("sqlite:{data}"), &one]).expect(0);
    let name = one.rsplit('/').next().unwrap();
    postgres::Server::shared().sql(name).run("UPDATE transfer SET amount = amount + 1 WHERE id = 1");
    let broken = copy(&[&one, &other]).expect(1);
    assert!(
        broken.err.contains("cannot be served") && broken.out.contains("Broken ("),
        "{}{}",
        broken.out,
        broken.err
    );
    for command in [&["serve", "--sandbox", "--database", &other][..], &["key", "list", "--database", &other]] {
        let refused = run(command).expect(2);
        assert!(refused.err.contains("koi db copy") && !refused.err.contains("s3cret"), "{}", refused.err);
    }
    // Another source that is whole starts over where this one ended.
    copy(&[&format!("sqlite:{data}"), &other]).expect(0);
    assert!(run(&["check", "--database", &other]).expect(0).out.contains("All is well"));
}

#[test]
fn wrong_places_are_named() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().to_str().unwrap();
    for (places, code, part) in [
        (&[][..], 2, "SOURCE is missing"),
        (&["sqlite:a"], 2, "TARGET is missing"),
        (&["sqlite:/not/there", "postgres://koi@127.0.0.1:1/koi"], 2, "no Koi database"),
        (&["mysql:a", "sqlite:b"], 2, "SOURCE"),
    ] {
        let ran = copy(places).expect(code);
        assert!(ran.err.contains(part), "{places:?}: {}", ran.err);
    }
    run(&["key", "create", "--principal", "a", "--role", "wallet", "--data", data]).expect(0);
    let foreign = fresh();
    let name = foreign.rsplit('/').next().unwrap();
    postgres::Server::shared().sql(name).run("CREATE UNLOGGED TABLE theirs (a text)");
    assert!(copy(&[&format!("sqlite:{data}"), &foreign]).expect(1).err.contains("another program"));
}

#[test]
fn a_restored_backup_has_the_digest_of_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (data, restored) = (path("data"), path("restored"));
    stocked(&data);
    run(&["backup", &path("file"), "--data", &data]).expect(0);
    run(&["restore", &path("file"), "--data", &restored]).expect(0);
    assert_eq!(digest(&["--data", &data]), digest(&["--data", &restored]));
    let listed = run(&["check", "--digest", "--json", "--data", &data]).expect(0).json();
    assert_eq!(listed["digest"], digest(&["--data", &restored]));
    let coupon = listed["tables"].as_array().unwrap().iter().find(|table| table["name"] == "coupon").unwrap();
    assert_eq!((&coupon["rows"], &coupon["sums"]["face"]), (&json!(1), &json!("8800")));
}

#[test]
fn without_citus_nothing_is_distributed() {
    let url = fresh();
    run(&["key", "create", "--principal", "a", "--role", "wallet", "--database", &url]).expect(0);
    let refused = run(&["db", "distribute", "--database", &url]).expect(1);
    assert!(refused.err.contains("CREATE EXTENSION citus") && !refused.err.contains("s3cret"), "{}", refused.err);
    assert!(run(&["db", "distribute"]).expect(2).err.contains("--database"));
}
