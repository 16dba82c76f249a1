//! A campaign that is run by the rules: what a server does, in its simplest form.

use serde_json::{Value, json};

use crate::beacon::{Chain, local};
use crate::packet::{PoolKey, commitment};
use crate::replay::{Tier, sealing_round, take_at};
use crate::statement::{
    Beacon, Change, Close, Fund, Hex32, Instant, Money, Opening, Pause, PutBack, Receipt, Received, Reveal, Rules,
    Scope, Sent, Statement,
};

/// What a campaign is to be like. Its randomness is of the local chain.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub campaign: String,
    /// The secret of its stock.
    pub secret: [u8; 32],
    /// Its stock.
    pub tiers: Vec<Tier>,
    /// Cells that issue packets.
    pub cells: u16,
    /// When its rules are stated.
    pub stated_at: Instant,
    /// When it starts.
    pub starts_at: Instant,
    /// When it ends.
    pub ends_at: Instant,
}

/// A campaign that is run by the rules, one statement after the other. Every cell is asked for by its number; one that the
/// plan does not have does nothing.
#[derive(Debug)]
pub struct Run {
    plan: Plan,
    rules: Rules,
    key: PoolKey,
    cells: Vec<Cell>,
    funded: i64,
}

#[derive(Clone, Debug)]
struct Cell {
    /// Packets of each tier.
    left: Vec<u64>,
    /// The tier of each claim, and whether its packet is still out.
    taken: Vec<(usize, bool)>,
    /// The number of the ledger's last line.
    line: u64,
}

impl Cell {
    fn total(&self) -> u64 {
        self.left.iter().sum()
    }
}

impl Plan {
    /// What the stock is worth.
    pub fn budget(&self) -> i64 {
        self.tiers.iter().map(|tier| tier.face * i64::try_from(tier.count).unwrap_or(0)).sum()
    }

    fn document(&self) -> Value {
        let packet = |tier: &Tier| json!({ "face": tier.face, "count": tier.count, "split": tier.split });
        json!({
            "currency": "CNY",
            "ends_at": self.ends_at.to_string(),
            "id": self.campaign,
            "packets": self.tiers.iter().map(packet).collect::<Vec<_>>(),
            "starts_at": self.starts_at.to_string(),
        })
    }
}

impl Run {
    /// A campaign whose rules are stated, but which has no money yet.
    pub fn new(plan: Plan) -> Self {
        let chain = Chain::local();
        let round = sealing_round(&chain, plan.starts_at, plan.stated_at);
        let rules = Rules {
            at: plan.stated_at,
            beacon: Beacon { chain: Hex32(*chain.hash()), local: true, round },
            campaign: plan.campaign.clone(),
            document: plan.document(),
            pool: Hex32(commitment(&plan.campaign, &plan.secret)),
            revision: 1,
        };
        let key = PoolKey::new(&plan.secret, chain.hash(), round, &local::local_randomness(round));
        let empty = Cell { left: vec![0; plan.tiers.len()], taken: Vec::new(), line: 1 };
        let mut cells = vec![empty; usize::from(plan.cells)];
        if let Some(first) = cells.first_mut() {
            first.left = plan.tiers.iter().map(|tier| tier.count).collect();
        }
        Self { plan, rules, key, cells, funded: 0 }
    }

    /// What it is to be like.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Packets that are left in a cell.
    pub fn left(&self, cell: u16) -> u64 {
        self.cells.get(usize::from(cell)).map_or(0, Cell::total)
    }

    /// Its rules, or the next revision of them.
    pub fn rules(&mut self, at: Instant) -> Statement {
        let stated = Rules { at, ..self.rules.clone() };
        self.rules.revision += 1;
        Statement::Rules(stated)
    }

    /// Money that is paid in, in minor units.
    pub fn fund(&mut self, value: i64, at: Instant) -> Statement {
        self.funded += value;
        Statement::Fund(Fund { amount: money(value), at, campaign: self.campaign() })
    }

    /// The randomness of its opening.
    pub fn open(&self, at: Instant) -> Statement {
        let round = self.rules.beacon.round;
        let beacon = local::sign(round);
        Statement::Opening(Opening {
            at,
            campaign: self.campaign(),
            randomness: Hex32(local::local_randomness(round)),
            round,
            signature: hex::encode(&beacon.signature),
        })
    }

    /// A claim in a cell; `None` if it has no packet left.
    pub fn claim(&mut self, cell: u16, at: Instant) -> Option<Receipt> {
        let stock = self.cells.get_mut(usize::from(cell))?;
        let (total, ordinal) = (stock.total(), stock.taken.len() as u64);
        if total == 0 {
            return None;
        }
        let tier = take_at(&mut stock.left, self.key.pick(u32::from(cell), ordinal, total))?;
        stock.taken.push((tier, true));
        stock.line += 1;
        let Tier { face, split, .. } = *self.plan.tiers.get(tier)?;
        let coupon = format!("cpn_{}.{cell}.{ordinal}", self.plan.campaign);
        let (campaign, revision) = (self.campaign(), self.rules.revision - 1);
        Some(Receipt { at, campaign, cell, coupon, face, ordinal, revision, split })
    }

    /// One of the packets that are out goes back; `None` if none is.
    pub fn put_back(&mut self, cell: u16, which: usize, at: Instant) -> Option<Statement> {
        let stock = self.cells.get_mut(usize::from(cell))?;
        let out = stock.taken.iter().filter(|(_, out)| *out).count();
        let place = which.checked_rem(out)?;
        let taken = stock.taken.iter_mut().enumerate().filter(|(_, (_, out))| *out).nth(place);
        let (ordinal, (tier, is_out)) = taken?;
        *is_out = false;
        *stock.left.get_mut(*tier)? += 1;
        stock.line += 1;
        let Tier { face, split, .. } = *self.plan.tiers.get(*tier)?;
        let (campaign, ordinal) = (self.campaign(), ordinal as u64);
        Some(Statement::PutBack(PutBack { at, campaign, cell, face, ordinal, split }))
    }

    /// Packets move from one cell to another, as many as there are and at most 4,096: first what the one says, then the other.
    pub fn send(&mut self, from: u16, into: u16, count: u64, at: Instant) -> Vec<Statement> {
        let number = self.plan.cells;
        if from == into || from >= number || into >= number {
            return Vec::new();
        }
        let (line, counts) = self.draw_move(from, count.min(4096));
        let some = || self.plan.tiers.iter().zip(&counts).filter(|(_, count)| **count > 0);
        let sent = (line..).zip(some()).map(|(at_line, (tier, count))| {
            Statement::Sent(Sent {
                at,
                campaign: self.campaign(),
                cell: from,
                continues: at_line > line,
                count: *count,
                face: tier.face,
                into,
                line: at_line,
                split: tier.split,
            })
        });
        let received = some().map(|(tier, count)| {
            let (campaign, cell, face, split) = (self.campaign(), into, tier.face, tier.split);
            Statement::Received(Received { at, campaign, cell, count: *count, face, from, split })
        });
        let said: Vec<_> = sent.chain(received).collect();
        let lines = some().count() as u64;
        for (cell, comes) in [(from, false), (into, true)] {
            let Some(stock) = self.cells.get_mut(usize::from(cell)) else { continue };
            stock.line += lines;
            for (left, count) in stock.left.iter_mut().zip(&counts).filter(|_| comes) {
                *left += count;
            }
        }
        said
    }

    /// Draws the packets that leave a cell: the line by which they are drawn, and how many of each tier.
    fn draw_move(&mut self, from: u16, count: u64) -> (u64, Vec<u64>) {
        let mut counts = vec![0; self.plan.tiers.len()];
        let Some(stock) = self.cells.get_mut(usize::from(from)) else { return (0, counts) };
        let number = (u64::from(from) << 50) | stock.line;
        let total = stock.total();
        for place in 0..count.min(total) {
            let pick = self.key.pick_to_move(u32::from(from), number, place, total - place);
            if let Some(tier) = take_at(&mut stock.left, pick) {
                counts[tier] += 1;
            }
        }
        (stock.line, counts)
    }

    /// Nothing is issued for a while.
    pub fn pause(&self, at: Instant) -> Statement {
        Statement::Pause(Pause { at, campaign: self.campaign(), reason: "rain".into(), scope: Scope::Issuing })
    }

    /// It goes on.
    pub fn resume(&self, at: Instant) -> Statement {
        Statement::Resume(Change { at, campaign: self.campaign(), reason: String::new() })
    }

    /// It ends before its time.
    pub fn end(&self, at: Instant) -> Statement {
        Statement::End(Change { at, campaign: self.campaign(), reason: String::new() })
    }

    /// It is closed; half of what was issued was spent.
    pub fn close(&self, at: Instant) -> Statement {
        let tiers = 0..self.plan.tiers.len();
        let left = tiers.map(|tier| self.cells.iter().map(|cell| cell.left[tier]).sum()).collect();
        let out = self.cells.iter().flat_map(|cell| &cell.taken).filter(|(_, out)| *out);
        let issued: i64 = out.map(|(tier, _)| self.plan.tiers[*tier].face).sum();
        let spent = issued / 2;
        Statement::Close(Close {
            at,
            campaign: self.campaign(),
            funded: money(self.funded),
            left,
            recovered: money(0),
            returned: money(self.funded - spent),
            spent: money(spent),
        })
    }

    /// Its secret is told.
    pub fn reveal(&self, at: Instant) -> Statement {
        Statement::Reveal(Reveal { at, campaign: self.campaign(), secret: Hex32(self.plan.secret) })
    }

    fn campaign(&self) -> String {
        self.plan.campaign.clone()
    }
}

fn money(value: i64) -> Money {
    Money { currency: "CNY".into(), value }
}
