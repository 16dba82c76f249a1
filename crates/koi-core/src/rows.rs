//! The working set of a batch: every row that its commands name, as prefetched, then as changed.
//!
//! Commands are decided one after the other; each sees what the ones before it changed. In the end the
//! store writes what [`Table::changed`] lists. A transaction that touches several cells has a working set of each
//! ([`Cells`]).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::catalog::Entry;
use crate::coupon::Coupon;
use crate::fault::Fault;
use crate::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId, RefundId, ShopperKey, TransferId};
use crate::idempotency::{Fingerprint, Key};
use crate::ledger::{Buckets, CONTINUES, Movement, Reason, Transfer, Way};
use crate::packet;
use crate::payment::{Payment, Refund};
use crate::quote::{self, Quote};
use crate::time::Time;

/// How a row of the working set relates to the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// It is as stored.
    Keep,
    /// It is not stored yet.
    Insert,
    /// It replaces the stored one.
    Update,
}

/// Rows of one kind.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    rows: FxHashMap<K, (V, Write)>,
    changed: Vec<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: FxHashMap::default(), changed: Vec::new() }
    }
}

impl<K: Copy + Ord + std::hash::Hash, V> Table<K, V> {
    /// Adds a row as it is stored.
    pub fn load(&mut self, key: K, row: V) {
        self.rows.insert(key, (row, Write::Keep));
    }

    /// The row of a key.
    pub fn get(&self, key: K) -> Option<&V> {
        self.rows.get(&key).map(|(row, _)| row)
    }

    /// Whether the row is there.
    pub fn has(&self, key: K) -> bool {
        self.rows.contains_key(&key)
    }

    /// Puts a row in the place of the one before, if there was one.
    pub fn put(&mut self, key: K, row: V) {
        let write = match self.rows.get(&key) {
            None => Write::Insert,
            Some((_, Write::Keep)) => Write::Update,
            Some((_, write)) => {
                self.rows.insert(key, (row, *write));
                return;
            }
        };
        self.rows.insert(key, (row, write));
        self.changed.push(key);
    }

    /// Whether any row must be written.
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The rows to write, in the order of their keys: neighbours in the store are written together.
    pub fn changed(&self) -> impl Iterator<Item = (K, &V, Write)> {
        let mut keys = self.changed.clone();
        keys.sort_unstable();
        keys.into_iter().filter_map(|key| self.rows.get(&key).map(|(row, write)| (key, row, *write)))
    }
}

/// A campaign's part of a cell: its packets, its next ordinal, its balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The ordinal of the next claim.
    pub next_ordinal: u32,
    /// Packets left, tier by tier.
    pub left: Vec<u64>,
    /// The balances of the campaign's accounts in this cell.
    pub buckets: Buckets,
}

/// The next numbers of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The next quote's.
    pub quote: i64,
    /// The next transfer's.
    pub transfer: i64,
}

/// What was done under an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A claim made this coupon.
    Claim(CouponId),
    /// A call made this coupon void.
    Void(CouponId),
    /// A call made this quote.
    Quote(QuoteId),
    /// A call cancelled this quote.
    CancelQuote(QuoteId),
    /// A call paid this quote.
    Pay(QuoteId),
    /// A call cancelled this payment.
    CancelPayment(PaymentId),
    /// A call made this refund.
    Refund(RefundId),
}

/// Packets of one tier that go to another cell, or come from it, with the money that backs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose packets.
    pub campaign: CampaignNo,
    /// Their tier.
    pub tier: u16,
    /// How many.
    pub count: u32,
    /// What they are worth together.
    pub amount: i64,
    /// Where they go, or where they come from.
    pub way: Way,
    /// Whether they were drawn together with those of the move before this one.
    pub continues: bool,
}

impl Move {
    fn movement(&self) -> Movement {
        let part = u32::from(self.tier) | if self.continues { CONTINUES } else { 0 };
        Movement::between_cells(self.way, self.amount, Reason::Move, part)
    }

    /// What is left of the tier afterwards.
    fn leaves(&self, left: u64) -> Result<u64, Fault> {
        match self.way {
            Way::Into(_) => left.checked_sub(u64::from(self.count)).ok_or(Fault::Negative),
            Way::From(_) => left.checked_add(u64::from(self.count)).ok_or(Fault::Overflow),
        }
    }
}

/// What a decision changes in one cell. Nothing in it can be refused any more.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Coupons as they are from now on.
    pub coupons: Vec<Coupon>,
    /// Quotes as they are from now on.
    pub quotes: Vec<Quote>,
    /// Payments as they are from now on.
    pub payments: Vec<Payment>,
    /// New refunds.
    pub refunds: Vec<Refund>,
    /// Money that moves.
    pub movements: Vec<(CampaignNo, Movement)>,
    /// A packet's tier that is taken, under the next ordinal.
    pub taken: Option<(CampaignNo, usize)>,
    /// A packet's tier that is put back.
    pub put_back: Option<(CampaignNo, usize)>,
    /// Packets that go to other cells or come from them.
    pub moved: Vec<Move>,
    /// A new campaign's part of the cell.
    pub slice: Option<(CampaignNo, Slice)>,
    /// Changes of the catalog.
    pub entries: Vec<Entry>,
}

/// The working set of one cell.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Whose rows these are.
    pub cell: Cell,
    /// The next numbers.
    pub counters: Counters,
    /// The coupons of each shopper, in the order of their numbers.
    pub shoppers: FxHashMap<ShopperKey, Vec<CouponId>>,
    /// Coupons.
    pub coupons: Table<CouponId, Coupon>,
    /// The open quotes that hold a part of each coupon.
    pub holds: FxHashMap<CouponId, Vec<QuoteId>>,
    /// Quotes.
    pub quotes: Table<QuoteId, Quote>,
    /// Payments.
    pub payments: Table<PaymentId, Payment>,
    /// Refunds.
    pub refunds: Table<RefundId, Refund>,
    /// Campaigns' parts of the cell.
    pub slices: Table<CampaignNo, Slice>,
    /// The ledger's new lines.
    pub transfers: Vec<Transfer>,
    /// Changes of the catalog, in order.
    pub entries: Vec<Entry>,
    done: FxHashMap<Key, (Fingerprint, Done)>,
}

impl Rows {
    /// An empty working set.
    pub fn new(cell: Cell, counters: Counters) -> Self {
        Self {
            cell,
            counters,
            shoppers: FxHashMap::default(),
            coupons: Table::default(),
            holds: FxHashMap::default(),
            quotes: Table::default(),
            payments: Table::default(),
            refunds: Table::default(),
            slices: Table::default(),
            transfers: Vec::new(),
            entries: Vec::new(),
            done: FxHashMap::default(),
        }
    }

    /// What was done under a key.
    pub fn done(&self, key: Key) -> Option<(Fingerprint, Done)> {
        self.done.get(&key).copied()
    }

    /// The number of the next line of the ledger.
    pub fn next_line(&self) -> TransferId {
        TransferId::new(self.cell, self.counters.transfer)
    }

    /// Whether the batch changed anything that must be written.
    pub fn is_changed(&self) -> bool {
        !self.transfers.is_empty()
            || !self.entries.is_empty()
            || self.coupons.is_changed()
            || self.quotes.is_changed()
            || self.payments.is_changed()
            || self.refunds.is_changed()
            || self.slices.is_changed()
    }

    /// Adds a stored coupon.
    pub fn load_coupon(&mut self, coupon: Coupon) {
        self.note_coupon(&coupon);
        self.coupons.load(coupon.id, coupon);
    }

    /// Adds a stored quote.
    pub fn load_quote(&mut self, quote: Quote) {
        self.note_quote(&quote);
        self.quotes.load(quote.id, quote);
    }

    /// Adds a stored payment.
    pub fn load_payment(&mut self, payment: Payment) {
        self.note_payment(&payment);
        self.payments.load(payment.id, payment);
    }

    /// Adds a stored refund.
    pub fn load_refund(&mut self, refund: Refund) {
        self.note_refund(&refund);
        self.refunds.load(refund.id, refund);
    }

    fn note_coupon(&mut self, coupon: &Coupon) {
        self.done.insert(coupon.asked.key, (coupon.asked.fingerprint, Done::Claim(coupon.id)));
        if let Some(asked) = coupon.voided {
            self.done.insert(asked.key, (asked.fingerprint, Done::Void(coupon.id)));
        }
    }

    fn note_quote(&mut self, quote: &Quote) {
        self.done.insert(quote.asked.key, (quote.asked.fingerprint, Done::Quote(quote.id)));
        if let Some(asked) = quote.settled {
            let done = match quote.phase {
                quote::Phase::Paid => Done::Pay(quote.id),
                quote::Phase::Open | quote::Phase::Cancelled | quote::Phase::Expired => {
                    Done::CancelQuote(quote.id)
                }
            };
            self.done.insert(asked.key, (asked.fingerprint, done));
        }
    }

    fn note_payment(&mut self, payment: &Payment) {
        if let Some((_, asked)) = payment.cancelled {
            self.done.insert(asked.key, (asked.fingerprint, Done::CancelPayment(payment.id)));
        }
    }

    fn note_refund(&mut self, refund: &Refund) {
        self.done.insert(refund.asked.key, (refund.asked.fingerprint, Done::Refund(refund.id)));
    }

    /// Applies what a decision changes. Balances and stocks are computed first, so that a fault leaves
    /// the working set as it was.
    pub fn apply(&mut self, changes: Changes, now: Time) -> Result<(), Fault> {
        let slices = self.slices_after(&changes)?;
        self.put(changes, slices, now);
        Ok(())
    }

    /// Puts changes in place, with the slices as they make them.
    fn put(&mut self, changes: Changes, slices: Vec<(CampaignNo, Slice)>, now: Time) {
        for (campaign, slice) in slices {
            self.slices.put(campaign, slice);
        }
        for (campaign, movement) in changes.movements {
            self.write_transfer(campaign, movement, 1, now);
        }
        for moved in changes.moved {
            self.write_transfer(moved.campaign, moved.movement(), moved.count, now);
        }
        for coupon in changes.coupons {
            self.note_coupon(&coupon);
            if !self.coupons.has(coupon.id) {
                self.shoppers.entry(coupon.shopper).or_default().push(coupon.id);
            }
            self.coupons.put(coupon.id, coupon);
        }
        for quote in changes.quotes {
            self.note_quote(&quote);
            self.counters.quote += i64::from(!self.quotes.has(quote.id));
            self.note_hold(&quote);
            self.quotes.put(quote.id, quote);
        }
        for payment in changes.payments {
            self.note_payment(&payment);
            self.payments.put(payment.id, payment);
        }
        for refund in changes.refunds {
            self.note_refund(&refund);
            self.refunds.put(refund.id, refund);
        }
        self.entries.extend(changes.entries);
    }

    /// The slices that changes touch, as they are afterwards.
    fn slices_after(&self, changes: &Changes) -> Result<Vec<(CampaignNo, Slice)>, Fault> {
        let mut touched: Vec<CampaignNo> = changes.movements.iter().map(|(campaign, _)| *campaign).collect();
        touched.extend(changes.taken.iter().chain(&changes.put_back).map(|(campaign, _)| *campaign));
        touched.extend(changes.slice.iter().map(|(campaign, _)| *campaign));
        touched.extend(changes.moved.iter().map(|moved| moved.campaign));
        touched.sort_unstable();
        touched.dedup();

        let mut after = Vec::with_capacity(touched.len());
        for campaign in touched {
            let new = changes.slice.iter().find(|(number, _)| *number == campaign).map(|(_, slice)| slice);
            let before = new.or_else(|| self.slices.get(campaign));
            let mut slice = before.cloned().ok_or(Fault::Missing("a campaign's slice"))?;
            for (_, movement) in changes.movements.iter().filter(|(number, _)| *number == campaign) {
                slice.buckets = slice.buckets.after(movement)?;
            }
            for moved in changes.moved.iter().filter(|moved| moved.campaign == campaign) {
                slice.buckets = slice.buckets.after(&moved.movement())?;
                let count =
                    slice.left.get_mut(usize::from(moved.tier)).ok_or(Fault::Missing("a packet's tier"))?;
                *count = moved.leaves(*count)?;
            }
            if let Some((_, tier)) = changes.taken.filter(|(number, _)| *number == campaign) {
                let count = slice.left.get_mut(tier).ok_or(Fault::Missing("a packet's tier"))?;
                *count = count.checked_sub(1).ok_or(Fault::Negative)?;
                slice.next_ordinal = slice.next_ordinal.checked_add(1).ok_or(Fault::Overflow)?;
            }
            if let Some((_, tier)) = changes.put_back.filter(|(number, _)| *number == campaign) {
                packet::put_back(&mut slice.left, tier)?;
            }
            after.push((campaign, slice));
        }
        Ok(after)
    }

    /// Writes a line; coupons that follow each other in the batch share one. Another line of the campaign between
    /// them ends it: what it put back into the stock may be what the next coupon takes.
    fn write_transfer(&mut self, campaign: CampaignNo, movement: Movement, count: u32, now: Time) {
        if movement.reason == Reason::Issue {
            let last = self.transfers.iter_mut().rev().find(|line| line.campaign == campaign);
            if let Some(line) = last
                && line.movement.reason == Reason::Issue
                && line.movement.subject + i64::from(line.count) == movement.subject
                && let Some(amount) = line.movement.amount.checked_add(movement.amount)
            {
                line.movement.amount = amount;
                line.count += 1;
                return;
            }
        }
        let id = self.next_line();
        self.counters.transfer += 1;
        self.transfers.push(Transfer { id, campaign, movement, count, at: now });
    }

    /// Keeps the list of the open quotes that hold a part of a coupon.
    fn note_hold(&mut self, quote: &Quote) {
        let Some(coupon) = quote.coupon else { return };
        let holds = self.holds.entry(coupon).or_default();
        let held = holds.iter().position(|id| *id == quote.id);
        match (quote.phase, held) {
            (quote::Phase::Open, None) => holds.push(quote.id),
            (quote::Phase::Paid | quote::Phase::Cancelled | quote::Phase::Expired, Some(place)) => {
                holds.remove(place);
            }
            (quote::Phase::Open, Some(_))
            | (quote::Phase::Paid | quote::Phase::Cancelled | quote::Phase::Expired, None) => {}
        }
    }
}

/// The working sets of the cells that one transaction touches.
#[derive(Clone, Debug, Default)]
pub struct Cells(Vec<Rows>);

impl Cells {
    /// Working sets in any order; each of another cell.
    pub fn new(mut rows: Vec<Rows>) -> Self {
        rows.sort_by_key(|rows| rows.cell);
        Self(rows)
    }

    /// The working set of a cell.
    pub fn get(&self, cell: Cell) -> Option<&Rows> {
        self.place(cell).and_then(|place| self.0.get(place))
    }

    /// The working set of a cell, to change it.
    pub fn get_mut(&mut self, cell: Cell) -> Option<&mut Rows> {
        self.place(cell).and_then(|place| self.0.get_mut(place))
    }

    fn place(&self, cell: Cell) -> Option<usize> {
        self.0.binary_search_by_key(&cell, |rows| rows.cell).ok()
    }

    /// The working set of a cell that must be there.
    pub(crate) fn of(&self, cell: Cell) -> Result<&Rows, Fault> {
        self.get(cell).ok_or(Fault::Missing("a cell's working set"))
    }

    /// The working set of the treasury.
    pub fn treasury(&self) -> Result<&Rows, Fault> {
        self.of(Cell::TREASURY)
    }

    /// All of them, in the order of the cells.
    pub fn iter(&self) -> impl Iterator<Item = &Rows> {
        self.0.iter()
    }

    /// The working set of the first cell, given away: of a read that names one cell, all there is.
    pub fn into_first(self) -> Option<Rows> {
        self.0.into_iter().next()
    }

    /// All of them, in the order of the cells, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Rows> {
        self.0.iter_mut()
    }

    /// A campaign's slice in a cell.
    pub fn slice(&self, cell: Cell, campaign: CampaignNo) -> Result<&Slice, Fault> {
        self.of(cell)?.slices.get(campaign).ok_or(Fault::Missing("a campaign's slice"))
    }

    /// Whether anything changed that must be written.
    pub fn is_changed(&self) -> bool {
        self.iter().any(Rows::is_changed)
    }

    /// Applies what a decision changes in each cell. All of it is computed first, so that a fault leaves every cell
    /// as it was.
    pub fn apply(&mut self, changes: BTreeMap<Cell, Changes>, now: Time) -> Result<(), Fault> {
        let mut after = Vec::with_capacity(changes.len());
        for (cell, changes) in changes {
            let slices = self.of(cell)?.slices_after(&changes)?;
            after.push((cell, changes, slices));
        }
        for (cell, changes, slices) in after {
            if let Some(rows) = self.get_mut(cell) {
                rows.put(changes, slices, now);
            }
        }
        Ok(())
    }
}
