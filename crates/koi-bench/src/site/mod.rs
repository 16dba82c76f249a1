//! A server, its stage, and the people who visit it: what all measurements of one server share.

mod claims;
mod shopping;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;

use crate::limits::{FILL_CHUNK, FILL_CHUNK_MAX, SCHEDULED_CONNECTIONS_FACTOR};
use crate::load::{Head, Pace, Plan, Tally, Work, drive};
use crate::metrics::Batches;
use crate::options::Options;
use crate::people::People;
use crate::stage::{CAMPAIGN, Stage, WALLET};
use claims::Claims;
use shopping::Shopping;

/// The warm-up of each measurement, as a share of its length. It fills caches and grows batches.
const WARM_UP: f64 = 0.2;

/// One server under load, or several on one database.
#[derive(Debug)]
pub(crate) struct Site {
    /// Of its servers: connections go to them in turn.
    addresses: Vec<SocketAddr>,
    stage: Arc<Stage>,
    people: Arc<People>,
    stored: AtomicU64,
    threads: usize,
    connections: usize,
    measured: Duration,
}

/// What one measurement brought.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    /// Commands per commit, where the server tells.
    pub(crate) batch: Option<f64>,
}

impl Site {
    /// A site whose stage is set and where nobody has been yet.
    pub(crate) fn new(addresses: Vec<SocketAddr>, stage: Stage, options: &Options) -> Site {
        Site {
            addresses,
            stage: Arc::new(stage),
            people: Arc::new(People::default()),
            stored: AtomicU64::new(0),
            threads: options.threads(),
            connections: options.connections,
            measured: Duration::from_secs_f64(options.seconds),
        }
    }

    /// The same people and stage at another address: the server was started again.
    pub(crate) fn moved(mut self, address: SocketAddr) -> Site {
        self.addresses = vec![address];
        self
    }

    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Coupons that were claimed here.
    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Claims as fast as they are answered.
    pub(crate) fn claims(&self) -> anyhow::Result<Measured> {
        self.measure_claims(&self.plan(Pace::Closed))
    }

    /// Claims that arrive by a schedule.
    pub(crate) fn scheduled_claims(&self, per_second: f64) -> anyhow::Result<Measured> {
        let connections = self.connections * SCHEDULED_CONNECTIONS_FACTOR;
        let plan = Plan { connections, ..self.plan(Pace::Scheduled { per_second }) };
        self.measure_claims(&plan)
    }

    /// Claims that the server only parses and answers. Those who send them are not remembered.
    pub(crate) fn parses(&self) -> anyhow::Result<Measured> {
        let passers_by = Arc::new(People::default());
        self.measure(&self.plan(Pace::Closed), self.claimants("/v1/sandbox/parse", &passers_by, None))
    }

    /// Claims, and then quotes and payments by the people who came first with those claims: each has a live
    /// coupon that nobody has used yet.
    pub(crate) fn claims_and_purchases(&self) -> anyhow::Result<(Measured, Measured)> {
        let before = self.people.arrived();
        let claims = self.claims()?;
        let shoppers = Arc::new(shopping::Shoppers::between(before, self.people.arrived()));
        let works = (0..self.threads).map(|_| -> Box<dyn Work> {
            Box::new(Shopping::new(Arc::clone(&shoppers), Arc::clone(&self.stage), self.people.stream()))
        });
        Ok((claims, self.measure(&self.plan(Pace::Closed), works.collect())?))
    }

    /// Stores this many coupons, telling now and then how far it is.
    ///
    /// # Errors
    /// Any claim that is refused, and claims that take absurdly long.
    pub(crate) fn fill(&self, coupons: u64, told: &dyn Fn(u64)) -> anyhow::Result<()> {
        let mut stored = 0;
        while stored < coupons {
            let chunk = (coupons - stored).min(FILL_CHUNK);
            let plan = Plan { warm_up: Duration::ZERO, measured: FILL_CHUNK_MAX, ..self.plan(Pace::Closed) };
            let left = Arc::new(AtomicU64::new(chunk));
            let tally = drive(&self.addresses, &plan, self.claimants(&claim_path(), &self.people, Some(left)))?;
            ensure!(
                tally.errors.is_empty() && tally.done == chunk,
                "after {} coupons: {} of {chunk} claims succeeded; errors: {:?}",
                stored + tally.done,
                tally.done,
                tally.errors
            );
            stored += chunk;
            self.stored.fetch_add(chunk, Ordering::Relaxed);
            told(stored);
        }
        Ok(())
    }

    fn plan(&self, pace: Pace) -> Plan {
        let warm_up = self.measured.mul_f64(WARM_UP);
        Plan { connections: self.connections, warm_up, measured: self.measured, pace }
    }

    fn claimants(&self, path: &str, people: &Arc<People>, left: Option<Arc<AtomicU64>>) -> Vec<Box<dyn Work>> {
        let head = Head::post(path, WALLET);
        (0..self.threads)
            .map(|_| -> Box<dyn Work> {
                Box::new(Claims::new(head.clone(), Arc::clone(people), Arc::clone(&self.stage), left.clone()))
            })
            .collect()
    }

    fn measure_claims(&self, plan: &Plan) -> anyhow::Result<Measured> {
        let measured = self.measure(plan, self.claimants(&claim_path(), &self.people, None))?;
        self.stored.fetch_add(measured.tally.done_in_all, Ordering::Relaxed);
        Ok(measured)
    }

    fn measure(&self, plan: &Plan, works: Vec<Box<dyn Work>>) -> anyhow::Result<Measured> {
        let before = self.batches();
        let tally = drive(&self.addresses, plan, works)?;
        let after = self.batches();
        let batch = before.zip(after).and_then(|(before, after)| after.mean_since(before));
        Ok(Measured { tally, batch })
    }

    /// Of the first server: the others have as much to do.
    fn batches(&self) -> Option<Batches> {
        Batches::read(*self.addresses.first()?)
    }
}

fn claim_path() -> String {
    format!("/v1/campaigns/{CAMPAIGN}/claims")
}

#[cfg(test)]
mod tests;
