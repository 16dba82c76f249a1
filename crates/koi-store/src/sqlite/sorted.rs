//! Indexes whose keys come in no order: which coupons a shopper has, which quote was asked for under a key.
//!
//! An index that is written with each row would touch a page of its own for each: read it, log it, fold it, some
//! hundred times the bytes of the entry. So entries are written in sorted runs, as log-structured trees do it:
//!
//! ```text
//! new rows ─▶ `young`, in memory ──(so many)──▶ `run`, sorted, in memory ──(piece by piece)──▶ the index's table
//! ```
//! Each commit writes a piece of the run along with its own rows, twice as many entries as new rows came in. So a
//! run of n rows is written when n/2 more have come in, and the next one begins when n have.
//!
//! Nothing is lost with the memory. Rows are numbered as they come, so that two marks tell what is in the table: all
//! rows up to `sorted`; and, of those from there up to `run`, the entries up to `run_last`. A server that starts reads
//! the rest from the rows, and goes on with the run where it was.
//!
//! Invariants, of each index:
//! - a row is in the table, in `run`, or in `young`;
//! - how much of the run is due follows from the rows that wait alone, so that no restart takes back what was won,
//!   however few rows came in between;
//! - so there wait in memory at most the length that begins a run, half a piece, and the rows of one commit.

use std::collections::BTreeSet;
use std::ops::Bound;

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::table::{run, sorted};
use crate::error::StoreError;

mod check;
mod index;
mod recent;

pub(super) use check::broken;
use index::{Entry, Index};
pub(super) use index::{KEYS, SHOPPERS};
pub use recent::Beside;
pub(super) use recent::{Found, New, Pieces, Recent};

/// How runs are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Rows that begin a run: some 25 bytes of memory each.
    pub length: usize,
    /// Entries of a run that are at least written at once.
    pub piece: usize,
}

impl Runs {
    /// What a server uses: long enough that neighbours share a page among ten million, short enough that what is not
    /// sorted is read in a moment when it starts.
    pub const SERVED: Runs = Runs { length: 1 << 20, piece: 512 };
}

/// Rows are numbered part by part: within a part (coupons of one cell and campaign, quotes of one cell) later rows have
/// greater numbers. Numbers of one part have the same upper half.
const PART_BITS: u32 = 32;

fn part(number: i64) -> i64 {
    number >> PART_BITS
}

/// Numbers by part.
type Until = FxHashMap<i64, i64>;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Table,
    Run,
    Young,
}

/// How far the table is written, as the database says.
#[derive(Debug)]
struct Marks {
    /// Up to which row of each part all are in the table.
    sorted: Until,
    /// Up to which row of each part the run goes that is being written.
    run: Until,
    /// The last entry of it that is written.
    last: Option<Entry>,
}

impl Marks {
    fn read(index: &Index, connection: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            sorted: sorted::all(connection, index.number)?.into_iter().collect(),
            run: run::all(connection, index.number)?.into_iter().collect(),
            last: run::last(connection, index.number)?,
        })
    }

    fn place(&self, entry: Entry) -> Place {
        let before = |until: &Until| until.get(&part(entry.1)).is_some_and(|until| entry.1 < *until);
        if before(&self.sorted) {
            Place::Table
        } else if !before(&self.run) {
            Place::Young
        } else if Some(entry) <= self.last {
            Place::Table
        } else {
            Place::Run
        }
    }
}

/// Entries in memory, and up to which row of each part they go.
#[derive(Clone, Debug, Default)]
struct Entries {
    sorted: BTreeSet<Entry>,
    /// The first row after them, by part.
    until: Until,
}

impl Entries {
    /// All at once: a tree that is built from sorted entries takes a fraction of the time.
    fn new(entries: Vec<Entry>) -> Self {
        let mut until = Until::default();
        entries.iter().for_each(|(_, number)| reach(&mut until, *number));
        Self { sorted: BTreeSet::from_iter(entries), until }
    }

    fn add(&mut self, entry: Entry) {
        self.sorted.insert(entry);
        reach(&mut self.until, entry.1);
    }

    fn len(&self) -> usize {
        self.sorted.len()
    }

    fn of(&self, key: i64) -> impl Iterator<Item = i64> + '_ {
        let range = (Bound::Included((key, i64::MIN)), Bound::Included((key, i64::MAX)));
        self.sorted.range(range).map(|entry| entry.1)
    }
}

fn reach(until: &mut Until, number: i64) {
    let until = until.entry(part(number)).or_default();
    *until = (*until).max(number + 1);
}

/// A run that is being written.
#[derive(Debug)]
struct Run {
    /// What is not in the table yet. `until` is that of the whole run.
    rest: Entries,
    /// How many entries it has in all.
    length: usize,
}

impl Run {
    fn written(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Writes entries, and how far the run is now.
    fn write(&self, index: &Index, connection: &Connection, count: usize) -> Result<Piece, StoreError> {
        let entries: Vec<Entry> = self.rest.sorted.iter().take(count).copied().collect();
        index.add(connection, &entries)?;
        let (number, until) = (index.number, &self.rest.until);
        let ends = entries.len() == self.rest.len();
        if ends {
            until.iter().try_for_each(|(part, until)| sorted::put(connection, number, *part, *until))?;
            run::clear(connection, number)?;
        } else if let Some(last) = entries.last() {
            if self.written() == 0 {
                until.iter().try_for_each(|(part, until)| run::put(connection, number, *part, *until))?;
            }
            run::put_last(connection, number, *last)?;
        }
        Ok(Piece { count: entries.len(), ends })
    }
}

/// What is not in the table of an index yet.
#[derive(Debug)]
struct Unsorted {
    index: &'static Index,
    runs: Runs,
    young: Entries,
    run: Option<Run>,
}

/// What a commit wrote of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    count: usize,
    /// Whether the run is written to its end.
    ends: bool,
}

impl Unsorted {
    /// Nothing is known yet.
    fn empty(index: &'static Index, runs: Runs) -> Self {
        Self { index, runs, young: Entries::default(), run: None }
    }

    /// Reads the rows that are not in the table.
    fn load(index: &'static Index, connection: &Connection, runs: Runs) -> Result<Self, StoreError> {
        let marks = Marks::read(index, connection)?;
        let (mut young, mut rest, mut written, mut from) = (Vec::new(), Vec::new(), 0, 0);
        while let Some(first) = index.first(connection, from)? {
            let sorted = marks.sorted.get(&part(first)).copied().unwrap_or(first);
            from = (part(first) + 1) << PART_BITS;
            index.for_each_row(connection, (sorted, from), |entry| match marks.place(entry) {
                Place::Table => written += 1,
                Place::Run => rest.push(entry),
                Place::Young => young.push(entry),
            })?;
        }
        let mut unsorted = Self { young: Entries::new(young), ..Self::empty(index, runs) };
        // Marks without entries are damage, and gone with the first piece.
        if !marks.run.is_empty() || marks.last.is_some() {
            let length = written + rest.len();
            let rest = Entries { until: marks.run, ..Entries::new(rest) };
            unsorted.run = Some(Run { rest, length });
        }
        unsorted.begin_run();
        Ok(unsorted)
    }

    /// The rows of a key that are not in the table.
    fn of(&self, key: i64) -> Vec<i64> {
        let run = self.run.iter().flat_map(|run| run.rest.of(key));
        run.chain(self.young.of(key)).collect()
    }

    /// Every entry, in their order.
    fn entries(&self) -> Vec<Entry> {
        let run = self.run.iter().flat_map(|run| run.rest.sorted.iter());
        let mut entries: Vec<Entry> = run.chain(&self.young.sorted).copied().collect();
        entries.sort_unstable();
        entries
    }

    /// Entries of a run that should be written by now: two for each row that came in since there were enough to
    /// begin it.
    fn due(&self, run: &Run, new: usize) -> usize {
        let since = (self.young.len() + new + run.length).saturating_sub(self.runs.length);
        (2 * since).saturating_sub(run.written())
    }

    /// Writes a piece of the run, if one is due with so many new rows.
    fn write(&self, connection: &Connection, new: usize) -> Result<Piece, StoreError> {
        let Some(run) = &self.run else { return Ok(Piece::default()) };
        let due = self.due(run, new);
        if due < self.runs.piece.min(run.rest.len()) {
            return Ok(Piece::default());
        }
        // No commit makes up for all that was left undone before it.
        run.write(self.index, connection, due.min(self.runs.piece + 2 * new))
    }

    /// A commit is durable: its rows are known from now on, and its piece need not be kept.
    fn committed(&mut self, new: impl Iterator<Item = Entry>, piece: Piece) {
        new.for_each(|entry| self.young.add(entry));
        match &mut self.run {
            Some(_) if piece.ends => self.run = None,
            Some(run) => (0..piece.count).for_each(|_| _ = run.rest.sorted.pop_first()),
            None => {}
        }
        self.begin_run();
    }

    fn begin_run(&mut self) {
        if self.run.is_none() && self.young.len() >= self.runs.length {
            let rest = std::mem::take(&mut self.young);
            self.run = Some(Run { length: rest.len(), rest });
        }
    }
}

/// Every entry of an index, in their order, as it is stored; those that wait are read from their rows.
pub(super) fn for_each(
    index: &'static Index,
    connection: &Connection,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let mut waiting = Unsorted::load(index, connection, Runs::SERVED)?.entries().into_iter().peekable();
    index.for_each(connection, |entry| {
        while let Some(before) = waiting.next_if(|before| *before < entry) {
            each(before);
        }
        each(entry);
    })?;
    waiting.for_each(each);
    Ok(())
}

#[cfg(test)]
mod tests;
