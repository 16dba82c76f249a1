//! Packets that move between cells: a claim finds the stock of its own cell empty, while others have some.

use koi_core::id::{CampaignId, CampaignNo, Cell};
use koi_store::{Left, StoreError};

use super::Pipeline;
use crate::limits;

/// The cell into which a campaign is funded and its stock is put; the others get theirs from it.
const TREASURY: Cell = Cell(0);

impl Pipeline {
    /// Moves packets into cells whose stock claims found empty; false when no cell has any.
    pub(super) fn move_packets(&mut self, campaign: &CampaignId, cells: &[Cell]) -> Result<bool, StoreError> {
        let number = self.look().campaign(campaign).map(|campaign| campaign.number);
        let (Some(number), true) = (number, self.store.cells() > 1) else { return Ok(false) };
        let mut moved = false;
        for cell in cells {
            moved |= self.fill(*cell, number)?;
        }
        Ok(moved)
    }

    /// Moves packets into a cell; false when no cell has any.
    fn fill(&mut self, cell: Cell, campaign: CampaignNo) -> Result<bool, StoreError> {
        for _ in 0..limits::ATTEMPTS {
            let Some(source) = source(&self.store.left(campaign)?, cell) else { return Ok(false) };
            // Somebody else filled it meanwhile.
            if source == cell || self.again(|pipeline| pipeline.try_move(campaign, source, cell))? {
                return Ok(true);
            }
        }
        // There are some, but others were always faster.
        Ok(true)
    }

    /// Moves packets from one cell into another; false when there was nothing left to move.
    fn try_move(&mut self, _campaign: CampaignNo, _from: Cell, _into: Cell) -> Result<bool, StoreError> {
        todo!()
    }
}

/// The cell that packets come from: the treasury while it has any, else the one that has most.
fn source(left: &[Left], into: Cell) -> Option<Cell> {
    let total = |(_, left): &Left| left.iter().sum::<u64>();
    let has_some = |cell: Cell| left.iter().any(|entry| entry.0 == cell && total(entry) > 0);
    [into, TREASURY].into_iter().find(|cell| has_some(*cell)).or_else(|| {
        left.iter().filter(|entry| total(entry) > 0).max_by_key(|entry| total(entry)).map(|(cell, _)| *cell)
    })
}
