//! R1: a kill at every n-th sync and write of a scripted day, and again during the recovery.
//!
//! Each point is a day of its own on an empty folder: the server dies as it enters the call, is started
//! again, must still know everything it answered, and the day is played to its end by repeating with
//! the same keys. With `--recovery` the restart itself is killed at its first call, then at its second,
//! and so on until it comes through.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::day::performance::{Curtain, Performance, Plot, Point};
use crate::day::player::Step;
use crate::failure::broken;
use crate::limits::{RECOVERY_KILLS_EACH, RECOVERY_KILLS_MAX};
use crate::ordeal::{Ordeal, Tour, visit_all};
use crate::points::scout;
use crate::record::CHANGING_CALLS;
use crate::seed::Seed;
use crate::server::{Installation, Server, Start};
use crate::tally::Tally;
use crate::tracer::{Effect, Injection, Tracer};

/// What to play.
pub(crate) struct Order {
    pub(crate) koi: PathBuf,
    pub(crate) seed: Seed,
    pub(crate) step: u32,
    /// One kind of call only.
    pub(crate) call: Option<String>,
    pub(crate) recovery: bool,
    pub(crate) jobs: usize,
}

const SIGKILL: i32 = 9;

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("every-call", order.seed, 1);
    if let Err(reason) = Tracer::is_usable() {
        bail!("every-call needs a tracer: {reason}");
    }
    let calls: Vec<&str> = match &order.call {
        Some(call) => vec![call.as_str()],
        None => CHANGING_CALLS.to_vec(),
    };
    let scouting = match scout(&order.koi).await {
        Ok(scouting) => scouting,
        Err(error) => {
            tally.fail("the unharmed day", &error, None);
            return Ok(tally.close());
        }
    };
    tally.pass();
    scouting.describe(&calls).iter().for_each(|line| tally.note(line));
    let points = scouting.plan(&calls, &[Effect::Kill], order.step, order.seed);
    let tour = Tour { koi: order.koi.clone(), points, jobs: order.jobs };
    let deaths = visit_all(&Killing { recovery: order.recovery }, tour, &scouting, &mut tally).await?;
    let kills: u32 = deaths.iter().map(|deaths| deaths.in_the_day).sum();
    let recovery_kills: u32 = deaths.iter().map(|deaths| deaths.in_recovery).sum();
    let done = deaths.iter().filter(|deaths| deaths.had_been_done).count();
    tally.note(&format!(
        "{kills} kills at the planned calls, {done} of them after the act had been done and before it was answered; \
         {recovery_kills} more kills during recoveries"
    ));
    Ok(tally.close())
}

/// How often a server was killed at one point.
#[derive(Default)]
struct Deaths {
    in_the_day: u32,
    in_recovery: u32,
    /// The act that was cut off had been done: the repeat said so.
    had_been_done: bool,
}

/// The ordeal: a kill at the point.
#[derive(Clone, Copy)]
struct Killing {
    recovery: bool,
}

impl Ordeal for Killing {
    type Told = Deaths;

    async fn endure(&self, installation: &Installation, point: &Point, files: Vec<PathBuf>) -> Result<Deaths> {
        torture(installation, point, files, self.recovery).await
    }
}

async fn torture(
    installation: &Installation,
    point: &Point,
    files: Vec<PathBuf>,
    recovery: bool,
) -> Result<Deaths> {
    let mut day = Performance::new(installation, Plot::Struck(point.clone(), files.clone()))?;
    let mut deaths = Deaths::default();
    let mut curtain = match day.next_life().await? {
        Start::Ready => day.play().await?,
        Start::Died(status) => {
            must_be_killed(status.signal(), installation)?;
            Curtain::Lost
        }
    };
    while !matches!(curtain, Curtain::Over) {
        let place = day.player.place();
        if matches!(curtain, Curtain::Unavailable) {
            return Err(broken(format!("{place} is answered by a server whose disk is sound"), "503"));
        }
        // The plot kills once. A second death is the server's own doing.
        if deaths.in_the_day > 0 {
            return Err(broken("a server that nobody kills lives", format!("it died again at {place}")));
        }
        deaths.in_the_day += 1;
        if let Some(mut server) = day.server.take() {
            let status = server.wait_death().await?;
            must_be_killed(status.and_then(|status| status.signal()), installation)?;
        }
        day.disarm()?;
        if recovery {
            deaths.in_recovery += kill_the_recovery(&mut day, point, &files).await?;
        }
        if day.server.is_none() {
            day.healthy_start().await?;
        }
        curtain = match day.player.resolve(&mut day.client()).await? {
            Step::Unavailable => Curtain::Unavailable,
            Step::NoAnswer(_) => Curtain::Lost,
            step @ (Step::Answered { .. } | Step::RestartDue | Step::Over) => {
                deaths.had_been_done |= matches!(step, Step::Answered { replayed: true });
                day.player.verify(day.client().address()).await?;
                day.play().await?
            }
        };
    }
    day.player.verify(day.client().address()).await?;
    if !day.stop_in_good_order().await? {
        // The kill came while the server was closing its files for the night.
        deaths.in_the_day += 1;
        if recovery {
            deaths.in_recovery += kill_the_recovery(&mut day, point, &files).await?;
        }
        if day.server.is_none() {
            day.healthy_start().await?;
        }
        day.player.verify(day.client().address()).await?;
        day.end_in_good_order().await?;
    }
    Ok(deaths)
}

fn must_be_killed(signal: Option<i32>, installation: &Installation) -> Result<()> {
    if signal == Some(SIGKILL) {
        return Ok(());
    }
    let found = format!("it ended otherwise (signal {signal:?}); its log: {}", installation.log_excerpt());
    Err(broken("the server lives until it is killed", found))
}

/// Kills the restart at its first call, then at its second, …, until it comes through.
async fn kill_the_recovery(day: &mut Performance<'_>, point: &Point, files: &[PathBuf]) -> Result<u32> {
    let (mut kills, mut n) = (0, 1);
    while kills < RECOVERY_KILLS_MAX {
        let injection = Injection { call: point.injection.call.clone(), n, effect: Effect::Kill };
        let mut server = Server::spawn_held(day.installation, day.player.clock)?;
        let log: &Path = &day.installation.beside("recovery.strace");
        let tracer = Tracer::inject(&server, &injection, files, log)?;
        server.release()?;
        match server.wait_ready().await? {
            Start::Ready => {
                tracer.finish()?;
                day.server = Some(server);
                return Ok(kills);
            }
            Start::Died(status) => must_be_killed(status.signal(), day.installation)?,
        }
        kills += 1;
        // The first calls one by one, then in growing steps: a long recovery repeats itself.
        n += if n < RECOVERY_KILLS_EACH { 1 } else { n / 8 };
    }
    Ok(kills)
}
