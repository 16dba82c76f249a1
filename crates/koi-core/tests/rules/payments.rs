//! Payments: what each party gives and gets.

use koi_core::command::{Answer, Command};
use koi_core::coupon::Status;
use koi_core::id::PaymentId;
use koi_core::quote::Phase;

use crate::stage::{DAY1, MINUTE, Stage, at, code, money, nzd, plain, splittable};

#[test]
fn the_worked_example_adds_up_to_the_fen() {
    let mut stage = Stage::of(plain(8800, 2));
    let coupon = stage.claim("A").expect("a coupon");
    let quote = stage.quote("A", 4590);
    stage.wait(MINUTE);
    let answer = stage.call(Command::Pay(quote.id)).expect("a payment");
    let Answer::Payment(quote, payment) = answer else { panic!("{answer:?}") };
    assert_eq!((quote.phase, quote.deduction, quote.payable()), (Phase::Paid, 8800, money("CNY", 12_230)));
    assert_eq!((payment.id, payment.paid_at), (PaymentId::of(quote.id), at(DAY1).plus_ms(MINUTE)));
    assert_eq!((payment.fee, quote.amount.value - payment.fee), (73, 4517));
    assert_eq!((payment.refunded, payment.refunds, payment.coupon_returned), (0, 0, false));
    assert_eq!((payment.cancelled, quote.settled.is_some()), (None, true));
    assert_eq!(stage.shown(coupon.id), (Status::Used, 0));
    assert_eq!(stage.budget(), [8800, 0, 0, 8800, 0, 0]);
    assert_eq!(code(stage.pay(quote.id)), "quote_not_open");
}

#[test]
fn the_merchant_nets_the_same_with_and_without_a_coupon() {
    let mut stage = Stage::of(plain(8800, 2));
    let without = stage.purchase("A", 4590);
    stage.claim("A").expect("a coupon");
    let with = stage.purchase("A", 4590);
    assert_eq!(without.fee, with.fee);
    assert_eq!(stage.budget()[3], 8800);
}

#[test]
fn a_payment_of_an_unknown_quote_is_not_found() {
    let mut stage = Stage::of(plain(8800, 2));
    let quote = koi_core::id::QuoteId::new(koi_core::id::Cell(0), 99);
    assert_eq!(code(stage.pay(quote)), "not_found");
    assert_eq!(code(stage.cancel_quote(quote)), "not_found");
    assert_eq!(code(stage.cancel(PaymentId::of(quote))), "not_found");
    assert_eq!(code(stage.refund(PaymentId::of(quote), 1)), "not_found");
    assert_eq!(code(stage.void(koi_core::id::CouponId::of_number(99))), "not_found");
}

#[test]
fn an_open_quote_has_no_payment_yet() {
    let mut stage = Stage::of(plain(8800, 2));
    let quote = stage.quote("A", 4590);
    assert_eq!(code(stage.cancel(PaymentId::of(quote.id))), "not_found");
    assert_eq!(code(stage.refund(PaymentId::of(quote.id), 0)), "not_found", "before the amount is looked at");
}

#[test]
fn the_2888_coupon_is_spent_to_its_last_fen_over_three_purchases() {
    let mut stage = Stage::of(splittable(288_800, 1));
    let coupon = stage.claim("A").expect("a coupon");
    let mut check = |cents, gross, deduction, status, remaining| {
        let quote = stage.buy(crate::stage::shopper("A", ""), "queen-st", nzd(cents)).expect("a quote");
        assert_eq!((quote.gross.value, quote.deduction), (gross, deduction), "{cents}");
        stage.pay(quote.id).expect("a payment");
        assert_eq!(stage.shown(coupon.id), (status, remaining), "after {cents}");
    };
    check(19_900, 91_176, 91_175, Status::Active, 197_625);
    check(8950, 41_006, 41_005, Status::Active, 156_620);
    check(42_000, 192_431, 156_620, Status::Used, 0);
    assert_eq!(stage.budget(), [0, 0, 0, 288_800, 0, 0]);
}

#[test]
fn two_tills_at_once_share_a_coupon_and_the_second_ends_it() {
    let mut stage = Stage::of(splittable(288_800, 1));
    let coupon = stage.claim("A").expect("a coupon");
    let one = stage.quote("A", 19_900);
    let two = stage.quote("A", 99_900);
    assert_eq!((one.deduction, two.deduction), (91_175, 197_625));
    stage.pay(two.id).expect("a payment");
    assert_eq!(stage.shown(coupon.id), (Status::Reserved, 0), "the first quote holds the rest");
    stage.pay(one.id).expect("a payment");
    assert_eq!(stage.shown(coupon.id), (Status::Used, 0));
}

#[test]
fn a_trading_day_adds_up() {
    // Four payments of domain.md, with coupons of 88.00, none, 5.00 and 18.88.
    let mut stage = Stage::open(|rules| {
        rules.packets = vec![plain(8800, 1), plain(500, 1), plain(1888, 1)];
    });
    stage.claim("A").expect("88.00");
    stage.claim("C").expect("5.00");
    stage.claim("D").expect("18.88");
    let payments = [("A", 4590), ("B", 2350), ("C", 800), ("D", 12_000)]
        .map(|(account, cents)| (cents, stage.purchase(account, cents).fee));
    let gross: i64 = payments.iter().map(|(cents, _)| cents).sum();
    let fees: i64 = payments.iter().map(|(_, fee)| fee).sum();
    assert_eq!((gross, fees, gross - fees), (19_740, 316, 19_424));
    assert_eq!(stage.budget()[3], 11_188, "the funder is invoiced CNY 111.88");
}
