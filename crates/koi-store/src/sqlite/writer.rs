//! The writer: one connection, one transaction at a time.

use koi_core::catalog::{Catalog, Entry};
use koi_core::id::{CampaignNo, Cell};
use koi_core::idempotency::Key;
use koi_core::rows::{Cells, Rows};
use koi_core::time::Time;
use rusqlite::{Connection, OpenFlags};

use super::fold::Folding;
use super::folder::Folder;
use super::prefetch::prefetch;
use super::sorted::{Beside, New, Pieces, Recent};
use super::table::{self, api_key::ApiKey};
use crate::error::StoreError;
use crate::{Begun, Due, Left, LogSetting, News, Notes, Sequenced, Store, Want, Wanted};

/// An installation on one SQLite file has one cell.
const CELL: Cell = Cell::TREASURY;

/// The one connection that writes.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    folder: Folder,
    /// What the sorted indexes lack.
    recent: Beside,
    /// Whether `recent` may lack rows: nothing was read yet, or COMMIT failed, and whether it is stored is
    /// unknown.
    stale: bool,
    /// Grows with every change of the catalog that may be stored. Nobody else writes to the file, so it is kept here.
    revision: u64,
    /// Absent for orders that need no server: they add little to the log.
    folding: Option<Folding>,
}

impl Writer {
    pub(super) fn new(connection: Connection, folder: Folder, folding: Option<Folding>) -> Self {
        // Read when it is needed first.
        let recent = Beside::new(Recent::empty(folder.runs()));
        Self { connection, folder, recent, stale: true, revision: 1, folding }
    }

    /// What readers beside this writer must know to find the coupons of a shopper.
    pub fn recent(&self) -> Beside {
        self.recent.clone()
    }

    /// The sandbox's clock, as it was left.
    pub fn sandbox_clock(&self) -> Result<Option<Time>, StoreError> {
        table::meta::sandbox_clock(&self.connection)
    }

    /// What the folder was first served as (`sandbox` or `live`), after settling it if it is new.
    pub fn mode(&self, asked: &str) -> Result<String, StoreError> {
        table::meta::settled(&self.connection, table::meta::MODE, asked)
    }

    /// The wallet currency that the folder was first served with, after settling it if it is new.
    pub fn wallet_currency(&self, asked: &str) -> Result<String, StoreError> {
        table::meta::settled(&self.connection, table::meta::WALLET_CURRENCY, asked)
    }

    /// What the public log of the installation is, after settling it if it is new.
    pub fn public_log(&self, setting: LogSetting, asked: &str) -> Result<String, StoreError> {
        table::meta::settled(&self.connection, setting.name(), asked)
    }

    /// Notes a step of the public log; false if somebody has made the step of this number, or if the one before it is not
    /// there with this root.
    pub fn sequence(&self, step: &Sequenced, before: &[u8; 32]) -> Result<bool, StoreError> {
        table::sequenced::add(&self.connection, step, before)
    }

    /// When the last line was written, of the ledger or of the office's log: time is not before that.
    pub fn latest(&self) -> Result<Option<Time>, StoreError> {
        super::reader::latest(&self.connection)
    }

    /// Adds a key of the API.
    pub fn add_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        table::api_key::add(&self.connection, key)
    }

    /// Remembers when keys were used, in one transaction.
    pub fn keys_used(&mut self, used: &[(String, Time)]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for (id, at) in used {
            table::api_key::used(&transaction, id, *at)?;
        }
        Ok(transaction.commit()?)
    }

    /// Revokes a key; false when there is none that works under this id.
    pub fn revoke_key(&self, id: &str, now: Time) -> Result<bool, StoreError> {
        table::api_key::revoke(&self.connection, id, now)
    }

    fn write(&self, rows: &Rows, notes: &Notes) -> Result<Pieces, StoreError> {
        let connection = &self.connection;
        let coupons = table::coupon::write(connection, rows.coupons.changed())?;
        let quotes = table::quote::write(connection, rows.quotes.changed())?;
        let pieces = match self.stale {
            // Orders of the office need no shoppers: what is not known is not written either.
            true => Pieces::default(),
            false => self.recent.look().write(connection, New { coupons, quotes })?,
        };
        table::payment::write(connection, rows.payments.changed())?;
        for (_, refund, _) in rows.refunds.changed() {
            table::refund::insert(connection, refund)?;
        }
        for (campaign, slice, _) in rows.slices.changed() {
            table::slice::put(connection, rows.cell, campaign, slice)?;
        }
        table::transfer::add(connection, &rows.transfers)?;
        table::cell::put(connection, rows.cell, rows.counters)?;
        for entry in &rows.entries {
            self.write_entry(entry, notes)?;
        }
        self.write_notes(notes)?;
        Ok(pieces)
    }

    fn write_entry(&self, entry: &Entry, notes: &Notes) -> Result<(), StoreError> {
        let connection = &self.connection;
        match entry {
            Entry::Campaign(campaign) => table::campaign::put(connection, campaign),
            Entry::Merchant(merchant) => table::merchant::put(connection, merchant),
            Entry::Store(store) => table::store::put(connection, store),
            Entry::Code(code) => table::code::put(connection, code),
            Entry::Rate(pair, rate) => {
                let since = notes.log.first().map_or(Time::EARLIEST, |line| line.at);
                table::rate::add(connection, pair, *rate, since)
            }
        }
    }

    fn write_notes(&self, notes: &Notes) -> Result<(), StoreError> {
        if let Some(answered) = &notes.answered {
            table::answered::add(&self.connection, answered)?;
        }
        for line in &notes.log {
            table::log::add(&self.connection, line)?;
        }
        for stated in &notes.statements {
            table::statement::add(&self.connection, stated)?;
        }
        if let Some(now) = notes.sandbox_clock {
            table::meta::put_sandbox_clock(&self.connection, now)?;
        }
        Ok(())
    }

    /// Reads what may be stored without being known here.
    pub(super) fn refresh(&mut self) -> Result<(), StoreError> {
        if self.stale {
            let stored = Recent::load(&self.connection, self.folder.runs())?;
            self.recent.change(|recent| *recent = stored);
            self.stale = false;
        }
        Ok(())
    }

    /// What was read badly must not stay in a connection's memory.
    fn reopen_after(&mut self, error: &StoreError) {
        if let StoreError::Unreadable(_) = error {
            self.reopen();
        }
    }

    /// A connection whose commit failed is not used again: what it has in memory may not be what is stored.
    fn reopen(&mut self) {
        if let Ok(connection) = self.folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE) {
            self.connection = connection;
        }
    }
}

impl Store for Writer {
    fn cells(&self) -> u16 {
        1
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn span(&self) -> usize {
        1
    }

    fn catalog_after(&mut self, _known: u64) -> Result<News, StoreError> {
        // Nobody else writes: it is read when a server starts, and after a failure.
        let mut catalog = Catalog::default();
        catalog.revision = self.revision;
        let connection = &self.connection;
        for merchant in table::merchant::all(connection)? {
            catalog.apply(Entry::Merchant(merchant.into()));
        }
        for store in table::store::all(connection)? {
            catalog.apply(Entry::Store(store.into()));
        }
        for code in table::code::all(connection)? {
            catalog.apply(Entry::Code(code.into()));
        }
        for (pair, rate) in table::rate::all(connection)? {
            catalog.apply(Entry::Rate(pair, rate));
        }
        for campaign in table::campaign::all(connection)? {
            catalog.apply(Entry::Campaign(campaign.into()));
        }
        Ok(News::Whole(catalog))
    }

    fn begin(&mut self, wanted: &[Wanted], asked: Option<Key>) -> Result<Begun, StoreError> {
        let wants: &[Want] = match wanted {
            [] => &[],
            [(CELL, wants)] => wants,
            _ => return Err(StoreError::Refused("an installation on one file has one cell".into())),
        };
        let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
        let read = begun.map_err(StoreError::from).and_then(|_| {
            if !wants.is_empty() {
                self.refresh()?;
            }
            let rows = prefetch(&self.connection, CELL, wants, &self.recent.found(wants))?;
            let answered = asked.map(|key| table::answered::get(&self.connection, key)).transpose()?.flatten();
            Ok(Begun {
                cells: Cells::new(vec![rows]),
                revision: self.revision,
                clock: None,
                latest: None,
                answered,
            })
        });
        read.inspect_err(|error| {
            self.rollback();
            self.reopen_after(error);
        })
    }

    fn commit(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        let Some(rows) = cells.get(CELL) else {
            self.rollback();
            return Err(StoreError::Refused("an installation on one file has one cell".into()));
        };
        // Also after an error: the change may be stored all the same.
        self.revision += u64::from(!rows.entries.is_empty());
        let pieces = self.write(rows, notes).and_then(|pieces| {
            // From here to the answer nobody knows what is stored. What failed before was certainly rolled back, and
            // must not cost the next batch the time of reading all rows that wait.
            let stale = std::mem::replace(&mut self.stale, true);
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            self.stale = stale;
            Ok(pieces)
        });
        let pieces = pieces.inspect_err(|_| {
            self.rollback();
            self.reopen();
        })?;
        self.recent.change(|recent| recent.committed(rows, pieces));
        if let Some(folding) = &self.folding {
            folding.after_commit(&self.connection);
        }
        Ok(())
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit() && self.connection.execute_batch("ROLLBACK").is_err() {
            self.reopen();
        }
    }

    fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError> {
        if !cells.contains(&CELL) {
            return Ok(Due::default());
        }
        due(&self.connection, now, judged, limit).inspect_err(|error| self.reopen_after(error))
    }

    fn left(&mut self, campaign: CampaignNo) -> Result<Vec<Left>, StoreError> {
        let slice = table::slice::get(&self.connection, CELL, campaign);
        let slice = slice.inspect_err(|error| self.reopen_after(error))?;
        Ok(slice.map(|slice| (CELL, slice.left)).into_iter().collect())
    }
}

fn due(
    connection: &Connection,
    now: Time,
    judged: &[(CampaignNo, Time)],
    limit: usize,
) -> Result<Due, StoreError> {
    let mut due = Due { coupons: table::quote::due(connection, now, limit)?, next: None };
    due.next = table::quote::next_due(connection)?;
    for (campaign, judged) in judged {
        let room = limit.saturating_sub(due.coupons.len());
        if room > 0 {
            due.coupons.extend(table::coupon::due(connection, *campaign, *judged, room)?);
        }
        // While a campaign is paused, what expires after the pause's start waits for its end.
        let next = table::coupon::next_due(connection, *campaign)?;
        let next = next.filter(|next| *judged == now || next <= judged);
        due.next = [due.next, next].into_iter().flatten().min();
    }
    due.coupons.sort_unstable();
    due.coupons.dedup();
    Ok(due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const DEFERRED: &str = "PRAGMA foreign_keys = ON; CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY); \
        CREATE TEMP TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);";

    fn served() -> (tempfile::TempDir, Writer, super::super::Lock) {
        let place = tempfile::tempdir().unwrap();
        let (writer, lock) = Folder::new(place.path()).serve().unwrap();
        (place, writer, lock)
    }

    fn claim(writer: &mut Writer, ordinal: u32) -> Cells {
        let coupon = sample::coupon(ordinal);
        let wanted = [(CELL, vec![Want::Shopper(coupon.shopper)])];
        let mut cells = writer.begin(&wanted, None).unwrap().cells;
        cells.get_mut(CELL).unwrap().coupons.put(coupon.id, coupon);
        cells
    }

    /// What was rolled back for certain costs the next batch nothing.
    #[test]
    fn only_a_commit_that_may_be_stored_is_read_again() {
        let (_place, mut writer, _lock) = served();
        let cells = claim(&mut writer, 1);
        writer.commit(&cells, &Notes::default()).unwrap();
        assert!(!writer.stale);

        let mut cells = writer.begin(&[], None).unwrap().cells;
        cells.get_mut(CELL).unwrap().coupons.put(sample::coupon(1).id, sample::coupon(1));
        assert!(writer.commit(&cells, &Notes::default()).is_err(), "it is there already");
        assert!(!writer.stale);

        writer.connection.execute_batch(DEFERRED).unwrap();
        let cells = claim(&mut writer, 2);
        writer.connection.execute_batch("INSERT INTO temp.child VALUES (7)").unwrap();
        assert!(writer.commit(&cells, &Notes::default()).is_err(), "COMMIT itself is refused");
        assert!(writer.stale);

        // An order of the office needs no shoppers, so it does not end the doubt.
        let cells = writer.begin(&[], None).unwrap().cells;
        writer.commit(&cells, &Notes::default()).unwrap();
        assert!(writer.stale);
        let cells = claim(&mut writer, 3);
        assert!(!writer.stale);
        writer.commit(&cells, &Notes::default()).unwrap();
    }
}
