//! The server under simulation: its pipeline over a real database, without its thread and without HTTP. It can die and
//! come back. On PostgreSQL there may be several, which take turns.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use koi::check::check;
use koi::engine::SharedCatalog;
use koi::engine::beacons::Beacons;
use koi::engine::clock::Clock;
use koi::engine::pipeline::Pipeline;
use koi::engine::work::{Job, Outcome, Work};
use koi::metrics::Metrics;
use koi_core::catalog::Catalog;
use koi_core::rows::Rows;
use koi_core::scene;
use koi_core::time::Time;
use koi_store::sqlite::{Folder, Lock, Runs};
use koi_store::{Installation, Notes, Reader, Store, StoreError, Want, Writer};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::databases::{Databases, Fresh};
use crate::faults::{Failing, SharedScript};

/// Where the server keeps what it has.
#[derive(Clone, Copy, Debug)]
pub enum Ground<'a> {
    /// In a data folder, on SQLite.
    Folder,
    /// In a database of its own, on PostgreSQL.
    Database(&'a Databases),
}

impl Ground<'_> {
    /// The number of cells.
    pub(crate) fn cells(self) -> u16 {
        match self {
            Self::Folder => 1,
            Self::Database(databases) => databases.cells,
        }
    }

    fn servers(self) -> usize {
        match self {
            Self::Folder => 1,
            Self::Database(databases) => databases.servers,
        }
    }
}

/// A place that forgets itself: in memory where the machine has one.
fn temporary_folder() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new().prefix("koi-simulation-").to_owned();
    if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }
}

/// So short that a run's coupons are sorted, and dies in between, many times.
const RUNS: Runs = Runs { length: 12, piece: 4 };

/// What is there when all servers are dead.
struct Place {
    installation: Installation,
    /// Forgotten with the value.
    _kept: Kept,
}

enum Kept {
    Folder { _place: TempDir },
    Database { _fresh: Box<Fresh> },
}

impl Place {
    fn new(ground: Ground) -> Result<Self, StoreError> {
        match ground {
            Ground::Folder => {
                let place = temporary_folder().map_err(|error| StoreError::Unavailable(error.to_string()))?;
                let installation = Installation::Folder(Folder::new(place.path()).with_runs(RUNS));
                Ok(Self { installation, _kept: Kept::Folder { _place: place } })
            }
            Ground::Database(databases) => {
                let fresh = databases.fresh().map_err(StoreError::Unavailable)?;
                let installation = fresh.installation.clone();
                Ok(Self { installation, _kept: Kept::Database { _fresh: Box::new(fresh) } })
            }
        }
    }

    fn open(&self) -> Result<(Writer, Option<Lock>), StoreError> {
        let mut served = self.installation.serve(None, 1)?;
        let writer = served.writers.pop().ok_or_else(|| StoreError::Damaged("there is no writer".into()))?;
        Ok((writer, served.lock))
    }
}

/// The parts that a death takes along.
struct Alive {
    pipeline: Pipeline,
    catalog: SharedCatalog,
    clock: Arc<Clock>,
    _lock: Option<Lock>,
}

/// The server, or the servers that take turns.
pub(crate) struct Server {
    alive: Vec<Option<Alive>>,
    /// Whose turn it is.
    turn: usize,
    turns: ChaCha8Rng,
    pub(crate) reader: Reader,
    pub(crate) settings: scene::Settings,
    script: SharedScript,
    place: Place,
}

impl Server {
    /// A new installation, whose sandbox clock stands at `now`. `turns` says whose turn it is.
    pub(crate) fn start(
        settings: scene::Settings,
        now: Time,
        script: SharedScript,
        ground: Ground,
        turns: ChaCha8Rng,
    ) -> Result<Self, StoreError> {
        let place = Place::new(ground)?;
        {
            let (mut writer, _lock) = place.open()?;
            let begun = writer.begin(&[], None)?;
            writer.commit(&begun.cells, &Notes { sandbox_clock: Some(now), ..Notes::default() })?;
        }
        let reader = place.installation.reader()?;
        let alive = (0..ground.servers()).map(|_| None).collect();
        let mut server = Self { alive, turn: 0, turns, reader, settings, script, place };
        for turn in 0..server.alive.len() {
            server.come_back(turn)?;
        }
        Ok(server)
    }

    fn come_back(&mut self, turn: usize) -> Result<(), StoreError> {
        let (mut writer, lock) = self.place.open()?;
        let now = writer.sandbox_clock()?.ok_or_else(|| StoreError::Damaged("the clock is not there".into()))?;
        let catalog = Arc::new(RwLock::new(writer.load_catalog()?));
        let clock = Arc::new(Clock::frozen(now));
        let store = Box::new(Failing::new(writer, self.script.clone(), self.are_several()));
        let (settings, metrics) = (self.settings.clone(), Arc::new(Metrics::default()));
        let pipeline =
            Pipeline::new(store, catalog.clone(), settings, clock.clone(), Beacons::local(), metrics, (0, 1));
        self.alive[turn] = Some(Alive { pipeline, catalog, clock, _lock: lock });
        Ok(())
    }

    /// Whether several servers take turns.
    fn are_several(&self) -> bool {
        self.alive.len() > 1
    }

    /// Whoever had the last turn dies, and comes back from what is on the disk.
    pub(crate) fn die_and_come_back(&mut self) -> Result<(), StoreError> {
        self.alive[self.turn] = None;
        self.come_back(self.turn)
    }

    /// Runs a batch; answers what each caller got, `None` for nothing.
    pub(crate) fn run(&mut self, works: Vec<Work>) -> Vec<Option<Outcome>> {
        if self.are_several() {
            self.turn = self.turns.random_range(0..self.alive.len());
        }
        let Some(alive) = &mut self.alive[self.turn] else { return works.iter().map(|_| None).collect() };
        let mut outcomes = Vec::with_capacity(works.len());
        let mut jobs = Vec::with_capacity(works.len());
        for work in works {
            let (reply, outcome) = oneshot::channel();
            jobs.push(Job { work, reply });
            outcomes.push(outcome);
        }
        alive.pipeline.run(&mut jobs);
        outcomes.into_iter().map(|mut outcome| outcome.try_recv().ok()).collect()
    }

    /// Where the clock stands: whoever looks asks the database first, where others may move it.
    pub(crate) fn now(&self) -> Result<Time, StoreError> {
        let stored = if self.are_several() { self.reader.state()?.and_then(|state| state.clock) } else { None };
        let alive = self.alive[self.turn].as_ref();
        Ok(stored.or(alive.map(|alive| alive.clock.now())).unwrap_or(Time::EARLIEST))
    }

    /// The catalog as whoever looks sees it.
    pub(crate) fn catalog(&self) -> Result<Catalog, StoreError> {
        if self.are_several() {
            return self.reader.catalog();
        }
        let alive = self.alive[self.turn].as_ref();
        let known = |alive: &Alive| alive.catalog.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(alive.map(known).unwrap_or_default())
    }

    /// What is stored of one thing.
    pub(crate) fn rows(&self, want: Want) -> Result<Rows, StoreError> {
        let cells = self.reader.rows(&[(want.cell(self.settings.cells), vec![want])])?;
        let rows = cells.iter().next().cloned();
        rows.ok_or_else(|| StoreError::Damaged("the cell is not there".into()))
    }

    /// What the server's own check names.
    pub(crate) fn broken(&self) -> Result<Vec<String>, StoreError> {
        Ok(check(&self.reader, &|_, _| {})?.broken)
    }
}
