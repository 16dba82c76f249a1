//! The stock: a finite table of packets, drawn without replacement.
//!
//! The stock is used up exactly, and the last packet is no special case: a claim takes packet number
//! `v` of those that remain, in the table's order, where `v` is drawn by the rule of the sealed stock
//! (which lives with the rest of verifiable luck, and enters here as a value).

use crate::fault::Fault;

/// One kind of packet in a campaign's stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// What a packet of this tier is worth, in minor units of the campaign's currency; above zero.
    pub face: i64,
    /// How many packets of this tier the campaign has; above zero.
    pub count: u64,
    /// Whether a coupon of this tier may be spent over several purchases.
    pub split: bool,
}

/// The exact value of a stock, and so the budget that it needs; `None` above 2⁶³ − 1.
pub fn budget(tiers: &[Tier]) -> Option<i64> {
    value(tiers, &tiers.iter().map(|tier| tier.count).collect::<Vec<_>>())
}

/// The value of the packets that are left.
pub fn value(tiers: &[Tier], left: &[u64]) -> Option<i64> {
    tiers
        .iter()
        .zip(left)
        .try_fold(0_i64, |sum, (tier, left)| sum.checked_add(tier.face.checked_mul(i64::try_from(*left).ok()?)?))
}

/// How many packets are left, of all tiers.
pub fn total(left: &[u64]) -> u64 {
    left.iter().sum()
}

/// The tier of packet number `pick` of those that are left, in the table's order.
pub fn at(left: &[u64], pick: u64) -> Result<usize, Fault> {
    let mut rest = pick;
    for (tier, count) in left.iter().enumerate() {
        if rest < *count {
            return Ok(tier);
        }
        rest -= count;
    }
    Err(Fault::Broken("a packet was drawn that the stock does not have"))
}

/// Adds the packets of another cell, tier by tier.
pub fn add(left: &mut [u64], more: &[u64]) -> Result<(), Fault> {
    if left.len() != more.len() {
        return Err(Fault::Broken("the slices of a campaign have different tiers"));
    }
    for (count, more) in left.iter_mut().zip(more) {
        *count = count.checked_add(*more).ok_or(Fault::Overflow)?;
    }
    Ok(())
}

/// Puts a packet back.
pub fn put_back(left: &mut [u64], tier: usize) -> Result<(), Fault> {
    let count = left.get_mut(tier).ok_or(Fault::Missing("a packet's tier"))?;
    *count += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIERS: [Tier; 3] = [
        Tier { face: 288_800, count: 1, split: true },
        Tier { face: 8800, count: 3, split: false },
        Tier { face: 888, count: 2, split: false },
    ];

    #[test]
    fn the_budget_is_the_exact_sum() {
        assert_eq!(budget(&TIERS), Some(288_800 + 26_400 + 1776));
        assert_eq!(budget(&[Tier { face: i64::MAX, count: 2, split: false }]), None);
        assert_eq!(budget(&[Tier { face: 1, count: u64::MAX, split: false }]), None);
    }

    #[test]
    fn picks_follow_the_tables_order() {
        for (pick, tier) in [(0, 0), (1, 1), (3, 1), (4, 2), (5, 2)] {
            assert_eq!(at(&[1, 3, 2], pick), Ok(tier), "pick {pick}");
        }
        assert!(at(&[1, 3, 2], 6).is_err());
        assert!(at(&[0, 0, 0], 0).is_err());
    }

    #[test]
    fn packets_of_cells_are_added_tier_by_tier() {
        let mut left = [1, 0, 2];
        add(&mut left, &[0, 3, 5]).unwrap();
        assert_eq!(left, [1, 3, 7]);
        assert!(matches!(add(&mut left, &[1, 1]), Err(Fault::Broken(_))));
        assert_eq!(add(&mut left, &[u64::MAX, 0, 0]), Err(Fault::Overflow));
    }

    #[test]
    fn a_packet_put_back_counts_again() {
        let mut left = [0, 0, 0];
        put_back(&mut left, 1).unwrap();
        assert_eq!((value(&TIERS, &left), total(&left)), (Some(8800), 1));
        assert!(put_back(&mut left, 3).is_err());
    }
}
