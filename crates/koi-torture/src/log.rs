//! The public log of an installation, as anybody sees it.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::time::sleep;

use crate::client::Client;
use crate::failure::broken;

/// How long the log may take until it has everything.
const LOG_PATIENCE: Duration = Duration::from_secs(120);
/// How long nothing new means that nothing is left.
const QUIET: Duration = Duration::from_secs(8);

/// Waits until the log has more than so many leaves, and grows no more.
pub(crate) async fn is_quiet(client: &mut Client, more_than: u64) -> Result<()> {
    let (began, mut last, mut since) = (Instant::now(), 0, Instant::now());
    loop {
        let size = client.get("/v1/log", None).await?.json()?["size"].as_u64().context("a log without a size")?;
        if size != last {
            (last, since) = (size, Instant::now());
        }
        if size > more_than && since.elapsed() > QUIET {
            return Ok(());
        }
        if began.elapsed() > LOG_PATIENCE {
            return Err(broken("the log has everything in time", format!("{size} leaves after {LOG_PATIENCE:?}")));
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// The folder with the public files: that of the installation, or the one that a server on a database has made.
pub(crate) fn folder(data: &Path) -> Result<PathBuf> {
    let log = data.join("log");
    let below =
        std::fs::read_dir(&log).context("no log was written")?.filter_map(|entry| Some(entry.ok()?.path()));
    let folders = std::iter::once(log.clone()).chain(below);
    folders.into_iter().find(|folder| folder.join("checkpoint").exists()).context("nothing was published")
}

/// What a verifier says of the log.
pub(crate) fn verify(verifier: &str, log: &Path) -> Result<Value> {
    let mut words = verifier.split_whitespace();
    let program = words.next().context("an empty verifier")?;
    let ran = Process::new(program).args(words).arg("--json").arg(log).output();
    let ran = ran.with_context(|| format!("{verifier} cannot be run"))?;
    let report: Value = serde_json::from_slice(&ran.stdout)
        .with_context(|| format!("{verifier}: {}", String::from_utf8_lossy(&ran.stderr)))?;
    Ok(report["inputs"][0].clone())
}
