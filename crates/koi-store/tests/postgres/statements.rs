//! The number of statements grows with neither the batch nor the number of cells.

use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, QuoteId};
use koi_core::quote::Quote;
use koi_core::rows::Slice;
use koi_store::postgres::Writer;
use koi_store::{Notes, Store, Want};

use crate::Installation;
use crate::sample::{self, asked};

/// Coupons with a quote each: new ones, or the same again.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    New,
    Changed,
}

/// Writes so many coupons and quotes of each of so many cells in one transaction; answers the statements it took.
fn write(writer: &mut Writer, cells: u16, each: u32, from: u32, rows: Rows) -> u64 {
    let coupon = |cell, number| {
        let id = CouponId::new(Cell(cell), sample::CAMPAIGN, number);
        Coupon { id, reserved: 1, remaining: 8799, asked: asked(id.number()), ..sample::coupon(number) }
    };
    let quote = |cell, number: u32| {
        let id = QuoteId::new(Cell(cell), number.into());
        let coupon = Some(coupon(cell, number).id);
        Quote { id, coupon, asked: asked(id.number()), ..sample::quote(number.into()) }
    };
    let wants: Vec<_> = (0..cells)
        .map(|cell| {
            let mut wants = vec![Want::Slice(sample::CAMPAIGN)];
            for number in from..from + each {
                let (coupon, quote) = (coupon(cell, number), quote(cell, number));
                wants.extend([
                    Want::Shopper(coupon.shopper),
                    Want::QuoteAsked(quote.asked.key),
                    Want::Quote(quote.id),
                ]);
            }
            (Cell(cell), wants)
        })
        .collect();
    let before = writer.sent();
    let mut begun = writer.begin(&wants, None).unwrap();
    for working in begun.cells.iter_mut() {
        let slice = working.slices.get(sample::CAMPAIGN).cloned().unwrap_or_else(sample::slice);
        working.slices.put(sample::CAMPAIGN, Slice { next_ordinal: slice.next_ordinal + 1, ..slice });
        for number in from..from + each {
            let (coupon, quote) = (coupon(working.cell.0, number), quote(working.cell.0, number));
            assert_eq!(working.coupons.has(coupon.id), rows == Rows::Changed);
            assert_eq!(working.holds.contains_key(&coupon.id), rows == Rows::Changed);
            working.coupons.put(coupon.id, coupon);
            working.quotes.put(quote.id, quote);
        }
        working.counters.quote += i64::from(each);
    }
    writer.commit(&begun.cells, &Notes::default()).unwrap();
    writer.sent() - before
}

#[test]
fn a_larger_batch_takes_no_more_statements() {
    let mut installation = Installation::new();
    let writer = &mut installation.writer;
    // The slices are there from now on.
    write(writer, 64, 1, 1_000_000, Rows::New);
    let mut from = 1;
    for (rows, most) in [(Rows::New, 14), (Rows::Changed, 16)] {
        let mut taken = Vec::new();
        from = 1;
        for (cells, each) in [(1, 1), (1, 16), (1, 256), (2, 1), (64, 1), (64, 8)] {
            taken.push(write(writer, cells, each, from, rows));
            from += each;
        }
        assert!(taken.iter().all(|count| *count == taken[0] && *count <= most), "{taken:?}");
    }
    assert!(from > 1);
}
