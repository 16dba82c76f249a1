//! Indices below n from a seed, one after the other, without those that may not be taken.

use std::collections::HashSet;
use std::num::NonZeroU64;

use sha2::{Digest, Sha256};

use super::{DrawRefusal, Exclusions, INDICES_MAX, Seed};
use crate::selection::first_below;

/// What the blocks are for; each has a tag of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    /// Winner and reserves.
    Draw,
    /// The audit sample.
    Audit,
}

impl Blocks {
    fn tag(self) -> &'static [u8] {
        match self {
            Blocks::Draw => b"koi/block/v1\n",
            Blocks::Audit => b"koi/audit/v1\n",
        }
    }
}

/// What was found, and what was in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// The indices asked for, in the order in which they were found.
    pub(super) found: Vec<u64>,
    /// The excluded indices that were met and passed over, in the order in which they were met, each once.
    pub(super) skipped: Vec<u64>,
}

/// `asked` indices that are neither excluded nor among `before`, each once. `before` has every index once, and none that is excluded.
pub(super) fn take(
    blocks: Blocks,
    seed: &Seed,
    entries: u64,
    exclusions: &Exclusions,
    before: &[u64],
    asked: u64,
) -> Result<Taken, DrawRefusal> {
    if let Some(index) = exclusions.last().filter(|index| *index >= entries) {
        return Err(DrawRefusal::ExcludedNobody { index, entries });
    }
    let gone = exclusions.count().saturating_add(before.len() as u64);
    let available = entries.saturating_sub(gone);
    if asked > available {
        return Err(DrawRefusal::TooFewEntries { asked, available, entries });
    }
    if asked > u64::from(INDICES_MAX) {
        return Err(DrawRefusal::TooMany { asked });
    }
    let mut taken = Taken::default();
    // Without entries, none were asked for.
    let Some(entries) = NonZeroU64::new(entries) else { return Ok(taken) };
    let mut met: HashSet<u64> = before.iter().copied().collect();
    let begun = Sha256::new().chain_update(blocks.tag()).chain_update(seed.0);
    let mut j = 0..=u32::MAX;
    while (taken.found.len() as u64) < asked {
        let j = j.next().ok_or(DrawRefusal::BlocksExhausted)?;
        let of_j = begun.clone().chain_update(j.to_be_bytes());
        let index = first_below(entries, |c| of_j.clone().chain_update(c.to_be_bytes()).finalize().into());
        if met.insert(index) {
            let of = if exclusions.contains(index) { &mut taken.skipped } else { &mut taken.found };
            of.push(index);
        }
    }
    Ok(taken)
}
