//! Walks over more rows than a chunk has.

use std::ops::ControlFlow;

use koi_core::id::{Cell, CouponId, PaymentId, QuoteId, RefundId, TransferId};
use koi_core::payment::Refund;
use koi_core::quote::{Phase, Quote};
use koi_store::postgres::{Database, Reader, Writer};
use koi_store::{Notes, Store};

use crate::cells::coupon;
use crate::sample::{self, asked};
use crate::{Installation, transfers};

const CELLS: [Cell; 3] = [Cell(0), Cell(5), Cell(63)];
/// More than a chunk's rows in one cell.
const EACH: u32 = 3000;

/// Coupons, lines and purchases: in each cell as many as there are.
fn fill(writer: &mut Writer) {
    let wants: Vec<_> = CELLS.map(|cell| (cell, vec![])).to_vec();
    let mut begun = writer.begin(&wants, None).unwrap();
    for rows in begun.cells.iter_mut() {
        for number in 1..=EACH {
            let coupon = coupon(rows.cell, number);
            let id = QuoteId::new(rows.cell, number.into());
            let (asked, phase) = (asked(i64::from(number) * 7919 % 100_003), Phase::Paid);
            let quote = Quote { id, asked, phase, coupon: Some(coupon.id), ..sample::quote(number.into()) };
            let line = sample::transfer(number.into());
            rows.transfers
                .push(koi_core::ledger::Transfer { id: TransferId::new(rows.cell, number.into()), ..line });
            rows.coupons.put(coupon.id, coupon);
            let payment = sample::payment(&quote);
            for place in 1..=number % 4 {
                let refund = sample::refund(&payment, place);
                rows.refunds.put(refund.id, refund);
            }
            rows.payments.put(payment.id, payment);
            rows.quotes.put(quote.id, quote);
        }
        // One payment has refunds for more than a chunk.
        let payment = sample::payment(&Quote { id: QuoteId::new(rows.cell, 8), ..sample::quote(8) });
        for place in 1..=200 {
            let id = RefundId { payment: payment.id, number: place };
            rows.refunds.put(id, Refund { id, ..sample::refund(&payment, place) });
        }
    }
    writer.commit(&begun.cells, &Notes::default()).unwrap();
}

/// How many refunds the n-th payment has.
fn refunds(number: u32) -> usize {
    if number == 8 { 200 } else { (number % 4) as usize }
}

fn coupons(reader: &Reader, from: i64, until: i64) -> Vec<CouponId> {
    let mut found = Vec::new();
    reader.for_each_coupon(from, until, |coupon| found.push(coupon.id)).unwrap();
    found
}

#[test]
fn every_row_comes_once_in_the_order_of_cells_and_numbers() {
    let mut installation = Installation::new();
    fill(&mut installation.writer);
    let reader = installation.reader();
    let all: Vec<CouponId> =
        CELLS.iter().flat_map(|cell| (1..=EACH).map(|number| coupon(*cell, number).id)).collect();
    assert_eq!(coupons(&reader, i64::MIN, i64::MAX), all);
    // From the middle of a cell to the middle of another, and between two neighbours.
    let of = |place: usize| all[place].number();
    assert_eq!(coupons(&reader, of(2500), of(7000)), all[2500..7000]);
    assert_eq!(coupons(&reader, of(70), of(71)), all[70..71]);
    assert_eq!(coupons(&reader, of(71), of(71)), []);
    assert_eq!(coupons(&reader, of(8999) + 1, i64::MAX), []);

    let lines: Vec<TransferId> = transfers(&reader).into_iter().map(|line| line.id).collect();
    assert_eq!(lines.len(), all.len());
    assert!(lines.is_sorted() && lines.windows(2).all(|pair| pair[0] != pair[1]));

    let mut place = 0;
    let each = |purchase: koi_core::audit::Purchase| {
        let number = u32::try_from(place % EACH as usize).unwrap() + 1;
        let id = QuoteId::new(CELLS[place / EACH as usize], number.into());
        assert_eq!(purchase.id, id);
        assert_eq!(purchase.quote.unwrap().id, id);
        assert_eq!(purchase.payment.unwrap().id, PaymentId::of(id));
        let numbers: Vec<u32> = purchase.refunds.iter().map(|refund| refund.id.number).collect();
        assert_eq!(numbers.len(), refunds(number));
        assert!(numbers.is_sorted());
        place += 1;
        ControlFlow::Continue(())
    };
    reader.for_each_purchase(QuoteId::FIRST, each).unwrap();
    assert_eq!(place, all.len());

    let (mut deductions, mut spent) = (Vec::new(), 0);
    reader
        .for_each_deduction(|deduction| {
            deductions.push(deduction.coupon);
            spent += usize::from(deduction.spent);
        })
        .unwrap();
    assert_eq!((deductions, spent), (all, 3 * EACH as usize));

    let mut keys = Vec::new();
    reader.for_each_quote_key(|key, id| keys.push((id.cell(), key))).unwrap();
    assert_eq!(keys.len(), 3 * EACH as usize);
    assert!(keys.is_sorted());
}

#[test]
fn a_walk_may_look_at_other_things_on_its_way_and_end_early() {
    let mut installation = Installation::new();
    fill(&mut installation.writer);
    let reader = installation.reader();
    let mut seen = 0;
    let each = |line: koi_core::ledger::Transfer| {
        seen += 1;
        assert_eq!(coupons(&reader, line.movement.subject, line.movement.subject + 1).len(), 1);
        if seen == 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    reader.at_one_moment(|| reader.for_each_transfer(TransferId::FIRST.., each)).unwrap();
    assert_eq!(seen, 100);
    // Who wants little reads little.
    let before = reader.sent();
    reader.for_each_transfer(TransferId::FIRST.., |_| ControlFlow::Break(())).unwrap();
    assert_eq!(reader.sent() - before, 1);
}

#[test]
fn a_moment_within_a_moment_is_refused_and_the_first_goes_on() {
    let installation = Installation::new();
    let reader = installation.reader();
    let inner = reader.at_one_moment(|| {
        let inner = reader.at_one_moment(|| Ok(())).map_err(|error| error.to_string());
        reader.slices().map(|_| inner)
    });
    assert!(inner.unwrap().unwrap_err().contains("moment"));
}

#[test]
fn writers_and_readers_go_from_thread_to_thread_and_show_no_secrets() {
    fn moves<T: Send>() {}
    moves::<(Database, Writer, Reader)>();
    let installation = Installation::new();
    let shown = format!("{:?} {:?} {:?}", installation.database, installation.writer, installation.reader());
    assert!(shown.contains("Writer(/") && shown.contains("Reader(/"), "{shown}");
}

#[tokio::test]
async fn a_writer_may_be_dropped_where_tasks_run() {
    let installation = tokio::task::spawn_blocking(Installation::new).await.unwrap();
    drop(installation);
}
