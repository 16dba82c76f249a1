//! The auditor names each kind of planted damage, and is silent on a healthy set (which
//! [`verify`](crate::books::verify) asks after every step of every test).

mod balances;
mod campaigns;
mod cells;
mod chunks;
mod coupons;
mod damage;
mod lines;
mod payments;
mod purchases;

use koi_core::audit::Findings;
use koi_core::coupon::Phase;
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId, RefundId, TransferId};

use crate::books::Books;
use crate::stage::{DAY, MINUTE, Scan, Stage, nzd, plain, shopper, splittable};

/// Where the coupons of [`healthy`] stand.
const S: usize = 0; // 1000, of which 300 are spent, 200 reserved and 500 remain
const U: usize = 1;
const A: usize = 2;
const V: usize = 3;
const E: usize = 4;
/// And where two quotes without coupons stand: one is paid, one is open.
const Q: usize = 4;
const R: usize = 5;

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
    stage.wait(7 * DAY);
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
    let void = stage.rows().coupons.changed().nth(V).expect("a coupon").0;
    stage.void(void).expect("void");
    let cancelled = stage.purchase("A", 10_000);
    stage.cancel(cancelled.id).expect("cancelled");

    // The last one was issued by a clock that was a week behind, so that it is the first to expire.
    stage.wait(MINUTE - 7 * DAY);
    stage.claim("E").expect("a coupon");
    stage.wait(7 * DAY - MINUTE);
    stage.pass(MINUTE);
    let open = stage.buy(shopper("S", ""), "queen-st", nzd(201)).expect("a quote");
    assert_eq!(open.deduction, 200);
    stage.purchase("N", 45_900);
    stage.quote("N", 5000);
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
    let sorted = |mut findings: Findings| {
        findings.broken.sort_unstable();
        findings
    };
    let in_passes = books.findings(&stage.catalog, 2, 100);
    assert_eq!(sorted(in_passes), sorted(found.clone()), "{what}: passes change nothing but the order");
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
        text = text.replace(&quote.to_string(), &format!("#{number}"));
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
    assert_eq!((found.accounts, found.coupons, found.payments), (9, 5, 4));
    assert_eq!(found.transfers, books.lines.len() as u64 + 2, "a line of three coupons is three");
}
