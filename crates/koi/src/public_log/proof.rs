//! What a person keeps: that a leaf is in the log, at its place.

use std::ops::ControlFlow;

use koi_core::id::TransferId;
use koi_core::ledger::Reason;
use koi_fair::log::{
    TileKind, TilePath, TileReader, TileSource, TlogProof, TreeHash, entries_of, inclusion, verify_inclusion,
};
use koi_store::{Issued, Reader, Sequenced, StoreError};

use super::PublicLog;
use super::publisher::{Standing, Unpublished, published, step};
use crate::engine::leaves::{Leaf, between, nothing, receipt_of};

/// The index of a coupon's receipt and the receipt, if it is sequenced. Nothing is read but the database.
pub fn find(
    log: &PublicLog,
    reader: &Reader,
    campaign: &str,
    coupon: &Issued,
) -> Result<Option<(u64, Leaf)>, StoreError> {
    let leaf = receipt_of(campaign.to_owned(), coupon)?;
    Ok(index_of(log, reader, coupon, &leaf)?.map(|index| (index, leaf)))
}

/// The proof of a leaf by its index; nothing if there is none yet.
pub fn of_index(log: &PublicLog, index: u64) -> Result<Option<TlogProof>, Unpublished> {
    let Some(standing) = published(log)?.filter(|standing| index < standing.size) else { return Ok(None) };
    let width = u64::from(TilePath::WIDTH);
    let missing = || StoreError::Damaged("a bundle of the public log".into());
    let path = TilePath::in_log(TileKind::Entries, index / width, standing.size).ok_or_else(missing)?;
    let bundle = log.place.read(&path)?;
    let entries = entries_of(&path, &bundle).map_err(|_| missing())?;
    let leaf = usize::try_from(index % width).ok().and_then(|place| entries.get(place)).ok_or_else(missing)?;
    of(log, standing, index, leaf.to_vec()).map(Some)
}

/// The proof of a leaf at its place. It is checked before it is given to anybody: files can be damaged.
pub fn of(log: &PublicLog, standing: Standing, index: u64, leaf: Leaf) -> Result<TlogProof, Unpublished> {
    let Standing { size, root, checkpoint } = standing;
    let hashes = inclusion(index, size, &TileReader::new(&log.place, size))?;
    verify_inclusion(index, size, &TreeHash::of_leaf(&leaf), &hashes, &root)
        .map_err(|why| StoreError::Damaged(format!("leaf {index} of the public log: {why}")))?;
    Ok(TlogProof { extra: Some(leaf), index, hashes, checkpoint })
}

/// The index of a coupon's receipt, if it is sequenced.
fn index_of(log: &PublicLog, reader: &Reader, coupon: &Issued, leaf: &[u8]) -> Result<Option<u64>, StoreError> {
    let Some(last) = reader.sequenced(None)? else { return Ok(None) };
    // The first step that has the line with which it was issued.
    let (mut low, mut high) = (1, last.number + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if has(reader, &step(reader, middle)?, coupon)? { high = middle } else { low = middle + 1 }
    }
    if low > last.number {
        return Ok(None);
    }
    let from = if low == 1 { nothing(reader.cells()) } else { step(reader, low - 1)? };
    let until = step(reader, low)?;
    let leaves = log.with_campaigns(|campaigns| between(reader, campaigns, &from, &until))?;
    let place = leaves.iter().position(|other| other == leaf);
    let place = place.ok_or_else(|| StoreError::Damaged("a receipt is not in the public log".into()))?;
    Ok(Some(from.size + place as u64))
}

/// Whether the line with which a coupon was issued is among those of a step and all before it. The lines of a cell are in
/// the order of their times, and those that issue coupons of one campaign in that of the coupons.
fn has(reader: &Reader, step: &Sequenced, coupon: &Issued) -> Result<bool, StoreError> {
    let next = step.lines.get(usize::from(coupon.id.cell().0));
    let next = *next.ok_or_else(|| StoreError::Damaged("a step does not know all cells".into()))?;
    let cell = coupon.id.cell();
    let mut is_later = false;
    reader.for_each_transfer(TransferId::of_number(next).., |line| {
        if line.id.cell() != cell || line.at > coupon.collected_at {
            return ControlFlow::Break(());
        }
        let is_issue = line.movement.reason == Reason::Issue && line.campaign == coupon.id.campaign();
        is_later = line.at < coupon.collected_at
            || is_issue && line.movement.coupon.is_some_and(|first| first.number() <= coupon.id.number());
        if is_later || is_issue { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(!is_later)
}
