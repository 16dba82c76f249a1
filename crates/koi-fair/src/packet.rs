//! Which packet is drawn from a sealed stock: by a claim, or by a move to another cell.
//!
//! The operator commits to a secret before the campaign; public randomness of a later round is mixed in, so
//! that nobody can have picked a pool that they like. From then on every claim's packet is fixed by its
//! cell and ordinal, and can be recomputed once the secret is published. The stock is spread over cells; when
//! packets move between them, which ones go is fixed by the line of the ledger that tells of it, in the same way.
//!
//! # Example
//!
//! The first three claims of a cell that began with 25 packets:
//!
//! ```
//! use koi_fair::packet::{PoolKey, Tier, packets};
//!
//! let key = PoolKey::new(&[1; 32], &[2; 32], 3, &[4; 32]);
//! let tiers = [Tier { face: 288_800, count: 1 }, Tier { face: 8_800, count: 8 }, Tier { face: 888, count: 16 }];
//! let replay = packets(&key, 0, &tiers, 3)?;
//! assert_eq!(replay.faces.len(), 3);
//! assert_eq!(replay.left.iter().sum::<u64>(), 22);
//! # Ok::<(), koi_fair::packet::ReplayRefusal>(())
//! ```

use std::num::NonZeroU64;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::selection::first_below;

/// The key of a campaign's pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolKey(pub [u8; 32]);

impl PoolKey {
    /// `SHA256("koi/pool-key/v1\n" ‖ pool_secret ‖ chain_hash ‖ BE64(round) ‖ randomness)`.
    pub fn new(secret: &[u8; 32], chain_hash: &[u8; 32], round: u64, randomness: &[u8; 32]) -> Self {
        let hash = Sha256::new()
            .chain_update(b"koi/pool-key/v1\n")
            .chain_update(secret)
            .chain_update(chain_hash)
            .chain_update(round.to_be_bytes())
            .chain_update(randomness)
            .finalize();
        Self(hash.into())
    }

    /// The number, below `total`, of the packet that the claim with `ordinal` in `cell` takes: the first of
    /// `SHA256("koi/packet/v1\n" ‖ pool_key ‖ BE32(cell) ‖ BE64(ordinal) ‖ BE32(t))`, t = 0, 1, 2 …, below
    /// `floor(2²⁵⁶ / total) · total`, modulo `total`: without bias, by rejection. `total` must be above zero; for zero the answer is zero.
    ///
    /// Each try is rejected with a chance below `total / 2²⁵⁶`, so there is in practice one.
    pub fn pick(&self, cell: u32, ordinal: u64, total: u64) -> u64 {
        let claim = self.tagged(b"koi/packet/v1\n", cell).chain_update(ordinal.to_be_bytes());
        first_without_bias(&claim, total)
    }

    /// The number, below `total`, of the packet that a move out of `cell` takes: the first of
    /// `SHA256("koi/move/v1\n" ‖ pool_key ‖ BE32(cell) ‖ BE64(line) ‖ BE64(place) ‖ BE32(t))`, t = 0, 1, 2 …, below
    /// `floor(2²⁵⁶ / total) · total`, modulo `total`. `line` is the number of the first line of the ledger that the
    /// move writes in the cell, `place` the packet's place among those that it takes, from 0: each packet of each
    /// move is drawn by a hash of its own, and none by that of a claim.
    ///
    /// `total` must be above zero; for zero the answer is zero.
    pub fn pick_to_move(&self, cell: u32, line: u64, place: u64, total: u64) -> u64 {
        let numbers = [line.to_be_bytes(), place.to_be_bytes()];
        let packet = self.tagged(b"koi/move/v1\n", cell).chain_update(numbers.concat());
        first_without_bias(&packet, total)
    }

    /// `tag ‖ pool_key ‖ BE32(cell)`.
    fn tagged(&self, tag: &[u8], cell: u32) -> Sha256 {
        Sha256::new().chain_update(tag).chain_update(self.0).chain_update(cell.to_be_bytes())
    }
}

/// The number below `total` that the first fair one of `SHA256(begun ‖ BE32(t))`, t = 0, 1, 2 …, comes to.
fn first_without_bias(begun: &Sha256, total: u64) -> u64 {
    NonZeroU64::new(total).map_or(0, |total| {
        first_below(total, |attempt| begun.clone().chain_update(attempt.to_be_bytes()).finalize().into())
    })
}

/// `SHA256("koi/pool/v1\n" ‖ campaign_id ‖ 0x0A ‖ pool_secret)`: what is published before the campaign.
pub fn commitment(campaign_id: &str, secret: &[u8; 32]) -> [u8; 32] {
    let tagged = Sha256::new().chain_update(b"koi/pool/v1\n").chain_update(campaign_id);
    tagged.chain_update(b"\n").chain_update(secret).finalize().into()
}

/// One kind of packet in a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// What a packet of this tier is worth, in minor units.
    pub face: u64,
    /// How many packets of this tier the cell began with.
    pub count: u64,
}

/// What the claims of a cell came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The face of each claim's packet, by ordinal.
    pub faces: Vec<u64>,
    /// How many packets are left of each tier, in the table's order.
    pub left: Vec<u64>,
}

/// Why claims cannot be replayed, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplayRefusal {
    /// A stock of more packets than there are numbers.
    #[error("the stock has more than 2^64 - 1 packets")]
    TooLarge,
    /// More claims than packets.
    #[error("{claims} claims are asked for, but the stock has {packets} packets")]
    TooFewPackets {
        /// The claims.
        claims: u64,
        /// The packets.
        packets: u64,
    },
}

impl ReplayRefusal {
    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            ReplayRefusal::TooLarge => "too_large",
            ReplayRefusal::TooFewPackets { .. } => "too_few_packets",
        }
    }
}

/// The packets that the first `count` claims of a cell take, ordinals 0 to `count` − 1, from the stock that the cell began with. Each
/// takes number [`PoolKey::pick`] of the packets that remain, counted in the table's order.
///
/// Packets that were moved to or from the cell meanwhile, or put back, are not in it: replay up to there and go on with what was left.
///
/// # Errors
///
/// Every [`ReplayRefusal`].
pub fn packets(key: &PoolKey, cell: u32, tiers: &[Tier], count: u64) -> Result<Replay, ReplayRefusal> {
    let total =
        tiers.iter().try_fold(0_u64, |sum, tier| sum.checked_add(tier.count)).ok_or(ReplayRefusal::TooLarge)?;
    if count > total {
        return Err(ReplayRefusal::TooFewPackets { claims: count, packets: total });
    }
    let mut left: Vec<u64> = tiers.iter().map(|tier| tier.count).collect();
    let mut faces = Vec::new();
    for ordinal in 0..count {
        let mut rest = key.pick(cell, ordinal, total - ordinal);
        for (tier, left) in tiers.iter().zip(&mut left) {
            if rest < *left {
                *left -= 1;
                faces.push(tier.face);
                break;
            }
            rest -= *left;
        }
    }
    Ok(Replay { faces, left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_fixed_by_key_cell_and_ordinal() {
        let key = PoolKey::new(&[1; 32], &[2; 32], 3, &[4; 32]);
        // Computed by an independent implementation in Python, straight from the rule.
        assert_eq!(key.pick(0, 0, 100_000), PICK_0);
        assert_eq!(key.pick(1, 7, 100_000), PICK_1);
        assert_eq!(key.pick(0, 0, 1), 0);
        assert_eq!(key.pick(0, 0, 0), 0);
    }

    const PICK_0: u64 = 97_941;
    const PICK_1: u64 = 9_722;

    #[test]
    fn picks_of_a_move_are_fixed_by_key_cell_line_and_place() {
        let key = PoolKey::new(&[1; 32], &[2; 32], 3, &[4; 32]);
        // Computed by an independent implementation in Python, straight from the rule.
        for (cell, line, place, total, pick) in [
            (0, 1, 0, 100_000, 52_378),
            (0, 1, 1, 100_000, 43_830),
            (0, 2, 0, 100_000, 73_216),
            (1, 1, 0, 100_000, 91_848),
            (1023, (1023 << 50) | 77, 4095, (1 << 63) + 3, 2_332_178_625_247_021_558),
            (5, (1 << 63) - 1, 7, 97, 93),
            (0, 1, 0, 1, 0),
            (0, 1, 0, 0, 0),
        ] {
            assert_eq!(key.pick_to_move(cell, line, place, total), pick, "{cell} {line} {place} {total}");
        }
    }

    #[test]
    fn a_stock_is_used_up_exactly() {
        let key = PoolKey::new(&[9; 32], &[9; 32], 9, &[9; 32]);
        let tiers = [Tier { face: 100, count: 2 }, Tier { face: 10, count: 0 }, Tier { face: 1, count: 5 }];
        let replay = packets(&key, 3, &tiers, 7).unwrap();
        let mut faces = replay.faces.clone();
        faces.sort_unstable();
        assert_eq!((faces, replay.left), (vec![1, 1, 1, 1, 1, 100, 100], vec![0, 0, 0]));
        // Fewer claims are the first of more.
        let first = packets(&key, 3, &tiers, 4).unwrap();
        assert_eq!(first.faces, replay.faces[..4]);
        assert_eq!(first.left.iter().sum::<u64>(), 3);
    }

    #[test]
    fn more_claims_than_packets_are_refused() {
        let key = PoolKey([0; 32]);
        let of = |counts: &[u64], claims| {
            let tiers: Vec<Tier> = counts.iter().map(|count| Tier { face: 1, count: *count }).collect();
            packets(&key, 0, &tiers, claims).map(|replay| replay.faces.len())
        };
        assert_eq!(of(&[2, 1], 4), Err(ReplayRefusal::TooFewPackets { claims: 4, packets: 3 }));
        assert_eq!(of(&[], 1), Err(ReplayRefusal::TooFewPackets { claims: 1, packets: 0 }));
        assert_eq!(of(&[u64::MAX, 1], 1), Err(ReplayRefusal::TooLarge));
        assert_eq!(of(&[u64::MAX], 5), Ok(5));
        assert_eq!(of(&[], 0), Ok(0));
    }

    /// That 70,000 picks below 7 are spread evenly.
    fn spreads(pick: impl Fn(u64) -> u64) {
        let mut counts = [0_u32; 7];
        for number in 0..70_000 {
            counts[usize::try_from(pick(number)).unwrap()] += 1;
        }
        // Chi-square with 6 degrees of freedom; 22.5 is passed by chance once in a thousand.
        let off: u64 = counts.iter().map(|count| u64::from(count.abs_diff(10_000)).pow(2)).sum();
        assert!(off / 10_000 < 22, "{counts:?}");
    }

    #[test]
    fn picks_spread_evenly() {
        let key = PoolKey::new(&[9; 32], &[9; 32], 9, &[9; 32]);
        spreads(|ordinal| key.pick(0, ordinal, 7));
        spreads(|place| key.pick_to_move(0, 1, place, 7));
        spreads(|line| key.pick_to_move(0, line, 0, 7));
        spreads(|number| key.pick_to_move(3, number / 64, number % 64, 7));
    }
}
