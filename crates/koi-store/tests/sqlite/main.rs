//! The SQLite store, through the door that the engine uses.

mod backup;
mod damage;
mod due;
mod folder;
mod notes;
mod purchases;
mod round_trip;
mod sample;
mod transactions;

use koi_core::catalog::Entry;
use koi_core::id::{Cell, TransferId};
use koi_core::ledger::Transfer;
use koi_core::rows::{Cells, Rows};
use koi_store::sqlite::{Folder, Reader, Writer};
use koi_store::{Notes, Store, Want};
use std::ops::ControlFlow;

/// A folder of its own for each test, with a writer; both are gone when it is dropped.
struct Installation {
    writer: Writer,
    folder: Folder,
    _lock: Box<dyn std::any::Any>,
    _place: tempfile::TempDir,
}

impl Installation {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let (writer, lock) = folder.serve().unwrap();
        Self { writer, folder, _lock: Box::new(lock), _place: place }
    }

    /// Writes what `change` leaves in an empty working set.
    fn commit(&mut self, change: impl FnOnce(&mut Rows)) {
        self.commit_on(&[], change);
    }

    /// Writes what `change` makes of the rows that are wanted.
    fn commit_on(&mut self, wants: &[Want], change: impl FnOnce(&mut Rows)) {
        let mut rows =
            self.writer.begin(&[(Cell(0), wants.to_vec())], None).unwrap().cells.treasury().cloned().unwrap();
        change(&mut rows);
        self.writer.commit(&Cells::new(vec![rows.clone()]), &Notes::default()).unwrap();
    }

    fn enter(&mut self, entries: Vec<Entry>) {
        self.commit(|rows| rows.entries = entries);
    }

    fn reader(&self) -> Reader {
        self.folder.reader().unwrap()
    }

    fn rows(&self, wants: &[Want]) -> Rows {
        self.reader().rows(wants).unwrap()
    }

    /// The database beside the store's own doors.
    fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.database()).unwrap()
    }
}

/// Every line of the ledger.
fn transfers(reader: &Reader) -> Vec<Transfer> {
    let mut lines = Vec::new();
    let each = |line| {
        lines.push(line);
        ControlFlow::Continue(())
    };
    reader.for_each_transfer(TransferId::of_number(0), each).unwrap();
    lines
}
