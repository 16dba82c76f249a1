//! Packets that move between cells: a claim finds the stock of its own cell empty, while others have some.

use koi_core::cells::{grant_size, half, move_packets};
use koi_core::fault::Fault;
use koi_core::id::{CampaignId, CampaignNo, Cell};
use koi_core::packet;
use koi_core::rows::Cells;
use koi_core::scene::Scene;
use koi_store::{Begun, Left, Notes, StoreError, Want};

use super::Pipeline;
use crate::limits;

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
    fn try_move(&mut self, campaign: CampaignNo, from: Cell, into: Cell) -> Result<bool, StoreError> {
        let slice = |cell| (cell, vec![Want::Slice(campaign)]);
        let Begun { mut cells, .. } = self.begin(|_| vec![slice(from.min(into)), slice(from.max(into))], None)?;
        let moved = self.moved(&mut cells, campaign, from, into);
        match moved {
            Ok(0) => {
                self.store.rollback();
                Ok(false)
            }
            Ok(_) => self.store.commit(&cells, &Notes::default()).map(|()| true),
            Err(fault) => {
                self.store.rollback();
                Err(fault.into())
            }
        }
    }

    fn moved(&self, cells: &mut Cells, number: CampaignNo, from: Cell, into: Cell) -> Result<u64, Fault> {
        let catalog = self.look();
        let campaign = catalog.campaign_numbered(number).ok_or(Fault::Missing("a campaign"))?;
        let left = packet::total(&cells.slice(from, number)?.left);
        let count = if from == Cell::TREASURY { grant_size(left, self.store.cells()) } else { half(left) };
        let scene =
            Scene { catalog: &catalog, settings: &self.settings, now: self.clock.now(), luck: &self.pools };
        move_packets(cells, &scene, campaign, from, into, count)
    }
}

/// The cell that packets come from: the treasury while it has any, else the one that has most.
fn source(left: &[Left], into: Cell) -> Option<Cell> {
    let total = |(_, left): &Left| left.iter().sum::<u64>();
    let has_some = |cell: Cell| left.iter().any(|entry| entry.0 == cell && total(entry) > 0);
    [into, Cell::TREASURY].into_iter().find(|cell| has_some(*cell)).or_else(|| {
        left.iter().filter(|entry| total(entry) > 0).max_by_key(|entry| total(entry)).map(|(cell, _)| *cell)
    })
}
