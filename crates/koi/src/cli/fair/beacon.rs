//! `koi fair beacon`: is this the round?

use std::io::Read;

use anyhow::Context;
use koi_fair::beacon::{BEACON_BYTES_MAX, Beacon, BeaconRefusal, Chain, Verified};
use serde::Serialize;

use super::chain::{ChainFlag, code, time};
use super::{No, say};
use crate::cli::{Ended, Ending};

const AFTER_HELP: &str = "\
Reads the round on standard input, as relays answer it: {\"round\": …, \"randomness\": \"…\", \"signature\": \"…\"}. The \
signature must be that of the round by the chain's key, in its one canonical encoding; the randomness, if it is \
there, the SHA-256 of the signature. Nothing is asked of a network.

Examples:
  curl -sS https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/1000 | koi fair beacon
  koi fair beacon --chain info.json > verdict.json

Exit status:
  0  the round is genuine
  1  it is not; the reason is said
  2  it was called wrongly, or the chain's file cannot be read";

/// Verifies a round of public randomness
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct BeaconCommand {
    #[command(flatten)]
    chain: ChainFlag,
}

/// A round that is genuine.
#[derive(Serialize)]
struct Genuine {
    valid: bool,
    round: u64,
    randomness: String,
    chain: String,
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

impl BeaconCommand {
    pub(super) fn run(self) -> Ended {
        let chain = match self.chain.chain()? {
            Ok(chain) => chain,
            Err(why) => return invalid(code(&why), &why),
        };
        match verified(&chain, &input()?) {
            Ok(verified) => say(&Genuine {
                valid: true,
                round: verified.round(),
                randomness: hex::encode(verified.randomness()),
                chain: hex::encode(verified.chain_hash()),
                time: time(&chain, verified.round()),
                notice: chain.notice(),
            }),
            Err(why) => invalid(why.code().to_owned(), &why),
        }
    }
}

fn verified(chain: &Chain, input: &[u8]) -> Result<Verified, BeaconRefusal> {
    let text = str::from_utf8(input).map_err(|why| BeaconRefusal::Unreadable(why.to_string()))?;
    chain.verify(&Beacon::read(text)?)
}

/// Standard input, of which no more is read than is needed to find it too long.
fn input() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = std::io::stdin().take(BEACON_BYTES_MAX as u64 + 1);
    input.read_to_end(&mut bytes).context("reading standard input")?;
    Ok(bytes)
}

fn invalid(reason: String, detail: &impl ToString) -> Ended {
    say(&No { valid: Some(false), reason, detail: detail.to_string() })?;
    Ok(Ending::NotWell)
}
