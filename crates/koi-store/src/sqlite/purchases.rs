//! Quotes, payments and refunds side by side: the three are in the order of the same numbers, so that each is read
//! once and none is looked up.

use std::ops::ControlFlow;

use koi_core::audit::Purchase;
use koi_core::id::QuoteId;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::Quote;
use rusqlite::{Connection, Row, Rows};

use super::table;
use crate::error::StoreError;

/// Rows of one table, of which the next is known before it is taken.
struct Walk<'a, T> {
    rows: Rows<'a>,
    read: fn(&Row) -> Result<T, StoreError>,
    id: fn(&T) -> QuoteId,
    next: Option<T>,
}

impl<'a, T> Walk<'a, T> {
    fn new(
        rows: Rows<'a>,
        read: fn(&Row) -> Result<T, StoreError>,
        id: fn(&T) -> QuoteId,
    ) -> Result<Self, StoreError> {
        let mut walk = Self { rows, read, id, next: None };
        walk.advance()?;
        Ok(walk)
    }

    fn advance(&mut self) -> Result<Option<T>, StoreError> {
        let next = self.rows.next()?.map(self.read).transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn next_id(&self) -> Option<QuoteId> {
        self.next.as_ref().map(self.id)
    }

    /// The next row, if it is of this purchase.
    fn take(&mut self, id: QuoteId) -> Result<Option<T>, StoreError> {
        if self.next_id() == Some(id) { self.advance() } else { Ok(None) }
    }
}

/// The purchases from a number on, one after the other, until `each` has enough.
pub(super) fn for_each_from(
    connection: &Connection,
    from: QuoteId,
    mut each: impl FnMut(Purchase) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let (mut quotes, mut payments, mut refunds) =
        (table::quote::from(connection)?, table::payment::from(connection)?, table::refund::from(connection)?);
    let from = [from.number()];
    let mut quotes = Walk::new(quotes.query(from)?, table::quote::read, |quote: &Quote| quote.id)?;
    let mut payments =
        Walk::new(payments.query(from)?, table::payment::read, |payment: &Payment| payment.id.quote())?;
    let mut refunds =
        Walk::new(refunds.query(from)?, table::refund::read, |refund: &Refund| refund.id.payment.quote())?;
    loop {
        let ids = [quotes.next_id(), payments.next_id(), refunds.next_id()];
        let Some(id) = ids.into_iter().flatten().min() else { return Ok(()) };
        let (quote, payment) = (quotes.take(id)?, payments.take(id)?);
        let mut of_payment = Vec::new();
        while let Some(refund) = refunds.take(id)? {
            of_payment.push(refund);
        }
        if each(Purchase { id, quote, payment, refunds: of_payment }).is_break() {
            return Ok(());
        }
    }
}
