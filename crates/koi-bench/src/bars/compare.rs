//! Bars 2, 3 and 4: the same claims, by the same people, through the same HTTP layer, with something else behind it: a
//! Redis script, one transaction of PostgreSQL for each claim, and Koi itself on PostgreSQL.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};

use super::contender::Contender;
use crate::postgres::Postgres;
use crate::process::Server;
use crate::redis::Redis;
use crate::report::{Bar, Compared};
use crate::run::Run;
use crate::site::Site;
use crate::stage::Stage;

/// The bars that were asked for, and everything that was measured for them beside each other.
pub(crate) fn measure(run: &Run<'_>) -> (Vec<Bar>, Vec<Compared>) {
    let wanted = run.wanted(&[2, 3, 4]);
    if wanted.is_empty() {
        return (Vec::new(), Vec::new());
    }
    match in_turn(run, &wanted) {
        Ok(measured) => measured,
        Err(error) => (wanted.iter().map(|&bar| Bar::failed(bar, &error)).collect(), Vec::new()),
    }
}

/// All begin empty and grow alike.
fn in_turn(run: &Run<'_>, wanted: &[u8]) -> anyhow::Result<(Vec<Bar>, Vec<Compared>)> {
    // Both bars that need a PostgreSQL share one; it ends after those in front of it.
    let postgres = if wanted.iter().any(|bar| *bar > 2) { start_postgres(run) } else { Ok(None) };
    let mut koi = Contender::new("Koi on a data folder", alone(run.open("compare")?));
    let stage = koi.site.stage().clone();
    let mut peers: Vec<(u8, Entered)> =
        wanted.iter().map(|&bar| (bar, enter(run, bar, &stage, &postgres))).collect();
    for round in run.rounds() {
        for (bar, peer) in &mut peers {
            if let Some(contender) = peer.contender() {
                run.say(&format!("bar {bar}, {round}: {}", contender.turns.what));
            }
            peer.claim();
        }
        run.say(&format!("{round}: {}", koi.turns.what));
        koi.claim()?;
    }
    let all = std::iter::once(&koi).chain(peers.iter().filter_map(|(_, peer)| peer.contender()));
    let compared = all.map(|one| one.turns.compared(&koi.turns)).collect();
    let bars = peers.into_iter().map(|(bar, peer)| run.settle(bar, peer.bar(bar, &koi))).collect();
    Ok((bars, compared))
}

/// What became of one that was to be compared.
enum Entered {
    Runs(Box<Contender>),
    /// It is not installed.
    Away(&'static str),
    Failed(anyhow::Error),
}

impl Entered {
    fn of(result: anyhow::Result<Contender>) -> Self {
        result.map_or_else(Self::Failed, |contender| Self::Runs(Box::new(contender)))
    }

    fn contender(&self) -> Option<&Contender> {
        match self {
            Self::Runs(contender) => Some(contender),
            Self::Away(_) | Self::Failed(_) => None,
        }
    }

    fn claim(&mut self) {
        if let Self::Runs(contender) = self
            && let Err(error) = contender.claim()
        {
            *self = Self::Failed(error);
        }
    }

    fn bar(self, bar: u8, koi: &Contender) -> anyhow::Result<Bar> {
        let peer = match self {
            Self::Runs(contender) => contender.turns.rounds,
            Self::Away(why) => return Ok(Bar::skipped(bar, why)),
            Self::Failed(error) => return Err(error),
        };
        Ok(match bar {
            2 => koi.turns.rounds.ratio(bar, "claims", &peer, "redis_claims"),
            3 => koi.turns.rounds.ratio(bar, "claims", &peer, "transaction_claims"),
            _ => peer.ratio(bar, "postgres_claims", &koi.turns.rounds, "claims"),
        })
    }
}

/// Starts what a bar compares Koi with.
fn enter(run: &Run<'_>, bar: u8, stage: &Stage, postgres: &anyhow::Result<Option<Postgres>>) -> Entered {
    match (bar, postgres) {
        (2, _) => match Redis::program() {
            Some(program) => Entered::of(redis(run, stage, &program)),
            None => Entered::Away("no redis-server on the PATH"),
        },
        (_, Err(error)) => Entered::Failed(anyhow!("{error:#}")),
        (_, Ok(None)) => Entered::Away("PostgreSQL is not installed"),
        (3, Ok(Some(postgres))) => Entered::of(transactions(run, stage, postgres)),
        (_, Ok(Some(postgres))) => Entered::of(koi_on(run, postgres)),
    }
}

fn start_postgres(run: &Run<'_>) -> anyhow::Result<Option<Postgres>> {
    let programs = Postgres::programs();
    programs.map(|programs| Postgres::start(&programs, &run.options().parent())).transpose()
}

fn redis(run: &Run<'_>, stage: &Stage, program: &Path) -> anyhow::Result<Contender> {
    let folder = run.folder().join("redis");
    std::fs::create_dir(&folder).context("a folder for Redis")?;
    let redis = Redis::start(program, &folder)?;
    redis.set_stage(stage)?;
    let layer = layer(run, ["--redis", &redis.address.to_string()], stage)?;
    Ok(Contender::new("a Redis script", alone(layer)).before(redis.process.id()).holding(redis))
}

fn transactions(run: &Run<'_>, stage: &Stage, postgres: &Postgres) -> anyhow::Result<Contender> {
    let address = postgres.create("transactions")?;
    postgres.set_stage("transactions", stage)?;
    let layer = layer(run, ["--postgres", &address], stage)?;
    Ok(Contender::new("a PostgreSQL transaction for each claim", alone(layer)).before(postgres.id()))
}

fn koi_on(run: &Run<'_>, postgres: &Postgres) -> anyhow::Result<Contender> {
    let address = postgres.create("koi")?;
    let opened = run.open_on("compare-postgres", &address, None, 1)?;
    Ok(Contender::new("Koi on PostgreSQL", opened).before(postgres.id()))
}

fn alone((server, site): (Server, Site)) -> (Vec<Server>, Site) {
    (vec![server], site)
}

/// The HTTP layer in front of something else.
fn layer(run: &Run<'_>, behind: [&str; 2], stage: &Stage) -> anyhow::Result<(Server, Site)> {
    let mut command = Command::new(run.program());
    command.arg("bench-peer").args(behind).args(["--listen", "127.0.0.1:0"]);
    let log = run.folder().join(format!("bench-peer{}.log", behind[0]));
    let server = Server::listening(&mut command, &log).context("starting the HTTP layer in front of it")?;
    let site = Site::new(vec![server.address], stage.clone(), run.options());
    Ok((server, site))
}
