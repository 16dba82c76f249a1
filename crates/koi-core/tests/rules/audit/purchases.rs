//! Damaged purchases that no sum of money tells: what the rules make is recomputed.

use koi_core::id::{AccountId, PaymentId, PersonId, StoreId};
use koi_core::money::Rate;
use koi_core::quote::{NoDeduction, Phase};

use super::{Q, R, U, check};
use crate::books::Books;
use crate::stage::{HOUR, MINUTE};

fn quote(books: &mut Books, place: usize) -> &mut koi_core::quote::Quote {
    &mut books.quotes[place]
}

#[test]
fn a_quote_is_paid_exactly_when_there_is_a_payment() {
    check(
        "the payment is lost",
        |books| books.payments.retain(|payment| payment.id != PaymentId::of(books.quotes[Q].id)),
        &["quote #5: paid, but its payment is not there"],
    );
    check(
        "paid, they say",
        |books| quote(books, R).phase = Phase::Paid,
        &["quote #6: paid, but its payment is not there", "quote #6: paid does not fit the rest of it"],
    );
    check(
        "open, they say",
        |books| quote(books, Q).phase = Phase::Open,
        &["quote #5: open does not fit the rest of it", "payment #5: its quote is open"],
    );
    check(
        "ran out, they say",
        |books| quote(books, R).phase = Phase::Expired,
        &["quote #6: expired does not fit the rest of it"],
    );
    check(
        "cancelled, they say",
        |books| quote(books, R).phase = Phase::Cancelled,
        &["quote #6: cancelled does not fit the rest of it"],
    );
    check(
        "nobody paid it",
        |books| quote(books, Q).settled = None,
        &["quote #5: paid does not fit the rest of it"],
    );
    check(
        "a quote between two",
        |books| drop(books.quotes.remove(R)),
        &["cell 0: the next quote is 7, those there make 6"],
    );
}

#[test]
fn what_a_quote_promises_is_recomputed() {
    check(
        "more gross",
        |books| quote(books, Q).gross.value += 1,
        &["quote #5: gross is 45901, its amount and rate make 45900"],
    );
    check(
        "no gross",
        |books| quote(books, Q).gross.value = 0,
        &["quote #5: gross is 0, its amount and rate make 45900"],
    );
    check(
        "a larger amount",
        |books| quote(books, Q).amount.value += 1,
        &["quote #5: gross is 45900, its amount and rate make 45901"],
    );
    check(
        "an amount below zero",
        |books| quote(books, Q).amount.value = -1,
        &[
            "quote #5: gross is 45900, its amount and rate make nothing",
            "payment #5: its fee is 734, its merchant's makes 0",
            "payment #5: its quote's amounts contradict each other",
        ],
    );
    check(
        "a rate that changes the gross",
        |books| quote(books, Q).rate = Rate::of_scaled(200_000_000),
        &[
            "quote #5: the rate 2.00000000 was never in force",
            "quote #5: gross is 45900, its amount and rate make 91800",
        ],
    );
    check(
        "a rate that rounds to the same",
        |books| quote(books, Q).rate = Rate::of_scaled(100_000_001),
        &["quote #5: the rate 1.00000001 was never in force"],
    );
    check(
        "another currency",
        |books| quote(books, Q).amount.currency = koi_core::money::Currency::CNY,
        &["quote #5: its store is not there, or has another currency"],
    );
    check(
        "another store",
        |books| quote(books, Q).store = StoreId::stored("beijing"),
        &["quote #5: its store is not there, or has another currency"],
    );
    check(
        "no such store",
        |books| quote(books, Q).store = StoreId::stored("nowhere"),
        &["quote #5: its store is not there, or has another currency"],
    );
    check(
        "a deduction without a coupon",
        |books| quote(books, Q).deduction = 1,
        &["quote #5: its deduction is not what the rule makes"],
    );
    check(
        "no reason for no deduction",
        |books| quote(books, Q).no_deduction = None,
        &["quote #5: its deduction is not what the rule makes"],
    );
    check(
        "a reason for no deduction beside one",
        |books| quote(books, 0).no_deduction = Some(NoDeduction::NoCoupon),
        &["quote #1: its deduction is not what the rule makes"],
    );
    check(
        "a coupon more",
        |books| quote(books, Q).coupon = Some(super::coupon(U)),
        &[
            "coupon U: a quote of another account takes something off it",
            "quote #5: its deduction is not what the rule makes",
            "quote #5: its times are not what the rule makes",
            "quote #5: its transfers are not those that it needs",
        ],
    );
    check(
        "it holds for ever",
        |books| quote(books, R).expires_at = quote(books, R).expires_at.plus_ms(24 * HOUR),
        &["quote #6: its times are not what the rule makes"],
    );
    check(
        "it holds longer than the campaign says",
        |books| {
            quote(books, 0).expires_at = quote(books, 0).expires_at.plus_ms(1);
        },
        &["quote #1: its times are not what the rule makes"],
    );
    check(
        "asked for at another time",
        |books| quote(books, 0).created_at = quote(books, 0).created_at.plus_ms(1),
        &[
            "quote #1: its times are not what the rule makes",
            "payment #1: paid while its quote did not hold",
            "quote #1: its transfers are not those that it needs",
        ],
    );
    check(
        "of another person",
        |books| quote(books, R).person = PersonId::stored("nobody"),
        &["quote #6: its shopper is not its person's number"],
    );
    check(
        "of another account",
        |books| quote(books, 0).account = AccountId::stored("nobody"),
        &["coupon S: a quote of another account takes something off it"],
    );
    check(
        "asked for twice",
        |books| quote(books, R).asked.key = books.quotes[Q].asked.key,
        &["quote #6: asked for under the idempotency key of #5"],
    );
}

#[test]
fn what_a_payment_says_is_recomputed() {
    check(
        "more fee",
        |books| books.payments[3].fee += 1000,
        &["payment #5: its fee is 1734, its merchant's makes 734"],
    );
    check(
        "paid before",
        |books| books.payments[3].paid_at = books.quotes[Q].created_at.plus_ms(-1),
        &["payment #5: paid while its quote did not hold"],
    );
    check(
        "paid too late",
        |books| books.payments[3].paid_at = books.quotes[Q].expires_at,
        &["payment #5: paid while its quote did not hold"],
    );
    check(
        "paid a millisecond off",
        |books| books.payments[0].paid_at = books.payments[0].paid_at.plus_ms(1),
        &["quote #1: its transfers are not those that it needs"],
    );
    check(
        "its refunds are not counted",
        |books| {
            books.payments[1].refunds = 0;
            books.payments[1].refunded = 0;
            books.payments[1].refunded_shopper = 0;
            books.payments[1].refunded_funder = 0;
        },
        &[
            "refund #2.1: its payment is not there, or does not count it",
            "refund #2.2: its payment is not there, or does not count it",
            "payment #2: refunded is 0, its refunds make 4000",
            "summer: account recovered holds 200, its rows make 0",
        ],
    );
    check(
        "a refund of a payment that is not there",
        |books| {
            books.refunds[1].id.payment = PaymentId::of(books.quotes[R].id);
        },
        &[
            "payment #2: refunded is 4000, its refunds make 1000",
            "refund #6.2: its payment is not there, or does not count it",
            "quote #2: its transfers are not those that it needs",
        ],
    );
    check(
        "a refund at another time",
        |books| books.refunds[1].at = books.refunds[1].at.plus_ms(MINUTE),
        &["quote #2: its transfers are not those that it needs"],
    );
    check(
        "cancelled before it was paid",
        |books| {
            let (at, asked) = books.payments[2].cancelled.expect("cancelled");
            books.payments[2].cancelled = Some((at.plus_ms(-HOUR), asked));
        },
        &[
            "payment #3: cancelled or refunded before it was paid",
            "quote #3: its transfers are not those that it needs",
        ],
    );
}

/// A repeat that was not taken for one has done the same thing twice, and no sum tells.
#[test]
fn a_call_that_came_under_the_key_of_another() {
    check(
        "refunded twice",
        |books| books.refunds[1].asked.key = books.refunds[0].asked.key,
        &["refund #2.2: asked for under the idempotency key of refund #2.1"],
    );
    check(
        "refunded by what paid it",
        |books| books.refunds[1].asked.key = books.quotes[1].settled.expect("paid").key,
        &["refund #2.2: asked for under the idempotency key of what settled quote #2"],
    );
    check(
        "paid by what asked for it",
        |books| quote(books, Q).settled = Some(books.quotes[Q].asked),
        &["what settled quote #5: asked for under the idempotency key of quote #5"],
    );
    check(
        "paid by what asked for it, for a person who is named like a quote",
        |books| {
            quote(books, Q).settled = Some(books.quotes[Q].asked);
            quote(books, Q).person = PersonId::stored("quo_000000000005");
        },
        &["quote #5: its shopper is not its person's number"],
    );
    check(
        "cancelled by what paid it",
        |books| {
            let (at, _) = books.payments[2].cancelled.expect("cancelled");
            books.payments[2].cancelled = Some((at, books.quotes[2].settled.expect("paid")));
        },
        &["the cancel of payment #3: asked for under the idempotency key of what settled quote #3"],
    );
}
