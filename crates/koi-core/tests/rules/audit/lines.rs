//! Damaged lines of the ledger.

use koi_core::audit::Audit;
use koi_core::id::{CampaignNo, Cell, TransferId};
use koi_core::ledger::Buckets;
use koi_core::rows::Slice;

use super::{U, check, coupon, healthy};

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
        ],
    );
    check(
        "of no coupon",
        |books| books.lines[4].movement.coupon = None,
        &["coupon S: reserved is 200, its transfers make 500", "coupon S: spent is 300, its transfers make 0"],
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
fn each_cell_numbers_its_own_lines() {
    let (stage, books) = healthy();
    let slice = |_: u16| Slice { next_ordinal: 0, left: vec![1, 9], buckets: Buckets::default() };
    let slices = [(Cell(1), CampaignNo(1), slice(1)), (Cell(2), CampaignNo(1), slice(2))];
    let mut audit = Audit::new(&stage.catalog, &slices, 9);
    for (cell, sequence) in [(1, 1), (2, 1), (1, 2), (2, 3)] {
        let mut line = books.lines[0];
        line.id = TransferId::new(Cell(cell), sequence);
        audit.transfer(&line);
    }
    let missing =
        format!("transfer {} is missing before {}", TransferId::new(Cell(2), 2), TransferId::new(Cell(2), 3));
    assert_eq!(audit.finish().broken, [missing]);
}
