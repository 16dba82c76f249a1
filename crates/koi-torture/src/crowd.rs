//! Several servers on one database, and more people than packets.
//!
//! Everybody asks the server that a load balancer would give them. Exactly as many coupons are issued as there are
//! packets, whichever cells they were in; everybody else is told `sold_out`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::audit::{check_buckets, check_ledger, check_stock};
use crate::client::Client;
use crate::deed::Command;
use crate::failure::{broken, same};
use crate::history::verify_promises;
use crate::model::rules::Tier;
use crate::seed::Seed;
use crate::server::{Installation, Server};
use crate::stage::Stage;
use crate::tally::Tally;

/// What to play.
pub(crate) struct Order {
    pub(crate) koi: PathBuf,
    pub(crate) seed: Seed,
    /// An empty database.
    pub(crate) database: String,
    pub(crate) servers: usize,
    pub(crate) clients: usize,
    pub(crate) claims: usize,
    pub(crate) packets: i64,
}

/// Promises of which one is verified.
const PROMISES_PER_LOOK: usize = 25;

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("crowd", order.seed, 1);
    let installation = Installation::fresh(&order.koi)?.on(Some(order.database.clone()));
    match play(order, &installation, &tally).await {
        Ok(()) => tally.pass(),
        Err(error) => tally.fail("the crowd", &error, Some(&installation.keep())),
    }
    Ok(tally.close())
}

async fn play(order: &Order, installation: &Installation, tally: &Tally) -> Result<()> {
    let mut stage = Stage::new("crowd")?;
    let servers = Server::several(installation, order.servers, stage.clock).await?;
    let mut client = Client::new(servers[0].address());
    stage.set(&mut client).await?;
    stage.open_campaign(&mut client, "crowd", &tiers(order)).await?;
    let claims: Arc<[Command]> = (0..order.claims).map(|_| stage.next_claim()).collect();
    let answers = rush(order.clients, &servers, claims).await?;
    judge(order, &servers, &mut stage, answers, tally).await?;
    for mut server in servers {
        server.stop().await?;
    }
    Ok(())
}

/// Two faces: the stock must be exact tier by tier.
fn tiers(order: &Order) -> Vec<Tier> {
    let few = order.packets / 10;
    let faces = [(8_800, few), (500, order.packets - few)];
    let tiers = faces.into_iter().filter(|(_, count)| *count > 0);
    tiers.map(|(face, count)| Tier { face, count, split: false }).collect()
}

/// All clients take the next claim that nobody has taken, each at a server of its own.
pub(crate) async fn rush(
    clients: usize,
    servers: &[Server],
    claims: Arc<[Command]>,
) -> Result<Vec<(Command, Answer)>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut rushing = JoinSet::new();
    for number in 0..clients {
        let mut client = Client::new(servers[number % servers.len()].address());
        let (next, claims) = (next.clone(), claims.clone());
        rushing.spawn(async move {
            let mut answers = Vec::new();
            while let Some(command) = claims.get(next.fetch_add(1, Ordering::Relaxed)) {
                answers.push((command.clone(), client.persist(command).await?));
            }
            anyhow::Ok(answers)
        });
    }
    let mut answers = Vec::with_capacity(claims.len());
    while let Some(done) = rushing.join_next().await {
        answers.extend(done??);
    }
    Ok(answers)
}

async fn judge(
    order: &Order,
    servers: &[Server],
    stage: &mut Stage,
    answers: Vec<(Command, Answer)>,
    tally: &Tally,
) -> Result<()> {
    let issued = answers.iter().filter(|(_, answer)| answer.is_done()).count();
    tally.note(&format!("{issued} of {} claims got a coupon, of {} packets", answers.len(), order.packets));
    same("the number of coupons issued", &order.packets.min(answers.len() as i64), &(issued as i64))?;
    let told_otherwise = |(_, answer): &&(Command, Answer)| {
        !answer.is_done() && (answer.status, answer.code().as_str()) != (409, "sold_out")
    };
    if let Some((_, answer)) = answers.iter().find(told_otherwise) {
        return Err(broken("everybody else is told 409 sold_out", answer.shown()));
    }
    for (command, answer) in answers {
        stage.witness(command, &answer)?;
    }
    let (world, now, id) = (&stage.world, stage.clock, &stage.campaign);
    for server in servers {
        let mut client = Client::new(server.address());
        check_buckets(&mut client, id, &world.buckets(id, now)?).await?;
        check_stock(&mut client, &world.campaign(id)?.rules, &world.outlay(id, now)).await?;
    }
    check_ledger(&mut Client::new(servers[0].address())).await?;
    let some: Vec<_> = stage.promises.iter().step_by(PROMISES_PER_LOOK).cloned().collect();
    // What one server has promised, another one keeps.
    verify_promises(servers[servers.len() - 1].address(), &some).await?;
    Ok(())
}
