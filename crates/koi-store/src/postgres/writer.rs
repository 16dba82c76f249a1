//! The writer: one connection, one transaction at a time, over as many cells as a batch has.

use koi_core::id::{CampaignNo, Cell};
use koi_core::idempotency::Key;
use koi_core::rows::{Cells, Slice};
use koi_core::time::Time;

use super::catalog;
use super::changes::{Changes, Written};
use super::due;
use super::form::{Spread, place};
use super::link::Link;
use super::notes::{self, Entries};
use super::prefetch::{Filling, Lookup};
use super::session::{Param, Request};
use super::table::{self, cell::Stored};
use crate::error::StoreError;
use crate::{Begun, Due, Left, News, Notes, Store, Wanted};

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// What is read in it is one state.
pub(super) const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// A commit is never given up half way by the server's own clock: where replicas must have it, PostgreSQL would answer
/// that it is done while only the primary has it.
const PATIENT: &str = "SET LOCAL statement_timeout = 0";

/// The most cells of one transaction where all are on one server. However many rows a commit writes it waits for the
/// disk once, so that a batch should need few of them; but nobody else gets at its cells meanwhile, so that it should
/// not take all.
const SPAN: usize = 32;

/// The one connection that writes for its owner. Any number of them, in any number of processes, work side by side.
pub struct Writer {
    link: Link,
    cells: u16,
    span: usize,
    /// The transaction that is under way.
    begun: Option<Transaction>,
}

/// What a transaction was begun with.
struct Transaction {
    /// The cells that were taken, in their order.
    taken: Vec<Stored>,
    /// The catalog's, as it is stored.
    revision: u64,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({})", self.link.database())
    }
}

impl Writer {
    pub(super) fn new(link: Link, cells: u16) -> Self {
        let span = match link.spread() {
            Spread::Together => SPAN,
            // What stays on one node needs no commit in two phases.
            Spread::Apart => 1,
        };
        Self { link, cells, span, begun: None }
    }

    /// Statements that were sent so far, over all connections of this writer.
    pub fn sent(&self) -> u64 {
        self.link.sent()
    }

    fn try_begin(&mut self, lookup: &Lookup, asked: Option<Key>) -> Result<(Begun, Transaction), StoreError> {
        let spread = self.link.spread();
        // Sent together: the server runs them one after the other, each on what is committed once the cells are taken.
        let mut requests = vec![Request::of(BEGIN)];
        requests.extend(lookup.locks(spread));
        let locked = 1..requests.len();
        requests.push(table::meta::read());
        requests.extend(asked.map(table::answered::get));
        let opening = requests.len();
        let first = lookup.first(spread);
        requests.extend(first.requests);
        let replies = self.link.begin(&requests)?;
        let meta = replies.get(locked.end).ok_or_else(unanswered)?;
        let answered = asked.and_then(|_| replies.get(locked.end + 1));
        let taken = table::cell::read(replies.get(locked).unwrap_or_default())?;

        let mut filling = Filling::new(lookup, &taken, spread)?;
        filling.load(&first.of, replies.get(opening..).unwrap_or_default())?;
        let second = filling.second()?;
        if !second.is_empty() {
            let replies = self.link.run(&second.requests)?;
            filling.load(&second.of, &replies)?;
        }
        let revision = table::meta::revision(meta)?;
        let begun = Begun {
            cells: Cells::new(filling.finish()?),
            revision: table::meta::of_timeline(revision, self.link.timeline()),
            clock: table::meta::sandbox_clock(meta)?,
            latest: taken.iter().filter_map(|cell| cell.latest).max(),
            answered: answered.map(table::answered::read).transpose()?.flatten(),
        };
        Ok((begun, Transaction { taken, revision }))
    }

    fn write(&mut self, transaction: &Transaction, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        let entries = Entries::of(cells.iter().flat_map(|rows| &rows.entries));
        if entries.change_campaigns() && transaction.taken.len() < usize::from(self.cells) {
            return Err(StoreError::Refused("a campaign is changed by who has begun on all cells".into()));
        }
        let changes = Changes::of(cells, notes, &transaction.taken, self.link.spread())?;
        let mut writes = changes.requests();
        writes.extend(notes::requests(&entries, notes, transaction.revision));
        self.write_all(writes)
    }

    /// Writes, and sees that every row count is what it must be.
    fn write_all(&mut self, writes: Vec<Written>) -> Result<(), StoreError> {
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

    /// Writes in a transaction of its own, which is as durable as any; answers how many rows were written. After an error
    /// nobody knows whether it was.
    pub(super) fn write_one(&mut self, request: Request) -> Result<u64, StoreError> {
        self.link.begin(&[Request::of(BEGIN)])?;
        let replies = self.link.run(&[request, Request::of(PATIENT)]).inspect_err(|_| self.link.rollback())?;
        self.end()?;
        Ok(replies.first().map_or(0, |reply| reply.count))
    }

    /// Ends the transaction. When its end is not known it is begun again: whoever does that waits for its cells, which
    /// the server gives back when it has made up its mind, and so finds by the keys what became of it.
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

    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// The statements that were prepared on its connection.
    #[cfg(test)]
    pub(super) fn prepared(&self) -> Vec<&'static str> {
        self.link.prepared()
    }
}

impl Store for Writer {
    fn cells(&self) -> u16 {
        self.cells
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn span(&self) -> usize {
        self.span
    }

    fn catalog_after(&mut self, known: u64) -> Result<News, StoreError> {
        if self.link.is_open() {
            return catalog::after(&mut self.link, known);
        }
        // A campaign and its tiers are read of one state.
        self.link.begin(&[Request::of(LOOK)])?;
        let read = catalog::after(&mut self.link, known);
        self.link.rollback();
        read
    }

    fn begin(&mut self, wanted: &[Wanted], asked: Option<Key>) -> Result<Begun, StoreError> {
        if self.link.is_open() {
            return Err(StoreError::Refused("a transaction is under way".into()));
        }
        let treasury = [(Cell::TREASURY, Vec::new())];
        let wanted = if wanted.is_empty() { &treasury } else { wanted };
        let lookup = Lookup::of(wanted.iter().map(|(cell, wants)| (*cell, &wants[..])));
        let (begun, transaction) = self.try_begin(&lookup, asked).inspect_err(|_| self.rollback())?;
        self.begun = Some(transaction);
        Ok(begun)
    }

    fn commit(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        let Some(transaction) = self.begun.take() else {
            return Err(StoreError::Refused("no transaction is under way".into()));
        };
        self.write(&transaction, cells, notes).inspect_err(|_| self.link.rollback())?;
        self.end()
    }

    fn rollback(&mut self) {
        self.begun = None;
        if self.link.is_open() {
            self.link.rollback();
        }
    }

    fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError> {
        due::due(&mut self.link, cells, now, judged, limit)
    }

    fn left(&mut self, campaign: CampaignNo) -> Result<Vec<Left>, StoreError> {
        let slices = slices_of(&mut self.link, self.cells, campaign)?;
        Ok(slices.into_iter().map(|(cell, slice)| (cell, slice.left)).collect())
    }
}

pub(super) fn unanswered() -> StoreError {
    StoreError::Refused("the server left a statement unanswered".into())
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
