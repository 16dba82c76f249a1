//! Lines of the ledger: their numbers, what they may say, and the balances that they make.

use super::{Audit, Place};
use crate::id::{Cell, CouponId, PaymentId, QuoteId, TransferId};
use crate::ledger::{Account, Movement, Reason, Transfer};

/// Whether a reason moves money between these accounts.
fn may_move(reason: Reason, debit: Account, credit: Account) -> bool {
    let (from, into): (Account, &[Account]) = match reason {
        // Out of the cell, or into it.
        Reason::Move | Reason::Gather => {
            return matches!((debit, credit), (Account::Free, Account::Moved) | (Account::Moved, Account::Free));
        }
        Reason::Fund => (Account::Funder, &[Account::Free]),
        Reason::Issue => (Account::Free, &[Account::Committed]),
        Reason::Reserve => (Account::Committed, &[Account::Reserved]),
        // Of a void coupon, it is free at once.
        Reason::Release => (Account::Reserved, &[Account::Committed, Account::Free]),
        Reason::Spend => (Account::Reserved, &[Account::Spent]),
        // To the coupon; if that cannot live, it is free; once the campaign is closed, the funder's.
        Reason::Cancel => (Account::Spent, &[Account::Committed, Account::Free, Account::Returned]),
        Reason::Expire | Reason::Void => (Account::Committed, &[Account::Free]),
        Reason::Recover => (Account::Refunds, &[Account::Recovered]),
        // Only a coupon that lives is given back.
        Reason::Restore => (Account::Spent, &[Account::Committed]),
        Reason::Close => (Account::Free, &[Account::Returned]),
    };
    debit == from && into.contains(&credit)
}

/// Whether a line that gives a coupon's money back says nothing more, or that its packet went back with it: only free
/// money backs what is in the stock.
fn may_put_back(movement: &Movement) -> bool {
    movement.part == 0 || (movement.puts_back() && movement.credit == Account::Free)
}

/// What the line says it is about.
fn subject_name(line: &Transfer) -> String {
    let subject = line.movement.subject;
    match line.movement.reason {
        Reason::Fund | Reason::Close => format!("campaign number {subject}"),
        Reason::Issue if line.count != 1 => {
            format!("{} coupons from {}", line.count, CouponId::of_number(subject))
        }
        Reason::Issue | Reason::Expire | Reason::Void => format!("coupon {}", CouponId::of_number(subject)),
        Reason::Reserve | Reason::Release => format!("quote {}", QuoteId::of_number(subject)),
        Reason::Spend | Reason::Cancel => format!("payment {}", PaymentId::of_number(subject)),
        Reason::Recover | Reason::Restore => {
            format!("refund {} of payment {}", line.movement.part, PaymentId::of_number(subject))
        }
        Reason::Move => format!("{} packets of tier {} and cell {subject}", line.count, line.movement.tier()),
        Reason::Gather => format!("cell {subject}"),
    }
}

impl Audit<'_> {
    /// Takes a line of the ledger, in the order of the numbers.
    pub fn transfer(&mut self, line: &Transfer) {
        self.findings.transfers = self.findings.transfers.saturating_add(u64::from(line.lines()));
        let cell = line.id.cell();
        let expected = self.next_line.entry(cell).or_insert_with(|| TransferId::new(cell, 1).number());
        let missing = TransferId::of_number(*expected);
        *expected = line.id.number().saturating_add(1);
        if line.id != missing {
            self.broken(format!("transfer {missing} is missing before {}", line.id));
        }
        let place = (cell, line.campaign);
        match self.balances.get(&place).copied().map(|buckets| buckets.after(&line.movement)) {
            None => {
                return self.broken(format!(
                    "transfer {} is of campaign {}, which has no slice",
                    line.id, line.campaign.0
                ));
            }
            Some(Err(fault)) => self.broken(format!("transfer {}: {fault}", line.id)),
            Some(Ok(after)) => {
                self.balances.insert(place, after);
            }
        }
        let movement = &line.movement;
        let (reason, debit, credit) = (movement.reason, movement.debit, movement.credit);
        if !may_move(reason, debit, credit) {
            let (reason, debit, credit) = (reason.name(), debit.name(), credit.name());
            self.broken(format!("transfer {}: {reason} does not move {debit} to {credit}", line.id));
        }
        if !self.is_about(line) {
            let (reason, subject) = (reason.name(), subject_name(line));
            self.broken(format!("transfer {}: {reason} cannot be about {subject} in this way", line.id));
        }
        self.between_cells(line);
        self.last_line = Some(*line);
    }

    /// Whether the line's subject is of the kind that its reason needs, and there; and its coupon too.
    fn is_about(&self, line: &Transfer) -> bool {
        let movement = &line.movement;
        let (cell, subject) = (line.id.cell(), movement.subject);
        let is_one = line.count == 1;
        let moves_own = movement.coupon.is_some_and(|coupon| self.is_issued(coupon, 1, (cell, line.campaign)));
        let moves_subject = movement.coupon.map(CouponId::number) == Some(subject);
        match movement.reason {
            Reason::Fund | Reason::Close => {
                let plain = is_one && movement.part == 0 && movement.coupon.is_none();
                plain && subject == i64::from(line.campaign.0)
            }
            Reason::Issue => {
                let first = CouponId::of_number(subject);
                let issued = self.is_issued(first, line.count, (cell, line.campaign));
                line.count > 0 && movement.part == 0 && moves_subject && issued
            }
            Reason::Expire | Reason::Void => is_one && may_put_back(movement) && moves_subject && moves_own,
            Reason::Release | Reason::Cancel => {
                is_one && may_put_back(movement) && moves_own && self.is_quote(cell, subject)
            }
            Reason::Reserve | Reason::Spend => {
                is_one && movement.part == 0 && moves_own && self.is_quote(cell, subject)
            }
            Reason::Recover => {
                is_one && movement.part > 0 && movement.coupon.is_none() && self.is_quote(cell, subject)
            }
            Reason::Restore => is_one && movement.part > 0 && moves_own && self.is_quote(cell, subject),
            Reason::Move => line.count > 0 && self.moves_packets(line),
            Reason::Gather => is_one && movement.part == 0 && self.gathers(line),
        }
    }

    /// Whether a slice has issued so many coupons from this one on.
    fn is_issued(&self, first: CouponId, count: u32, place: Place) -> bool {
        let issued = self.slices.get(&place).map_or(0, |slice| slice.next_ordinal);
        let lives_there = (first.cell(), first.campaign()) == place && first.number() >= 0;
        lives_there && u64::from(first.ordinal()) + u64::from(count) <= u64::from(issued)
    }

    /// Whether a cell has numbered such a quote. Without counters, which is named by itself, any will do.
    fn is_quote(&self, cell: Cell, number: i64) -> bool {
        let sequence = i128::from(number) - i128::from(QuoteId::new(cell, 0).number());
        self.counters.get(&cell).is_none_or(|counters| sequence >= 1 && sequence < i128::from(counters.quote))
    }

    /// Compares the balances with those of all lines.
    pub fn balances(&mut self) {
        for place in self.places() {
            let (Some(slice), Some(told)) = (self.slices.get(&place).copied(), self.balances.get(&place).copied())
            else {
                continue;
            };
            for account in Account::ALL {
                self.findings.accounts += 1;
                let (kept, told) = (slice.buckets.get(account), told.get(account));
                if kept != told {
                    let name = self.name(place);
                    self.broken(format!(
                        "{name}: account {} holds {kept}, its transfers make {told}",
                        account.name()
                    ));
                }
            }
            if !slice.buckets.adds_up() {
                let name = self.name(place);
                self.broken(format!("{name}: the buckets do not add up to what was funded"));
            }
        }
    }

    /// Compares the next numbers of each cell with the last ones found.
    pub(super) fn numbers_of_cells(&mut self) {
        let mut cells: Vec<Cell> = self.next_line.keys().chain(self.next_quote.keys()).copied().collect();
        cells.extend(self.counters.keys());
        cells.sort_unstable();
        cells.dedup();
        for cell in cells {
            let Some(counters) = self.counters.get(&cell).copied() else {
                self.broken(format!("cell {}: its next numbers are not there", cell.0));
                continue;
            };
            let first = QuoteId::new(cell, 0).number();
            let next = |found: Option<&i64>| found.map_or(1, |next| next.saturating_sub(first));
            for (what, kept, found) in [
                ("transfer", counters.transfer, next(self.next_line.get(&cell))),
                ("quote", counters.quote, next(self.next_quote.get(&cell))),
            ] {
                if kept != found {
                    self.broken(format!("cell {}: the next {what} is {kept}, those there make {found}", cell.0));
                }
            }
        }
    }
}
