//! R2: random kills under load.
//!
//! One data folder for the whole run. A round: clients claim, quote, pay, cancel and refund; at a random
//! moment the server is killed; it is started again (now and then killed in its start, too), perhaps
//! at a later time; then everything that was answered must still be true, everything that was not must
//! get one definite result, and the money must lie exactly where the history says.
//!
//! On a database there may be several servers, over which the load is spread. Then some of them are killed or stand
//! still for a while, or the database server dies under all of them, and the clients of those that are left go on.

mod actor;
mod fleet;
mod plan;
mod post;
mod season;
pub(crate) mod trouble;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::deed::{Deed, Role};
use crate::failure::same;
use crate::history::verify_promises;
use crate::kills::actor::Scene;
use crate::kills::fleet::Fleet;
use crate::kills::plan::{Interval, Round};
use crate::kills::season::{Archive, Season};
use crate::kills::trouble::{OwnDatabase, Trouble};
use crate::limits::{LATECOMERS, LEISURE, ROUNDS_PER_SEASON};
use crate::log;
use crate::model::rules::{COUPON_VALID_MS, QUOTE_VALID_MS};
use crate::seed::Seed;
use crate::server::Installation;
use crate::stage::Stage;
use crate::tally::Tally;

/// What to play.
pub(crate) struct Order {
    pub(crate) koi: PathBuf,
    pub(crate) seed: Seed,
    pub(crate) kills: u32,
    pub(crate) clients: usize,
    /// An empty database in place of the data folder.
    pub(crate) database: Option<String>,
    /// A database server of our own, which is killed, too.
    pub(crate) own_database: OwnDatabase,
    /// Servers side by side; more than one on a database only.
    pub(crate) servers: usize,
    /// In the first round one of them stands still for so long, in place of other trouble.
    pub(crate) long_pause: Option<Duration>,
}

/// What a run has done so far.
#[derive(Default)]
struct Score {
    commands: u64,
    unanswered: u64,
    had_been_done: u64,
    promises_checked: u64,
    killed_starts: u32,
    seasons: u32,
    /// The longest time that a client repeated a command while something was down.
    longest_wait: Duration,
}

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("kills", order.seed, u64::from(order.kills));
    let installation = Installation::fresh(&order.koi)?.on(order.database.clone());
    let mut campaign = Campaigner::new(order, installation).await?;
    let played = campaign.play(&mut tally).await;
    let Campaigner { fleet, score, round, .. } = campaign;
    let struck = fleet.struck;
    if let Err(error) = played {
        tally.note(&format!("the servers' last words: {:?}", fleet.log_excerpt()));
        tally.fail(&format!("kill {}", round + 1), &error, Some(&fleet.keep()));
    }
    tally.note(&format!(
        "{} commands, {} of them cut off, {} of these after they had been done; {} promises checked; \
         {} servers killed, {} stopped for a while, {} crashes of the database server, {} failovers, {} starts killed; \
         the longest wait for an answer was {} ms; {} seasons closed",
        score.commands,
        score.unanswered,
        score.had_been_done,
        score.promises_checked,
        struck.kills,
        struck.pauses,
        struck.crashes,
        struck.failovers,
        score.killed_starts,
        score.longest_wait.as_millis(),
        score.seasons
    ));
    Ok(tally.close())
}

/// One run on one installation.
struct Campaigner<'a> {
    order: &'a Order,
    fleet: Fleet,
    stage: Stage,
    archive: Archive,
    round: u32,
    score: Score,
}

impl<'a> Campaigner<'a> {
    async fn new(order: &'a Order, installation: Installation) -> Result<Self> {
        let (stage, archive, score) = (Stage::new("stage")?, Archive::default(), Score::default());
        let fleet = Fleet::start(installation, order.servers, order.own_database, stage.clock).await?;
        Ok(Self { order, fleet, stage, archive, round: 0, score })
    }

    async fn play(&mut self, tally: &mut Tally) -> Result<()> {
        self.stage.set(&mut self.fleet.client(0)).await?;
        while self.round < self.order.kills {
            let mut client = self.fleet.client(self.round);
            let mut season =
                Season::open(&mut client, &mut self.stage, self.score.seasons + 1, self.order.clients).await?;
            for _ in 0..ROUNDS_PER_SEASON {
                self.play_round(&mut season).await?;
                tally.pass();
                tally.show(format!("{} commands", self.score.commands));
                self.round += 1;
                if self.round == self.order.kills || season.is_sold_out() {
                    break;
                }
            }
            self.end_season(season).await?;
        }
        self.check_log(tally).await
    }

    /// Whatever was killed, the public log is whole, says what happened, and every packet of it can be drawn again.
    async fn check_log(&mut self, tally: &Tally) -> Result<()> {
        log::is_quiet(&mut self.fleet.client(self.round), 0).await?;
        self.fleet.stop().await?;
        let folder = log::folder(self.fleet.installation().data())?;
        let report = log::verify(&format!("{} verify", self.order.koi.display()), &folder)?;
        let campaigns = report["campaigns"].as_array().map_or(0, Vec::len);
        tally.note(&format!("the public log has {} leaves of {campaigns} campaigns", report["size"]));
        same("the public log has nothing wrong", &json!([]), &report["findings"])?;
        same("it has every campaign", &(self.score.seasons as usize), &campaigns)
    }

    async fn play_round(&mut self, season: &mut Season) -> Result<()> {
        let plan = Round::plan(self.round, self.order.clients, self.order.seed);
        let trouble = match self.order.long_pause {
            Some(time) if self.round == 0 => Trouble::long_pause(time),
            _ => Trouble::plan(self.round, self.fleet.targets(), self.order.seed),
        };
        if plan.top_up {
            let deed = Deed::Fund { campaign: season.rules.id.clone(), amount: 1 + i64::from(self.round) };
            self.stage.perform(&mut self.fleet.client(self.round), deed).await?;
        }
        self.load(season, &plan, &trouble).await?;
        if !trouble.longest_pause().is_zero() {
            sleep(LATECOMERS).await;
        }
        let killed_at = self.stage.clock;
        self.restart(&plan).await?;
        let scene = self.scene(season, &trouble);
        let resolved = season.resolve(&scene, killed_at).await?;
        self.score.unanswered += resolved.repeated;
        self.score.had_been_done += resolved.had_been_done;
        let mut client = self.fleet.client(self.round + 1);
        season.check_money(&mut client, &self.stage, self.stage.clock).await?;
        let mut luck = self.order.seed.stream("sample", u64::from(self.round));
        self.score.promises_checked += season.check_round(&mut client, self.stage.clock, &mut luck).await?;
        Ok(())
    }

    fn scene(&self, season: &Season, trouble: &Trouble) -> Scene {
        let is_long = self.order.long_pause == Some(trouble.longest_pause());
        Scene {
            posts: self.fleet.posts(trouble),
            campaign: season.rules.id.clone(),
            code: self.stage.code.clone(),
            now: self.stage.clock,
            leisure: if is_long { LEISURE } else { Duration::ZERO },
        }
    }

    /// The load, and the blows in the middle of it. What is left of the servers is served on.
    async fn load(&mut self, season: &mut Season, plan: &Round, trouble: &Trouble) -> Result<()> {
        let scene = Arc::new(self.scene(season, trouble));
        let over = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for (index, (mut actor, intents)) in season.actors.drain(..).zip(plan.intents.clone()).enumerate() {
            let (scene, over, client) = (scene.clone(), over.clone(), index + self.round as usize);
            clients.spawn(async move {
                let acted = actor.act(&scene, &intents, (client, client % 3 == 0), &over).await;
                (index, actor, acted)
            });
        }
        sleep(plan.kill_after).await;
        self.fleet.strike(trouble, &scene.posts).await?;
        sleep(trouble.aftermath).await;
        // One server alone is gone for good; where there are more, the rest is told.
        over.store(!trouble.aftermath.is_zero(), Ordering::SeqCst);
        let mut actors = Vec::new();
        while let Some(ended) = clients.join_next().await {
            let (index, actor, acted) = ended?;
            acted?;
            self.score.longest_wait = self.score.longest_wait.max(actor.longest_wait);
            self.score.commands += (actor.promises.len() + actor.pending()) as u64;
            actors.push((index, actor));
        }
        // In their own order again: each has its part of the plan.
        actors.sort_by_key(|(index, _)| *index);
        season.actors = actors.into_iter().map(|(_, actor)| actor).collect();
        Ok(())
    }

    /// Starts again whoever was killed, perhaps killing a first attempt, perhaps at a later time.
    async fn restart(&mut self, plan: &Round) -> Result<()> {
        let Interval { ms, by_restart } = plan.interval;
        let later = self.stage.clock.plus_ms(ms);
        let start_clock = if by_restart { later } else { self.stage.clock };
        if let Some(after) = plan.start_kill_after.filter(|_| self.fleet.is_one_down().unwrap_or(false)) {
            self.fleet.kill_a_start(start_clock, after).await?;
            self.score.killed_starts += 1;
        }
        self.fleet.restart(start_clock).await?;
        // The call answers when the work due by then is done; it is made even if the time stands.
        self.stage.clock = later;
        let now = json!({"now": later.to_string()});
        self.fleet.client(self.round).set("/v1/sandbox/clock", Role::Operator, &now).await
    }

    /// Lets every coupon run off, verifies the whole history, and closes the campaign.
    async fn end_season(&mut self, season: Season) -> Result<()> {
        let client: &mut Client = &mut self.fleet.client(self.round);
        self.stage.clock = self.stage.clock.plus_ms(COUPON_VALID_MS + QUOTE_VALID_MS);
        let now = json!({"now": self.stage.clock.to_string()});
        client.set("/v1/sandbox/clock", Role::Operator, &now).await?;
        season.check_money(client, &self.stage, self.stage.clock).await?;
        self.score.promises_checked += season.check_history(client).await?;
        let mut luck = self.order.seed.stream("archive", u64::from(self.score.seasons));
        season.close(client, &mut self.stage, &mut luck, &mut self.archive).await?;
        // The organisers' own commands are promises, too.
        verify_promises(client.address(), &self.stage.promises).await?;
        self.archive.verify(client).await?;
        self.score.seasons += 1;
        Ok(())
    }
}
