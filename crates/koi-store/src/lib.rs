//! The only crate with SQL. It decides nothing: it reads the rows that a batch names, and writes what the
//! rules changed.
//!
//! ```text
//! begin(wanted) ─▶ Begun ─▶ (decided elsewhere) ─▶ commit(cells, notes) | rollback()
//! ```
//! [`Store`] is the door: SQLite and PostgreSQL stand behind it. Its calls are made for whole batches, so that
//! PostgreSQL can answer each with one statement per table. Row types stay in here.

pub mod copy;
pub mod error;
mod installation;
pub mod postgres;
#[allow(dead_code, reason = "shared with the tests beside this crate")]
#[cfg(test)]
#[path = "../tests/sqlite/sample.rs"]
mod sample;
mod sheet;
pub mod sqlite;
pub mod tally;

use std::ops::{Bound, Range, RangeBounds};

use koi_core::catalog::{Catalog, Entry};
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, Principal, QuoteId, ShopperKey, TransferId};
use koi_core::idempotency::{Asked, Key};
use koi_core::rows::Cells;
use koi_core::time::Time;

pub use error::StoreError;
pub use installation::{Installation, Reader, Served, State, Writer};
pub use sqlite::{ApiKey, Totals};

/// Rows that a batch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// All coupons of a shopper, with the open quotes that hold parts of them.
    Shopper(ShopperKey),
    /// The quote that was made under a key, if any.
    QuoteAsked(Key),
    /// A quote, with its payment, its coupon and what holds that.
    Quote(QuoteId),
    /// A payment, as a quote; and its refund that was made under a key, if any.
    Payment(PaymentId, Key),
    /// A coupon, with the open quotes that hold parts of it.
    Coupon(CouponId),
    /// A campaign's part of the cell.
    Slice(CampaignNo),
}

impl Want {
    /// The cell of the row that is named. A number that names a cell which the installation does not have names nothing,
    /// and neither does a want without a place of its own: nothing is found in the first cell as well as anywhere.
    pub fn cell(&self, cells: u16) -> Cell {
        let cell = match self {
            Self::Shopper(shopper) => shopper.cell(cells),
            Self::Quote(id) => id.cell(),
            Self::Payment(id, _) => id.quote().cell(),
            Self::Coupon(id) => id.cell(),
            Self::QuoteAsked(_) | Self::Slice(_) => Cell::TREASURY,
        };
        if cell.0 < cells { cell } else { Cell::TREASURY }
    }
}

/// The answer to an order of the office, kept for repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The call that was answered.
    pub asked: Asked,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// A line of the log: who did what, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Time,
    /// Who.
    pub principal: Principal,
    /// What, such as `campaign.pause`.
    pub action: String,
    /// On what.
    pub subject: String,
    /// Why, or with what; may be empty.
    pub detail: String,
}

/// A statement of the public log, in the transaction that makes it true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// When.
    pub at: Time,
    /// The leaf.
    pub body: String,
    /// The next line of each cell's ledger: the lines before it stand before it in the log. Who makes a statement has
    /// begun on all cells.
    pub lines: Vec<i64>,
}

/// How far the public log is sequenced: which lines and statements its first `size` leaves are. Every row is one step
/// further than the one before, so that whoever reads both can tell the leaves in between, and their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequenced {
    /// Its number, dense from 1.
    pub number: i64,
    /// When the step was made, by the clock of who made it.
    pub at: Time,
    /// The number of leaves so far.
    pub size: u64,
    /// The root of the Merkle tree over them.
    pub root: [u8; 32],
    /// The number of the last statement among them.
    pub statement: i64,
    /// The number of the first line of each cell's ledger that is not among them.
    pub lines: Vec<i64>,
}

/// What stays of a coupon as it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The coupon.
    pub id: CouponId,
    /// What it was worth.
    pub face: i64,
    /// Whether it may be spent over several purchases.
    pub split: bool,
    /// When it was collected.
    pub collected_at: Time,
    /// The revision of its campaign's rules.
    pub revision: u32,
}

impl From<&Coupon> for Issued {
    fn from(coupon: &Coupon) -> Self {
        let Coupon { id, face, split, collected_at, revision, .. } = *coupon;
        Self { id, face, split, collected_at, revision }
    }
}

/// What is settled of an installation's public log when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSetting {
    /// Its origin.
    Origin,
    /// The secret of the key that it signs with.
    Secret,
}

impl LogSetting {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Origin => "log_origin",
            Self::Secret => "log_secret",
        }
    }
}

/// What a transaction leaves besides rows, mostly one of the office.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Its answer, for repeats.
    pub answered: Option<Answered>,
    /// Lines of the log.
    pub log: Vec<LogLine>,
    /// Statements of the public log.
    pub statements: Vec<Stated>,
    /// The sandbox's clock, when it was moved.
    pub sandbox_clock: Option<Time>,
}

/// What fell due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Coupons that expired or whose open quotes ran out.
    pub coupons: Vec<CouponId>,
    /// When the next thing falls due, as far as it is stored; `None`: nothing will by itself.
    pub next: Option<Time>,
}

/// What a batch needs of a cell.
pub type Wanted = (Cell, Vec<Want>);

/// What a transaction begins with. It stays true until its end.
#[derive(Debug)]
pub struct Begun {
    /// The rows that are wanted.
    pub cells: Cells,
    /// Which revision the stored catalog has.
    pub revision: u64,
    /// Where the sandbox's clock stands, if others than who asks may move it.
    pub clock: Option<Time>,
    /// The latest time that anybody wrote in these cells, if others than who asks may write, whose clocks may be ahead:
    /// nothing that is decided on these rows is earlier.
    pub latest: Option<Time>,
    /// The answer that is kept under the key that was given.
    pub answered: Option<Answered>,
}

/// What is stored of the catalog, for who knows an earlier state of it.
#[derive(Debug)]
pub enum News {
    /// All of it.
    Whole(Catalog),
    /// The revision that it has now, and what was written after the one that is known.
    Later(u64, Vec<Entry>),
}

impl News {
    /// The revision that the catalog has now.
    pub fn revision(&self) -> u64 {
        match self {
            Self::Whole(catalog) => catalog.revision,
            Self::Later(revision, _) => *revision,
        }
    }

    /// Reaches a catalog, which is that of the revision that was known.
    pub fn reach(self, catalog: &mut Catalog) {
        match self {
            Self::Whole(stored) => *catalog = stored,
            Self::Later(revision, entries) => {
                entries.into_iter().for_each(|entry| catalog.apply(entry));
                catalog.revision = revision;
            }
        }
    }
}

/// The numbers of a range of lines.
pub(crate) fn numbers(range: impl RangeBounds<TransferId>) -> Range<i64> {
    let after = |id: &TransferId| id.number().saturating_add(1);
    let start = match range.start_bound() {
        Bound::Included(first) => first.number(),
        Bound::Excluded(before) => after(before),
        Bound::Unbounded => i64::MIN,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => after(last),
        Bound::Excluded(end) => end.number(),
        Bound::Unbounded => i64::MAX,
    };
    start..end
}

/// What is left of a campaign's stock in a cell, tier by tier.
pub type Left = (Cell, Vec<u64>);

/// The door to a store. Each value of it has a connection of its own; it is not shared.
pub trait Store: Send {
    /// How many cells the installation has.
    fn cells(&self) -> u16;

    /// Whether other processes may write to the same installation.
    fn is_shared(&self) -> bool;

    /// The most cells of one transaction.
    fn span(&self) -> usize;

    /// Reads what is stored of the catalog and was not at a revision that is known. Within a transaction that is under way
    /// it is as new as the transaction, or newer.
    fn catalog_after(&mut self, known: u64) -> Result<News, StoreError>;

    /// Reads campaigns, merchants, stores, codes and the rates in force.
    fn load_catalog(&mut self) -> Result<Catalog, StoreError> {
        let mut catalog = Catalog::default();
        self.catalog_after(catalog.revision)?.reach(&mut catalog);
        Ok(catalog)
    }

    /// Begins a transaction on some cells (on the treasury, if none is named), and reads what a batch needs of each;
    /// nobody else changes these cells before its end, nor any campaign. `asked` is the key of an order of the office.
    fn begin(&mut self, wanted: &[Wanted], asked: Option<Key>) -> Result<Begun, StoreError>;

    /// Writes what changed, and ends the transaction durably. Who changes a campaign has begun on all cells. After an
    /// error the transaction is over, and nothing of it is seen by anybody (whether it is on the disk may be unknown:
    /// keys tell).
    fn commit(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError>;

    /// Ends the transaction and forgets it.
    fn rollback(&mut self);

    /// At most `limit` of what fell due in some cells. Each campaign is given with the instant by which its expiries
    /// are judged.
    fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError>;

    /// What is left of a campaign's stock, cell by cell: as it is just now, and may not be in a moment.
    fn left(&mut self, campaign: CampaignNo) -> Result<Vec<Left>, StoreError>;
}
