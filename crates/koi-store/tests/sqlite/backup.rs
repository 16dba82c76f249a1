//! Backups are states that were.

use std::sync::atomic::{AtomicBool, Ordering};

use koi_core::coupon::Coupon;
use koi_core::rows::Slice;
use koi_store::sqlite::{Folder, Reader, backup, restore};
use koi_store::{StoreError, Want};

use crate::sample;
use crate::{Installation, transfers};

/// Coupons of one batch.
const BATCH: u32 = 500;
/// Batches before the backup begins: enough for several steps of it.
const BEFORE: u32 = 150;

/// Issues the next coupons: a batch that leaves coupons, ledger and slice in agreement.
fn issue(installation: &mut Installation) {
    installation.commit_on(&[Want::Slice(sample::CAMPAIGN)], |rows| {
        let slice =
            rows.slices.get(sample::CAMPAIGN).cloned().unwrap_or(Slice { next_ordinal: 0, ..sample::slice() });
        for ordinal in slice.next_ordinal..slice.next_ordinal + BATCH {
            let coupon = sample::coupon(ordinal);
            rows.coupons.put(coupon.id, coupon);
            rows.transfers.push(sample::transfer(i64::from(ordinal)));
        }
        rows.slices.put(sample::CAMPAIGN, Slice { next_ordinal: slice.next_ordinal + BATCH, ..slice });
    });
}

/// How many coupons a database has, all of its tables agreeing about it.
fn issued(reader: &Reader) -> u32 {
    let mut coupons: Vec<Coupon> = Vec::new();
    reader.for_each_coupon(0, i64::MAX, |coupon| coupons.push(coupon)).unwrap();
    let count = u32::try_from(coupons.len()).unwrap();
    assert_eq!(reader.slices().unwrap()[0].2.next_ordinal, count);
    assert_eq!(transfers(reader).len(), coupons.len());
    assert!(coupons.iter().zip(0..).all(|(coupon, ordinal)| *coupon == sample::coupon(ordinal)));
    count
}

#[test]
fn a_backup_is_taken_while_a_server_writes() {
    let mut installation = Installation::new();
    (0..BEFORE).for_each(|_| issue(&mut installation));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("koi.backup");
    let folder = installation.folder.clone();
    let done = AtomicBool::new(false);
    let mut reports = Vec::new();
    std::thread::scope(|scope| {
        let copier = scope.spawn(|| {
            backup(&folder, &file, |pages, of| reports.push((pages, of))).unwrap();
            done.store(true, Ordering::Relaxed);
        });
        issue(&mut installation);
        while !done.load(Ordering::Relaxed) {
            issue(&mut installation);
        }
        copier.join().unwrap();
    });
    assert!(reports.len() > 1 && reports.last().is_some_and(|(pages, of)| pages == of), "{reports:?}");

    let restored = Folder::new(&place.path().join("restored"));
    std::fs::create_dir(restored.path()).unwrap();
    restore(&file, &restored, |_, _| {}).unwrap();
    let reader = restored.reader().unwrap();
    assert!(reader.file_check().unwrap().is_empty());
    let count = issued(&reader);
    assert!(count >= BEFORE * BATCH && count.is_multiple_of(BATCH), "{count}");
    assert!(count <= issued(&installation.reader()));

    // What is restored is served.
    drop(reader);
    restored.serve().unwrap();
}

#[test]
fn a_backup_is_one_file_that_needs_no_other() {
    let mut installation = Installation::new();
    issue(&mut installation);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("koi.backup");
    backup(&installation.folder, &file, |_, _| {}).unwrap();
    let names: Vec<_> = place.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["koi.backup"]);
    // It can be restored from a place that cannot be written.
    let mut readonly = std::fs::metadata(&file).unwrap().permissions();
    readonly.set_readonly(true);
    std::fs::set_permissions(&file, readonly).unwrap();
    let restored = Folder::new(place.path());
    restore(&file, &restored, |_, _| {}).unwrap();
    assert_eq!(issued(&restored.reader().unwrap()), BATCH);
}

#[test]
fn a_backup_of_a_newer_koi_is_not_restored() {
    let installation = Installation::new();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("koi.backup");
    backup(&installation.folder, &file, |_, _| {}).unwrap();
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = restore(&file, &Folder::new(place.path()), |_, _| {}).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
}

#[test]
fn what_is_no_backup_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("letter.txt");
    std::fs::write(&file, "Dear operator, ".repeat(1000)).unwrap();
    let refused = restore(&file, &Folder::new(place.path()), |_, _| {}).unwrap_err();
    assert!(matches!(refused, StoreError::Unreadable(_)), "{refused}");
    let place = tempfile::tempdir().unwrap();
    let missing = restore(&place.path().join("missing"), &Folder::new(place.path()), |_, _| {}).unwrap_err();
    assert!(matches!(missing, StoreError::Unavailable(_)), "{missing}");
}
