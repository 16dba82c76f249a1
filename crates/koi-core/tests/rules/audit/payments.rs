//! Damaged quotes, payments and refunds.

use koi_core::id::{Cell, QuoteId};
use koi_core::quote;

use super::{S, check, coupon, healthy, short};
use crate::books::Books;

#[test]
fn a_quote_that_its_coupon_does_not_know() {
    let open = |books: &Books| books.quotes.iter().position(|quote| quote.phase == quote::Phase::Open);
    check(
        "more is reserved",
        |books| {
            let open = open(books).expect("an open quote");
            books.quotes[open].deduction += 1;
        },
        &[
            "coupon S: reserved is 200, its quotes make 201",
            "quote #4: its deduction is not what the rule makes",
            "quote #4: its transfers are not those that it needs",
        ],
    );
    check(
        "lost",
        |books| {
            let open = open(books).expect("an open quote");
            books.quotes.remove(open);
        },
        &["coupon S: reserved is 200, its quotes make 0", "quote #4 is missing before #5"],
    );
    check(
        "still open",
        |books| {
            let open = open(books).expect("an open quote");
            let mut doubled = books.quotes[open].clone();
            doubled.id = QuoteId::new(Cell(0), 29);
            books.quotes.push(doubled);
        },
        &[
            "coupon S: reserved is 200, its quotes make 400",
            "cell 0: the next quote is 7, those there make 30",
            "quote #7 is missing before #29",
            "quote #29: its transfers are not those that it needs",
            "quote #29: asked for under the idempotency key of #4",
        ],
    );
    check(
        "more was spent",
        |books| {
            let paid = books.quotes.iter().position(|quote| quote.coupon == Some(coupon(S))).expect("a quote");
            books.quotes[paid].deduction += 1;
        },
        &[
            "coupon S: spent is 300, its quotes make 301",
            "quote #1: its deduction is not what the rule makes",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "cancelled behind the ledger",
        |books| books.payments[0].cancelled = books.payments[2].cancelled,
        &["coupon S: spent is 300, its quotes make 0", "quote #1: its transfers are not those that it needs"],
    );
    check(
        "never cancelled",
        |books| books.payments[2].cancelled = None,
        &["coupon A: spent is 0, its quotes make 500", "quote #3: its transfers are not those that it needs"],
    );
    check(
        "its coupon was given back",
        |books| books.payments[1].coupon_returned = true,
        &[
            "coupon U: spent is 500, its quotes make 0",
            "payment #2: its coupon was given back, which the rule does not",
            "quote #2: its transfers are not those that it needs",
            "summer: account recovered holds 200, its rows make 0",
        ],
    );
}

#[test]
fn a_payment_that_does_not_add_up() {
    check(
        "its quote is lost",
        |books| drop(books.quotes.remove(0)),
        &[
            "coupon S: spent is 300, its quotes make 0",
            "payment #1: its quote is not there",
            "quote #1 is missing before #2",
        ],
    );
    check(
        "its quote is cancelled",
        |books| books.quotes[1].phase = quote::Phase::Cancelled,
        &["payment #2: its quote is cancelled", "quote #2: its transfers are not those that it needs"],
    );
    check(
        "a negative fee",
        |books| books.payments[1].fee = -1,
        &["payment #2: its fee is -1, its merchant's makes 160"],
    );
    check("no fee", |books| books.payments[1].fee = 0, &["payment #2: its fee is 0, its merchant's makes 160"]);
    check(
        "all of it is fee",
        |books| books.payments[1].fee = 10_000,
        &["payment #2: its fee is 10000, its merchant's makes 160"],
    );
    check(
        "more fee than amount",
        |books| books.payments[1].fee = 10_001,
        &["payment #2: its fee is 10001, its merchant's makes 160"],
    );
    check(
        "more was refunded",
        |books| books.payments[1].refunded += 1,
        &["payment #2: refunded is 4001, its refunds make 4000"],
    );
    check(
        "more went to the shopper",
        |books| books.payments[1].refunded_shopper += 1,
        &["payment #2: refunded is 4000, its refunds make 4000"],
    );
    check(
        "more went to the funder",
        |books| books.payments[1].refunded_funder += 1,
        &[
            "payment #2: refunded is 4000, its refunds make 4000",
            "summer: account recovered holds 200, its rows make 201",
        ],
    );
    check(
        "a refund more",
        |books| books.payments[1].refunds += 1,
        &["payment #2: refunded is 4000, its refunds make 4000"],
    );
    check(
        "a refund is lost",
        |books| books.refunds.truncate(1),
        &[
            "payment #2: refunded is 4000, its refunds make 1000",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    check(
        "a refund of another amount",
        |books| books.refunds[0].amount += 1,
        &[
            "payment #2: refund #2.1 is not what the rule makes",
            "payment #2: refunded is 4000, its refunds make 4001",
        ],
    );
    check(
        "a refund of nothing",
        |books| books.refunds[0].amount = 0,
        &[
            "payment #2: refund #2.1 is not what the rule makes",
            "payment #2: refunded is 4000, its refunds make 3000",
        ],
    );
    check(
        "a refund of less than nothing",
        |books| books.refunds[0].amount = -1,
        &[
            "payment #2: refund #2.1 is not what the rule makes",
            "payment #2: refund #2.2 is not what the rule makes",
            "payment #2: refunded is 4000, its refunds make 2999",
        ],
    );
    check(
        "a refund's share",
        |books| books.refunds[1].shopper += 1,
        &["payment #2: refund #2.2 is not what the rule makes"],
    );
    check(
        "a refund's other share",
        |books| books.refunds[1].funder -= 1,
        &[
            "payment #2: refund #2.2 is not what the rule makes",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    check(
        "a refund's number",
        |books| books.refunds[1].id.number = 9,
        &[
            "payment #2: refund #2.9 is not what the rule makes",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    check(
        "more refunded than paid",
        |books| {
            books.refunds[1].amount = 9001;
            books.refunds[1].shopper = 8550;
            books.refunds[1].funder = 450;
            books.payments[1].refunded = 10_001;
            books.payments[1].refunded_shopper = 9500;
            books.payments[1].refunded_funder = 500;
        },
        &[
            "payment #2: more was refunded than paid",
            "quote #2: its transfers are not those that it needs",
            "summer: account recovered holds 200, its rows make 500",
        ],
    );
    check(
        "cancelled and refunded",
        |books| books.payments[1].cancelled = books.payments[2].cancelled,
        &[
            "coupon U: spent is 500, its quotes make 0",
            "payment #2: cancelled and refunded",
            "quote #2: its transfers are not those that it needs",
        ],
    );
}

#[test]
fn of_many_findings_no_more_than_so_many_are_named() {
    let (stage, mut books) = healthy();
    books.slices.clear();
    let found = books.findings(&stage.catalog, 1000, 4);
    let named: Vec<String> = found.broken.iter().map(|text| short(text)).collect();
    let expected = [
        "summer: its slice is not there",
        "summer: it is open, its stock is worth 5500, and 0 was funded",
        "transfer #1 is of campaign 1, which has no slice",
        "transfer #2 is of campaign 1, which has no slice",
    ];
    assert_eq!(named, expected);
}
