//! A campaign that is run by the rules: what a server does, in its simplest form.

use serde_json::json;

use super::super::*;
use crate::beacon::{Chain, local};
use crate::packet::commitment;
use crate::statement::{Beacon, Change, Fund, Hex32, Money, Opening, Reveal, Rules};

pub(super) const STARTS: Instant = Instant(1_531_584_000_000); // 2018-07-15 in Beijing
pub(super) const SECRET: [u8; 32] = [7; 32];
pub(super) const FACES: [(i64, u64, bool); 3] = [(288_800, 2, true), (8800, 18, false), (888, 60, false)];

/// A campaign that is run by the rules, one statement after the other: what a server does, in its simplest form.
pub(super) struct Run {
    statements: Vec<Statement>,
    key: PoolKey,
    left: Vec<Vec<u64>>,
    taken: Vec<Vec<(usize, bool)>>,
    lines: Vec<u64>,
}

pub(super) fn money(value: i64) -> Money {
    Money { currency: "CNY".into(), value }
}

pub(super) fn campaign() -> String {
    "nz".into()
}

impl Run {
    pub(super) fn new(cells: usize) -> Self {
        let chain = Chain::local();
        let stated_at = Instant(STARTS.0 - 86_400_000);
        let round = sealing_round(&chain, STARTS, stated_at);
        let beacon = local::sign(round);
        let randomness = local::local_randomness(round);
        let packets: Vec<_> = FACES
            .iter()
            .map(|(face, count, split)| json!({"face": face, "count": count, "split": split}))
            .collect();
        let budget = FACES.iter().map(|(face, count, _)| face * i64::try_from(*count).unwrap()).sum();
        let rules = Rules {
            at: stated_at,
            beacon: Beacon { chain: Hex32(*chain.hash()), local: true, round },
            campaign: campaign(),
            document: json!({
                "starts_at": "2018-07-15T00:00:00+08:00", "ends_at": "2018-09-15T00:00:00+08:00", "packets": packets, "currency": "CNY",
            }),
            pool: Hex32(commitment("nz", &SECRET)),
            revision: 1,
        };
        let opening = Opening {
            at: STARTS,
            campaign: campaign(),
            randomness: Hex32(randomness),
            round,
            signature: hex::encode(&beacon.signature),
        };
        let mut left = vec![vec![0; FACES.len()]; cells];
        left[0] = FACES.iter().map(|(_, count, _)| *count).collect();
        Self {
            statements: vec![
                Statement::Rules(rules),
                Statement::Fund(Fund { amount: money(budget), at: stated_at, campaign: campaign() }),
                Statement::Opening(opening),
            ],
            key: PoolKey::new(&SECRET, chain.hash(), round, &randomness),
            left,
            taken: vec![Vec::new(); cells],
            lines: vec![1; cells],
        }
    }

    pub(super) fn claim(&mut self, cell: usize) {
        let total = self.left[cell].iter().sum::<u64>();
        if total == 0 {
            return;
        }
        let (at, ordinal) = (u16::try_from(cell).unwrap(), self.taken[cell].len() as u64);
        let tier = stock::take_at(&mut self.left[cell], self.key.pick(at.into(), ordinal, total)).unwrap();
        self.taken[cell].push((tier, true));
        self.lines[cell] += 1;
        let (face, _, split) = FACES[tier];
        let coupon = format!("cpn_{cell}.{ordinal}");
        let receipt =
            Receipt { at: STARTS, campaign: campaign(), cell: at, coupon, face, ordinal, revision: 1, split };
        self.statements.push(Statement::Receipt(receipt));
    }

    pub(super) fn put_back(&mut self, cell: usize, which: usize) {
        let out: Vec<usize> = (0..self.taken[cell].len()).filter(|place| self.taken[cell][*place].1).collect();
        let Some(place) = out.get(which % out.len().max(1)) else { return };
        let (tier, _) = self.taken[cell][*place];
        self.taken[cell][*place].1 = false;
        self.left[cell][tier] += 1;
        self.lines[cell] += 1;
        let (face, _, split) = FACES[tier];
        let (cell, ordinal) = (u16::try_from(cell).unwrap(), *place as u64);
        let put_back = PutBack { at: STARTS, campaign: campaign(), cell, face, ordinal, split };
        self.statements.push(Statement::PutBack(put_back));
    }

    pub(super) fn send(&mut self, from: usize, into: usize, count: u64) {
        if from == into {
            return;
        }
        let line = self.lines[from];
        let number = ((from as u64) << 50) | line;
        let total = self.left[from].iter().sum::<u64>();
        let mut drawn = vec![0; FACES.len()];
        for place in 0..count.min(total) {
            let pick = self.key.pick_to_move(u32::try_from(from).unwrap(), number, place, total - place);
            drawn[stock::take_at(&mut self.left[from], pick).unwrap()] += 1;
        }
        let (from_cell, into_cell) = (u16::try_from(from).unwrap(), u16::try_from(into).unwrap());
        let some = || drawn.iter().enumerate().filter(|(_, count)| **count > 0);
        for (place, (tier, count)) in some().enumerate() {
            let (face, _, split) = FACES[tier];
            let line = line + place as u64;
            self.statements.push(Statement::Sent(Sent {
                at: STARTS,
                campaign: campaign(),
                cell: from_cell,
                continues: place > 0,
                count: *count,
                face,
                into: into_cell,
                line,
                split,
            }));
            self.lines[from] += 1;
        }
        for (tier, count) in some() {
            let (face, _, split) = FACES[tier];
            self.statements.push(Statement::Received(Received {
                at: STARTS,
                campaign: campaign(),
                cell: into_cell,
                count: *count,
                face,
                from: from_cell,
                split,
            }));
            self.left[into][tier] += count;
            self.lines[into] += 1;
        }
    }

    pub(super) fn close(mut self) -> Vec<Statement> {
        let Statement::Fund(fund) = &self.statements[1] else { panic!() };
        let funded = fund.amount.value;
        let left = (0..FACES.len()).map(|tier| self.left.iter().map(|left| left[tier]).sum()).collect();
        self.statements.push(Statement::End(Change { at: STARTS, campaign: campaign(), reason: String::new() }));
        let taken: i64 = self.taken.iter().flatten().filter(|(_, out)| *out).map(|(tier, _)| FACES[*tier].0).sum();
        let spent = taken.min(888);
        self.statements.push(Statement::Close(Close {
            at: STARTS,
            campaign: campaign(),
            funded: money(funded),
            left,
            recovered: money(0),
            returned: money(funded - spent),
            spent: money(spent),
        }));
        self.statements.push(Statement::Reveal(Reveal {
            at: STARTS,
            campaign: campaign(),
            secret: Hex32(SECRET),
        }));
        self.statements
    }
}
