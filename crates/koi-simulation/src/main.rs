//! `koi-simulation`: runs seeds until one fails.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use koi_simulation::simulation::{Plan, TRACE, run};

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
    /// Prints how often each answer was given.
    #[arg(long)]
    answers: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut calls = 0;
    let mut answers = std::collections::BTreeMap::<String, u64>::new();
    for number in 0..options.seeds {
        let seed = options.seed.wrapping_add(number);
        match run(Plan { seed, steps: options.steps, bug: None, trace: options.trace }) {
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
                println!("repeat it with: koi-simulation --seed {seed} --steps {}", options.steps);
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
