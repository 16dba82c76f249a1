//! `koi completions`: completions for a shell, from the very command.

use clap_complete::Shell;

use super::{Ended, Ending, command, terminal};

const AFTER_HELP: &str = "\
Example:
  koi completions bash > koi.bash

Exit status:
  0  the completions were written to standard output
  2  it was called wrongly";

/// Writes completions for a shell
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Ended {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command(), "koi", &mut text);
        terminal::print(&String::from_utf8_lossy(&text))?;
        Ok(Ending::Well)
    }
}
