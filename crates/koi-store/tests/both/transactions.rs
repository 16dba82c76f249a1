//! What is committed is seen by everybody, what is not by nobody.

use koi_store::{Notes, Want};

use crate::sample;
use crate::{Installation, transfers};

#[test]
fn nobody_sees_what_is_not_committed() {
    let mut installation = Installation::new();
    let coupon = sample::coupon(1);
    let want = [Want::Coupon(coupon.id)];
    let mut rows = installation.begin(&want).unwrap();
    assert!(!rows.coupons.has(coupon.id));
    rows.coupons.put(coupon.id, coupon.clone());
    assert!(!installation.rows(&want).coupons.has(coupon.id));
    installation.end(&rows, &Notes::default()).unwrap();
    assert!(installation.rows(&want).coupons.has(coupon.id));
}

#[test]
fn a_rollback_leaves_everything_as_it_was() {
    let mut installation = Installation::new();
    installation.commit(|rows| rows.coupons.put(sample::coupon(1).id, sample::coupon(1)));
    let mut rows = installation.begin(&[]).unwrap();
    rows.coupons.put(sample::coupon(2).id, sample::coupon(2));
    installation.rollback();
    // Nothing hangs over into the next transaction, and rolling back twice does no harm.
    installation.rollback();
    installation.commit(|rows| rows.coupons.put(sample::coupon(3).id, sample::coupon(3)));
    let ordinals: Vec<u32> = (0..5)
        .filter(|ordinal| {
            let id = sample::coupon(*ordinal).id;
            installation.rows(&[Want::Coupon(id)]).coupons.has(id)
        })
        .collect();
    assert_eq!(ordinals, [1, 3]);
}

#[test]
fn a_commit_that_fails_half_way_writes_nothing() {
    let mut installation = Installation::new();
    installation.commit(|rows| rows.transfers.push(sample::transfer(1)));
    // The coupon is written before the line of the ledger, whose number is taken.
    let mut rows = installation.begin(&[]).unwrap();
    rows.coupons.put(sample::coupon(1).id, sample::coupon(1));
    rows.transfers.push(sample::transfer(1));
    assert!(installation.end(&rows, &Notes::default()).is_err());
    assert!(!installation.rows(&[Want::Coupon(sample::coupon(1).id)]).coupons.has(sample::coupon(1).id));
    // The writer works on.
    installation.commit(|rows| rows.transfers.push(sample::transfer(2)));
    assert_eq!(transfers(&installation.reader()), [sample::transfer(1), sample::transfer(2)]);
}

#[test]
fn a_coupon_is_not_inserted_twice() {
    let mut installation = Installation::new();
    let twice = |installation: &mut Installation| {
        let mut rows = installation.begin(&[]).unwrap();
        rows.coupons.put(sample::coupon(1).id, sample::coupon(1));
        installation.end(&rows, &Notes::default())
    };
    assert!(twice(&mut installation).is_ok());
    assert!(twice(&mut installation).is_err());
}

#[test]
fn while_a_batch_is_open_no_other_begins() {
    let mut installation = Installation::new();
    let rows = installation.begin(&[]).unwrap();
    assert!(installation.begin(&[]).is_err());
    drop(rows);
    // The refused one must not have ended the first by accident and left the writer unusable.
    installation.rollback();
    installation.commit(|rows| rows.coupons.put(sample::coupon(1).id, sample::coupon(1)));
}

#[test]
fn a_reader_sees_one_state_however_long_it_reads() {
    let mut installation = Installation::new();
    installation.commit(|rows| rows.slices.put(sample::CAMPAIGN, sample::slice()));
    let reader = installation.reader();
    let version = reader.data_version().unwrap();
    reader
        .at_one_moment(|| {
            let before = (reader.slices()?, transfers(&reader));
            for number in 1..50 {
                installation.commit_on(&[Want::Slice(sample::CAMPAIGN)], |rows| {
                    rows.transfers.push(sample::transfer(number));
                    rows.slices
                        .put(sample::CAMPAIGN, koi_core::rows::Slice { left: vec![1, 2, 3], ..sample::slice() });
                });
            }
            assert_eq!((reader.slices()?, transfers(&reader)), before);
            Ok(())
        })
        .unwrap();
    assert_eq!(transfers(&reader).len(), 49);
    assert_ne!(reader.data_version().unwrap(), version, "a commit by another shows in the version");
}

#[test]
fn a_reader_reads_what_is_there() {
    let mut installation = Installation::new();
    installation.commit(|rows| rows.coupons.put(sample::coupon(1).id, sample::coupon(1)));
    let rows = installation.rows(&[Want::Coupon(sample::coupon(1).id), Want::Coupon(sample::coupon(2).id)]);
    assert!(rows.coupons.has(sample::coupon(1).id) && !rows.coupons.has(sample::coupon(2).id));
    assert!(installation.reader().file_check().unwrap().is_empty());
}
