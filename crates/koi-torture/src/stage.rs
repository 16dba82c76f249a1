//! Sets the scene on a fresh server: a store with a code, a rate, campaigns that are open.
//!
//! What is done here is witnessed and promised like everything else.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::answer::Answer;
use crate::client::Client;
use crate::deed::{Command, Deed, Role, Shopper};
use crate::history::Promise;
use crate::model::arithmetic::rate_text;
use crate::model::rules::{Rules, Tier};
use crate::model::world::World;
use crate::moment::{DAY_MS, Moment};

pub(crate) const STORE: &str = "queen-st";
const MERCHANT: &str = "kiwi-honey";
const FEE_BPS: i64 = 160;
const RATE_E8: i64 = 458_170_000;
const FIRST_DAY: &str = "2018-07-19T22:15:00Z";
const CAMPAIGN_DAYS: i64 = 180;

/// The organisers' side of a run, and claims by people who come once.
pub(crate) struct Stage {
    name: &'static str,
    keys: u64,
    people: u64,
    pub(crate) code: String,
    /// The campaign opened last.
    pub(crate) campaign: String,
    pub(crate) clock: Moment,
    pub(crate) world: World,
    pub(crate) promises: Vec<Arc<Promise>>,
}

impl Stage {
    pub(crate) fn new(name: &'static str) -> Result<Self> {
        Ok(Self {
            name,
            keys: 0,
            people: 0,
            code: String::new(),
            campaign: String::new(),
            clock: Moment::parse(FIRST_DAY)?,
            world: World::new(FEE_BPS, RATE_E8),
            promises: Vec::new(),
        })
    }

    /// An empty world with the same fee and rate, for someone else's history.
    pub(crate) fn empty_world() -> World {
        World::new(FEE_BPS, RATE_E8)
    }

    /// The merchant, its store, its code and the rate.
    pub(crate) async fn set(&mut self, client: &mut Client) -> Result<()> {
        client.set("/v1/rates/NZD-CNY", Role::Acquirer, &json!({"rate": rate_text(RATE_E8)})).await?;
        self.perform(client, Deed::CreateMerchant { id: MERCHANT.to_owned(), fee_bps: FEE_BPS }).await?;
        self.perform(client, Deed::CreateStore { merchant: MERCHANT.to_owned(), id: STORE.to_owned() }).await?;
        let code = self.perform(client, Deed::CreateCode { store: STORE.to_owned() }).await?;
        self.code = code.json()?["code"].as_str().context("a code without its text")?.to_owned();
        Ok(())
    }

    /// A campaign that is funded and open from now on.
    pub(crate) async fn open_campaign(
        &mut self,
        client: &mut Client,
        id: &str,
        tiers: &[Tier],
    ) -> Result<Arc<Rules>> {
        let rules = Arc::new(Rules {
            id: id.to_owned(),
            starts_at: self.clock,
            ends_at: self.clock.plus_ms(CAMPAIGN_DAYS * DAY_MS),
            tiers: tiers.to_vec(),
        });
        self.perform(client, Deed::CreateCampaign { rules: rules.clone() }).await?;
        self.perform(client, Deed::Submit { campaign: id.to_owned() }).await?;
        self.perform(client, Deed::Approve { campaign: id.to_owned() }).await?;
        self.perform(client, Deed::Fund { campaign: id.to_owned(), amount: rules.budget() }).await?;
        self.campaign = id.to_owned();
        Ok(rules)
    }

    /// Does something on a healthy server, and takes it into the history.
    pub(crate) async fn perform(&mut self, client: &mut Client, deed: Deed) -> Result<Answer> {
        let command = self.command(deed);
        let answer = client.persist(&command).await?;
        self.witness(command, &answer)?;
        Ok(answer)
    }

    pub(crate) fn command(&mut self, deed: Deed) -> Command {
        self.keys += 1;
        Command { deed, key: format!("{}-{}", self.name, self.keys) }
    }

    /// Takes a definite answer into the history.
    pub(crate) fn witness(&mut self, command: Command, answer: &Answer) -> Result<()> {
        self.world.witness(&command.deed, answer, self.clock)?;
        if answer.is_done() {
            self.promises.push(Promise::new(command, answer.clone()));
        }
        Ok(())
    }

    /// A claim by somebody new.
    pub(crate) fn next_claim(&mut self) -> Command {
        self.people += 1;
        let account = format!("{}-{}", self.name, self.people);
        let shopper = Shopper { person: format!("person-of-{account}"), account };
        self.command(Deed::Claim { campaign: self.campaign.clone(), code: self.code.clone(), shopper })
    }

    /// Sends one claim once; a definite answer goes into the history, a 503 is the caller's business.
    pub(crate) async fn claim(&mut self, client: &mut Client) -> Result<(Command, Answer)> {
        let command = self.next_claim();
        let answer = client.send(&command).await?;
        if !answer.is_unavailable() {
            self.witness(command.clone(), &answer)?;
        }
        Ok((command, answer))
    }
}
