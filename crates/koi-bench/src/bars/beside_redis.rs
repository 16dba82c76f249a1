//! Bar 2: the same claims, by the same people, through the same HTTP layer, with a Redis script behind it.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::rounds::Rounds;
use crate::process::Server;
use crate::redis::Redis;
use crate::report::Bar;
use crate::run::Run;
use crate::site::Site;

/// The bar, if it was asked for.
pub(crate) fn measure(run: &Run<'_>) -> Option<Bar> {
    if run.wanted(&[2]).is_empty() {
        return None;
    }
    Some(match Redis::program() {
        Some(program) => run.settle(2, in_turn(run, &program)),
        None => Bar::skipped(2, "no redis-server on the PATH"),
    })
}

/// Both begin empty and grow alike.
fn in_turn(run: &Run<'_>, program: &Path) -> anyhow::Result<Bar> {
    let (_server, koi) = run.open("beside-redis")?;
    let folder = run.folder().join("redis");
    std::fs::create_dir(&folder).context("a folder for Redis")?;
    let redis = Redis::start(program, &folder)?;
    redis.set_stage(koi.stage())?;
    let mut command = Command::new(run.program());
    command.args(["bench-redis", "--redis", &redis.address.to_string(), "--listen", "127.0.0.1:0"]);
    let layer = Server::listening(&mut command, &run.folder().join("bench-redis.log"))
        .context("starting the HTTP layer in front of Redis")?;
    let peer = Site::new(layer.address, koi.stage().clone(), run.options());

    let (mut ours, mut theirs) = (Rounds::default(), Rounds::default());
    for round in run.rounds() {
        run.say(&format!("bar 2, {round}: claims beside claims in a Redis script"));
        theirs.add(&peer.claims()?);
        ours.add(&koi.claims()?);
    }
    Ok(ours.ratio(2, "claims", &theirs, "redis_claims"))
}
