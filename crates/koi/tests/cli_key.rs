//! Keys, made and revoked beside a server that runs.

mod cli;

use std::time::{Duration, Instant};

use cli::{Server, run};

/// Waits until a key is answered with a status.
#[track_caller]
fn await_status(server: &Server, key: &str, status: u16) {
    let began = Instant::now();
    while server.call("GET", "/v1/campaigns", key, "").0 != status {
        assert!(began.elapsed() < Duration::from_secs(10), "{key} is not answered {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_key_works_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = Server::live(folder.path());
    let made = run(&["key", "create", "--principal", "ops", "--role", "operator", "--json", "--data", data]);
    let made = made.expect(0).json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.starts_with("koi_live_") && secret.len() > 40, "{secret}");
    await_status(&server, secret, 200);

    let listed = run(&["key", "list", "--data", data]).expect(0).out;
    assert!(listed.contains(id) && listed.contains("works") && !listed.contains(secret), "{listed}");
    run(&["key", "revoke", id, "--data", data]).expect(0);
    await_status(&server, secret, 401);
    run(&["key", "revoke", id, "--data", data]).expect(1);
    assert_eq!(run(&["key", "list", "--json", "--data", data]).expect(0).json()[0]["status"], "revoked");
    // What is stored is the hash.
    assert_eq!(server.stop(), 0);
    let file = std::fs::read(folder.path().join("koi.db")).unwrap();
    let hidden = secret.as_bytes();
    assert!(!file.windows(hidden.len()).any(|bytes| bytes == hidden));
}

#[test]
fn one_principal_has_one_role() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let _server = Server::sandbox(folder.path());
    let create = |principal: &str, role: &str| {
        run(&["key", "create", "--principal", principal, "--role", role, "--data", data])
    };
    assert!(create("ops", "operator").expect(0).out.starts_with("koi_test_"));
    create("ops", "operator").expect(0);
    assert!(create("ops", "approver").expect(1).err.contains("four eyes"));
    create("boss", "approver").expect(0);
    create("a b", "wallet").expect(2);
    create("till", "owner").expect(2);
    let late = ["key", "create", "--principal", "t", "--role", "wallet", "--expires", "2020-01-01T00:00:00Z"];
    assert!(run(&[&late[..], &["--data", data]].concat()).expect(2).err.contains("has passed"));
}

#[test]
fn without_a_database_there_are_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    assert!(run(&["key", "list", "--data", data]).expect(2).err.contains("no Koi database"));
    // The first one is made before the first start.
    let secret = run(&["key", "create", "--principal", "ops", "--role", "operator", "--data", data]).expect(0);
    assert!(secret.out.starts_with("koi_live_"), "{}", secret.out);
    assert!(secret.err.contains("A new data folder was made"), "{}", secret.err);
    assert!(run(&["key", "list", "--data", data]).expect(0).out.contains("ops"));
}
