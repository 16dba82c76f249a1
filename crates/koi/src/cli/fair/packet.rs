//! `koi fair pool-key` and `koi fair packets`: which packets a cell's claims took, once the pool's secret is published.

use koi_fair::packet::{PoolKey, Tier, packets};
use serde::Serialize;

use super::chain::ChainHashFlag;
use super::{parse, refuse, say};
use crate::cli::Ended;

const POOL_KEY_HELP: &str = "\
Example:
  koi fair pool-key --secret 1111111111111111111111111111111111111111111111111111111111111111 --round 1000 \
--randomness fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd

Exit status:
  0  the key was written
  2  it was called wrongly";

const PACKETS_HELP: &str = "\
The claims are those with the ordinals from 0 on, as long as no packet was moved to or from the cell or put back.

Example:
  koi fair packets --pool-key 1111111111111111111111111111111111111111111111111111111111111111 --cell 0 \
--tiers 288800x1,8800x3,888x16 --count 20

Exit status:
  0  the faces of the packets, and how many are left of each tier, were written
  1  the stock does not have so many packets; it is said
  2  it was called wrongly";

/// Recomputes the key of a campaign's pool
#[derive(clap::Args)]
#[command(after_help = POOL_KEY_HELP)]
pub(in crate::cli) struct PoolKeyCommand {
    /// The pool's secret, which is published after the campaign
    #[arg(long, value_name = "HEX", value_parser = parse::bytes)]
    secret: [u8; 32],
    /// The round that was mixed in
    #[arg(long, value_name = "ROUND", value_parser = clap::value_parser!(u64).range(1..))]
    round: u64,
    /// The round's randomness
    #[arg(long, value_name = "HEX", value_parser = parse::bytes)]
    randomness: [u8; 32],
    #[command(flatten)]
    chain: ChainHashFlag,
}

/// The key of a pool.
#[derive(Serialize)]
struct Key {
    pool_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
}

impl PoolKeyCommand {
    pub(super) fn run(self) -> Ended {
        let key = PoolKey::new(&self.secret, &self.chain.hash(), self.round, &self.randomness);
        say(&Key { pool_key: hex::encode(key.0), notice: self.chain.notice() })
    }
}

/// Recomputes the packets that a cell's first claims took
#[derive(clap::Args)]
#[command(after_help = PACKETS_HELP)]
pub(in crate::cli) struct PacketsCommand {
    /// The key of the campaign's pool
    #[arg(long, value_name = "HEX", value_parser = parse::bytes)]
    pool_key: [u8; 32],
    /// The number of the cell
    #[arg(long, value_name = "C")]
    cell: u32,
    /// The stock that the cell began with, in the table's order: faces in minor units, and how many of each
    #[arg(long, value_name = "FACExCOUNT,…", value_delimiter = ',', required = true, value_parser = parse::tier)]
    tiers: Vec<Tier>,
    /// The number of claims
    #[arg(long, value_name = "M")]
    count: u64,
}

/// What the claims took.
#[derive(Serialize)]
struct Taken {
    faces: Vec<u64>,
    left: Vec<u64>,
}

impl PacketsCommand {
    pub(super) fn run(self) -> Ended {
        match packets(&PoolKey(self.pool_key), self.cell, &self.tiers, self.count) {
            Ok(replay) => say(&Taken { faces: replay.faces, left: replay.left }),
            Err(why) => refuse(why.code(), &why),
        }
    }
}
