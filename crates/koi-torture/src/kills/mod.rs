//! R2: random kills under load.
//!
//! One data folder for the whole run. A round: clients claim, quote, pay, cancel and refund; at a random
//! moment the server is killed; it is started again (now and then killed in its start, too), perhaps
//! at a later time; then everything that was answered must still be true, everything that was not must
//! get one definite result, and the money must lie exactly where the history says.

mod actor;
mod plan;
mod season;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::deed::{Deed, Role};
use crate::failure::broken;
use crate::history::verify_promises;
use crate::kills::actor::Scene;
use crate::kills::plan::{Interval, Round};
use crate::kills::season::{Archive, Season};
use crate::limits::{ROUNDS_PER_SEASON, STOP_TIMEOUT};
use crate::model::rules::{COUPON_VALID_MS, QUOTE_VALID_MS};
use crate::seed::Seed;
use crate::server::{Installation, Server, Start};
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
}

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("kills", order.seed, u64::from(order.kills));
    let installation = Installation::fresh(&order.koi)?.on(order.database.clone());
    let mut campaign = Campaigner::new(order, &installation)?;
    let played = campaign.play(&mut tally).await;
    let (score, title) = (std::mem::take(&mut campaign.score), format!("kill {}", campaign.round + 1));
    drop(campaign);
    if let Err(error) = played {
        tally.note(&format!("the server's last words: {:?}", installation.log_excerpt()));
        tally.fail(&title, &error, Some(&installation.keep()));
    }
    tally.note(&format!(
        "{} commands, {} of them cut off, {} of these after they had been done; {} promises checked; \
         {} starts killed; {} seasons closed",
        score.commands,
        score.unanswered,
        score.had_been_done,
        score.promises_checked,
        score.killed_starts,
        score.seasons
    ));
    Ok(tally.close())
}

/// One run on one data folder.
struct Campaigner<'a> {
    order: &'a Order,
    installation: &'a Installation,
    stage: Stage,
    archive: Archive,
    round: u32,
    score: Score,
}

impl<'a> Campaigner<'a> {
    fn new(order: &'a Order, installation: &'a Installation) -> Result<Self> {
        let (stage, archive, score) = (Stage::new("stage")?, Archive::default(), Score::default());
        Ok(Self { order, installation, stage, archive, round: 0, score })
    }

    async fn play(&mut self, tally: &mut Tally) -> Result<()> {
        let mut server = Server::spawn(self.installation, self.stage.clock)?;
        server.must_be_ready(self.installation).await?;
        self.stage.set(&mut Client::new(server.address())).await?;
        while self.round < self.order.kills {
            let mut client = Client::new(server.address());
            let mut season =
                Season::open(&mut client, &mut self.stage, self.score.seasons + 1, self.order.clients).await?;
            for _ in 0..ROUNDS_PER_SEASON {
                server = self.play_round(server, &mut season).await?;
                tally.pass();
                tally.show(format!("{} commands", self.score.commands));
                self.round += 1;
                if self.round == self.order.kills || season.is_sold_out() {
                    break;
                }
            }
            self.end_season(&mut Client::new(server.address()), season).await?;
        }
        match server.terminate(STOP_TIMEOUT).await? {
            Some(status) if status.success() => Ok(()),
            other => Err(broken("the server stops in good order", format!("{other:?}"))),
        }
    }

    async fn play_round(&mut self, mut server: Server, season: &mut Season) -> Result<Server> {
        let plan = Round::plan(self.round, self.order.clients, self.order.seed);
        if plan.top_up {
            let deed = Deed::Fund { campaign: season.rules.id.clone(), amount: 1 + i64::from(self.round) };
            self.stage.perform(&mut Client::new(server.address()), deed).await?;
        }
        self.load_until_killed(&mut server, season, &plan).await?;
        drop(server);
        let killed_at = self.stage.clock;
        let server = self.restart(&plan).await?;
        let mut client = Client::new(server.address());
        let scene = self.scene(&server, season);
        let resolved = season.resolve(&scene, killed_at).await?;
        self.score.unanswered += resolved.repeated;
        self.score.had_been_done += resolved.had_been_done;
        season.check_money(&mut client, &self.stage, self.stage.clock).await?;
        let mut luck = self.order.seed.stream("sample", u64::from(self.round));
        self.score.promises_checked += season.check_round(&mut client, self.stage.clock, &mut luck).await?;
        Ok(server)
    }

    fn scene(&self, server: &Server, season: &Season) -> Scene {
        Scene {
            address: server.address(),
            campaign: season.rules.id.clone(),
            code: self.stage.code.clone(),
            now: self.stage.clock,
        }
    }

    async fn load_until_killed(&mut self, server: &mut Server, season: &mut Season, plan: &Round) -> Result<()> {
        let scene = Arc::new(self.scene(server, season));
        let killed = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for (index, (mut actor, intents)) in season.actors.drain(..).zip(plan.intents.clone()).enumerate() {
            let (scene, killed) = (scene.clone(), killed.clone());
            clients.spawn(async move {
                let acted = actor.act(&scene, &intents, &killed).await;
                (index, actor, acted)
            });
        }
        sleep(plan.kill_after).await;
        if let Some(status) = server.has_ended()? {
            return Err(broken("the server lives until it is killed", format!("it ended with {status}")));
        }
        // From here on a lost connection is what was wanted.
        killed.store(true, Ordering::SeqCst);
        server.kill()?;
        let mut actors = Vec::new();
        while let Some(ended) = clients.join_next().await {
            let (index, actor, acted) = ended?;
            acted?;
            self.score.commands += (actor.promises.len() + actor.pending()) as u64;
            actors.push((index, actor));
        }
        // In their own order again: each has its part of the plan.
        actors.sort_by_key(|(index, _)| *index);
        season.actors = actors.into_iter().map(|(_, actor)| actor).collect();
        Ok(())
    }

    /// Starts the server again, perhaps killing the first attempt, perhaps at a later time.
    async fn restart(&mut self, plan: &Round) -> Result<Server> {
        let Interval { ms, by_restart } = plan.interval;
        let later = self.stage.clock.plus_ms(ms);
        let start_clock = if by_restart { later } else { self.stage.clock };
        if let Some(after) = plan.start_kill_after {
            let mut server = Server::spawn(self.installation, start_clock)?;
            sleep(after).await;
            server.kill()?;
            self.score.killed_starts += 1;
        }
        let mut server = Server::spawn(self.installation, start_clock)?;
        if let Start::Died(status) = server.wait_ready().await? {
            let log = self.installation.log_excerpt();
            return Err(broken(
                "the server starts after a kill",
                format!("it ended with {status}; its log: {log}"),
            ));
        }
        // The call answers when the work due by then is done; it is made even if the time stands.
        self.stage.clock = later;
        let now = json!({"now": later.to_string()});
        Client::new(server.address()).set("/v1/sandbox/clock", Role::Operator, &now).await?;
        Ok(server)
    }

    /// Lets every coupon run off, verifies the whole history, and closes the campaign.
    async fn end_season(&mut self, client: &mut Client, season: Season) -> Result<()> {
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
