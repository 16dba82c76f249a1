//! Where a command is decided, and what the log calls it.

use koi_core::command::{Command, Order, Purchase};
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId, StoreId};

use crate::stage::{Scan, id, nzd, shopper};

fn commands(cell: Cell) -> [Command; 5] {
    let quote = QuoteId::new(cell, 7);
    [
        Command::CancelQuote(quote),
        Command::Pay(quote),
        Command::CancelPayment(PaymentId::of(quote)),
        Command::Refund(PaymentId::of(quote), nzd(1)),
        Command::Void(CouponId::new(cell, CampaignNo(1), 7)),
    ]
}

#[test]
fn a_number_leads_to_its_cell_and_one_of_no_cell_to_the_first() {
    let check = |cell: u16, cells: u16, expected: u16| {
        for command in commands(Cell(cell)) {
            assert_eq!(command.cell(cells), Cell(expected), "{command:?} of {cells}");
        }
    };
    check(0, 1, 0);
    check(1, 1, 0);
    check(5, 64, 5);
    check(63, 64, 63);
    check(64, 64, 0);
    check(1023, 64, 0);
}

#[test]
fn who_asks_leads_to_the_cell_of_the_person() {
    let person = shopper("A", "");
    let home = person.key.cell(64);
    let purchase = Purchase { shopper: person, store: StoreId::stored("store"), amount: nzd(1) };
    assert_eq!(Command::Quote(purchase).cell(64), home);
    assert_eq!(Scan::default().command().cell(64), home);
}

/// The log is kept for years: its words do not change.
#[test]
fn the_log_has_a_word_for_every_command() {
    let names = commands(Cell(0)).map(|command| command.name());
    assert_eq!(names, ["quote.cancel", "payment.create", "payment.cancel", "payment.refund", "coupon.void"]);
    let orders: [Order; 5] = [
        Order::Submit(id()),
        Order::Approve(id()),
        Order::Resume(id()),
        Order::Close(id()),
        Order::Fund(id(), nzd(1)),
    ];
    let names = orders.map(|order| order.name());
    assert_eq!(
        names,
        ["campaign.submit", "campaign.approve", "campaign.resume", "campaign.close", "campaign.fund"]
    );
}
