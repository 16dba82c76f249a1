//! A small file system of its own, for as long as the value lives.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A mounted tmpfs; unmounted when dropped.
pub(crate) struct Mount {
    at: PathBuf,
}

/// Whether file systems can be mounted here; the reason if not.
pub(crate) fn is_possible() -> Result<(), String> {
    let probe = tempfile::tempdir().map_err(|error| error.to_string())?;
    match Mount::tmpfs(probe.path(), 1 << 20) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("no file system can be mounted: {error:#}")),
    }
}

impl Mount {
    pub(crate) fn tmpfs(at: &Path, size_bytes: u64) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!("that takes root");
        }
        let option = format!("size={size_bytes}");
        execute(Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    pub(crate) fn make_read_only(&self) -> Result<()> {
        execute(Command::new("mount").args(["-o", "remount,ro"]).arg(&self.at))
    }

    pub(crate) fn make_writable(&self) -> Result<()> {
        execute(Command::new("mount").args(["-o", "remount,rw"]).arg(&self.at))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a server that is just ending may still hold a file.
        let _ = execute(Command::new("umount").arg("-l").arg(&self.at));
    }
}

fn execute(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())
}
