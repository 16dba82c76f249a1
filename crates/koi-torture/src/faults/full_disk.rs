//! A file system that is really full: a small tmpfs, filled up with ballast while claims run.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::audit::{check_buckets, check_ledger, check_stock};
use crate::client::Client;
use crate::deed::Role;
use crate::failure::broken;
use crate::faults::mount::Mount;
use crate::history::verify_promises;
use crate::limits::{CLAIMS_UNTIL_FULL_MAX, SMALL_DISK_BYTES, SMALL_DISK_LEFT_BYTES, STOP_TIMEOUT};
use crate::model::rules::Tier;
use crate::server::{Installation, Server};
use crate::stage::Stage;

pub(crate) const TITLE: &str = "a full disk";

/// Claims before the disk fills up, and claims on the full disk.
const CLAIMS_BEFORE: u32 = 50;
const CLAIMS_WHEN_FULL: u32 = 20;
const BLOCK: [u8; 4096] = [0x5a; 4096];

pub(crate) async fn run(installation: &Installation) -> Result<String> {
    let _mount = Mount::tmpfs(installation.data(), SMALL_DISK_BYTES)?;
    let mut stage = Stage::new("full-disk")?;
    let mut server = Server::spawn(installation, stage.clock)?;
    server.must_be_ready(installation).await?;
    let mut client = Client::new(server.address());
    stage.set(&mut client).await?;
    let stock = Tier { face: 500, count: i64::from(2 * CLAIMS_UNTIL_FULL_MAX), split: false };
    let rules = stage.open_campaign(&mut client, "full-disk", &[stock]).await?;
    for _ in 0..CLAIMS_BEFORE {
        stage.claim(&mut client).await?;
    }
    let ballast = installation.data().join("ballast");
    fill(&ballast)?;
    let (mut refused, mut claims) = (Vec::new(), 0);
    while refused.len() < CLAIMS_WHEN_FULL as usize {
        claims += 1;
        if claims > CLAIMS_UNTIL_FULL_MAX {
            bail!("the disk was not full after {claims} claims");
        }
        let (command, answer) = stage.claim(&mut client).await?;
        if answer.is_unavailable() {
            answer.check_unavailability()?;
            refused.push(command);
        }
    }
    check_reading(&mut client, &stage).await?;
    let health = client.get("/healthz", None).await?.status;
    if health != 200 && health != 503 {
        return Err(broken("/healthz answers 200 or 503 on a full disk", health.to_string()));
    }
    std::fs::remove_file(&ballast)?;
    let room_at = Instant::now();
    for command in refused {
        let answer = client.persist(&command).await.context("after the disk had room again, without a restart")?;
        stage.witness(command, &answer)?;
    }
    let healed_ms = room_at.elapsed().as_millis();
    verify(&mut client, &stage, &rules.id).await?;
    server.kill()?;
    let mut server = Server::spawn(installation, stage.clock)?;
    server.must_be_ready(installation).await?;
    verify(&mut Client::new(server.address()), &stage, &rules.id).await?;
    server.terminate(STOP_TIMEOUT).await?;
    Ok(format!(
        "{TITLE}: claims answered 503 after {claims}, /healthz {health}; served again within {healed_ms} ms"
    ))
}

/// Writes until nothing more fits, then gives a little back.
fn fill(ballast: &Path) -> Result<()> {
    let mut file: File = OpenOptions::new().create_new(true).write(true).open(ballast)?;
    let mut written: u64 = 0;
    while written <= SMALL_DISK_BYTES {
        match file.write(&BLOCK) {
            Ok(count) => written += count as u64,
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
            Err(error) => return Err(error).context("the ballast cannot be written"),
        }
    }
    file.set_len(written.saturating_sub(SMALL_DISK_LEFT_BYTES))?;
    Ok(())
}

/// Reading goes on, although nothing can be written.
async fn check_reading(client: &mut Client, stage: &Stage) -> Result<()> {
    client.read(&format!("/v1/campaigns/{}", stage.campaign), Role::Operator).await?;
    client.read(&format!("/v1/campaigns/{}/budget", stage.campaign), Role::Operator).await?;
    if let Some(coupon) = stage.world.coupons.keys().next() {
        client.read(&format!("/v1/coupons/{coupon}"), Role::Wallet).await?;
    }
    Ok(())
}

async fn verify(client: &mut Client, stage: &Stage, campaign: &str) -> Result<()> {
    check_ledger(client).await?;
    check_buckets(client, campaign, &stage.world.buckets(campaign, stage.clock)?).await?;
    let rules = &stage.world.campaign(campaign)?.rules;
    check_stock(client, rules, &stage.world.outlay(campaign, stage.clock)).await?;
    verify_promises(client.address(), &stage.promises).await
}
