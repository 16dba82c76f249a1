//! Coupons are looked at chunk by chunk.

use koi_core::audit::{Audit, Deduction, Run};
use koi_core::id::{CampaignNo, Cell, CouponId};
use koi_core::ledger::Buckets;
use koi_core::rows::Slice;

use super::{A, S, U, V, coupon, healthy, short};

#[test]
fn coupons_are_cut_into_chunks() {
    let check = |issued: &[u32], most: u32, expected: &[&[(u32, u32, u32)]]| {
        let slice = |next_ordinal| Slice { next_ordinal, left: vec![], buckets: Buckets::default() };
        let slices: Vec<_> =
            (1..).zip(issued).map(|(number, next)| (Cell(4), CampaignNo(number), slice(*next))).collect();
        let expected: Vec<Vec<Run>> = expected
            .iter()
            .map(|chunk| {
                let run = |(campaign, ordinal, count): &(u32, u32, u32)| Run {
                    first: CouponId::new(Cell(4), CampaignNo(*campaign), *ordinal),
                    count: *count,
                };
                chunk.iter().map(run).collect()
            })
            .collect();
        assert_eq!(Audit::chunks(&slices, most), expected, "{issued:?} by {most}");
    };
    check(&[], 3, &[&[]]);
    check(&[0], 3, &[&[]]);
    check(&[3], 3, &[&[(1, 0, 3)]]);
    check(&[4], 3, &[&[(1, 0, 3)], &[(1, 3, 1)]]);
    check(&[2, 0, 5, 1], 3, &[&[(1, 0, 2), (3, 0, 1)], &[(3, 1, 3)], &[(3, 4, 1), (4, 0, 1)]]);
}

#[test]
fn what_is_about_coupons_of_another_chunk_is_left_for_it() {
    let (stage, books) = healthy();
    let mut audit = Audit::new(&stage.catalog, &books.slices, 9);
    audit.begin_coupons(&[Run { first: coupon(A), count: 1 }]);
    books.lines.iter().for_each(|line| audit.movement_of_coupons(line));
    audit.deduction(&Deduction { coupon: coupon(S), amount: 7, open: true, spent: true });
    audit.deduction(&Deduction { coupon: coupon(V), amount: 7, open: true, spent: true });
    audit.coupon(&books.coupons[A]);
    audit.end_coupons();
    audit.begin_coupons(&[Run { first: coupon(V), count: 1 }]);
    audit.coupon(&books.coupons[U]);
    audit.end_coupons();
    let named: Vec<String> = audit.finish().broken.iter().map(|text| short(text)).take(3).collect();
    let expected = [
        "coupon U: its ordinal was never issued",
        "coupon V: issued, but not there",
        "summer: account committed holds 1000, its rows make 500",
    ];
    assert_eq!(named, expected);
}
