//! The command line: one file per command, and this table of contents.
//!
//! Data goes to standard output, talk to standard error. A command ends with 0 when all is well, with 1 when what
//! it was asked about is not well or was refused, and with 2 when it was called wrongly or could not run.

mod backup;
mod banner;
mod bench;
mod bench_peer;
mod campaign;
mod check;
mod client;
mod completions;
mod config;
mod db;
mod demo;
mod digest;
mod docs;
mod doctor;
mod fair;
mod flags;
mod folder;
mod healthcheck;
mod key;
mod logging;
mod man;
mod restore;
mod serve;
mod terminal;
mod verify;
mod witness;
mod workplace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::settings::environment::Environment;

/// How a command ends that could run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// All is well: 0.
    Well,
    /// What was asked about is not well, or was refused: 1.
    NotWell,
}

/// What every command answers; an error is a command that could not run: 2.
type Ended = anyhow::Result<Ending>;

/// What a command that could not run ends with; clap ends with the same after a wrong call.
const COULD_NOT_RUN: u8 = 2;

const AFTER_HELP: &str = "\
Start here:
  koi demo

Settings come from the command line, else from KOI_* variables, else from a TOML file (--config), else from \
defaults; `koi config show --origin` says which. Every command ends with 0 when all is well, 1 when what it was \
asked about is not well or was refused, and 2 when it was called wrongly or could not run.";

#[derive(Parser)]
#[command(
    name = "koi",
    version = banner::version(),
    about = "Koi: a self-hosted server for campaigns that give money and prizes away",
    after_help = AFTER_HELP,
    max_term_width = 100,
    propagate_version = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::ServeCommand),
    #[command(subcommand)]
    Campaign(campaign::CampaignCommand),
    #[command(subcommand)]
    Key(key::KeyCommand),
    Check(check::CheckCommand),
    Backup(backup::BackupCommand),
    Restore(restore::RestoreCommand),
    #[command(subcommand)]
    Db(db::DbCommand),
    Verify(verify::Verify),
    #[command(subcommand)]
    Fair(fair::FairCommand),
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Doctor(doctor::Doctor),
    Healthcheck(healthcheck::Healthcheck),
    Bench(bench::Bench),
    Completions(completions::Completions),
    Man(man::Man),
    #[command(hide = true)]
    BenchPeer(bench_peer::BenchPeer),
    #[command(hide = true)]
    Docs(docs::Docs),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let environment = Environment::of_process();
    match run(Cli::parse(), &environment) {
        Ok(Ending::Well) => ExitCode::SUCCESS,
        Ok(Ending::NotWell) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("koi: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn run(cli: Cli, environment: &Environment) -> Ended {
    match cli.command {
        Command::Demo(demo) => demo.run(environment),
        Command::Serve(serve) => serve.run(environment),
        Command::Campaign(campaign) => campaign.run(environment),
        Command::Key(key) => key.run(environment),
        Command::Check(check) => check.run(environment),
        Command::Backup(backup) => backup.run(environment),
        Command::Restore(restore) => restore.run(environment),
        Command::Db(db) => db.run(environment),
        Command::Verify(verify) => verify.run(environment),
        Command::Fair(fair) => fair.run(),
        Command::Witness(witness) => witness.run(environment),
        Command::Config(config) => config.run(environment),
        Command::Doctor(doctor) => doctor.run(environment),
        Command::Healthcheck(healthcheck) => healthcheck.run(environment),
        Command::Bench(bench) => bench.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
        Command::BenchPeer(bench) => bench.run(),
        Command::Docs(docs) => docs.run(),
    }
}

/// The whole command, for completions and documentation.
fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that is not hidden, with the words that call it.
    fn commands() -> Vec<(String, clap::Command)> {
        fn walk(command: &clap::Command, path: &str, all: &mut Vec<(String, clap::Command)>) {
            for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
                let path = format!("{path} {}", inner.get_name());
                all.push((path.clone(), inner.clone()));
                walk(inner, &path, all);
            }
        }
        let mut all = Vec::new();
        walk(&command(), "koi", &mut all);
        all
    }

    #[test]
    fn the_command_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_one_line_of_purpose_an_example_and_its_exit_codes() {
        for (path, command) in commands() {
            let about = command.get_about().unwrap_or_else(|| panic!("{path} has no purpose")).to_string();
            assert!(!about.contains('\n') && about.len() < 100, "{path}: {about}");
            if command.has_subcommands() {
                continue;
            }
            let after = command.get_after_help().unwrap_or_else(|| panic!("{path} has no example")).to_string();
            for text in [&format!("\n  {path}"), "Exit status:", "\n  0  ", "\n  2  "] {
                assert!(after.contains(text), "{path} lacks {text:?}");
            }
        }
    }

    #[test]
    fn every_example_parses() {
        let mut seen = 0;
        for (path, command) in commands() {
            let Some(after) = command.get_after_help().map(ToString::to_string) else { continue };
            for line in after.lines().filter(|line| line.starts_with("  koi ")) {
                let call = line.split(" > ").next().unwrap_or_default();
                if let Err(error) = Cli::try_parse_from(call.split_whitespace()) {
                    panic!("{path}: {line}: {error}");
                }
                seen += 1;
            }
        }
        assert!(seen > 15, "{seen} examples");
    }
}
