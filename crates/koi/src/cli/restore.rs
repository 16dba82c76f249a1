//! `koi restore`: a backup becomes a data folder.

use std::path::PathBuf;

use anyhow::Context;
use koi_store::sqlite::{Folder, restore};
use koi_store::{Reader, StoreError};
use serde_json::json;

use super::backup::publish;
use super::check::{whole, written};
use super::flags::FolderFlags;
use super::folder::folder;
use super::workplace::Workplace;
use super::{Ended, Ending, terminal};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
The folder is made when it is not there; it may be an empty mounted volume. A folder that holds a database is refused. \
The ledger is checked in full before the folder can be served. The backup itself is not changed.

Example:
  koi restore koi-backup.db --data koi-data-2

Exit status:
  0  the folder is ready to be served
  1  refused: the folder holds a database, or the backup is broken (it is named, and nothing is left behind)
  2  it could not be restored";

/// The folder within the new one in which the copy is made.
const WORKPLACE: &str = "koi-restore.partial";

/// Makes a data folder from a backup, and checks it
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RestoreCommand {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: FolderFlags,
}

impl RestoreCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let folder = folder(&self.flags, environment)?;
        let path = folder.path();
        if is_taken(&folder) {
            return Ok(Ending::NotWell);
        }
        std::fs::File::open(&self.file).with_context(|| format!("opening {}", self.file.display()))?;
        let workplace = Workplace::within(&folder, WORKPLACE)
            .with_context(|| format!("restoring {} to {}", self.file.display(), path.display()))?;
        // It was looked at before anybody was kept out.
        if is_taken(&folder) {
            return Ok(Ending::NotWell);
        }
        self.fill(&workplace.folder(), &folder, environment)
    }

    fn fill(&self, workplace: &Folder, folder: &Folder, environment: &Environment) -> Ended {
        let bar = terminal::bar(environment, "copying pages", 0);
        let copied = restore(&self.file, workplace, |done, all| {
            bar.set_length(u64::try_from(all).unwrap_or(0));
            bar.set_position(u64::try_from(done).unwrap_or(0));
        });
        bar.finish_and_clear();
        match copied {
            Err(StoreError::Damaged(what) | StoreError::Unreadable(what)) => {
                eprintln!("koi: {} is no backup of Koi, or is damaged: {what}", self.file.display());
                return Ok(Ending::NotWell);
            }
            copied => copied.with_context(|| format!("restoring {}", self.file.display()))?,
        }
        let checked = whole(&Reader::Folder(workplace.reader()?), environment)?;
        if !checked.broken.is_empty() {
            eprintln!("koi: {} is broken; nothing was restored", self.file.display());
            terminal::print(&written(&checked))?;
            return Ok(Ending::NotWell);
        }
        publish(&workplace.database(), &folder.database())?;
        if self.json {
            terminal::print_json(&json!({
                "data": folder.path().display().to_string(),
                "transfers": checked.transfers,
                "coupons": checked.coupons,
                "payments": checked.payments,
            }))?;
        } else {
            terminal::print(&format!(
                "{}: {} transfers, {} coupons, {} payments; all is well.",
                folder.path().display(),
                checked.transfers,
                checked.coupons,
                checked.payments
            ))?;
        }
        Ok(Ending::Well)
    }
}

/// Whether there is a database in a folder, which is said then.
fn is_taken(folder: &Folder) -> bool {
    let is_taken = folder.exists();
    if is_taken {
        let folder = folder.path().display();
        eprintln!("koi: {folder} holds a database, and a restore overwrites nothing; choose another --data");
    }
    is_taken
}
