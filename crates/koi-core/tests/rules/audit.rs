//! The auditor names each kind of planted damage, and is silent on a healthy set (which
//! [`verify`](crate::books::verify) asks after every step of every test).

use koi_core::audit::{Audit, Deduction, Run};
use koi_core::catalog::Catalog;
use koi_core::coupon::Phase;
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId, RefundId, TransferId};
use koi_core::ledger::{Account, Buckets};
use koi_core::quote;
use koi_core::rows::Slice;

use crate::books::Books;
use crate::stage::{MINUTE, Scan, Stage, nzd, plain, shopper, splittable};

/// Where the coupons of [`healthy`] stand.
const S: usize = 0; // 1000, of which 300 are spent, 200 reserved and 500 remain
const U: usize = 1;
const A: usize = 2;
const V: usize = 3;
const E: usize = 4;

fn coupon(place: usize) -> CouponId {
    CouponId::new(Cell(0), CampaignNo(1), u32::try_from(place).expect("an ordinal"))
}

/// A campaign in full swing. A cent is a fen.
fn healthy() -> (Stage, Books) {
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![splittable(1000, 1), plain(500, 9)];
        rules.limits.per_window = 99;
    });
    stage.rate("1");
    assert_eq!(stage.claim("S").expect("the split coupon").face, 1000);
    // Three claims of one batch share a line.
    for account in ["U", "A", "V"] {
        let command = Scan { account, ..Scan::default() }.command();
        let asked = stage.asked("wallet", account, &command);
        let call = koi_core::command::Call { command, asked };
        stage.scene(|rows, scene| koi_core::decide::decide(rows, scene, &call)).expect("a coupon");
    }
    stage.book_due();
    stage.purchase("S", 301);
    let used = stage.purchase("U", 10_000);
    stage.refund(used.id, 1000).expect("refunded");
    stage.refund(used.id, 3000).expect("refunded");
    let void = stage.rows.coupons.changed().nth(V).expect("a coupon").0;
    stage.void(void).expect("void");
    let cancelled = stage.purchase("A", 10_000);
    stage.cancel(cancelled.id).expect("cancelled");

    // The last one's expiry is planted; then it comes.
    let mut late = stage.claim("E").expect("a coupon");
    late.expires_at = stage.now.plus_ms(MINUTE);
    stage.rows.coupons.put(late.id, late);
    stage.pass(MINUTE);
    let open = stage.buy(shopper("S", ""), "queen-st", nzd(201)).expect("a quote");
    assert_eq!(open.deduction, 200);
    let books = Books::of(&stage);
    let phases: Vec<Phase> = books.coupons.iter().map(|coupon| coupon.phase).collect();
    assert_eq!(phases, [Phase::Held, Phase::Used, Phase::Held, Phase::Void, Phase::Expired]);
    (stage, books)
}

/// What is found after a damage, in the order in which it is found. Coupons are called by the letters of their
/// accounts, lines, payments and refunds by their numbers.
fn check(what: &str, damage: impl FnOnce(&mut Books), expected: &[&str]) {
    let (stage, mut books) = healthy();
    damage(&mut books);
    let found = books.findings(&stage.catalog, 1000, 100);
    let named: Vec<String> = found.broken.iter().map(|text| short(text)).collect();
    assert_eq!(named, expected, "{what}");
    assert_eq!(books.findings(&stage.catalog, 2, 100), found, "{what}: chunks change nothing");
    if !expected.is_empty() {
        assert_eq!(books.findings(&stage.catalog, 1000, 1).broken, found.broken[..1], "{what}: so many are named");
    }
}

fn short(text: &str) -> String {
    let mut text = text.replace("nz-summer-2018", "summer");
    for (ordinal, letter) in (0..).zip(["S", "U", "A", "V", "E", "X"]) {
        text = text.replace(&CouponId::new(Cell(0), CampaignNo(1), ordinal).to_string(), letter);
    }
    for number in 1..30 {
        text = text.replace(&TransferId::new(Cell(0), number).to_string(), &format!("#{number}"));
        let quote = QuoteId::new(Cell(0), number);
        let payment = PaymentId::of(quote);
        text = text.replace(&payment.to_string(), &format!("#{number}"));
        for place in [1, 2, 3, 9] {
            let refund = RefundId { payment, number: place };
            text = text.replace(&refund.to_string(), &format!("#{number}.{place}"));
        }
    }
    text
}

#[test]
fn a_healthy_set_is_silent_and_counted() {
    check("nothing", |_| (), &[]);
    let (stage, books) = healthy();
    let found = books.findings(&stage.catalog, 1000, 100);
    assert_eq!((found.accounts, found.coupons, found.payments), (8, 5, 3));
    assert_eq!(found.transfers, books.lines.len() as u64 + 2, "a line of three coupons is three");
}

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
fn a_balance_that_no_line_makes() {
    for (account, text) in [
        (
            Account::Free,
            &[
                "summer: account free holds 3501, its transfers make 3500",
                "summer: the buckets do not add up to what was funded",
            ][..],
        ),
        (
            Account::Committed,
            &[
                "summer: account committed holds 1001, its transfers make 1000",
                "summer: the buckets do not add up to what was funded",
                "summer: account committed holds 1001, its rows make 1000",
            ],
        ),
        (
            Account::Reserved,
            &[
                "summer: account reserved holds 201, its transfers make 200",
                "summer: the buckets do not add up to what was funded",
                "summer: account reserved holds 201, its rows make 200",
            ],
        ),
        (
            Account::Spent,
            &[
                "summer: account spent holds 801, its transfers make 800",
                "summer: the buckets do not add up to what was funded",
                "summer: account spent holds 801, its rows make 800",
            ],
        ),
        (
            Account::Recovered,
            &[
                "summer: account recovered holds 201, its transfers make 200",
                "summer: the buckets do not add up to what was funded",
                "summer: account recovered holds 201, its rows make 200",
            ],
        ),
        (
            Account::Funder,
            &[
                "summer: account funder holds -5499, its transfers make -5500",
                "summer: the buckets do not add up to what was funded",
            ],
        ),
    ] {
        check(
            "a fen more",
            |books| {
                let mut balances = books.slices[0].2.buckets.balances();
                balances[usize::from(account.number())] += 1;
                books.slices[0].2.buckets = Buckets::stored(balances);
            },
            text,
        );
    }
    check(
        "a fen moved past the ledger",
        |books| {
            let mut balances = books.slices[0].2.buckets.balances();
            balances[1] -= 1;
            balances[2] += 1;
            books.slices[0].2.buckets = Buckets::stored(balances);
        },
        &[
            "summer: account free holds 3499, its transfers make 3500",
            "summer: account committed holds 1001, its transfers make 1000",
            "summer: account committed holds 1001, its rows make 1000",
        ],
    );
}

#[test]
fn a_coupon_whose_parts_its_lines_do_not_make() {
    check(
        "remaining",
        |books| books.coupons[S].remaining += 1,
        &[
            "coupon S: remaining is 501, its transfers make 500",
            "coupon S: its parts do not make up its face",
            "summer: account committed holds 1000, its rows make 1001",
        ],
    );
    check(
        "reserved",
        |books| books.coupons[S].reserved += 1,
        &[
            "coupon S: reserved is 201, its transfers make 200",
            "coupon S: reserved is 201, its quotes make 200",
            "coupon S: its parts do not make up its face",
            "summer: account reserved holds 200, its rows make 201",
        ],
    );
    check(
        "spent",
        |books| books.coupons[S].spent += 1,
        &[
            "coupon S: spent is 301, its transfers make 300",
            "coupon S: spent is 301, its quotes make 300",
            "coupon S: its parts do not make up its face",
            "summer: account spent holds 800, its rows make 801",
        ],
    );
    check(
        "lapsed",
        |books| books.coupons[S].lapsed += 1,
        &["coupon S: lapsed is 1, its transfers make 0", "coupon S: its parts do not make up its face"],
    );
    check(
        "a part moved",
        |books| {
            books.coupons[S].remaining -= 1;
            books.coupons[S].spent += 1;
        },
        &[
            "coupon S: remaining is 499, its transfers make 500",
            "coupon S: spent is 301, its transfers make 300",
            "coupon S: spent is 301, its quotes make 300",
            "summer: account committed holds 1000, its rows make 999",
            "summer: account spent holds 800, its rows make 801",
        ],
    );
    check(
        "negative",
        |books| {
            books.coupons[S].remaining -= 501;
            books.coupons[S].lapsed += 501;
        },
        &[
            "coupon S: remaining is -1, its transfers make 500",
            "coupon S: lapsed is 501, its transfers make 0",
            "coupon S: its parts do not make up its face",
            "summer: account committed holds 1000, its rows make 499",
        ],
    );
}

#[test]
fn a_coupon_whose_phase_does_not_fit() {
    check(
        "held, and nothing is left",
        |books| books.coupons[U].phase = Phase::Held,
        &["coupon U: Held does not fit its parts"],
    );
    check("void, and nothing is left", |books| books.coupons[U].phase = Phase::Void, &[]);
    check(
        "used, and some remains",
        |books| books.coupons[A].phase = Phase::Used,
        &["coupon A: Used does not fit its parts"],
    );
    check(
        "used, and some is reserved",
        |books| books.coupons[S].phase = Phase::Used,
        &["coupon S: Used does not fit its parts"],
    );
    check(
        "used, and some lapsed",
        |books| books.coupons[E].phase = Phase::Used,
        &["coupon E: Used does not fit its parts"],
    );
    check(
        "expired, and some remains",
        |books| books.coupons[A].phase = Phase::Expired,
        &["coupon A: Expired does not fit its parts"],
    );
    check(
        "void, and some remains",
        |books| books.coupons[A].phase = Phase::Void,
        &["coupon A: Void does not fit its parts"],
    );
}

#[test]
fn a_coupon_that_is_not_of_its_tier() {
    check(
        "another tier",
        |books| books.coupons[A].tier = 0,
        &[
            "coupon A: its face is not that of its tier",
            "summer: tier 0 has 0 packets left and 2 out, of 1",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
    check(
        "no tier",
        |books| books.coupons[A].tier = 9,
        &["coupon A: its face is not that of its tier", "summer: tier 1 has 7 packets left and 1 out, of 9"],
    );
    check("it splits", |books| books.coupons[A].split = true, &["coupon A: its face is not that of its tier"]);
    check(
        "a larger face",
        |books| {
            books.coupons[A].face += 1;
            books.coupons[A].remaining += 1;
        },
        &[
            "coupon A: its face is not that of its tier",
            "transfer #3: its amount and its coupons differ by -1",
            "summer: account committed holds 1000, its rows make 1001",
        ],
    );
    check(
        "it never went back",
        |books| books.coupons[E].restocked = false,
        &["summer: tier 1 has 7 packets left and 3 out, of 9"],
    );
    check(
        "it went back",
        |books| books.coupons[A].restocked = true,
        &["summer: tier 1 has 7 packets left and 1 out, of 9"],
    );
}

#[test]
fn a_coupon_that_is_not_there_or_should_not_be() {
    check(
        "lost",
        |books| drop(books.coupons.remove(A)),
        &[
            "coupon A: issued, but not there",
            "transfer #3: its amount and its coupons differ by 500",
            "summer: account committed holds 1000, its rows make 500",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
    check(
        "the first of its line is lost",
        |books| drop(books.coupons.remove(U)),
        &[
            "coupon U: issued, but not there",
            "transfer #3: its amount and its coupons differ by 500",
            "summer: account spent holds 800, its rows make 300",
            "summer: tier 1 has 7 packets left and 1 out, of 9",
        ],
    );
    check(
        "never issued",
        |books| {
            let mut stray = books.coupons[A].clone();
            stray.id = coupon(5);
            books.coupons.push(stray);
        },
        &["coupon X: its ordinal was never issued"],
    );
    check(
        "an ordinal too many",
        |books| books.slices[0].2.next_ordinal += 1,
        &["coupon X: issued, but not there"],
    );
    check(
        "an ordinal too few",
        |books| books.slices[0].2.next_ordinal -= 1,
        &["coupon E: its ordinal was never issued"],
    );
    check(
        "a packet too many",
        |books| books.slices[0].2.left[1] += 1,
        &["summer: tier 1 has 8 packets left and 2 out, of 9"],
    );
    check(
        "a packet too few",
        |books| books.slices[0].2.left[1] -= 1,
        &["summer: tier 1 has 6 packets left and 2 out, of 9"],
    );
}

#[test]
fn a_quote_that_its_coupon_does_not_know() {
    let open = |books: &Books| books.quotes.iter().position(|quote| quote.phase == quote::Phase::Open);
    check(
        "more is reserved",
        |books| {
            let open = open(books).expect("an open quote");
            books.quotes[open].deduction += 1;
        },
        &["coupon S: reserved is 200, its quotes make 201"],
    );
    check(
        "lost",
        |books| {
            let open = open(books).expect("an open quote");
            books.quotes.remove(open);
        },
        &["coupon S: reserved is 200, its quotes make 0"],
    );
    check(
        "still open",
        |books| {
            let open = open(books).expect("an open quote");
            let mut doubled = books.quotes[open].clone();
            doubled.id = QuoteId::new(Cell(0), 29);
            books.quotes.push(doubled);
        },
        &["coupon S: reserved is 200, its quotes make 400"],
    );
    check(
        "more was spent",
        |books| {
            let paid = books.quotes.iter().position(|quote| quote.coupon == Some(coupon(S))).expect("a quote");
            books.quotes[paid].deduction += 1;
        },
        &["coupon S: spent is 300, its quotes make 301"],
    );
    check(
        "cancelled behind the ledger",
        |books| books.payments[0].cancelled = books.payments[2].cancelled,
        &["coupon S: spent is 300, its quotes make 0"],
    );
    check(
        "never cancelled",
        |books| books.payments[2].cancelled = None,
        &["coupon A: spent is 0, its quotes make 500"],
    );
    check(
        "its coupon was given back",
        |books| books.payments[1].coupon_returned = true,
        &["coupon U: spent is 500, its quotes make 0", "summer: account recovered holds 200, its rows make 0"],
    );
}

#[test]
fn a_payment_that_does_not_add_up() {
    check(
        "its quote is lost",
        |books| drop(books.quotes.remove(0)),
        &["coupon S: spent is 300, its quotes make 0", "payment #1: its quote is not there"],
    );
    check(
        "its quote is cancelled",
        |books| books.quotes[1].phase = quote::Phase::Cancelled,
        &["payment #2: its quote is cancelled"],
    );
    check("a negative fee", |books| books.payments[1].fee = -1, &["payment #2: its fee is out of range"]);
    check("no fee", |books| books.payments[1].fee = 0, &[]);
    check("all of it is fee", |books| books.payments[1].fee = 10_000, &[]);
    check(
        "more fee than amount",
        |books| books.payments[1].fee = 10_001,
        &["payment #2: its fee is out of range"],
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
        &["payment #2: refunded is 4000, its refunds make 1000"],
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
        &["payment #2: refund #2.2 is not what the rule makes"],
    );
    check(
        "a refund's number",
        |books| books.refunds[1].id.number = 9,
        &["payment #2: refund #2.9 is not what the rule makes"],
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
        &["payment #2: more was refunded than paid", "summer: account recovered holds 200, its rows make 500"],
    );
    check(
        "cancelled and refunded",
        |books| books.payments[1].cancelled = books.payments[2].cancelled,
        &["coupon U: spent is 500, its quotes make 0", "payment #2: cancelled and refunded"],
    );
}

#[test]
fn a_payment_of_another_campaigns_coupon_recovers_nothing_here() {
    let (stage, mut books) = healthy();
    books.slices.clear();
    let found = books.findings(&stage.catalog, 1000, 3);
    let named: Vec<String> = found.broken.iter().map(|text| short(text)).collect();
    let expected = [1, 2, 3].map(|line| format!("transfer #{line} is of campaign 1, which has no slice"));
    assert_eq!(named, expected, "of many no more than so many are named");
}

#[test]
fn a_slice_is_named_by_its_campaign_and_its_cell() {
    let check = |cell: u16, catalog: &Catalog, number: u32, name: &str| {
        let slice =
            Slice { next_ordinal: 0, left: vec![1, 9], buckets: Buckets::stored([0, 5, 0, 0, 0, 0, 0, 0]) };
        let slices = [(Cell(cell), CampaignNo(number), slice)];
        let mut audit = Audit::new(catalog, &slices, 9);
        audit.balances();
        let expected = [
            format!("{name}: account free holds 5, its transfers make 0"),
            format!("{name}: the buckets do not add up to what was funded"),
        ];
        assert_eq!(audit.finish().broken, expected);
    };
    let (stage, _) = healthy();
    check(0, &stage.catalog, 1, "nz-summer-2018");
    check(3, &stage.catalog, 1, "nz-summer-2018 in cell 3");
    check(0, &stage.catalog, 7, "campaign number 7");
    check(3, &stage.catalog, 7, "campaign number 7 in cell 3");
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
