//! How long the disk takes to make 4 KiB durable. Every durable answer waits for this once per batch, so it
//! stands beside the figures.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;

use crate::limits::{SYNC_BYTES, SYNC_MAX, SYNC_SAMPLES};

/// The median time of an fdatasync after an append, in microseconds.
///
/// # Errors
/// A folder in which no file can be written.
pub(crate) fn sync_us(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("fdatasync");
    let context = || format!("timing fdatasync in {}", folder.display());
    let mut file = File::create(&path).with_context(context)?;
    let block = [0x6b; SYNC_BYTES];
    let began = Instant::now();
    let mut times = Vec::with_capacity(SYNC_SAMPLES);
    while times.len() < SYNC_SAMPLES && (times.is_empty() || began.elapsed() < SYNC_MAX) {
        file.write_all(&block).with_context(context)?;
        let before = Instant::now();
        file.sync_data().with_context(context)?;
        times.push(before.elapsed());
    }
    std::fs::remove_file(&path).with_context(context)?;
    times.sort_unstable();
    Ok(times[times.len() / 2].as_secs_f64() * 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(sync_us(folder.path()).expect("a time") > 0.0);
        assert_eq!(folder.path().read_dir().expect("the folder").count(), 0);
    }
}
