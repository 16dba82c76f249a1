//! `koi db`: moving an installation, and spreading its database over machines.

mod copy;
mod distribute;
mod place;

use clap::Subcommand;

use super::Ended;
use crate::settings::environment::Environment;

/// Moves an installation to another place, and spreads a database over machines
#[derive(Subcommand)]
pub(super) enum DbCommand {
    Copy(copy::CopyCommand),
    Distribute(distribute::DistributeCommand),
}

impl DbCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        match self {
            DbCommand::Copy(copy) => copy.run(environment),
            DbCommand::Distribute(distribute) => distribute.run(environment),
        }
    }
}
