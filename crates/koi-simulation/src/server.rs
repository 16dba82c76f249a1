//! The server under simulation: its pipeline over a real database in a temporary folder, without its thread and
//! without HTTP. It can die and come back.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use koi::check::check;
use koi::engine::SharedCatalog;
use koi::engine::clock::Clock;
use koi::engine::pipeline::Pipeline;
use koi::engine::work::{Job, Outcome, Work};
use koi::metrics::Metrics;
use koi_core::catalog::Catalog;
use koi_core::rows::Rows;
use koi_core::scene;
use koi_core::time::Time;
use koi_store::sqlite::{Folder, Lock, Runs};
use koi_store::{Notes, Reader, Store, StoreError, Want};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::faults::{Failing, SharedScript};

/// A place that forgets itself: in memory where the machine has one.
fn temporary_folder() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new().prefix("koi-simulation-").to_owned();
    if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }
}

/// The parts that a death takes along.
struct Alive {
    pipeline: Pipeline,
    catalog: SharedCatalog,
    clock: Arc<Clock>,
    _lock: Lock,
}

/// The server.
pub(crate) struct Server {
    alive: Option<Alive>,
    pub(crate) reader: Reader,
    folder: Folder,
    pub(crate) settings: scene::Settings,
    script: SharedScript,
    _place: TempDir,
}

/// So short that a run's coupons are sorted, and dies in between, many times.
const RUNS: Runs = Runs { length: 12, piece: 4 };

impl Server {
    /// A new installation, whose sandbox clock stands at `now`.
    pub(crate) fn start(settings: scene::Settings, now: Time, script: SharedScript) -> Result<Self, StoreError> {
        let place = temporary_folder().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let folder = Folder::new(place.path()).with_runs(RUNS);
        {
            let (mut writer, _lock) = folder.serve()?;
            let begun = writer.begin(&[], None)?;
            writer.commit(&begun.cells, &Notes { sandbox_clock: Some(now), ..Notes::default() })?;
        }
        let reader = Reader::Folder(folder.reader()?);
        let mut server = Self { alive: None, reader, folder, settings, script, _place: place };
        server.come_back()?;
        Ok(server)
    }

    fn come_back(&mut self) -> Result<(), StoreError> {
        let (mut writer, lock) = self.folder.serve()?;
        let now = writer.sandbox_clock()?.ok_or_else(|| StoreError::Damaged("the clock is not there".into()))?;
        let catalog = Arc::new(RwLock::new(writer.load_catalog()?));
        let clock = Arc::new(Clock::frozen(now));
        let store = Box::new(Failing::new(writer, self.script.clone()));
        let (settings, metrics) = (self.settings.clone(), Arc::new(Metrics::default()));
        let pipeline = Pipeline::new(store, catalog.clone(), settings, clock.clone(), metrics, (0, 1));
        self.alive = Some(Alive { pipeline, catalog, clock, _lock: lock });
        Ok(())
    }

    /// Dies, and comes back from what is on the disk.
    pub(crate) fn die_and_come_back(&mut self) -> Result<(), StoreError> {
        self.alive = None;
        self.come_back()
    }

    /// Runs a batch; answers what each caller got, `None` for nothing.
    pub(crate) fn run(&mut self, works: Vec<Work>) -> Vec<Option<Outcome>> {
        let Some(alive) = &mut self.alive else { return works.iter().map(|_| None).collect() };
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

    /// Where the clock stands.
    pub(crate) fn now(&self) -> Time {
        self.alive.as_ref().map_or(Time::EARLIEST, |alive| alive.clock.now())
    }

    /// The catalog in memory.
    pub(crate) fn catalog(&self) -> Catalog {
        let alive = self.alive.as_ref();
        alive.map(|alive| alive.catalog.read().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
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
