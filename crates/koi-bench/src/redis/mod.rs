//! A Redis beside Koi, for bar 2: the server, its stage, and the claim as a script.

mod resp;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;

use resp::{Client, Reply};

use crate::limits::{PORT_ATTEMPTS_MAX, START_MAX};
use crate::peer::PeerClaim;
use crate::process::Process;
use crate::stage::{CAMPAIGN, DAY_MS, LIMIT, PACKETS, Stage};

/// The claim as a script; its head says what its keys and arguments are.
pub const CLAIM_LUA: &str = include_str!("../claim.lua");

/// A Redis of our own, in a folder of its own.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Redis {
    /// The program, if it is on the `PATH`.
    pub(crate) fn program() -> Option<PathBuf> {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|program| program.is_file())
    }

    /// Starts it with every answer durable. It writes no snapshots and never rewrites its log meanwhile:
    /// both would slow it down in some rounds only.
    pub(crate) fn start(program: &Path, folder: &Path) -> anyhow::Result<Redis> {
        let mut last = anyhow!("no attempt");
        for _ in 0..PORT_ATTEMPTS_MAX {
            match Redis::start_at(free_port()?, program, folder) {
                Ok(redis) => return Ok(redis),
                // Somebody else may have taken the port since we saw it free.
                Err(error) => last = error,
            }
        }
        Err(last.context("starting redis-server"))
    }

    fn start_at(port: u16, program: &Path, folder: &Path) -> anyhow::Result<Redis> {
        let log = folder.join("redis.log");
        let output = std::fs::File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
            .arg(folder)
            .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
            .args(["--auto-aof-rewrite-percentage", "0"])
            .stdout(Stdio::from(output));
        let mut redis =
            Redis { process: Process::start(&mut command, &log)?, address: (Ipv4Addr::LOCALHOST, port).into() };
        let began = Instant::now();
        loop {
            let pong = Client::connect(redis.address).and_then(|mut client| client.call(&["PING"]));
            match pong {
                Ok(Reply::Text(text)) if text == "PONG" => return Ok(redis),
                Ok(other) => bail!("PING was answered by {other:?}"),
                // A server that ended would never answer; its log says why.
                Err(_) if redis.process.runs()? && began.elapsed() < START_MAX => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => {
                    return Err(error.context(format!("waiting for its PONG{}", redis.process.last_words())));
                }
            }
        }
    }

    /// The same campaign and codes as Koi's own stage, in the keys of the script.
    pub(crate) fn set_stage(&self, stage: &Stage) -> anyhow::Result<()> {
        let mut client = Client::connect(self.address)?;
        let mut call = |words: &[&str]| match client.call(words) {
            Ok(Reply::Error(error)) => Err(anyhow!("{}: {error}", words[0])),
            other => other.map(|_| ()),
        };
        let keys = redis_keys(&PeerClaim { campaign: CAMPAIGN, ..PeerClaim::default() });
        let [_, _, campaign, counts, faces, codes, _] = keys;
        let now_ms = Timestamp::now().as_millisecond();
        let sum = |tier: fn((u64, u64)) -> u64| PACKETS.iter().copied().map(tier).sum::<u64>().to_string();
        let fields = [
            ("starts_at_ms", (now_ms - 10 * DAY_MS).to_string()),
            ("ends_at_ms", (now_ms + 365 * DAY_MS).to_string()),
            ("window_ms", (30 * DAY_MS).to_string()),
            ("per_window", LIMIT.to_string()),
            ("live", LIMIT.to_string()),
            ("valid_ms", (7 * DAY_MS).to_string()),
            ("left", sum(|(_, count)| count)),
            ("free", sum(|(face, count)| face * count)),
            ("committed", "0".to_owned()),
        ];
        for (field, value) in &fields {
            call(&["HSET", &campaign, field, value])?;
        }
        for (face, count) in PACKETS {
            call(&["RPUSH", &faces, &face.to_string()])?;
            call(&["RPUSH", &counts, &count.to_string()])?;
        }
        for (code, store) in stage.codes.iter().zip(&stage.stores) {
            call(&["HSET", &codes, code, store])?;
        }
        Ok(())
    }
}

/// `KEYS` of [`CLAIM_LUA`], in its order.
#[must_use]
pub fn redis_keys(claim: &PeerClaim<'_>) -> [String; 7] {
    let PeerClaim { campaign, person, idempotency_key, coupon_id, .. } = claim;
    [
        format!("idempotency:{person}:{idempotency_key}"),
        format!("person:{campaign}:{person}"),
        format!("campaign:{campaign}"),
        format!("packets:{campaign}"),
        format!("faces:{campaign}"),
        "codes".to_owned(),
        format!("coupon:{coupon_id}"),
    ]
}

/// `ARGV` of [`CLAIM_LUA`], in its order.
#[must_use]
pub fn redis_arguments(claim: &PeerClaim<'_>) -> [String; 7] {
    [
        claim.fingerprint.to_owned(),
        claim.code.to_owned(),
        claim.account.to_owned(),
        claim.person.to_owned(),
        claim.coupon_id.to_owned(),
        claim.now_ms.to_string(),
        claim.luck_53().to_string(),
    ]
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests;
