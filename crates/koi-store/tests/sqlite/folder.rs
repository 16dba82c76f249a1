//! Who may open a folder.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use koi_store::sqlite::{Folder, backup, restore};
use koi_store::{Notes, Store, StoreError};

use crate::Installation;

/// How long the other process may take to get the lock, or to lose it.
const PATIENCE: Duration = Duration::from_secs(20);
/// What the other process leaves in the folder once it holds the lock.
const HELD: &str = "held";

#[test]
fn a_second_server_is_refused() {
    let installation = Installation::new();
    let refused = installation.folder.serve().map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
    let text = refused.to_string();
    assert!(text.contains(&*installation.folder.path().to_string_lossy()) && text.contains("--data"), "{text}");
    // Beside a server, others may read and make keys.
    installation.folder.reader().unwrap();
    installation.folder.administer().unwrap();
}

#[test]
fn the_lock_is_given_back() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(&place.path().join("deep").join("inside"));
    let (writer, lock) = folder.serve().unwrap();
    drop((writer, lock));
    folder.serve().unwrap();
}

/// Who opened the file just before it was removed has a lock on nothing.
#[test]
fn a_lock_that_is_removed_keeps_one_holder_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    let (holders, taken) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while taken.load(Ordering::SeqCst) < 200 {
                    let Ok(lock) = folder.reserve() else { continue };
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    taken.fetch_add(1, Ordering::SeqCst);
                    std::thread::yield_now();
                    holders.fetch_sub(1, Ordering::SeqCst);
                    lock.remove().unwrap();
                }
            });
        }
    });
    assert!(!folder.has_lock());
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// Everything below a folder that others may look at, with its mode.
fn open_below(path: &Path) -> Vec<(String, u32)> {
    let entries = path.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let modes = entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), mode(&path)));
    modes.filter(|(_, mode)| mode & 0o077 != 0).collect()
}

#[test]
fn what_is_made_is_for_its_owner_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(&place.path().join("deep").join("inside"));
    let (mut writer, _lock) = folder.serve().unwrap();
    let begun = writer.begin(&[], None).unwrap();
    writer.commit(&begun.cells, &Notes::default()).unwrap();
    assert_eq!(mode(folder.path()), 0o700);
    assert!(folder.path().join("koi.db-wal").exists());
    assert_eq!(open_below(folder.path()), []);

    let copies = tempfile::tempdir().unwrap();
    set_permissions(copies.path(), Permissions::from_mode(0o755)).unwrap();
    let file = copies.path().join("koi.backup");
    backup(&folder, &file, |_, _| {}).unwrap();
    let restored = Folder::new(copies.path());
    restore(&file, &restored, |_, _| {}).unwrap();
    assert_eq!(mode(copies.path()), 0o755, "a folder that was there keeps its mode");
    assert_eq!(open_below(copies.path()), []);
}

#[test]
fn what_others_can_read_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    drop(folder.serve().unwrap());
    let check = |of_folder: u32, of_file: u32, told: bool| {
        set_permissions(folder.database(), Permissions::from_mode(of_file)).unwrap();
        set_permissions(folder.path(), Permissions::from_mode(of_folder)).unwrap();
        let expected = if told { vec![folder.database()] } else { Vec::new() };
        assert_eq!(folder.open_to_others().unwrap(), expected, "{of_file:o} in {of_folder:o}");
    };
    check(0o700, 0o644, false);
    check(0o755, 0o600, false);
    check(0o755, 0o644, true);
    check(0o750, 0o640, true);
    check(0o711, 0o604, true);
}

/// Holds the lock of the folder that it is started in until it is killed: the other process of the test below.
#[test]
#[ignore = "it waits for ever: started by the_lock_is_freed_by_death"]
fn hold_the_lock() {
    let folder = Folder::new(Path::new("."));
    let held = folder.serve().unwrap();
    std::fs::write(HELD, "").unwrap();
    std::thread::sleep(Duration::from_secs(3600));
    drop(held);
}

#[test]
fn the_lock_is_freed_by_death() {
    let place = tempfile::tempdir().unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "folder::hold_the_lock"])
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let folder = Folder::new(place.path());
    wait_until("the other process holds the lock", || place.path().join(HELD).exists());
    let refused = folder.serve().map(|_| ()).unwrap_err();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
    folder.serve().unwrap();
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_newer_database_is_refused_by_every_door() {
    let installation = Installation::new();
    installation.sql().pragma_update(None, "user_version", 99).unwrap();
    let folder = installation.folder.clone();
    drop((installation.writer, installation._lock));
    for refused in [
        folder.serve().map(|_| ()).unwrap_err(),
        folder.administer().map(|_| ()).unwrap_err(),
        folder.reader().map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
        let text = refused.to_string();
        assert!(text.contains("99") && text.contains("newer Koi") && text.contains("backup"), "{text}");
    }
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    for version in [0, 1] {
        let other = rusqlite::Connection::open(folder.database()).unwrap();
        other.execute_batch("CREATE TABLE IF NOT EXISTS letter (text TEXT)").unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        drop(other);
        for refused in [
            folder.serve().map(|_| ()).unwrap_err(),
            folder.administer().map(|_| ()).unwrap_err(),
            folder.reader().map(|_| ()).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("another program"), "{refused}");
        }
    }
    let other = rusqlite::Connection::open(folder.database()).unwrap();
    let tables: i64 = other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn an_older_database_is_brought_up_to_date_by_serving_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    // A file with nothing in it is a database of version 0.
    rusqlite::Connection::open(folder.database()).unwrap().execute_batch("VACUUM").unwrap();
    let refused = folder.reader().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("koi serve"), "{refused}");
    folder.serve().unwrap();
    folder.reader().unwrap();
}

#[test]
fn a_folder_without_a_database_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path());
    assert!(!folder.exists());
    for refused in [folder.administer().map(|_| ()).unwrap_err(), folder.reader().map(|_| ()).unwrap_err()] {
        assert!(matches!(refused, StoreError::Absent(_)), "{refused}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_may_heal() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = Folder::new(&file).serve().map(|_| ()).unwrap_err();
    assert!(refused.may_heal(), "{refused}");
}
