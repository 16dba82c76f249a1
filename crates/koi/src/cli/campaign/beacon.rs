//! `koi campaign beacon`: hands in public randomness where the server reaches no relay.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use koi_fair::beacon::{BEACON_BYTES_MAX, Beacon};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::client::ServerFlags;
use super::super::{Ended, Ending, terminal};
use super::apply::refused;
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
The server fetches the public randomness of a campaign by itself. Where it reaches no relay, fetch the round on another \
machine and bring it: `koi campaign show ID` names the chain and the round, and https://api.drand.sh/CHAIN/public/ROUND is \
the answer to bring. The server verifies it like that of a relay: no other round and no other signature is taken. An \
operator's key is needed, in KOI_KEY or in the file that KOI_KEY_FILE names.

Example:
  koi campaign beacon nz-summer-2018 round.json --server http://127.0.0.1:8080

Exit status:
  0  the randomness is known
  1  the file is no round, or the server refused it
  2  it was called wrongly, or the server does not answer";

/// Hands in the round of public randomness that seals a campaign, as a relay answers it
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct HandIn {
    /// The campaign's id
    id: String,
    /// The answer of a relay, in JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerFlags,
    /// Writes JSON: the campaign as the server answers it
    #[arg(long)]
    json: bool,
}

impl HandIn {
    pub(in crate::cli) fn run(self, environment: &Environment) -> Ended {
        if koi_core::id::CampaignId::parse(&self.id).is_none() {
            anyhow::bail!("{:?} is no campaign's id: 1 to 64 of A-Z a-z 0-9 _ . -", self.id);
        }
        let round = match Beacon::read(&text(&self.file)?) {
            Ok(round) => round,
            Err(wrong) => {
                eprintln!("koi: {}: {wrong}", self.file.display());
                return Ok(Ending::NotWell);
            }
        };
        let body = body(&round);
        let path = format!("/v1/campaigns/{}/beacon", self.id);
        let answer = self.server.client(environment)?.post(&path, &key(&self.id, &body), &body)?;
        if answer.status != 200 {
            return Ok(refused(&answer));
        }
        if self.json {
            terminal::print_json(&answer.body)?;
        } else {
            terminal::print(&format!("{}: round {} is known", self.id, round.round))?;
        }
        Ok(Ending::Well)
    }
}

/// What stands in a file, or comes by standard input, as far as a round could go.
fn text(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let most = BEACON_BYTES_MAX as u64 + 1;
    let read = if file == Path::new("-") {
        std::io::stdin().take(most).read_to_string(&mut text)
    } else {
        let open = std::fs::File::open(file).with_context(|| format!("reading {}", file.display()))?;
        open.take(most).read_to_string(&mut text)
    };
    read.with_context(|| format!("reading {}", file.display()))?;
    Ok(text)
}

/// The members that the server takes, each in its one spelling: relays may say more.
fn body(round: &Beacon) -> Value {
    let mut body = json!({ "round": round.round, "signature": hex::encode(&round.signature) });
    if let Some(randomness) = round.randomness {
        body["randomness"] = hex::encode(randomness).into();
    }
    body
}

/// The same call has the same key: to hand in once more changes nothing.
fn key(id: &str, body: &Value) -> String {
    let hash = hex::encode(Sha256::digest(format!("{id}\n{body}").as_bytes()));
    format!("beacon-{}", &hash[..32])
}
