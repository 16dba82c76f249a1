//! Quotes, payments and refunds side by side, whatever is missing of them; and what else the auditor reads.

use std::ops::ControlFlow;

use koi_core::audit::Purchase;
use koi_core::id::{CampaignNo, PaymentId, QuoteId};
use koi_core::idempotency::Key;
use koi_core::money::Rate;
use koi_core::payment::Refund;
use koi_core::rows::Counters;

use crate::sample;
use crate::{Installation, Reader};

/// Purchases from a number on, at most so many: number, quote, payment, refunds.
fn purchases(reader: &Reader, from: QuoteId, most: usize) -> Vec<(QuoteId, bool, bool, Vec<u32>)> {
    let mut found = Vec::new();
    let each = |purchase: Purchase| {
        let Purchase { id, quote, payment, refunds } = purchase;
        assert!(quote.as_ref().is_none_or(|quote| quote.id == id));
        assert!(payment.as_ref().is_none_or(|payment| payment.id == PaymentId::of(id)));
        let numbers = refunds.iter().map(|refund| refund.id.number).collect();
        found.push((id, quote.is_some(), payment.is_some(), numbers));
        if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    reader.for_each_purchase(from, each).unwrap();
    found
}

#[test]
fn what_is_left_of_a_purchase_is_handed_out_with_it_or_alone() {
    let mut installation = Installation::new();
    assert_eq!(purchases(&installation.reader(), QuoteId::FIRST, 9), []);
    let quotes = [1, 2, 3, 4, 5].map(sample::quote);
    let ids = quotes.each_ref().map(|quote| quote.id);
    installation.commit(|rows| {
        for place in [0, 1, 2] {
            rows.quotes.put(ids[place], quotes[place].clone());
        }
        let payments = quotes.each_ref().map(sample::payment);
        for place in [1, 3] {
            rows.payments.put(payments[place].id, payments[place].clone());
        }
        for (place, number) in [(1, 2), (1, 1), (4, 1), (4, 3)] {
            let refund: Refund = sample::refund(&payments[place], number);
            rows.refunds.put(refund.id, refund);
        }
    });
    // A number that cannot be is not left out.
    installation.damage(&format!("UPDATE quote SET id = -7 WHERE id = {}", ids[2].number()));
    let below = QuoteId::of_number(-7);
    let all = [
        (below, true, false, vec![]),
        (ids[0], true, false, vec![]),
        (ids[1], true, true, vec![1, 2]),
        (ids[3], false, true, vec![]),
        (ids[4], false, false, vec![1, 3]),
    ];
    let reader = installation.reader();
    assert_eq!(purchases(&reader, QuoteId::FIRST, 9), all);
    assert_eq!(purchases(&reader, QuoteId::FIRST, 2), all[..2]);
    assert_eq!(purchases(&reader, ids[1], 9), all[2..]);
    assert_eq!(purchases(&reader, ids[3], 9), all[3..]);
}

#[test]
fn keys_come_in_their_order_with_the_quotes_that_they_made() {
    let mut installation = Installation::new();
    let asked = [(1, 30), (2, 10), (3, 20)];
    installation.commit(|rows| {
        for (number, key) in asked {
            let mut quote = sample::quote(number);
            quote.asked.key = Key(key);
            rows.quotes.put(quote.id, quote);
        }
    });
    let mut found = Vec::new();
    installation.reader().for_each_quote_key(|key, id| found.push((key.0, id))).unwrap();
    assert_eq!(found, [(10, 2), (20, 3), (30, 1)].map(|(key, number)| (key, sample::quote(number).id)));
}

#[test]
fn counters_rates_and_last_ordinals_are_read() {
    let mut installation = Installation::new();
    let reader = installation.reader();
    assert_eq!((reader.counters().unwrap(), reader.rates().unwrap()), (vec![], vec![]));
    assert_eq!(reader.last_ordinal(sample::CELL, sample::CAMPAIGN).unwrap(), 0);
    let pair = (koi_core::money::Currency::parse("NZD").unwrap(), koi_core::money::Currency::CNY);
    let rates = ["4.5", "4.6"].map(|rate| (pair, Rate::parse(rate).unwrap()));
    installation.commit(|rows| {
        rows.counters = Counters { quote: 7, transfer: 9 };
        for ordinal in [0, 41] {
            rows.coupons.put(sample::coupon(ordinal).id, sample::coupon(ordinal));
        }
        rows.entries = rates.map(|(pair, rate)| koi_core::catalog::Entry::Rate(pair, rate)).to_vec();
    });
    assert_eq!(reader.counters().unwrap(), [(sample::CELL, Counters { quote: 7, transfer: 9 })]);
    assert_eq!(reader.rates().unwrap(), rates);
    assert_eq!(reader.last_ordinal(sample::CELL, sample::CAMPAIGN).unwrap(), 42);
    assert_eq!(reader.last_ordinal(sample::CELL, CampaignNo(2)).unwrap(), 0);
}

#[test]
fn a_cancel_without_its_call_is_damage() {
    let mut installation = Installation::new();
    let payment = sample::payment(&sample::quote(1));
    installation.commit(|rows| rows.payments.put(payment.id, payment.clone()));
    installation.damage("UPDATE payment SET cancelled_at = 1");
    let each = |_| ControlFlow::Continue(());
    let error = installation.reader().for_each_purchase(QuoteId::FIRST, each).unwrap_err();
    assert!(error.to_string().contains("a payment's cancel"), "{error}");
}
