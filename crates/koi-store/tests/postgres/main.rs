//! The PostgreSQL store, through the door that the engine uses. What it has in common with SQLite is in `both`.

mod catalog;
mod cells;
mod citus;
mod claims;
mod doors;
#[path = "../both/due.rs"]
mod due;
mod lost;
#[path = "../both/notes.rs"]
mod notes;
#[path = "../both/purchases.rs"]
mod purchases;
#[path = "../both/round_trip.rs"]
mod round_trip;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../sqlite/sample.rs"]
mod sample;
#[allow(dead_code, reason = "shared with other tests")]
mod server;
mod shop;
mod speed;
mod statements;
mod tls;
#[path = "../both/transactions.rs"]
mod transactions;
mod walks;

use std::ops::ControlFlow;

use koi_core::catalog::{Catalog, Entry};
use koi_core::id::{CampaignNo, Cell, Principal, TransferId};
use koi_core::ledger::Transfer;
use koi_core::rows::{Cells, Rows};
use koi_core::time::Time;
pub(crate) use koi_store::postgres::Reader;
use koi_store::postgres::{ApiKey, Database, Writer};
use koi_store::{Due, LogLine, LogSetting, Notes, Sequenced, Store, StoreError, Want, Wanted};

use crate::sample::CELL;
use crate::server::{Server, Sql};

/// An installation of its own for each test.
pub(crate) struct Installation {
    pub(crate) writer: Writer,
    pub(crate) database: Database,
    name: String,
}

impl Installation {
    /// On the server with Citus that KOI_TEST_CITUS_URL names, its tables distributed; else on our own.
    pub(crate) fn new() -> Self {
        let Some(server) = Server::citus() else { return Self::on(Server::shared()) };
        let name = server.fresh();
        let database: Database = server.url(&name).parse().unwrap();
        drop(database.serve(None).unwrap());
        database.distribute(&|_| {}).unwrap();
        Self::of(server, name)
    }

    pub(crate) fn on(server: &Server) -> Self {
        Self::of(server, server.fresh())
    }

    /// One that finds Citus, as far as it can tell.
    pub(crate) fn on_citus() -> Self {
        let name = Server::shared().fresh();
        Server::shared().sql(&name).pretend_citus();
        Self::of(Server::shared(), name)
    }

    fn of(server: &Server, name: String) -> Self {
        let database: Database = server.url(&name).parse().unwrap();
        let (writer, _) = database.serve(None).unwrap();
        Self { writer, database, name }
    }

    /// Writes what `change` leaves in an empty working set.
    pub(crate) fn commit(&mut self, change: impl FnOnce(&mut Rows)) {
        self.commit_on(&[], change);
    }

    /// Writes what `change` makes of the rows that are wanted.
    pub(crate) fn commit_on(&mut self, wants: &[Want], change: impl FnOnce(&mut Rows)) {
        let mut rows = self.begin(wants).unwrap();
        change(&mut rows);
        self.end(&rows, &Notes::default()).unwrap();
    }

    fn begin(&mut self, wants: &[Want]) -> Result<Rows, StoreError> {
        let begun = self.writer.begin(&[(CELL, wants.to_vec())], None)?;
        Ok(begun.cells.get(CELL).unwrap().clone())
    }

    fn end(&mut self, rows: &Rows, notes: &Notes) -> Result<(), StoreError> {
        self.writer.commit(&Cells::new(vec![rows.clone()]), notes)
    }

    fn rollback(&mut self) {
        self.writer.rollback();
    }

    fn due(&mut self, now: Time, judged: &[(CampaignNo, Time)], limit: usize) -> Due {
        self.writer.due(&[CELL], now, judged, limit).unwrap()
    }

    fn enter(&mut self, entries: Vec<Entry>) {
        // Campaigns are changed by who has begun on all cells.
        let wanted: Vec<Wanted> = (0..self.writer.cells()).map(|cell| (Cell(cell), vec![])).collect();
        let mut begun = self.writer.begin(&wanted, None).unwrap();
        begun.cells.get_mut(CELL).unwrap().entries = entries;
        self.writer.commit(&begun.cells, &Notes::default()).unwrap();
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

    pub(crate) fn reader(&self) -> Reader {
        self.database.reader().unwrap()
    }

    fn rows(&self, wants: &[Want]) -> Rows {
        self.reader().rows(&[(CELL, wants.to_vec())]).unwrap().get(CELL).unwrap().clone()
    }

    /// Breaks something behind the store's back, and against what the database checks.
    fn damage(&self, sql: &str) {
        let database = self.sql();
        database.run("ALTER TABLE quote DROP CONSTRAINT quote_cell");
        database.run(sql);
    }

    fn log_lines(&self) -> Vec<LogLine> {
        let rows = self.sql().run("SELECT at, principal, action, subject, detail FROM log ORDER BY number");
        let line = |row: Vec<String>| LogLine {
            at: Time::of_ms(row[0].parse().unwrap()),
            principal: Principal::stored(&row[1]),
            action: row[2].clone(),
            subject: row[3].clone(),
            detail: row[4].clone(),
        };
        rows.into_iter().map(line).collect()
    }

    /// The database beside the store's own doors.
    pub(crate) fn sql(&self) -> Sql {
        Server::citus().unwrap_or_else(Server::shared).sql(&self.name)
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
