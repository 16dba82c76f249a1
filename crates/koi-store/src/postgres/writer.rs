//! The writer: one connection, one transaction at a time, over as many cells as a batch has.

use koi_core::catalog::{Catalog, Entry};
use koi_core::id::{CampaignNo, Cell};
use koi_core::idempotency::Key;
use koi_core::rows::{Counters, Rows, Slice};
use koi_core::time::Time;

use super::changes::{Changes, Written};
use super::due;
use super::form::place;
use super::link::Link;
use super::notes::{self, Entries};
use super::prefetch::{Filling, Wanted};
use super::session::{Param, Request};
use super::table;
use crate::error::StoreError;
use crate::{Answered, Due, Notes, Want};

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// What is read in it is one state.
pub(super) const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// A commit is never given up half way by the server's own clock: where replicas must have it, PostgreSQL would answer
/// that it is done while only the primary has it.
const PATIENT: &str = "SET LOCAL statement_timeout = 0";

/// The one connection that writes for its owner. Any number of them, in any number of processes, work side by side.
pub struct Writer {
    link: Link,
    cells: u16,
    /// The transaction that is under way.
    begun: Option<Transaction>,
}

/// What a transaction was begun with.
struct Transaction {
    cells: Vec<(Cell, Counters)>,
    revision: u64,
}

/// A transaction that was begun.
#[derive(Debug)]
pub struct Begun {
    /// The working sets, in the order of their cells.
    pub cells: Vec<Rows>,
    /// The catalog's revision: a catalog of another one is loaded again before anything is decided.
    pub revision: u64,
    /// The sandbox's clock, if it was ever set.
    pub sandbox_clock: Option<Time>,
    /// What was answered to the call that was asked for.
    pub answered: Option<Answered>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({})", self.link.database())
    }
}

impl Writer {
    pub(super) fn new(link: Link, cells: u16) -> Self {
        Self { link, cells, begun: None }
    }

    /// The number of cells of the installation.
    pub fn cells(&self) -> u16 {
        self.cells
    }

    /// Statements that were sent so far, over all connections of this writer.
    pub fn sent(&self) -> u64 {
        self.link.sent()
    }

    /// Begins a transaction, takes the cells and reads what a batch needs; `asked` is the key of an order of the
    /// office. Cells come in any order, also more than once. What is read stays true until the end.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: begin again, the connection is a new one then.
    pub fn begin(&mut self, wants: &[(Cell, Vec<Want>)], asked: Option<Key>) -> Result<Begun, StoreError> {
        if self.link.is_open() {
            return Err(StoreError::Refused("a transaction is under way".into()));
        }
        let mut wanted = Wanted::default();
        for (cell, wants) in wants {
            wanted.add_cell(*cell);
            wants.iter().for_each(|want| wanted.add(place(*cell), *want));
        }
        let begun = self.try_begin(&wanted, asked).inspect_err(|_| self.rollback())?;
        let cells = begun.cells.iter().map(|rows| (rows.cell, rows.counters)).collect();
        self.begun = Some(Transaction { cells, revision: begun.revision });
        Ok(begun)
    }

    fn try_begin(&mut self, wanted: &Wanted, asked: Option<Key>) -> Result<Begun, StoreError> {
        let first = wanted.first();
        let form = wanted.form();
        // Sent together: the server runs them one after the other, each on what is committed once the cells are taken.
        let mut requests = vec![Request::of(BEGIN)];
        if !wanted.cells.is_empty() {
            requests.push(Request::with(table::cell::LOCK.form(form), vec![form.cells(wanted.cells.clone())]));
        }
        requests.push(table::meta::read());
        requests.extend(asked.map(table::answered::get));
        let before = requests.len();
        requests.extend(first.requests);
        let replies = self.link.begin(&requests)?;
        let (opening, found) = replies.split_at(before);
        let mut opening = opening.iter().skip(1);
        let counters = if wanted.cells.is_empty() { None } else { opening.next() };
        let (meta, answered) = (opening.next(), opening.next());
        let meta = meta.ok_or_else(|| StoreError::Refused("the server left a statement unanswered".into()))?;

        let mut filling = Filling::new(wanted, counters)?;
        filling.load(&first.of, found)?;
        let second = filling.second()?;
        if !second.is_empty() {
            let replies = self.link.run(&second.requests)?;
            filling.load(&second.of, &replies)?;
        }
        Ok(Begun {
            cells: filling.finish()?,
            revision: table::meta::revision(meta)?,
            sandbox_clock: table::meta::sandbox_clock(meta)?,
            answered: answered.map(table::answered::read).transpose()?.flatten(),
        })
    }

    /// Writes what changed, and ends the transaction durably. After an error the transaction is over.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: somebody else was faster, or nobody can tell whether it is stored; begin the same batch
    /// again, its keys tell.
    pub fn commit(&mut self, cells: &[Rows], notes: &Notes) -> Result<(), StoreError> {
        let Some(transaction) = self.begun.take() else {
            return Err(StoreError::Refused("no transaction is under way".into()));
        };
        let entries = Entries::of(cells.iter().flat_map(|rows| &rows.entries));
        let changes = Changes::of(cells, &transaction.cells);
        let written = changes.and_then(|changes| {
            let mut writes = changes.requests();
            writes.extend(notes::requests(&entries, notes, transaction.revision));
            self.write(writes)
        });
        written.inspect_err(|_| self.link.rollback())?;
        self.end()
    }

    /// Writes, and sees that every row count is what it must be.
    fn write(&mut self, writes: Vec<Written>) -> Result<(), StoreError> {
        let (mut requests, counts): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
        requests.push(Request::of(PATIENT));
        let replies = self.link.run(&requests)?;
        for ((request, reply), count) in requests.iter().zip(&replies).zip(counts) {
            if count.is_some_and(|count| count != reply.count) {
                let what = request.sql.split(" (").next().unwrap_or_default();
                return Err(StoreError::Conflict(format!("{what}: {} rows were written", reply.count)));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let _ = self.link.was_warned();
        match self.link.commit() {
            // The server warns when it did not wait for the replicas that it should have waited for.
            Ok(()) if self.link.was_warned() => {
                Err(StoreError::Conflict("the server warned of something while it committed".into()))
            }
            Ok(()) => Ok(()),
            Err(error) => {
                // Whether it is stored is not known, whatever the words: the connection is not used again.
                self.link.forget();
                Err(StoreError::Conflict(format!("whether the commit is stored is not known: {error}")))
            }
        }
    }

    /// Ends the transaction and forgets it.
    pub fn rollback(&mut self) {
        self.begun = None;
        if self.link.is_open() {
            self.link.rollback();
        }
    }

    /// Reads campaigns, merchants, stores, codes and the rates in force, and which revision of them it is.
    pub fn load_catalog(&mut self) -> Result<(Catalog, u64), StoreError> {
        if self.link.is_open() {
            return load_catalog(&mut self.link);
        }
        // A campaign and its tiers are read of one state.
        self.link.begin(&[Request::of(LOOK)])?;
        let loaded = load_catalog(&mut self.link);
        self.link.rollback();
        loaded
    }

    /// At most `limit` of what fell due in some cells. Each campaign is given with the instant by which its expiries are
    /// judged.
    pub fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError> {
        due::due(&mut self.link, cells, now, judged, limit)
    }

    /// What is left of a campaign's packets in each cell that has a part of it, tier by tier. Nothing is locked: it is a
    /// hint where packets are.
    pub fn stock_left(&mut self, campaign: CampaignNo) -> Result<Vec<(Cell, Vec<u64>)>, StoreError> {
        let slices = slices_of(&mut self.link, self.cells, campaign)?;
        Ok(slices.into_iter().map(|(cell, slice)| (cell, slice.left)).collect())
    }

    /// The answer kept for an order of the office.
    pub fn answered(&mut self, key: Key) -> Result<Option<Answered>, StoreError> {
        let replies = self.link.once(&[table::answered::get(key)])?;
        replies.first().map_or(Ok(None), table::answered::read)
    }

    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// The statements that were prepared on its connection.
    #[cfg(test)]
    pub(super) fn prepared(&self) -> Vec<&'static str> {
        self.link.prepared()
    }
}

/// A campaign's slices, in the order of their cells.
pub(super) fn slices_of(
    link: &mut Link,
    cells: u16,
    campaign: CampaignNo,
) -> Result<Vec<(Cell, Slice)>, StoreError> {
    let params = vec![all_cells(cells), Box::new(i64::from(campaign.0)) as _];
    let replies = link.once(&[Request::with(&table::slice::OF_CAMPAIGN, params)])?;
    let mut slices = Vec::new();
    for row in replies.iter().flat_map(|reply| &reply.rows) {
        let (cell, _, slice) = table::slice::read(row)?;
        slices.push((Cell(u16::try_from(cell).unwrap_or_default()), slice));
    }
    slices.sort_unstable_by_key(|(cell, _)| *cell);
    Ok(slices)
}

/// Every cell, as a value.
pub(super) fn all_cells(cells: u16) -> Param<'static> {
    Box::new((0..cells).map(|cell| place(Cell(cell))).collect::<Vec<i16>>())
}

/// Everything that changes rarely, and its revision.
pub(super) fn load_catalog(link: &mut Link) -> Result<(Catalog, u64), StoreError> {
    let [campaigns, tiers, pauses] = table::campaign::all();
    let replies = link.once(&[
        table::meta::read(),
        Request::of(&table::merchant::ALL),
        Request::of(&table::store::ALL),
        Request::of(&table::code::ALL),
        table::rate::all(),
        campaigns,
        tiers,
        pauses,
    ])?;
    let [meta, merchants, stores, codes, rates, of_campaigns @ ..] = &replies[..] else {
        return Err(StoreError::Refused("the server left a statement unanswered".into()));
    };
    let mut catalog = Catalog::default();
    for row in &merchants.rows {
        catalog.apply(Entry::Merchant(table::merchant::read(row)?.into()));
    }
    for row in &stores.rows {
        catalog.apply(Entry::Store(table::store::read(row)?.into()));
    }
    for row in &codes.rows {
        catalog.apply(Entry::Code(table::code::read(row)?.into()));
    }
    for (pair, rate) in table::rate::read(rates)? {
        catalog.apply(Entry::Rate(pair, rate));
    }
    for campaign in table::campaign::read(of_campaigns)? {
        catalog.apply(Entry::Campaign(campaign.into()));
    }
    Ok((catalog, table::meta::revision(meta)?))
}
