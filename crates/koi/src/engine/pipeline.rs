//! The pipeline without its thread: due work, then each batch through begin, decide, commit.
//!
//! It serves some of the installation's cells, on a connection of its own. It is driven by a writer's thread in
//! production and directly by the simulation.

mod due;
mod office;
mod stock;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use koi_core::campaign::Campaign;
use koi_core::catalog::Catalog;
use koi_core::command::{Call, Command, No};
use koi_core::decide::decide;
use koi_core::fault::Fault;
use koi_core::id::{CampaignId, Cell, CouponId};
use koi_core::idempotency::Key;
use koi_core::refusal::Refusal;
use koi_core::rows::{Cells, Rows};
use koi_core::scene::{Scene, Settings};
use koi_core::time::Time;
use koi_store::{Begun, LogLine, Notes, Store, StoreError, Want, Wanted};
use rustc_hash::FxHashSet;
use tokio::sync::oneshot;

use crate::engine::SharedCatalog;
use crate::engine::beacons::Beacons;
use crate::engine::clock::Clock;
use crate::engine::freshness;
use crate::engine::luck::Pools;

use crate::engine::work::{Done, Failure, Job, Outcome, Why, Work};
use crate::limits;
use crate::metrics::Metrics;

/// A call, and who waits for it.
struct Waiting {
    call: Box<Call>,
    why: Option<Why>,
    reply: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn cell(&self, cells: u16) -> Cell {
        self.call.command.cell(cells)
    }
}

/// The pipeline of some cells.
pub struct Pipeline {
    store: Box<dyn Store>,
    catalog: SharedCatalog,
    settings: Settings,
    clock: Arc<Clock>,
    pools: Pools,
    metrics: Arc<Metrics>,
    /// The cells whose calls come here, and whose due work is done here.
    cells: Vec<Cell>,
    /// When something falls due next, as far as is known; `None`: nothing by itself.
    next_due: Option<Time>,
    /// Whether the storage failed last: it is logged once, and so is its recovery.
    failing: bool,
    /// Whether due work failed when it was tried last.
    resting: bool,
    /// Coupons of which something is due that could not be booked, until all others are.
    left_alone: FxHashSet<CouponId>,
    /// Coupons that somebody else was about to book, or has just booked: they are not looked at again at once.
    raced: FxHashSet<CouponId>,
}

impl Pipeline {
    /// A pipeline of one of `lanes` over a store and the catalog that was loaded from it: it serves every cell whose
    /// number leaves the rest `lane`.
    pub fn new(
        store: Box<dyn Store>,
        catalog: SharedCatalog,
        settings: Settings,
        clock: Arc<Clock>,
        beacons: Beacons,
        metrics: Arc<Metrics>,
        (lane, lanes): (usize, usize),
    ) -> Self {
        let cells = (0..store.cells()).map(Cell).skip(lane).step_by(lanes.max(1)).collect();
        let next_due = Some(clock.now());
        Self {
            store,
            catalog,
            settings,
            clock,
            pools: Pools::new(beacons),
            metrics,
            cells,
            next_due,
            failing: false,
            resting: false,
            left_alone: FxHashSet::default(),
            raced: FxHashSet::default(),
        }
    }

    /// Does what fell due, then all jobs; each is answered. The vector is left empty.
    pub fn run(&mut self, jobs: &mut Vec<Job>) {
        // One transaction of due work goes before each batch: however much of it there is, calls are not kept waiting.
        let _ = self.guarded(|pipeline| pipeline.book_due(1));
        let mut calls: Vec<Waiting> = Vec::with_capacity(jobs.len());
        for Job { work, reply } in jobs.drain(..) {
            match work {
                Work::Call(call, why) => calls.push(Waiting { call, why, reply }),
                Work::Office(work) => {
                    self.calls(std::mem::take(&mut calls));
                    let outcome = self.guarded(|pipeline| pipeline.office(&work));
                    let _ = reply.send(outcome.unwrap_or(Err(Failure::Fault)));
                }
                Work::SetClock(to) => {
                    self.calls(std::mem::take(&mut calls));
                    let outcome = self.guarded(|pipeline| pipeline.set_clock(to));
                    let _ = reply.send(outcome.unwrap_or(Err(Failure::Fault)));
                }
            }
        }
        self.calls(calls);
    }

    /// Runs a piece of work; one that panics leaves nothing behind, and does not end the writer.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(|| work(self))).map_err(|_| self.panicked()).ok()
    }

    /// Runs calls, in transactions of so many cells as the store likes.
    fn calls(&mut self, batch: Vec<Waiting>) {
        for part in parts(batch, self.store.cells(), self.store.span()) {
            self.batch(part);
        }
    }

    /// Runs a batch, and answers it. Claims that find a stock empty are run again once packets that are due back, or
    /// that another cell has, are in it: no refusal depends on due work being done in time, or on where a packet is.
    fn batch(&mut self, batch: Vec<Waiting>) {
        let mut early = self.once(batch);
        early.sort_by(|one, other| claimed(one).cmp(&claimed(other)));
        while let Some(campaign) = early.last().and_then(|waiting| claimed(waiting).cloned()) {
            let first = early.partition_point(|waiting| claimed(waiting) < Some(&campaign));
            let claims = early.split_off(first);
            self.claims(&campaign, claims);
        }
        // Only claims are told that a stock is empty.
        fail(early, &Failure::Fault);
    }

    /// Runs claims again that found the stock of a campaign empty, and answers them.
    fn claims(&mut self, campaign: &CampaignId, mut early: Vec<Waiting>) {
        for _ in 0..limits::CATCH_UP {
            early = match self.guarded(|pipeline| pipeline.restock(campaign, &early)) {
                Some(Ok(true)) => self.once(early),
                Some(Ok(false)) => return fail(early, &Failure::Refused(Refusal::SoldOut)),
                Some(Err(error)) => return fail(early, &Failure::from(&error)),
                None => return fail(early, &Failure::Fault),
            };
            if early.is_empty() {
                return;
            }
        }
        // Others wait, too. The rest of what is due is booked before the batches to come.
        fail(early, &Failure::CatchingUp);
    }

    /// Puts packets into the stocks that claims found empty; false when there are none to be had.
    fn restock(&mut self, campaign: &CampaignId, claims: &[Waiting]) -> Result<bool, StoreError> {
        let count = self.store.cells();
        let mut cells: Vec<Cell> = claims.iter().map(|waiting| waiting.cell(count)).collect();
        cells.sort_unstable();
        cells.dedup();
        // Quotes that ran out are always looked at: they may hold the last part of a voided coupon.
        let returns = |other: &Campaign| other.rules.coupon.restock_expired && other.rules.id == *campaign;
        if self.book_some_of(&cells, returns)? || self.move_packets(campaign, &cells)? {
            return Ok(true);
        }
        // What is due back elsewhere can be moved once it is booked.
        let others: Vec<Cell> = self.all_cells().into_iter().filter(|cell| !cells.contains(cell)).collect();
        if others.is_empty() {
            return Ok(false);
        }
        // Or another process has just booked it.
        Ok(self.book_some_of(&others, returns)? || self.move_packets(campaign, &cells)?)
    }

    /// Runs a batch once, and answers it but for the claims that were made too early: they are given back. When it
    /// cannot be committed as a whole it is split, so that a command that cannot be carried out does not take its
    /// neighbours along.
    fn once(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        if batch.is_empty() {
            return batch;
        }
        match self.attempt(&batch) {
            Ok(outcomes) => {
                self.recovered();
                let mut early = Vec::new();
                for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                    if outcome == Err(Failure::Refused(Refusal::SoldOut)) {
                        early.push(waiting);
                    } else {
                        let _ = waiting.reply.send(outcome);
                    }
                }
                early
            }
            Err(error) if error.may_heal() || batch.len() == 1 => {
                self.failed(&error);
                fail(batch, &Failure::from(&error));
                Vec::new()
            }
            Err(_) => {
                let mut first = batch;
                let second = first.split_off(first.len() / 2);
                let mut early = self.once(first);
                early.extend(self.once(second));
                early
            }
        }
    }

    /// Begin, decide, commit; begun again when others were in the way. An error means that nothing was changed, or that
    /// nobody can tell.
    fn attempt(&mut self, calls: &[Waiting]) -> Result<Vec<Outcome>, StoreError> {
        let mut decided = None;
        let outcomes = self.again(|pipeline| pipeline.try_once(calls, &mut decided));
        match outcomes {
            Ok(outcomes) => {
                self.metrics.batch(calls.len());
                Ok(outcomes)
            }
            // Nobody can tell whether it is stored, and those who ask again with their keys will: no reason to split.
            Err(error) if decided.is_some() => Err(StoreError::Unavailable(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// `decided`: which calls made something in a transaction of which it was not known in the end whether it is stored.
    /// They are decided again: those that are stored are found by their keys, and answered as the first time.
    fn try_once(
        &mut self,
        calls: &[Waiting],
        decided: &mut Option<Vec<bool>>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let count = self.store.cells();
        let Begun { mut cells, .. } = self.begin(|catalog| wanted(catalog, calls, count), None)?;
        let now = self.clock.now();
        let outcomes = self.decide(&mut cells, calls, count, now);
        let Some(mut outcomes) = outcomes else {
            self.store.rollback();
            return Err(StoreError::Refused("a decision panicked; see the lines before".into()));
        };
        let is_repeat = |outcome: &Outcome| matches!(outcome, Ok(Done::Call { replayed: true, .. }));
        // A row may be there that the replicas do not have yet: a repeat vouches for it, and waits for them, too.
        let vouches = decided.is_some() || (self.store.is_shared() && outcomes.iter().any(is_repeat));
        if let Some(decided) = decided {
            mark_own(&mut outcomes, decided);
        }
        if outcomes.contains(&Err(Failure::Fault)) {
            // It may have changed rows before it met what cannot be: nothing of the batch is kept, and it is split.
            self.store.rollback();
            return Err(StoreError::Damaged("a command met rows that cannot be; see the lines before".into()));
        }
        if !cells.is_changed() && !vouches {
            self.store.rollback();
            return Ok(outcomes);
        }
        let notes = Notes { log: log(calls, &outcomes, now), ..Notes::default() };
        match self.store.commit(&cells, &notes) {
            Ok(()) => {
                self.expect_due(&cells);
                Ok(outcomes)
            }
            Err(error @ StoreError::Conflict(_)) => {
                let made = outcomes.iter().map(made_something);
                *decided = Some(match decided.take() {
                    Some(before) => before.into_iter().zip(made).map(|(before, now)| before || now).collect(),
                    None => made.collect(),
                });
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The outcomes of calls on the rows of their cells; `None` when a decision panicked.
    fn decide(&self, cells: &mut Cells, calls: &[Waiting], count: u16, now: Time) -> Option<Vec<Outcome>> {
        let catalog = self.look();
        let scene = Scene { catalog: &catalog, settings: &self.settings, now, luck: &self.pools };
        let outcome = |waiting: &Waiting| match of_cell(cells, waiting.cell(count)) {
            Ok(rows) => outcome(rows, &scene, &waiting.call),
            Err(fault) => Err(refused(fault.into())),
        };
        catch_unwind(AssertUnwindSafe(|| calls.iter().map(outcome).collect())).ok()
    }

    /// Begins a transaction on the catalog as it is stored: another process may have changed it.
    ///
    /// What is new of it is read within the transaction, while nobody can change a campaign, nor do what another order
    /// does to the cells. So the transaction goes on, unless other rows are wanted by it now: however often the catalog is
    /// changed elsewhere, nobody is kept waiting.
    fn begin(
        &mut self,
        wanted: impl Fn(&Catalog) -> Vec<Wanted>,
        asked: Option<Key>,
    ) -> Result<Begun, StoreError> {
        for _ in 0..limits::ATTEMPTS {
            let (wants, revision) = {
                let catalog = self.look();
                (wanted(&catalog), catalog.revision)
            };
            let begun = self.store.begin(&wants, asked)?;
            if let Some(clock) = begun.clock {
                self.clock.set(clock);
            }
            if let Some(latest) = begun.latest.filter(|latest| !self.clock.reach(*latest)) {
                self.store.rollback();
                return Err(StoreError::Unavailable(format!(
                    "somebody wrote at {latest}, which is far ahead of this machine's clock: set the clocks right"
                )));
            }
            if begun.revision == revision {
                return Ok(begun);
            }
            self.renew(revision).inspect_err(|_| self.store.rollback())?;
            let (is_new, is_same) = {
                let catalog = self.look();
                (is_as_new(catalog.revision, begun.revision, revision), wanted(&catalog) == wants)
            };
            if is_new && is_same {
                return Ok(begun);
            }
            self.store.rollback();
        }
        Err(StoreError::Unavailable("the catalog is being changed all the time".into()))
    }

    /// Reads what is new of the catalog, which was of revision `known`.
    fn renew(&mut self, known: u64) -> Result<(), StoreError> {
        let news = self.store.catalog_after(known)?;
        freshness::put(&self.catalog, news, known);
        self.next_due = Some(self.clock.now());
        Ok(())
    }

    /// Every cell of the installation.
    fn all_cells(&self) -> Vec<Cell> {
        (0..self.store.cells()).map(Cell).collect()
    }

    fn look(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something again while others are in its way.
    fn again<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        for attempt in 0..limits::ATTEMPTS {
            match work(self) {
                Err(StoreError::Conflict(why)) => {
                    tracing::debug!(%why, attempt, "a transaction is begun again");
                    std::thread::sleep(limits::CONFLICT_WAIT * (1 << attempt));
                }
                done => return done,
            }
        }
        Err(StoreError::Unavailable("others were in the way too often".into()))
    }

    /// Work that panicked: what it began is forgotten.
    fn panicked(&mut self) {
        tracing::error!("the writer panicked; see the lines before");
        self.store.rollback();
        self.rest();
    }

    fn failed(&mut self, error: &StoreError) {
        if !error.is_retryable() {
            tracing::error!(%error, "this cannot be carried out");
        } else if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "the storage fails: changes are refused with 503 until it works again");
        }
        self.metrics.storage_failed();
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("the storage works again");
        }
    }
}

/// Whether a catalog that was read within a transaction is as new as what the transaction began on. It may be newer:
/// others change what needs no cell of the transaction. Where the database went back behind the one that was `known`,
/// a later one can be what is lost.
fn is_as_new(revision: u64, begun: u64, known: u64) -> bool {
    revision == begun || (known < begun && begun < revision)
}

/// The campaign that a call claims a coupon of.
fn claimed(waiting: &Waiting) -> Option<&CampaignId> {
    match &waiting.call.command {
        Command::Claim(claim) => Some(&claim.campaign),
        _ => None,
    }
}

/// Answers all of a batch the same.
fn fail(batch: Vec<Waiting>, failure: &Failure) {
    for waiting in batch {
        let _ = waiting.reply.send(Err(failure.clone()));
    }
}

/// A batch in parts of at most `span` cells each; calls of one cell stay in their order.
fn parts(batch: Vec<Waiting>, cells: u16, span: usize) -> Vec<Vec<Waiting>> {
    if usize::from(cells) <= span {
        return vec![batch];
    }
    let mut by_cell: BTreeMap<Cell, Vec<Waiting>> = BTreeMap::new();
    for waiting in batch {
        by_cell.entry(waiting.cell(cells)).or_default().push(waiting);
    }
    let mut groups = by_cell.into_values();
    let next = || {
        let part: Vec<Waiting> = groups.by_ref().take(span.max(1)).flatten().collect();
        (!part.is_empty()).then_some(part)
    };
    std::iter::from_fn(next).collect()
}

/// The rows that calls need, cell by cell.
fn wanted(catalog: &Catalog, calls: &[Waiting], cells: u16) -> Vec<Wanted> {
    let mut wanted: BTreeMap<Cell, Vec<Want>> = BTreeMap::new();
    for waiting in calls {
        let wants = wanted.entry(waiting.cell(cells)).or_default();
        wants.extend(wants_of(catalog, &waiting.call).into_iter().flatten());
    }
    wanted.into_iter().collect()
}

/// The lines of the log that calls leave which were carried out.
fn log(calls: &[Waiting], outcomes: &[Outcome], now: Time) -> Vec<LogLine> {
    let line = |(waiting, outcome): (&Waiting, &Outcome)| match (&waiting.why, outcome) {
        (Some(why), Ok(Done::Call { answer, replayed: false })) => Some(LogLine {
            at: now,
            principal: why.by.clone(),
            action: waiting.call.command.name().to_owned(),
            subject: office::subject(answer),
            detail: why.reason.clone(),
        }),
        _ => None,
    };
    calls.iter().zip(outcomes).filter_map(line).collect()
}

/// The rows that a call needs: at most three kinds.
fn wants_of(catalog: &Catalog, call: &Call) -> [Option<Want>; 3] {
    let asked = Some(Want::QuoteAsked(call.asked.key));
    match &call.command {
        Command::Claim(claim) => {
            let campaign = catalog.campaign(&claim.campaign);
            [Some(Want::Shopper(claim.shopper.key)), asked, campaign.map(|campaign| Want::Slice(campaign.number))]
        }
        Command::Quote(purchase) => [Some(Want::Shopper(purchase.shopper.key)), asked, None],
        Command::CancelQuote(id) | Command::Pay(id) => [Some(Want::Quote(*id)), None, None],
        Command::CancelPayment(id) | Command::Refund(id, _) => {
            [Some(Want::Payment(*id, call.asked.key)), None, None]
        }
        Command::Void(id) => [Some(Want::Coupon(*id)), None, None],
    }
}

/// The rows of a cell among those of a transaction.
fn of_cell(cells: &mut Cells, cell: Cell) -> Result<&mut Rows, Fault> {
    cells.get_mut(cell).ok_or(Fault::Missing("a cell's working set"))
}

fn outcome(rows: &mut Rows, scene: &Scene, call: &Call) -> Outcome {
    match decide(rows, scene, call) {
        Ok(decision) => Ok(Done::Call { answer: decision.answer, replayed: decision.replayed }),
        Err(no) => Err(refused(no)),
    }
}

fn made_something(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(Done::Call { replayed: false, .. }))
}

/// What a call made itself, in a transaction that turned out to be stored, is no repeat to who waits for it.
fn mark_own(outcomes: &mut [Outcome], decided: &[bool]) {
    for (outcome, _) in outcomes.iter_mut().zip(decided).filter(|(_, made)| **made) {
        if let Ok(Done::Call { replayed, .. }) = outcome {
            *replayed = false;
        }
    }
}

fn refused(no: No) -> Failure {
    match no {
        No::Refused(refusal) => Failure::Refused(refusal),
        No::Fault(fault) => {
            tracing::error!(%fault, "an invariant is broken; nothing was changed");
            Failure::Fault
        }
    }
}
