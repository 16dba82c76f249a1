//! Backups under a server at work, restored, checked; and the check itself.

mod cli;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use cli::{Server, run};
use koi_store::sqlite::Folder;

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
    assert_eq!(names(&folder.path().join("volume")), ["koi.db", "lost+found"]);
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
    run(&["restore", &path("junk"), "--data", &path("new/and/deeper")]).expect(1);
    assert!(!folder.path().join("new").exists(), "nothing is left behind");
    // A folder that was there stays, with what was in it.
    std::fs::create_dir_all(path("volume/lost+found")).unwrap();
    run(&["restore", &path("junk"), "--data", &path("volume")]).expect(1);
    assert_eq!(names(&folder.path().join("volume")), ["lost+found"]);
}

/// Whoever restores has the folder to itself: a second restore, or a server, does not touch what the first one makes.
#[test]
fn two_restores_into_one_folder_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert_eq!(Server::sandbox(&folder.path().join("data")).stop(), 0);
    run(&["backup", &path("backup.db"), "--data", &path("data")]).expect(0);
    // The first one is at work.
    let held = Folder::new(&folder.path().join("new"));
    let lock = held.reserve().unwrap();
    std::fs::create_dir(path("new/koi-restore.partial")).unwrap();
    std::fs::write(path("new/koi-restore.partial/koi.db"), "half of it").unwrap();
    let second = run(&["restore", &path("backup.db"), "--data", &path("new")]).expect(2);
    assert!(second.err.contains("is using"), "{}", second.err);
    assert_eq!(std::fs::read_to_string(path("new/koi-restore.partial/koi.db")).unwrap(), "half of it");
    // It was killed: what it left behind is in nobody's way.
    drop(lock);
    run(&["restore", &path("backup.db"), "--data", &path("new")]).expect(0);
    assert_eq!(names(&folder.path().join("new")), ["koi.db", "koi.lock"]);
    run(&["check", "--data", &path("new")]).expect(0);
}

/// What is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
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
