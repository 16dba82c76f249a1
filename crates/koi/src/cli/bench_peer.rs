//! `koi bench-peer`, hidden: the HTTP layer in front of something else, which `koi bench compare` starts.

use std::net::SocketAddr;

use anyhow::Context;

use super::flags::plain_sandbox;
use super::{Ended, Ending, terminal};
use crate::serve::{PeerPlace, serve_peer};

const AFTER_HELP: &str = "\
The campaign and its codes must be there already; `koi bench compare` puts them there.

Example:
  koi bench-peer --redis 127.0.0.1:6379 --listen 127.0.0.1:0

Exit status:
  0  it was told to stop, and did
  2  it was called wrongly, or could not start";

/// Serves claims out of something else than Koi's engine, for `koi bench` to compare with
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct BenchPeer {
    #[command(flatten)]
    behind: Peer,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
}

/// What stands behind a claim.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Peer {
    /// The address of a Redis with the script's keys
    #[arg(long, value_name = "ADDRESS")]
    redis: Option<SocketAddr>,
    /// The address of a PostgreSQL database with the function
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

impl Peer {
    fn place(self) -> anyhow::Result<PeerPlace> {
        match (self.redis, self.postgres) {
            (Some(redis), _) => Ok(PeerPlace::Redis(redis)),
            (None, Some(postgres)) => Ok(PeerPlace::Postgres(postgres)),
            (None, None) => anyhow::bail!("--redis or --postgres says what to compare with"),
        }
    }
}

impl BenchPeer {
    pub(super) fn run(self) -> Ended {
        let folder = tempfile::tempdir().context("a folder for the idle store")?;
        let settings = plain_sandbox(folder.path(), self.listen)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ready = |address| {
            // Whoever started it may have gone away: that does not stop it.
            let _ = terminal::print(&format!("listening on http://{address}"));
        };
        runtime.block_on(serve_peer(&settings, self.behind.place()?, ready))?;
        Ok(Ending::Well)
    }
}
