//! EIO and ENOSPC at every n-th call of the scripted day, once and for good.
//!
//! The calls are those that write, open and read.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use tokio::time::sleep;

use crate::day::performance::{Curtain, Performance, Plot, Point};
use crate::day::player::Step;
use crate::deed::Role;
use crate::failure::broken;
use crate::faults::Order;
use crate::limits::{HEAL_TIMEOUT, RETRY_INTERVAL, SICK_STOP_TIMEOUT};
use crate::ordeal::{Ordeal, Tour, visit_all};
use crate::points::scout;
use crate::record::{CHANGING_CALLS, OPENING_CALLS, READING_CALLS};
use crate::server::{Installation, Start};
use crate::tally::Tally;
use crate::tracer::{Effect, Lasting, Tracer};

/// Repeats of a command on a disk that stays sick; each must be told to come back later.
const SICK_REPEATS: u32 = 3;

const EFFECTS: [Effect; 4] = [
    Effect::Fail { errno: "EIO", lasting: Lasting::Once },
    Effect::Fail { errno: "ENOSPC", lasting: Lasting::Once },
    Effect::Fail { errno: "EIO", lasting: Lasting::ForGood },
    Effect::Fail { errno: "ENOSPC", lasting: Lasting::ForGood },
];

pub(crate) async fn run(order: &Order, tally: &mut Tally) -> Result<()> {
    if let Err(reason) = Tracer::is_usable() {
        bail!("injected faults need a tracer: {reason}");
    }
    let every_call = [CHANGING_CALLS, OPENING_CALLS, READING_CALLS].concat();
    let calls: Vec<&str> = match &order.call {
        Some(call) => vec![call.as_str()],
        None => every_call,
    };
    let scouting = match scout(&order.koi).await {
        Ok(scouting) => scouting,
        Err(error) => {
            tally.fail("the unharmed day", &error, None);
            return Ok(());
        }
    };
    scouting.describe(&calls).iter().for_each(|line| tally.note(line));
    let points = scouting.plan(&calls, &EFFECTS, order.step, order.seed);
    let tour = Tour { koi: order.koi.clone(), points, jobs: order.jobs };
    let told = visit_all(&Failing, tour, &scouting, tally).await?;
    let struck = told.iter().filter(|told| told.struck).count();
    let shown = told.iter().filter(|told| told.unavailable).count();
    tally.note(&format!("{struck} faults struck, {shown} of them were answered with 503 or a refused start"));
    Ok(())
}

/// What a fault did.
#[derive(Default)]
struct Told {
    struck: bool,
    unavailable: bool,
}

/// The ordeal: a disk that fails at the point.
#[derive(Clone, Copy)]
struct Failing;

impl Ordeal for Failing {
    type Told = Told;

    async fn endure(&self, installation: &Installation, point: &Point, files: Vec<PathBuf>) -> Result<Told> {
        live_the_day(installation, point, files).await
    }
}

async fn live_the_day(installation: &Installation, point: &Point, files: Vec<PathBuf>) -> Result<Told> {
    let mut day = Performance::new(installation, Plot::Struck(point.clone(), files))?;
    let mut told = Told::default();
    if let Start::Died(status) = day.next_life().await? {
        told.unavailable = true;
        must_say_why(status, installation)?;
        day.healthy_start().await?;
    }
    loop {
        match day.play().await? {
            Curtain::Over => break,
            Curtain::Unavailable => {
                told.unavailable = true;
                live_through(&mut day, point).await?;
            }
            Curtain::Lost => {
                told.unavailable = true;
                lost(&mut day).await?;
                day.healthy_start().await?;
            }
        }
    }
    if gets_in_the_way_of_reading(point) {
        // The audit reads everything, and does not ask twice: a fault that has not struck by now is let off.
        day.disarm()?;
    }
    day.player.verify(day.client().address()).await?;
    if !day.stop_in_good_order().await? {
        day.healthy_start().await?;
        day.player.verify(day.client().address()).await?;
        day.end_in_good_order().await?;
    }
    told.struck = day.has_struck();
    Ok(told)
}

/// A server that cannot start or stop cleanly exits with an error and says why.
fn must_say_why(status: std::process::ExitStatus, installation: &Installation) -> Result<()> {
    let log = installation.log_excerpt();
    if status.code().is_some_and(|code| code != 0) && !log.trim().is_empty() {
        return Ok(());
    }
    Err(broken(
        "a server that cannot start exits with an error and says why",
        format!("{status}; its log: {log:?}"),
    ))
}

/// The connection is gone: allowed at the start and at the stop of a server, never while it serves.
async fn lost(day: &mut Performance<'_>) -> Result<()> {
    let Some(mut server) = day.server.take() else { return day.disarm() };
    let status = server.has_ended()?;
    let place = day.player.place();
    let log = day.installation.log_excerpt();
    Err(broken(
        format!("{place} is answered, by a result or a 503"),
        format!("the connection was lost; process: {status:?}; its log: {log}"),
    ))
}

/// The server has just said 503.
async fn live_through(day: &mut Performance<'_>, point: &Point) -> Result<()> {
    let lasting = match point.injection.effect {
        Effect::Fail { lasting, .. } => lasting,
        Effect::Kill => bail!("{point} is no fault"),
    };
    check_reading(day, point).await?;
    match lasting {
        Lasting::Once => {
            // The tracer counts in each thread: taken away, it cannot strike another thread as well.
            day.disarm()?;
            heal(day).await
        }
        Lasting::ForGood => {
            for _ in 0..SICK_REPEATS {
                match day.player.step(&mut day.client()).await? {
                    // What needs no disk may be answered all the same.
                    Step::Answered { .. } | Step::Over | Step::RestartDue => return Ok(()),
                    Step::Unavailable => sleep(RETRY_INTERVAL).await,
                    Step::NoAnswer(_) => return lost(day).await,
                }
            }
            check_reading(day, point).await?;
            stop_sick(day).await?;
            day.healthy_start().await?;
            heal(day).await
        }
    }
}

/// Whether the calls that fail are those by which things are read; some connections are opened for one read.
fn gets_in_the_way_of_reading(point: &Point) -> bool {
    [OPENING_CALLS, READING_CALLS].concat().contains(&point.injection.call.as_str())
}

/// Reading goes on: campaigns, budgets, coupons. Only a fault of reading itself may get in its way.
async fn check_reading(day: &mut Performance<'_>, point: &Point) -> Result<()> {
    if gets_in_the_way_of_reading(point) {
        return Ok(());
    }
    let mut client = day.client();
    let world = &day.player.world;
    for campaign in world.campaigns.keys() {
        client.read(&format!("/v1/campaigns/{campaign}"), Role::Operator).await?;
        client.read(&format!("/v1/campaigns/{campaign}/budget"), Role::Operator).await?;
    }
    if let Some(coupon) = world.coupons.keys().next() {
        client.read(&format!("/v1/coupons/{coupon}"), Role::Wallet).await?;
    }
    Ok(())
}

/// Repeats the act that was refused until it is answered; the disk is sound again.
async fn heal(day: &mut Performance<'_>) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < HEAL_TIMEOUT {
        match day.player.resolve(&mut day.client()).await? {
            Step::Unavailable => sleep(RETRY_INTERVAL).await,
            Step::NoAnswer(_) => return lost(day).await,
            Step::Answered { .. } | Step::Over | Step::RestartDue => return Ok(()),
        }
    }
    let promised = format!("{} succeeds within {} s after the fault", day.player.place(), HEAL_TIMEOUT.as_secs());
    Err(broken(promised, format!("still 503; its log: {}", day.installation.log_excerpt())))
}

/// A server whose disk keeps failing may find no clean end; it must not hang either.
async fn stop_sick(day: &mut Performance<'_>) -> Result<()> {
    if let Some(mut server) = day.server.take()
        && server.terminate(SICK_STOP_TIMEOUT).await?.is_none()
    {
        server.kill()?;
    }
    day.disarm()
}
