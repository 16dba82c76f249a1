//! `koi bench-redis`, hidden: the HTTP layer in front of a Redis script, which bar 2 of `koi bench` starts.

use anyhow::Context;

use super::flags::plain_sandbox;
use super::{Ended, Ending, terminal};
use crate::serve::serve_beside_redis;

const AFTER_HELP: &str = "\
The campaign and its codes must be in that Redis already; `koi bench` puts them there.

Example:
  koi bench-redis --redis 127.0.0.1:6379 --listen 127.0.0.1:0

Exit status:
  0  it was told to stop, and did
  2  it was called wrongly, or could not start";

/// Serves claims out of a Redis script, for `koi bench` to compare with
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct BenchRedis {
    /// The address of that Redis
    #[arg(long, value_name = "ADDRESS")]
    redis: std::net::SocketAddr,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
}

impl BenchRedis {
    pub(super) fn run(self) -> Ended {
        let folder = tempfile::tempdir().context("a folder for the idle store")?;
        let settings = plain_sandbox(folder.path(), self.listen)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ready = |address| {
            // Whoever started it may have gone away: that does not stop it.
            let _ = terminal::print(&format!("listening on http://{address}"));
        };
        runtime.block_on(serve_beside_redis(&settings, self.redis, ready))?;
        Ok(Ending::Well)
    }
}
