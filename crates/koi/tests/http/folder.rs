//! One folder, one server; and no server for a folder of the future.

use std::process::Stdio;
use std::sync::Arc;

use crate::server::{CAMPAIGN, DURING, Server, campaign, command, is_on_postgres};

#[test]
fn a_second_server_in_the_folder_refuses_to_start() {
    if is_on_postgres() {
        return; // about files of ours
    }
    let server = Server::start(DURING);
    let output = command(server.folder.path(), DURING).stdin(Stdio::null()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&server.folder.path().display().to_string()), "{said}");
    assert!(output.stdout.is_empty(), "it does not say that it listens");
    server.call("GET", "/healthz").send().expect(200);
}

#[test]
fn a_folder_of_a_newer_version_is_refused() {
    if is_on_postgres() {
        return; // about files of ours
    }
    let mut server = Server::start(DURING);
    server.kill();
    let database = server.folder.path().join("koi.db");
    // The version is a number in the database's head: at byte 60, big-endian (SQLite's file format, 1.3).
    let _ = std::fs::remove_file(server.folder.path().join("koi.db-wal"));
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&database, bytes).unwrap();
    let output = command(server.folder.path(), DURING).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("9999"), "{said}");
}

#[test]
fn a_folder_keeps_the_wallet_currency_that_it_was_first_served_with() {
    if is_on_postgres() {
        return; // about files of ours
    }
    let mut server = Server::start(DURING);
    server.kill();
    let output = command(server.folder.path(), DURING).args(["--wallet-currency", "NZD"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("first served with the wallet currency CNY"), "{said}");
    server.again(DURING).call("GET", "/healthz").send().expect(200);
}

/// A sandbox on real time stores no clock; what it wrote says how late it was.
#[test]
fn a_sandbox_that_ran_on_real_time_does_not_go_back() {
    if is_on_postgres() {
        return; // about files of ours
    }
    let place = Arc::new(tempfile::tempdir().unwrap());
    let mut server = Server::on_real_time(place);
    server.post("operator", "/v1/campaigns", &campaign(CAMPAIGN)).expect(201);
    server.kill();
    let output = command(server.folder.path(), DURING).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("would go backwards"), "{said}");
    server.again("2199-01-01T00:00:00Z").call("GET", "/healthz").send().expect(200);
}
