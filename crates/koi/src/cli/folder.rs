//! The installation, or the data folder, that a command works on.

use anyhow::anyhow;
use koi_store::Installation;
use koi_store::sqlite::Folder;

use super::flags::{FolderFlags, StoredFlags};
use crate::settings::environment::Environment;

/// The installation of the settings.
pub(super) fn installation(flags: &StoredFlags, environment: &Environment) -> anyhow::Result<Installation> {
    flags.0.load(environment)?.installation().map_err(|why| anyhow!(why))
}

/// The folder of the settings, for what is done with files: a database has its own means.
pub(super) fn folder(flags: &FolderFlags, environment: &Environment) -> anyhow::Result<Folder> {
    let settings = flags.0.load(environment)?;
    if let Some(database) = settings.database().map_err(|why| anyhow!(why))? {
        return Err(anyhow!(
            "the settings name a PostgreSQL database ({database}), whose backups are made with pg_dump or \
             pg_basebackup (see docs/postgresql.md); unset it to work on a data folder"
        ));
    }
    Ok(Folder::new(&settings.data().map_err(|why| anyhow!(why))?))
}
