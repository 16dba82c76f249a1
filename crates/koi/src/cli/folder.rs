//! The data folder that a command works on.

use anyhow::anyhow;
use koi_store::sqlite::Folder;

use super::flags::FolderFlags;
use crate::settings::environment::Environment;

/// The folder of the settings.
pub(super) fn folder(flags: &FolderFlags, environment: &Environment) -> anyhow::Result<Folder> {
    let path = flags.0.load(environment)?.data().map_err(|why| anyhow!(why))?;
    Ok(Folder::new(&path))
}
