//! R6: the last packet. A thousand people at once, for a stock of one, of three, of a thousand.
//!
//! Each of them has a connection of their own, kept from round to round, and all claim at the same
//! moment. Exactly as many coupons are issued as there are packets; everybody else is told `sold_out`.
//! On a database there may be several servers, and the people are spread over them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use rand::RngExt;
use rand::seq::SliceRandom;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::audit::{check_buckets, check_ledger, check_stock};
use crate::client::Client;
use crate::deed::Command;
use crate::failure::{broken, same};
use crate::history::verify_promises;
use crate::limits::ROUNDS_PER_FOLDER;
use crate::model::rules::Tier;
use crate::seed::Seed;
use crate::server::{Installation, Server};
use crate::stage::Stage;
use crate::tally::Tally;

/// What to play.
pub(crate) struct Order {
    pub(crate) koi: PathBuf,
    pub(crate) seed: Seed,
    pub(crate) rounds: u32,
    pub(crate) clients: usize,
    /// An empty database in place of data folders.
    pub(crate) database: Option<String>,
    /// Servers side by side; more than one on a database only.
    pub(crate) servers: usize,
}

const STOCKS: [i64; 3] = [1, 3, 1_000];

/// The stock of a round: its size in turn, its faces by the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    tiers: Vec<Tier>,
    /// In which order the clients are started.
    order: Vec<usize>,
}

impl Plan {
    fn of(round: u32, clients: usize, seed: Seed) -> Self {
        let mut stream = seed.stream("last packet", u64::from(round));
        let stock = STOCKS[round as usize % STOCKS.len()];
        // Two faces wherever two fit: the stock must be exact tier by tier.
        let few = if stock > 1 { stream.random_range(1..stock) } else { 0 };
        let faces = [(8_800, few), (500, stock - few)];
        let tiers = faces.into_iter().filter(|(_, count)| *count > 0);
        let tiers = tiers.map(|(face, count)| Tier { face, count, split: false }).collect();
        let mut order: Vec<usize> = (0..clients).collect();
        order.shuffle(&mut stream);
        Self { tiers, order }
    }

    fn stock(&self) -> i64 {
        self.tiers.iter().map(|tier| tier.count).sum()
    }
}

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("last-packet", order.seed, u64::from(order.rounds));
    let mut first = 0;
    while first < order.rounds && !tally.is_hopeless() {
        let at_once = if order.database.is_some() { order.rounds } else { ROUNDS_PER_FOLDER };
        let rounds = first..order.rounds.min(first + at_once);
        first = rounds.end;
        let installation = Installation::fresh(&order.koi)?.on(order.database.clone());
        let mut title = "the scene".to_owned();
        if let Err(error) = play(order, rounds, &installation, &mut tally, &mut title).await {
            tally.fail(&title, &error, Some(&installation.keep()));
        }
    }
    Ok(tally.close())
}

async fn play(
    order: &Order,
    rounds: Range<u32>,
    installation: &Installation,
    tally: &mut Tally,
    title: &mut String,
) -> Result<()> {
    let mut stage = Stage::new("last-packet")?;
    let servers = Server::several(installation, order.servers, stage.clock).await?;
    let client_of = |place: usize| Client::new(servers[place % servers.len()].address());
    stage.set(&mut client_of(0)).await?;
    let mut crowd: Vec<Client> = (0..order.clients).map(client_of).collect();
    for round in rounds {
        // Opened at one server, stormed at all, and judged at another.
        let (mut organiser, mut auditor) = (client_of(round as usize), client_of(round as usize + 1));
        let plan = Plan::of(round, order.clients, order.seed);
        *title = format!("round {}: a stock of {} for {} clients", round + 1, plan.stock(), order.clients);
        tally.show(title.clone());
        stage.open_campaign(&mut organiser, &format!("last-packet-{round}"), &plan.tiers).await?;
        let claims: Vec<Command> = (0..order.clients).map(|_| stage.next_claim()).collect();
        let answers = stampede(&mut crowd, &plan, claims).await?;
        judge(&mut auditor, &mut stage, &plan, answers).await?;
        tally.pass();
    }
    for mut server in servers {
        server.stop().await?;
    }
    Ok(())
}

/// Everybody is connected, waits for everybody else, and claims.
async fn stampede(crowd: &mut Vec<Client>, plan: &Plan, claims: Vec<Command>) -> Result<Vec<(Command, Answer)>> {
    let start = Arc::new(Barrier::new(claims.len()));
    let mut waiting: BTreeMap<usize, (Client, Command)> = crowd.drain(..).zip(claims).enumerate().collect();
    let mut stormers = JoinSet::new();
    for number in &plan.order {
        let Some((mut client, command)) = waiting.remove(number) else { continue };
        let start = start.clone();
        stormers.spawn(async move {
            let connected = client.stay_connected().await;
            // Waited for in any case, so that one who cannot connect keeps nobody else waiting.
            start.wait().await;
            connected?;
            let answer = client.persist(&command).await?;
            anyhow::Ok((client, command, answer))
        });
    }
    let mut answers = Vec::new();
    while let Some(stormed) = stormers.join_next().await {
        let (client, command, answer) = stormed??;
        crowd.push(client);
        answers.push((command, answer));
    }
    Ok(answers)
}

async fn judge(
    client: &mut Client,
    stage: &mut Stage,
    plan: &Plan,
    answers: Vec<(Command, Answer)>,
) -> Result<()> {
    let promised = plan.stock().min(answers.len() as i64);
    let issued = answers.iter().filter(|(_, answer)| answer.is_done()).count() as i64;
    same("the number of coupons issued", &promised, &issued)?;
    let told_otherwise = |(_, answer): &&(Command, Answer)| {
        !answer.is_done() && (answer.status, answer.code().as_str()) != (409, "sold_out")
    };
    if let Some((_, answer)) = answers.iter().find(told_otherwise) {
        return Err(broken("everybody else is told 409 sold_out", answer.shown()));
    }
    let known = stage.promises.len();
    for (command, answer) in answers {
        stage.witness(command, &answer)?;
    }
    let (world, now, id) = (&stage.world, stage.clock, &stage.campaign);
    check_ledger(client).await?;
    check_buckets(client, id, &world.buckets(id, now)?).await?;
    check_stock(client, &world.campaign(id)?.rules, &world.outlay(id, now)).await?;
    verify_promises(client.address(), &stage.promises[known..]).await?;
    // Ten thousand rounds would not fit into memory; a campaign that is judged is done with.
    stage.promises.truncate(known);
    stage.world.coupons.clear();
    stage.world.of_person.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rounds() {
        let plans = |seed| (0..9).map(|round| Plan::of(round, 50, Seed(seed))).collect::<Vec<_>>();
        assert_eq!(plans(1), plans(1));
        assert_ne!(plans(1), plans(2));
    }

    #[test]
    fn the_stocks_take_turns_and_are_exact() {
        let stocks: Vec<i64> = (0..4).map(|round| Plan::of(round, 10, Seed(3)).stock()).collect();
        assert_eq!(stocks, [1, 3, 1_000, 1]);
    }
}
