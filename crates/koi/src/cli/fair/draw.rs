//! `koi fair outcome`: who wins a draw, from what is published of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use koi_fair::draw::{Exclusions, Sealed, Seed, outcome};
use serde::Serialize;

use super::chain::ChainHashFlag;
use super::{parse, refuse, say};
use crate::cli::Ended;

const AFTER_HELP: &str = "\
All of this is published: rules and root in the seal, the randomness by the round (verify it with `koi fair beacon`). \
The file of exclusions has one index a line, ascending; the list that the operator publishes, which begins with \
`koi/exclusions/v1` and has a reason beside each index, is read as it is.

Example:
  koi fair outcome --rules-hash 1111111111111111111111111111111111111111111111111111111111111111 \
--root 2222222222222222222222222222222222222222222222222222222222222222 --entries 3000000 --round 1000 \
--randomness fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd --reserves 3

Exit status:
  0  the seed, the winner and the reserves were written
  1  so many cannot be drawn; the reason is said
  2  it was called wrongly, or the file of exclusions is wrong";

/// Recomputes the winner and the reserves of a draw
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct OutcomeCommand {
    /// The SHA-256 of the rules
    #[arg(long, value_name = "HEX", value_parser = parse::bytes)]
    rules_hash: [u8; 32],
    /// The root of the entry log
    #[arg(long, value_name = "HEX", value_parser = parse::bytes)]
    root: [u8; 32],
    /// The number of entries in the log, with those that are excluded
    #[arg(long, value_name = "N")]
    entries: u64,
    /// The round that decides
    #[arg(long, value_name = "ROUND", value_parser = clap::value_parser!(u64).range(1..))]
    round: u64,
    /// The round's randomness
    #[arg(long, value_name = "HEX", value_parser = parse::bytes)]
    randomness: [u8; 32],
    /// The number of reserves
    #[arg(long, value_name = "K")]
    reserves: u32,
    /// The indices that are excluded, one a line
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainHashFlag,
}

/// What was drawn.
#[derive(Serialize)]
struct Drawn {
    seed: String,
    winner: u64,
    reserves: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

impl OutcomeCommand {
    pub(super) fn run(self) -> Ended {
        let exclusions = self.exclude.as_deref().map_or_else(|| Ok(Exclusions::none()), exclusions)?;
        let sealed = Sealed { rules_hash: self.rules_hash, root: self.root, entries: self.entries };
        let seed = Seed::new(&sealed, &self.chain.hash(), self.round, &self.randomness);
        match outcome(&seed, self.entries, &exclusions, self.reserves) {
            Ok(outcome) => say(&Drawn {
                seed: hex::encode(seed.0),
                winner: outcome.winner,
                reserves: outcome.reserves,
                notice: self.chain.notice(),
            }),
            Err(why) => refuse(why.code(), &why),
        }
    }
}

fn exclusions(path: &Path) -> anyhow::Result<Exclusions> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--exclude: reading {}", path.display()))?;
    Exclusions::read(&text).map_err(|why| anyhow!("--exclude: {}: {why}", path.display()))
}
