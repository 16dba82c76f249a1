//! A campaign from its opening to its close, and then drawn again by whoever has nothing but its public files.
//!
//! Many claim, some pay, coupons expire and their packets go back, others claim those; on a database packets move between
//! cells. Then it is closed, the secret is public, and verifiers come to the same result: nothing is wrong, and as many packets
//! were taken as claims were answered.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::audit::check_ledger;
use crate::client::Client;
use crate::crowd::rush;
use crate::deed::{Command, Deed, Role, Scope, Shopper};
use crate::failure::{broken, same};
use crate::log;
use crate::model::rules::{COUPON_VALID_MS, Tier};
use crate::moment::DAY_MS;
use crate::seed::Seed;
use crate::server::{Installation, Server};
use crate::stage::{STORE, Stage};
use crate::tally::Tally;

/// What to play.
pub(crate) struct Order {
    pub(crate) koi: PathBuf,
    pub(crate) seed: Seed,
    /// An empty database, in place of a data folder.
    pub(crate) database: Option<String>,
    pub(crate) servers: usize,
    pub(crate) clients: usize,
    pub(crate) claims: usize,
    /// Commands that verify, each with its words; the log and `--json` are put behind them.
    pub(crate) verifiers: Vec<String>,
    /// Where a copy of the public files is left.
    pub(crate) keep: Option<PathBuf>,
}

const CAMPAIGN: &str = "replayed";
/// Coupons that are spent, or begun.
const PURCHASES: usize = 200;
/// What verifiers must agree on of a campaign.
const AGREED: [&str; 8] = ["campaign", "state", "claims", "put_back", "moved", "cells", "left", "issued"];

pub(crate) async fn run(order: &Order) -> Result<ExitCode> {
    let mut tally = Tally::open("replay", order.seed, 1);
    let installation = Installation::fresh(&order.koi)?.on(order.database.clone());
    match play(order, &installation, &tally).await {
        Ok(()) => tally.pass(),
        Err(error) => tally.fail("the replay", &error, Some(&installation.keep())),
    }
    Ok(tally.close())
}

async fn play(order: &Order, installation: &Installation, tally: &Tally) -> Result<()> {
    let mut stage = Stage::new(CAMPAIGN)?;
    let servers = Server::several(installation, order.servers, stage.clock).await?;
    let mut client = Client::new(servers[0].address());
    let taken = season(order, &servers, &mut stage, &mut client).await?;
    check_ledger(&mut client).await?;
    log::is_quiet(&mut client, taken).await?;
    for mut server in servers {
        server.stop().await?;
    }
    let log = log::folder(installation.data())?;
    if let Some(keep) = &order.keep {
        copy(&log, keep)?;
    }
    let mut reports = Vec::new();
    for verifier in &order.verifiers {
        let began = Instant::now();
        let report = log::verify(verifier, &log)?;
        tally.note(&format!("{verifier}: {} in {:.1?}", report["campaigns"][0], began.elapsed()));
        judge(&report, taken).with_context(|| verifier.clone())?;
        reports.push(report);
    }
    let agreed = |report: &Value| AGREED.map(|member| report["campaigns"][0][member].clone());
    for report in &reports {
        same("what verifiers find", &agreed(&reports[0]), &agreed(report))?;
        same("the root", &reports[0]["root"], &report["root"])?;
    }
    Ok(())
}

/// Plays the campaign; answers how many claims got a packet.
async fn season(order: &Order, servers: &[Server], stage: &mut Stage, client: &mut Client) -> Result<u64> {
    let campaign = || CAMPAIGN.to_owned();
    stage.set(client).await?;
    stage.open_campaign(client, CAMPAIGN, &tiers(order.claims as i64)).await?;
    let first = claims(order, servers, stage, order.claims * 6 / 10).await?;
    spend(stage, client, &first).await?;
    stage.perform(client, Deed::Pause { campaign: campaign(), scope: Scope::Issuing }).await?;
    stage.perform(client, Deed::Resume { campaign: campaign() }).await?;
    pass(stage, client, COUPON_VALID_MS + DAY_MS).await?;
    let second = claims(order, servers, stage, order.claims - first.len()).await?;
    stage.perform(client, Deed::End { campaign: campaign() }).await?;
    pass(stage, client, COUPON_VALID_MS + DAY_MS).await?;
    stage.perform(client, Deed::Close { campaign: campaign() }).await?;
    let taken = first.iter().chain(&second).filter(|(_, answer)| answer.is_done()).count();
    Ok(taken as u64)
}

/// As many packets as six of ten claims: the others get what was given back. Some may be split.
fn tiers(claims: i64) -> Vec<Tier> {
    let stock = claims * 6 / 10;
    let (large, middle) = ((stock / 1000).max(1), (stock / 20).max(1));
    let tier = |face, count, split| Tier { face, count, split };
    vec![tier(288_800, large, true), tier(8_800, middle, false), tier(888, stock - large - middle, false)]
}

async fn claims(
    order: &Order,
    servers: &[Server],
    stage: &mut Stage,
    count: usize,
) -> Result<Vec<(Command, Answer)>> {
    let claims: Arc<[Command]> = (0..count).map(|_| stage.next_claim()).collect();
    let answers = rush(order.clients, servers, claims).await?;
    for (command, answer) in &answers {
        stage.witness(command.clone(), answer)?;
    }
    Ok(answers)
}

/// Some pay with what they got: plain coupons whole, split ones in part.
async fn spend(stage: &mut Stage, client: &mut Client, answers: &[(Command, Answer)]) -> Result<()> {
    let step = (answers.len() / PURCHASES).max(1);
    for (place, (command, answer)) in answers.iter().enumerate().filter(|(_, (_, answer))| answer.is_done()) {
        let coupon = answer.json()?;
        let (face, splits) =
            (coupon["face"]["value"].as_i64().context("a coupon without a face")?, coupon["split"] == true);
        if !splits && place % step != 0 {
            continue;
        }
        let Deed::Claim { shopper, .. } = &command.deed else { bail!("a claim that is none") };
        // At the rate of some 4.58 one purchase is more than a plain coupon, the other about half of a split one.
        let (shopper, amount): (Shopper, i64) = (shopper.clone(), if splits { face / 8 } else { face / 4 });
        let quote = stage.perform(client, Deed::Quote { shopper, store: STORE.to_owned(), amount }).await?;
        let quote = quote.json()?["id"].as_str().context("a quote without an id")?.to_owned();
        stage.perform(client, Deed::Pay { quote }).await?;
    }
    Ok(())
}

/// Time passes, and what is due is done.
async fn pass(stage: &mut Stage, client: &mut Client, ms: i64) -> Result<()> {
    stage.clock = stage.clock.plus_ms(ms);
    client.set("/v1/sandbox/clock", Role::Operator, &json!({"now": stage.clock.to_string()})).await
}

fn copy(from: &Path, into: &Path) -> Result<()> {
    std::fs::create_dir_all(into)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = into.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn judge(report: &Value, taken: u64) -> Result<()> {
    let campaign = &report["campaigns"][0];
    same("nothing is wrong", &json!([true, 0]), &json!([report["ok"], report["findings_count"]]))?;
    same("the campaign's name", &json!(CAMPAIGN), &campaign["campaign"])?;
    same("the packets were drawn again", &json!("replayed"), &campaign["state"])?;
    same("as many as claims were answered", &json!(taken), &campaign["claims"])?;
    if campaign["put_back"].as_u64() == Some(0) {
        return Err(broken("packets of expired coupons went back", campaign.to_string()));
    }
    Ok(())
}
