//! The harnesses that prove Koi's promise against the built server, from the outside, over HTTP.
//!
//! *What was answered is never lost, doubled or exceeded; if Koi cannot tell, it stops and says so.*
//!
//! | harness | goal | what it does |
//! |---|---|---|
//! | [`kills`] | R2 | random kills under load, of servers and of the database server |
//! | [`every_call`] | R1 | a kill at every n-th sync and write of a scripted day, and during recovery |
//! | [`faults`] | R3 | EIO and ENOSPC at every n-th call, a full disk, a read-only folder |
//! | [`last_packet`] | R6 | a thousand clients for the last packet |
//! | [`crowd`] | R6 | several servers on one database, and more claims than packets |
//! | [`replay`] | | a campaign to its close, then drawn again from its public files |
//!
//! All of them keep a [`history`] of what was promised and a [`model`] that knows from the history alone
//! where every fen must lie. A run prints its seed; the same seed gives the same plan.

mod answer;
mod audit;
mod client;
mod crowd;
mod day;
mod deed;
mod every_call;
mod failure;
mod faults;
mod history;
mod kills;
mod last_packet;
mod limits;
mod log;
mod model;
mod moment;
mod ordeal;
mod pair;
mod points;
mod postgres;
mod record;
mod replay;
mod seed;
mod server;
mod stage;
mod tally;
mod tracer;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};

use crate::kills::trouble::OwnDatabase;
use crate::limits::JOBS_MAX;
use crate::seed::Seed;

/// Kills the server, fails its disk, storms its stock, and checks every promise afterwards.
#[derive(Parser)]
#[command(name = "koi-torture", version)]
struct CommandLine {
    #[command(subcommand)]
    harness: Harness,
}

#[derive(Args)]
struct Common {
    /// The server to torture: the built `koi`.
    #[arg(long, value_name = "PATH")]
    koi: PathBuf,
    /// Repeats the plan of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Args)]
struct Points {
    /// Every step-th call only; the seed chooses which.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    step: u32,
    /// One kind of call only, for instance fdatasync or pwrite64.
    #[arg(long)]
    call: Option<String>,
    /// Points that are visited side by side [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
}

impl Points {
    fn jobs(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.map_or(processors.min(JOBS_MAX), usize::from)
    }
}

#[derive(Subcommand)]
enum Harness {
    /// Random kills under load, on one data folder or database (R2).
    Kills {
        #[command(flatten)]
        common: Common,
        /// How often the server is killed.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        kills: u32,
        /// Clients that send at the same time.
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
        clients: u16,
        /// An empty PostgreSQL database in place of the data folder.
        #[arg(long, value_name = "URL")]
        database: Option<String>,
        /// Starts a PostgreSQL server of its own, and kills that, too.
        #[arg(long, conflicts_with = "database")]
        database_server: bool,
        /// Starts a primary and a standby that confirms every commit; in every round the primary dies, and the standby
        /// takes its place.
        #[arg(long, conflicts_with_all = ["database", "database_server"])]
        failover: bool,
        /// Servers side by side on the database: some are killed, some stand still for a while.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
        servers: u16,
        /// In the first round one of several servers stands still (SIGSTOP) for so many seconds.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
        long_pause: Option<u16>,
    },
    /// A kill at every n-th sync and write of a scripted day (R1).
    EveryCall {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        points: Points,
        /// Kills the restart as well: at its first call, its second, and so on until it comes through.
        #[arg(long)]
        recovery: bool,
    },
    /// EIO and ENOSPC at every n-th call, a full disk, a read-only folder (R3).
    Faults {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        points: Points,
    },
    /// A thousand clients for a stock of one, of three, of a thousand (R6).
    LastPacket {
        #[command(flatten)]
        common: Common,
        /// Campaigns whose stock is stormed.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        rounds: u32,
        /// Clients, each on a connection of its own.
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        clients: u16,
        /// An empty PostgreSQL database in place of data folders.
        #[arg(long, value_name = "URL")]
        database: Option<String>,
        /// Servers side by side on the database.
        #[arg(long, default_value_t = 1, requires = "database", value_parser = clap::value_parser!(u16).range(1..=64))]
        servers: u16,
    },
    /// Several servers on one PostgreSQL database, and more claims than packets (R6).
    Crowd {
        #[command(flatten)]
        common: Common,
        /// An empty PostgreSQL database.
        #[arg(long, value_name = "URL")]
        database: String,
        /// Servers, side by side.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
        servers: u16,
        /// Clients, each on a connection of its own.
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        clients: u16,
        /// Claims, each of another person.
        #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        claims: u32,
        /// Packets in the stock.
        #[arg(long, default_value_t = 150_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        packets: u32,
    },
    /// A campaign to its close, then drawn again by verifiers from its public files alone.
    Replay {
        #[command(flatten)]
        common: Common,
        /// An empty PostgreSQL database in place of a data folder: packets move between its cells.
        #[arg(long, value_name = "URL")]
        database: Option<String>,
        /// Servers side by side on the database.
        #[arg(long, default_value_t = 1, requires = "database", value_parser = clap::value_parser!(u16).range(1..=64))]
        servers: u16,
        /// Clients, each on a connection of its own.
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        clients: u16,
        /// Claims, each of another person.
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
        claims: u32,
        /// A command that verifies, besides `koi verify`: `--json` and the log's folder are put behind it.
        #[arg(long, value_name = "COMMAND")]
        verifier: Vec<String>,
        /// Leaves a copy of the public files here.
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(CommandLine::parse().harness).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("koi-torture: {error:#}");
            println!("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

async fn run(harness: Harness) -> Result<ExitCode> {
    match harness {
        Harness::Kills { common, kills, clients, database, database_server, failover, servers, long_pause } => {
            let own_database = match (database_server, failover) {
                (_, true) => OwnDatabase::WithStandby,
                (true, false) => OwnDatabase::Alone,
                (false, false) => OwnDatabase::No,
            };
            let is_shared = database.is_some() || own_database != OwnDatabase::No;
            if servers > 1 && !is_shared {
                bail!("several servers need a database: add --database URL, --database-server or --failover");
            }
            if long_pause.is_some() && servers < 2 {
                bail!("while one server stands still others go on: add --servers 2");
            }
            let order = kills::Order {
                koi: common.koi,
                seed: Seed::given_or_fresh(common.seed)?,
                kills,
                clients: clients.into(),
                database,
                own_database,
                servers: servers.into(),
                long_pause: long_pause.map(|seconds| Duration::from_secs(seconds.into())),
            };
            kills::run(&order).await
        }
        Harness::EveryCall { common, points, recovery } => {
            let (seed, jobs) = (Seed::given_or_fresh(common.seed)?, points.jobs());
            let Points { step, call, .. } = points;
            every_call::run(&every_call::Order { koi: common.koi, seed, step, call, recovery, jobs }).await
        }
        Harness::Faults { common, points } => {
            let (seed, jobs) = (Seed::given_or_fresh(common.seed)?, points.jobs());
            let Points { step, call, .. } = points;
            faults::run(&faults::Order { koi: common.koi, seed, step, call, jobs }).await
        }
        Harness::LastPacket { common, rounds, clients, database, servers } => {
            let seed = Seed::given_or_fresh(common.seed)?;
            let (clients, servers) = (clients.into(), servers.into());
            let order = last_packet::Order { koi: common.koi, seed, rounds, clients, database, servers };
            last_packet::run(&order).await
        }
        Harness::Replay { common, database, servers, clients, claims, verifier, keep } => {
            let own = format!("{} verify", common.koi.display());
            let order = replay::Order {
                seed: Seed::given_or_fresh(common.seed)?,
                koi: common.koi,
                database,
                servers: servers.into(),
                clients: clients.into(),
                claims: claims as usize,
                verifiers: std::iter::once(own).chain(verifier).collect(),
                keep,
            };
            replay::run(&order).await
        }
        Harness::Crowd { common, database, servers, clients, claims, packets } => {
            let order = crowd::Order {
                koi: common.koi,
                seed: Seed::given_or_fresh(common.seed)?,
                database,
                servers: servers.into(),
                clients: clients.into(),
                claims: claims as usize,
                packets: packets.into(),
            };
            crowd::run(&order).await
        }
    }
}
