//! `koi check`: is the ledger whole?

use std::time::Instant;

use anyhow::anyhow;
use koi_store::tally::tallies;
use koi_store::{Reader, StoreError};
use serde_json::json;

use super::digest::listed;
use super::flags::StoredFlags;
use super::folder::installation;
use super::{Ended, Ending, terminal};
use crate::check::{Checked, check};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
Every balance is recomputed from the transfers; every bucket, coupon and payment from them; and SQLite checks its own \
file. Servers may go on working meanwhile.

With --digest nothing is recomputed: all rows of all tables are read, and come to one SHA-256 that is the same for an \
installation, a restored backup of it, and its copy in a database (see docs/digest.md).

Examples:
  koi check --data koi-data
  koi check --database postgres://koi@db.example.com/koi
  koi check --digest --data koi-data

Exit status:
  0  all is well
  1  something is broken; it is named
  2  it could not be checked";

/// Recomputes the whole ledger and names what is broken
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CheckCommand {
    /// Writes JSON
    #[arg(long)]
    json: bool,
    /// Writes one SHA-256 over all rows of all tables instead, to compare two installations by
    #[arg(long)]
    digest: bool,
    #[command(flatten)]
    flags: StoredFlags,
}

impl CheckCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let installation = installation(&self.flags, environment)?;
        let began = Instant::now();
        if self.digest {
            return digest(&installation.reader()?, self.json, environment);
        }
        let checked = match installation.reader() {
            Ok(reader) => whole(&reader, environment)?,
            Err(error @ (StoreError::Damaged(_) | StoreError::Unreadable(_))) => Checked::unread(&error),
            Err(error) => return Err(error.into()),
        };
        if self.json {
            terminal::print_json(&json!({
                "ok": checked.broken.is_empty(),
                "transfers": checked.transfers,
                "accounts": checked.accounts,
                "coupons": checked.coupons,
                "payments": checked.payments,
                "broken": checked.broken,
            }))?;
        } else {
            terminal::print(&written(&checked))?;
            eprintln!("Checked {installation} in {:.1?}.", began.elapsed());
        }
        Ok(if checked.broken.is_empty() { Ending::Well } else { Ending::NotWell })
    }
}

/// Says what everything that is stored comes to. It is the same for a folder, its backup and its copy in a database.
fn digest(reader: &Reader, json: bool, environment: &Environment) -> Ended {
    let spinner = terminal::spinner(environment);
    let found = tallies(reader, &|table, seen| {
        spinner.set_message(table);
        spinner.set_position(seen);
    });
    spinner.finish_and_clear();
    let found = match found {
        Err(error @ (StoreError::Damaged(_) | StoreError::Unreadable(_))) => {
            eprintln!("koi: {error}");
            return Ok(Ending::NotWell);
        }
        found => found?,
    };
    if json {
        terminal::print_json(&listed(&found))?;
    } else {
        terminal::print(&hex::encode(found.digest()))?;
    }
    Ok(Ending::Well)
}

/// Checks the file and the ledger in it. What is damaged is broken, not an error.
pub(super) fn whole(reader: &Reader, environment: &Environment) -> anyhow::Result<Checked> {
    let spinner = terminal::spinner(environment);
    spinner.set_message("pages of the file");
    let of_file = match reader.file_check() {
        Err(StoreError::Damaged(what) | StoreError::Unreadable(what)) => vec![what],
        found => found?,
    };
    let ledger = check(reader, &|what, seen| {
        spinner.set_message(what);
        spinner.set_position(seen);
    });
    spinner.finish_and_clear();
    let mut checked = match ledger {
        Err(error @ StoreError::Refused(_)) if !of_file.is_empty() => Checked::unread(&error),
        found => found.map_err(|error| anyhow!(error))?,
    };
    checked.broken.extend(of_file.into_iter().map(|line| format!("the database file: {line}")));
    Ok(checked)
}

/// What was found, for people.
pub(super) fn written(checked: &Checked) -> String {
    let mut table = terminal::table(["Recomputed", "Number"], &[1]);
    for (what, number) in [
        ("transfers", checked.transfers),
        ("accounts", checked.accounts),
        ("coupons", checked.coupons),
        ("payments", checked.payments),
    ] {
        table.add_row([what.to_owned(), number.to_string()]);
    }
    let mut text = terminal::written(&table);
    if checked.broken.is_empty() {
        text += "\nAll is well.\n";
    } else {
        text += &format!("\nBroken ({}):\n", checked.broken.len());
        text.extend(checked.broken.iter().map(|line| format!("  {line}\n")));
    }
    text
}
