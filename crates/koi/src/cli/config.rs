//! `koi config`: what a server would run with here, and whether it would.

use clap::Subcommand;
use serde_json::json;

use super::flags::ServeFlags;
use super::{Ended, Ending, terminal};
use crate::settings::environment::Environment;
use crate::settings::load::Settings;

const SHOW_HELP: &str = "\
Example:
  koi config show --origin

Exit status:
  0  the settings were shown
  2  the settings are wrong; each error is said";

const CHECK_HELP: &str = "\
Example:
  koi config check --config koi.toml > settings.txt

Exit status:
  0  a server would start with these settings
  1  something is wrong; everything that is wrong is said
  2  it was called wrongly";

/// Shows and checks the settings of a server
#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Shows what a server would run with here; secrets are masked
    #[command(after_help = SHOW_HELP)]
    Show {
        /// Also shows where each value comes from
        #[arg(long)]
        origin: bool,
        /// Writes JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: ServeFlags,
    },
    /// Says everything that is wrong with the settings
    #[command(after_help = CHECK_HELP)]
    Check {
        /// Writes JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: ServeFlags,
    },
}

impl ConfigCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        match self {
            ConfigCommand::Show { origin, json, flags } => {
                let settings = flags.0.load(environment)?;
                terminal::print(&if json { written_json(&settings)? } else { written(&settings, origin) })?;
                Ok(Ending::Well)
            }
            ConfigCommand::Check { json, flags } => check(&flags, json, environment),
        }
    }
}

fn written(settings: &Settings, origin: bool) -> String {
    let mut table =
        terminal::table(if origin { vec!["Setting", "Value", "From"] } else { vec!["Setting", "Value"] }, &[]);
    for value in settings.values() {
        let mut row = vec![value.setting.name.to_owned(), value.shown()];
        if origin {
            row.push(value.origin.to_string());
        }
        table.add_row(row);
    }
    terminal::written(&table)
}

fn written_json(settings: &Settings) -> anyhow::Result<String> {
    let values: serde_json::Map<String, serde_json::Value> = settings
        .values()
        .iter()
        .map(|value| {
            let text = value.text.as_ref().map(|_| value.shown());
            (value.setting.name.to_owned(), json!({"value": text, "from": value.origin.to_string()}))
        })
        .collect();
    Ok(serde_json::to_string_pretty(&values)?)
}

fn check(flags: &ServeFlags, json: bool, environment: &Environment) -> Ended {
    let wrong: Vec<String> = match flags.0.try_load(environment) {
        Err(wrong) => wrong.iter().map(ToString::to_string).collect(),
        Ok(settings) => settings.serve().err().into_iter().collect(),
    };
    let well = wrong.is_empty();
    if json {
        terminal::print_json(&json!({"well": well, "wrong": wrong}))?;
    } else if well {
        eprintln!("The settings are right.");
    } else {
        terminal::print(&wrong.join("\n"))?;
    }
    Ok(if well { Ending::Well } else { Ending::NotWell })
}
