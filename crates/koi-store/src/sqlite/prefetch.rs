//! Reads the rows that a batch names, and those that they name in turn.

use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId};
use koi_core::quote::{Phase, Quote};
use koi_core::rows::Rows;
use rusqlite::{CachedStatement, Connection};

use super::sorted::Found;
use super::table;
use crate::Want;
use crate::error::StoreError;

/// The working set of a batch. `recent` is what of it is not in the tables of the sorted indexes yet.
pub(super) fn prefetch(
    connection: &Connection,
    cell: Cell,
    wants: &[Want],
    recent: &Found,
) -> Result<Rows, StoreError> {
    let rows = Rows::new(cell, table::cell::get(connection, cell)?);
    if wants.is_empty() {
        return Ok(rows);
    }
    let (coupon, quote) = (table::coupon::by_id(connection)?, table::quote::by_id(connection)?);
    let mut prefetch = Prefetch { connection, recent, coupon, quote, rows };
    wants.iter().try_for_each(|want| prefetch.add(*want))?;
    Ok(prefetch.rows)
}

struct Prefetch<'a> {
    connection: &'a Connection,
    recent: &'a Found,
    /// Coupons and quotes by their ids: what most wants come to.
    coupon: CachedStatement<'a>,
    quote: CachedStatement<'a>,
    rows: Rows,
}

impl Prefetch<'_> {
    fn add(&mut self, want: Want) -> Result<(), StoreError> {
        match want {
            Want::Shopper(shopper) if self.rows.shoppers.contains_key(&shopper) => Ok(()),
            Want::Shopper(shopper) => {
                let mut coupons = self.recent.coupons(self.connection, shopper)?;
                coupons.iter().try_for_each(|id| self.add_coupon(*id, None))?;
                // One that was made since this transaction began is not seen in it.
                coupons.retain(|id| self.rows.coupons.has(*id));
                self.rows.shoppers.insert(shopper, coupons);
                Ok(())
            }
            Want::QuoteAsked(key) => {
                let quotes = self.recent.quotes(self.connection, key)?;
                quotes.into_iter().try_for_each(|id| self.add_quote_by_id(id))
            }
            Want::Quote(id) => self.add_quote_by_id(id),
            Want::Payment(id, key) => {
                self.add_quote_by_id(id.quote())?;
                if let Some(refund) = table::refund::by_key(self.connection, id, key)? {
                    self.rows.load_refund(refund);
                }
                Ok(())
            }
            Want::Coupon(id) => self.add_coupon(id, None),
            Want::Slice(campaign) => self.add_slice(campaign),
        }
    }

    fn add_quote_by_id(&mut self, id: QuoteId) -> Result<(), StoreError> {
        let quote = match self.rows.quotes.get(id) {
            Some(quote) => Some(quote.clone()),
            None => table::quote::one(&mut self.quote, id)?,
        };
        quote.map_or(Ok(()), |quote| self.add_quote(quote))
    }

    /// A quote comes with its coupon, its campaign's slice, and its payment.
    fn add_quote(&mut self, quote: Quote) -> Result<(), StoreError> {
        if let Some(id) = quote.coupon {
            self.add_coupon(id, Some(&quote))?;
            self.add_slice(id.campaign())?;
        }
        let payment = PaymentId::of(quote.id);
        if quote.phase == Phase::Paid
            && !self.rows.payments.has(payment)
            && let Some(payment) = table::payment::by_id(self.connection, payment)?
        {
            self.rows.load_payment(payment);
        }
        if !self.rows.quotes.has(quote.id) {
            self.rows.load_quote(quote);
        }
        Ok(())
    }

    /// A coupon comes with the quotes that hold parts of it, and with its campaign's slice while money of it can move.
    /// `quote` is one of it that is known already.
    fn add_coupon(&mut self, id: CouponId, quote: Option<&Quote>) -> Result<(), StoreError> {
        if self.rows.coupons.has(id) {
            return Ok(());
        }
        let Some(coupon) = table::coupon::one(&mut self.coupon, id)? else { return Ok(()) };
        if coupon.reserved > 0 {
            self.add_holding(&coupon, quote)?;
        }
        if coupon.is_live() || coupon.reserved > 0 {
            self.add_slice(id.campaign())?;
        }
        self.rows.load_coupon(coupon);
        Ok(())
    }

    fn add_holding(&mut self, coupon: &Coupon, quote: Option<&Quote>) -> Result<(), StoreError> {
        // Mostly a coupon is held by the one quote that is about to be paid, and nothing is left for another.
        if let Some(quote) = quote.filter(|quote| quote.phase == Phase::Open && quote.deduction == coupon.reserved)
        {
            self.rows.holds.insert(coupon.id, vec![quote.id]);
            return Ok(());
        }
        let holding = table::quote::holding(self.connection, coupon.id)?;
        self.rows.holds.insert(coupon.id, holding.iter().map(|quote| quote.id).collect());
        for quote in holding {
            if !self.rows.quotes.has(quote.id) {
                self.rows.load_quote(quote);
            }
        }
        Ok(())
    }

    fn add_slice(&mut self, campaign: CampaignNo) -> Result<(), StoreError> {
        if self.rows.slices.has(campaign) {
            return Ok(());
        }
        if let Some(slice) = table::slice::get(self.connection, self.rows.cell, campaign)? {
            self.rows.slices.load(campaign, slice);
        }
        Ok(())
    }
}
