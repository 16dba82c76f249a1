//! The campaign of these tests: everything at one instant, so that what is moved about is not out of time.

use super::super::*;
use crate::verify::made_up::{Plan, Run as HonestRun};

pub(super) const STARTS: Instant = Instant(1_531_584_000_000); // 2018-07-15 in Beijing
const DAY_MS: i64 = 86_400_000;
const TIERS: [Tier; 3] = [
    Tier { face: 288_800, count: 2, split: true },
    Tier { face: 8800, count: 18, split: false },
    Tier { face: 888, count: 60, split: false },
];

/// A campaign that is run by the rules, and what it says.
pub(super) struct Run {
    run: HonestRun,
    statements: Vec<Statement>,
}

pub(super) fn campaign() -> String {
    "nz".into()
}

fn cell(number: usize) -> u16 {
    u16::try_from(number).unwrap()
}

impl Run {
    pub(super) fn new(cells: usize) -> Self {
        let stated_at = Instant(STARTS.0 - DAY_MS);
        let mut run = HonestRun::new(Plan {
            campaign: campaign(),
            secret: [7; 32],
            tiers: TIERS.to_vec(),
            cells: cell(cells),
            stated_at,
            starts_at: STARTS,
            ends_at: Instant(STARTS.0 + 62 * DAY_MS),
        });
        let budget = run.plan().budget();
        let statements = vec![run.rules(stated_at), run.fund(budget, stated_at), run.open(STARTS)];
        Self { run, statements }
    }

    pub(super) fn claim(&mut self, at: usize) {
        self.statements.extend(self.run.claim(cell(at), STARTS).map(Statement::Receipt));
    }

    pub(super) fn put_back(&mut self, at: usize, which: usize) {
        self.statements.extend(self.run.put_back(cell(at), which, STARTS));
    }

    pub(super) fn send(&mut self, from: usize, into: usize, count: u64) {
        self.statements.extend(self.run.send(cell(from), cell(into), count, STARTS));
    }

    pub(super) fn close(mut self) -> Vec<Statement> {
        let last = [self.run.end(STARTS), self.run.close(STARTS), self.run.reveal(STARTS)];
        self.statements.extend(last);
        self.statements
    }
}
