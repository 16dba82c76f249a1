//! Reads the rows that a batch names, and those that they name in turn, in two rounds however large it is.
//!
//! | round | what                                                                                              |
//! |-------|---------------------------------------------------------------------------------------------------|
//! | 1     | coupons by shopper and by number, quotes by key and by number, refunds by payment and key, slices |
//! | 2     | coupons and payments of those quotes; open quotes that hold parts of those coupons; their slices  |

use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, PaymentId, QuoteId, ShopperKey};
use koi_core::quote::{Phase, Quote};
use koi_core::rows::Rows;
use rustc_hash::FxHashMap;

use super::form::{Keys, Spread, Sql, place};
use super::session::{Param, Reply, Request};
use super::table::{self, cell};
use crate::Want;
use crate::error::{StoreError, damaged};

/// What an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Shoppers,
    Coupons,
    Quotes,
    Holds,
    Payments,
    Refunds,
    Slices,
}

/// Statements of a round, each with what it answers.
pub(super) struct Round<'a> {
    spread: Spread,
    pub(super) of: Vec<Of>,
    pub(super) requests: Vec<Request<'a>>,
}

impl<'a> Round<'a> {
    fn new(spread: Spread) -> Self {
        Self { spread, of: Vec::new(), requests: Vec::new() }
    }

    /// Asks for keys, if there are any.
    fn ask(&mut self, of: Of, sql: &'static Sql, keys: &Keys) {
        self.ask_with(of, sql, keys, None);
    }

    /// Asks for keys, if there are any; `more` is the last value of the statement.
    fn ask_with(&mut self, of: Of, sql: &'static Sql, keys: &Keys, more: Option<&'a Vec<i64>>) {
        for group in keys.groups(self.spread) {
            let mut values: Vec<Param<'a>> = vec![Box::new(group.rows.clone())];
            values.extend(more.map(|more| Box::new(more) as Param));
            self.of.push(of);
            self.requests.push(group.request(sql, values));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// What a batch wants, sorted by what it is found by.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// The cells, in order.
    pub(super) cells: Vec<i16>,
    shoppers: Keys,
    coupons: Keys,
    quotes: Keys,
    quote_keys: Keys,
    refunded: Keys,
    refund_keys: Vec<i64>,
    slices: Keys,
}

impl Lookup {
    /// Cells come in any order, also more than once.
    pub(super) fn of<'w>(wanted: impl IntoIterator<Item = (Cell, &'w [Want])>) -> Self {
        let mut lookup = Self::default();
        for (cell, wants) in wanted {
            let cell = place(cell);
            if let Err(at) = lookup.cells.binary_search(&cell) {
                lookup.cells.insert(at, cell);
            }
            wants.iter().for_each(|want| lookup.add(cell, *want));
        }
        lookup
    }

    fn add(&mut self, cell: i16, want: Want) {
        match want {
            Want::Shopper(shopper) => self.shoppers.add(cell, shopper.0),
            Want::QuoteAsked(key) => self.quote_keys.add(cell, key.0),
            Want::Quote(id) => self.quotes.add(cell, id.number()),
            Want::Payment(id, key) => {
                self.quotes.add(cell, id.number());
                self.refunded.add(cell, id.number());
                self.refund_keys.push(key.0);
            }
            Want::Coupon(id) => self.coupons.add(cell, id.number()),
            Want::Slice(campaign) => self.slices.add(cell, campaign.0.into()),
        }
    }

    /// The statements that lock the cells, each of them in its turn.
    pub(super) fn locks(&self, spread: Spread) -> Vec<Request<'static>> {
        let groups = spread.of_cells(&self.cells).into_iter();
        groups.map(|group| group.request(&table::cell::LOCK, Vec::new())).collect()
    }

    /// The first round.
    pub(super) fn first(&self, spread: Spread) -> Round<'_> {
        let mut round = Round::new(spread);
        round.ask(Of::Shoppers, &table::coupon::BY_SHOPPER, &self.shoppers);
        round.ask(Of::Coupons, &table::coupon::BY_ID, &self.coupons);
        round.ask(Of::Quotes, &table::quote::BY_KEY, &self.quote_keys);
        round.ask(Of::Quotes, &table::quote::BY_ID, &self.quotes);
        round.ask_with(Of::Refunds, &table::refund::BY_KEY, &self.refunded, Some(&self.refund_keys));
        round.ask(Of::Slices, &table::slice::BY_CAMPAIGN, &self.slices);
        round
    }
}

/// The working sets of some cells, while they are filled.
pub(super) struct Filling {
    cells: Vec<Rows>,
    spread: Spread,
    /// What was loaded so far, as far as more is read because of it.
    coupons: Vec<LoadedCoupon>,
    quotes: Vec<LoadedQuote>,
    /// Open quotes that hold parts of coupons, as far as they were looked for.
    holds: FxHashMap<CouponId, Vec<QuoteId>>,
}

struct LoadedCoupon {
    cell: i16,
    id: CouponId,
    /// Whether some of it is reserved.
    is_reserved: bool,
    /// Whether money of it can move.
    can_move: bool,
}

struct LoadedQuote {
    cell: i16,
    id: QuoteId,
    coupon: Option<CouponId>,
    is_paid: bool,
}

impl Filling {
    /// Empty working sets of the cells, as which they are `stored` in their order.
    pub(super) fn new(lookup: &Lookup, stored: &[cell::Stored], spread: Spread) -> Result<Self, StoreError> {
        let rows = |cell: &i16| {
            let found = stored.binary_search_by_key(cell, |stored| stored.cell);
            let found = found.map_err(|_| StoreError::Refused(format!("there is no cell {cell}")))?;
            Ok(Rows::new(Cell(u16::try_from(*cell).unwrap_or_default()), stored[found].counters))
        };
        let mut cells: Vec<Rows> = lookup.cells.iter().map(rows).collect::<Result<_, StoreError>>()?;
        for (cell, shopper) in lookup.shoppers.iter() {
            of(&mut cells, cell)?.shoppers.insert(ShopperKey(shopper), Vec::new());
        }
        let (coupons, quotes, holds) = (Vec::new(), Vec::new(), FxHashMap::default());
        Ok(Self { cells, spread, coupons, quotes, holds })
    }

    /// Adds the rows that a round answered.
    pub(super) fn load(&mut self, round: &[Of], replies: &[Reply]) -> Result<(), StoreError> {
        for (of, reply) in round.iter().zip(replies) {
            for row in &reply.rows {
                match of {
                    Of::Shoppers | Of::Coupons => self.coupon(*of, table::coupon::read(row)?)?,
                    Of::Quotes | Of::Holds => self.quote(*of, table::quote::read(row)?)?,
                    Of::Payments => {
                        let (cell, payment) = table::payment::read(row)?;
                        self.of(cell)?.load_payment(payment);
                    }
                    Of::Refunds => {
                        let (cell, refund) = table::refund::read(row)?;
                        self.of(cell)?.load_refund(refund);
                    }
                    Of::Slices => {
                        let (cell, campaign, slice) = table::slice::read(row)?;
                        self.of(cell)?.slices.load(campaign, slice);
                    }
                }
            }
        }
        Ok(())
    }

    fn coupon(&mut self, found_by: Of, (cell, coupon): (i16, Coupon)) -> Result<(), StoreError> {
        let rows = self.of(cell)?;
        if found_by == Of::Shoppers {
            rows.shoppers.entry(coupon.shopper).or_default().push(coupon.id);
        }
        if rows.coupons.has(coupon.id) {
            return Ok(());
        }
        let (id, is_reserved) = (coupon.id, coupon.reserved > 0);
        let can_move = coupon.is_live() || is_reserved;
        rows.load_coupon(coupon);
        self.coupons.push(LoadedCoupon { cell, id, is_reserved, can_move });
        Ok(())
    }

    fn quote(&mut self, found_by: Of, (cell, quote): (i16, Quote)) -> Result<(), StoreError> {
        if found_by == Of::Holds {
            // Of a coupon of which nothing is reserved no quote holds anything.
            let Some(coupon) = quote.coupon else { return Ok(()) };
            self.holds.entry(coupon).or_default().push(quote.id);
            let holder = self.of(cell)?.coupons.get(coupon);
            if holder.is_none_or(|coupon| coupon.reserved <= 0) {
                return Ok(());
            }
        }
        let rows = self.of(cell)?;
        if rows.quotes.has(quote.id) {
            return Ok(());
        }
        let (id, coupon, is_paid) = (quote.id, quote.coupon, quote.phase == Phase::Paid);
        rows.load_quote(quote);
        self.quotes.push(LoadedQuote { cell, id, coupon, is_paid });
        Ok(())
    }

    fn of(&mut self, cell: i16) -> Result<&mut Rows, StoreError> {
        of(&mut self.cells, cell)
    }

    /// The second round: what the rows of the first name.
    pub(super) fn second(&self) -> Result<Round<'static>, StoreError> {
        let (mut coupons, mut holds) = (Keys::default(), Keys::default());
        let (mut slices, mut payments) = (Keys::default(), Keys::default());
        for coupon in &self.coupons {
            if coupon.is_reserved {
                holds.add(coupon.cell, coupon.id.number());
            }
            if coupon.can_move {
                self.slice(&mut slices, coupon.cell, coupon.id)?;
            }
        }
        for quote in &self.quotes {
            if quote.is_paid {
                payments.add(quote.cell, PaymentId::of(quote.id).number());
            }
            let Some(coupon) = quote.coupon else { continue };
            self.slice(&mut slices, quote.cell, coupon)?;
            if !self.look(quote.cell)?.coupons.has(coupon) {
                // What of it is reserved is not known yet: the quotes that hold it come along.
                coupons.add(quote.cell, coupon.number());
                holds.add(quote.cell, coupon.number());
            }
        }
        let mut round = Round::new(self.spread);
        round.ask(Of::Coupons, &table::coupon::BY_ID, &coupons);
        round.ask(Of::Holds, &table::quote::HOLDING, &holds);
        round.ask(Of::Payments, &table::payment::BY_ID, &payments);
        round.ask(Of::Slices, &table::slice::BY_CAMPAIGN, &slices);
        Ok(round)
    }

    /// Adds the slice of a coupon's campaign, unless it is there.
    fn slice(&self, slices: &mut Keys, cell: i16, coupon: CouponId) -> Result<(), StoreError> {
        let campaign = coupon.campaign();
        if !self.look(cell)?.slices.has(campaign) {
            slices.add(cell, campaign.0.into());
        }
        Ok(())
    }

    fn look(&self, cell: i16) -> Result<&Rows, StoreError> {
        let found = self.cells.binary_search_by_key(&cell, |rows| place(rows.cell));
        found.ok().and_then(|at| self.cells.get(at)).ok_or_else(strange)
    }

    /// The working sets, in the order of their cells.
    pub(super) fn finish(mut self) -> Result<Vec<Rows>, StoreError> {
        for rows in &mut self.cells {
            for coupons in rows.shoppers.values_mut() {
                coupons.sort_unstable();
            }
        }
        for coupon in &self.coupons {
            if coupon.is_reserved {
                let mut holds = self.holds.remove(&coupon.id).unwrap_or_default();
                holds.sort_unstable();
                of(&mut self.cells, coupon.cell)?.holds.insert(coupon.id, holds);
            }
        }
        Ok(self.cells)
    }
}

fn of(cells: &mut [Rows], cell: i16) -> Result<&mut Rows, StoreError> {
    let found = cells.binary_search_by_key(&cell, |rows| place(rows.cell));
    found.ok().and_then(|at| cells.get_mut(at)).ok_or_else(strange)
}

fn strange() -> StoreError {
    damaged("a row of a cell that was not asked for")
}
