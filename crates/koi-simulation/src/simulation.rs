//! A run: batch after batch from one seed, each beside the model.
//!
//! ```text
//! draw a batch ─▶ run it, maybe with failures ─▶ dead? come back ─▶ repeat what nobody can tell, key by key
//!              ─▶ tell the model everything in the order in which it was done ─▶ compare
//! ```
//! A call without an answer happened at its own place exactly when its repeat is a replay; else it happens when it is
//! repeated. The model learns of it accordingly.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use koi_core::money::{Currency, Rate};
use koi_core::scene;
use koi_core::time::{Time, Zone};
use koi_store::StoreError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::ask::{Ask, Request};
use crate::audit;
use crate::bugs::{Bug, Planted};
use crate::faults::{Script, SharedScript, lock};
use crate::model::{DAY_MS, Model};
use crate::seen::{Reply, Seen};
pub use crate::server::Ground;
use crate::server::Server;
use crate::translate::{seen, work};
use crate::workload::Workload;
use crate::world::{OPERATOR, World, request};

/// Lines of the trace that are kept for a failure, unless the plan says otherwise.
pub const TRACE: usize = 40;
/// Batches between two comparisons of every row.
const EVERY_ROW: u32 = 8;
/// One batch in so many is run with failures.
const FAULTY_ONE_IN: u32 = 4;

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What everything random comes from.
    pub seed: u64,
    /// How many batches.
    pub steps: u32,
    /// A bug for the simulation to find.
    pub bug: Option<Bug>,
    /// How many of the last calls a failure shows.
    pub trace: usize,
}

/// What a run without disagreement was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// SHA-256 over all calls and answers, in hexadecimal.
    pub digest: String,
    /// Calls that were answered.
    pub calls: u64,
    /// Failures of the storage.
    pub failures: u64,
    /// Deaths of the server.
    pub deaths: u64,
    /// How often each answer was given: the call's and the answer's names.
    pub answers: BTreeMap<String, u64>,
}

/// A disagreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed that repeats it.
    pub seed: u64,
    /// The batch.
    pub step: u32,
    /// What disagrees.
    pub what: String,
    /// The calls before it, and their answers.
    pub trace: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {} fails at batch {}: {}", self.seed, self.step, self.what)
    }
}

/// What went wrong, in words.
type Wrong = String;

/// Runs a plan on a data folder, to its end or to the first disagreement.
pub fn run(plan: Plan) -> Result<Report, Box<Failure>> {
    run_on(plan, Ground::Folder)
}

/// The same on either store.
pub fn run_on(plan: Plan, ground: Ground) -> Result<Report, Box<Failure>> {
    let mut simulation = Simulation::new(plan, ground)
        .map_err(|what| Box::new(Failure { seed: plan.seed, step: 0, what, trace: Vec::new() }))?;
    match simulation.all() {
        Ok(()) => Ok(simulation.report()),
        Err(what) => {
            let (step, trace) = (simulation.step, simulation.trace.into());
            Err(Box::new(Failure { seed: plan.seed, step, what, trace }))
        }
    }
}

/// The stream of the seed for one purpose: more draws for one shift nothing of another.
fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(purpose);
    stream
}

struct Simulation {
    plan: Plan,
    step: u32,
    luck: ChaCha8Rng,
    script: SharedScript,
    server: Server,
    model: Model,
    workload: Workload,
    /// Whether something that fell due may not be booked yet.
    lags: bool,
    trace: VecDeque<String>,
    digest: Sha256,
    counts: Report,
}

/// A call that had no answer, once it was repeated.
struct Repeat {
    /// Its place in the batch.
    place: usize,
    /// What the repeat was answered.
    seen: Seen,
    /// Whether the call had happened at its own place: then the repeat changed nothing.
    had_happened: bool,
}

impl Simulation {
    fn new(plan: Plan, ground: Ground) -> Result<Self, Wrong> {
        let world = World::draw(&mut stream(plan.seed, 1));
        let script = Script::new(stream(plan.seed, 2), plan.bug.map(Planted::new));
        let script = Arc::new(Mutex::new(script));
        let settings = world.settings;
        let now = world.starts_at - DAY_MS;
        let rules = scene::Settings {
            wallet_currency: Currency::parse(settings.wallet_currency).ok_or("no such currency")?,
            settlement_zone: Zone::parse(settings.settlement_zone).ok_or("no such zone")?,
            quote_valid_s: settings.quote_valid_s,
            cancel_minutes: 15,
            refund_days: 360,
            cells: ground.cells(),
        };
        let turns = stream(plan.seed, 5);
        let server =
            Server::start(rules, Time::of_ms(now), script.clone(), ground, turns).map_err(broken_store)?;
        let mut model = Model::new(settings, now);
        model.is_scattered = ground.cells() > 1;
        Ok(Self {
            plan,
            step: 0,
            luck: stream(plan.seed, 3),
            script,
            server,
            model,
            workload: Workload::new(stream(plan.seed, 4), world),
            lags: false,
            trace: VecDeque::new(),
            digest: Sha256::new(),
            counts: Report::default(),
        })
    }

    fn report(self) -> Report {
        let digest = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let failures = lock(&self.script).failures;
        Report { digest, failures, ..self.counts }
    }

    fn all(&mut self) -> Result<(), Wrong> {
        let opening = self.workload.opening();
        self.batch(&opening, false)?;
        for step in 1..=self.plan.steps {
            self.step = step;
            let batch = self.workload.batch(&self.model);
            let faulty = self.luck.random_ratio(1, FAULTY_ONE_IN);
            let deaths = self.counts.deaths;
            self.batch(&batch, faulty)?;
            if self.counts.deaths > deaths {
                let repeats = self.workload.repeats(6);
                self.batch(&repeats, false)?;
            }
            if step.is_multiple_of(EVERY_ROW) {
                self.every_row()?;
            }
        }
        self.catch_up()?;
        self.every_row()
    }

    /// Runs a batch and compares what comes of it. In several cells a claim whose own cell has no packet is decided after
    /// all others of its batch: there it has one of its own, so that it is known in which order everything is done.
    fn batch(&mut self, batch: &[Request], faulty: bool) -> Result<(), Wrong> {
        let wallet = self.model.settings.wallet_currency;
        let batch: Vec<&Request> = batch.iter().filter(|request| work(request, wallet).is_some()).collect();
        let is_claim = |request: &Request| matches!(request.ask, Ask::Claim { .. });
        let apart = self.model.is_scattered;
        let parts = batch.chunk_by(|one, other| !apart || !(is_claim(one) || is_claim(other)));
        parts.into_iter().try_for_each(|part| self.part(part, faulty))
    }

    fn part(&mut self, batch: &[&Request], faulty: bool) -> Result<(), Wrong> {
        let failed = self.execute(batch, faulty)?;
        let lifts = batch.iter().any(|request| matches!(request.ask, Ask::Resume(_) | Ask::End(_)));
        self.lags |= failed || lifts;
        match audit::totals(&self.server, &self.model).map_err(broken_store)? {
            None => {
                self.lags = false;
                self.model.agrees();
                Ok(())
            }
            Some(wrong) if !self.lags => Err(wrong),
            // A server whose storage failed may be behind for a while: its answers must be right all the same.
            Some(_) if self.luck.random_ratio(1, 2) => Ok(()),
            Some(_) => self.catch_up(),
        }
    }

    /// Runs a batch, finds out what became of each call, and tells the model. Answers whether anything failed.
    fn execute(&mut self, batch: &[&Request], faulty: bool) -> Result<bool, Wrong> {
        let failures = lock(&self.script).failures;
        lock(&self.script).wanted = faulty;
        lock(&self.script).stored_unsaid.clear();
        let killed = faulty && self.luck.random_ratio(1, 20);
        let mut first = if killed { vec![Seen::Unknown; batch.len()] } else { self.ask(batch)? };
        lock(&self.script).wanted = false;
        let failed = killed || lock(&self.script).failures > failures;
        let died = killed || std::mem::take(&mut lock(&self.script).dead);
        if died {
            self.counts.deaths += 1;
            self.note("the server dies and comes back".to_owned());
            self.server.die_and_come_back().map_err(broken_store)?;
        }
        if failed {
            // A statement that could not be carried out for once: the caller finds out by a repeat as well.
            first.iter_mut().filter(|seen| **seen == Seen::Fault).for_each(|seen| *seen = Seen::Unknown);
        }
        let now = self.server.now().map_err(broken_store)?.ms();
        let repeated = self.repeat_unknown(batch, &first)?;

        for (place, (request, seen)) in batch.iter().zip(&first).enumerate() {
            match repeated.iter().find(|repeat| repeat.place == place) {
                None => self.compare(request, seen)?,
                Some(repeat) if repeat.had_happened => self.compare_lost(request, &repeat.seen)?,
                Some(_) => {}
            }
        }
        if now != self.model.now {
            let asked = batch.iter().any(|request| request.ask == Ask::Clock(now));
            if !asked {
                return Err(format!("the clock stands at {now}, it had to be {}", self.model.now));
            }
            self.model.time_is(now);
        }
        for repeat in repeated.iter().filter(|repeat| !repeat.had_happened) {
            self.compare(batch[repeat.place], &repeat.seen)?;
        }
        Ok(failed)
    }

    fn ask(&mut self, requests: &[&Request]) -> Result<Vec<Seen>, Wrong> {
        let wallet = self.model.settings.wallet_currency;
        let works = requests.iter().filter_map(|request| work(request, wallet)).collect();
        let outcomes = self.server.run(works);
        let catalog = self.server.catalog().map_err(broken_store)?;
        Ok(outcomes.into_iter().map(|outcome| seen(outcome, &catalog)).collect())
    }

    /// Repeats every call that has no answer.
    fn repeat_unknown(&mut self, batch: &[&Request], first: &[Seen]) -> Result<Vec<Repeat>, Wrong> {
        let slot = |request: &Request| request.bound().map(|bound| (request.by, bound.scope, request.key.clone()));
        let is_new = |seen: &Seen| matches!(seen, Seen::Good { replayed: false, .. });
        // A replay of one of these proves nothing about the call itself.
        let mut done: BTreeSet<_> =
            batch.iter().zip(first).filter(|(_, seen)| is_new(seen)).map(|(request, _)| slot(request)).collect();
        let mut unknown: Vec<usize> = (0..batch.len()).filter(|place| first[*place] == Seen::Unknown).collect();
        // A rate has no key that tells: its repeat is the first thing after the batch.
        unknown.sort_by_key(|place| !matches!(batch[*place].ask, Ask::SetRate(..)));
        let mut repeated = Vec::new();
        for place in unknown {
            let request = batch[place];
            let seen = self.ask(&[request])?.pop().unwrap_or(Seen::Unknown);
            if matches!(seen, Seen::Unknown | Seen::Fault) {
                return Err(format!("{request:?} is answered {seen:?} though nothing fails"));
            }
            let replayed = matches!(seen, Seen::Good { replayed: true, .. });
            let had_happened = match &request.ask {
                Ask::SetRate(from, rate) => self.was_stored(from, *rate),
                _ => replayed && !done.contains(&slot(request)),
            };
            if is_new(&seen) {
                done.insert(slot(request));
            }
            repeated.push(Repeat { place, seen, had_happened });
        }
        Ok(repeated)
    }

    /// Whether a rate was stored though its caller was told of a failure.
    fn was_stored(&self, from: &str, rate: u64) -> bool {
        let subject = format!("{from}-{} {}", self.model.settings.wallet_currency, Rate::of_scaled(rate));
        lock(&self.script).stored_unsaid.contains(&subject)
    }

    fn compare(&mut self, request: &Request, seen: &Seen) -> Result<(), Wrong> {
        self.count(request, seen, "");
        let expected = self.model.answer(request, seen);
        if *seen == expected { Ok(()) } else { Err(differs(request, seen, &expected)) }
    }

    /// Compares a call whose answer was lost, by its replay.
    fn compare_lost(&mut self, request: &Request, seen: &Seen) -> Result<(), Wrong> {
        self.count(request, seen, " (its first answer was lost)");
        let expected = self.model.answer(request, seen);
        let reply = |seen: &Seen| match seen {
            Seen::Good { reply, .. } => Some(reply.clone()),
            Seen::Refused(_) | Seen::Unknown | Seen::Fault => None,
        };
        if reply(seen) == reply(&expected) { Ok(()) } else { Err(differs(request, seen, &expected)) }
    }

    fn count(&mut self, request: &Request, seen: &Seen, remark: &str) {
        let line = format!(
            "{} {} {}/{} {:?}\n      → {seen:?}{remark}",
            self.step,
            Time::of_ms(self.model.now),
            request.by,
            request.key,
            request.ask
        );
        self.digest.update(line.as_bytes());
        self.note(line);
        self.counts.calls += 1;
        let debug = format!("{:?}", request.ask);
        let asked = debug.split(['(', ' ']).next().unwrap_or_default();
        let answered = match seen {
            Seen::Good { replayed: true, .. } => "replay",
            Seen::Good { reply: Reply::Quote(quote), .. } => quote.no_deduction.unwrap_or("good"),
            Seen::Good { .. } => "good",
            Seen::Refused(refused) => &refused.code,
            Seen::Unknown | Seen::Fault => "?",
        };
        *self.counts.answers.entry(format!("{asked} {answered}")).or_default() += 1;
    }

    fn note(&mut self, line: String) {
        self.trace.push_back(line);
        if self.trace.len() > self.plan.trace {
            self.trace.pop_front();
        }
    }

    /// Lets the server book everything that fell due, as the sandbox's clock does; then the totals must agree.
    fn catch_up(&mut self) -> Result<(), Wrong> {
        let clock = request(Ask::Clock(self.model.now), OPERATOR, String::new());
        let seen = self.ask(&[&clock])?.pop().unwrap_or(Seen::Unknown);
        self.compare(&clock, &seen)?;
        self.lags = false;
        match audit::totals(&self.server, &self.model).map_err(broken_store)? {
            None => Ok(()),
            Some(wrong) => Err(wrong),
        }
    }

    /// Compares every row, and runs the server's own check.
    fn every_row(&mut self) -> Result<(), Wrong> {
        if let Some(wrong) = audit::objects(&self.server, &self.model).map_err(broken_store)? {
            return Err(wrong);
        }
        if let Some(wrong) = crate::luck::unfair(&self.server).map_err(broken_store)? {
            return Err(wrong);
        }
        let broken = self.server.broken().map_err(broken_store)?;
        if broken.is_empty() { Ok(()) } else { Err(format!("the ledger check names {broken:?}")) }
    }
}

fn differs(request: &Request, seen: &Seen, expected: &Seen) -> Wrong {
    format!("{request:?}\n  is answered    {seen:?}\n  it had to be   {expected:?}")
}

fn broken_store(error: StoreError) -> Wrong {
    error.to_string()
}
