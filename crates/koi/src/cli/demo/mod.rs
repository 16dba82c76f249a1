//! `koi demo`: one command to see it.
//!
//! A server on a folder of its own; `stage` sets a campaign, merchants and stores through the API, `history` lets
//! simulated shoppers claim and buy there, `tour` says what to open and what to try.

mod document;
mod history;
mod stage;
mod tour;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::sync::oneshot;

use super::flags::plain_sandbox;
use super::terminal::Paint;
use super::{Ended, Ending, terminal};
use crate::engine::clock::Clock;
use crate::serve::{serve, told_to_stop};
use crate::settings::environment::Environment;
use crate::source::Source;

const AFTER_HELP: &str = "\
The campaign of summer 2018 with its dates moved to now, merchants in New Zealand and Japan, simulated shoppers who \
claim, buy, cancel and get refunds, and then a server in sandbox mode on real time. What to open and what to try is \
printed to standard output. Ctrl-C ends it.

Examples:
  koi demo
  koi demo --data koi-demo --listen 127.0.0.1:9000

Exit status:
  0  it was told to stop, and did
  2  it could not start, or something went wrong while the stage was set";

/// Where the demo listens, if that is free.
const LISTEN: &str = "127.0.0.1:8080";

/// Shows Koi: a server with a campaign, stores and some history, and what to try
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Demo {
    /// The data folder; it is kept [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address and port to listen on [default: 127.0.0.1:8080, or a free port when it is taken]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Keeps the temporary folder and says where it is
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let temporary = match &self.data {
            Some(_) => None,
            None => {
                Some(tempfile::Builder::new().prefix("koi-demo-").tempdir().context("making a temporary folder")?)
            }
        };
        let data = match (&self.data, &temporary) {
            (Some(data), _) => data.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => unreachable!("one of them is there"),
        };
        let ended = self.serve(&data, environment);
        if let Some(temporary) = temporary
            && self.keep
        {
            eprintln!("The data folder was kept: {}", temporary.keep().display());
        }
        ended
    }

    fn serve(&self, data: &Path, environment: &Environment) -> Ended {
        let settings = plain_sandbox(data, self.listen.clone().unwrap_or_else(free_address))?;
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        let kept = self.keep || self.data.is_some();
        let place = Place { data: data.to_owned(), kept, environment: environment.clone() };
        let (failed, failure) = oneshot::channel();
        let ready = move |address| {
            // The API is called as its users do, so from outside the server's own threads.
            std::thread::spawn(move || {
                if let Err(error) = show(address, &place) {
                    let _ = failed.send(error);
                }
            });
        };
        let stop = async move {
            tokio::select! {
                told = told_to_stop() => told,
                Ok(error) = failure => Err(error),
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let served = runtime.block_on(serve(&settings, ready, stop));
        // A long read that nobody waits for any more does not keep the process.
        runtime.shutdown_background();
        served?;
        Ok(Ending::Well)
    }
}

/// The usual address; any free port when somebody else has it.
fn free_address() -> String {
    match TcpListener::bind(LISTEN) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => "127.0.0.1:0".to_owned(),
        _ => LISTEN.to_owned(),
    }
}

/// Where the demo keeps its data, and for whom it talks.
struct Place {
    data: PathBuf,
    kept: bool,
    environment: Environment,
}

/// Sets the stage, lets the shoppers in, and says what to try.
fn show(address: SocketAddr, place: &Place) -> anyhow::Result<()> {
    let url = format!("http://{address}");
    let now = Clock::running().now();
    let stage = stage::Stage::set(&url, now).context("setting the stage of the demo")?;
    if stage.fresh {
        history::play(&stage, &place.environment).context("playing the history of the demo")?;
    }
    let random = Source::system().bytes().context("the operating system gives no random numbers")?;
    let tag = hex::encode(&random[..3]);
    let tour = tour::Tour::of(&stage, place, &tag)?;
    terminal::print(&tour.text(Paint::of_output(&place.environment)))
}
