//! Several servers on one PostgreSQL database: whichever a load balancer chooses, they answer as one.

use std::io::Write;
use std::process::Stdio;
use std::thread::scope;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{connect, read};
use crate::postgres::{self, wait_until};
use crate::server::{CAMPAIGN, DURING, Server, campaign, claim, koi, purchase, text};

const LATER: &str = "2018-07-28T22:15:00.000Z";

/// So many servers on a new database.
fn servers<const N: usize>(settings: &[&str]) -> ([Server; N], String) {
    let cluster = postgres::Server::shared();
    let url = cluster.url(&cluster.fresh());
    (std::array::from_fn(|_| Server::on_database(&url, DURING, settings)), url)
}

fn must_be_whole(server: &Server) {
    let found = server.get("auditor", "/v1/ledger/check").expect(200).json();
    assert_eq!((&found["ok"], &found["broken"]), (&json!(true), &json!([])));
}

#[test]
fn what_one_has_answered_every_other_one_shows() {
    let ([one, other], _) = servers(&[]);
    // Set on one, looked at on the other, at once.
    one.campaign(&campaign(CAMPAIGN));
    assert_eq!(text(&other.get("operator", &format!("/v1/campaigns/{CAMPAIGN}")), "status"), "live");
    let code = one.store("kiwi-honey", "queen-st", "NZ", "NZD");
    other.get("wallet", "/v1/stores/queen-st").expect(200);
    for rate in ["4.58170000", "4.60000000", "4.58170000"] {
        one.put("acquirer", "/v1/rates/NZD-CNY", &json!({ "rate": rate })).expect(200);
        assert_eq!(text(&other.get("wallet", "/v1/rates/NZD-CNY"), "rate"), rate);
    }
    // A claim on one; its repeat and its purchase on the other.
    let path = format!("/v1/campaigns/{CAMPAIGN}/claims");
    let call = |server: &Server| {
        server.call("POST", &path).role("wallet").key("claim-1").json(&claim(&code, "A")).send().expect(201)
    };
    let (first, repeat) = (call(&one), call(&other));
    assert_eq!(first.json(), repeat.json());
    assert_eq!(repeat.header("idempotent-replayed"), Some("true"));
    other.claim(&code, "A").refused(409, "coupon_already_held");
    let quote = other.post("wallet", "/v1/quotes", &purchase("A", 4590)).expect(201).json();
    let payment = one.post("wallet", "/v1/payments", &json!({ "quote": quote["id"] })).expect(201).json();
    let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    assert_eq!(other.get("wallet", &path).expect(200).json()["status"], "paid");
    // A pause on one stops claims on the other.
    one.post(
        "operator",
        &format!("/v1/campaigns/{CAMPAIGN}/pause"),
        &json!({ "scope": "issuing", "reason": "test" }),
    )
    .expect(200);
    other.claim(&code, "B").refused(409, "campaign_paused");
    must_be_whole(&other);
}

#[test]
fn the_sandboxs_clock_is_one_for_all() {
    let ([one, other], _) = servers(&[]);
    let code = one.stage(&campaign(CAMPAIGN));
    let coupon = other.claim(&code, "A").expect(201).json();
    one.clock(LATER);
    assert_eq!(text(&other.get("wallet", "/v1/sandbox/clock"), "now"), LATER);
    let path = format!("/v1/coupons/{}", coupon["id"].as_str().unwrap());
    assert_eq!(text(&other.get("wallet", &path), "status"), "expired");
    other.put("operator", "/v1/sandbox/clock", &json!({ "now": DURING })).refused(409, "clock_backwards");
    let again = other.claim(&code, "A").expect(201).json();
    assert_eq!(again["collected_at"], LATER);
    must_be_whole(&one);
}

/// However they come together: as many coupons as packets, and everybody else is told that they are gone.
#[test]
fn the_last_packet_goes_to_one_shopper_whichever_server_is_asked() {
    const PACKETS: usize = 150;
    const CLAIMS: usize = 200;
    for cells in ["1", "64"] {
        let (servers, _) = servers::<4>(&["--cells", cells, "--writers", "2"]);
        let mut document = campaign(CAMPAIGN);
        document["packets"] = json!([{ "face": 8800, "count": PACKETS - 50 }, { "face": 500, "count": 50 }]);
        let code = servers[0].stage(&document);
        let answers: Vec<u16> = scope(|scope| {
            let claims = (0..CLAIMS).map(|shopper| {
                let (server, code) = (&servers[shopper % servers.len()], &code);
                scope.spawn(move || {
                    // One that comes while packets are on their way may be asked to come again.
                    loop {
                        let answer = server.claim(code, &format!("shopper-{shopper}"));
                        match (answer.status, text(&answer, "code").as_str()) {
                            (503, "busy") => std::thread::sleep(Duration::from_millis(20)),
                            (409, code) => assert_eq!(code, "sold_out"),
                            (status, _) => assert_eq!(status, 201),
                        }
                        if answer.status != 503 {
                            return answer.status;
                        }
                    }
                })
            });
            claims.collect::<Vec<_>>().into_iter().map(|claim| claim.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), PACKETS, "{cells} cells");
        let shown = servers[1].get("operator", &format!("/v1/campaigns/{CAMPAIGN}")).expect(200).json();
        let left: Vec<&Value> = shown["packets"].as_array().unwrap().iter().map(|tier| &tier["left"]).collect();
        assert_eq!(left, [&json!(0), &json!(0)]);
        must_be_whole(&servers[2]);
        // What comes back anywhere is there for everybody.
        servers[3].clock(LATER);
        servers[0].claim(&code, "latecomer").expect(201);
        must_be_whole(&servers[1]);
    }
}

#[test]
fn a_database_that_is_away_is_waited_for_and_comes_back() {
    let cluster = postgres::Server::own();
    let url = cluster.url(&cluster.fresh());
    let server = Server::on_database(&url, DURING, &[]);
    let code = server.stage(&campaign(CAMPAIGN));
    let coupon = server.claim(&code, "A").expect(201).json();
    cluster.stop();
    for _ in 0..3 {
        let refused = server.claim(&code, "B");
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(server.call("GET", "/readyz").send().status, 503);
    cluster.run("");
    wait_until("the server is ready again", || server.call("GET", "/readyz").send().status == 200);
    server.claim(&code, "B").expect(201);
    let path = format!("/v1/coupons/{}", coupon["id"].as_str().unwrap());
    server.get("wallet", &path).expect(200);
    must_be_whole(&server);
}

/// A standby that lacks the last changes takes the place of the primary; others then get their numbers. A server that was
/// there all the time shows what is, not what was.
#[test]
fn a_failover_that_lost_changes_leaves_no_server_with_what_was() {
    let cluster = postgres::Server::own();
    let url = cluster.url(&cluster.fresh());
    let one = Server::on_database(&url, DURING, &[]);
    let code = one.stage(&campaign(CAMPAIGN));
    let is_ready = || one.call("GET", "/readyz").send().status == 200;
    cluster.stop();
    cluster.keep_a_standby();
    cluster.run("");
    wait_until("the server is ready again", is_ready);
    let rate = |server: &Server, rate: &str| {
        server.put("acquirer", "/v1/rates/NZD-CNY", &json!({ "rate": rate })).expect(200);
    };
    rate(&one, "5.00000000");
    one.post("acquirer", &format!("/v1/codes/{code}/revoke"), &json!({ "reason": "pasted over" })).expect(200);
    cluster.stop();
    cluster.fail_over();
    let other = Server::on_database(&url, DURING, &[]);
    // As many changes as were lost: the same number of them has been made.
    rate(&other, "6.00000000");
    rate(&other, "7.00000000");
    wait_until("the server is ready again", is_ready);
    assert_eq!(text(&one.get("wallet", "/v1/rates/NZD-CNY"), "rate"), "7.00000000");
    one.claim(&code, "A").expect(201);
    rate(&one, "8.00000000");
    assert_eq!(text(&other.get("wallet", "/v1/rates/NZD-CNY"), "rate"), "8.00000000");
    must_be_whole(&one);
}

#[test]
fn a_start_waits_for_its_database_and_ends_when_told() {
    let cluster = postgres::Server::own();
    let url = cluster.url(&cluster.fresh());
    cluster.stop();
    let folder = tempfile::tempdir().unwrap();
    let mut waiting = koi();
    waiting.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "text", "--data"]).arg(folder.path());
    let waiting = waiting.env("KOI_DATABASE", &url).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let process = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the database is away: waiting for it"), "{said}");
}

/// The database goes away in the middle of a start: it takes the connections that write, and none of those that read.
#[test]
fn a_start_waits_for_a_database_that_is_there_only_at_first() {
    let cluster = postgres::Server::own();
    let name = cluster.fresh();
    let sql = cluster.sql("postgres");
    sql.run(&format!("CREATE ROLE till LOGIN CONNECTION LIMIT 3; ALTER DATABASE {name} OWNER TO till"));
    let url = cluster.url(&name).replace("koi@", "till@");
    scope(|scope| {
        let starting = scope.spawn(|| Server::on_database(&url, DURING, &["--writers", "2"]));
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!starting.is_finished());
        sql.run("ALTER ROLE till CONNECTION LIMIT -1");
        let server = starting.join().unwrap();
        assert_eq!(server.call("GET", "/readyz").send().status, 200);
    });
}

/// A database that stands still, and may do so for a minute: who is told to stop does not wait for it. Nobody was
/// answered, and the key tells what became of the claim.
#[test]
fn a_stop_does_not_wait_for_a_database_that_is_silent() {
    let cluster = postgres::Server::own();
    let url = cluster.url(&cluster.fresh());
    let mut server = Server::on_database(&url, DURING, &[]);
    let code = server.stage(&campaign(CAMPAIGN));
    let path = format!("/v1/campaigns/{CAMPAIGN}/claims");
    let call = server.call("POST", &path).role("wallet").key("claim-1").json(&claim(&code, "A"));
    cluster.stand_still();
    let mut waiting = connect(server.address);
    waiting.write_all(&call.bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    server.terminate();
    // Some more than it has, for a machine that has much to do, and less than an answer is waited for.
    assert_eq!(server.ends_within(Duration::from_secs(25)), Some(0));
    assert!(read(&mut waiting).is_none_or(|answer| answer.status == 503));
    cluster.go_on();
    let again = Server::on_database(&url, DURING, &[]);
    let send = || again.call("POST", &path).role("wallet").key("claim-1").json(&claim(&code, "A")).send();
    assert_eq!(send().expect(201).json()["id"], send().expect(201).json()["id"]);
    must_be_whole(&again);
}

#[test]
fn keys_and_checks_work_on_a_database() {
    let ([server], url) = servers::<1>(&[]);
    let code = server.stage(&campaign(CAMPAIGN));
    server.claim(&code, "A").expect(201);
    let run = |arguments: &[&str]| {
        let output = koi().args(arguments).env("KOI_DATABASE", &url).stdin(Stdio::null()).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {out}{err}");
        out
    };
    let secret = run(&["key", "create", "--principal", "till-7", "--role", "wallet"]);
    assert!(run(&["key", "list"]).contains("till-7"));
    wait_until("the key works", || {
        let bearer = format!("Bearer {}", secret.trim());
        let answer = server.call("GET", "/v1/stores/queen-st").header("authorization", &bearer).send();
        answer.status == 200
    });
    let checked: Value = serde_json::from_str(&run(&["check", "--json"])).unwrap();
    assert_eq!((&checked["ok"], &checked["coupons"]), (&json!(true), &json!(1)));
    assert!(run(&["doctor", "--beacon", "local"]).contains("ledger"));
    let backup = koi().args(["backup", "never.db"]).env("KOI_DATABASE", &url).output().unwrap();
    assert!(String::from_utf8_lossy(&backup.stderr).contains("pg_dump"));
}
