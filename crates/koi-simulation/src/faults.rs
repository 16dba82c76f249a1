//! A store that fails when the seed says so: before it does something, after it did it, and for good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use koi_core::id::{CampaignNo, Cell};
use koi_core::idempotency::Key;
use koi_core::rows::Cells;
use koi_core::time::Time;
use koi_store::{Begun, Due, Left, News, Notes, Store, StoreError, Wanted};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::bugs::Planted;

/// One failure in so many calls of the store, while failures are wanted.
const FAILS_ONE_IN: u32 = 6;

/// How a store's call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It answers that it cannot, and has done nothing.
    Before,
    /// It answers that it cannot, and has done it.
    After,
    /// It answers that the statement cannot be carried out.
    Refused,
    /// Somebody else was in the way, and nothing was done.
    Conflict,
    /// The connection broke at the end of a transaction, which was stored.
    Unknown,
    /// The process dies, and nothing was done.
    DiesBefore,
    /// The process dies, and it was done.
    DiesAfter,
}

const FAULTS: [Fault; 7] = [
    Fault::Before,
    Fault::After,
    Fault::Refused,
    Fault::Conflict,
    Fault::Unknown,
    Fault::DiesBefore,
    Fault::DiesAfter,
];

/// What the store is told, and what it tells.
#[derive(Debug)]
pub(crate) struct Script {
    luck: ChaCha8Rng,
    /// Whether failures are wanted.
    pub(crate) wanted: bool,
    /// Whether the process is dead: nothing reaches the disk any more.
    pub(crate) dead: bool,
    /// Failures so far.
    pub(crate) failures: u64,
    /// The subjects of orders that were stored although they were answered with a failure. An order with a key tells
    /// by its replay; a rate has none.
    pub(crate) stored_unsaid: Vec<String>,
    /// The bug that the store has, if one was planted.
    pub(crate) planted: Option<Planted>,
}

impl Script {
    pub(crate) fn new(luck: ChaCha8Rng, planted: Option<Planted>) -> Self {
        Self { luck, wanted: false, dead: false, failures: 0, stored_unsaid: Vec::new(), planted }
    }

    fn next(&mut self) -> Option<Fault> {
        if self.dead {
            return Some(Fault::DiesBefore);
        }
        if !self.wanted || !self.luck.random_ratio(1, FAILS_ONE_IN) {
            return None;
        }
        self.failures += 1;
        let fault = FAULTS[self.luck.random_range(0..FAULTS.len())];
        self.dead = matches!(fault, Fault::DiesBefore | Fault::DiesAfter);
        Some(fault)
    }
}

/// The script, shared by the driver and the store.
pub(crate) type SharedScript = Arc<Mutex<Script>>;

pub(crate) fn lock(script: &SharedScript) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The real store behind the script.
pub(crate) struct Failing<S> {
    inner: S,
    script: SharedScript,
    /// Whether there are other servers. One that has a database to itself does what one does that has a folder.
    is_shared: bool,
}

impl<S: Store> Failing<S> {
    pub(crate) fn new(inner: S, script: SharedScript, is_shared: bool) -> Self {
        Self { inner, script, is_shared }
    }

    fn next(&self) -> Option<Fault> {
        lock(&self.script).next()
    }

    /// A call that only reads either works or does not.
    fn may_read(&self) -> Result<(), StoreError> {
        match self.next() {
            None => Ok(()),
            Some(Fault::Refused) => Err(StoreError::Refused("simulated".into())),
            Some(Fault::Conflict | Fault::Unknown) => Err(conflict()),
            Some(Fault::Before | Fault::After | Fault::DiesBefore | Fault::DiesAfter) => Err(unavailable()),
        }
    }

    fn write(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        let planted = lock(&self.script).planted.take();
        let Some(mut planted) = planted else { return self.inner.commit(cells, notes) };
        let result = planted.commit(&mut self.inner, cells, notes);
        lock(&self.script).planted = Some(planted);
        result
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("simulated".into())
}

fn conflict() -> StoreError {
    StoreError::Conflict("simulated".into())
}

impl<S: Store> Store for Failing<S> {
    fn catalog_after(&mut self, known: u64) -> Result<News, StoreError> {
        self.may_read()?;
        self.inner.catalog_after(known)
    }

    fn cells(&self) -> u16 {
        self.inner.cells()
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn span(&self) -> usize {
        self.inner.span()
    }

    fn begin(&mut self, wanted: &[Wanted], asked: Option<Key>) -> Result<Begun, StoreError> {
        self.may_read()?;
        let mut begun = self.inner.begin(wanted, asked)?;
        if let Some(planted) = &mut lock(&self.script).planted {
            begun.cells.iter_mut().for_each(|rows| planted.begun(rows));
            planted.remember(&begun.cells);
            begun.answered = begun.answered.filter(|_| !planted.forgets_answers());
        }
        Ok(begun)
    }

    fn commit(&mut self, cells: &Cells, notes: &Notes) -> Result<(), StoreError> {
        let fault = self.next();
        match fault {
            None => self.write(cells, notes),
            Some(Fault::Before | Fault::DiesBefore) => {
                self.inner.rollback();
                Err(unavailable())
            }
            Some(Fault::Conflict) => {
                self.inner.rollback();
                Err(conflict())
            }
            Some(Fault::Refused) => {
                self.inner.rollback();
                Err(StoreError::Refused("simulated".into()))
            }
            Some(fault @ (Fault::After | Fault::Unknown | Fault::DiesAfter)) => {
                self.write(cells, notes)?;
                lock(&self.script).stored_unsaid.extend(notes.log.iter().map(|line| line.subject.clone()));
                Err(if fault == Fault::Unknown { conflict() } else { unavailable() })
            }
        }
    }

    fn rollback(&mut self) {
        let planted = lock(&self.script).planted.take();
        match planted {
            Some(mut planted) => {
                planted.rollback(&mut self.inner);
                lock(&self.script).planted = Some(planted);
            }
            None => self.inner.rollback(),
        }
    }

    fn due(
        &mut self,
        cells: &[Cell],
        now: Time,
        judged: &[(CampaignNo, Time)],
        limit: usize,
    ) -> Result<Due, StoreError> {
        self.may_read()?;
        self.inner.due(cells, now, judged, limit)
    }

    fn left(&mut self, campaign: CampaignNo) -> Result<Vec<Left>, StoreError> {
        self.may_read()?;
        self.inner.left(campaign)
    }
}
