//! What is asked about: files, folders, addresses. What they are shows in what is in them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use koi_fair::log::VerifierKey;
use koi_fair::verify::{Asked, Checked, Directory, FILE_BYTES_MAX, LogFiles, Watch, check_log, key_of};

use super::web::Web;

/// Bytes of a list of exclusions: some millions of entries.
const LIST_BYTES_MAX: u64 = 256 << 20;

/// An input, opened.
pub(super) enum Input {
    /// The folder of a log.
    Folder(Directory),
    /// The address of a log.
    Web(Web),
    /// What somebody was given.
    File(Vec<u8>),
}

impl Input {
    pub(super) fn open(name: &str) -> anyhow::Result<Self> {
        if name.starts_with("http://") || name.starts_with("https://") {
            return Self::at(name);
        }
        let path = Path::new(name);
        let is_folder = fs::metadata(path).with_context(|| format!("reading {name}"))?.is_dir();
        Ok(if is_folder { Self::Folder(Directory(PathBuf::from(name))) } else { Self::File(read(path)?) })
    }

    /// What stands at an address: a log, if there is a checkpoint.
    fn at(address: &str) -> anyhow::Result<Self> {
        let web = Web::new(address)?;
        if web.read("checkpoint", 0)?.is_some() {
            return Ok(Self::Web(web));
        }
        match web.whole(FILE_BYTES_MAX)? {
            Some(bytes) => Ok(Self::File(bytes)),
            None => bail!("there is nothing at {address}, and no log"),
        }
    }

    pub(super) fn is_log(&self) -> bool {
        match self {
            Self::Folder(_) | Self::Web(_) => true,
            Self::File(_) => false,
        }
    }

    /// The key that a log says is its own. That it has none is found when the log is checked.
    pub(super) fn key(&self) -> anyhow::Result<Option<VerifierKey>> {
        Ok(match self {
            Self::Folder(folder) => key_of(folder)?.ok(),
            Self::Web(web) => key_of(web)?.ok(),
            Self::File(_) => None,
        })
    }

    /// Checks a log; a file has nothing that could be asked here.
    pub(super) fn check(&self, name: &str, asked: &Asked, watch: &Watch<'_>) -> anyhow::Result<Checked> {
        match self {
            Self::Folder(folder) => {
                check_log(name, folder, asked, watch).with_context(|| format!("reading {name}"))
            }
            Self::Web(web) => {
                check_log(name, web, asked, watch).map_err(|why| anyhow::anyhow!("reading {name}: {why:#}"))
            }
            Self::File(_) => bail!("{name} is no log"),
        }
    }
}

/// The published list of a draw's exclusions. What is not UTF-8 in it is no line of such a list, and refused as one.
pub(super) fn read_list(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    file.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        bail!("{} has more than {LIST_BYTES_MAX} bytes", path.display());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A file of a shopper; a byte more than it may have is enough to refuse it.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
