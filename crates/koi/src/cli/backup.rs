//! `koi backup`: one file that holds everything, taken while the server works.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use koi_store::Reader;
use koi_store::sqlite::{backup, open_backup};
use serde_json::json;

use super::check::{whole, written};
use super::flags::FolderFlags;
use super::folder::folder;
use super::{Ended, Ending, terminal};
use crate::settings::environment::Environment;

const AFTER_HELP: &str = "\
The backup is one state of the database, taken while a server may go on working. It is written to FILE.partial, \
checked in full (the file and the ledger in it), and only then gets its name: a file of that name is whole. Nothing \
is ever overwritten, except a FILE.partial that an interrupted backup left behind.

Example:
  koi backup koi-backup.db --data koi-data

Exit status:
  0  the backup was written and checked
  1  the backup was refused: the file exists, or what was copied is broken (FILE.partial is kept)
  2  it could not be written";

/// Writes a checked backup while the server works
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct BackupCommand {
    /// The file to write; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Writes JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: FolderFlags,
}

impl BackupCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let folder = folder(&self.flags, environment)?;
        if self.file.exists() {
            eprintln!("koi: {} exists, and a backup overwrites nothing; choose another name", self.file.display());
            return Ok(Ending::NotWell);
        }
        let partial = partial_name(&self.file)?;
        remove_if_there(&partial)?;
        let bar = terminal::bar(environment, "copying pages", 0);
        backup(&folder, &partial, |done, all| {
            bar.set_length(u64::try_from(all).unwrap_or(0));
            bar.set_position(u64::try_from(done).unwrap_or(0));
        })
        .inspect_err(|_| drop(remove_if_there(&partial)))
        .with_context(|| format!("backing up {} to {}", folder.path().display(), self.file.display()))?;
        bar.finish_and_clear();

        let checked = whole(&Reader::Folder(open_backup(&partial)?), environment)?;
        if !checked.broken.is_empty() {
            eprintln!("koi: what was copied is broken; it is kept as {}", partial.display());
            terminal::print(&written(&checked))?;
            return Ok(Ending::NotWell);
        }
        publish(&partial, &self.file)?;
        let bytes = std::fs::metadata(&self.file)?.len();
        if self.json {
            terminal::print_json(&json!({
                "file": self.file.display().to_string(),
                "bytes": bytes,
                "transfers": checked.transfers,
                "coupons": checked.coupons,
                "payments": checked.payments,
            }))?;
        } else {
            terminal::print(&format!(
                "{}: {bytes} bytes, {} transfers, {} coupons, {} payments; all is well.",
                self.file.display(),
                checked.transfers,
                checked.coupons,
                checked.payments
            ))?;
            eprintln!("Bring it back with: koi restore {} --data NEW-FOLDER", self.file.display());
        }
        Ok(Ending::Well)
    }
}

fn partial_name(file: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = file.file_name() else { bail!("{} is no name of a file", file.display()) };
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(file.with_file_name(name))
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Gives a file that is whole its name, on the disk for good. Never takes the name from another file.
pub(super) fn publish(partial: &Path, name: &Path) -> anyhow::Result<()> {
    let publish = || {
        File::open(partial)?.sync_all()?;
        // A second name can only be given to a file when nobody has it; not every file system knows such names.
        match std::fs::hard_link(partial, name) {
            Ok(()) => std::fs::remove_file(partial)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            Err(_) => rename_to_new(partial, name)?,
        }
        let parent = name.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    };
    publish().with_context(|| format!("naming {} {}", partial.display(), name.display()))
}

/// Gives a file another name, which nobody must have. Where the system cannot be asked to see to that, it is looked at
/// just before: then who makes a file of that name in the same moment would lose it.
fn rename_to_new(file: &Path, name: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, file, CWD, name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if name.try_exists()? {
                return Err(ErrorKind::AlreadyExists.into());
            }
            std::fs::rename(file, name)
        }
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_and_never_taken_away() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let rename: fn(&Path, &Path) -> anyhow::Result<()> = |from, to| Ok(rename_to_new(from, to)?);
        for (number, give) in [publish, rename].into_iter().enumerate() {
            let (new, name) = (path(&format!("new{number}")), path(&format!("name{number}")));
            std::fs::write(&new, "first").unwrap();
            give(&new, &name).unwrap();
            assert!(!new.exists());
            std::fs::write(&new, "second").unwrap();
            assert!(give(&new, &name).is_err());
            assert_eq!(std::fs::read_to_string(&name).unwrap(), "first");
            assert_eq!(std::fs::read_to_string(&new).unwrap(), "second");
        }
    }
}
