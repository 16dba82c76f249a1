//! Whether a log's files are those of its checkpoint, and its entries one by one.

use std::num::NonZeroUsize;

use super::super::files::{LogFiles, NoTile, Tiles};
use super::super::report::Finding;
use super::super::{Step, Watch};
use super::{Log, Stop};
use crate::log::{
    AuditDepth, AuditError, Frontier, TileError, TileKind, TilePath, TileSource, TreeHash, audit, entries_of,
};

/// Reads every tile and every bundle: the root is rebuilt from all entries.
pub(super) fn audited<F: LogFiles>(
    files: &F,
    size: u64,
    root: &TreeHash,
    threads: NonZeroUsize,
    watch: &Watch<'_>,
) -> Result<(), Stop<F::Error>> {
    let tiles = Tiles::new(files, Step::Files, reads_of_audit(size), watch);
    audit(&tiles, size, root, AuditDepth::Entries, threads).map_err(|why| match why {
        AuditError::Tile(why) => of_tile(why),
        AuditError::RootDiffers => {
            Stop::Refused(Finding::new("root_differs", "the tiles do not belong to the root"))
        }
        AuditError::TileDiffers { path } => {
            about(&path, Finding::new("tile_differs", "it does not belong to the tile above it"))
        }
        AuditError::EntryDiffers { index } => {
            let finding = Finding::new("entry_differs", "the entry does not belong to its hash");
            Stop::Refused(Finding { leaf: Some(index), ..finding })
        }
    })
}

/// How many files an audit reads, about: each bundle with its tile, each tile with those above it.
fn reads_of_audit(size: u64) -> u64 {
    let bundles = size.div_ceil(u64::from(TilePath::WIDTH));
    bundles.saturating_mul(3)
}

fn about<E>(path: &TilePath, finding: Finding) -> Stop<E> {
    Stop::Refused(Finding { file: Some(path.to_string()), ..finding })
}

fn of_tile<E>(why: TileError<NoTile<E>>) -> Stop<E> {
    match why {
        TileError::Source { error: NoTile::Failed(why), .. } => Stop::Failed(why),
        TileError::Source { path, error: NoTile::Missing } => {
            about(&path, Finding::new("tile_missing", "the file is not there"))
        }
        TileError::Length { path, bytes } => {
            let detail = format!("it has {bytes} bytes, not 32 for each of {} hashes", path.width());
            about(&path, Finding::new("tile_length", detail))
        }
        TileError::Bundle { path, error } => about(&path, Finding::new("bundle_malformed", error)),
        TileError::NotInLog => Stop::Refused(Finding::new("tile_missing", "a log of this size has no such file")),
    }
}

/// Every entry of a log, in order, with the tree of those before it. What is read must again be what the checkpoint is over:
/// the files may have changed since they were audited.
pub(super) fn each_entry<F: LogFiles>(
    log: &Log<'_, F>,
    step: Step,
    mut take: impl FnMut(u64, &[u8], &Frontier) -> Result<(), Stop<F::Error>>,
) -> Result<(), Stop<F::Error>> {
    let bundles = log.size.div_ceil(u64::from(TilePath::WIDTH));
    let tiles = Tiles::new(log.files, step, bundles, log.watch);
    let mut frontier = Frontier::new();
    for index in 0..bundles {
        let path =
            TilePath::in_log(TileKind::Entries, index, log.size).ok_or_else(|| of_tile(TileError::NotInLog))?;
        let bytes = tiles.read(&path).map_err(|error| of_tile(TileError::Source { path, error }))?;
        let entries =
            entries_of(&path, &bytes).map_err(|error| about(&path, Finding::new("files_changed", error)))?;
        for entry in entries {
            take(frontier.size(), entry, &frontier)?;
            frontier.append(TreeHash::of_leaf(entry));
        }
    }
    if frontier.root() == log.root {
        return Ok(());
    }
    Err(Stop::Refused(Finding::new("files_changed", "the log's files changed while they were read: try again")))
}
