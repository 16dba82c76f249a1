//! The table of shoppers beside a map that knows everything.

use std::collections::BTreeMap;

use koi_core::coupon::Coupon;
use koi_core::id::CouponId;

use super::*;
use crate::sample;
use crate::sqlite::Folder;
use crate::sqlite::writer::Writer;
use crate::{Notes, Store};

const SHORT: Runs = Runs { length: 20, piece: 6 };

/// Coupons of many shoppers, in no order.
fn coupon(ordinal: u32) -> Coupon {
    let shopper = i64::from(ordinal).wrapping_mul(7_919) % 23;
    let id = CouponId::new(koi_core::id::Cell(0), sample::CAMPAIGN, ordinal);
    Coupon { id, shopper: ShopperKey(shopper), ..sample::coupon(0) }
}

fn claim(writer: &mut Writer, ordinals: std::ops::Range<u32>) -> Result<(), StoreError> {
    let mut rows = writer.begin(&[Want::Slice(sample::CAMPAIGN)])?;
    let mut slice = sample::slice();
    slice.next_ordinal = ordinals.end;
    rows.slices.put(sample::CAMPAIGN, slice);
    for ordinal in ordinals {
        rows.coupons.put(coupon(ordinal).id, coupon(ordinal));
    }
    writer.commit(&rows, &Notes::default())
}

fn known(ordinals: u32) -> BTreeMap<ShopperKey, Vec<CouponId>> {
    let mut known: BTreeMap<ShopperKey, Vec<CouponId>> = BTreeMap::new();
    (0..ordinals).map(coupon).for_each(|coupon| known.entry(coupon.shopper).or_default().push(coupon.id));
    known
}

/// Writer, a reader beside it and a reader alone all see the same coupons of every shopper.
fn verify(folder: &Folder, writer: &mut Writer, ordinals: u32) {
    let beside = folder.reader().unwrap().beside(writer.shoppers());
    let alone = folder.reader().unwrap();
    let known = known(ordinals);
    for shopper in (0..25).map(ShopperKey) {
        let wants = [Want::Shopper(shopper)];
        let expected = known.get(&shopper).cloned().unwrap_or_default();
        let seen = writer.begin(&wants).unwrap();
        writer.rollback();
        for (who, rows) in
            [("writer", seen), ("beside", beside.rows(&wants).unwrap()), ("alone", alone.rows(&wants).unwrap())]
        {
            assert_eq!(rows.shoppers[&shopper], expected, "{who}, {shopper:?} after {ordinals}");
            assert!(expected.iter().all(|id| rows.coupons.has(*id)), "{who}");
        }
    }
    assert_eq!(broken(beside_connection(&alone)).unwrap(), Vec::<String>::new());
}

fn beside_connection(reader: &crate::sqlite::Reader) -> &Connection {
    reader.connection()
}

fn served(place: &tempfile::TempDir) -> (Folder, Writer, crate::sqlite::Lock) {
    let folder = Folder::new(place.path()).with_runs(SHORT);
    let (writer, lock) = folder.serve().unwrap();
    (folder, writer, lock)
}

#[test]
fn every_coupon_is_found_at_every_moment() {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    let mut next = 0;
    for batch in [1, 3, 9, 7, 1, 1, 1, 2, 40, 5, 1, 30, 2, 2, 2, 2, 2, 2, 61, 1, 1] {
        claim(&mut writer, next..next + batch).unwrap();
        next += batch;
        verify(&folder, &mut writer, next);
    }
    let unsorted = writer.shoppers().look().young.sorted.len();
    assert!(unsorted < 100, "{unsorted} of {next} wait: runs were written");
    assert!(
        !coupon_sorted::all(beside_connection(&folder.reader().unwrap())).unwrap().is_empty(),
        "to their ends"
    );
}

#[test]
fn a_run_that_was_cut_off_is_written_again() {
    for batches in 1..40 {
        let place = tempfile::tempdir().unwrap();
        let (folder, mut writer, lock) = served(&place);
        for batch in 0..batches {
            claim(&mut writer, batch * 3..batch * 3 + 3).unwrap();
        }
        drop((writer, lock));
        let (mut writer, _lock) = folder.serve().unwrap();
        verify(&folder, &mut writer, batches * 3);
        claim(&mut writer, batches * 3..batches * 3 + 50).unwrap();
        verify(&folder, &mut writer, batches * 3 + 50);
    }
}

#[test]
fn what_a_failed_commit_leaves_unknown_is_read_again() {
    let place = tempfile::tempdir().unwrap();
    let (folder, mut writer, _lock) = served(&place);
    claim(&mut writer, 0..30).unwrap();
    // Twice the same coupons: the database refuses.
    assert!(claim(&mut writer, 25..35).is_err());
    verify(&folder, &mut writer, 30);
    claim(&mut writer, 30..90).unwrap();
    verify(&folder, &mut writer, 90);
}

#[test]
fn damage_is_named() {
    let check = |damage: &str, expected: &[&str]| {
        let place = tempfile::tempdir().unwrap();
        let (folder, mut writer, _lock) = served(&place);
        claim(&mut writer, 0..20).unwrap();
        claim(&mut writer, 20..24).unwrap();
        claim(&mut writer, 24..50).unwrap();
        let connection = folder.connect(rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        assert_eq!(broken(&connection).unwrap(), Vec::<String>::new());
        assert_eq!(connection.execute_batch(damage), Ok(()), "{damage}");
        let id = |ordinal| coupon(ordinal).id.to_string();
        let named: Vec<String> = broken(&connection)
            .unwrap()
            .iter()
            .map(|line| line.replace(&id(3), "three").replace(&id(55), "fifty-five"))
            .take(2)
            .collect();
        assert_eq!(named, expected, "{damage}");
    };
    let three = coupon(3).id.number();
    let lacks = "coupon three: its shopper does not have it";
    let has = "coupon three: another shopper has it, too";
    check(&format!("DELETE FROM coupon_of_shopper WHERE coupon = {three}"), &[lacks]);
    check(&format!("UPDATE coupon_of_shopper SET shopper = 99 WHERE coupon = {three}"), &[has, lacks]);
    check(&format!("INSERT INTO coupon_of_shopper VALUES (99, {three})"), &[has]);
    check(&format!("UPDATE coupon SET shopper = 99 WHERE id = {three}"), &[has, lacks]);
    check(
        &format!("UPDATE coupon_sorted SET until = {}", coupon(55).id.number()),
        &[
            "coupons of shoppers: sorted up to fifty-five, which is not issued",
            &format!("coupon {}: its shopper does not have it", coupon(20).id),
        ],
    );
}
