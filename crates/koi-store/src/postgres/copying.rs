//! A database as the target of a copy.
//!
//! ```text
//! the tables are made, and marked as half a copy      one transaction
//! they are emptied and filled; the mark stays          one transaction
//! what is there is read and compared (elsewhere)
//! the mark is taken away                               one statement
//! ```
//! While it is marked nobody serves it or makes keys in it. Nothing is ever emptied but what is marked: who empties, and
//! who takes the mark away, has the same lock, so that neither can happen between the other's look and deed. Each attempt
//! has a mark of its own, and takes away no other one's.

use koi_core::id::Cell;
use koi_core::time::Time;

use super::address::Database;
use super::form::place;
use super::link::{Link, Role};
use super::reader::Reader;
use super::schema::{self, Standing};
use super::session::Request;
use super::sheets::Batch;
use super::table::{cell, meta};
use crate::error::StoreError;
use crate::sheet::{SHEETS, Sheet, Value};

/// Filling takes as long as it takes, also where reading the source is slow.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
/// One copy at a time empties or finishes; it is held to the end of the transaction, and hinders nobody who only looks.
const LOCK: &str = "LOCK TABLE koi_schema IN SHARE UPDATE EXCLUSIVE MODE NOWAIT";
/// The server's code for a lock that somebody else has.
const HELD: &str = "55P03";

impl Database {
    /// What is there to copy into.
    pub(crate) fn standing(&self) -> Result<Standing, StoreError> {
        let mut link = self.link()?;
        schema::standing(&mut link)
    }

    /// A connection that only reads, also of half a copy.
    pub(crate) fn half_reader(&self) -> Result<Reader, StoreError> {
        let mut link = Link::new(self, Role::Reader)?;
        link.connect()?;
        let cells = schema::current(&mut link)?.cells;
        Ok(Reader::new(link, cells))
    }

    /// Makes tables of so many cells for a copy, unless half a one is there, and empties them.
    pub(crate) fn fill(&self, cells: u16, mark: &str) -> Result<Filling, StoreError> {
        let mut link = self.link()?;
        schema::prepare_copy(&mut link, cells)?;
        let mut filling = Filling { link };
        filling.begin(cells, mark).inspect_err(|_| filling.link.rollback())?;
        Ok(filling)
    }

    /// Says that a copy is whole, if it is still the one that was filled under this mark.
    pub(crate) fn finish(&self, mark: &str) -> Result<(), StoreError> {
        let mut link = self.link()?;
        link.script("BEGIN")?;
        unmark(&mut link, mark).inspect_err(|_| link.rollback())
    }

    /// Whether it is still half the copy that was filled under this mark.
    pub(crate) fn is_marked(&self, mark: &str) -> Result<bool, StoreError> {
        self.half_reader()?.is_marked(mark)
    }

    fn link(&self) -> Result<Link, StoreError> {
        let mut link = Link::new(self, Role::Writer)?;
        link.connect()?;
        Ok(link)
    }
}

/// Takes the mark away and commits.
fn unmark(link: &mut Link, mark: &str) -> Result<(), StoreError> {
    hold(link)?;
    let replies = link.run(&[meta::unmark(mark)])?;
    match replies.first().map(|reply| reply.count) {
        Some(1) => link.commit(),
        _ => Err(StoreError::Refused(
            "another copy has taken over the target since this one filled it: let that one end, or repeat this one".into(),
        )),
    }
}

/// From now on nobody else empties it or takes its mark away.
fn hold(link: &mut Link) -> Result<(), StoreError> {
    link.script(LOCK).map_err(|failed| match failed.code.as_str() {
        HELD => {
            StoreError::Refused("another copy into the target is under way: wait for its end, or stop it".into())
        }
        _ => failed.error,
    })
}

/// A database that is being filled, in one transaction: it is full or it is empty.
pub(crate) struct Filling {
    link: Link,
}

impl Filling {
    fn begin(&mut self, cells: u16, mark: &str) -> Result<(), StoreError> {
        self.link.script(BEGIN)?;
        hold(&mut self.link)?;
        if schema::standing(&mut self.link)? != Standing::Half {
            return Err(StoreError::Refused(
                "another copy into the target was finished meanwhile: repeat this one".into(),
            ));
        }
        // Rows of `meta` are deleted one by one: its table stays open to those who look whether it is half a copy.
        let tables = SHEETS.iter().map(|sheet| sheet.name).filter(|name| *name != "meta");
        self.link.script(&format!("TRUNCATE {}", tables.collect::<Vec<_>>().join(", ")))?;
        self.link.script(&meta::CLEAR)?;
        self.link.script(&meta::install_marked(cells, mark))?;
        Ok(())
    }

    /// What takes the rows of a table.
    pub(crate) fn table(&mut self, sheet: &'static Sheet) -> Result<Table<'_>, StoreError> {
        Ok(Table { link: &mut self.link, sheet, batch: Batch::new(sheet)? })
    }

    /// Notes what servers keep for themselves, and commits.
    pub(crate) fn end(mut self, latest: &[(Cell, Time)], revision: Option<u64>) -> Result<(), StoreError> {
        let cells = latest.iter().map(|(cell, _)| place(*cell)).collect();
        let times = latest.iter().map(|(_, time)| time.ms()).collect();
        let mut requests = vec![cell::set_latest(cells, times)];
        requests.extend(revision.map(meta::set_revision));
        requests.push(Request::of("COMMIT"));
        self.link.run(&requests).map(|_| ())
    }
}

/// A table that is being filled.
pub(crate) struct Table<'a> {
    link: &'a mut Link,
    sheet: &'static Sheet,
    batch: Batch,
}

impl Table<'_> {
    /// Adds a row, in some batch.
    pub(crate) fn add(&mut self, row: &[Value]) -> Result<(), StoreError> {
        if self.batch.add(row)? { self.write() } else { Ok(()) }
    }

    /// Writes what is not written yet.
    pub(crate) fn end(mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let full = std::mem::replace(&mut self.batch, Batch::new(self.sheet)?);
        self.link.run(&[full.request()]).map(|_| ())
    }
}
