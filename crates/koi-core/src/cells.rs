//! Packets between cells: how many go, and the move itself.
//!
//! A campaign's whole stock begins in the treasury. A cell that has none left is granted a part of what is there,
//! and the parts shrink with it, so that the packets spread over the cells in which people ask for them. Once the
//! treasury is empty, a cell that has packets gives half of them to one that has none. So an empty slice never
//! means by itself that a campaign is sold out.
//!
//! A move keeps the books of both cells exact: packets take the money along that backs them.

use std::collections::BTreeMap;

use crate::campaign::{Campaign, State};
use crate::fault::Fault;
use crate::id::Cell;
use crate::ledger::Way;
use crate::limits;
use crate::packet;
use crate::rows::{Cells, Changes, Move};
use crate::scene::{Pick, Scene};

/// How many packets the treasury, in which so many are left, grants at once: half of a cell's even share, rounded up.
/// It is 0 only when nothing is left.
pub fn grant_size(left: u64, cells: u16) -> u64 {
    left.div_ceil(2 * u64::from(cells.max(1))).min(limits::GRANT)
}

/// How many packets a cell in which so many are left gives to one that has none: half, rounded up. It is 0 only when
/// nothing is left.
pub fn half(left: u64) -> u64 {
    left.div_ceil(2).min(limits::GRANT)
}

/// Moves so many packets of a campaign, or all there are, to another cell, and answers how many went. Luck chooses
/// each, without replacement. A fault leaves both cells as they were.
pub fn move_packets(
    cells: &mut Cells,
    scene: &Scene,
    campaign: &Campaign,
    from: Cell,
    into: Cell,
    count: u64,
) -> Result<u64, Fault> {
    if from == into {
        return Err(Fault::Broken("packets move from a cell to itself"));
    }
    is_backed(campaign)?;
    let drawn = draw(cells, scene, campaign, from, count)?;
    let changes = [(from, Way::Into(into)), (into, Way::From(from))]
        .map(|(cell, way)| Ok((cell, Changes { moved: moves(campaign, &drawn, way)?, ..Changes::default() })));
    let changes = changes.into_iter().collect::<Result<BTreeMap<Cell, Changes>, Fault>>()?;
    cells.apply(changes, scene.now)?;
    Ok(packet::total(&drawn))
}

/// Before a campaign opens, and once it is closed, no money backs its packets.
fn is_backed(campaign: &Campaign) -> Result<(), Fault> {
    match campaign.state {
        State::Open | State::Paused { .. } | State::Ended { .. } => Ok(()),
        State::Draft | State::InReview | State::Approved | State::Closed { .. } => {
            Err(Fault::Broken("packets move that no money backs"))
        }
    }
}

/// Draws packets of a cell one by one, and answers how many of each tier.
fn draw(cells: &Cells, scene: &Scene, campaign: &Campaign, from: Cell, count: u64) -> Result<Vec<u64>, Fault> {
    let mut left = cells.slice(from, campaign.number)?.left.clone();
    let mut drawn = vec![0; left.len()];
    let line = cells.of(from)?.next_line().number();
    let total = packet::total(&left);
    for place in 0..count.min(total) {
        let pick = scene.luck.pick(campaign, from, Pick::Move { line, place }, total - place)?;
        let tier = packet::at(&left, pick)?;
        left[tier] -= 1;
        drawn[tier] += 1;
    }
    Ok(drawn)
}

/// The moves that take packets along, or bring them: one for each tier of which there are any.
fn moves(campaign: &Campaign, drawn: &[u64], way: Way) -> Result<Vec<Move>, Fault> {
    let some = drawn.iter().enumerate().filter(|(_, count)| **count > 0);
    some.enumerate()
        .map(|(before, (place, count))| {
            let tier = campaign.rules.packets.get(place).ok_or(Fault::Missing("a packet's tier"))?;
            let count = u32::try_from(*count).map_err(|_| Fault::Overflow)?;
            Ok(Move {
                campaign: campaign.number,
                tier: u16::try_from(place).map_err(|_| Fault::Overflow)?,
                count,
                amount: tier.face.checked_mul(i64::from(count)).ok_or(Fault::Overflow)?,
                way,
                continues: before > 0,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_half_of_an_even_share_and_within_its_limit() {
        for (left, cells, size) in [
            (0, 1, 0),
            (1, 1, 1),
            (2, 1, 1),
            (3, 1, 2),
            (100, 5, 10),
            (101, 5, 11),
            (1, 1024, 1),
            (2048, 1024, 1),
            (2049, 1024, 2),
            (8192, 1, 4096),
            (8193, 1, 4096),
            (u64::MAX, 1, 4096),
            (u64::MAX, 1024, 4096),
            (10, 0, 5),
        ] {
            assert_eq!(grant_size(left, cells), size, "{left} packets, {cells} cells");
        }
    }

    #[test]
    fn grants_use_a_stock_up() {
        for cells in [1, 2, 5, 64, 1024] {
            let (mut left, mut grants) = (100_000, 0);
            while left > 0 {
                left -= grant_size(left, cells);
                grants += 1;
            }
            assert!(grants <= 100_000 / 4096 + u64::from(cells) * 2 * 12, "{cells} cells: {grants} grants");
        }
    }

    #[test]
    fn half_of_what_is_left_is_rounded_up_and_within_the_limit() {
        for (left, gives) in [(0, 0), (1, 1), (2, 1), (3, 2), (8192, 4096), (8193, 4096), (u64::MAX, 4096)] {
            assert_eq!(half(left), gives, "{left}");
        }
    }
}
