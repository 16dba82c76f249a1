//! Reads the rows that a batch names, and those that they name in turn.

use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId};
use koi_core::quote::{Phase, Quote};
use koi_core::rows::Rows;
use rusqlite::Connection;

use super::shoppers::{self, Found};
use super::table;
use crate::Want;
use crate::error::StoreError;

/// The working set of a batch. `unsorted` are the coupons that the table of shoppers does not know yet.
pub(super) fn prefetch(
    connection: &Connection,
    cell: Cell,
    wants: &[Want],
    unsorted: &Found,
) -> Result<Rows, StoreError> {
    let mut rows = Rows::new(cell, table::cell::get(connection, cell)?);
    for want in wants {
        match *want {
            Want::Shopper(shopper) if rows.shoppers.contains_key(&shopper) => {}
            Want::Shopper(shopper) => {
                let mut coupons = shoppers::coupons(connection, shopper, unsorted)?;
                for id in &coupons {
                    coupon(connection, &mut rows, *id)?;
                }
                // One that was made since this transaction began is not seen in it.
                coupons.retain(|id| rows.coupons.has(*id));
                rows.shoppers.insert(shopper, coupons);
            }
            Want::QuoteAsked(key) => {
                if let Some(quote) = table::quote::by_key(connection, key)? {
                    add_quote(connection, &mut rows, quote)?;
                }
            }
            Want::Quote(id) => quote(connection, &mut rows, id)?,
            Want::Payment(id, key) => {
                quote(connection, &mut rows, id.quote())?;
                if let Some(refund) = table::refund::by_key(connection, id, key)? {
                    rows.load_refund(refund);
                }
            }
            Want::Coupon(id) => coupon(connection, &mut rows, id)?,
            Want::Slice(campaign) => slice(connection, &mut rows, campaign)?,
        }
    }
    Ok(rows)
}

fn coupon(connection: &Connection, rows: &mut Rows, id: CouponId) -> Result<(), StoreError> {
    if rows.coupons.has(id) {
        return Ok(());
    }
    match table::coupon::by_id(connection, id)? {
        Some(coupon) => add_coupon(connection, rows, coupon),
        None => Ok(()),
    }
}

/// A coupon comes with the quotes that hold parts of it, and with its campaign's slice while money of it can move.
fn add_coupon(connection: &Connection, rows: &mut Rows, coupon: Coupon) -> Result<(), StoreError> {
    if rows.coupons.has(coupon.id) {
        return Ok(());
    }
    if coupon.reserved > 0 {
        let holding = table::quote::holding(connection, coupon.id)?;
        rows.holds.insert(coupon.id, holding.iter().map(|quote| quote.id).collect());
        for quote in holding.into_iter().filter(|quote| !rows.quotes.has(quote.id)).collect::<Vec<_>>() {
            rows.load_quote(quote);
        }
    }
    if coupon.is_live() || coupon.reserved > 0 {
        slice(connection, rows, coupon.id.campaign())?;
    }
    rows.load_coupon(coupon);
    Ok(())
}

fn quote(connection: &Connection, rows: &mut Rows, id: QuoteId) -> Result<(), StoreError> {
    let quote = match rows.quotes.get(id) {
        Some(quote) => Some(quote.clone()),
        None => table::quote::by_id(connection, id)?,
    };
    quote.map_or(Ok(()), |quote| add_quote(connection, rows, quote))
}

/// A quote comes with its coupon, its campaign's slice, and its payment.
fn add_quote(connection: &Connection, rows: &mut Rows, quote: Quote) -> Result<(), StoreError> {
    if let Some(id) = quote.coupon {
        coupon(connection, rows, id)?;
        slice(connection, rows, id.campaign())?;
    }
    let payment = PaymentId::of(quote.id);
    if quote.phase == Phase::Paid
        && !rows.payments.has(payment)
        && let Some(payment) = table::payment::by_id(connection, payment)?
    {
        rows.load_payment(payment);
    }
    if !rows.quotes.has(quote.id) {
        rows.load_quote(quote);
    }
    Ok(())
}

fn slice(connection: &Connection, rows: &mut Rows, campaign: CampaignNo) -> Result<(), StoreError> {
    if rows.slices.has(campaign) {
        return Ok(());
    }
    if let Some(slice) = table::slice::get(connection, rows.cell, campaign)? {
        rows.slices.load(campaign, slice);
    }
    Ok(())
}
