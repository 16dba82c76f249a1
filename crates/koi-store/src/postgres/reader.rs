//! Readers: connections beside the writers, each seeing what is committed.

use std::cell::RefCell;
use std::ops::{ControlFlow, RangeBounds};
use std::time::Duration;

use koi_core::audit::{Deduction, Purchase};
use koi_core::catalog::{Catalog, Pair};
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, CouponId, QuoteId, TransferId};
use koi_core::idempotency::Key;
use koi_core::ledger::Transfer;
use koi_core::money::Rate;
use koi_core::rows::{Cells, Counters, Rows, Slice};
use koi_core::time::Time;
use tokio_postgres::Row;

use super::catalog;
use super::form::place;
use super::link::Link;
use super::prefetch::{Filling, Lookup};
use super::purchases;
use super::session::{Reply, Request};
use super::sheets::Rows as Chunks;
use super::table::cell::Stored;
use super::table::{self, Fields};
use super::walk::{self, Kind, Place};
use super::writer::{LOOK, all_cells, slices_of};
use crate::error::{StoreError, damaged};
use crate::sheet::{Sheet, Value};
use crate::sqlite::{ApiKey, Totals};
use crate::{Answered, Issued, News, Sequenced, State, Stated, Wanted};

/// A transaction's number that grows with every change that is begun.
const VERSION: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

const TIME: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// What else is connected, and from where, as far as our user is shown it.
const OTHERS: &str = "SELECT pid::bigint, coalesce(host(client_addr), CASE client_port WHEN -1 \
    THEN 'a socket of its machine' ELSE 'an address that its own user is shown' END) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'koi' AND pid <> pg_backend_pid() ORDER BY pid";
/// How often, and how long in between, connections of others are looked for: one that was closed just now may still be
/// there.
const LOOKS: u32 = 20;
const REST: Duration = Duration::from_millis(100);

/// A connection that only reads.
pub struct Reader {
    link: RefCell<Link>,
    cells: u16,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.link.borrow().database())
    }
}

impl Reader {
    pub(super) fn new(link: Link, cells: u16) -> Self {
        Self { link: RefCell::new(link), cells }
    }

    /// The number of cells of the installation.
    pub fn cells(&self) -> u16 {
        self.cells
    }

    /// Statements that were sent so far, over all connections of this reader.
    pub fn sent(&self) -> u64 {
        self.link.borrow().sent()
    }

    /// The rows that are wanted, as they are stored.
    pub fn rows(&self, wanted: &[Wanted]) -> Result<Cells, StoreError> {
        let lookup = Lookup::of(wanted.iter().map(|(cell, wants)| (*cell, &wants[..])));
        self.in_one_moment(|| self.fill(&lookup)).map(Cells::new)
    }

    fn fill(&self, lookup: &Lookup) -> Result<Vec<Rows>, StoreError> {
        let spread = self.link.borrow().spread();
        let first = lookup.first(spread);
        let mut requests = vec![Request::with(&table::cell::READ, vec![Box::new(&lookup.cells)])];
        requests.extend(first.requests);
        let replies = self.ask(&requests)?;
        let (stored, found) = replies.split_at(1.min(replies.len()));
        let mut filling = Filling::new(lookup, &table::cell::read(stored)?, spread)?;
        filling.load(&first.of, found)?;
        let second = filling.second()?;
        if !second.is_empty() {
            filling.load(&second.of, &self.ask(&second.requests)?)?;
        }
        filling.finish()
    }

    /// Runs several reads on one state of the database.
    pub fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.link.borrow().is_open() {
            return Err(StoreError::Refused("a moment within a moment".into()));
        }
        self.link.borrow_mut().begin(&[Request::of(LOOK)])?;
        // Nothing was written: there is nothing to commit.
        let result = read();
        self.link.borrow_mut().rollback();
        result
    }

    /// Runs reads on one state of the database, which may be that of reads around them.
    fn in_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let is_open = self.link.borrow().is_open();
        if is_open { read() } else { self.at_one_moment(read) }
    }

    fn ask(&self, requests: &[Request]) -> Result<Vec<Reply>, StoreError> {
        self.link.borrow_mut().once(requests)
    }

    fn ask_one(&self, request: Request) -> Result<Reply, StoreError> {
        Ok(self.ask(&[request])?.pop().unwrap_or_default())
    }

    /// What others may have changed.
    pub fn state(&self) -> Result<State, StoreError> {
        let meta = self.ask_one(table::meta::read())?;
        let revision = table::meta::of_timeline(table::meta::revision(&meta)?, self.link.borrow().timeline());
        Ok(State { revision, clock: table::meta::sandbox_clock(&meta)? })
    }

    /// The catalog's revision as it is stored, without the server's timeline.
    pub(crate) fn revision(&self) -> Result<u64, StoreError> {
        table::meta::revision(&self.ask_one(table::meta::read())?)
    }

    /// Whether it is half a copy under this mark.
    pub(super) fn is_marked(&self, mark: &str) -> Result<bool, StoreError> {
        table::meta::is_marked(&self.ask_one(table::meta::read())?, mark)
    }

    /// What the server's clock says.
    pub fn server_time(&self) -> Result<Time, StoreError> {
        let reply = self.ask_one(Request::of(TIME))?;
        let ms =
            reply.rows.first().map_or_else(|| Err(damaged("the server's time")), |row| Fields::of(row).next());
        ms.map(Time::of_ms)
    }

    /// Everything that changes rarely, as it is stored.
    pub fn catalog(&self) -> Result<Catalog, StoreError> {
        self.in_one_moment(|| catalog::all(&mut self.link.borrow_mut()))
    }

    /// What is stored of the catalog and was not at a revision that is known.
    pub fn catalog_after(&self, known: u64) -> Result<News, StoreError> {
        self.in_one_moment(|| catalog::after(&mut self.link.borrow_mut(), known))
    }

    /// A campaign's stock and balances, over all cells.
    pub fn totals(&self, campaign: CampaignNo) -> Result<Option<Totals>, StoreError> {
        let slices = slices_of(&mut self.link.borrow_mut(), self.cells, campaign)?;
        let mut totals: Option<Totals> = None;
        for (_, slice) in slices {
            totals = Some(match totals {
                None => Totals { left: slice.left, buckets: slice.buckets },
                Some(sum) => {
                    Totals { left: added(&sum.left, &slice.left)?, buckets: sum.buckets.plus(&slice.buckets)? }
                }
            });
        }
        Ok(totals)
    }

    /// Every slice, by its cell and campaign.
    pub fn slices(&self) -> Result<Vec<(Cell, CampaignNo, Slice)>, StoreError> {
        let reply = self.ask_one(Request::with(&table::slice::ALL, vec![all_cells(self.cells)]))?;
        let mut slices = Vec::with_capacity(reply.rows.len());
        for row in &reply.rows {
            let (of, campaign, slice) = table::slice::read(row)?;
            slices.push((cell(of), campaign, slice));
        }
        slices.sort_unstable_by_key(|(cell, campaign, _)| (*cell, *campaign));
        Ok(slices)
    }

    /// The next numbers of every cell that was written to, in the order of the cells.
    pub fn counters(&self) -> Result<Vec<(Cell, Counters)>, StoreError> {
        let stored =
            table::cell::read(&self.ask(&[Request::with(&table::cell::READ, vec![all_cells(self.cells)])])?)?;
        // All cells are there from the beginning.
        let is_used = |stored: &Stored| stored.counters != Counters { quote: 1, transfer: 1 };
        Ok(stored.into_iter().filter(is_used).map(|stored| (cell(stored.cell), stored.counters)).collect())
    }

    /// Every rate that was ever in force.
    pub fn rates(&self) -> Result<Vec<(Pair, Rate)>, StoreError> {
        table::rate::read(&self.ask_one(table::rate::after(0))?)
    }

    /// How many ordinals of a campaign there are in a cell, up to that of its last coupon.
    pub fn last_ordinal(&self, cell: Cell, campaign: CampaignNo) -> Result<u32, StoreError> {
        let first = CouponId::new(cell, campaign, 0).number();
        let last = CouponId::new(cell, campaign, u32::MAX).number();
        let params = vec![Box::new(place(cell)) as _, Box::new(first) as _, Box::new(last) as _];
        let reply = self.ask_one(Request::with(&table::coupon::LAST, params))?;
        let Some(row) = reply.rows.first() else { return Ok(0) };
        let last = CouponId::of_number(Fields::of(row).next()?);
        Ok(last.ordinal().saturating_add(1))
    }

    /// The coupons with numbers in `[from, until)`, one after the other.
    ///
    /// This walk and those below are in the order of cells, then of numbers. They see one state of the database within
    /// [`at_one_moment`](Self::at_one_moment) only.
    pub fn for_each_coupon(&self, from: i64, until: i64, mut each: impl FnMut(Coupon)) -> Result<(), StoreError> {
        let key = |coupon: &Coupon| (coupon.id.number(), 0);
        let kind = Kind { walk: &table::coupon::WALK, read: table::coupon::read, key };
        walk::for_each(&self.link, kind, (Place::of(from), Place::of(until)), |coupon| {
            each(coupon);
            ControlFlow::Continue(())
        })
    }

    /// What stays of the coupons with numbers in `[from, until)`, one after the other.
    pub fn for_each_issued(&self, from: i64, until: i64, mut each: impl FnMut(Issued)) -> Result<(), StoreError> {
        let key = |issued: &Issued| (issued.id.number(), 0);
        let kind = Kind { walk: &table::coupon::ISSUED, read: table::coupon::issued, key };
        walk::for_each(&self.link, kind, (Place::of(from), Place::of(until)), |issued| {
            each(issued);
            ControlFlow::Continue(())
        })
    }

    /// The key under which each quote was asked for, cell by cell in the order of the keys. (A key belongs to one cell.)
    pub fn for_each_quote_key(&self, mut each: impl FnMut(Key, QuoteId)) -> Result<(), StoreError> {
        let read = |row: &Row| {
            let mut fields = Fields::of(row);
            Ok((fields.next()?, (Key(fields.next()?), QuoteId::of_number(fields.next()?))))
        };
        let key = |(key, _): &(Key, QuoteId)| (key.0, 0);
        let kind = Kind { walk: &table::quote::KEYS, read, key };
        walk::for_each(&self.link, kind, (Place::of(i64::MIN), Place::END), |(key, id)| {
            each(key, id);
            ControlFlow::Continue(())
        })
    }

    /// What every quote takes off a coupon, one after the other.
    pub fn for_each_deduction(&self, each: impl FnMut(Deduction)) -> Result<(), StoreError> {
        self.in_one_moment(|| purchases::for_each_deduction(&self.link, each))
    }

    /// Quotes with their payments and refunds, from a number on, until `each` has enough. A payment or a refund
    /// without its quote comes too.
    pub fn for_each_purchase(
        &self,
        from: QuoteId,
        each: impl FnMut(Purchase) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.in_one_moment(|| purchases::for_each_from(&self.link, from, each))
    }

    /// The ledger's lines with numbers in `range`, until `each` has enough.
    pub fn for_each_transfer(
        &self,
        range: impl RangeBounds<TransferId>,
        each: impl FnMut(Transfer) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let key = |line: &Transfer| (line.id.number(), 0);
        let kind = Kind { walk: &table::transfer::WALK, read: table::transfer::read, key };
        let numbers = crate::numbers(range);
        walk::for_each(&self.link, kind, (Place::of(numbers.start), Place::of(numbers.end)), each)
    }

    /// The answer kept for an order of the office.
    pub fn answered(&self, key: Key) -> Result<Option<Answered>, StoreError> {
        table::answered::read(&self.ask_one(table::answered::get(key))?)
    }

    /// At most `limit` statements of the public log with numbers above `number`, each with its number.
    pub fn statements(&self, number: i64, limit: u32) -> Result<Vec<(i64, Stated)>, StoreError> {
        table::statement::read(&self.ask_one(table::statement::after(number, limit))?)
    }

    /// How far the public log was sequenced at the step of this number, or at the last one.
    pub fn sequenced(&self, number: Option<i64>) -> Result<Option<Sequenced>, StoreError> {
        table::sequenced::read(&self.ask_one(table::sequenced::get(number))?)
    }

    /// All keys of the API.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        table::api_key::read(&self.ask_one(table::api_key::all())?)
    }

    /// The rows of a table, in the order of its keys. They are of one state within
    /// [`at_one_moment`](Self::at_one_moment) only.
    pub(crate) fn for_each_row(
        &self,
        sheet: &'static Sheet,
        each: &mut dyn FnMut(&[Value]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut rows = Chunks::new(sheet)?;
        while let Some(request) = rows.next() {
            let reply = self.ask_one(request)?;
            rows.hand_out(&reply.rows, each)?;
        }
        Ok(())
    }

    /// When cells were written to last, those that were.
    pub(crate) fn latest(&self) -> Result<Vec<(Cell, Time)>, StoreError> {
        let read = Request::with(&table::cell::READ, vec![all_cells(self.cells)]);
        let stored = table::cell::read(&self.ask(&[read])?)?;
        Ok(stored.iter().filter_map(|stored| Some((cell(stored.cell), stored.latest?))).collect())
    }

    /// Refuses a database that servers or other commands are connected to, and names their connections.
    pub(crate) fn must_be_alone(&self) -> Result<(), StoreError> {
        let mut others = self.others()?;
        for _ in 1..LOOKS {
            if others.is_empty() {
                return Ok(());
            }
            std::thread::sleep(REST);
            others = self.others()?;
        }
        if others.is_empty() {
            return Ok(());
        }
        Err(StoreError::Refused(format!(
            "servers or commands of Koi still use {}, by these connections: {}. Stop all of them first, and start them again \
             when this is done; a pooler may hold connections of servers that were stopped: let it close them",
            self.link.borrow().database(),
            others.join(", ")
        )))
    }

    /// The other connections of Koi, in words: those of servers that run, and of commands.
    fn others(&self) -> Result<Vec<String>, StoreError> {
        let named = |row| {
            let mut fields = Fields::of(row);
            let (pid, from): (i64, &str) = (fields.next()?, fields.next()?);
            Ok(format!("pid {pid} from {from}"))
        };
        self.ask_one(Request::of(OTHERS))?.rows.iter().map(named).collect()
    }

    /// A number that changes whenever another connection commits.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        let reply = self.ask_one(Request::of(VERSION))?;
        reply.rows.first().map_or_else(|| Err(damaged("the server's version")), |row| Fields::of(row).next())
    }

    /// What is wrong with the files, as far as it shows: that is the server's to know (`pg_amcheck`, checksums).
    pub fn file_check(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}

fn cell(place: i16) -> Cell {
    Cell(u16::try_from(place).unwrap_or_default())
}

/// The packets of two cells together, tier by tier.
fn added(one: &[u64], other: &[u64]) -> Result<Vec<u64>, StoreError> {
    let sums = one.iter().zip(other).map(|(one, other)| one.checked_add(*other));
    sums.collect::<Option<_>>().ok_or_else(|| damaged("a stock"))
}
