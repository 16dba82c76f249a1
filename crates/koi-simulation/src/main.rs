//! `koi-simulation`: runs seeds until one fails.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use koi_simulation::databases::Databases;
use koi_simulation::simulation::{Ground, Plan, TRACE, run_on};

/// Simulates the whole server beside an auditor, from one seed each.
#[derive(Debug, Parser)]
#[command(name = "koi-simulation", version)]
struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Batches of each run.
    #[arg(long, default_value_t = 150)]
    steps: u32,
    /// How many of the last calls a failure shows.
    #[arg(long, default_value_t = TRACE)]
    trace: usize,
    /// Runs on PostgreSQL: each seed in a database of its own, made by this address's server and dropped afterwards.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// In how many cells each database keeps what it has.
    #[arg(long, default_value_t = 1, requires = "database", value_parser = clap::value_parser!(u16).range(1..=1024))]
    cells: u16,
    /// How many servers work on each database, taking turns.
    #[arg(long, default_value_t = 1, requires = "database", value_parser = clap::value_parser!(u16).range(1..=16))]
    servers: u16,
    /// Prints how often each answer was given.
    #[arg(long)]
    answers: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let databases = options.database.as_deref();
    let databases =
        databases.map(|url| Databases::prepare(url, options.cells, options.servers.into())).transpose();
    let databases = match databases {
        Ok(databases) => databases,
        Err(error) => {
            eprintln!("koi-simulation: {error}");
            return ExitCode::from(2);
        }
    };
    let ground = databases.as_ref().map_or(Ground::Folder, Ground::Database);
    let mut calls = 0;
    let mut answers = std::collections::BTreeMap::<String, u64>::new();
    for number in 0..options.seeds {
        let seed = options.seed.wrapping_add(number);
        match run_on(Plan { seed, steps: options.steps, bug: None, trace: options.trace }, ground) {
            Ok(report) => {
                calls += report.calls;
                for (answer, count) in report.answers {
                    *answers.entry(answer).or_default() += count;
                }
                if options.seeds == 1 {
                    println!(
                        "seed {seed}: {} calls, {} failures, {} deaths, digest {}",
                        report.calls, report.failures, report.deaths, report.digest
                    );
                }
            }
            Err(failure) => {
                println!("{failure}");
                print!("repeat it with: koi-simulation --seed {seed} --steps {}", options.steps);
                match options.database {
                    Some(_) => println!(" --database URL --cells {} --servers {}", options.cells, options.servers),
                    None => println!(),
                }
                return ExitCode::from(1);
            }
        }
        tell(number + 1, options.seeds);
    }
    if options.seeds > 1 {
        println!("{} seeds, {calls} calls: server and model agree", options.seeds);
    }
    if options.answers {
        answers.iter().for_each(|(answer, count)| println!("{count:>9}  {answer}"));
    }
    ExitCode::SUCCESS
}

/// Progress, for people and for logs.
fn tell(done: u64, all: u64) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{done}/{all} seeds");
        if done == all {
            eprintln!();
        }
    } else if done.is_multiple_of(100) {
        eprintln!("{done}/{all} seeds");
    }
}
