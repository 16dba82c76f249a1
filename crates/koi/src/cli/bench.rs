//! `koi bench`: how fast is this machine, and does Koi keep its bars on it?

mod fairness;

use std::path::PathBuf;

use koi_bench::{COMPARED_BARS, Options, Scaling, on_standard_error, run};

use super::{Ended, Ending, terminal};

const AFTER_HELP: &str = "\
Two things that are compared are measured in turn, in the same run, so that a noisy machine cannot favour one. The full \
run takes some minutes and some gigabytes of disk.

Examples:
  koi bench --brief
  koi bench --only 1,6,7 --seconds 5 --rounds 3
  koi bench compare
  koi bench scaling
  koi bench fairness
  koi bench --coupons 10000000 --data /var/tmp --json > bench.json

Exit status:
  0  every bar that was judged holds
  1  a bar does not hold, or could not be measured
  2  it was called wrongly, or could not run";

const AFTER_COMPARE_HELP: &str = "\
Everybody gets the same claims by the same people through the same HTTP layer, in turn: Koi on a data folder; a Redis \
script (appendfsync always); a PostgreSQL function, one transaction for each claim; Koi on PostgreSQL. Redis and \
PostgreSQL are started in temporary folders, where they are installed, with every answer on the disk. How many cells \
and connections Koi has on PostgreSQL is said as to any server (KOI_CELLS, KOI_WRITERS).

Example:
  koi bench compare --seconds 10 --rounds 5

Exit status:
  0  every bar that was judged holds
  1  a bar does not hold, or could not be measured
  2  it was called wrongly, or could not run";

const AFTER_SCALING_HELP: &str = "\
Each combination gets the same claims in its turn, on a database of its own that begins empty; the first is what the \
others are compared with. PostgreSQL is started in a temporary folder. Servers, database and generator share this \
machine: the processor time of a claim says more than its rate.

Example:
  koi bench scaling --cells 16,64 --servers 1,2,4,8

Exit status:
  0  it was measured
  2  it was called wrongly, or could not run";

/// Measures this machine against Koi's bars
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(super) struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
    /// The bars to measure, by their numbers; all when left out
    #[arg(long, value_name = "BARS", value_delimiter = ',')]
    only: Vec<u8>,
    /// Coupons to store for bars 5, 8, 9 and 10 [default: 10000000; 2000 with --brief]
    #[arg(long, value_name = "NUMBER")]
    coupons: Option<u64>,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Subcommand)]
enum Part {
    /// Measures a draw over millions of entries: its seal, outcome, proofs and audit, and their memory
    Fairness(fairness::Fairness),
    /// Measures Koi beside Redis and PostgreSQL: bars 2, 3 and 4
    #[command(after_help = AFTER_COMPARE_HELP)]
    Compare(How),
    /// Measures how the cost of a claim on PostgreSQL grows with cells and servers
    #[command(after_help = AFTER_SCALING_HELP)]
    Scaling {
        /// Numbers of cells to put beside each other, 1 to 1024 each
        #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "1,16,64,256")]
        cells: Vec<u16>,
        /// Numbers of servers on one database, 1 to 32 each
        #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_value = "1,2,4")]
        servers: Vec<usize>,
        #[command(flatten)]
        how: How,
    },
}

/// How it is measured.
#[derive(clap::Args)]
struct How {
    /// Length of each measurement in seconds [default: 5; 0.2 with --brief]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// How often things are measured in turn [default: 3; 1 with --brief]
    #[arg(long, value_name = "NUMBER")]
    rounds: Option<u32>,
    /// Connections of a closed loop [default: 256; 32 with --brief]
    #[arg(long, value_name = "NUMBER")]
    connections: Option<usize>,
    /// The folder whose disk is measured [default: the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Leaves the data folders behind and says where they are; those of PostgreSQL are always removed
    #[arg(long)]
    keep: bool,
    /// Only shows that everything works, in a few seconds; judges nothing
    #[arg(long)]
    brief: bool,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(super) fn run(self) -> Ended {
        match self.part {
            Some(Part::Fairness(fairness)) => fairness.run(),
            Some(Part::Compare(how)) => how.measure(|base| Options { only: COMPARED_BARS.to_vec(), ..base }),
            Some(Part::Scaling { cells, servers, how }) => {
                how.measure(|base| Options { scaling: Some(Scaling { cells, servers }), ..base })
            }
            None => self.how.measure(|base| Options {
                only: self.only,
                coupons: self.coupons.unwrap_or(base.coupons),
                ..base
            }),
        }
    }
}

impl How {
    fn measure(self, what: impl FnOnce(Options) -> Options) -> Ended {
        let base = what(if self.brief { Options::brief() } else { Options::default() });
        let options = Options {
            seconds: self.seconds.unwrap_or(base.seconds),
            rounds: self.rounds.unwrap_or(base.rounds),
            connections: self.connections.unwrap_or(base.connections),
            data: self.data,
            keep: self.keep,
            // A line for each of a million requests would measure the log.
            serve_arguments: vec!["--log".into(), "warn".into()],
            ..base
        };
        let report = run(&options, &on_standard_error())?;
        terminal::print(&if self.json { report.json() } else { report.table() })?;
        Ok(if report.succeeded() { Ending::Well } else { Ending::NotWell })
    }
}
