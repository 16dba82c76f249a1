//! Coupons are looked at chunk by chunk.

use koi_core::audit::{Audit, Deduction, Known, Run};

use super::{A, S, U, V, coupon, healthy, short};

#[test]
fn what_is_about_coupons_of_another_chunk_is_left_for_it() {
    let (stage, books) = healthy();
    let (catalog, slices, counters) = (&stage.catalog, &books.slices, &books.counters);
    let known = Known { catalog, rates: &[], slices, counters, cells: 1 };
    let mut audit = Audit::new(known, 9);
    audit.begin(&[Run { first: coupon(A), count: 1 }]);
    books.lines.iter().for_each(|line| audit.movement(line));
    for other in [S, V] {
        audit.deduction(&Deduction { coupon: coupon(other), holder: 7, amount: 7, open: true, spent: true });
    }
    audit.coupon(&books.coupons[A]);
    audit.end();
    audit.begin(&[Run { first: coupon(V), count: 1 }]);
    audit.coupon(&books.coupons[U]);
    audit.end();
    let named: Vec<String> = audit.finish().broken.iter().map(|text| short(text)).take(3).collect();
    let expected = [
        "coupon U: its ordinal was never issued",
        "coupon V: issued, but not there",
        "cell 0: the next transfer is 17, those there make 1",
    ];
    assert_eq!(named, expected);
}
