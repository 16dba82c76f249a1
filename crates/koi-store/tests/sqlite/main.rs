//! The SQLite store, through the door that the engine uses. What it has in common with PostgreSQL is in `both`.

mod backup;
mod damage;
#[path = "../both/due.rs"]
mod due;
mod folder;
#[path = "../both/notes.rs"]
mod notes;
#[path = "../both/purchases.rs"]
mod purchases;
#[path = "../both/round_trip.rs"]
mod round_trip;
mod sample;
#[path = "../both/transactions.rs"]
mod transactions;

use koi_core::catalog::{Catalog, Entry};
use koi_core::id::{CampaignNo, Cell, Principal, TransferId};
use koi_core::ledger::Transfer;
use koi_core::rows::{Cells, Rows};
use koi_core::time::Time;
pub(crate) use koi_store::sqlite::Reader;
use koi_store::sqlite::{ApiKey, Folder, Writer};
use koi_store::{Due, LogLine, LogSetting, Notes, Sequenced, Store, StoreError, Want};
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
        let mut rows = self.begin(wants).unwrap();
        change(&mut rows);
        self.end(&rows, &Notes::default()).unwrap();
    }

    fn begin(&mut self, wants: &[Want]) -> Result<Rows, StoreError> {
        let begun = self.writer.begin(&[(Cell::TREASURY, wants.to_vec())], None)?;
        Ok(begun.cells.treasury()?.clone())
    }

    fn end(&mut self, rows: &Rows, notes: &Notes) -> Result<(), StoreError> {
        self.writer.commit(&Cells::new(vec![rows.clone()]), notes)
    }

    fn rollback(&mut self) {
        self.writer.rollback();
    }

    fn due(&mut self, now: Time, judged: &[(CampaignNo, Time)], limit: usize) -> Due {
        self.writer.due(&[Cell::TREASURY], now, judged, limit).unwrap()
    }

    fn load_catalog(&mut self) -> Catalog {
        self.writer.load_catalog().unwrap()
    }

    fn latest(&mut self) -> Option<Time> {
        self.writer.latest().unwrap()
    }

    fn sandbox_clock(&mut self) -> Option<Time> {
        self.writer.sandbox_clock().unwrap()
    }

    fn sequence(&mut self, step: &Sequenced, before: &[u8; 32]) -> bool {
        self.writer.sequence(step, before).unwrap()
    }

    fn public_log(&mut self, setting: LogSetting, asked: &str) -> String {
        self.writer.public_log(setting, asked).unwrap()
    }

    fn mode(&mut self, asked: &str) -> String {
        self.writer.mode(asked).unwrap()
    }

    fn add_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.writer.add_key(key)
    }

    fn revoke_key(&mut self, id: &str, now: Time) -> bool {
        self.writer.revoke_key(id, now).unwrap()
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

    /// Breaks something behind the store's back.
    fn damage(&self, sql: &str) {
        self.sql().execute_batch(sql).unwrap();
    }

    fn log_lines(&self) -> Vec<LogLine> {
        let sql = self.sql();
        let mut statement =
            sql.prepare("SELECT at, principal, action, subject, detail FROM log ORDER BY number").unwrap();
        let lines = statement.query_map([], |row| {
            Ok(LogLine {
                at: Time::of_ms(row.get(0)?),
                principal: Principal::stored(&row.get::<_, String>(1)?),
                action: row.get(2)?,
                subject: row.get(3)?,
                detail: row.get(4)?,
            })
        });
        lines.unwrap().collect::<Result<_, _>>().unwrap()
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
    reader.for_each_transfer(TransferId::of_number(0).., each).unwrap();
    lines
}
