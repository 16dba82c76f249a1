//! `koi db distribute`: a database with Citus spreads its tables over its machines.

use anyhow::anyhow;
use koi_store::StoreError;
use serde_json::json;

use crate::cli::flags::DatabaseFlags;
use crate::cli::{Ended, Ending, terminal};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
The database must be an installation already (`koi key create` or `koi serve` makes one, `koi db copy` fills one) and \
have the Citus extension. What belongs to shoppers is distributed by its cell, and all of it side by side; what changes \
rarely is copied to every machine. Rows that are there move along. Stop all servers before, since each table is locked \
while it moves. What was done already is left out: a run that was interrupted is repeated.

Examples:
  koi db distribute --database postgres://koi@coordinator.example.com/koi
  koi db distribute --plan --database postgres://koi@coordinator.example.com/koi

Exit status:
  0  every table is where it belongs
  1  refused: the Citus extension is not there; what to do is said
  2  it could not be done";

/// Spreads the tables of a database over the machines of Citus
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct DistributeCommand {
    /// Writes the statements that are left to be run, and runs none
    #[arg(long)]
    plan: bool,
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: DatabaseFlags,
}

impl DistributeCommand {
    pub(in crate::cli) fn run(self, environment: &Environment) -> Ended {
        let settings = self.flags.0.load(environment)?;
        let database = settings.database().map_err(|why| anyhow!(why))?;
        let database = database.ok_or_else(|| {
            anyhow!("a database must be named, with --database, KOI_DATABASE or KOI_DATABASE_FILE: a data folder has one machine")
        })?;
        let found = if self.plan {
            database.plan_distribution()
        } else {
            let spinner = terminal::spinner(environment);
            let done = database.distribute(&|statement| spinner.set_message(statement.to_owned()));
            spinner.finish_and_clear();
            done
        };
        let statements = match found {
            Err(StoreError::Refused(why)) => {
                eprintln!("koi: refused: {why}");
                return Ok(Ending::NotWell);
            }
            found => found?,
        };
        if self.json {
            terminal::print_json(&json!({ "run": !self.plan, "statements": statements }))?;
            return Ok(Ending::Well);
        }
        statements.iter().try_for_each(|statement| terminal::print(&format!("{statement};")))?;
        match (statements.is_empty(), self.plan) {
            (true, _) => eprintln!("Every table is where it belongs already."),
            (false, true) => eprintln!("Nothing was run."),
            (false, false) => {
                eprintln!("Every table is where it belongs. Servers that run must be started again.")
            }
        }
        Ok(Ending::Well)
    }
}
