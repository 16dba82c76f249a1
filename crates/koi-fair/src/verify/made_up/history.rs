//! What three campaigns say while they run side by side.

use std::collections::{BTreeMap, VecDeque};

use super::dice::Dice;
use super::run::{Plan, Run};
use crate::replay::Tier;
use crate::statement::{Instant, Statement};

/// 2018-07-15T00:00:00Z.
const STARTS: Instant = Instant(1_531_612_800_000);
const DAY_MS: i64 = 86_400_000;
/// Cells of each campaign.
const CELLS: u16 = 4;
/// Statements of cells that wait at most before they are mixed into the log.
const QUEUED_MAX: usize = 500;

/// Three campaigns with so many claims together. The first is ended early and closed, the second is closed after its end,
/// the third still runs.
pub(super) fn history(claims: u64, seed: u64) -> Vec<Statement> {
    let mut dice = Dice::new(seed);
    let shares = [claims.div_ceil(2), claims / 3];
    let rest = claims - shares[0] - shares[1];
    let names = ["spring", "lantern", "harbour"];
    let plans = names.into_iter().zip([shares[0], shares[1], rest]).zip([60, 61, 365]);
    let runs = plans.map(|((name, claims), days)| (Run::new(plan(name, claims, days, dice.bytes())), claims));
    let mut told = History { runs: runs.collect(), dice, now: STARTS, queues: BTreeMap::new(), said: Vec::new() };
    told.open();
    // A tenth of the third one's claims is made when the others are closed already.
    let late = rest / 10;
    told.runs[2].1 -= late;
    told.go_on();
    told.now = Instant(STARTS.0 + 59 * DAY_MS);
    told.close(0, true);
    told.now = Instant(STARTS.0 + 61 * DAY_MS);
    told.close(1, false);
    told.runs[2].1 = late;
    told.go_on();
    told.mix();
    told.said
}

fn plan(name: &str, claims: u64, days: i64, secret: [u8; 32]) -> Plan {
    let tier = |face, count, split| Tier { face, count, split };
    Plan {
        campaign: name.to_owned(),
        secret,
        tiers: vec![
            tier(288_800, claims / 100 + 1, true),
            tier(8800, claims / 5 + 1, false),
            tier(888, claims + 10, false),
        ],
        cells: CELLS,
        stated_at: Instant(STARTS.0 - DAY_MS),
        starts_at: STARTS,
        ends_at: Instant(STARTS.0 + days * DAY_MS),
    }
}

struct History {
    /// The campaigns, and how many claims each still gets.
    runs: Vec<(Run, u64)>,
    dice: Dice,
    now: Instant,
    /// What cells said that may still change places with what other cells said.
    queues: BTreeMap<(usize, u16), VecDeque<Statement>>,
    said: Vec<Statement>,
}

impl History {
    fn open(&mut self) {
        for (run, _) in &mut self.runs {
            let (stated_at, budget) = (run.plan().stated_at, run.plan().budget());
            self.said.extend([run.rules(stated_at), run.fund(budget / 3, stated_at)]);
        }
        for (run, _) in &mut self.runs {
            let (stated_at, budget) = (run.plan().stated_at, run.plan().budget());
            self.said.push(run.fund(budget - budget / 3, Instant(stated_at.0 + 1)));
        }
        for (run, _) in &self.runs {
            self.said.push(run.open(STARTS));
        }
    }

    /// Until every campaign had its claims.
    fn go_on(&mut self) {
        loop {
            let to_come: u64 = self.runs.iter().map(|(_, claims)| claims).sum();
            if to_come == 0 {
                break;
            }
            let mut place = self.dice.below(to_come);
            let mut which = 0;
            while place >= self.runs[which].1 {
                place -= self.runs[which].1;
                which += 1;
            }
            self.step(which);
        }
    }

    fn step(&mut self, which: usize) {
        self.now.0 += 1 + i64::try_from(self.dice.below(30)).unwrap_or(0);
        let cell = self.cell();
        if self.dice.happens(40) {
            let place = usize::try_from(self.dice.below(1 << 30)).unwrap_or(0);
            let back = self.runs[which].0.put_back(cell, place, self.now);
            self.queue(which, back);
        }
        if self.dice.happens(20) {
            let (into, count) = (self.cell(), 1 + self.dice.below(40));
            let moved = self.runs[which].0.send(cell, into, count, self.now);
            self.queue(which, moved);
        }
        if self.dice.happens(5) {
            self.interrupt(which);
        }
        self.claim(which, cell);
        if self.queues.values().map(VecDeque::len).sum::<usize>() > QUEUED_MAX {
            self.mix();
        }
    }

    /// A claim in a cell, which gets packets from the one that has most if it has none.
    fn claim(&mut self, which: usize, cell: u16) {
        let (run, to_come) = &mut self.runs[which];
        let mut said = Vec::new();
        if run.left(cell) == 0 {
            let from = (0..CELLS).max_by_key(|cell| run.left(*cell)).unwrap_or(0);
            said = run.send(from, cell, 1 + run.left(from) / 4, self.now);
        }
        said.extend(run.claim(cell, self.now).map(Statement::Receipt));
        *to_come -= 1;
        self.queue(which, said);
    }

    /// The operator says something: of the weather, of its rules, of money.
    fn interrupt(&mut self, which: usize) {
        self.mix();
        let choice = self.dice.below(3);
        let run = &mut self.runs[which].0;
        match choice {
            0 => self.said.extend([run.pause(self.now), run.resume(Instant(self.now.0 + 1))]),
            1 => self.said.push(run.rules(self.now)),
            _ => self.said.push(run.fund(100_000, self.now)),
        }
        self.now.0 += 1;
    }

    fn close(&mut self, which: usize, early: bool) {
        self.mix();
        let run = &self.runs[which].0;
        if early {
            self.said.push(run.end(self.now));
        }
        self.said.extend([run.close(self.now), run.reveal(self.now)]);
    }

    fn cell(&mut self) -> u16 {
        u16::try_from(self.dice.below(CELLS.into())).unwrap_or(0)
    }

    fn queue(&mut self, which: usize, said: impl IntoIterator<Item = Statement>) {
        for statement in said {
            let cell = statement.cell().unwrap_or(0);
            self.queues.entry((which, cell)).or_default().push_back(statement);
        }
    }

    /// Everything that waits is said: of each cell in its order, of several in any.
    fn mix(&mut self) {
        let mut queues: Vec<_> = std::mem::take(&mut self.queues).into_values().collect();
        while !queues.is_empty() {
            let place = usize::try_from(self.dice.below(queues.len() as u64)).unwrap_or(0);
            match queues[place].pop_front() {
                Some(statement) => self.said.push(statement),
                None => _ = queues.swap_remove(place),
            }
        }
    }
}
