//! What goes between cells: each line has a counterpart in the other cell, and packets bring the money along that
//! backs them.

use super::{Audit, Place, stirred};
use crate::id::Cell;
use crate::ledger::{Account, Reason, Transfer, Way};
use crate::packet::Tier;

/// The cell that a line between cells names, whatever it names.
fn other(line: &Transfer) -> Option<Cell> {
    u16::try_from(line.movement.subject).ok().map(Cell)
}

/// Which way a line goes between cells, if it does.
fn way(line: &Transfer) -> Option<Way> {
    match (line.movement.reason, line.movement.debit, line.movement.credit) {
        (Reason::Move | Reason::Gather, Account::Free, Account::Moved) => other(line).map(Way::Into),
        (Reason::Move | Reason::Gather, Account::Moved, Account::Free) => other(line).map(Way::From),
        _ => None,
    }
}

/// What a line and its counterpart have in common, as one number; `into`: the cell that takes.
fn number(line: &Transfer, into: Cell) -> u64 {
    let movement = &line.movement;
    let what = (u64::from(movement.reason.number()) << 32) | u64::from(movement.part);
    let many = (u64::from(into.0) << 32) | u64::from(line.count);
    let values = [what, many, movement.amount.cast_unsigned(), line.at.ms().cast_unsigned()];
    values.into_iter().fold(0, stirred)
}

/// Whether packets move together with those of the line before: from the same cell to the same one, a later tier.
fn is_continued(before: &Transfer, line: &Transfer) -> bool {
    let same = before.campaign == line.campaign && before.at == line.at && way(before) == way(line);
    same && before.movement.reason == Reason::Move && before.movement.tier() < line.movement.tier()
}

impl Audit<'_> {
    /// Whether a line is about packets of the campaign and another cell of the installation.
    pub(super) fn moves_packets(&self, line: &Transfer) -> bool {
        let placed =
            !line.movement.continues() || self.last_line.is_some_and(|before| is_continued(&before, line));
        placed && self.tier_of(line).is_some() && self.names_another_cell(line)
    }

    /// Whether a line is about free money of another cell that comes to the treasury.
    pub(super) fn gathers(&self, line: &Transfer) -> bool {
        let into = match way(line) {
            Some(Way::Into(other)) => Some(other),
            Some(Way::From(_)) => Some(line.id.cell()),
            None => None,
        };
        into == Some(Cell::TREASURY) && self.names_another_cell(line)
    }

    fn names_another_cell(&self, line: &Transfer) -> bool {
        let there = other(line).filter(|cell| cell.0 < self.known.cells);
        line.movement.coupon.is_none() && there.is_some_and(|cell| cell != line.id.cell())
    }

    fn tier_of(&self, line: &Transfer) -> Option<Tier> {
        self.campaign(line.campaign)?.rules.packets.get(line.movement.tier()).copied()
    }

    /// Takes a line that may go between cells.
    pub(super) fn between_cells(&mut self, line: &Transfer) {
        let Some(way) = way(line) else { return };
        let (own, number) = (line.id.cell(), |into| number(line, into));
        let (from, change) = match way {
            Way::Into(other) => (own, number(other)),
            Way::From(other) => (other, number(own).wrapping_neg()),
        };
        let given = self.given.entry((from, line.campaign)).or_default();
        *given = given.wrapping_add(change);
        if line.movement.reason == Reason::Move {
            self.packets(line, way);
        }
    }

    fn packets(&mut self, line: &Transfer, way: Way) {
        let Some(tier) = self.tier_of(line) else { return };
        let count = i128::from(line.count);
        let worth = i128::from(tier.face) * count;
        if i128::from(line.movement.amount) != worth {
            let amount = line.movement.amount;
            self.broken(format!(
                "transfer {}: it moves {amount} with {count} packets, which are worth {worth}",
                line.id
            ));
        }
        let sums = self.sums.get_mut(&(line.id.cell(), line.campaign));
        if let Some(moved) = sums.and_then(|sums| sums.moved.get_mut(line.movement.tier())) {
            *moved += match way {
                Way::Into(_) => -count,
                Way::From(_) => count,
            };
        }
    }

    /// Names the slices of which others did not take what they gave.
    pub(super) fn counterparts(&mut self) {
        let mut given: Vec<(Place, u64)> = std::mem::take(&mut self.given).into_iter().collect();
        given.sort_unstable();
        for (place, _) in given.into_iter().filter(|(_, sum)| *sum != 0) {
            let name = self.name(place);
            self.broken(format!("{name}: what it gave to other cells is not what they took"));
        }
    }
}
