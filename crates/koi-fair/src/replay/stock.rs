//! A campaign's packets in one cell, as claims and moves take them and as they come back.

use super::finding::{Findings, Packet, Wrong};
use super::outline::Outline;
use crate::packet::PoolKey;
use crate::statement::{PutBack, Receipt, Sent};

/// Bits of a line's number within its cell: the number that a move is drawn by is `cell · 2⁵⁰ + line`.
const LINE_BITS: u32 = 50;
/// Set in what is kept of a claim once its packet went back.
const BACK: u8 = 0x80;
/// Kept of a claim whose packet nobody can know: there are fewer tiers than this.
const UNKNOWN: u8 = 0x7F;
/// Receipts that may be missing in a row for the replay to go on behind them.
const GAP_MAX: u64 = 10_000;
/// Packets of one move: a server grants no more at once.
pub(super) const MOVE_MAX: u64 = 4096;

/// The packets of a cell.
pub(super) struct Stock {
    left: Vec<u64>,
    /// The tier that each claim took, by its ordinal; [`BACK`] is set once it went back.
    taken: Vec<u8>,
    /// Claims whose packets nobody can know, and that did not go back.
    unknown: u64,
    moving: Option<Moving>,
    /// The line of the last move's statement.
    line: u64,
}

/// A move whose statements are being read.
struct Moving {
    line: u64,
    into: u16,
    before: Vec<u64>,
    counts: Vec<u64>,
}

impl Stock {
    pub(super) fn new(left: Vec<u64>) -> Self {
        Self { left, taken: Vec::new(), unknown: 0, moving: None, line: 0 }
    }

    pub(super) fn left(&self) -> &[u64] {
        &self.left
    }

    pub(super) fn issued(&self) -> u64 {
        self.taken.len() as u64
    }

    fn total(&self) -> u64 {
        sum(&self.left).saturating_sub(self.unknown)
    }

    /// Draws the packet of a claim again, and compares it with its receipt; without a key it takes the one that is stated.
    pub(super) fn take(
        &mut self,
        key: Option<&PoolKey>,
        receipt: &Receipt,
        outline: &Outline,
        findings: &mut Findings,
    ) {
        let (cell, ordinal) = (Some(receipt.cell), receipt.ordinal);
        if ordinal < self.issued() {
            return findings.add(cell, Wrong::Twice { ordinal });
        }
        // Those that are missing took their packets all the same, as far as there are any, and not too many are missing.
        if ordinal - self.issued() > GAP_MAX {
            return findings.add(cell, Wrong::Missing { ordinal: self.issued() });
        }
        while self.issued() < ordinal && self.total() > 0 {
            findings.add(cell, Wrong::Missing { ordinal: self.issued() });
            match key {
                Some(key) => _ = self.draw(key, receipt.cell),
                None => self.take_unknown(),
            }
        }
        if self.issued() < ordinal {
            return findings.add(cell, Wrong::Missing { ordinal: self.issued() });
        }
        if self.total() == 0 {
            return findings.add(cell, Wrong::Empty { ordinal });
        }
        let Some(key) = key else { return self.take_stated(receipt, outline, findings) };
        let Some(tier) = self.draw(key, receipt.cell) else {
            return findings.add(cell, Wrong::Empty { ordinal });
        };
        let found = Packet { face: receipt.face, split: receipt.split };
        let expected = outline.packet(tier);
        if expected != found {
            findings.add(cell, Wrong::Face { ordinal, expected, found });
        }
    }

    /// The tier of the next claim's packet; `None` when nothing is left.
    fn draw(&mut self, key: &PoolKey, cell: u16) -> Option<usize> {
        let pick = key.pick(u32::from(cell), self.issued(), self.total());
        let tier = take_at(&mut self.left, pick)?;
        self.taken.push(u8::try_from(tier).unwrap_or(UNKNOWN));
        Some(tier)
    }

    /// Takes the packet that a receipt states, as far as there can be such a one.
    fn take_stated(&mut self, receipt: &Receipt, outline: &Outline, findings: &mut Findings) {
        let (cell, face, split) = (Some(receipt.cell), receipt.face, receipt.split);
        let Some(tier) = outline.tier_of(face, split) else {
            findings.add(cell, Wrong::NoSuchTier { face, split });
            return self.take_unknown();
        };
        match self.left.get_mut(tier).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                self.taken.push(u8::try_from(tier).unwrap_or(UNKNOWN));
            }
            None => {
                findings.add(cell, Wrong::Empty { ordinal: receipt.ordinal });
                self.take_unknown();
            }
        }
    }

    /// A claim took a packet that nobody can know.
    fn take_unknown(&mut self) {
        self.unknown += 1;
        self.taken.push(UNKNOWN);
    }

    pub(super) fn put_back(&mut self, put_back: &PutBack, outline: &Outline, findings: &mut Findings) {
        let place = usize::try_from(put_back.ordinal).unwrap_or(usize::MAX);
        let packet = Packet { face: put_back.face, split: put_back.split };
        let out = self.taken.get_mut(place).filter(|tier| {
            **tier == UNKNOWN || **tier & BACK == 0 && outline.packet(usize::from(**tier)) == packet
        });
        match out {
            Some(tier) if *tier == UNKNOWN => {
                self.unknown = self.unknown.saturating_sub(1);
                *tier |= BACK;
            }
            Some(tier) => {
                if let Some(left) = self.left.get_mut(usize::from(*tier)) {
                    *left = left.saturating_add(1);
                }
                *tier |= BACK;
            }
            None => findings.add(Some(put_back.cell), Wrong::PutBack { ordinal: put_back.ordinal }),
        }
    }

    /// Takes what leaves the cell; which packets had to go is looked at when the whole move is known.
    pub(super) fn send(&mut self, key: Option<&PoolKey>, sent: &Sent, tier: usize, findings: &mut Findings) {
        if sent.line <= self.line || sent.line >> LINE_BITS > 0 {
            findings.add(Some(sent.cell), Wrong::Continues { line: sent.line });
        }
        self.line = self.line.max(sent.line);
        let continued = self.moving.as_mut().filter(|moving| sent.continues && moving.into == sent.into);
        match continued {
            Some(moving) => {
                if let Some(count) = moving.counts.get_mut(tier) {
                    *count = count.saturating_add(sent.count);
                }
            }
            None => {
                if sent.continues {
                    findings.add(Some(sent.cell), Wrong::Continues { line: sent.line });
                }
                self.settle_move(key, sent.cell, findings);
                let mut counts = vec![0; self.left.len()];
                if let Some(count) = counts.get_mut(tier) {
                    *count = sent.count;
                }
                let before = self.left.clone();
                self.moving = Some(Moving { line: sent.line, into: sent.into, before, counts });
            }
        }
        if let Some(left) = self.left.get_mut(tier) {
            // One that sends more than it has is found by its draw.
            *left = left.saturating_sub(sent.count);
        }
    }

    pub(super) fn receive(&mut self, tier: usize, count: u64) {
        if let Some(left) = self.left.get_mut(tier) {
            *left = left.saturating_add(count);
        }
    }

    /// Draws the packets of a move again whose statements are all read, and compares them.
    pub(super) fn settle_move(&mut self, key: Option<&PoolKey>, cell: u16, findings: &mut Findings) {
        let Some(Moving { line, mut before, counts, .. }) = self.moving.take() else { return };
        let Some(key) = key else {
            let more = counts.iter().zip(&before).any(|(count, before)| count > before);
            if more || sum(&counts) > MOVE_MAX {
                findings.add(Some(cell), Wrong::MoveOfMore { line });
            }
            return;
        };
        let number = (u64::from(cell) << LINE_BITS) | line;
        let count = sum(&counts);
        let mut total = sum(&before);
        let mut drawn = vec![0; counts.len()];
        for place in 0..count.min(total).min(MOVE_MAX) {
            if let Some(tier) = take_at(&mut before, key.pick_to_move(u32::from(cell), number, place, total)) {
                drawn[tier] += 1;
            }
            total -= 1;
        }
        if drawn != counts {
            findings.add(Some(cell), Wrong::Move { line, expected: drawn, found: counts });
        }
    }
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// Takes packet number `pick` of those that are left, in the order of the tiers, and answers its tier.
pub(crate) fn take_at(left: &mut [u64], pick: u64) -> Option<usize> {
    let mut rest = pick;
    for (tier, count) in left.iter_mut().enumerate() {
        if rest < *count {
            *count -= 1;
            return Some(tier);
        }
        rest -= *count;
    }
    None
}
