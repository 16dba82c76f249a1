//! A client of the load: its own shoppers, its own history, one deed after the other.
//!
//! Since nobody else touches its shoppers, its world is exact although many clients run at once. A
//! command without an answer stays pending until the server is back; nothing else is asked before.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use crate::answer::{Answer, NoAnswer};
use crate::client::Client;
use crate::deed::{Command, Deed, Shopper};
use crate::failure::broken;
use crate::history::Promise;
use crate::kills::plan::{Intent, Kind};
use crate::limits::SHOPPERS_IN_MIND;
use crate::model::world::World;
use crate::moment::Moment;
use crate::stage::STORE;

/// Where the shoppers claim, and when it is.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) address: SocketAddr,
    pub(crate) campaign: String,
    pub(crate) code: String,
    pub(crate) now: Moment,
}

/// What became of commands without an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) repeated: u64,
    /// The server had done them before it was killed.
    pub(crate) had_been_done: u64,
}

/// A refusal, and when it was decided.
struct Refusal {
    command: Command,
    answer: Answer,
    at: Moment,
}

/// One client.
pub(crate) struct Actor {
    name: String,
    keys: u64,
    people: u64,
    pub(crate) world: World,
    /// What this round was answered; earlier rounds' promises are the season's.
    pub(crate) promises: Vec<Arc<Promise>>,
    shoppers: VecDeque<Shopper>,
    pub(crate) quotes: VecDeque<String>,
    pub(crate) payments: VecDeque<String>,
    /// Sent, and not answered.
    pending: Vec<Command>,
    /// Refused while their twin was not answered: the twin explains the refusal.
    unexplained: Vec<Refusal>,
    pub(crate) sold_out: bool,
}

impl Actor {
    pub(crate) fn new(name: String, world: World) -> Self {
        Self {
            name,
            keys: 0,
            people: 0,
            world,
            promises: Vec::new(),
            shoppers: VecDeque::new(),
            quotes: VecDeque::new(),
            payments: VecDeque::new(),
            pending: Vec::new(),
            unexplained: Vec::new(),
            sold_out: false,
        }
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Does one thing after the other until the server is gone, the stock is, or the plan.
    pub(crate) async fn act(&mut self, scene: &Scene, intents: &[Intent], killed: &AtomicBool) -> Result<()> {
        let mut clients = [Client::new(scene.address), Client::new(scene.address)];
        for &intent in intents {
            let commands = self.commands(intent, scene);
            let answers = send_at_once(&mut clients, &commands).await;
            for missing in answers.iter().filter_map(|answer| answer.as_ref().err()) {
                if missing.hung || !killed.load(Ordering::SeqCst) {
                    return Err(broken(format!("{commands:?} is answered"), missing.to_string()));
                }
            }
            self.witness(commands.into_iter().zip(answers).collect(), scene.now)?;
            if !self.pending.is_empty() || self.sold_out {
                break;
            }
        }
        Ok(())
    }

    /// Successes first: a refusal may be explained by the twin that was faster.
    fn witness(&mut self, told: Vec<(Command, Result<Answer, NoAnswer>)>, at: Moment) -> Result<()> {
        let mut refusals = Vec::new();
        for (command, answer) in told {
            match answer {
                Err(_) => self.pending.push(command),
                // Nothing has happened, and nobody insists.
                Ok(answer) if answer.is_unavailable() => answer.check_unavailability()?,
                Ok(answer) if answer.is_done() => self.succeeded(command, answer, at)?,
                Ok(answer) => refusals.push(Refusal { command, answer, at }),
            }
        }
        if self.pending.is_empty() {
            self.explain(refusals)?;
        } else {
            self.unexplained.extend(refusals);
        }
        Ok(())
    }

    fn explain(&mut self, refusals: Vec<Refusal>) -> Result<()> {
        for refusal in refusals {
            self.sold_out |= refusal.answer.code() == "sold_out";
            self.world.witness(&refusal.command.deed, &refusal.answer, refusal.at)?;
        }
        Ok(())
    }

    fn succeeded(&mut self, command: Command, answer: Answer, at: Moment) -> Result<()> {
        self.world.witness(&command.deed, &answer, at)?;
        let id = answer.json()?["id"].as_str().unwrap_or_default().to_owned();
        match &command.deed {
            Deed::Claim { shopper, .. } => remember(&mut self.shoppers, shopper.clone()),
            Deed::Quote { .. } => remember(&mut self.quotes, id),
            Deed::Pay { .. } => remember(&mut self.payments, id),
            _ => {}
        }
        self.promises.push(Promise::new(command, answer));
        Ok(())
    }

    /// Repeats what was not answered, each with its key, on a healthy server. What the server had done
    /// before it was killed happened at `killed_at`; what it does now happens now.
    pub(crate) async fn resolve(&mut self, scene: &Scene, killed_at: Moment) -> Result<Resolved> {
        let mut client = Client::new(scene.address);
        let (mut refusals, mut successes) = (std::mem::take(&mut self.unexplained), Vec::new());
        let pending = std::mem::take(&mut self.pending);
        let mut resolved = Resolved { repeated: pending.len() as u64, had_been_done: 0 };
        for command in pending {
            let answer = client.persist(&command).await?;
            if answer.is_done() {
                successes.push((command, answer));
            } else {
                refusals.push(Refusal { command, answer, at: scene.now });
            }
        }
        // In the order of what happened: before the kill, then after it.
        successes.sort_by_key(|(_, answer)| !answer.replayed);
        for (command, answer) in successes {
            resolved.had_been_done += u64::from(answer.replayed);
            let at = if answer.replayed { killed_at } else { scene.now };
            self.succeeded(command, answer, at)?;
        }
        self.explain(refusals)?;
        Ok(resolved)
    }

    /// One command, or two that are sent at the same time.
    fn commands(&mut self, intent: Intent, scene: &Scene) -> Vec<Command> {
        let claim =
            |shopper: Shopper| Deed::Claim { campaign: scene.campaign.clone(), code: scene.code.clone(), shopper };
        let deed = match intent.kind {
            Kind::Claim => None,
            Kind::ClaimTwice => {
                let deed = claim(self.somebody_new());
                return vec![self.command(deed.clone()), self.command(deed)];
            }
            Kind::ClaimAgain => chosen(&self.shoppers, intent).map(claim),
            Kind::ClaimElsewhere => chosen(&self.shoppers, intent).map(|shopper| {
                claim(Shopper { account: format!("{}-other", shopper.person), person: shopper.person })
            }),
            Kind::Quote => chosen(&self.shoppers, intent).map(|shopper| Deed::Quote {
                shopper,
                store: STORE.to_owned(),
                amount: intent.amount,
            }),
            Kind::Pay => self.quotes.pop_back().map(|quote| Deed::Pay { quote }),
            Kind::PayTwice => {
                if let Some(quote) = self.quotes.pop_back() {
                    let deed = Deed::Pay { quote };
                    return vec![self.command(deed.clone()), self.command(deed)];
                }
                None
            }
            Kind::PayLate => chosen(&self.quotes, intent).map(|quote| Deed::Pay { quote }),
            Kind::CancelQuote => chosen(&self.quotes, intent).map(|quote| Deed::CancelQuote { quote }),
            Kind::CancelPayment => chosen(&self.payments, intent).map(|payment| Deed::CancelPayment { payment }),
            Kind::Refund => {
                chosen(&self.payments, intent).map(|payment| Deed::Refund { payment, amount: intent.amount })
            }
        };
        let deed = deed.unwrap_or_else(|| claim(self.somebody_new()));
        vec![self.command(deed)]
    }

    fn command(&mut self, deed: Deed) -> Command {
        self.keys += 1;
        Command { deed, key: format!("{}-{}", self.name, self.keys) }
    }

    fn somebody_new(&mut self) -> Shopper {
        self.people += 1;
        let account = format!("{}-{}", self.name, self.people);
        Shopper { person: format!("person-of-{account}"), account }
    }
}

async fn send_at_once(clients: &mut [Client; 2], commands: &[Command]) -> Vec<Result<Answer, NoAnswer>> {
    let [first, second] = clients;
    match commands {
        [one, other] => {
            let (one, other) = tokio::join!(first.send(one), second.send(other));
            vec![one, other]
        }
        [one, ..] => vec![first.send(one).await],
        [] => Vec::new(),
    }
}

fn remember<T>(known: &mut VecDeque<T>, new: T) {
    known.push_back(new);
    if known.len() > SHOPPERS_IN_MIND {
        known.pop_front();
    }
}

fn chosen<T: Clone>(known: &VecDeque<T>, intent: Intent) -> Option<T> {
    if known.is_empty() { None } else { known.get(intent.choice % known.len()).cloned() }
}
