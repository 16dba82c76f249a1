//! Which chain of rounds is meant: quicknet unless another is named.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use koi_fair::beacon::{Chain, ChainRefusal, INFO_BYTES_MAX, local};

/// A chain whose rounds are verified or counted.
#[derive(clap::Args)]
pub(super) struct ChainFlag {
    /// The info of another chain than drand's quicknet, as its relays answer it under /info
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,
}

impl ChainFlag {
    /// The chain, or why it is not accepted.
    pub(super) fn chain(&self) -> anyhow::Result<Result<Chain, ChainRefusal>> {
        let Some(path) = &self.chain else { return Ok(Ok(Chain::quicknet())) };
        let info = read(path).with_context(|| format!("--chain: reading {}", path.display()))?;
        Ok(Chain::read(&info))
    }
}

/// A chain that is only named: its rounds' randomness was verified before.
#[derive(clap::Args)]
pub(super) struct ChainHashFlag {
    /// The chain that the round is of [default: drand's quicknet]
    #[arg(long, value_name = "HEX", value_parser = super::parse::bytes)]
    chain_hash: Option<[u8; 32]>,
}

impl ChainHashFlag {
    pub(super) fn hash(&self) -> [u8; 32] {
        self.chain_hash.unwrap_or(*Chain::quicknet().hash())
    }

    /// What must be said beside everything that is drawn from the chain, if anything.
    pub(super) fn notice(&self) -> Option<&'static str> {
        local::notice_of(&self.hash())
    }
}

/// A file's text, of which no more is read than is needed to find it too long.
fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(INFO_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes)?)
}

/// The code of a chain that is not accepted, apart from those of rounds.
pub(super) fn code(refusal: &ChainRefusal) -> String {
    format!("chain_{}", refusal.code())
}

/// The time of a round in RFC 3339; none for round 0, and for rounds after the year 9999.
pub(super) fn time(chain: &Chain, round: u64) -> Option<String> {
    Some(Timestamp::from_second(chain.time_s(round)?).ok()?.to_string())
}
