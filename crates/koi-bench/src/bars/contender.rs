//! One of those that get the same claims in turn, and what came of its turns.

use std::time::Duration;

use super::rounds::Rounds;
use crate::process::Server;
use crate::processor;
use crate::redis::Redis;
use crate::report::{Compared, Spread};
use crate::site::Site;

/// Servers under load, with what stands behind them.
pub(crate) struct Contender {
    pub(crate) turns: Turns,
    pub(crate) site: Site,
    servers: Vec<Server>,
    /// The process behind them, where they have one.
    behind: Option<u32>,
    /// Ended after the servers.
    _redis: Option<Redis>,
}

impl Contender {
    pub(crate) fn new(what: impl Into<String>, (servers, site): (Vec<Server>, Site)) -> Contender {
        let turns = Turns { what: what.into(), ..Turns::default() };
        Contender { turns, site, servers, behind: None, _redis: None }
    }

    /// With a process behind the servers, whose processor time counts, too.
    pub(crate) fn before(self, process: u32) -> Contender {
        Contender { behind: Some(process), ..self }
    }

    /// With a Redis of its own.
    pub(crate) fn holding(self, redis: Redis) -> Contender {
        Contender { _redis: Some(redis), ..self }
    }

    /// Takes its turn: claims as fast as they are answered.
    pub(crate) fn claim(&mut self) -> anyhow::Result<()> {
        let used = |processes: &[u32]| processes.iter().map(|process| processor::used_by(*process)).sum();
        let servers: Vec<u32> = self.servers.iter().map(|server| server.process.id()).collect();
        let behind: Vec<u32> = self.behind.into_iter().collect();
        let before: [Duration; 2] = [used(&servers), used(&behind)];
        let measured = self.site.claims()?;
        let claims = measured.tally.done_in_all.max(1) as f64;
        let each = |now: Duration, before| now.saturating_sub(before).as_secs_f64() * 1e6 / claims;
        self.turns.server_us.push(each(used(&servers), before[0]));
        if self.behind.is_some() {
            self.turns.behind_us.push(each(used(&behind), before[1]));
        }
        self.turns.rounds.add(&measured);
        Ok(())
    }
}

/// What came of somebody's turns.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    pub(crate) what: String,
    pub(crate) rounds: Rounds,
    /// Processor time of the servers for each claim, in microseconds.
    server_us: Vec<f64>,
    /// The same of what stands behind them.
    behind_us: Vec<f64>,
}

impl Turns {
    /// Adds later turns of the same.
    pub(crate) fn join(&mut self, later: Turns) {
        self.what = later.what;
        self.rounds.join(later.rounds);
        self.server_us.extend(later.server_us);
        self.behind_us.extend(later.behind_us);
    }

    /// A row of the table, beside the turns of another one.
    pub(crate) fn compared(&self, first: &Turns) -> Compared {
        let ratios = self.rounds.ratios(&first.rounds);
        Compared {
            what: self.what.clone(),
            claims_per_s: Spread::of(&self.rounds.per_second),
            ratio: Spread::of(&ratios),
            batch: self.rounds.batch(),
            server_us_per_claim: Spread::of(&self.server_us),
            behind_us_per_claim: Spread::of(&self.behind_us),
            errors: self.rounds.errors().clone(),
        }
    }
}
