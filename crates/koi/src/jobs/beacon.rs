//! Brings each approved campaign the public randomness that seals its stock, once the round's time has come.
//!
//! ```text
//! look for campaigns that wait ─▶ ask the relays ─▶ verify ─▶ Order::Unseal ─▶ the engine verifies again, and stores
//! ```
//! Which round it is was fixed at the approval. A relay that is late, lies or breaks delays it; then the same round is asked
//! for again, after growing pauses. Any number of servers may bring it: the engine takes it once, and answers all.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use koi_core::campaign::{Beacon, State};
use koi_core::catalog::Catalog;
use koi_core::command::Order;
use koi_core::id::{CampaignId, Principal};
use koi_core::time::Time;
use koi_fair::beacon::relay::{Fetched, NotFetched, Relays, Why, Wrong};
use koi_fair::beacon::{Chain, Verified};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::engine::beacons::{Beacons, time_of};
use crate::engine::clock::Clock;
use crate::engine::freshness::Freshness;
use crate::engine::readers::Readers;
use crate::engine::work::{Failure, OfficeWork, Work};
use crate::engine::{Engine, SharedCatalog};
use crate::limits;
use crate::metrics::Metrics;
use crate::source::Source;

/// Who the office's log names as the one who brought a round.
const BY: &str = "koi-beacon";

/// The job, with what it works on.
pub(crate) struct Bringer {
    pub(crate) engine: Engine,
    pub(crate) catalog: SharedCatalog,
    pub(crate) clock: Arc<Clock>,
    /// Another server may have approved a campaign, and be gone.
    pub(crate) freshness: Freshness,
    pub(crate) readers: Readers,
    pub(crate) randomness: Randomness,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) source: Source,
}

/// What seals campaigns here, and how its rounds come by.
#[derive(Clone, Debug)]
pub(crate) struct Randomness {
    pub(crate) beacons: Beacons,
    pub(crate) relays: Relays,
    pub(crate) pace: Pace,
}

/// How often is looked, and how long the pauses are after a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) look: Duration,
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// The pace of a server.
pub(crate) const PACE: Pace =
    Pace { look: limits::BEACON_LOOK, first: limits::BEACON_WAIT, longest: limits::BEACON_LONGEST_WAIT };

/// A round: of the chain with this hash, with this number.
type Key = ([u8; 32], u64);

/// A round that campaigns wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Awaited {
    chain: Chain,
    round: u64,
    /// When it can be known.
    time: Time,
    campaigns: Vec<CampaignId>,
}

impl Awaited {
    fn key(&self) -> Key {
        (*self.chain.hash(), self.round)
    }
}

/// What was waited for when it was looked up.
struct LookedUp {
    /// The catalog's revision.
    revision: u64,
    at: Instant,
    rounds: Vec<Awaited>,
}

/// What was tried for a round so far.
#[derive(Clone, Debug)]
struct Tried {
    times: u32,
    /// When it is tried again.
    again: Instant,
    /// The round, if a relay has served it and it could not be stored.
    fetched: Option<(Verified, String)>,
}

impl Bringer {
    /// Brings what is waited for, until the server stops. What is asked of relays by then is asked to its end on threads of
    /// its own, and not heard.
    pub(crate) async fn follow(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.forever() => {}
        }
    }

    async fn forever(&mut self) {
        let mut known = None;
        let mut tried = BTreeMap::new();
        loop {
            if let Err(error) = self.freshness.see(&self.readers, &self.catalog, &self.clock).await {
                tracing::debug!(%error, "what other servers changed could not be read");
            }
            let awaited = self.awaited(&mut known);
            let due = self.due(awaited);
            tried.retain(|key, _| due.iter().any(|awaited| awaited.key() == *key));
            match next(&due, &tried, Instant::now()) {
                Some(awaited) => self.attempt(awaited, &mut tried).await,
                None => tokio::time::sleep(self.randomness.pace.look).await,
            }
        }
    }

    /// The rounds that are waited for, looked up anew when the catalog has changed; and now and then in any case: a database
    /// that went back can come to another catalog of the same revision.
    fn awaited<'a>(&self, known: &'a mut Option<LookedUp>) -> &'a [Awaited] {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let is_right = |known: &LookedUp| {
            known.revision == catalog.revision && known.at.elapsed() < limits::BEACON_LONGEST_WAIT
        };
        let of_now = known.take().filter(is_right).unwrap_or_else(|| LookedUp {
            revision: catalog.revision,
            at: Instant::now(),
            rounds: awaited(&catalog, &self.randomness.beacons),
        });
        &known.insert(of_now).rounds
    }

    /// Those whose time has come. Whoever watches the server is told.
    fn due(&self, awaited: &[Awaited]) -> Vec<Awaited> {
        let now = self.clock.now();
        let due: Vec<Awaited> = awaited.iter().filter(|awaited| awaited.time <= now).cloned().collect();
        let campaigns = due.iter().map(|awaited| awaited.campaigns.len()).sum();
        let oldest_ms = due.first().map_or(0, |awaited| now.since_ms(awaited.time));
        self.metrics.beacon_waiting(campaigns, oldest_ms);
        due
    }

    /// Fetches a round and brings it to all who wait for it. What fails is tried again after a pause.
    async fn attempt(&self, awaited: &Awaited, tried: &mut BTreeMap<Key, Tried>) {
        let before = tried.remove(&awaited.key());
        let times = before.as_ref().map_or(0, |tried| tried.times);
        let wait = pause(self.randomness.pace, times, self.chance());
        let fetched = match before.and_then(|tried| tried.fetched) {
            Some(fetched) => Some(fetched),
            None => self.fetch(awaited, wait).await,
        };
        if let Some(fetched) = &fetched {
            self.bring_all(awaited, fetched).await;
        }
        // Who has it waits no longer, and is not looked at again.
        let again = Instant::now() + wait;
        tried.insert(awaited.key(), Tried { times: times.saturating_add(1), again, fetched });
    }

    async fn fetch(&self, awaited: &Awaited, wait: Duration) -> Option<(Verified, String)> {
        let (relays, chain, round) = (self.randomness.relays.clone(), awaited.chain.clone(), awaited.round);
        let asked = tokio::task::spawn_blocking(move || relays.fetch(&chain, round)).await;
        match asked.ok()? {
            Ok(Fetched { verified, relay, wrong }) => {
                self.count(&wrong);
                for Wrong { relay, why } in wrong.iter().filter(|wrong| wrong.why != Why::NotYet) {
                    tracing::warn!(relay, %why, "a relay did not serve a round of public randomness, another one did");
                }
                Some((verified, relay))
            }
            Err(NotFetched::NotYet(wrong) | NotFetched::Failed(wrong)) => {
                self.count(&wrong);
                self.say_late(awaited, &wrong, wait);
                None
            }
        }
    }

    fn count(&self, wrong: &[Wrong]) {
        for Wrong { relay, why } in wrong {
            self.metrics.relay_failed(relay, why.code());
        }
    }

    /// Relays need a moment to have a round: only one that is late is worth a line.
    fn say_late(&self, awaited: &Awaited, wrong: &[Wrong], wait: Duration) {
        let Awaited { chain, round, time, campaigns } = awaited;
        if wrong.iter().all(|wrong| wrong.why == Why::NotYet)
            && self.clock.now().since_ms(*time) < limits::BEACON_LATE_MS
        {
            return tracing::debug!(round, ?wait, "the relays do not have the round yet");
        }
        let why = wrong.iter().map(Wrong::to_string).collect::<Vec<_>>().join("; ");
        let relay = self.randomness.relays.addresses().first().map_or("RELAY", String::as_str);
        let (first, others) =
            (campaigns.first().map_or("", CampaignId::as_str), campaigns.len().saturating_sub(1));
        tracing::warn!(
            campaign = first,
            others,
            round,
            due = %time,
            ?wait,
            why,
            "the public randomness is late, and the campaign is not live before it is known: the same round is asked for \
             again. If this machine reaches no relay, fetch {relay}/{}/public/{round} on another one and hand it in: koi \
             campaign beacon {first} FILE",
            hex::encode(chain.hash()),
        );
    }

    async fn bring_all(&self, awaited: &Awaited, (verified, relay): &(Verified, String)) {
        for campaign in &awaited.campaigns {
            match self.bring(campaign, verified, relay).await {
                Ok(()) => {
                    let round = awaited.round;
                    tracing::info!(%campaign, round, relay, "the public randomness is known: the stock is sealed");
                }
                Err(failure) => {
                    tracing::warn!(%campaign, ?failure, "public randomness could not be stored, and is brought again");
                }
            }
        }
    }

    async fn bring(&self, campaign: &CampaignId, verified: &Verified, relay: &str) -> Result<(), Failure> {
        let beacon =
            Beacon { randomness: *verified.randomness(), signature: verified.signature().as_slice().into() };
        let work = OfficeWork {
            order: Order::Unseal(campaign.clone(), verified.round(), beacon),
            by: Principal::stored(BY),
            asked: None,
            detail: relay.to_owned(),
            // Nobody waits for this answer but the job.
            render: Box::new(|_, _| (200, String::new())),
        };
        self.engine.submit(Work::Office(Box::new(work))).await.map(drop)
    }

    /// A number that servers which began at the same moment do not share.
    fn chance(&self) -> u16 {
        self.source.bytes().map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

/// The rounds that campaigns wait for, the first of them first. One that ended without its randomness may still have it: so
/// its whole log can be checked like any other.
fn awaited(catalog: &Catalog, beacons: &Beacons) -> Vec<Awaited> {
    let mut rounds: BTreeMap<(Time, Key), Awaited> = BTreeMap::new();
    for campaign in catalog.campaigns() {
        let sealed = campaign.seal.as_ref().filter(|seal| seal.beacon.is_none());
        let Some(seal) = sealed.filter(|_| !matches!(campaign.state, State::Closed { .. })) else { continue };
        let Some(chain) = beacons.chain(&seal.chain) else { continue };
        let Some(time) = time_of(chain, seal.round) else { continue };
        let of_round = rounds.entry((time, (seal.chain, seal.round))).or_insert_with(|| Awaited {
            chain: chain.clone(),
            round: seal.round,
            time,
            campaigns: Vec::new(),
        });
        of_round.campaigns.push(campaign.rules.id.clone());
    }
    let mut rounds: Vec<Awaited> = rounds.into_values().collect();
    rounds.iter_mut().for_each(|awaited| awaited.campaigns.sort_unstable());
    rounds
}

/// Which of the rounds is tried now: the one that was tried least, so that one that no relay has keeps no other waiting.
fn next<'a>(due: &'a [Awaited], tried: &BTreeMap<Key, Tried>, now: Instant) -> Option<&'a Awaited> {
    let times = |awaited: &Awaited| tried.get(&awaited.key()).map_or(0, |tried| tried.times);
    let is_ready = |awaited: &&Awaited| tried.get(&awaited.key()).is_none_or(|tried| tried.again <= now);
    due.iter().filter(is_ready).min_by_key(|awaited| (times(awaited), awaited.time))
}

/// The pause after a try, of those before which failed so many: between half and all of twice the one before, up to the
/// longest.
fn pause(pace: Pace, failed: u32, chance: u16) -> Duration {
    let grown = 2_u32.checked_pow(failed).and_then(|times| pace.first.checked_mul(times));
    let half = grown.map_or(pace.longest, |grown| grown.min(pace.longest)) / 2;
    half + half * u32::from(chance) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests;
