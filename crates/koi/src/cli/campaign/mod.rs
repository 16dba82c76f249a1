//! `koi campaign`: campaigns as files, checked before anybody sees them.

mod apply;
mod beacon;
mod check;
pub(super) mod file;
mod show;

use clap::Subcommand;

pub(in crate::cli) use check::grouped;
pub(in crate::cli) use show::money;

use super::Ended;
use crate::settings::environment::Environment;

/// Checks, applies and shows campaigns; hands in their randomness
#[derive(Subcommand)]
pub(super) enum CampaignCommand {
    Check(check::Check),
    Apply(apply::Apply),
    Show(show::Show),
    Beacon(beacon::HandIn),
}

impl CampaignCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        match self {
            CampaignCommand::Check(check) => check.run(environment),
            CampaignCommand::Apply(apply) => apply.run(environment),
            CampaignCommand::Show(show) => show.run(environment),
            CampaignCommand::Beacon(hand_in) => hand_in.run(environment),
        }
    }
}
