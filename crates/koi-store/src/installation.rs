//! An installation on either store: who opens one need not know which it is.

use std::fmt;
use std::ops::{ControlFlow, RangeBounds};

use koi_core::audit::{Deduction, Purchase};
use koi_core::catalog::{Catalog, Pair};
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignNo, Cell, QuoteId, TransferId};
use koi_core::idempotency::Key;
use koi_core::ledger::Transfer;
use koi_core::money::Rate;
use koi_core::rows::{Cells, Counters, Slice};
use koi_core::time::Time;

use crate::error::StoreError;
use crate::postgres::{self, Database};
use crate::sheet::{Sheet, Value};
use crate::sqlite::{self, Beside, Folder, Indexes, Lock};
use crate::{
    Answered, ApiKey, Begun, Due, Issued, Left, LogSetting, News, Notes, Sequenced, Stated, Store, Totals, Wanted,
};

/// Where an installation is.
#[derive(Clone, Debug)]
pub enum Installation {
    /// In a data folder, on SQLite: one server at a time.
    Folder(Folder),
    /// In a PostgreSQL database: any number of servers.
    Database(Box<Database>),
}

/// `/var/lib/koi`, or `db:5432/koi`.
impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.path().display()),
            Self::Database(database) => write!(f, "{database}"),
        }
    }
}

/// An installation that is being served.
#[derive(Debug)]
pub struct Served {
    /// The writers: one for each lane.
    pub writers: Vec<Writer>,
    /// What readers in the same process must know.
    pub recent: Option<Beside>,
    /// The right to serve it, where only one server may; held to the end.
    pub lock: Option<Lock>,
}

impl Installation {
    /// Opens it to serve it, brought up to date or made new: with `cells` cells if that is said (64 in a new database),
    /// and with `lanes` writers at most.
    pub fn serve(&self, cells: Option<u16>, lanes: usize) -> Result<Served, StoreError> {
        match self {
            Self::Folder(folder) => {
                if let Some(cells) = cells.filter(|cells| *cells != 1) {
                    return Err(StoreError::Refused(format!("a data folder has one cell, not {cells}")));
                }
                let (writer, lock) = folder.serve()?;
                let recent = Some(writer.recent());
                Ok(Served { writers: vec![Writer::Folder(Box::new(writer))], recent, lock: Some(lock) })
            }
            Self::Database(database) => {
                let (first, cells) = database.serve(cells)?;
                let others = (1..lanes.min(usize::from(cells))).map(|_| database.writer());
                let writers = std::iter::once(Ok(first)).chain(others);
                let writers = writers.map(|writer| writer.map(|writer| Writer::Database(Box::new(writer))));
                Ok(Served { writers: writers.collect::<Result<_, _>>()?, recent: None, lock: None })
            }
        }
    }

    /// A connection for orders that need no server, such as making keys: beside servers that run.
    pub fn administer(&self) -> Result<Writer, StoreError> {
        match self {
            Self::Folder(folder) => Ok(Writer::Folder(Box::new(folder.administer()?))),
            Self::Database(database) => Ok(Writer::Database(Box::new(database.administer()?))),
        }
    }

    /// A connection that only reads.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        match self {
            Self::Folder(folder) => Ok(Reader::Folder(folder.reader()?)),
            Self::Database(database) => Ok(Reader::Database(Box::new(database.reader()?))),
        }
    }

    /// Whether other processes may serve it, too.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Database(_))
    }
}

/// Does the same with either.
macro_rules! either {
    ($self:ident, $one:ident => $what:expr) => {
        match $self {
            Self::Folder($one) => $what,
            Self::Database($one) => $what,
        }
    };
}

/// A connection that writes.
#[derive(Debug)]
pub enum Writer {
    /// That of a data folder.
    Folder(Box<sqlite::Writer>),
    /// One of a database's.
    Database(Box<postgres::Writer>),
}

impl Writer {
    /// The sandbox's clock, as it was left.
    pub fn sandbox_clock(&mut self) -> Result<Option<Time>, StoreError> {
        either!(self, writer => writer.sandbox_clock())
    }

    /// What the installation was first served as (`sandbox` or `live`), after settling it if it is new.
    pub fn mode(&mut self, asked: &str) -> Result<String, StoreError> {
        either!(self, writer => writer.mode(asked))
    }

    /// The wallet currency that it was first served with, after settling it if it is new.
    pub fn wallet_currency(&mut self, asked: &str) -> Result<String, StoreError> {
        either!(self, writer => writer.wallet_currency(asked))
    }

    /// When the last line was written: time is not before that.
    pub fn latest(&mut self) -> Result<Option<Time>, StoreError> {
        either!(self, writer => writer.latest())
    }

    /// Adds a key of the API.
    pub fn add_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        either!(self, writer => writer.add_key(key))
    }

    /// Remembers when keys were used.
    pub fn keys_used(&mut self, used: &[(String, Time)]) -> Result<(), StoreError> {
        either!(self, writer => writer.keys_used(used))
    }

    /// Revokes a key; false when there is none that works under this id.
    pub fn revoke_key(&mut self, id: &str, now: Time) -> Result<bool, StoreError> {
        either!(self, writer => writer.revoke_key(id, now))
    }

    /// What the public log of the installation is (its origin, the secret of its key), after settling it if it is new.
    pub fn public_log(&mut self, setting: LogSetting, asked: &str) -> Result<String, StoreError> {
        either!(self, writer => writer.public_log(setting, asked))
    }

    /// Notes a step of the public log; false if somebody has made the step of this number, or if the one before it is not
    /// there with this root.
    pub fn sequence(&mut self, step: &Sequenced, before: &[u8; 32]) -> Result<bool, StoreError> {
        either!(self, writer => writer.sequence(step, before))
    }
}

impl Store for Writer {
    fn cells(&self) -> u16 {
        either!(self, writer => writer.cells())
    }

    fn is_shared(&self) -> bool {
        either!(self, writer => writer.is_shared())
    }

    fn span(&self) -> usize {
        either!(self, writer => writer.span())
    }

    fn catalog_after(&mut self, known: u64) -> Result<News, StoreError> {
        either!(self, writer => writer.catalog_after(known))
    }

    fn begin(&mut self, wanted: &[Wanted], asked: Option<Key>) -> Result<Begun, StoreError> {
        either!(self, writer => writer.begin(wanted, asked))
    }

    fn commit(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        either!(self, writer => writer.commit(cells, notes))
    }

    fn rollback(&mut self) {
        either!(self, writer => writer.rollback());
    }

    fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError> {
        either!(self, writer => writer.due(cells, now, judged, limit))
    }

    fn left(&mut self, campaign: CampaignNo) -> Result<Vec<Left>, StoreError> {
        either!(self, writer => writer.left(campaign))
    }
}

/// A connection that only reads.
#[derive(Debug)]
pub enum Reader {
    /// That of a data folder.
    Folder(sqlite::Reader),
    /// One of a database's.
    Database(Box<postgres::Reader>),
}

/// What else than rows a server keeps in memory, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Which revision the catalog has.
    pub revision: u64,
    /// Where the sandbox's clock stands.
    pub clock: Option<Time>,
}

impl Reader {
    /// The same reader beside a writer in the same process, which knows what is not where others find it yet.
    #[must_use]
    pub fn beside(self, recent: Option<&Beside>) -> Self {
        match (self, recent) {
            (Self::Folder(reader), Some(recent)) => Self::Folder(reader.beside(recent.clone())),
            (reader, _) => reader,
        }
    }

    /// How many cells the installation has.
    pub fn cells(&self) -> u16 {
        match self {
            Self::Folder(_) => 1,
            Self::Database(reader) => reader.cells(),
        }
    }

    /// What others may have changed, where there are others.
    pub fn state(&self) -> Result<Option<State>, StoreError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database(reader) => reader.state().map(Some),
        }
    }

    /// What the clock of the database's machine says, where that is another one.
    pub fn server_time(&self) -> Result<Option<Time>, StoreError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database(reader) => reader.server_time().map(Some),
        }
    }

    /// The rows that are wanted, as they are stored.
    pub fn rows(&self, wanted: &[Wanted]) -> Result<Cells, StoreError> {
        match self {
            Self::Folder(reader) => {
                let wants = wanted.iter().filter(|(cell, _)| *cell == Cell::TREASURY).flat_map(|(_, wants)| wants);
                Ok(Cells::new(vec![reader.rows(&wants.copied().collect::<Vec<_>>())?]))
            }
            Self::Database(reader) => reader.rows(wanted),
        }
    }

    /// Runs several reads on one state of the database.
    pub fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        either!(self, reader => reader.at_one_moment(read))
    }

    /// Everything that changes rarely, as it is stored.
    pub fn catalog(&self) -> Result<Catalog, StoreError> {
        either!(self, reader => reader.catalog())
    }

    /// What is stored of the catalog and was not at a revision that is known.
    pub fn catalog_after(&self, known: u64) -> Result<News, StoreError> {
        match self {
            Self::Folder(reader) => reader.catalog().map(News::Whole),
            Self::Database(reader) => reader.catalog_after(known),
        }
    }

    /// A campaign's stock and balances.
    pub fn totals(&self, campaign: CampaignNo) -> Result<Option<Totals>, StoreError> {
        either!(self, reader => reader.totals(campaign))
    }

    /// Every slice, by its cell and campaign.
    pub fn slices(&self) -> Result<Vec<(Cell, CampaignNo, Slice)>, StoreError> {
        either!(self, reader => reader.slices())
    }

    /// The next numbers of every cell that was written to.
    pub fn counters(&self) -> Result<Vec<(Cell, Counters)>, StoreError> {
        either!(self, reader => reader.counters())
    }

    /// Every rate that was ever in force.
    pub fn rates(&self) -> Result<Vec<(Pair, Rate)>, StoreError> {
        either!(self, reader => reader.rates())
    }

    /// How many ordinals of a campaign there are in a cell, up to that of its last coupon.
    pub fn last_ordinal(&self, cell: Cell, campaign: CampaignNo) -> Result<u32, StoreError> {
        either!(self, reader => reader.last_ordinal(cell, campaign))
    }

    /// The coupons with numbers in `[from, until)`, one after the other.
    pub fn for_each_coupon(&self, from: i64, until: i64, each: impl FnMut(Coupon)) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_coupon(from, until, each))
    }

    /// What stays of the coupons with numbers in `[from, until)`, one after the other.
    pub fn for_each_issued(&self, from: i64, until: i64, each: impl FnMut(Issued)) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_issued(from, until, each))
    }

    /// The key under which each quote was asked for, cell by cell in the order of the keys.
    pub fn for_each_quote_key(&self, each: impl FnMut(Key, QuoteId)) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_quote_key(each))
    }

    /// What every quote takes off a coupon, one after the other.
    pub fn for_each_deduction(&self, each: impl FnMut(Deduction)) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_deduction(each))
    }

    /// Quotes with their payments and refunds, from a number on, until `each` has enough. A payment or a refund
    /// without its quote comes too.
    pub fn for_each_purchase(
        &self,
        from: QuoteId,
        each: impl FnMut(Purchase) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_purchase(from, each))
    }

    /// The ledger's lines with numbers in `range`, until `each` has enough.
    pub fn for_each_transfer(
        &self,
        range: impl RangeBounds<TransferId>,
        each: impl FnMut(Transfer) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_transfer(range, each))
    }

    /// The answer kept for an order of the office.
    pub fn answered(&self, key: Key) -> Result<Option<Answered>, StoreError> {
        either!(self, reader => reader.answered(key))
    }

    /// At most `limit` statements of the public log with numbers above `number`, each with its number.
    pub fn statements(&self, number: i64, limit: u32) -> Result<Vec<(i64, Stated)>, StoreError> {
        either!(self, reader => reader.statements(number, limit))
    }

    /// How far the public log was sequenced at the step of this number, or at the last one.
    pub fn sequenced(&self, number: Option<i64>) -> Result<Option<Sequenced>, StoreError> {
        either!(self, reader => reader.sequenced(number))
    }

    /// All keys of the API.
    pub fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        either!(self, reader => reader.keys())
    }

    /// The rows of a table, in the order of its keys.
    pub(crate) fn for_each_row(
        &self,
        sheet: &'static Sheet,
        each: &mut dyn FnMut(&[Value]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        either!(self, reader => reader.for_each_row(sheet, each))
    }

    /// The catalog's revision as it is stored, where there are others who may change it. [`state`](Self::state) answers
    /// it with the server's failovers, which another server does not have.
    pub(crate) fn revision(&self) -> Result<Option<u64>, StoreError> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Database(reader) => reader.revision().map(Some),
        }
    }

    /// When cells were written to last, those that were.
    pub(crate) fn latest(&self) -> Result<Vec<(Cell, Time)>, StoreError> {
        match self {
            Self::Folder(reader) => {
                Ok(reader.latest()?.map(|latest| (Cell::TREASURY, latest)).into_iter().collect())
            }
            Self::Database(reader) => reader.latest(),
        }
    }

    /// A number that changes whenever another connection commits.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        either!(self, reader => reader.data_version())
    }

    /// The indexes that do not hold what their tables hold, in words, where they are ours to keep. `rows` has taken
    /// every coupon and every quote.
    pub fn broken_indexes(&self, rows: &Indexes) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Folder(reader) => reader.broken_indexes(rows),
            Self::Database(_) => Ok(Vec::new()),
        }
    }

    /// What is wrong with the files, as far as the store can tell; empty when all is well.
    pub fn file_check(&self) -> Result<Vec<String>, StoreError> {
        either!(self, reader => reader.file_check())
    }
}
