//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use koi_core::money::Currency;
use koi_core::time::{Time, Zone};

use crate::settings::Serve;

#[derive(Parser)]
#[command(name = "koi", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server.
    Serve {
        #[arg(long, env = "KOI_DATA")]
        data: PathBuf,
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: String,
        #[arg(long)]
        sandbox: bool,
        #[arg(long)]
        clock: Option<String>,
    },
}

/// Runs the command line.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("koi: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve { data, listen, sandbox, clock } => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).init();
            let clock =
                clock.map(|text| Time::parse(&text).ok_or_else(|| anyhow::anyhow!("--clock"))).transpose()?;
            let settings = Serve {
                data,
                listen,
                public_url: None,
                sandbox,
                clock,
                wallet_currency: Currency::CNY,
                settlement_zone: Zone::parse("Asia/Shanghai").ok_or_else(|| anyhow::anyhow!("zone"))?,
                quote_valid_s: 180,
            };
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(crate::serve::serve(&settings, |address| println!("listening on http://{address}")))
        }
    }
}
