//! Several cells in one transaction, and several writers at once.

use std::sync::atomic::{AtomicU32, Ordering};

use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId, TransferId};
use koi_core::ledger::Transfer;
use koi_core::quote::{Phase, Quote};
use koi_core::rows::{Cells, Rows, Slice};
use koi_store::postgres::Writer;
use koi_store::{Notes, Store, StoreError, Want};

use crate::sample::{self, asked, at};
use crate::{Installation, transfers};

/// A sample coupon in another cell.
pub(crate) fn coupon(cell: Cell, ordinal: u32) -> Coupon {
    let id = CouponId::new(cell, sample::CAMPAIGN, ordinal);
    Coupon { id, asked: asked(id.number()), ..sample::coupon(ordinal) }
}

/// A sample quote in another cell, for the coupon of its number there.
fn quote(cell: Cell, number: i64) -> Quote {
    let id = QuoteId::new(cell, number);
    let coupon = CouponId::new(cell, sample::CAMPAIGN, u32::try_from(number).unwrap());
    Quote { id, coupon: Some(coupon), asked: asked(id.number()), ..sample::quote(number) }
}

/// A sample line in another cell.
fn line(cell: Cell, number: i64) -> Transfer {
    Transfer { id: TransferId::new(cell, number), ..sample::transfer(number) }
}

fn of(cells: &mut Cells, cell: Cell) -> &mut Rows {
    cells.get_mut(cell).unwrap()
}

#[test]
fn several_cells_are_read_and_written_in_one_transaction() {
    let installation = Installation::new();
    assert_eq!((installation.writer.cells(), installation.writer.span()), (64, 32));
    check_several_cells(installation);
}

#[test]
fn where_citus_is_a_transaction_has_one_cell_and_can_have_several() {
    let installation = Installation::on_citus();
    assert_eq!((installation.writer.cells(), installation.writer.span()), (64, 1));
    check_several_cells(installation);
}

fn check_several_cells(mut installation: Installation) {
    assert!(installation.writer.is_shared());
    let cells = [Cell(63), Cell(0), Cell(17)];
    let wants = |cell: Cell| {
        vec![
            Want::Shopper(sample::coupon(1).shopper),
            Want::Quote(quote(cell, 2).id),
            Want::Payment(PaymentId::of(quote(cell, 3).id), asked(5).key),
            Want::QuoteAsked(quote(cell, 4).asked.key),
            Want::Coupon(coupon(cell, 5).id),
            Want::Slice(sample::CAMPAIGN),
        ]
    };
    let all: Vec<_> = cells.map(|cell| (cell, wants(cell))).to_vec();
    let mut begun = installation.writer.begin(&all, None).unwrap();
    let order: Vec<u16> = begun.cells.iter().map(|rows| rows.cell.0).collect();
    assert_eq!(order, [0, 17, 63]);
    for cell in cells {
        let rows = of(&mut begun.cells, cell);
        for ordinal in 1..=5 {
            let reserved = if ordinal == 2 || ordinal == 4 { 8800 } else { 0 };
            let coupon = Coupon { reserved, remaining: 8800 - reserved, ..coupon(cell, ordinal) };
            rows.coupons.put(coupon.id, coupon);
        }
        for number in 2..=4 {
            let phase = if number == 3 { Phase::Paid } else { Phase::Open };
            let quote = Quote { phase, ..quote(cell, number) };
            rows.quotes.put(quote.id, quote);
        }
        let payment = sample::payment(&quote(cell, 3));
        rows.refunds.put(sample::refund(&payment, 1).id, sample::refund(&payment, 1));
        rows.payments.put(payment.id, payment);
        rows.slices.put(sample::CAMPAIGN, Slice { next_ordinal: cell.0.into(), ..sample::slice() });
        rows.transfers.push(line(cell, 1));
        rows.counters.transfer = 2;
    }
    installation.writer.commit(&begun.cells, &Notes::default()).unwrap();

    // The same, in another order and with a cell named twice.
    let again: Vec<_> = [Cell(17), Cell(0), Cell(63), Cell(17)].map(|cell| (cell, wants(cell))).to_vec();
    let begun = installation.writer.begin(&again, None).unwrap();
    installation.writer.rollback();
    let read = installation.reader().rows(&all).unwrap();
    for mut cells_read in [begun.cells, read] {
        assert_eq!(cells_read.iter().count(), 3);
        for rows in cells_read.iter_mut() {
            let cell = rows.cell;
            assert_eq!(rows.shoppers[&sample::coupon(1).shopper], [coupon(cell, 1).id]);
            let ordinals: Vec<u32> =
                (0..9).filter(|ordinal| rows.coupons.has(coupon(cell, *ordinal).id)).collect();
            assert_eq!(ordinals, [1, 2, 3, 4, 5], "{cell:?}");
            let quotes: Vec<i64> = (0..9).filter(|number| rows.quotes.has(quote(cell, *number).id)).collect();
            assert_eq!(quotes, [2, 3, 4]);
            assert_eq!(rows.holds.remove(&coupon(cell, 2).id), Some(vec![quote(cell, 2).id]));
            assert_eq!(rows.holds.remove(&coupon(cell, 4).id), Some(vec![quote(cell, 4).id]));
            assert!(rows.holds.is_empty());
            assert!(rows.payments.has(PaymentId::of(quote(cell, 3).id)));
            assert_eq!(rows.slices.get(sample::CAMPAIGN).unwrap().next_ordinal, u32::from(cell.0));
            assert_eq!((rows.counters.quote, rows.counters.transfer), (1, 2));
        }
    }
    let lines = transfers(&installation.reader());
    assert_eq!(lines.iter().map(|line| line.id.cell().0).collect::<Vec<_>>(), [0, 17, 63]);
    let left = installation.writer.left(sample::CAMPAIGN).unwrap();
    assert_eq!(left, [0, 17, 63].map(|cell| (Cell(cell), vec![10, 0, 4510])));
    assert_eq!(installation.writer.left(CampaignNo(9)).unwrap(), []);
    let totals = installation.reader().totals(sample::CAMPAIGN).unwrap().unwrap();
    assert_eq!(totals.left, [30, 0, 13_530]);
    // Of all that was written the refunds are the latest.
    assert_eq!(installation.writer.latest().unwrap(), Some(at(1700)));
}

#[test]
fn due_work_of_several_cells_is_found_in_the_cells_that_are_asked_for() {
    check_due(Installation::new());
    check_due(Installation::on_citus());
}

fn check_due(mut installation: Installation) {
    let cells = [Cell(1), Cell(2), Cell(3)];
    let wants: Vec<_> = cells.map(|cell| (cell, vec![])).to_vec();
    let mut begun = installation.writer.begin(&wants, None).unwrap();
    for cell in cells {
        let rows = of(&mut begun.cells, cell);
        for ordinal in 1..=10 {
            let expires_at = at(1000 * i64::from(cell.0) + i64::from(ordinal));
            let coupon = Coupon { expires_at, ..coupon(cell, ordinal) };
            rows.coupons.put(coupon.id, coupon);
        }
        let quote = Quote { expires_at: at(500 + i64::from(cell.0)), ..quote(cell, 20) };
        rows.quotes.put(quote.id, quote);
    }
    installation.writer.commit(&begun.cells, &Notes::default()).unwrap();
    let due = |writer: &mut Writer, cells: &[Cell], now, limit| {
        writer.due(cells, at(now), &[(sample::CAMPAIGN, at(now))], limit).unwrap()
    };
    let writer = &mut installation.writer;
    assert_eq!(due(writer, &cells, 100, 99).next, Some(at(501)));
    assert_eq!(due(writer, &cells[1..], 100, 99).next, Some(at(502)));
    assert_eq!(due(writer, &[], 9999, 99), koi_store::Due::default());
    assert_eq!(due(writer, &cells, 9999, 99).coupons.len(), 33);
    assert_eq!(due(writer, &cells[2..], 9999, 99).coupons.len(), 11);
    // However little is asked for, the oldest come first and there is never more.
    let first = due(writer, &cells, 9999, 5).coupons;
    let mut expected: Vec<CouponId> = cells.map(|cell| coupon(cell, 20).id).to_vec();
    expected.extend([1, 2].map(|ordinal| coupon(Cell(1), ordinal).id));
    expected.sort_unstable();
    assert_eq!(first, expected);
    assert_eq!(due(writer, &cells, 9999, 0).coupons, []);
}

#[test]
fn what_is_left_is_told_of_all_cells_as_it_is_committed_and_nobody_is_waited_for() {
    let mut installation = Installation::new();
    let all: Vec<_> = (0..64).map(|cell| (Cell(cell), vec![Want::Slice(sample::CAMPAIGN)])).collect();
    let put = |cells: &mut Cells, more: u64| {
        for rows in cells.iter_mut() {
            let left = vec![u64::from(rows.cell.0) + more, 0, 7];
            rows.slices.put(sample::CAMPAIGN, Slice { left, ..sample::slice() });
        }
    };
    let mut begun = installation.writer.begin(&all, None).unwrap();
    put(&mut begun.cells, 0);
    installation.writer.commit(&begun.cells, &Notes::default()).unwrap();
    let expected: Vec<_> = (0..64).map(|cell| (Cell(cell), vec![u64::from(cell), 0, 7])).collect();
    assert_eq!(installation.writer.left(sample::CAMPAIGN).unwrap(), expected);

    let mut other = installation.database.writer().unwrap();
    let mut begun = installation.writer.begin(&all, None).unwrap();
    put(&mut begun.cells, 100);
    assert_eq!(other.left(sample::CAMPAIGN).unwrap(), expected, "another has all cells, and has not committed");
    installation.writer.commit(&begun.cells, &Notes::default()).unwrap();
    assert_eq!(other.left(sample::CAMPAIGN).unwrap()[63], (Cell(63), vec![163, 0, 7]));
}

#[test]
fn packets_that_move_are_always_in_one_of_the_two_cells() {
    let mut installation = Installation::new();
    let mut other = installation.database.writer().unwrap();
    let wanted = [Cell(0), Cell(9)].map(|cell| (cell, vec![Want::Slice(sample::CAMPAIGN)]));
    let mut put = |first: u64| {
        let mut begun = installation.writer.begin(&wanted, None).unwrap();
        for (cell, left) in [(Cell(0), first), (Cell(9), 5 - first)] {
            let slice = Slice { left: vec![left], ..sample::slice() };
            of(&mut begun.cells, cell).slices.put(sample::CAMPAIGN, slice);
        }
        installation.writer.commit(&begun.cells, &Notes::default()).unwrap();
    };
    put(5);
    std::thread::scope(|scope| {
        let moving = scope.spawn(move || (0..200).for_each(|number| put(number % 6)));
        while !moving.is_finished() {
            let left = other.left(sample::CAMPAIGN).unwrap();
            assert_eq!(left.iter().map(|(_, left)| left[0]).sum::<u64>(), 5, "{left:?}");
        }
    });
}

#[test]
fn every_cell_knows_the_latest_time_that_was_written_in_it() {
    let mut installation = Installation::new();
    let mut other = installation.database.writer().unwrap();
    // Writes at a time into the first cell of a transaction; answers what the transaction was begun with.
    let write = |writer: &mut Writer, cells: &[u16], number: i64, ms: i64| {
        let wanted: Vec<_> = cells.iter().map(|cell| (Cell(*cell), vec![])).collect();
        let mut begun = writer.begin(&wanted, None).unwrap();
        let line = Transfer { at: at(ms), ..line(Cell(cells[0]), number) };
        of(&mut begun.cells, Cell(cells[0])).transfers.push(line);
        writer.commit(&begun.cells, &Notes::default()).unwrap();
        begun.latest
    };
    let writer = &mut installation.writer;
    assert_eq!(write(writer, &[1, 2], 1, 5000), None);
    assert_eq!(write(&mut other, &[3], 1, 7000), None, "another cell has another time");
    // Another process is told, also of a cell that was decided on and not written.
    assert_eq!(write(&mut other, &[2], 1, 4000), Some(at(5000)));
    assert_eq!(write(writer, &[2], 2, 6000), Some(at(5000)), "and it never goes back");
    assert_eq!(write(writer, &[1, 2, 3], 2, 6500), Some(at(7000)));
    assert_eq!(write(writer, &[1], 3, 6500), Some(at(6500)));
    assert_eq!(writer.latest().unwrap(), Some(at(7000)));
}

/// Counts up the ordinal of the slice in some cells, in one transaction; tries again when it must.
fn count_up(writer: &mut Writer, cells: &[Cell], conflicts: &AtomicU32) {
    loop {
        match try_count_up(writer, cells) {
            Ok(()) => return,
            Err(StoreError::Conflict(_)) => drop(conflicts.fetch_add(1, Ordering::Relaxed)),
            Err(error) => panic!("{error}"),
        }
    }
}

fn try_count_up(writer: &mut Writer, cells: &[Cell]) -> Result<(), StoreError> {
    let wants: Vec<_> = cells.iter().map(|cell| (*cell, vec![Want::Slice(sample::CAMPAIGN)])).collect();
    let mut begun = writer.begin(&wants, None)?;
    for rows in begun.cells.iter_mut() {
        let slice = rows.slices.get(sample::CAMPAIGN).cloned();
        let slice = slice.unwrap_or(Slice { next_ordinal: 0, ..sample::slice() });
        let number = rows.counters.transfer;
        rows.transfers.push(line(rows.cell, number));
        rows.counters.transfer += 1;
        rows.slices.put(sample::CAMPAIGN, Slice { next_ordinal: slice.next_ordinal + 1, ..slice });
    }
    writer.commit(&begun.cells, &Notes::default())
}

/// How often each of some writers counts up its cells.
fn check_counting(ways: &[&[u16]]) {
    const TIMES: u32 = 40;
    let installation = Installation::new();
    let conflicts = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for way in ways {
            let (database, conflicts) = (&installation.database, &conflicts);
            scope.spawn(move || {
                let mut writer = database.writer().unwrap();
                let cells: Vec<Cell> = way.iter().map(|cell| Cell(*cell)).collect();
                (0..TIMES).for_each(|_| count_up(&mut writer, &cells, conflicts));
            });
        }
    });
    let slices = installation.reader().slices().unwrap();
    for (cell, _, slice) in &slices {
        let writers = ways.iter().filter(|way| way.contains(&cell.0)).count();
        assert_eq!(slice.next_ordinal, TIMES * u32::try_from(writers).unwrap(), "{cell:?}");
    }
    let lines = transfers(&installation.reader());
    let counted: u32 = slices.iter().map(|(_, _, slice)| slice.next_ordinal).sum();
    assert_eq!(lines.len(), counted as usize);
    // Numbers are dense in each cell: nothing was lost, nothing written over.
    for (cell, counters) in installation.reader().counters().unwrap() {
        let of_cell = lines.iter().filter(|line| line.id.cell() == cell);
        assert!(of_cell.zip(1..counters.transfer).all(|(line, number)| line.id == TransferId::new(cell, number)));
    }
    assert_eq!(conflicts.into_inner(), 0, "cells are taken in their order: nobody waits in a circle");
}

#[test]
fn two_writers_on_the_same_cell_take_turns() {
    check_counting(&[&[5], &[5]]);
}

#[test]
fn writers_on_different_cells_do_not_meet() {
    check_counting(&[&[1], &[2], &[3, 4]]);
}

#[test]
fn batches_over_overlapping_cells_in_any_order_never_wait_in_a_circle() {
    check_counting(&[&[1, 2, 3, 4], &[4, 3, 2, 1], &[3, 1, 4], &[2, 4]]);
}

#[test]
fn orders_that_take_all_cells_and_moves_between_two_never_wait_in_a_circle() {
    let all: Vec<u16> = (0..64).collect();
    check_counting(&[&all, &[0, 17], &[63, 0], &all, &[17], &[40, 41, 63]]);
}

#[test]
fn a_writer_holds_its_cells_and_no_others() {
    let mut installation = Installation::new();
    let first = installation.writer.begin(&[(Cell(3), vec![])], None).unwrap();
    let mut other = installation.database.writer().unwrap();
    // Another cell goes on.
    let begun = other.begin(&[(Cell(4), vec![])], None).unwrap();
    other.commit(&begun.cells, &Notes::default()).unwrap();
    // The same one waits, and goes on once it is given back.
    let waiting = std::thread::spawn(move || {
        let begun = other.begin(&[(Cell(4), vec![]), (Cell(3), vec![Want::Coupon(coupon(Cell(3), 1).id)])], None);
        begun.unwrap().cells.get(Cell(3)).unwrap().coupons.has(coupon(Cell(3), 1).id)
    });
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(!waiting.is_finished());
    let mut cells = first.cells;
    of(&mut cells, Cell(3)).coupons.put(coupon(Cell(3), 1).id, coupon(Cell(3), 1));
    installation.writer.commit(&cells, &Notes::default()).unwrap();
    assert!(waiting.join().unwrap(), "what was read after the wait is what was committed before it");
}

#[test]
fn a_cell_that_was_not_taken_is_not_written() {
    let mut installation = Installation::new();
    let begun = installation.writer.begin(&[(Cell(3), vec![])], None).unwrap();
    let mut rows = begun.cells.get(Cell(3)).unwrap().clone();
    rows.cell = Cell(4);
    rows.coupons.put(coupon(Cell(4), 1).id, coupon(Cell(4), 1));
    let error = installation.writer.commit(&Cells::new(vec![rows]), &Notes::default()).unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    let error = installation.writer.begin(&[(Cell(64), vec![])], None).unwrap_err();
    assert!(error.to_string().contains("no cell 64"), "{error}");
    // The writer works on.
    let begun = installation.writer.begin(&[(Cell(3), vec![])], None).unwrap();
    installation.writer.commit(&begun.cells, &Notes::default()).unwrap();
}
