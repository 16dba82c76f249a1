//! Backups under a server at work, restored, checked; and the check itself.

mod cli;

use std::sync::atomic::{AtomicBool, Ordering};

use cli::{Server, run};

const MERCHANT: &str = r#"{"id":"mID","name":"Shop","country":"NZ","currency":"NZD","fee_bps":160}"#;

#[test]
fn a_backup_is_taken_while_the_server_works_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, file) = (path("data"), path("backup.db"));
    let server = Server::sandbox(&folder.path().join("data"));
    let add = |number: u32| {
        let body = MERCHANT.replace("ID", &number.to_string());
        assert_eq!(server.call("POST", "/v1/merchants", "sandbox_acquirer", &body).0, 201);
    };
    add(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| (1..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(&add));
        let taken = run(&["backup", &file, "--json", "--data", &data]);
        done.store(true, Ordering::Relaxed);
        assert!(taken.expect(0).json()["bytes"].as_u64().unwrap() > 4096);
    });
    assert!(!folder.path().join("backup.db.partial").exists());
    assert!(run(&["backup", &file, "--data", &data]).expect(1).err.contains("overwrites nothing"));
    assert!(run(&["restore", &file, "--data", &data]).expect(1).err.contains("overwrites nothing"));

    // A mounted volume is there already, and not quite empty.
    std::fs::create_dir_all(folder.path().join("volume/lost+found")).unwrap();
    let volume = path("volume");
    run(&["restore", &file, "--data", &volume]).expect(0);
    assert!(run(&["check", "--data", &volume, "--json"]).expect(0).json()["ok"].as_bool().unwrap());
    let mut names: Vec<_> = std::fs::read_dir(&volume)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["koi.db", "lost+found"]);
    let restored = Server::sandbox(&folder.path().join("volume"));
    assert_eq!(restored.call("GET", "/v1/merchants/m0", "sandbox_acquirer", "").0, 200);
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("junk"), "x".repeat(10_000)).unwrap();
    assert!(run(&["restore", &path("junk"), "--data", &path("new")]).expect(1).err.contains("no backup"));
    run(&["restore", &path("absent"), "--data", &path("new")]).expect(2);
    assert!(!folder.path().join("new/koi.db").exists());
    assert!(!folder.path().join("new/koi-restore.partial").exists());
}

#[test]
fn a_broken_file_is_named_by_the_check_and_never_becomes_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let data = path("data");
    run(&["check", "--data", &data]).expect(2);
    let server = Server::sandbox(&folder.path().join("data"));
    run(&["check", "--data", &data]).expect(0);
    assert_eq!(server.stop(), 0);
    let database = folder.path().join("data/koi.db");
    // Should a log stand beside the database, it would hide the damage.
    let _ = std::fs::remove_file(folder.path().join("data/koi.db-wal"));
    let mut bytes = std::fs::read(&database).unwrap();
    // All pages but the first: what SQLite keeps there is gone.
    bytes[4096..].fill(0xA5);
    std::fs::write(&database, bytes).unwrap();
    let ran = run(&["check", "--data", &data]).expect(1);
    assert!(ran.out.contains("Broken ("), "{}", ran.out);
    assert_ne!(run(&["backup", &path("b.db"), "--data", &data]).code, 0);
    assert!(!folder.path().join("b.db").exists());
}
