//! Campaigns as files: checked, applied twice, shown.

mod cli;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cli::{Server, finish, koi, run};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../campaigns/nz-summer-2018.toml");

#[test]
fn the_original_campaign_is_right_and_its_figures_are_exact() {
    let shown = run(&["campaign", "check", FILE, "--json"]).expect(0).json();
    assert_eq!(shown["budget_needed"], 100_000_000);
    assert_eq!(shown["expected_cost"]["rounded"], 1_000);
    assert_eq!(shown["tiers"][0]["odds"], "20/100000");
    assert_eq!(shown["windows"][2]["from"]["store"], "2018-09-13 04:00:00 +12:00");
    let shown = run(&["campaign", "check", FILE, "--zone", "Asia/Tokyo"]).expect(0).out;
    for text in ["CNY 1,000,000.00, exactly", "2018-08-14 01:00:00 +09:00", "2018-09-14 16:00:00 +00:00"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[test]
fn a_mistake_is_named_by_file_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("campaign.toml");
    let text = std::fs::read_to_string(FILE).unwrap().replace("face = 8_800", "face = 88.00");
    std::fs::write(&file, &text).unwrap();
    let ran = finish(koi().args(["campaign", "check"]).arg(&file)).expect(1);
    let line = 1 + text.lines().position(|line| line == "face = 88.00").unwrap();
    let start = format!("{}:{line}: packets.2.face must be a whole number", file.display());
    assert!(ran.err.starts_with(&start), "{}", ran.err);
    assert_eq!(ran.out, "");
    run(&["campaign", "check", "/nowhere.toml"]).expect(2);
    run(&["campaign", "check", FILE, "--zone", "Mars/Olympus"]).expect(2);
}

#[test]
fn applying_twice_changes_nothing_and_another_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::sandbox(&folder.path().join("data"));
    let apply = |file: &str, key: &str| {
        finish(koi().env("KOI_KEY", key).args(["campaign", "apply", file, "--server", &server.url]))
    };
    assert!(apply(FILE, "sandbox_wallet").expect(1).err.contains("403 forbidden"));
    assert_eq!(apply(FILE, "sandbox_operator").expect(0).out, "nz-summer-2018: created\n");
    assert_eq!(apply(FILE, "sandbox_operator").expect(0).out, "nz-summer-2018: unchanged\n");
    let other = folder.path().join("other.toml");
    let text = std::fs::read_to_string(FILE).unwrap();
    std::fs::write(&other, text.replace("valid_days = 7", "valid_days = 8").replace("_880", "_881")).unwrap();
    let ran = apply(other.to_str().unwrap(), "sandbox_operator").expect(1);
    assert!(ran.err.contains("with other packets, coupon") || ran.err.contains("coupon, packets"), "{}", ran.err);
    // Comments and the order of keys are no content.
    std::fs::write(&other, format!("# again\n{text}")).unwrap();
    assert_eq!(apply(other.to_str().unwrap(), "sandbox_operator").expect(0).out, "nz-summer-2018: unchanged\n");

    let key = folder.path().join("key");
    std::fs::write(&key, "sandbox_auditor\n").unwrap();
    let mut show = koi();
    show.env("KOI_KEY_FILE", &key).env("KOI_SERVER", &server.url).args(["campaign", "show", "nz-summer-2018"]);
    let shown = finish(&mut show).expect(0).out;
    assert!(shown.starts_with("nz-summer-2018: draft (revision 1)"), "{shown}");
    assert_eq!(finish(show.arg("--json")).expect(0).json()["campaign"]["status"], "draft");
}

#[test]
fn without_a_key_or_a_server_it_says_what_to_do() {
    let ran = run(&["campaign", "show", "x"]).expect(2);
    assert!(ran.err.contains("KOI_KEY"), "{}", ran.err);
    let ran = finish(koi().env("KOI_KEY", "k").args(["campaign", "show", "x", "--server", "http://127.0.0.1:1"]));
    assert!(ran.expect(2).err.contains("no answer from http://127.0.0.1:1"));
}

#[test]
fn a_round_is_handed_in_from_a_file_or_standard_input() {
    use koi_fair::beacon::local;

    let folder = tempfile::tempdir().unwrap();
    let server = Server::sandbox(&folder.path().join("data"));
    let with = |key: &str, arguments: &[&str]| {
        let mut command = koi();
        command.env("KOI_KEY", key).env("KOI_SERVER", &server.url).args(arguments);
        command
    };
    let call =
        |role: &str, step: &str| server.call("POST", &format!("/v1/campaigns/nz-summer-2018/{step}"), role, "{}");
    finish(&mut with("sandbox_operator", &["campaign", "apply", FILE])).expect(0);
    let show = || finish(&mut with("sandbox_auditor", &["campaign", "show", "nz-summer-2018"])).expect(0).out;
    assert!(show().contains("randomness: its round is fixed when the campaign is approved"), "{}", show());
    assert_eq!(call("sandbox_operator", "submit").0, 200);
    let (status, approved) = call("sandbox_approver", "approve");
    assert_eq!(status, 200, "{approved}");
    let approved: serde_json::Value = serde_json::from_str(&approved).unwrap();
    let round = approved["seal"]["round"].as_u64().unwrap();
    let notice =
        format!("{} (local randomness: not a public draw): ", approved["seal"]["chain"].as_str().unwrap());
    assert!(show().contains(&format!("randomness: round {round} of the chain {notice}")), "{}", show());

    let file = folder.path().join("round.json");
    let path = file.to_str().unwrap();
    let hand_in = |text: &str, key: &str| {
        std::fs::write(&file, text).unwrap();
        finish(&mut with(key, &["campaign", "beacon", "nz-summer-2018", path]))
    };
    // Relays say more than is needed, and in letters of their own.
    let signed = local::sign(round);
    let chatty = format!(
        r#"{{"round":{round},"signature":"{}","previous_signature":"","more":[1]}}"#,
        hex::encode_upper(&signed.signature)
    );
    let known = format!("nz-summer-2018: round {round} is known\n");
    assert_eq!(hand_in(&chatty, "sandbox_operator").expect(0).out, known);
    assert_eq!(hand_in(&signed.json(), "sandbox_operator").expect(0).out, known);
    for (text, said) in [
        (local::sign(round + 1).json(), "422 beacon_other_round"),
        ("<html>".to_owned(), "it is not a round as relays answer it"),
        (" ".repeat(1 << 20), "longer than 16384 bytes"),
    ] {
        let ran = hand_in(&text, "sandbox_operator").expect(1);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    assert!(hand_in(&signed.json(), "sandbox_wallet").expect(1).err.contains("403 forbidden"));
    std::fs::write(&file, signed.json()).unwrap();
    let mut piped = with("sandbox_operator", &["campaign", "beacon", "nz-summer-2018", "-", "--json"]);
    let output = piped.stdin(std::fs::File::open(&file).unwrap()).output().unwrap();
    let campaign: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(campaign["seal"], approved["seal"]);
    run(&["campaign", "beacon", "nz-summer-2018", "/nowhere.json"]).expect(2);
    run(&["campaign", "beacon", "a b", path]).expect(2);
}

/// Keys of a live server, by their role.
fn key(data: &str, role: &str) -> String {
    let principal = format!("the-{role}");
    let made = run(&["key", "create", "--principal", &principal, "--role", role, "--data", data]).expect(0).out;
    made.trim().to_owned()
}

/// Fails when something takes a minute.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: it takes too long");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Approves the campaign of the file on a live server; answers what seals it. Its time was in 2018: its round is one soon
/// after the approval, and it gets its randomness although it is over.
fn approved(server: &Server, data: &str) -> serde_json::Value {
    let [operator, approver] = ["operator", "approver"].map(|role| key(data, role));
    let apply = || {
        let mut apply = koi();
        apply.env("KOI_KEY", &operator).args(["campaign", "apply", FILE, "--server", &server.url]);
        finish(&mut apply).code == 0
    };
    wait_until("a new key works", apply);
    let path = |step: &str| format!("/v1/campaigns/nz-summer-2018/{step}");
    assert_eq!(server.call("POST", &path("submit"), &operator, "{}").0, 200);
    wait_until("the other key works", || server.call("POST", &path("approve"), &approver, "{}").0 == 200);
    let (_, campaign) = server.call("GET", "/v1/campaigns/nz-summer-2018", &operator, "");
    serde_json::from_str::<serde_json::Value>(&campaign).unwrap()["seal"].clone()
}

/// The one relay serves a genuine round of quicknet, and another one than is asked for.
#[test]
fn a_live_server_draws_in_public_and_takes_no_other_round() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
            let length = QUICKNET_1000.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{QUICKNET_1000}"
            );
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = Server::start(
        koi().args(["serve", "--listen", "127.0.0.1:0", "--data", data]).args(["--beacon-relays", &relay]),
    );
    let seal = approved(&server, data);
    assert_eq!(seal["chain"], "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971");
    assert!(seal["notice"].is_null() && seal["randomness"].is_null(), "{seal}");
    let refused = format!("koi_beacon_relay_failures_total{{relay=\"{relay}\",why=\"refused\"}}");
    wait_until("the relay is asked", || server.call("GET", "/metrics", "", "").1.contains(&refused));
    let auditor = key(data, "auditor");
    let show = || {
        let mut show = koi();
        show.env("KOI_KEY", &auditor).args(["campaign", "show", "nz-summer-2018", "--server", &server.url]);
        finish(&mut show).out
    };
    let round = seal["round"].as_u64().unwrap();
    let waits =
        format!("randomness: round {round} of the chain {}: not known yet", seal["chain"].as_str().unwrap());
    wait_until("it waits for its round", || show().contains(&waits));
    // What it serves may be handed in as little.
    let file = folder.path().join("round.json");
    std::fs::write(&file, QUICKNET_1000).unwrap();
    let operator = key(data, "operator");
    let refused = format!("sealed by round {round} and no other; this is round 1000");
    wait_until("it is refused", || {
        let mut hand_in = koi();
        hand_in.env("KOI_KEY", &operator).args(["campaign", "beacon", "nz-summer-2018", "--server", &server.url]);
        finish(hand_in.arg(&file)).expect(1).err.contains(&refused)
    });
    assert_eq!(server.stop(), 0);
}

/// As api.drand.sh served it (verify/vectors/beacon.json).
const QUICKNET_1000: &str = r#"{"round":1000,"randomness":"fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd","signature":"b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"}"#;

#[test]
fn a_live_server_that_draws_locally_says_so_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut command = koi();
    command.args([
        "serve",
        "--beacon",
        "local",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "text",
        "--data",
        data,
    ]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    cli::terminate(&child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no public draw. For real ones leave out --beacon local"), "{said}");
    let server = Server::live(folder.path());
    let seal = approved(&server, data);
    assert_eq!(seal["notice"], "local randomness: not a public draw");
    assert!(!seal["randomness"].is_null());
}

#[test]
fn a_sandbox_does_not_draw_in_public() {
    let ran = run(&["serve", "--sandbox", "--beacon", "quicknet", "--data", "koi-nowhere"]).expect(2);
    assert!(ran.err.contains("a sandbox has a clock of its own and quicknet keeps real time"), "{}", ran.err);
}
