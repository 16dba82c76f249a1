//! The pipeline without its thread: due work, then each batch through begin, decide, commit.
//!
//! It is driven by the writer thread in production and directly by the simulation.

mod due;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use koi_core::catalog::Catalog;
use koi_core::command::{Answer, Call, Command, No, Order};
use koi_core::decide::decide;
use koi_core::id::CouponId;
use koi_core::office::order;
use koi_core::refusal::Refusal;
use koi_core::rows::{Cells, Rows};
use koi_core::scene::{Scene, Settings};
use koi_core::time::Time;
use koi_store::{Answered, LogLine, Notes, Store, StoreError, Want};
use rustc_hash::FxHashSet;
use tokio::sync::oneshot;

use crate::engine::SharedCatalog;
use crate::engine::clock::Clock;
use crate::engine::luck::Pools;
use crate::engine::work::{Done, Failure, Job, OfficeWork, Outcome, Work};
use crate::limits;
use crate::metrics::Metrics;

/// A call, and who waits for it.
type Waiting = (Box<Call>, oneshot::Sender<Outcome>);

/// The pipeline of one cell.
pub struct Pipeline {
    store: Box<dyn Store>,
    catalog: SharedCatalog,
    settings: Settings,
    clock: Arc<Clock>,
    pools: Pools,
    metrics: Arc<Metrics>,
    /// When something falls due next, as far as is known; `None`: nothing by itself.
    next_due: Option<Time>,
    /// Whether the storage failed last: it is logged once, and so is its recovery.
    failing: bool,
    /// Whether due work failed when it was tried last.
    resting: bool,
    /// Coupons of which something is due that could not be booked, until all others are.
    left_alone: FxHashSet<CouponId>,
    /// Whether the catalog may lack an order: its commit failed, and whether it is stored is unknown.
    stale: bool,
}

impl Pipeline {
    /// A pipeline over a store and the catalog that was loaded from it.
    pub fn new(
        store: Box<dyn Store>,
        catalog: SharedCatalog,
        settings: Settings,
        clock: Arc<Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let pools = Pools::default();
        let next_due = Some(clock.now());
        Self {
            store,
            catalog,
            settings,
            clock,
            pools,
            metrics,
            next_due,
            failing: false,
            resting: false,
            left_alone: FxHashSet::default(),
            stale: false,
        }
    }

    /// Does what fell due, then all jobs; each is answered. The vector is left empty.
    pub fn run(&mut self, jobs: &mut Vec<Job>) {
        // One transaction of due work goes before each batch: however much of it there is, calls are not kept waiting.
        let _ = self.guarded(|pipeline| pipeline.book_due(1));
        let mut calls: Vec<Waiting> = Vec::with_capacity(jobs.len());
        for Job { work, reply } in jobs.drain(..) {
            match work {
                Work::Call(call) => calls.push((call, reply)),
                Work::Office(work) => {
                    self.calls(std::mem::take(&mut calls));
                    let outcome = self.guarded(|pipeline| pipeline.office(*work));
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

    /// Runs a batch, and answers it. Claims that find a stock empty into which packets may be due back are run again
    /// once those are booked: no refusal depends on due work being done in time.
    fn calls(&mut self, batch: Vec<Waiting>) {
        let mut early = self.once(batch);
        for _ in 0..limits::CATCH_UP {
            if early.is_empty() {
                return;
            }
            early = match self.guarded(|pipeline| pipeline.book_returns(&early)) {
                Some(Ok(true)) => self.once(early),
                Some(Ok(false)) => return fail(early, &Failure::Refused(Refusal::SoldOut)),
                Some(Err(error)) => return fail(early, &Failure::from(&error)),
                None => return fail(early, &Failure::Fault),
            };
        }
        // Others wait, too. The rest of what is due is booked before the batches to come.
        fail(early, &Failure::CatchingUp);
    }

    /// Runs a batch once, and answers it but for the claims that were made too early: they are given back. When it
    /// cannot be committed as a whole it is split, so that a command that cannot be carried out does not take its
    /// neighbours along.
    fn once(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        if batch.is_empty() {
            return batch;
        }
        let calls: Vec<&Call> = batch.iter().map(|(call, _)| call.as_ref()).collect();
        match self.attempt(&calls) {
            Ok(outcomes) => {
                self.recovered();
                let mut early = Vec::new();
                for ((call, reply), outcome) in batch.into_iter().zip(outcomes) {
                    if outcome == Err(Failure::Refused(Refusal::SoldOut)) && self.is_behind() {
                        early.push((call, reply));
                    } else {
                        let _ = reply.send(outcome);
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

    /// Begin, decide, commit. An error means that nothing was changed, or that nobody can tell.
    fn attempt(&mut self, calls: &[&Call]) -> Result<Vec<Outcome>, StoreError> {
        self.refresh()?;
        let now = self.clock.now();
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let wants: Vec<Want> = calls.iter().flat_map(|call| wants(&catalog, call)).flatten().collect();
        let mut rows = self.store.begin(&wants)?;
        let pick = |campaign: &_, cell, pick, total| self.pools.pick(campaign, cell, pick, total);
        let scene = Scene { catalog: &catalog, settings: &self.settings, now, luck: &pick };
        let decided = catch_unwind(AssertUnwindSafe(|| {
            calls.iter().map(|call| outcome(&mut rows, &scene, call)).collect::<Vec<_>>()
        }));
        drop(catalog);
        let Ok(outcomes) = decided else {
            self.store.rollback();
            return Err(StoreError::Refused("a decision panicked; see the lines before".into()));
        };
        if outcomes.contains(&Err(Failure::Fault)) {
            // It may have changed rows before it met what cannot be: nothing of the batch is kept, and it is split.
            self.store.rollback();
            return Err(StoreError::Damaged("a command met rows that cannot be; see the lines before".into()));
        }
        if rows.is_changed() {
            self.store.commit(&rows, &Notes::default())?;
            self.expect_due(&rows);
        } else {
            self.store.rollback();
        }
        self.metrics.batch(calls.len());
        Ok(outcomes)
    }

    /// Carries out an order in a transaction of its own.
    fn office(&mut self, work: OfficeWork) -> Outcome {
        let booked = match &work.order {
            // Whether money is still held must not depend on a job being on time, nor on its rest after a failure.
            Order::Close(_) => {
                self.next_due = Some(self.clock.now());
                self.book_due(usize::MAX)
            }
            _ => Ok(()),
        };
        booked.and_then(|()| self.try_office(work)).unwrap_or_else(|error| {
            self.failed(&error);
            Err(Failure::from(&error))
        })
    }

    fn try_office(&mut self, work: OfficeWork) -> Result<Outcome, StoreError> {
        self.refresh()?;
        let now = self.clock.now();
        if let Some(asked) = work.asked
            && let Some(kept) = self.store.answered(asked.key)?
        {
            let same = kept.asked.fingerprint == asked.fingerprint;
            let repeat = Done::Office { status: kept.status, body: kept.body, replayed: true };
            return Ok(if same { Ok(repeat) } else { Err(Failure::Refused(Refusal::KeyReused)) });
        }
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let campaign = work.order.campaign().and_then(|id| catalog.campaign(id));
        let wants: Vec<Want> = campaign.map(|campaign| Want::Slice(campaign.number)).into_iter().collect();
        let mut cells = Cells::new(vec![self.store.begin(&wants)?]);
        let pick = |campaign: &_, cell, pick, total| self.pools.pick(campaign, cell, pick, total);
        let scene = Scene { catalog: &catalog, settings: &self.settings, now, luck: &pick };
        let decision = match order(&mut cells, &scene, &work.order, &work.by) {
            Ok(decision) => decision,
            Err(no) => {
                drop(catalog);
                self.store.rollback();
                return Ok(Err(refused(no)));
            }
        };
        drop(catalog);
        let subject = subject(&decision.answer);
        let (status, body) = (work.render)(&decision.answer, now);
        let log = LogLine {
            at: now,
            principal: work.by,
            action: work.order.name().to_owned(),
            subject,
            detail: work.detail,
        };
        let answered = work.asked.map(|asked| Answered { asked, status, body: body.clone() });
        let notes = Notes { answered, log: Some(log), sandbox_clock: None };
        let rows = cells.treasury()?;
        // From here on the order may be stored; only what was read after a failure tells.
        self.stale = true;
        self.store.commit(rows, &notes)?;
        self.stale = false;
        self.recovered();
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        rows.entries.iter().cloned().for_each(|entry| catalog.apply(entry));
        drop(catalog);
        // A pause or its end changes what falls due when.
        self.next_due = Some(now);
        if self.clock.is_frozen() {
            // In a sandbox nothing happens later by itself. What fails is tried again soon.
            let _ = self.book_due(usize::MAX);
        }
        Ok(Ok(Done::Office { status, body, replayed: false }))
    }

    /// Moves the sandbox's clock, and does all that falls due by then.
    fn set_clock(&mut self, to: Time) -> Outcome {
        let now = self.clock.now();
        if to < now {
            return Err(Failure::ClockBackwards(now));
        }
        let moved = self.store.begin(&[]).and_then(|rows| {
            self.store.commit(&rows, &Notes { sandbox_clock: Some(to), ..Notes::default() })?;
            self.clock.set(to);
            self.next_due = Some(to);
            self.book_due(usize::MAX)
        });
        match moved {
            Ok(()) => Ok(Done::Clock(to)),
            Err(error) => {
                self.failed(&error);
                Err(Failure::from(&error))
            }
        }
    }

    /// Reads the catalog again after an order of which nobody can tell whether it is stored.
    fn refresh(&mut self) -> Result<(), StoreError> {
        if !self.stale {
            return Ok(());
        }
        let stored = self.store.load_catalog()?;
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = stored;
        self.stale = false;
        self.next_due = Some(self.clock.now());
        Ok(())
    }

    /// Work that panicked: what it began is forgotten.
    fn panicked(&mut self) {
        tracing::error!("the writer panicked; see the lines before");
        self.store.rollback();
        self.next_due = self.next_due.map(|due| due.max(self.clock.now().plus_ms(limits::REST_MS)));
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

/// Answers all of a batch the same.
fn fail(batch: Vec<Waiting>, failure: &Failure) {
    for (_, reply) in batch {
        let _ = reply.send(Err(failure.clone()));
    }
}

/// The rows that a call needs: at most three kinds.
fn wants(catalog: &Catalog, call: &Call) -> [Option<Want>; 3] {
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

fn outcome(rows: &mut Rows, scene: &Scene, call: &Call) -> Outcome {
    match decide(rows, scene, call) {
        Ok(decision) => Ok(Done::Call { answer: decision.answer, replayed: decision.replayed }),
        Err(no) => Err(refused(no)),
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

/// What the log calls the subject of an order.
fn subject(answer: &Answer) -> String {
    match answer {
        Answer::Campaign(campaign, _) => campaign.rules.id.to_string(),
        Answer::Merchant(merchant) => merchant.id.to_string(),
        Answer::Store(store) => store.id.to_string(),
        Answer::Code(code) => code.text.as_str().to_owned(),
        Answer::Rate(from, into, rate) => format!("{from}-{into} {rate}"),
        Answer::Coupon(coupon) => coupon.id.to_string(),
        Answer::Quote(quote) => quote.id.to_string(),
        Answer::Payment(_, payment) => payment.id.to_string(),
        Answer::Refund(_, refund) => refund.id.to_string(),
    }
}
