//! Any damage at all: whatever a field holds, the auditor comes to an end, and of a field that the rules determine
//! no change is missed.

use std::sync::OnceLock;

use koi_core::catalog::Catalog;
use koi_core::coupon;
use koi_core::id::{CampaignNo, CouponId, QuoteId, TransferId};
use koi_core::ledger::{Account, Buckets, Reason};
use koi_core::money::Rate;
use koi_core::quote;
use koi_core::rows::Slice;
use koi_core::time::Time;
use proptest::prelude::*;

use super::healthy;
use crate::books::Books;

/// Puts a value, as far as the field can hold it, into a field of one row.
type Damage = fn(&mut Books, usize, i64);

/// The row of a number, whatever the number.
fn at<T>(rows: &mut [T], row: usize) -> &mut T {
    let count = rows.len();
    &mut rows[row % count]
}

fn lose<T>(rows: &mut Vec<T>, row: usize) {
    rows.remove(row % rows.len());
}

fn bits(value: i64) -> u32 {
    u32::try_from(value & i64::from(u32::MAX)).unwrap_or(0)
}

fn balance(books: &mut Books, row: usize, value: i64) {
    let account = row / books.slices.len();
    let slice = slice(books, row);
    let mut balances = slice.buckets.balances();
    *at(&mut balances, account) = value;
    slice.buckets = Buckets::stored(balances);
}

fn slice(books: &mut Books, row: usize) -> &mut Slice {
    &mut at(&mut books.slices, row).2
}

fn place(value: i64, count: usize) -> usize {
    usize::try_from(value.unsigned_abs() % count as u64).unwrap_or(0)
}

/// Fields that the rules determine, in every row there is.
const DETERMINED: &[(&str, Damage)] = &[
    ("slice.next_ordinal", |books, row, value| slice(books, row).next_ordinal = bits(value)),
    ("slice.left", |books, row, value| {
        let tier = row / books.slices.len();
        *at(&mut slice(books, row).left, tier) = value.cast_unsigned();
    }),
    ("slice.buckets", balance),
    ("counters.quote", |books, row, value| at(&mut books.counters, row).1.quote = value),
    ("counters.transfer", |books, row, value| at(&mut books.counters, row).1.transfer = value),
    ("line.campaign", |books, row, value| at(&mut books.lines, row).campaign = CampaignNo(bits(value))),
    ("line.amount", |books, row, value| at(&mut books.lines, row).movement.amount = value),
    ("line.debit", |books, row, value| at(&mut books.lines, row).movement.debit = Account::ALL[place(value, 9)]),
    ("line.credit", |books, row, value| at(&mut books.lines, row).movement.credit = Account::ALL[place(value, 9)]),
    ("line.reason", |books, row, value| at(&mut books.lines, row).movement.reason = Reason::ALL[place(value, 13)]),
    ("line.subject", |books, row, value| at(&mut books.lines, row).movement.subject = value),
    ("line.part", |books, row, value| at(&mut books.lines, row).movement.part = bits(value)),
    ("line.coupon", |books, row, value| {
        at(&mut books.lines, row).movement.coupon = Some(CouponId::of_number(value));
    }),
    ("line.count", |books, row, value| at(&mut books.lines, row).count = bits(value)),
    ("line.id", |books, row, value| {
        at(&mut books.lines, row).id = TransferId::of_number(value);
        books.lines.sort_unstable_by_key(|line| line.id);
    }),
    ("coupon.id", |books, row, value| at(&mut books.coupons, row).id = CouponId::of_number(value)),
    ("coupon.shopper", |books, row, value| at(&mut books.coupons, row).shopper.0 = value),
    ("coupon.tier", |books, row, value| {
        at(&mut books.coupons, row).tier = u16::try_from(value & 0xFFFF).unwrap_or(0)
    }),
    ("coupon.face", |books, row, value| at(&mut books.coupons, row).face = value),
    ("coupon.remaining", |books, row, value| at(&mut books.coupons, row).remaining = value),
    ("coupon.reserved", |books, row, value| at(&mut books.coupons, row).reserved = value),
    ("coupon.spent", |books, row, value| at(&mut books.coupons, row).spent = value),
    ("coupon.lapsed", |books, row, value| at(&mut books.coupons, row).lapsed = value),
    ("coupon.phase", |books, row, value| {
        use coupon::Phase::{Expired, Held, Used, Void};
        at(&mut books.coupons, row).phase = [Held, Used, Expired, Void][place(value, 4)];
    }),
    ("coupon.collected_at", |books, row, value| at(&mut books.coupons, row).collected_at = Time::of_ms(value)),
    ("coupon.expires_at", |books, row, value| at(&mut books.coupons, row).expires_at = Time::of_ms(value)),
    ("coupon.pauses_seen", |books, row, value| at(&mut books.coupons, row).pauses_seen = bits(value)),
    ("coupon.ended_at", |books, row, value| at(&mut books.coupons, row).ended_at = Some(Time::of_ms(value))),
    ("coupon.revision", |books, row, value| at(&mut books.coupons, row).revision = bits(value)),
    ("coupon.voided", |books, row, _| {
        let coupon = at(&mut books.coupons, row);
        coupon.voided = if coupon.voided.is_some() { None } else { Some(coupon.asked) };
    }),
    ("coupon.restocked", |books, row, value| at(&mut books.coupons, row).restocked = value % 2 == 0),
    ("coupon.split", |books, row, value| at(&mut books.coupons, row).split = value % 2 == 0),
    ("quote.id", |books, row, value| at(&mut books.quotes, row).id = QuoteId::of_number(value)),
    ("quote.shopper", |books, row, value| at(&mut books.quotes, row).shopper.0 = value),
    ("quote.amount", |books, row, value| at(&mut books.quotes, row).amount.value = value),
    ("quote.rate", |books, row, value| at(&mut books.quotes, row).rate = Rate::of_scaled(value.unsigned_abs())),
    ("quote.gross", |books, row, value| at(&mut books.quotes, row).gross.value = value),
    ("quote.deduction", |books, row, value| at(&mut books.quotes, row).deduction = value),
    ("quote.coupon", |books, row, value| at(&mut books.quotes, row).coupon = Some(CouponId::of_number(value))),
    ("quote.phase", |books, row, value| {
        use quote::Phase::{Cancelled, Expired, Open, Paid};
        at(&mut books.quotes, row).phase = [Open, Paid, Cancelled, Expired][place(value, 4)];
    }),
    ("payment.fee", |books, row, value| at(&mut books.payments, row).fee = value),
    ("payment.refunded", |books, row, value| at(&mut books.payments, row).refunded = value),
    ("payment.refunded_shopper", |books, row, value| at(&mut books.payments, row).refunded_shopper = value),
    ("payment.refunded_funder", |books, row, value| at(&mut books.payments, row).refunded_funder = value),
    ("payment.refunds", |books, row, value| at(&mut books.payments, row).refunds = bits(value)),
    ("payment.coupon_returned", |books, row, value| at(&mut books.payments, row).coupon_returned = value % 2 == 0),
    ("refund.number", |books, row, value| at(&mut books.refunds, row).id.number = bits(value)),
    ("refund.amount", |books, row, value| at(&mut books.refunds, row).amount = value),
    ("refund.shopper", |books, row, value| at(&mut books.refunds, row).shopper = value),
    ("refund.funder", |books, row, value| at(&mut books.refunds, row).funder = value),
    ("lost coupon", |books, row, _| lose(&mut books.coupons, row)),
    ("lost quote", |books, row, _| lose(&mut books.quotes, row)),
    ("lost payment", |books, row, _| lose(&mut books.payments, row)),
    ("lost refund", |books, row, _| lose(&mut books.refunds, row)),
    ("lost line", |books, row, _| lose(&mut books.lines, row)),
];

/// Fields of which the rules know bounds at most.
const BOUNDED: &[(&str, Damage)] = &[
    ("line.at", |books, row, value| at(&mut books.lines, row).at = Time::of_ms(value)),
    ("coupon.key", |books, row, value| at(&mut books.coupons, row).asked.key.0 = value),
    ("quote.created_at", |books, row, value| at(&mut books.quotes, row).created_at = Time::of_ms(value)),
    ("quote.expires_at", |books, row, value| at(&mut books.quotes, row).expires_at = Time::of_ms(value)),
    ("payment.paid_at", |books, row, value| at(&mut books.payments, row).paid_at = Time::of_ms(value)),
    ("refund.at", |books, row, value| at(&mut books.refunds, row).at = Time::of_ms(value)),
];

/// The books of a healthy campaign in one cell, and of two in three cells; they are made once.
fn intact(cells: bool) -> &'static (Catalog, Books) {
    static INTACT: OnceLock<[(Catalog, Books); 2]> = OnceLock::new();
    let all =
        INTACT.get_or_init(|| [healthy(), super::cells::healthy()].map(|(stage, books)| (stage.catalog, books)));
    &all[usize::from(cells)]
}

fn value() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(i64::MIN + 1),
        Just(i64::from(u32::MAX)),
        Just(1 << 60),
        -2..20_i64,
        400..600_i64,
        any::<i64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_changed_field_that_the_rules_determine_is_named(
        field in 0..DETERMINED.len(), row in 0..100_usize, value in value(), cells in any::<bool>(),
    ) {
        let (catalog, intact) = intact(cells);
        let (name, damage) = DETERMINED[field];
        let mut books = intact.clone();
        damage(&mut books, row, value);
        let broken = books.findings(catalog, 1000, 9).broken;
        prop_assert_eq!(broken.is_empty(), books == *intact, "{} of row {} is {}", name, row, value);
    }

    #[test]
    fn many_damages_at_once_stop_no_audit(
        damages in proptest::collection::vec((0..DETERMINED.len() + BOUNDED.len(), 0..100_usize, value()), 1..9),
        most in 1..5_u32, cells in any::<bool>(),
    ) {
        let (catalog, intact) = intact(cells);
        let mut books = intact.clone();
        for (field, row, value) in damages {
            let all: Vec<Damage> = BOUNDED.iter().chain(DETERMINED).map(|(_, damage)| *damage).collect();
            // What is lost cannot be lost again: rows are there for the fields that come first.
            let keeps_rows = BOUNDED.len() + DETERMINED.len() - 5;
            all[field % keeps_rows](&mut books, row, value);
        }
        let _ = books.findings(catalog, most, 9);
    }
}
