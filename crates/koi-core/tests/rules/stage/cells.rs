//! The stage's cells: which one a command is about, and packets that move between them.

use koi_core::campaign::Campaign;
use koi_core::cells::move_packets;
use koi_core::command::{Command, Shopper};
use koi_core::id::Cell;
use koi_core::rows::Rows;

use super::Stage;

impl Stage {
    /// The working set of the treasury, which is the only cell of most tests.
    pub(crate) fn rows(&self) -> &Rows {
        self.cells.treasury().expect("the treasury")
    }

    pub(crate) fn rows_mut(&mut self) -> &mut Rows {
        self.cells.get_mut(Cell::TREASURY).expect("the treasury")
    }

    pub(crate) fn rows_of(&self, cell: Cell) -> &Rows {
        self.cells.get(cell).expect("a cell of the stage")
    }

    /// The cell in which a command is carried out.
    pub(crate) fn cell_of(&self, command: &Command) -> Cell {
        let home = |shopper: &Shopper| shopper.key.cell(self.settings.cells);
        match command {
            Command::Claim(claim) => home(&claim.shopper),
            Command::Quote(purchase) => home(&purchase.shopper),
            Command::CancelQuote(id) | Command::Pay(id) => id.cell(),
            Command::CancelPayment(id) | Command::Refund(id, _) => id.cell(),
            Command::Void(id) => id.cell(),
        }
    }

    /// Moves packets of the campaign between cells, and answers how many went.
    pub(crate) fn move_packets(&mut self, from: u16, into: u16, count: u64) -> u64 {
        let campaign = self.campaign();
        self.move_packets_of(&campaign, Cell(from), Cell(into), count)
    }

    pub(crate) fn move_packets_of(&mut self, campaign: &Campaign, from: Cell, into: Cell, count: u64) -> u64 {
        let moved = self.scene_of_all(|cells, scene| move_packets(cells, scene, campaign, from, into, count));
        self.flush();
        moved.expect("packets move")
    }
}
