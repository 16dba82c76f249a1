//! A campaign's stock, taken again packet by packet from what the log says.
//!
//! Who has the public statements and the revealed secret can do everything that the server did: the pool's key follows
//! from the secret and the public randomness, and with it which packet each claim took and which packets moved. Nothing
//! needs to be believed but that the log is the one that everybody saw.
//!
//! The log is read twice, so that nothing is kept of a claim but one byte: [`Outlines`] takes what campaigns said of
//! themselves, then a [`Replay`] takes everything again in the same order. After something wrong the replay goes on with
//! what had to be, so that one changed face is one finding and not thousands.
//!
//! While the secret is not known, [`Replay::without_secret`] takes the packets that the receipts state and checks all else.

mod finding;
mod outline;
mod stock;

use std::collections::BTreeMap;

pub use finding::{Finding, Findings, Packet, Wrong};
pub use outline::{Outline, Outlines, Tier, sealing_round};
pub(crate) use stock::take_at;

use crate::packet::PoolKey;
use crate::statement::{Close, Instant, PutBack, Receipt, Received, Sent, Statement};
use stock::Stock;

/// The cell in which each campaign's stock begins.
const TREASURY: u16 = 0;

/// What a replay found of one campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The campaign.
    pub campaign: String,
    /// Claims whose packets were drawn again.
    pub claims: u64,
    /// Packets that went back into the stock.
    pub put_back: u64,
    /// Packets that moved between cells.
    pub moved: u64,
    /// Cells that issued something.
    pub cells: u64,
    /// Packets left of each tier, over all cells.
    pub left: Vec<u64>,
    /// What all packets that were taken and did not go back are worth, in minor units.
    pub issued: u128,
}

/// The replay of one campaign.
pub struct Replay<'a> {
    outline: &'a Outline,
    /// `None` while the secret is not known: then packets are the ones that are stated.
    key: Option<PoolKey>,
    cells: BTreeMap<u16, Stock>,
    /// Of each pair of cells, tier by tier: what one sent less what the other received.
    between: BTreeMap<(u16, u16), Vec<i128>>,
    stage: Stage,
    /// When the campaign's operator said something last, and the latest of all that was said.
    said_at: Instant,
    latest: Instant,
    funded: u128,
    claims: u64,
    put_back: u64,
    moved: u64,
}

/// Where a campaign stands, by what the log said so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Sealed,
    Open,
    Paused,
    Ended,
    Closed,
}

impl<'a> Replay<'a> {
    /// The replay of a campaign of which everything is known: an error names what is missing.
    pub fn new(outline: &'a Outline) -> Result<Self, Wrong> {
        Self::with_secret(outline, outline.secret()?)
    }

    /// The replay of a campaign whose secret is known, though it was not revealed yet: for who runs it.
    pub fn with_secret(outline: &'a Outline, secret: &[u8; 32]) -> Result<Self, Wrong> {
        Ok(Self::begin(outline, Some(outline.pool_key(secret)?)))
    }

    /// The replay of a campaign whose secret is not known: everything but which packets were drawn.
    pub fn without_secret(outline: &'a Outline) -> Self {
        Self::begin(outline, None)
    }

    fn begin(outline: &'a Outline, key: Option<PoolKey>) -> Self {
        let stock = Stock::new(outline.tiers().iter().map(|tier| tier.count).collect());
        Self {
            outline,
            key,
            cells: BTreeMap::from([(TREASURY, stock)]),
            between: BTreeMap::new(),
            stage: Stage::Sealed,
            said_at: Instant(i64::MIN),
            latest: Instant(i64::MIN),
            funded: 0,
            claims: 0,
            put_back: 0,
            moved: 0,
        }
    }

    /// Takes a statement of the campaign, in the order of the log.
    pub fn take(&mut self, statement: &Statement, findings: &mut Findings) {
        self.is_in_time(statement, findings);
        match statement {
            Statement::Rules(_) | Statement::Reveal(_) => {}
            Statement::Fund(fund) => {
                if fund.amount.value <= 0 || fund.amount.currency != self.outline.currency() {
                    findings.add(None, Wrong::Amount);
                }
                self.funded = self.funded.saturating_add(u128::try_from(fund.amount.value).unwrap_or(0));
            }
            Statement::Opening(_) => self.advance(Stage::Sealed, Stage::Open, findings),
            Statement::Pause(_) => self.advance(Stage::Open, Stage::Paused, findings),
            Statement::Resume(_) => self.advance(Stage::Paused, Stage::Open, findings),
            Statement::End(_) => self.end(findings),
            Statement::Close(close) => self.close(close, findings),
            Statement::Receipt(receipt) => self.receipt(receipt, findings),
            Statement::PutBack(put_back) => self.packet_back(put_back, findings),
            Statement::Sent(sent) => self.sent(sent, findings),
            Statement::Received(received) => self.received(received, findings),
        }
    }

    /// What the operator says is said after all before it, and nothing else is said to be before that.
    fn is_in_time(&mut self, statement: &Statement, findings: &mut Findings) {
        let (at, cell) = (statement.at(), statement.cell());
        let not_before = if cell.is_none() { self.latest } else { self.said_at };
        if at < not_before {
            findings.add(cell, Wrong::Backwards { at });
        }
        self.latest = self.latest.max(at);
        if cell.is_none() {
            self.said_at = at;
        }
    }

    /// Compares what is left at the end of the log.
    pub fn finish(mut self, findings: &mut Findings) -> Replayed {
        self.settle_moves(findings);
        // Of a campaign that still runs, packets may be under way.
        if self.key.is_some() || self.stage == Stage::Closed {
            self.compare_moves(findings);
        }
        let left = self.left();
        Replayed {
            campaign: self.outline.campaign().to_owned(),
            claims: self.claims,
            put_back: self.put_back,
            moved: self.moved,
            cells: self.cells.values().filter(|stock| stock.issued() > 0).count() as u64,
            issued: self.issued(&left),
            left,
        }
    }

    /// What was sent is what was received.
    fn compare_moves(&mut self, findings: &mut Findings) {
        for ((from, into), sums) in std::mem::take(&mut self.between) {
            if sums.iter().any(|sum| *sum != 0) {
                findings.add(Some(from), Wrong::Between { from, into });
            }
        }
    }

    /// What is left of each tier, over all cells.
    fn left(&self) -> Vec<u64> {
        let mut left = vec![0_u64; self.outline.tiers().len()];
        for stock in self.cells.values() {
            for (sum, more) in left.iter_mut().zip(stock.left()) {
                *sum = sum.saturating_add(*more);
            }
        }
        left
    }

    fn advance(&mut self, from: Stage, into: Stage, findings: &mut Findings) {
        if self.stage != from {
            findings.add(None, Wrong::Order);
        }
        self.stage = into;
    }

    fn end(&mut self, findings: &mut Findings) {
        if !matches!(self.stage, Stage::Open | Stage::Paused) {
            findings.add(None, Wrong::Order);
        }
        self.stage = Stage::Ended;
    }

    fn close(&mut self, close: &Close, findings: &mut Findings) {
        let is_over = self.stage == Stage::Ended || close.at >= self.outline.ends_at();
        if self.stage == Stage::Closed || !is_over {
            findings.add(None, Wrong::Order);
        }
        self.stage = Stage::Closed;
        self.settle_moves(findings);
        self.compare_moves(findings);
        let counted = self.left();
        if counted != close.left {
            findings.add(None, Wrong::Left { counted: counted.clone(), stated: close.left.clone() });
        }
        let money = [&close.funded, &close.returned, &close.spent, &close.recovered];
        if money.iter().any(|money| money.value < 0 || money.currency != self.outline.currency()) {
            findings.add(None, Wrong::Amount);
        }
        let [funded, returned, spent, recovered] = money.map(|money| i128::from(money.value));
        let most = i128::try_from(self.issued(&counted)).unwrap_or(i128::MAX);
        let adds_up = funded == returned + spent && u128::try_from(funded) == Ok(self.funded);
        if !adds_up || recovered > spent || spent > most {
            findings.add(None, Wrong::Money { paid_in: self.funded, funded, returned, spent });
        }
    }

    /// What all packets that are not left are worth.
    fn issued(&self, left: &[u64]) -> u128 {
        let out = |(tier, left): (&Tier, &u64)| u128::from(tier.count.saturating_sub(*left)) * tier.worth();
        self.outline.tiers().iter().zip(left).map(out).sum()
    }

    /// Whether packets may go back or move.
    fn is_open(&self, cell: u16, findings: &mut Findings) {
        if matches!(self.stage, Stage::Sealed | Stage::Closed) {
            findings.add(Some(cell), Wrong::NotOpen);
        }
    }

    fn receipt(&mut self, receipt: &Receipt, findings: &mut Findings) {
        self.claims += 1;
        let cell = Some(receipt.cell);
        match self.stage {
            Stage::Open => {}
            Stage::Sealed => findings.add(cell, Wrong::BeforeOpening),
            Stage::Paused => findings.add(cell, Wrong::WhilePaused),
            Stage::Ended | Stage::Closed => findings.add(cell, Wrong::AfterEnd),
        }
        if !self.outline.is_during(receipt.at) {
            findings.add(cell, Wrong::OutsideOfTime { at: receipt.at });
        }
        if self.claims == 1 && self.funded < self.outline.budget() {
            findings.add(cell, Wrong::Underfunded { funded: self.funded, budget: self.outline.budget() });
        }
        let stock = self.cells.entry(receipt.cell).or_insert_with(|| empty(self.outline));
        stock.settle_move(self.key.as_ref(), receipt.cell, findings);
        stock.take(self.key.as_ref(), receipt, self.outline, findings);
    }

    fn packet_back(&mut self, put_back: &PutBack, findings: &mut Findings) {
        self.is_open(put_back.cell, findings);
        self.put_back += 1;
        let stock = self.cells.entry(put_back.cell).or_insert_with(|| empty(self.outline));
        stock.settle_move(self.key.as_ref(), put_back.cell, findings);
        stock.put_back(put_back, self.outline, findings);
    }

    fn sent(&mut self, sent: &Sent, findings: &mut Findings) {
        self.is_open(sent.cell, findings);
        if sent.cell == sent.into || !(1..=stock::MOVE_MAX).contains(&sent.count) {
            let (count, from, into) = (sent.count, sent.cell, sent.into);
            return findings.add(Some(from), Wrong::NoMove { count, from, into });
        }
        self.moved = self.moved.saturating_add(sent.count);
        let Some(tier) = self.outline.tier_of(sent.face, sent.split) else {
            return findings.add(Some(sent.cell), Wrong::NoSuchTier { face: sent.face, split: sent.split });
        };
        let stock = self.cells.entry(sent.cell).or_insert_with(|| empty(self.outline));
        stock.send(self.key.as_ref(), sent, tier, findings);
        self.tell_between((sent.cell, sent.into), tier, i128::from(sent.count));
    }

    fn received(&mut self, received: &Received, findings: &mut Findings) {
        self.is_open(received.cell, findings);
        if received.cell == received.from || !(1..=stock::MOVE_MAX).contains(&received.count) {
            let (count, from, into) = (received.count, received.from, received.cell);
            return findings.add(Some(into), Wrong::NoMove { count, from, into });
        }
        let Some(tier) = self.outline.tier_of(received.face, received.split) else {
            let (face, split) = (received.face, received.split);
            return findings.add(Some(received.cell), Wrong::NoSuchTier { face, split });
        };
        let stock = self.cells.entry(received.cell).or_insert_with(|| empty(self.outline));
        stock.settle_move(self.key.as_ref(), received.cell, findings);
        stock.receive(tier, received.count);
        self.tell_between((received.from, received.cell), tier, -i128::from(received.count));
    }

    fn tell_between(&mut self, pair: (u16, u16), tier: usize, count: i128) {
        let sums = self.between.entry(pair).or_insert_with(|| vec![0; self.outline.tiers().len()]);
        if let Some(sum) = sums.get_mut(tier) {
            *sum = sum.saturating_add(count);
        }
    }

    fn settle_moves(&mut self, findings: &mut Findings) {
        for (cell, stock) in &mut self.cells {
            stock.settle_move(self.key.as_ref(), *cell, findings);
        }
    }
}

/// The stock of a cell that nothing came into yet.
fn empty(outline: &Outline) -> Stock {
    Stock::new(vec![0; outline.tiers().len()])
}

#[cfg(test)]
mod tests;
