//! A season: one campaign from its opening to its close, over many rounds of load and kills.
//!
//! Memory and time stay bounded over ten thousand kills because a season ends: every coupon runs off,
//! the campaign is closed, its whole history is verified once more, and only a sample of its promises
//! and its final budget are kept and checked on.

use std::sync::Arc;

use anyhow::Result;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::audit::{check_buckets, check_coupon, check_ledger, check_payment, check_quote, check_stock};
use crate::client::Client;
use crate::deed::Deed;
use crate::history::{Promise, verify_promises};
use crate::kills::actor::{Actor, Resolved, Scene};
use crate::limits::{OBJECTS_PER_CLIENT, OLDER_PROMISES_PER_ROUND, PROMISES_KEPT_PER_SEASON};
use crate::model::buckets::{Buckets, Outlay};
use crate::model::rules::{Rules, Tier};
use crate::model::world::Stage as CampaignStage;
use crate::moment::Moment;
use crate::stage::Stage;

/// The stock of a season: small and usual faces, and some big ones that split.
const STOCK: [Tier; 4] = [
    Tier { face: 288_800, count: 2_000, split: true },
    Tier { face: 8_800, count: 20_000, split: false },
    Tier { face: 1_888, count: 20_000, split: false },
    Tier { face: 500, count: 40_000, split: false },
];

/// What is left of seasons that are over.
#[derive(Default)]
pub(crate) struct Archive {
    promises: Vec<Arc<Promise>>,
    budgets: Vec<(String, Buckets)>,
}

impl Archive {
    /// Everything that was kept is still as it was.
    pub(crate) async fn verify(&self, client: &mut Client) -> Result<()> {
        for (campaign, budget) in &self.budgets {
            check_buckets(client, campaign, budget).await?;
        }
        verify_promises(client.address(), &self.promises).await
    }
}

/// A campaign and everybody who takes part in it.
pub(crate) struct Season {
    pub(crate) rules: Arc<Rules>,
    pub(crate) actors: Vec<Actor>,
    /// Promises of the season's earlier rounds.
    older: Vec<Arc<Promise>>,
}

impl Season {
    pub(crate) async fn open(client: &mut Client, stage: &mut Stage, number: u32, clients: usize) -> Result<Self> {
        let rules = stage.open_campaign(client, &format!("season-{number}"), &STOCK).await?;
        let mut world = Stage::empty_world();
        world.campaigns.insert(rules.id.clone(), stage.world.campaign(&rules.id)?.clone());
        let actor = |index| Actor::new(format!("s{number}-c{index}"), world.clone());
        Ok(Self { actors: (0..clients).map(actor).collect(), rules, older: Vec::new() })
    }

    pub(crate) fn is_sold_out(&self) -> bool {
        self.actors.iter().any(|actor| actor.sold_out)
    }

    pub(crate) async fn resolve(&mut self, scene: &Scene, killed_at: Moment) -> Result<Resolved> {
        let mut sum = Resolved::default();
        for (client, actor) in self.actors.iter_mut().enumerate() {
            let resolved = actor.resolve(scene, client, killed_at).await?;
            sum.repeated += resolved.repeated;
            sum.had_been_done += resolved.had_been_done;
        }
        Ok(sum)
    }

    fn outlay(&self, now: Moment) -> Outlay {
        let mut sum = Outlay::default();
        for actor in &self.actors {
            sum += actor.world.outlay(&self.rules.id, now);
        }
        sum
    }

    fn buckets(&self, stage: &Stage, now: Moment) -> Result<Buckets> {
        let campaign = stage.world.campaign(&self.rules.id)?;
        Ok(Buckets::of(campaign.funded, &self.outlay(now), campaign.stage == CampaignStage::Closed))
    }

    /// The money, the stock and the ledger, exactly.
    pub(crate) async fn check_money(&self, client: &mut Client, stage: &Stage, now: Moment) -> Result<()> {
        check_ledger(client).await?;
        check_buckets(client, &self.rules.id, &self.buckets(stage, now)?).await?;
        check_stock(client, &self.rules, &self.outlay(now)).await
    }

    /// Every promise of the round and a sample of older ones; then the round's become older.
    pub(crate) async fn check_round(
        &mut self,
        client: &mut Client,
        now: Moment,
        luck: &mut ChaCha8Rng,
    ) -> Result<u64> {
        let mut promises: Vec<_> = self.older.sample(luck, OLDER_PROMISES_PER_ROUND).cloned().collect();
        for actor in &mut self.actors {
            for coupon in actor.world.coupons.keys().rev().take(OBJECTS_PER_CLIENT) {
                check_coupon(client, &actor.world, coupon, now).await?;
            }
            for quote in actor.quotes.iter().rev().take(OBJECTS_PER_CLIENT) {
                check_quote(client, &actor.world, quote, now).await?;
            }
            for payment in actor.payments.iter().rev().take(OBJECTS_PER_CLIENT) {
                check_payment(client, &actor.world, payment).await?;
            }
            let fresh = std::mem::take(&mut actor.promises);
            promises.extend(fresh.iter().cloned());
            self.older.extend(fresh);
        }
        verify_promises(client.address(), &promises).await?;
        Ok(promises.len() as u64)
    }

    /// Every promise of the season.
    pub(crate) async fn check_history(&self, client: &mut Client) -> Result<u64> {
        verify_promises(client.address(), &self.older).await?;
        Ok(self.older.len() as u64)
    }

    /// Ends and closes the campaign, whose coupons have all run off, and archives a sample.
    pub(crate) async fn close(
        self,
        client: &mut Client,
        stage: &mut Stage,
        luck: &mut ChaCha8Rng,
        archive: &mut Archive,
    ) -> Result<()> {
        let campaign = self.rules.id.clone();
        stage.perform(client, Deed::End { campaign: campaign.clone() }).await?;
        stage.perform(client, Deed::Close { campaign: campaign.clone() }).await?;
        let budget = self.buckets(stage, stage.clock)?;
        check_buckets(client, &campaign, &budget).await?;
        archive.budgets.push((campaign, budget));
        archive.promises.extend(self.older.sample(luck, PROMISES_KEPT_PER_SEASON).cloned());
        Ok(())
    }
}
