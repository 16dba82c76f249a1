//! The leaves of the public log, in their order: what campaigns said, and what their ledgers tell of packets.
//!
//! A statement of a campaign knows which lines of each cell's ledger were written before it: these come first, cell by
//! cell. A line tells of packets when it issues coupons, puts a packet back, or moves packets between cells; all others
//! are nobody's business. So the log is the same whoever makes it, and whenever.

use std::ops::ControlFlow;

use koi_core::catalog::Catalog;
use koi_core::coupon::Coupon;
use koi_core::id::{Cell, CouponId, TransferId};
use koi_core::ledger::{Account, Reason, Transfer};
use koi_core::packet::Tier;
use koi_fair::statement::{Instant, PutBack, Receipt, Received, Sent, Statement};
use koi_store::{Reader, StoreError};

/// Statements that are read at once.
const PAGE: u32 = 1000;

/// Takes each leaf of an installation's log, in order, up to what is stored now.
pub fn for_each_leaf(
    reader: &Reader,
    mut each: impl FnMut(Statement) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    reader.at_one_moment(|| {
        let mut lines = Lines::new(reader)?;
        let mut number = 0;
        loop {
            let page = reader.statements(number, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            number = *last;
            for (_, stated) in page {
                lines.until(&stated.lines, &mut each)?;
                let statement = Statement::parse(stated.body.as_bytes());
                each(statement.map_err(|why| damaged(&format!("a statement cannot be read: {why}")))?)?;
            }
        }
        lines.rest(&mut each)
    })
}

/// The lines of all cells, each read up to somewhere.
struct Lines<'a> {
    reader: &'a Reader,
    catalog: Catalog,
    /// The number of the next line of each cell.
    next: Vec<i64>,
}

impl<'a> Lines<'a> {
    fn new(reader: &'a Reader) -> Result<Self, StoreError> {
        let next = (0..reader.cells()).map(|cell| TransferId::new(Cell(cell), 1).number()).collect();
        Ok(Self { reader, catalog: reader.catalog()?, next })
    }

    /// Takes the lines of each cell that come before the one with this number.
    fn until(
        &mut self,
        ends: &[i64],
        each: &mut impl FnMut(Statement) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let starts = std::mem::replace(&mut self.next, ends.to_vec());
        if starts.len() != ends.len() {
            return Err(damaged("a statement does not know all cells"));
        }
        // Most cells wrote nothing between two statements.
        for (start, end) in starts.iter().zip(ends).filter(|(start, end)| start < end) {
            self.lines(*start, *end)?.iter().try_for_each(|line| self.line(line, each))?;
        }
        Ok(())
    }

    fn rest(&mut self, each: &mut impl FnMut(Statement) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let ends: Vec<i64> =
            (1..=self.reader.cells()).map(|next| TransferId::new(Cell(next), 0).number()).collect();
        self.until(&ends, each)
    }

    /// The lines of a cell with numbers in `[start, end)` that tell of packets.
    fn lines(&self, start: i64, end: i64) -> Result<Vec<Transfer>, StoreError> {
        let mut lines = Vec::new();
        self.reader.for_each_transfer(TransferId::of_number(start), |line| {
            if line.id.number() >= end {
                return ControlFlow::Break(());
            }
            let reason = line.movement.reason;
            if matches!(reason, Reason::Issue | Reason::Move) || line.movement.puts_back() {
                lines.push(line);
            }
            ControlFlow::Continue(())
        })?;
        Ok(lines)
    }

    fn line(
        &self,
        line: &Transfer,
        each: &mut impl FnMut(Statement) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let campaign = self.catalog.campaign_numbered(line.campaign);
        let rules = &campaign.ok_or_else(|| damaged("a line is of a campaign that is not there"))?.rules;
        let name = rules.id.to_string();
        if line.movement.reason == Reason::Move {
            let tier = rules.packets.get(line.movement.tier());
            let tier = tier.ok_or_else(|| damaged("packets of a tier moved that is not there"))?;
            return each(moved(line, name, tier)?);
        }
        let first = line.movement.coupon.ok_or_else(|| damaged("a line of a coupon without one"))?;
        let coupons = self.coupons(first, line.count)?;
        if line.movement.puts_back() {
            return coupons.iter().try_for_each(|coupon| each(put_back(line, name.clone(), coupon)));
        }
        coupons.iter().try_for_each(|coupon| each(receipt(name.clone(), coupon)))
    }

    fn coupons(&self, first: CouponId, count: u32) -> Result<Vec<Coupon>, StoreError> {
        let mut coupons = Vec::new();
        let until = first.number().saturating_add(i64::from(count));
        self.reader.for_each_coupon(first.number(), until, |coupon| coupons.push(coupon))?;
        if coupons.len() == count as usize {
            Ok(coupons)
        } else {
            Err(damaged("a line names coupons that are not there"))
        }
    }
}

fn receipt(campaign: String, coupon: &Coupon) -> Statement {
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

fn put_back(line: &Transfer, campaign: String, coupon: &Coupon) -> Statement {
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
