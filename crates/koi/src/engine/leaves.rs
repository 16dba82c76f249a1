//! The leaves of the public log, in their order: what campaigns said, and what their ledgers tell of packets.
//!
//! A statement of a campaign knows which lines of each cell's ledger were written before it: these come first, cell by
//! cell. A line tells of packets when it issues coupons, puts a packet back, or moves packets between cells; all others
//! are nobody's business.
//!
//! Lines go on being written after the last statement, in all cells. So the log is sequenced in steps, and each step that was
//! made is stored: from two of them whoever has the database comes to the same leaves between, at any time.

use std::ops::ControlFlow;
use std::sync::Arc;

use koi_core::campaign::Campaign;
use koi_core::id::{CampaignNo, Cell, CouponId, TransferId};
use koi_core::ledger::{Account, Reason, Transfer};
use koi_core::packet::Tier;
use koi_core::time::Time;
use koi_fair::log::TreeHash;
use koi_fair::statement::{Instant, PutBack, Receipt, Received, Sent, Statement};
use koi_store::{Issued, Reader, Sequenced, StoreError, Want};
use rustc_hash::FxHashMap;

/// A leaf: the canonical JSON of a statement.
pub type Leaf = Vec<u8>;

/// What one step takes at most. It goes a little over: a line is never divided.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Leaves.
    pub leaves: usize,
    /// Lines that are looked at.
    pub lines: usize,
}

impl Limits {
    /// No limits.
    const NONE: Self = Self { leaves: usize::MAX, lines: usize::MAX };
}

/// A log without leaves.
pub fn nothing(cells: u16) -> Sequenced {
    let lines = (0..cells).map(|cell| TransferId::new(Cell(cell), 1).number()).collect();
    Sequenced { number: 0, at: Time::EARLIEST, size: 0, root: TreeHash::of_nothing().0, statement: 0, lines }
}

/// Campaigns as the log names them, read when they are needed first: what the log says of one does not change any more.
#[derive(Clone, Debug, Default)]
pub struct Campaigns(FxHashMap<CampaignNo, Arc<Campaign>>);

impl Campaigns {
    fn get(&mut self, reader: &Reader, number: CampaignNo) -> Result<&Campaign, StoreError> {
        if !self.0.contains_key(&number) {
            self.0 = reader.catalog()?.campaigns().map(|campaign| (campaign.number, campaign.clone())).collect();
        }
        let campaign = self.0.get(&number).map(AsRef::as_ref);
        campaign.ok_or_else(|| damaged("a line is of a campaign that is not there"))
    }
}

/// The next step after one, as far as things are stored now, with its leaves. It may have none though lines were passed, and
/// it is where it began when there is nothing new. Its number, its time and its root are still those of the one before.
pub fn after(
    reader: &Reader,
    campaigns: &mut Campaigns,
    from: &Sequenced,
    limits: Limits,
) -> Result<(Sequenced, Vec<Leaf>), StoreError> {
    // Before the moment in which statements are read, and not in it: where every machine has a moment of its own, a line
    // could be seen without the statement that allowed it.
    let mut lines = nothing(reader.cells()).lines;
    for (cell, counters) in reader.counters()? {
        let next = lines.get_mut(usize::from(cell.0)).ok_or_else(|| damaged("a cell that there is not"))?;
        *next = TransferId::new(cell, counters.transfer).number();
    }
    let ends = Ends { statement: i64::MAX, lines: &lines };
    reader.at_one_moment(|| Reading::new((reader, campaigns), from, limits)?.run(&ends))
}

/// The leaves between two steps that were made.
pub fn between(
    reader: &Reader,
    campaigns: &mut Campaigns,
    from: &Sequenced,
    until: &Sequenced,
) -> Result<Vec<Leaf>, StoreError> {
    reader.at_one_moment(|| {
        let ends = Ends { statement: until.statement, lines: &until.lines };
        let (reached, leaves) = Reading::new((reader, campaigns), from, Limits::NONE)?.run(&ends)?;
        let is_reached =
            (reached.size, reached.statement, &reached.lines) == (until.size, until.statement, &until.lines);
        if is_reached { Ok(leaves) } else { Err(damaged("the public log is not what was sequenced")) }
    })
}

/// Where a reading ends: behind a statement, and in front of a line of each cell.
struct Ends<'a> {
    statement: i64,
    lines: &'a [i64],
}

/// A reading of the leaves in their order.
struct Reading<'a> {
    reader: &'a Reader,
    campaigns: &'a mut Campaigns,
    reached: Sequenced,
    leaves: Vec<Leaf>,
    limits: Limits,
}

impl<'a> Reading<'a> {
    fn new(
        (reader, campaigns): (&'a Reader, &'a mut Campaigns),
        from: &Sequenced,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        if from.lines.len() != usize::from(reader.cells()) {
            return Err(damaged("a step of the public log does not know all cells"));
        }
        Ok(Self { reader, campaigns, reached: from.clone(), leaves: Vec::new(), limits })
    }

    fn run(mut self, ends: &Ends) -> Result<(Sequenced, Vec<Leaf>), StoreError> {
        let from = self.reached.size;
        loop {
            let next = self.reader.statements(self.reached.statement, 1)?.pop();
            let next = next.filter(|(number, _)| *number <= ends.statement);
            self.lines_until(next.as_ref().map_or(ends.lines, |(_, stated)| &stated.lines))?;
            let Some((number, stated)) = next.filter(|_| self.has_room()) else { break };
            self.leaves.push(stated.body.into_bytes());
            self.reached.statement = number;
        }
        self.reached.size = from + self.leaves.len() as u64;
        Ok((self.reached, self.leaves))
    }

    fn has_room(&self) -> bool {
        self.leaves.len() < self.limits.leaves && self.limits.lines > 0
    }

    /// Takes the lines of each cell that come before the one with this number, as far as there is room.
    fn lines_until(&mut self, ends: &[i64]) -> Result<(), StoreError> {
        if ends.len() != self.reached.lines.len() {
            return Err(damaged("a statement does not know all cells"));
        }
        for (cell, end) in ends.iter().enumerate() {
            while self.reached.lines[cell] < *end && self.has_room() {
                let lines = self.public_lines(cell, *end)?;
                let coupons = Coupons::of(self.reader, &lines)?;
                lines.iter().try_for_each(|line| self.line(line, &coupons))?;
            }
        }
        Ok(())
    }

    /// The next lines of a cell that tell of packets, up to one with a number or as far as there is room.
    fn public_lines(&mut self, cell: usize, end: i64) -> Result<Vec<Transfer>, StoreError> {
        let range = TransferId::of_number(self.reached.lines[cell])..TransferId::of_number(end);
        let room = self.limits.leaves - self.leaves.len();
        let (mut lines, mut leaves, mut reached) = (Vec::new(), 0, end);
        let looked = &mut self.limits.lines;
        self.reader.for_each_transfer(range, |line| {
            *looked = looked.saturating_sub(1);
            let reason = line.movement.reason;
            let is_of_coupons = reason == Reason::Issue || line.movement.puts_back();
            if is_of_coupons || reason == Reason::Move {
                leaves += if is_of_coupons { line.count as usize } else { 1 };
                lines.push(line);
            }
            if leaves < room && leaves < AT_ONCE && *looked > 0 {
                return ControlFlow::Continue(());
            }
            reached = line.id.number() + 1;
            ControlFlow::Break(())
        })?;
        self.reached.lines[cell] = reached;
        Ok(lines)
    }

    fn line(&mut self, line: &Transfer, coupons: &Coupons) -> Result<(), StoreError> {
        let rules = &self.campaigns.get(self.reader, line.campaign)?.rules;
        let name = rules.id.to_string();
        if line.movement.reason == Reason::Move {
            let tier = rules.packets.get(line.movement.tier());
            let tier = tier.ok_or_else(|| damaged("packets of a tier moved that is not there"))?;
            self.leaves.push(leaf(&moved(line, name, tier)?)?);
            return Ok(());
        }
        for number in named(line)? {
            let coupon = coupons.0.get(&number);
            let coupon = coupon.ok_or_else(|| damaged("a line names a coupon that is not there"))?;
            let statement = match line.movement.puts_back() {
                true => put_back(line, name.clone(), coupon),
                false => receipt(name.clone(), coupon),
            };
            self.leaves.push(leaf(&statement)?);
        }
        Ok(())
    }
}

/// Leaves whose coupons are read at once.
const AT_ONCE: usize = 4096;

/// The numbers of the coupons that a line names.
fn named(line: &Transfer) -> Result<std::ops::Range<i64>, StoreError> {
    let first = line.movement.coupon.ok_or_else(|| damaged("a line of a coupon without one"))?.number();
    Ok(first..first.saturating_add(i64::from(line.count)))
}

/// Coupons by their numbers.
struct Coupons(FxHashMap<i64, Issued>);

impl Coupons {
    /// The coupons that lines of one cell name. Those that were issued one after the other are read one after the other,
    /// the others as the rows that they are.
    fn of(reader: &Reader, lines: &[Transfer]) -> Result<Self, StoreError> {
        let mut issued: FxHashMap<CampaignNo, std::ops::Range<i64>> = FxHashMap::default();
        let mut wanted = Vec::new();
        for line in lines.iter().filter(|line| line.movement.reason != Reason::Move) {
            let range = named(line)?;
            if line.movement.reason == Reason::Issue {
                let of_campaign = issued.entry(line.campaign).or_insert(range.clone());
                *of_campaign = of_campaign.start.min(range.start)..of_campaign.end.max(range.end);
            } else {
                wanted.extend(range.map(CouponId::of_number));
            }
        }
        let mut coupons = FxHashMap::default();
        for range in issued.values() {
            reader.for_each_issued(range.start, range.end, |coupon| {
                coupons.insert(coupon.id.number(), coupon);
            })?;
        }
        let Some(line) = lines.first().filter(|_| !wanted.is_empty()) else { return Ok(Self(coupons)) };
        let wants = wanted.iter().map(|id| Want::Coupon(*id)).collect();
        let found = reader.rows(&[(line.id.cell(), wants)])?;
        for id in wanted {
            let coupon = found.get(line.id.cell()).and_then(|rows| rows.coupons.get(id));
            coupons.extend(coupon.map(|coupon| (id.number(), Issued::from(coupon))));
        }
        Ok(Self(coupons))
    }
}

fn leaf(statement: &Statement) -> Result<Leaf, StoreError> {
    statement.leaf().map_err(|why| damaged(&format!("a line cannot be said: {why}")))
}

/// What the log says of a claim.
pub fn receipt_of(campaign: String, coupon: &Issued) -> Result<Leaf, StoreError> {
    leaf(&receipt(campaign, coupon))
}

fn receipt(campaign: String, coupon: &Issued) -> Statement {
    Statement::Receipt(Receipt {
        at: Instant(coupon.collected_at.ms()),
        campaign,
        cell: coupon.id.cell().0,
        coupon: coupon.id.to_string(),
        face: coupon.face,
        ordinal: coupon.id.ordinal().into(),
        revision: coupon.revision,
        split: coupon.split,
    })
}

fn put_back(line: &Transfer, campaign: String, coupon: &Issued) -> Statement {
    Statement::PutBack(PutBack {
        at: Instant(line.at.ms()),
        campaign,
        cell: coupon.id.cell().0,
        face: coupon.face,
        ordinal: coupon.id.ordinal().into(),
        split: coupon.split,
    })
}

fn moved(line: &Transfer, campaign: String, tier: &Tier) -> Result<Statement, StoreError> {
    let (at, cell, count) = (Instant(line.at.ms()), line.id.cell(), u64::from(line.count));
    let other = u16::try_from(line.movement.subject).map_err(|_| damaged("packets moved to no cell"))?;
    if line.movement.debit != Account::Free {
        let Tier { face, split, .. } = *tier;
        return Ok(Statement::Received(Received { at, campaign, cell: cell.0, count, face, from: other, split }));
    }
    let within = line.id.number() - TransferId::new(cell, 0).number();
    Ok(Statement::Sent(Sent {
        at,
        campaign,
        cell: cell.0,
        continues: line.movement.continues(),
        count,
        face: tier.face,
        into: other,
        line: u64::try_from(within).map_err(|_| damaged("a line has no number"))?,
        split: tier.split,
    }))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(what.to_owned())
}
