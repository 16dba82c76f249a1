//! `koi fair round`: which round decides at a time, and when a round is.

use anyhow::anyhow;
use serde::Serialize;

use super::chain::{ChainFlag, code, time};
use super::{parse, refuse, say};
use crate::cli::Ended;

const AFTER_HELP: &str = "\
Examples:
  koi fair round --at 2026-11-11T20:00:00+08:00
  koi fair round --of 1000

Exit status:
  0  the round and its time were written
  1  the chain is refused; the reason is said
  2  it was called wrongly";

/// Says which round is the first at or after a time, or when a round is
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, group = clap::ArgGroup::new("which").required(true))]
pub(in crate::cli) struct RoundCommand {
    /// The first round at or after this time of RFC 3339
    #[arg(long, value_name = "TIME", group = "which", value_parser = parse::time_ms, allow_hyphen_values = true)]
    at: Option<i64>,
    /// This round
    #[arg(long, value_name = "ROUND", group = "which", value_parser = clap::value_parser!(u64).range(1..))]
    of: Option<u64>,
    #[command(flatten)]
    chain: ChainFlag,
}

/// A round and its time.
#[derive(Serialize)]
struct Round {
    round: u64,
    time: String,
    chain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

impl RoundCommand {
    pub(super) fn run(self) -> Ended {
        let chain = match self.chain.chain()? {
            Ok(chain) => chain,
            Err(why) => return refuse(&code(&why), &why),
        };
        // One of them is there: they are a required group.
        let round = self.of.unwrap_or_else(|| chain.round_at(self.at.unwrap_or_default()));
        let time = time(&chain, round)
            .ok_or_else(|| anyhow!("round {round} is after the year 9999: ask for an earlier one"))?;
        say(&Round { round, time, chain: hex::encode(chain.hash()), notice: chain.notice() })
    }
}
