//! `koi man`: manual pages, from the very command.

use std::path::PathBuf;

use anyhow::Context;

use super::{Ended, Ending, command};

const AFTER_HELP: &str = "\
Example:
  koi man man1

Exit status:
  0  the pages were written
  2  they could not be written";

/// Writes a manual page for each command into a folder
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Man {
    /// The folder; it is made when it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> Ended {
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            clap_mangen::generate_to(command(), &self.folder)
        };
        write().with_context(|| format!("writing manual pages into {}", self.folder.display()))?;
        let first = self.folder.join("koi.1");
        eprintln!("The manual pages are in {}; read one with: man -l {}", self.folder.display(), first.display());
        Ok(Ending::Well)
    }
}
