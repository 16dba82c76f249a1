//! Settings: their order, where each came from, and what is said about wrong ones.

mod cli;

use std::fs::{Permissions, set_permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cli::{Server, finish, koi, run};

#[test]
fn the_command_line_wins_over_the_environment_over_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("koi.toml");
    std::fs::write(&file, "data = \"/from/file\"\nlisten = \"127.0.0.1:3\"\nlog = \"warn\"\n").unwrap();
    let mut command = koi();
    command.env("KOI_CONFIG", &file).env("KOI_LISTEN", "127.0.0.1:2").env("KOI_LOG", "error");
    let shown = finish(command.args(["config", "show", "--json", "--log", "debug"])).expect(0).json();
    let file = file.display();
    for (name, value, from) in [
        ("log", "debug", "command line, --log".to_owned()),
        ("listen", "127.0.0.1:2", "environment, KOI_LISTEN".to_owned()),
        ("data", "/from/file", format!("{file}:1")),
        ("wallet_currency", "CNY", "default".to_owned()),
    ] {
        assert_eq!(shown[name]["value"], value, "{name}");
        assert_eq!(shown[name]["from"], from.as_str(), "{name}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_with_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("koi.toml");
    std::fs::write(&file, "# ours\nlisen = \"127.0.0.1:3\"\n").unwrap();
    let ran = finish(koi().env("KOI_SANDBX", "true").args(["config", "check", "--config"]).arg(&file)).expect(1);
    assert_eq!(
        ran.out,
        format!(
            "KOI_SANDBX: there is no such variable; did you mean `KOI_SANDBOX`?\n\
             {}:2: there is no setting `lisen`; did you mean `listen`?\n",
            file.display()
        )
    );
    let ran = finish(koi().env("KOI_SANDBX", "true").args(["serve", "--data", "koi-nowhere"])).expect(2);
    assert!(ran.err.contains("did you mean `KOI_SANDBOX`?"), "{}", ran.err);
}

#[test]
fn a_witness_is_a_key_and_an_address() {
    const KEY: &str = "witness.press.example+e95a829c+BO+ESNLo1Y1yZ1VWWziBBDozffRThSm/alcU4ybKwV1E";
    let check = |list: &str, code: i32, said: &str| {
        let mut command = koi();
        let ran =
            finish(command.env("KOI_WITNESSES", list).args(["config", "check", "--data", "/d"])).expect(code);
        assert!(ran.out.contains(said), "{list}: {}", ran.out);
    };
    check(&format!("{KEY}@https://witness.press.example"), 0, "");
    check(KEY, 1, "KOI_WITNESSES: must be VKEY@URL, several with spaces between them");
    check(&format!("{KEY}@witness.press.example"), 1, "the address of the witness witness.press.example");
    check(&format!("{}@https://w.example", KEY.replace("press", "prass")), 1, "the id of the key");
    check(
        &format!("{KEY}@https://a.example {KEY}@https://b.example"),
        1,
        "witness.press.example is another one, too",
    );
    check("  ", 1, "it names nobody");
}

#[test]
fn variables_of_others_do_not_disturb() {
    let mut command = koi();
    for name in ["KOI_ACCEPT_POSTGRES", "KOI_TEST_SEED", "KOI_BENCH_ROUNDS", "KOI_SERVICE_HOST", "KOI_PORT_80_TCP"]
    {
        command.env(name, "x");
    }
    finish(command.args(["config", "check", "--data", "/d"])).expect(0);
}

#[test]
fn the_address_of_a_database_is_read_and_its_password_not_said() {
    let ran =
        finish(koi().env("KOI_DATABASE", "postgres://koi:hunter2@db:x/koi").args(["config", "check"])).expect(1);
    assert!(ran.out.contains("KOI_DATABASE"), "{}", ran.out);
    assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{} {}", ran.out, ran.err);
    let shown =
        finish(koi().env("KOI_DATABASE", "postgres://koi:hunter2@db/koi").args(["config", "show"])).expect(0);
    assert!(shown.out.contains("********") && !shown.out.contains("hunter2"), "{}", shown.out);
}

#[test]
fn a_clock_needs_a_sandbox() {
    let ran = run(&["serve", "--data", "koi-nowhere", "--clock", "2018-07-14T15:00:00Z"]).expect(2);
    assert!(ran.err.contains("--sandbox"), "{}", ran.err);
}

#[test]
fn a_server_says_where_it_listens_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::live(folder.path());
    run(&["healthcheck", "--url", &server.url]).expect(0);
    let url = server.url.clone();
    assert_eq!(server.stop(), 0);
    run(&["healthcheck", "--url", &url]).expect(1);
}

#[test]
fn the_doctor_names_what_is_the_matter() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let doctor = || run(&["doctor", "--beacon", "local", "--data", data, "--listen", "127.0.0.1:1"]);
    let ran = doctor().expect(0);
    for what in ["settings", "folder", "disk", "clock", "database", "ledger", "relays", "log", "server"] {
        assert!(ran.out.contains(&format!("well  {what}")), "{what}: {}", ran.out);
    }
    std::fs::write(folder.path().join("koi.db"), "this is no database, and long enough to look at").unwrap();
    let ran = doctor().expect(1);
    assert!(ran.out.contains("bad   database"), "{}", ran.out);
    let allow = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
    allow(&folder.path().join("koi.db"), 0o644);
    for (mode, said) in
        [(0o700, "well  secrets".to_owned()), (0o755, format!("bad   secrets   others can read {data}/koi.db"))]
    {
        allow(folder.path(), mode);
        let ran = doctor().expect(1);
        assert!(ran.out.contains(&said), "{mode:o}: {}", ran.out);
    }
}

#[test]
fn the_doctor_compares_what_is_published_with_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    drop(Server::sandbox(folder.path()));
    let doctor = || run(&["doctor", "--sandbox", "--beacon", "local", "--data", data, "--listen", "127.0.0.1:1"]);
    assert!(doctor().expect(0).out.contains("well  log"), "{}", doctor().out);
    let log = folder.path().join("log");
    let key = koi_fair::log::SignerKey::from_seed("koi.example/log", [7; 32]).unwrap();
    let root = koi_fair::log::TreeHash::of_leaf(b"a leaf");
    let checkpoint = koi_fair::log::Checkpoint::new("koi.example/log", 1, root).unwrap();
    std::fs::write(log.join("checkpoint"), checkpoint.sign(&[&key]).unwrap().to_string()).unwrap();
    let other = koi_fair::log::SignerKey::from_seed("koi.example/log", [8; 32]).unwrap();
    std::fs::write(log.join("key"), format!("{}\n", other.verifier())).unwrap();
    let said = doctor().expect(1).out;
    assert!(
        said.contains("bad   log       ") && said.contains("is not of the log whose key is beside it"),
        "{said}"
    );
    std::fs::write(log.join("key"), format!("{}\n", key.verifier())).unwrap();
    let said = doctor().expect(1).out;
    assert!(said.contains("1 leaves of the public log are published, and the database knows of 0"), "{said}");
}

/// A relay on this machine that serves a published round of quicknet as its latest: it is genuine, and long ago.
#[test]
fn the_doctor_asks_relays_and_compares_the_clock_with_theirs() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let _ = reader.read_line(&mut line);
            assert!(line.ends_with("/public/latest HTTP/1.1\r\n"), "{line}");
            // As api.drand.sh served it (verify/vectors/beacon.json); of 2023-08-23T15:59:24Z.
            let body = r#"{"round":1000,"signature":"b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"}"#;
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let doctor = |relays: &str| {
        run(&["doctor", "--data", data, "--listen", "127.0.0.1:1", "--beacon-relays", relays]).expect(1).out
    };
    let said = doctor(&relay);
    assert!(
        said.contains("bad   relays") && said.contains("ahead of the beacon's clock (its round 1000)"),
        "{said}"
    );
    let said = doctor("http://127.0.0.1:1");
    assert!(said.contains("bad   relays") && said.contains("none serves rounds of quicknet here"), "{said}");
}
