//! Damaged lines of the ledger.

use koi_core::audit::{Audit, Known};
use koi_core::id::{CampaignNo, Cell, TransferId};
use koi_core::ledger::{Account, Buckets, PUT_BACK, Reason};
use koi_core::rows::{Counters, Slice};

use super::{U, check, coupon, healthy};
use crate::books::Books;

#[test]
fn a_line_that_is_lost_changed_or_invented() {
    check(
        "the first is lost",
        |books| drop(books.lines.drain(..1)),
        &[
            "transfer #1 is missing before #2",
            "transfer #2: an amount would go below zero",
            "transfer #3: an amount would go below zero",
            "transfer #4: an amount would go below zero",
            "transfer #5: an amount would go below zero",
            "transfer #6: an amount would go below zero",
            "transfer #7: an amount would go below zero",
            "transfer #10: an amount would go below zero",
            "transfer #11: an amount would go below zero",
            "transfer #12: an amount would go below zero",
            "transfer #13: an amount would go below zero",
            "transfer #14: an amount would go below zero",
            "transfer #15: an amount would go below zero",
            "transfer #16: an amount would go below zero",
            "summer: account funder holds -5500, its transfers make 0",
            "summer: account free holds 3500, its transfers make 0",
            "summer: account committed holds 1000, its transfers make 0",
            "summer: account reserved holds 200, its transfers make 0",
            "summer: account spent holds 800, its transfers make 0",
        ],
    );
    check(
        "one of the middle is lost",
        |books| drop(books.lines.drain(3..4)),
        &[
            "transfer #4 is missing before #5",
            "transfer #5: an amount would go below zero",
            "summer: account committed holds 1000, its transfers make 1300",
            "summer: account spent holds 800, its transfers make 500",
            "coupon S: remaining is 500, its transfers make 800",
            "coupon S: reserved is 200, its transfers make -100",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "two are lost",
        |books| drop(books.lines.drain(10..12)),
        &[
            "transfer #11 is missing before #13",
            "summer: account committed holds 1000, its transfers make 1500",
            "summer: account spent holds 800, its transfers make 300",
            "coupon A: remaining is 500, its transfers make 1000",
            "coupon A: spent is 0, its transfers make -500",
            "quote #3: its transfers are not those that it needs",
        ],
    );
    check(
        "of a campaign that is not there",
        |books| books.lines[3].campaign = CampaignNo(7),
        &[
            "transfer #4 is of campaign 7, which has no slice",
            "transfer #5: an amount would go below zero",
            "summer: account committed holds 1000, its transfers make 1300",
            "summer: account spent holds 800, its transfers make 500",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "a doubled fen",
        |books| books.lines[4].movement.amount += 1,
        &[
            "transfer #5: an amount would go below zero",
            "summer: account reserved holds 200, its transfers make 500",
            "summer: account spent holds 800, its transfers make 500",
            "coupon S: reserved is 200, its transfers make 199",
            "coupon S: spent is 300, its transfers make 301",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "a lost fen",
        |books| books.lines[4].movement.amount -= 1,
        &[
            "summer: account reserved holds 200, its transfers make 201",
            "summer: account spent holds 800, its transfers make 799",
            "coupon S: reserved is 200, its transfers make 201",
            "coupon S: spent is 300, its transfers make 299",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "nothing moves",
        |books| books.lines[4].movement.amount = 0,
        &[
            "transfer #5: a transfer moves nothing",
            "summer: account reserved holds 200, its transfers make 500",
            "summer: account spent holds 800, its transfers make 500",
            "coupon S: reserved is 200, its transfers make 500",
            "coupon S: spent is 300, its transfers make 0",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "more than there is",
        |books| books.lines[4].movement.amount = 99_999,
        &[
            "transfer #5: an amount would go below zero",
            "summer: account reserved holds 200, its transfers make 500",
            "summer: account spent holds 800, its transfers make 500",
            "coupon S: reserved is 200, its transfers make -99499",
            "coupon S: spent is 300, its transfers make 99999",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "another coupon's",
        |books| books.lines[4].movement.coupon = Some(coupon(U)),
        &[
            "coupon S: reserved is 200, its transfers make 500",
            "coupon S: spent is 300, its transfers make 0",
            "coupon U: reserved is 0, its transfers make -300",
            "coupon U: spent is 500, its transfers make 800",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "of no coupon",
        |books| books.lines[4].movement.coupon = None,
        &[
            "transfer #5: spend cannot be about payment #1 in this way",
            "coupon S: reserved is 200, its transfers make 500",
            "coupon S: spent is 300, its transfers make 0",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "written twice",
        |books| {
            let mut line = books.lines[2];
            line.id = TransferId::new(Cell(0), books.lines.len() as i64 + 1);
            books.lines.push(line);
        },
        &[
            "summer: account free holds 3500, its transfers make 2000",
            "summer: account committed holds 1000, its transfers make 2500",
            "coupon U: issued by 2 transfers",
            "coupon A: issued by 2 transfers",
            "coupon V: issued by 2 transfers",
            "cell 0: the next transfer is 17, those there make 18",
            "transfer #3: its amount and its coupons differ by 1500",
        ],
    );
    check(
        "issued for more than the faces",
        |books| books.lines[2].movement.amount += 1,
        &[
            "summer: account free holds 3500, its transfers make 3499",
            "summer: account committed holds 1000, its transfers make 1001",
            "transfer #3: its amount and its coupons differ by 1",
        ],
    );
    check(
        "issued for fewer coupons",
        |books| books.lines[2].count = 2,
        &["coupon V: issued by 0 transfers", "transfer #3: its amount and its coupons differ by 500"],
    );
}

#[test]
fn a_line_whose_reason_or_subject_is_another() {
    let reason =
        |place: usize, reason: Reason| move |books: &mut Books| books.lines[place].movement.reason = reason;
    check(
        "a spend that reserves",
        reason(4, Reason::Reserve),
        &[
            "transfer #5: reserve does not move reserved to spent",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check("a void that expires", reason(9, Reason::Expire), &["coupon V: Void does not fit its parts"]);
    check("an expiry that voids", reason(14, Reason::Void), &["coupon E: Expired does not fit its parts"]);
    check("a funding that closes", reason(0, Reason::Close), &["transfer #1: close does not move funder to free"]);
    check(
        "a recovery that restores",
        reason(7, Reason::Restore),
        &[
            "transfer #8: restore does not move refunds to recovered",
            "transfer #8: restore cannot be about refund 1 of payment #2 in this way",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    let subject =
        |place: usize, subject: i64| move |books: &mut Books| books.lines[place].movement.subject = subject;
    check(
        "a payment that is not there",
        subject(4, 99),
        &[
            "transfer #5: spend cannot be about payment pay_000000000033 in this way",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "another payment",
        subject(4, 2),
        &[
            "quote #1: its transfers are not those that it needs",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    check("another campaign", subject(0, 7), &["transfer #1: fund cannot be about campaign number 7 in this way"]);
    check(
        "another coupon is void",
        subject(9, coupon(U).number()),
        &["transfer #10: void cannot be about coupon U in this way"],
    );
    check(
        "coupons from another on",
        subject(2, coupon(U).number() + 1),
        &[
            "transfer #3: issue cannot be about 3 coupons from A in this way",
            "coupon U: issued by 0 transfers",
            "coupon E: issued by 2 transfers",
            "transfer #3: its amount and its coupons differ by 500",
        ],
    );
    check(
        "less than any number",
        subject(4, i64::MIN),
        &[
            "transfer #5: spend cannot be about payment pay_000000000000 in this way",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "another refund",
        |books| books.lines[7].movement.part = 2,
        &["quote #2: its transfers are not those that it needs"],
    );
    check(
        "no refund",
        |books| books.lines[7].movement.part = 0,
        &[
            "transfer #8: recover cannot be about refund 0 of payment #2 in this way",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    check(
        "a part of a spend",
        |books| books.lines[4].movement.part = 1,
        &[
            "transfer #5: spend cannot be about payment #1 in this way",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "a packet that a spend puts back",
        |books| books.lines[4].movement.part = PUT_BACK + 1,
        &[
            "transfer #5: spend cannot be about payment #1 in this way",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "a packet that a void did not put back",
        |books| books.lines[9].movement.part = 0,
        &["coupon V: its packet is back in the stock, its transfers put it there 0 times"],
    );
    check(
        "two packets of one coupon",
        |books| books.lines[9].movement.part = 2,
        &[
            "transfer #10: void cannot be about coupon V in this way",
            "coupon V: its packet is back in the stock, its transfers put it there 0 times",
        ],
    );
    check(
        "a spend of many",
        |books| books.lines[4].count = 2,
        &["transfer #5: spend cannot be about payment #1 in this way"],
    );
    check(
        "more coupons than can be",
        |books| books.lines[2].count = u32::MAX,
        &[
            "transfer #3: issue cannot be about 4294967295 coupons from U in this way",
            "coupon E: issued by 2 transfers",
        ],
    );
    check(
        "into another account",
        |books| books.lines[4].movement.credit = Account::Returned,
        &[
            "transfer #5: spend does not move reserved to returned",
            "summer: account spent holds 800, its transfers make 500",
            "summer: account returned holds 0, its transfers make 300",
            "coupon S: spent is 300, its transfers make 0",
            "coupon S: lapsed is 0, its transfers make 300",
        ],
    );
    check(
        "at another time",
        |books| books.lines[4].at = books.lines[4].at.plus_ms(1),
        &["quote #1: its transfers are not those that it needs"],
    );
    check(
        "issued at another time",
        |books| books.lines[2].at = books.lines[2].at.plus_ms(1),
        &[
            "coupon U: collected at another time than it was issued",
            "coupon A: collected at another time than it was issued",
            "coupon V: collected at another time than it was issued",
        ],
    );
}

#[test]
fn each_cell_numbers_its_own_lines() {
    let (stage, books) = healthy();
    let slice = |_: u16| Slice { next_ordinal: 0, left: vec![0, 0], buckets: Buckets::default() };
    let slices = [(Cell(1), CampaignNo(1), slice(1)), (Cell(2), CampaignNo(1), slice(2))];
    let counters = [(1, 3), (2, 4)].map(|(cell, transfer)| (Cell(cell), Counters { quote: 1, transfer }));
    let (catalog, rates) = (&stage.catalog, &[]);
    let known = Known { catalog, rates, slices: &slices, counters: &counters, cells: 3 };
    let mut audit = Audit::new(known, 9);
    for (cell, sequence) in [(1, 1), (2, 1), (1, 2), (2, 3)] {
        let mut line = books.lines[0];
        line.id = TransferId::new(Cell(cell), sequence);
        audit.transfer(&line);
    }
    let missing =
        format!("transfer {} is missing before {}", TransferId::new(Cell(2), 2), TransferId::new(Cell(2), 3));
    assert_eq!(audit.finish().broken, [missing]);
}
