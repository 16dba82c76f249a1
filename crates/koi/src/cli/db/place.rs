//! Where a copy comes from, and where it goes: `sqlite:FOLDER` or `postgres://…`, given as an argument or in a file.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use koi_store::Installation;
use koi_store::sqlite::Folder;

use crate::settings::parse;

/// Reads an address. What is said of a wrong one repeats no part of a database's, which may hold a password.
fn read(text: &str) -> anyhow::Result<Installation> {
    if let Some(folder) = text.strip_prefix("sqlite:") {
        if folder.is_empty() {
            bail!("sqlite: must be followed by the data folder, as in sqlite:koi-data");
        }
        return Ok(Installation::Folder(Folder::new(Path::new(folder))));
    }
    if !text.starts_with("postgres:") && !text.starts_with("postgresql:") {
        bail!("it must be sqlite:FOLDER, for a data folder, or postgres://…, for a database");
    }
    parse::database(text).map(|database| Installation::Database(Box::new(database))).map_err(|why| anyhow!(why))
}

/// What the command line says of both places.
pub(super) struct Places {
    pub(super) first: Option<String>,
    pub(super) second: Option<String>,
    pub(super) source_file: Option<PathBuf>,
    pub(super) target_file: Option<PathBuf>,
}

impl Places {
    /// The source and the target. An address that is in a file is no argument: the other one is the first then. A target
    /// that is not named is `settled`, the database of the settings.
    pub(super) fn read(
        self,
        settled: impl FnOnce() -> anyhow::Result<Option<Installation>>,
    ) -> anyhow::Result<(Installation, Installation)> {
        let (source, target) = match (&self.source_file, self.first, self.second) {
            (Some(_), _, Some(_)) => bail!("SOURCE: it is in --source-file already; leave one of them out"),
            (Some(_), first, None) => (None, first),
            (None, first, second) => (first, second),
        };
        if self.target_file.is_some() && target.is_some() {
            bail!("TARGET: it is in --target-file already; leave one of them out");
        }
        let source = given(source, self.source_file.as_deref())?;
        let source = source.context("SOURCE is missing: sqlite:FOLDER, postgres://…, or --source-file FILE")?;
        let target = match given(target, self.target_file.as_deref())? {
            Some(target) => Some(read(&target).context("TARGET")?),
            None => settled()?,
        };
        let target = target.context(
            "TARGET is missing: postgres://…, sqlite:FOLDER, --target-file FILE, or KOI_DATABASE or KOI_DATABASE_FILE",
        )?;
        Ok((read(&source).context("SOURCE")?, target))
    }
}

fn given(argument: Option<String>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else { return Ok(argument) };
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Some(text.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(
        first: Option<&str>,
        second: Option<&str>,
        files: [Option<&Path>; 2],
        settled: Option<&str>,
    ) -> Result<(String, String), String> {
        let places = Places {
            first: first.map(str::to_owned),
            second: second.map(str::to_owned),
            source_file: files[0].map(Path::to_owned),
            target_file: files[1].map(Path::to_owned),
        };
        let found = places.read(|| settled.map(read).transpose());
        found.map(|(source, target)| (source.to_string(), target.to_string())).map_err(|why| format!("{why:#}"))
    }

    #[test]
    fn both_places_are_found_wherever_they_are_named() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("address");
        std::fs::write(&file, "postgres://koi:s3cret@file/koi\n").unwrap();
        let file = Some(&*file);
        let (folder, url) = (Some("sqlite:/d"), Some("postgres://koi:s3cret@db/koi"));
        for (first, second, files, settled, expected) in [
            (folder, url, [None, None], None, ("/d", "db:5432/koi")),
            (url, folder, [None, None], None, ("db:5432/koi", "/d")),
            (folder, None, [None, file], url, ("/d", "file:5432/koi")),
            (folder, None, [None, None], url, ("/d", "db:5432/koi")),
            (folder, url, [None, None], Some("sqlite:/other"), ("/d", "db:5432/koi")),
            (folder, None, [file, None], None, ("file:5432/koi", "/d")),
            (None, None, [file, file], None, ("file:5432/koi", "file:5432/koi")),
        ] {
            let expected = Ok((expected.0.to_owned(), expected.1.to_owned()));
            assert_eq!(named(first, second, files, settled), expected, "{first:?} {second:?}");
        }
        for (first, second, files, part) in [
            (None, None, [None, None], "SOURCE is missing"),
            (folder, None, [None, None], "TARGET is missing"),
            (folder, url, [file, None], "--source-file"),
            (folder, url, [None, file], "--target-file"),
            (Some("/d"), url, [None, None], "SOURCE: it must be sqlite:FOLDER"),
            (Some("sqlite:"), url, [None, None], "data folder"),
            (folder, Some("mysql://koi:s3cret@db/koi"), [None, None], "TARGET: it must be"),
            (folder, Some("postgres://koi:s3cret@db:x/koi"), [None, None], "cannot be read"),
            (folder, None, [None, Some(Path::new("/not/there"))], "/not/there"),
        ] {
            let why = named(first, second, files, None).unwrap_err();
            assert!(why.contains(part) && !why.contains("s3cret"), "{why}");
        }
    }
}
