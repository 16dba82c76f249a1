//! Quotes, payments and refunds side by side: the three are in the order of the same cells and numbers, so that each is
//! read once and none is looked up.

use std::cell::RefCell;
use std::ops::ControlFlow;

use koi_core::audit::{Deduction, Purchase, holder};
use koi_core::id::{CouponId, QuoteId, ShopperKey};
use koi_core::payment::{Payment, Refund};
use koi_core::quote::{Phase, Quote};
use tokio_postgres::Row;

use super::link::Link;
use super::table::{self, Fields};
use super::walk::{Kind, Place, Rows};
use crate::error::StoreError;

fn quotes() -> Kind<Quote> {
    let key = |quote: &Quote| (quote.id.number(), 0);
    Kind { walk: &table::quote::WALK, read: table::quote::read, key }
}

fn payments() -> Kind<Payment> {
    let key = |payment: &Payment| (payment.id.number(), 0);
    Kind { walk: &table::payment::WALK, read: table::payment::read, key }
}

fn refunds() -> Kind<Refund> {
    let key = |refund: &Refund| (refund.id.payment.number(), refund.id.number.into());
    Kind { walk: &table::refund::WALK, read: table::refund::read, key }
}

/// The purchases from a number on, one after the other, until `each` has enough.
pub(super) fn for_each_from(
    link: &RefCell<Link>,
    from: QuoteId,
    mut each: impl FnMut(Purchase) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let from = Place::of(from.number());
    let mut quotes = Rows::new(quotes(), from, Place::END, &mut link.borrow_mut())?;
    let mut payments = Rows::new(payments(), from, Place::END, &mut link.borrow_mut())?;
    let mut refunds = Rows::new(refunds(), from, Place::END, &mut link.borrow_mut())?;
    loop {
        let places = [quotes.next_place(), payments.next_place(), refunds.next_place()];
        let Some(place) = places.into_iter().flatten().map(Place::whole).min() else { return Ok(()) };
        let purchase = {
            let link = &mut *link.borrow_mut();
            let (quote, payment) = (quotes.take(place, link)?, payments.take(place, link)?);
            let mut of_payment = Vec::new();
            while let Some(refund) = refunds.take(place, link)? {
                of_payment.push(refund);
            }
            Purchase { id: QuoteId::of_number(place.number()), quote, payment, refunds: of_payment }
        };
        if each(purchase).is_break() {
            return Ok(());
        }
    }
}

/// A quote's deduction, and whether its quote is paid.
struct Taken {
    id: i64,
    deduction: Deduction,
    is_paid: bool,
}

fn read_taken(row: &Row) -> Result<(i16, Taken), StoreError> {
    let mut fields = Fields::of(row);
    let (cell, id) = (fields.next()?, fields.next()?);
    let (coupon, amount) = (CouponId::of_number(fields.next()?), fields.next()?);
    let phase = table::quote::phase_of(fields.next()?)?;
    let (shopper, account): (i64, &str) = (fields.next()?, fields.next()?);
    let holder = holder(ShopperKey(shopper), account);
    let deduction = Deduction { coupon, holder, amount, open: phase == Phase::Open, spent: false };
    Ok((cell, Taken { id, deduction, is_paid: phase == Phase::Paid }))
}

fn read_standing(row: &Row) -> Result<(i16, i64), StoreError> {
    let mut fields = Fields::of(row);
    Ok((fields.next()?, fields.next()?))
}

/// What every quote takes off a coupon, one after the other.
pub(super) fn for_each_deduction(link: &RefCell<Link>, mut each: impl FnMut(Deduction)) -> Result<(), StoreError> {
    let (from, until) = (Place::of(i64::MIN), Place::END);
    let taken = Kind { walk: &table::quote::DEDUCTIONS, read: read_taken, key: |taken: &Taken| (taken.id, 0) };
    let standing = Kind { walk: &table::payment::STANDING, read: read_standing, key: |id: &i64| (*id, 0) };
    let mut quotes = Rows::new(taken, from, until, &mut link.borrow_mut())?;
    let mut payments = Rows::new(standing, from, until, &mut link.borrow_mut())?;
    while let Some(place) = quotes.next_place() {
        let found = {
            let link = &mut *link.borrow_mut();
            while payments.next_place().is_some_and(|payment| payment < place) {
                payments.advance(link)?;
            }
            let stands = payments.next_place() == Some(place);
            quotes.advance(link)?.map(|taken| (taken, stands))
        };
        if let Some((taken, stands)) = found {
            each(Deduction { spent: taken.is_paid && stands, ..taken.deduction });
        }
    }
    Ok(())
}
