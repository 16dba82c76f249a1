//! Reads the rows that a batch names, and those that they name in turn, in two rounds however large it is.
//!
//! | round | what                                                                                              |
//! |-------|---------------------------------------------------------------------------------------------------|
//! | 1     | coupons by shopper and by number, quotes by key and by number, refunds by payment and key, slices |
//! | 2     | coupons and payments of those quotes; open quotes that hold parts of those coupons; their slices  |

use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, PaymentId, QuoteId, ShopperKey};
use koi_core::quote::{Phase, Quote};
use koi_core::rows::{Counters, Rows};
use rustc_hash::FxHashMap;

use super::form::{Form, Keys, place};
use super::session::{Reply, Request};
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
    pub(super) of: Vec<Of>,
    pub(super) requests: Vec<Request<'a>>,
}

impl<'a> Round<'a> {
    fn new() -> Self {
        Self { of: Vec::new(), requests: Vec::new() }
    }

    /// Asks for keys, if there are any.
    fn ask(&mut self, of: Of, sql: &'static str, keys: &Keys, form: Form) {
        if !keys.is_empty() {
            self.of.push(of);
            self.requests.push(Request::with(sql, keys.params(form)));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// What a batch wants, sorted by what it is found by.
#[derive(Debug, Default)]
pub(super) struct Wanted {
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

impl Wanted {
    pub(super) fn of(wants: impl IntoIterator<Item = (Cell, Want)>) -> Self {
        let mut wanted = Self::default();
        for (cell, want) in wants {
            wanted.add(place(cell), want);
        }
        wanted
    }

    /// A cell that is taken, whatever is wanted of it.
    pub(super) fn add_cell(&mut self, cell: Cell) {
        if let Err(at) = self.cells.binary_search(&place(cell)) {
            self.cells.insert(at, place(cell));
        }
    }

    pub(super) fn add(&mut self, cell: i16, want: Want) {
        if let Err(at) = self.cells.binary_search(&cell) {
            self.cells.insert(at, cell);
        }
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

    pub(super) fn form(&self) -> Form {
        Form::of(self.cells.len())
    }

    /// The first round.
    pub(super) fn first(&self) -> Round<'_> {
        let form = self.form();
        let mut round = Round::new();
        round.ask(Of::Shoppers, table::coupon::BY_SHOPPER.form(form), &self.shoppers, form);
        round.ask(Of::Coupons, table::coupon::BY_ID.form(form), &self.coupons, form);
        round.ask(Of::Quotes, table::quote::BY_KEY.form(form), &self.quote_keys, form);
        round.ask(Of::Quotes, table::quote::BY_ID.form(form), &self.quotes, form);
        round.ask(Of::Refunds, table::refund::BY_KEY.form(form), &self.refunded, form);
        if let (Some(Of::Refunds), Some(request)) = (round.of.last(), round.requests.last_mut()) {
            request.params.push(Box::new(&self.refund_keys));
        }
        round.ask(Of::Slices, table::slice::BY_CAMPAIGN.form(form), &self.slices, form);
        round
    }
}

/// The working sets of some cells, while they are filled.
pub(super) struct Filling {
    cells: Vec<Rows>,
    form: Form,
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
    /// Empty working sets: `counters` answers [`cell::LOCK`] or [`cell::READ`].
    pub(super) fn new(wanted: &Wanted, counters: Option<&Reply>) -> Result<Self, StoreError> {
        let mut found: FxHashMap<i16, Counters> = FxHashMap::default();
        for row in counters.iter().flat_map(|reply| &reply.rows) {
            let (cell, counters) = cell::read(row)?;
            found.insert(cell, counters);
        }
        let rows = |cell: &i16| {
            let counters = found.get(cell).copied();
            let counters = counters.ok_or_else(|| StoreError::Refused(format!("there is no cell {cell}")))?;
            Ok(Rows::new(Cell(u16::try_from(*cell).unwrap_or_default()), counters))
        };
        let mut cells: Vec<Rows> = wanted.cells.iter().map(rows).collect::<Result<_, StoreError>>()?;
        for (cell, shopper) in wanted.shoppers.iter() {
            of(&mut cells, cell)?.shoppers.insert(ShopperKey(shopper), Vec::new());
        }
        let (coupons, quotes, holds) = (Vec::new(), Vec::new(), FxHashMap::default());
        Ok(Self { cells, form: wanted.form(), coupons, quotes, holds })
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
        let form = self.form;
        let mut round = Round::new();
        round.ask(Of::Coupons, table::coupon::BY_ID.form(form), &coupons, form);
        round.ask(Of::Holds, table::quote::HOLDING.form(form), &holds, form);
        round.ask(Of::Payments, table::payment::BY_ID.form(form), &payments, form);
        round.ask(Of::Slices, table::slice::BY_CAMPAIGN.form(form), &slices, form);
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
