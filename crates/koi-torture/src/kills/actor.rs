//! A client of the load: its own shoppers, its own history, one deed after the other.
//!
//! Since nobody else touches its shoppers, its world is exact although many clients run at once. A
//! command without an answer is pending: it is repeated with its key at another server, or when the
//! server is back; nothing else is asked before.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use crate::answer::{Answer, NoAnswer};
use crate::client::Client;
use crate::deed::{Command, Deed, Shopper};
use crate::history::Promise;
use crate::kills::plan::{Intent, Kind};
use crate::kills::post::Post;
use crate::limits::SHOPPERS_IN_MIND;
use crate::model::world::World;
use crate::moment::Moment;
use crate::stage::STORE;

/// Where the shoppers claim, and when it is.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) posts: Vec<Post>,
    pub(crate) campaign: String,
    pub(crate) code: String,
    pub(crate) now: Moment,
    /// The pause between two commands of a client.
    pub(crate) leisure: Duration,
}

impl Scene {
    /// The servers that a client turns to in a round: what is sent twice at once goes to two of them.
    fn posts_of(&self, client: usize) -> [&Post; 2] {
        let post = |place: usize| &self.posts[place % self.posts.len()];
        [post(client), post(client + 1)]
    }
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
    /// Whether what is pending may be done by itself later: a server that stands still has it.
    may_be_under_way: bool,
    /// What was settled by repeats within the round.
    asked_again: Resolved,
    /// The longest time that a command was under way, with its repeats.
    pub(crate) longest_wait: Duration,
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
            may_be_under_way: false,
            asked_again: Resolved::default(),
            longest_wait: Duration::ZERO,
            unexplained: Vec::new(),
            sold_out: false,
        }
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Does one thing after the other until nobody is left to turn to, the stock is gone, or the plan. Who is impatient
    /// turns to another server when one stands still.
    pub(crate) async fn act(
        &mut self,
        scene: &Scene,
        intents: &[Intent],
        (client, impatient): (usize, bool),
        over: &AtomicBool,
    ) -> Result<()> {
        let posts = scene.posts_of(client);
        let mut clients = posts.map(Post::client);
        for &intent in intents {
            let (commands, started) = (self.commands(intent, scene), Instant::now());
            let answers = send_at_once(&mut clients, posts, &commands, impatient).await?;
            self.witness(commands.into_iter().zip(answers).collect(), scene.now)?;
            let is_settled = self.pending.is_empty() || self.ask_again(scene).await?;
            self.longest_wait = self.longest_wait.max(started.elapsed());
            if !is_settled || self.sold_out || over.load(Ordering::SeqCst) {
                break;
            }
            sleep(scene.leisure).await;
        }
        Ok(())
    }

    /// Repeats what was not answered at a server that nothing is done to; answers whether all of it is settled. What a
    /// server that stands still has got may be done later, unless it is done already: a refusal settles nothing then.
    async fn ask_again(&mut self, scene: &Scene) -> Result<bool> {
        let Some(post) = scene.posts.iter().find(|post| post.is_open()) else { return Ok(false) };
        let mut client = post.client();
        let mut answered = Vec::new();
        for command in std::mem::take(&mut self.pending) {
            match post.insist(&mut client, &command).await? {
                Some(answer) if answer.is_done() || !self.may_be_under_way => answered.push((command, answer)),
                _ => self.pending.push(command),
            }
        }
        self.asked_again.repeated += answered.len() as u64;
        self.asked_again.had_been_done += self.settle(answered, scene.now, scene.now)?;
        Ok(self.pending.is_empty())
    }

    /// Successes first: a refusal may be explained by the twin that was faster.
    fn witness(&mut self, told: Vec<(Command, Result<Answer, NoAnswer>)>, at: Moment) -> Result<()> {
        let mut refusals = Vec::new();
        for (command, answer) in told {
            match answer {
                Err(missing) => {
                    self.may_be_under_way |= missing.hung;
                    self.pending.push(command);
                }
                // Whether it has happened, its repeat tells.
                Ok(answer) if answer.is_unavailable() => {
                    answer.check_unavailability()?;
                    self.pending.push(command);
                }
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
    pub(crate) async fn resolve(&mut self, scene: &Scene, client: usize, killed_at: Moment) -> Result<Resolved> {
        let mut server = scene.posts_of(client)[0].client();
        let mut answered = Vec::new();
        for command in std::mem::take(&mut self.pending) {
            let answer = server.persist(&command).await?;
            answered.push((command, answer));
        }
        self.may_be_under_way = false;
        let mut resolved = std::mem::take(&mut self.asked_again);
        resolved.repeated += answered.len() as u64;
        resolved.had_been_done += self.settle(answered, killed_at, scene.now)?;
        Ok(resolved)
    }

    /// Takes note of the answers to repeats; answers how many had been done before they were repeated.
    fn settle(&mut self, answered: Vec<(Command, Answer)>, before: Moment, now: Moment) -> Result<u64> {
        let (mut successes, refused): (Vec<_>, Vec<_>) =
            answered.into_iter().partition(|(_, answer)| answer.is_done());
        // In the order of what happened: before the blow, then after it.
        successes.sort_by_key(|(_, answer)| !answer.replayed);
        let mut had_been_done = 0;
        for (command, answer) in successes {
            had_been_done += u64::from(answer.replayed);
            let at = if answer.replayed { before } else { now };
            self.succeeded(command, answer, at)?;
        }
        let refused = refused.into_iter().map(|(command, answer)| Refusal { command, answer, at: now });
        self.unexplained.extend(refused);
        if self.pending.is_empty() {
            let refusals = std::mem::take(&mut self.unexplained);
            self.explain(refusals)?;
        }
        Ok(had_been_done)
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

async fn send_at_once(
    clients: &mut [Client; 2],
    posts: [&Post; 2],
    commands: &[Command],
    impatient: bool,
) -> Result<Vec<Result<Answer, NoAnswer>>> {
    let [first, second] = clients;
    Ok(match commands {
        [one, other] => {
            let first = send(first, posts[0], one, impatient);
            let (one, other) = tokio::join!(first, send(second, posts[1], other, impatient));
            vec![one?, other?]
        }
        [one, ..] => vec![send(first, posts[0], one, impatient).await?],
        [] => Vec::new(),
    })
}

/// Sends a command, which nobody but a server that is killed may leave without an answer. Who is impatient leaves a
/// server that stands still, with the command in its hands.
async fn send(
    client: &mut Client,
    post: &Post,
    command: &Command,
    impatient: bool,
) -> Result<Result<Answer, NoAnswer>> {
    let answer = tokio::select! {
        answer = client.send(command) => answer,
        () = post.has_stood_still(), if impatient => {
            client.hang_up();
            return Ok(Err(NoAnswer { reason: "the server stands still".to_owned(), hung: true }));
        }
    };
    match answer {
        Err(missing) if missing.hung || !post.is_killed() => Err(post.unexpected(command, &missing)),
        answer => Ok(answer),
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
