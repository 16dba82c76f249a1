//! A log's files, or a shopper's, from an address.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use koi_fair::verify::{Directory, LogFiles};
use tempfile::TempDir;
use ureq::Agent;

/// How long one file may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a file is asked for that could not be had.
const TRIES: u64 = 3;
/// Bytes that are kept of a log while it is checked.
const KEPT_BYTES_MAX: u64 = 16 << 30;

/// Files below an address. Tiles are asked for once and kept in a folder of this machine until the end.
pub(super) struct Web {
    agent: Agent,
    address: String,
    kept: TempDir,
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Web {
    /// Files below this address.
    pub(super) fn new(address: &str) -> anyhow::Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE));
        // A proxy has no business between two programs on the same machine.
        if ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| address.starts_with(here)) {
            config = config.proxy(None);
        }
        Ok(Self {
            agent: config.build().into(),
            address: address.trim_end_matches('/').to_owned(),
            kept: tempfile::tempdir().context("making a folder for what is fetched")?,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
        })
    }

    /// What stands at the address itself.
    pub(super) fn whole(&self, most: usize) -> anyhow::Result<Option<Vec<u8>>> {
        self.fetch(&self.address, most)
    }

    fn fetch(&self, address: &str, most: usize) -> anyhow::Result<Option<Vec<u8>>> {
        for again in 1.. {
            match self.ask(address, most) {
                Ok(answer) => return Ok(answer),
                Err(why) if again >= TRIES => return Err(why).with_context(|| format!("fetching {address}")),
                Err(_) => std::thread::sleep(Duration::from_millis(300 * again)),
            }
        }
        Ok(None)
    }

    fn ask(&self, address: &str, most: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let mut answer = self.agent.get(address).call()?;
        match answer.status().as_u16() {
            200 => {
                let mut bytes = Vec::new();
                answer.body_mut().as_reader().take(most as u64 + 1).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            }
            404 | 410 => Ok(None),
            status @ 300..=399 => bail!("it answers {status}, a redirection: give the address that it leads to"),
            status => bail!("it answers {status}"),
        }
    }

    /// Keeps a file, whole or not at all: several threads may have asked for it.
    fn keep(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let length = bytes.len() as u64;
        if self.bytes.fetch_add(length, Ordering::Relaxed) + length > KEPT_BYTES_MAX {
            bail!("the log has more than {KEPT_BYTES_MAX} bytes: copy it to a folder, and verify that");
        }
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let begun = self.kept.path().join(format!("begun-{number}"));
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(&begun, bytes)?;
        fs::rename(&begun, path)?;
        Ok(())
    }

    fn place(&self, name: &str) -> PathBuf {
        self.kept.path().join(name)
    }
}

impl LogFiles for Web {
    type Error = anyhow::Error;

    fn read(&self, name: &str, most: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let address = format!("{}/{name}", self.address);
        if !name.starts_with("tile/") {
            return self.fetch(&address, most);
        }
        if let Some(bytes) = Directory(self.kept.path().to_owned()).read(name, most)? {
            return Ok(Some(bytes));
        }
        let fetched = self.fetch(&address, most)?;
        if let Some(bytes) = &fetched {
            self.keep(&self.place(name), bytes).context("keeping what was fetched")?;
        }
        Ok(fetched)
    }
}
