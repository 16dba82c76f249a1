//! Where the files of a log are: a folder, or a bucket that speaks S3.
//!
//! Calls block, on threads that may: inside the server's runtime those are its blocking ones.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use koi_fair::log::{TileKind, TilePath, TileSink, TileSource, bundle_of, entries_of};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::Handle;

/// How long a bucket may take to accept a connection, and to take or give a file.
const CONNECT_TIME: Duration = Duration::from_secs(3);
const FILE_TIME: Duration = Duration::from_secs(10);
/// Bytes of a hash in a tile.
const HASH_BYTES: usize = 32;

/// The address of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A folder.
    Folder(PathBuf),
    /// A bucket, and what the names of the files in it begin with: `s3://bucket/prefix`.
    Bucket(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let bucket = rest.split('/').next().unwrap_or_default();
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
            if bucket.is_empty() || !bucket.chars().all(allowed) {
                return Err("names no bucket: write s3://bucket or s3://bucket/prefix".into());
            }
            if rest.contains(['?', '#', '@']) {
                return Err(
                    "is more than s3://bucket/prefix: everything else comes from the AWS_* variables".into()
                );
            }
            return Ok(Self::Bucket(text.trim_end_matches('/').to_owned()));
        }
        if text.contains("://") {
            return Err("is neither a folder nor s3://bucket/prefix".into());
        }
        if text.is_empty() { Err("is empty".into()) } else { Ok(Self::Folder(text.into())) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(out, "{}", path.display()),
            Self::Bucket(bucket) => out.write_str(bucket),
        }
    }
}

/// Where the files are. Cheap to clone.
#[derive(Clone)]
pub struct Place {
    files: Arc<dyn ObjectStore>,
    /// The same, where a file that was written is there whole after a power cut.
    lasting: Arc<dyn ObjectStore>,
    runtime: Handle,
    /// The folder, if it is one: what was written there is on the disk only when it is asked to be.
    folder: Option<PathBuf>,
    address: Address,
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Place({})", self.address)
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {why}")]
pub struct PlaceError {
    place: String,
    why: object_store::Error,
}

impl PlaceError {
    /// Whether the file is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self.why, object_store::Error::NotFound { .. })
    }
}

impl Place {
    /// Opens a place. A folder is made when it is not there; a bucket is not asked anything yet.
    pub fn open(address: &Address, runtime: Handle) -> Result<Self, PlaceError> {
        let failed = |why| PlaceError { place: address.to_string(), why };
        let (files, lasting, folder): (Arc<dyn ObjectStore>, Arc<dyn ObjectStore>, _) = match address {
            Address::Folder(path) => {
                let unmade = |error| object_store::Error::Generic { store: "folder", source: Box::new(error) };
                std::fs::create_dir_all(path).map_err(|error| failed(unmade(error)))?;
                let files = || LocalFileSystem::new_with_prefix(path).map_err(failed);
                let (tiles, lasting) = (files()?.with_automatic_cleanup(true), files()?.with_fsync(true));
                (Arc::new(tiles), Arc::new(lasting), Some(path.clone()))
            }
            Address::Bucket(url) => {
                let files = bucket(url).map_err(failed)?;
                (files.clone(), files, None)
            }
        };
        Ok(Self { files, lasting, runtime, folder, address: address.clone() })
    }

    /// A file by its name, if it is there.
    pub async fn find(&self, name: &str) -> Result<Option<Vec<u8>>, PlaceError> {
        match self.get(name).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, PlaceError> {
        let path = Name::parse(name).map_err(|error| self.failed(error.into()))?;
        let found = self.files.get(&path).await.map_err(|error| self.failed(error))?;
        Ok(found.bytes().await.map_err(|error| self.failed(error))?.to_vec())
    }

    /// The same on a thread that may block.
    pub fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>, PlaceError> {
        self.runtime.block_on(self.find(name))
    }

    /// Writes a file, whole or not at all, so that it lasts.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), PlaceError> {
        self.put(&self.lasting, name, bytes)
    }

    fn put(&self, files: &Arc<dyn ObjectStore>, name: &str, bytes: &[u8]) -> Result<(), PlaceError> {
        let path = Name::parse(name).map_err(|error| self.failed(error.into()))?;
        let written = self.runtime.block_on(files.put(&path, bytes.to_vec().into()));
        written.map(drop).map_err(|error| self.failed(error))
    }

    /// Returns when everything that was written is where no power cut takes it away.
    pub fn sync(&self) -> Result<(), PlaceError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        // One flush of the file system costs less than one of each small file and of its folder.
        let synced = std::fs::File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
        synced.map_err(|error| {
            self.failed(object_store::Error::Generic { store: "folder", source: Box::new(error) })
        })
    }

    /// Removes the narrower ones of a tile that is full now: who wants them has the full one.
    pub fn remove_partial(&self, full: &TilePath) -> Result<(), PlaceError> {
        let folder = Name::parse(format!("{full}.p")).map_err(|error| self.failed(error.into()))?;
        let removed = self.runtime.block_on(async {
            let there = self.files.list_with_delimiter(Some(&folder)).await?;
            for file in there.objects {
                match self.files.delete(&file.location).await {
                    Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        });
        removed.map_err(|error| self.failed(error))
    }

    /// Whether a file takes a while to be written: then several are written at once.
    pub fn is_far(&self) -> bool {
        self.folder.is_none()
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    fn failed(&self, why: object_store::Error) -> PlaceError {
        PlaceError { place: self.address.to_string(), why }
    }
}

/// What speaks to a bucket. Where it is and who may write there is said as for other tools, by the `AWS_*` variables.
fn bucket(url: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    // Whoever came first has set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prefix = url.trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix);
    // Whoever waits for a proof should hear that the bucket is away, and the log is published again in some seconds anyway.
    let time = |key: ClientConfigKey| AmazonS3ConfigKey::Client(key);
    let tries = RetryConfig { max_retries: 2, retry_timeout: FILE_TIME, ..RetryConfig::default() };
    let files = AmazonS3Builder::from_env()
        .with_url(url)
        .with_config(time(ClientConfigKey::ConnectTimeout), format!("{}s", CONNECT_TIME.as_secs()))
        .with_config(time(ClientConfigKey::Timeout), format!("{}s", FILE_TIME.as_secs()))
        .with_retry(tries)
        .build()?;
    Ok(if prefix.is_empty() { Arc::new(files) } else { Arc::new(PrefixStore::new(files, Name::parse(prefix)?)) })
}

impl TileSink for Place {
    type Error = PlaceError;

    fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), PlaceError> {
        // Flushed all together, by `sync`.
        self.put(&self.files, &path.to_string(), bytes)
    }
}

impl TileSource for Place {
    type Error = PlaceError;

    /// A partial tile that is gone is cut out of the full one.
    fn read(&self, path: &TilePath) -> Result<Vec<u8>, PlaceError> {
        match self.runtime.block_on(self.get(&path.to_string())) {
            Err(error) if error.is_absent() && path.is_partial() => {
                let full = TilePath::full(path.kind(), path.index());
                let bytes = self.runtime.block_on(self.get(&full.to_string()))?;
                cut(&full, &bytes, usize::from(path.width())).ok_or(error)
            }
            read => read,
        }
    }
}

/// The first so many hashes or entries of a full tile.
fn cut(full: &TilePath, bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    match full.kind() {
        TileKind::Hashes(_) => bytes.get(..width * HASH_BYTES).map(<[u8]>::to_vec),
        TileKind::Entries => bundle_of(entries_of(full, bytes).ok()?.get(..width)?),
    }
}
