//! `koi serve`: the server.

use anyhow::anyhow;

use super::flags::ServeFlags;
use super::{Ended, Ending, banner, logging, terminal};
use crate::serve::{serve, told_to_stop};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
The first line on standard output is `listening on http://ADDRESS`; the log goes to standard error. SIGTERM and \
Ctrl-C stop the server after the requests under way; a second one stops it at once.

Example:
  koi serve --sandbox --data koi-data --listen 127.0.0.1:8080

Exit status:
  0  it was told to stop, and did
  1  it was told twice, and ended without waiting
  2  the settings are wrong, or it could not start or go on";

/// Runs the server
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ServeCommand {
    #[command(flatten)]
    flags: ServeFlags,
}

impl ServeCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let settings = self.flags.0.load(environment)?;
        let text = logging::start(&settings, environment)?;
        let what = settings.serve().map_err(|why| anyhow!(why))?;
        let ready = |address| {
            // Whoever started the server may have gone away: that does not stop it.
            let _ = terminal::print(&format!("listening on http://{address}"));
            if text {
                eprint!("{}", banner::text(&what, &settings, address));
            } else {
                banner::log(&what, &settings, address);
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let served = runtime.block_on(serve(&what, ready, told_to_stop()));
        // A long read that nobody waits for any more does not keep the process.
        runtime.shutdown_background();
        served?;
        Ok(Ending::Well)
    }
}
