//! Double entry, append-only: every movement of a campaign's money is a transfer between two accounts,
//! with a reason and a subject. The buckets of the budget are accounts; two more stand for the world
//! outside, and one for what is between cells. A transfer debits the account that the money leaves and
//! credits the one that it enters, so a balance is credits less debits.
//!
//! A line lives in one cell. So money that goes to another cell has two: here it leaves [`Account::Free`] for
//! [`Account::Moved`], there it comes back out of `Moved`. Each cell's books add up by themselves, and what all
//! cells hold in `Moved` is nothing, at every instant.

use crate::fault::Fault;
use crate::id::{CampaignNo, Cell, CouponId, TransferId};
use crate::money::{sum, take};
use crate::time::Time;

/// An account of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Account {
    /// Outside: the funder's money. Its balance is minus what was funded.
    Funder,
    /// The stock that is not issued, and what was topped up.
    Free,
    /// Live coupons.
    Committed,
    /// Open quotes.
    Reserved,
    /// Taken off purchases.
    Spent,
    /// Given back to the funder at the close.
    Returned,
    /// The funder's share of refunds.
    Recovered,
    /// Outside: merchants who refund. Its balance is minus what was recovered.
    Refunds,
    /// Outside the cell: between cells. Its balance is what went to other cells less what came from them.
    Moved,
}

impl Account {
    /// All accounts, in the order of their numbers.
    pub const ALL: [Account; 9] = [
        Account::Funder,
        Account::Free,
        Account::Committed,
        Account::Reserved,
        Account::Spent,
        Account::Returned,
        Account::Recovered,
        Account::Refunds,
        Account::Moved,
    ];

    /// The account's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Account::Funder => "funder",
            Account::Free => "free",
            Account::Committed => "committed",
            Account::Reserved => "reserved",
            Account::Spent => "spent",
            Account::Returned => "returned",
            Account::Recovered => "recovered",
            Account::Refunds => "refunds",
            Account::Moved => "moved",
        }
    }

    /// The stored number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The account of a stored number.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether the account stands for what is outside of the cell, and so may go below zero.
    pub fn is_outside(self) -> bool {
        matches!(self, Account::Funder | Account::Refunds | Account::Moved)
    }
}

/// Why money moved; each reason has one kind of subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The funder paid in. Subject: the campaign.
    Fund,
    /// Packets became coupons. Subject: the first of `count` coupons with consecutive ordinals.
    Issue,
    /// A quote holds its deduction. Subject: the quote.
    Reserve,
    /// A quote was cancelled or ran out. Subject: the quote.
    Release,
    /// A quote was paid. Subject: the payment.
    Spend,
    /// A payment was cancelled. Subject: the payment.
    Cancel,
    /// A coupon, or its rest, expired. Subject: the coupon.
    Expire,
    /// An operator took a coupon back. Subject: the coupon.
    Void,
    /// A refund's share for the funder. Subject: the refund.
    Recover,
    /// A refund gave the coupon back. Subject: the refund.
    Restore,
    /// What was left went back to the funder. Subject: the campaign.
    Close,
    /// Packets, with the money that backs them, went to another cell or came from it. Subject: the other cell's
    /// number; `part` is the packets' tier, and `count` says how many they are.
    Move,
    /// Free money went to another cell or came from it. Subject: the other cell's number.
    Gather,
}

impl Reason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Reason; 13] = [
        Reason::Fund,
        Reason::Issue,
        Reason::Reserve,
        Reason::Release,
        Reason::Spend,
        Reason::Cancel,
        Reason::Expire,
        Reason::Void,
        Reason::Recover,
        Reason::Restore,
        Reason::Close,
        Reason::Move,
        Reason::Gather,
    ];

    /// The reason's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Fund => "fund",
            Reason::Issue => "issue",
            Reason::Reserve => "reserve",
            Reason::Release => "release",
            Reason::Spend => "spend",
            Reason::Cancel => "cancel",
            Reason::Expire => "expire",
            Reason::Void => "void",
            Reason::Recover => "recover",
            Reason::Restore => "restore",
            Reason::Close => "close",
            Reason::Move => "move",
            Reason::Gather => "gather",
        }
    }

    /// The stored number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The reason of a stored number.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A movement that a decision asks for; it becomes a [`Transfer`] when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The account that the money leaves.
    pub debit: Account,
    /// The account that it enters.
    pub credit: Account,
    /// How much, in minor units of the campaign's currency; above zero.
    pub amount: i64,
    /// Why.
    pub reason: Reason,
    /// The number of what it is about (see [`Reason`]).
    pub subject: i64,
    /// The refund's place among those of its payment; of packets that move, their tier, and [`CONTINUES`] with it where
    /// one move has several lines; [`PUT_BACK`] where a coupon's packet went back into the stock; else 0.
    pub part: u32,
    /// The coupon whose money moves; `None` for fundings, closes, refunds' shares, and what goes between cells.
    pub coupon: Option<CouponId>,
}

/// The `part` of a line with which a coupon's packet went back into the stock of its cell. So the lines alone tell what
/// was in the stock when a claim took its packet.
pub const PUT_BACK: u32 = 1;

/// Added to the tier in the `part` of a line that belongs to the same move as the one before it: the packets of a move
/// are drawn together, by the number of its first line.
pub const CONTINUES: u32 = 1 << 16;

/// Which way something goes between cells, as one of them sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To another cell.
    Into(Cell),
    /// From another cell.
    From(Cell),
}

impl Movement {
    /// Free money that goes to another cell, or comes from it.
    pub fn between_cells(way: Way, amount: i64, reason: Reason, part: u32) -> Self {
        let (debit, credit, other) = match way {
            Way::Into(other) => (Account::Free, Account::Moved, other),
            Way::From(other) => (Account::Moved, Account::Free, other),
        };
        Self { debit, credit, amount, reason, subject: i64::from(other.0), part, coupon: None }
    }

    /// The tier of packets that move.
    pub fn tier(&self) -> usize {
        (self.part & !CONTINUES) as usize
    }

    /// Whether packets move together with those of the line before.
    pub fn continues(&self) -> bool {
        self.reason == Reason::Move && self.part & CONTINUES != 0
    }

    /// Whether a coupon's packet went back into the stock.
    pub fn puts_back(&self) -> bool {
        let ends = matches!(self.reason, Reason::Expire | Reason::Void | Reason::Release | Reason::Cancel);
        ends && self.part == PUT_BACK
    }
}

/// A line of the ledger. Only coupons that are issued in one batch share a line: their ordinals follow
/// each other, so that the line names each of them. Packets of a tier that move at once share one, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its number.
    pub id: TransferId,
    /// The campaign whose money moves.
    pub campaign: CampaignNo,
    /// What moves, and why.
    pub movement: Movement,
    /// How many coupons the line issues, or packets it moves; 1 for every other reason.
    pub count: u32,
    /// When.
    pub at: Time,
}

impl Transfer {
    /// How many lines it is when coupons are listed one by one.
    pub fn lines(&self) -> u32 {
        if self.movement.reason == Reason::Issue { self.count } else { 1 }
    }
}

/// The balances of a campaign's accounts, in one cell or over all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets([i64; 9]);

impl Buckets {
    /// Balances as they are stored, in the order of [`Account::ALL`].
    pub fn stored(balances: [i64; 9]) -> Self {
        Self(balances)
    }

    /// The balances in the order of [`Account::ALL`].
    pub fn balances(&self) -> [i64; 9] {
        self.0
    }

    /// The balance of an account.
    pub fn get(&self, account: Account) -> i64 {
        self.0[usize::from(account.number())]
    }

    /// Everything that the funder has paid in. (No line makes the one balance that has no opposite.)
    pub fn funded(&self) -> i64 {
        self.get(Account::Funder).saturating_neg()
    }

    /// The balances after a movement; a fault when a bucket would go below zero.
    pub fn after(mut self, movement: &Movement) -> Result<Self, Fault> {
        if movement.amount <= 0 {
            return Err(Fault::Broken("a transfer moves nothing"));
        }
        let from = &mut self.0[usize::from(movement.debit.number())];
        *from = if movement.debit.is_outside() {
            from.checked_sub(movement.amount).ok_or(Fault::Overflow)?
        } else {
            take(*from, movement.amount)?
        };
        let into = &mut self.0[usize::from(movement.credit.number())];
        *into = sum(*into, movement.amount)?;
        Ok(self)
    }

    /// The balances of two cells together.
    pub fn plus(mut self, other: &Buckets) -> Result<Self, Fault> {
        for (balance, more) in self.0.iter_mut().zip(other.0) {
            *balance = sum(*balance, more)?;
        }
        Ok(self)
    }

    /// The two equations that hold in each cell at every instant: funded = free + committed + reserved + spent +
    /// returned + moved, and what was recovered came from refunds.
    pub fn adds_up(&self) -> bool {
        let parts = [
            Account::Free,
            Account::Committed,
            Account::Reserved,
            Account::Spent,
            Account::Returned,
            Account::Moved,
        ];
        let held: i128 = parts.iter().map(|account| i128::from(self.get(*account))).sum();
        let opposite = |account| -i128::from(self.get(account));
        held == opposite(Account::Funder) && i128::from(self.get(Account::Recovered)) == opposite(Account::Refunds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movement(debit: Account, credit: Account, amount: i64) -> Movement {
        Movement { debit, credit, amount, reason: Reason::Fund, subject: 1, part: 0, coupon: None }
    }

    #[test]
    fn buckets_never_go_below_zero_and_always_add_up() {
        let funded = Buckets::default().after(&movement(Account::Funder, Account::Free, 100)).unwrap();
        assert_eq!((funded.funded(), funded.get(Account::Free)), (100, 100));
        let issued = funded.after(&movement(Account::Free, Account::Committed, 60)).unwrap();
        assert!(issued.adds_up());
        assert_eq!(issued.after(&movement(Account::Free, Account::Committed, 41)), Err(Fault::Negative));
        assert_eq!(
            issued.after(&movement(Account::Free, Account::Committed, 0)),
            Err(Fault::Broken("a transfer moves nothing"))
        );
        let recovered = issued.after(&movement(Account::Refunds, Account::Recovered, 7)).unwrap();
        assert!(recovered.adds_up());
        assert_eq!(recovered.get(Account::Recovered), 7);
    }

    #[test]
    fn what_is_between_cells_may_go_below_zero_and_free_money_may_not() {
        let funded = Buckets::default().after(&movement(Account::Funder, Account::Free, 100)).unwrap();
        let gave = funded.after(&movement(Account::Free, Account::Moved, 60)).unwrap();
        let took = Buckets::default().after(&movement(Account::Moved, Account::Free, 60)).unwrap();
        assert_eq!((gave.get(Account::Moved), took.get(Account::Moved)), (60, -60));
        assert_eq!((gave.adds_up(), took.adds_up()), (true, true));
        assert_eq!(gave.plus(&took).unwrap(), funded);
        assert_eq!(gave.after(&movement(Account::Free, Account::Moved, 41)), Err(Fault::Negative));
    }

    #[test]
    fn numbers_of_accounts_and_reasons_are_stored_for_ever() {
        for (number, account) in Account::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(account.number()), number);
            assert_eq!(Account::of_number(account.number()), Some(account));
        }
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.number()), number);
            assert_eq!(Reason::of_number(reason.number()), Some(reason));
        }
        assert_eq!((Account::of_number(9), Reason::of_number(13)), (None, None));
    }

    #[test]
    fn balances_of_cells_are_summed_account_by_account() {
        let one = Buckets::stored([-10, 2, 3, 2, 1, 0, 6, -6, 2]);
        let other = Buckets::stored([-5, 3, 1, 1, 1, 1, 0, 0, -2]);
        assert_eq!((one.adds_up(), other.adds_up()), (true, true), "each cell's books add up by themselves");
        let sum = one.plus(&other).unwrap();
        assert_eq!(sum.balances(), [-15, 5, 4, 3, 2, 1, 6, -6, 0]);
        assert_eq!((sum.funded(), sum.adds_up()), (15, true));
        let most = Buckets::stored([0, i64::MAX, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(most.plus(&most), Err(Fault::Overflow));
    }

    #[test]
    fn a_doubled_or_lost_fen_shows() {
        assert!(Buckets::stored([-10, 4, 3, 2, 1, 0, 0, 0, 0]).adds_up());
        assert!(!Buckets::stored([-10, 4, 3, 2, 1, 1, 0, 0, 0]).adds_up());
        assert!(!Buckets::stored([-10, 4, 3, 2, 1, 0, 1, 0, 0]).adds_up());
        assert!(!Buckets::stored([-10, 4, 3, 2, 1, 0, 0, 0, 1]).adds_up());
    }
}
