//! Performs the day, act by act, and keeps its history.
//!
//! An act that got no answer is simply the next act again, with the same key. So the player can be taken
//! from one server process to the next, and goes on where the answers ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::answer::{Answer, NoAnswer};
use crate::audit::{check_ledger, check_world, read_buckets};
use crate::client::Client;
use crate::day::script::{Act, BEFORE_OPENING, ENDING, FEE_BPS, OPENING, Outcome, RATE_E8, day};
use crate::deed::{Command, Deed, Role, Shopper};
use crate::failure::{broken, same};
use crate::history::{Promise, verify_promises};
use crate::model::arithmetic::rate_text;
use crate::model::buckets::Buckets;
use crate::model::rules::{Rules, Tier};
use crate::model::world::World;
use crate::moment::Moment;

const MERCHANT: &str = "kiwi-honey";
const STORE: &str = "queen-st";

/// The day as far as it has come.
pub(crate) struct Player {
    acts: Vec<(Act, Outcome)>,
    position: usize,
    names: BTreeMap<&'static str, String>,
    promises: Vec<Arc<Promise>>,
    pub(crate) world: World,
    pub(crate) clock: Moment,
}

/// What came of one step.
pub(crate) enum Step {
    Answered {
        /// The server had done this act before.
        replayed: bool,
    },
    /// The server said 503: nothing has happened, or it cannot tell.
    Unavailable,
    NoAnswer(NoAnswer),
    /// The script wants the server stopped and started.
    RestartDue,
    Over,
}

/// The buckets of every campaign at one instant.
pub(crate) type Survey = BTreeMap<String, Buckets>;

impl Player {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            acts: day(),
            position: 0,
            names: BTreeMap::new(),
            promises: Vec::new(),
            world: World::new(FEE_BPS, RATE_E8),
            clock: Moment::parse(BEFORE_OPENING)?,
        })
    }

    /// Number and text of the act that comes next, for those who tell of a failure.
    pub(crate) fn place(&self) -> String {
        match self.acts.get(self.position) {
            Some((act, _)) => format!("act {} of {}, {act:?}", self.position + 1, self.acts.len()),
            None => "the end of the day".to_owned(),
        }
    }

    /// Performs the next act once.
    pub(crate) async fn step(&mut self, client: &mut Client) -> Result<Step> {
        let Some((act, outcome)) = self.acts.get(self.position).copied() else { return Ok(Step::Over) };
        let setting = match act {
            Act::Restart => return Ok(Step::RestartDue),
            Act::Clock { now } => {
                // From here on the server may have the new time, answered or not.
                self.clock = Moment::parse(now)?;
                Some(("/v1/sandbox/clock", Role::Operator, json!({"now": now})))
            }
            Act::Rate { rate_e8 } => {
                Some(("/v1/rates/NZD-CNY", Role::Acquirer, json!({"rate": rate_text(rate_e8)})))
            }
            _ => None,
        };
        if let Some((path, role, body)) = setting {
            let answer = match client.put(path, role, &body).await {
                Ok(answer) => answer,
                Err(missing) => return Ok(Step::NoAnswer(missing)),
            };
            return self.witness_setting(act, &answer);
        }
        let command = self.command(act)?;
        match client.send(&command).await {
            Ok(answer) => self.witness(act, outcome, command, answer),
            Err(missing) => Ok(Step::NoAnswer(missing)),
        }
    }

    /// The script's wish for a restart has been granted.
    pub(crate) fn restarted(&mut self) {
        self.position += 1;
    }

    fn witness_setting(&mut self, act: Act, answer: &Answer) -> Result<Step> {
        if answer.is_unavailable() {
            answer.check_unavailability()?;
            return Ok(Step::Unavailable);
        }
        if answer.status != 200 {
            return Err(broken(format!("{act:?} answers 200"), answer.shown()));
        }
        if let Act::Rate { rate_e8 } = act {
            self.world.rate_e8 = rate_e8;
        }
        self.position += 1;
        Ok(Step::Answered { replayed: false })
    }

    fn witness(&mut self, act: Act, outcome: Outcome, command: Command, answer: Answer) -> Result<Step> {
        if answer.is_unavailable() {
            answer.check_unavailability()?;
            return Ok(Step::Unavailable);
        }
        let as_written = match outcome {
            Outcome::Done => answer.is_done(),
            Outcome::Refused(code) => answer.code() == code,
        };
        if !as_written {
            return Err(broken(format!("{act:?} ends as {outcome:?}"), answer.shown()));
        }
        self.world.witness(&command.deed, &answer, self.clock)?;
        let replayed = answer.replayed;
        if answer.is_done() {
            if let Some((name, member)) = names_what(act) {
                let id = answer.json()?[member].as_str().context("an answer without its id")?.to_owned();
                self.names.insert(name, id);
            }
            self.promises.push(Promise::new(command, answer));
        }
        self.position += 1;
        Ok(Step::Answered { replayed })
    }

    fn command(&self, act: Act) -> Result<Command> {
        let deed = match act {
            Act::Restart | Act::Clock { .. } | Act::Rate { .. } => bail!("{act:?} is no command"),
            Act::Merchant => Deed::CreateMerchant { id: MERCHANT.to_owned(), fee_bps: FEE_BPS },
            Act::Store => Deed::CreateStore { merchant: MERCHANT.to_owned(), id: STORE.to_owned() },
            Act::Code { .. } => Deed::CreateCode { store: STORE.to_owned() },
            Act::RevokeCode { code } => Deed::RevokeCode { code: self.named(code)? },
            Act::Campaign { id, face, count, split } => {
                let tiers = vec![Tier { face, count, split }];
                let (starts_at, ends_at) = (Moment::parse(OPENING)?, Moment::parse(ENDING)?);
                Deed::CreateCampaign { rules: Arc::new(Rules { id: id.to_owned(), starts_at, ends_at, tiers }) }
            }
            Act::Submit { id } => Deed::Submit { campaign: id.to_owned() },
            Act::Approve { id } => Deed::Approve { campaign: id.to_owned() },
            Act::Fund { id, amount } => Deed::Fund { campaign: id.to_owned(), amount },
            Act::Pause { id, scope } => Deed::Pause { campaign: id.to_owned(), scope },
            Act::Resume { id } => Deed::Resume { campaign: id.to_owned() },
            Act::End { id } => Deed::End { campaign: id.to_owned() },
            Act::Close { id } => Deed::Close { campaign: id.to_owned() },
            Act::Claim { campaign, code, who, .. } => {
                Deed::Claim { campaign: campaign.to_owned(), code: self.named(code)?, shopper: shopper(who) }
            }
            Act::Void { coupon } => Deed::VoidCoupon { coupon: self.named(coupon)? },
            Act::Quote { who, amount, .. } => {
                Deed::Quote { shopper: shopper(who), store: STORE.to_owned(), amount }
            }
            Act::CancelQuote { quote } => Deed::CancelQuote { quote: self.named(quote)? },
            Act::Pay { quote, .. } => Deed::Pay { quote: self.named(quote)? },
            Act::CancelPayment { payment } => Deed::CancelPayment { payment: self.named(payment)? },
            Act::Refund { payment, amount } => Deed::Refund { payment: self.named(payment)?, amount },
        };
        Ok(Command { deed, key: format!("day-{}", self.position + 1) })
    }

    fn named(&self, name: &str) -> Result<String> {
        self.names.get(name).cloned().with_context(|| format!("the script names {name} before it is made"))
    }

    /// Reads all budgets before anything is repeated; the ledger must be sound at this very moment.
    pub(crate) async fn survey(&self, client: &mut Client) -> Result<Survey> {
        check_ledger(client).await?;
        let mut survey = Survey::new();
        for id in self.world.campaigns.keys() {
            survey.insert(id.clone(), read_buckets(client, id).await?);
        }
        Ok(survey)
    }

    /// The same from the history.
    pub(crate) fn expected_survey(&self) -> Result<Survey> {
        let campaigns = self.world.campaigns.keys();
        campaigns.map(|id| Ok((id.clone(), self.world.buckets(id, self.clock)?))).collect()
    }

    /// Repeats the act that was cut off. What was true before the repeat must be the world entirely
    /// with it or entirely without it, and the answer must say which.
    pub(crate) async fn resolve(&mut self, client: &mut Client) -> Result<Step> {
        let place = self.place();
        let is_command = matches!(self.acts.get(self.position), Some((act, _)) if self.command(*act).is_ok());
        if !is_command {
            // The clock's own work is promised only once the clock's call has been answered.
            return self.step(client).await;
        }
        let (seen, without) = (self.survey(client).await?, self.expected_survey()?);
        let step = self.step(client).await?;
        if let Step::Answered { replayed } = step {
            let mut with = self.expected_survey()?;
            // A campaign that this very act made was not yet looked at.
            with.retain(|id, _| seen.contains_key(id));
            let (how, promised) = if replayed { ("done", &with) } else { ("not done", &without) };
            same(&format!("the budgets before the repeat of {place}, which was {how}"), promised, &seen)?;
        }
        Ok(step)
    }

    /// Everything promised so far, and everything that follows from it.
    pub(crate) async fn verify(&self, address: SocketAddr) -> Result<()> {
        check_world(&mut Client::new(address), &self.world, self.clock).await?;
        verify_promises(address, &self.promises).await
    }
}

fn shopper(who: &str) -> Shopper {
    Shopper { account: who.to_owned(), person: format!("person-of-{who}") }
}

fn names_what(act: Act) -> Option<(&'static str, &'static str)> {
    match act {
        Act::Code { name } => Some((name, "code")),
        Act::Claim { coupon, .. } => Some((coupon, "id")),
        Act::Quote { quote, .. } => Some((quote, "id")),
        Act::Pay { payment, .. } => Some((payment, "id")),
        _ => None,
    }
}
