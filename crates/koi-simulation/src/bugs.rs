//! Bugs that can be planted, to prove that the simulation finds them. They live in the store's wrapper: the
//! server itself has no switch for any of them.

use koi_core::id::{CampaignNo, TransferId};
use koi_core::idempotency::Key;
use koi_core::rows::{Cells, Rows, Slice, Table, Write};
use koi_store::{Notes, Store, StoreError};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A movement reaches its bucket twice, with one line in the ledger.
    BucketMovedTwice,
    /// A movement is booked twice, with two lines in the ledger.
    TransferTwice,
    /// A coupon's update is not written.
    CouponNotWritten,
    /// A quote's idempotency key is not kept.
    KeyForgotten,
    /// The answer to an order is not kept.
    AnswerForgotten,
    /// What a refused claim would have taken is written.
    RefusedButWritten,
    /// A commit is reported that never was.
    CommitLost,
    /// A batch decides on balances and a stock that an earlier one changed.
    StaleSlice,
    /// The stock has one packet more than it should.
    PacketTooMany,
    /// A payment's fee is one minor unit too high.
    FeeTooHigh,
    /// A coupon expires a millisecond late.
    ExpiresLate,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 11] = [
        Bug::BucketMovedTwice,
        Bug::TransferTwice,
        Bug::CouponNotWritten,
        Bug::KeyForgotten,
        Bug::AnswerForgotten,
        Bug::RefusedButWritten,
        Bug::CommitLost,
        Bug::StaleSlice,
        Bug::PacketTooMany,
        Bug::FeeTooHigh,
        Bug::ExpiresLate,
    ];
}

/// A bug bites at every so many chances only: a bug that always bites is found by anything.
const BITES_ONE_IN: u32 = 5;

/// A planted bug with what it remembers.
#[derive(Debug)]
pub(crate) struct Planted {
    bug: Bug,
    chances: u32,
    begun: Option<Cells>,
    stale: Option<(CampaignNo, Slice)>,
}

impl Planted {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, chances: 0, begun: None, stale: None }
    }

    fn bites(&mut self) -> bool {
        self.chances += 1;
        self.chances.is_multiple_of(BITES_ONE_IN)
    }

    /// What the rows of a batch look like to the server.
    pub(crate) fn begun(&mut self, rows: &mut Rows) {
        match self.bug {
            Bug::StaleSlice => {
                if let Some((campaign, slice)) = self.stale.clone()
                    && rows.slices.has(campaign)
                    && self.bites()
                {
                    rows.slices.load(campaign, slice);
                }
                self.stale = (1..=4).map(CampaignNo).find_map(|no| Some((no, rows.slices.get(no)?.clone())));
            }
            Bug::PacketTooMany => {
                for number in (1..=4).map(CampaignNo) {
                    if let Some(mut slice) = rows.slices.get(number).cloned()
                        && self.bites()
                    {
                        slice.left[0] += 1;
                        rows.slices.load(number, slice);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a transaction began with.
    pub(crate) fn remember(&mut self, cells: &Cells) {
        if self.bug == Bug::RefusedButWritten {
            self.begun = Some(cells.clone());
        }
    }

    /// Commits, with the bug.
    pub(crate) fn commit(
        &mut self,
        inner: &mut impl Store,
        cells: &Cells,
        notes: &Notes,
    ) -> Result<(), StoreError> {
        let mut wrong = cells.clone();
        match self.bug {
            Bug::BucketMovedTwice | Bug::TransferTwice => wrong.iter_mut().for_each(|rows| self.move_twice(rows)),
            Bug::CouponNotWritten => wrong.iter_mut().for_each(|rows| self.leave_a_coupon_out(rows)),
            Bug::KeyForgotten => wrong.iter_mut().for_each(|rows| self.change_quotes(rows)),
            Bug::FeeTooHigh => wrong.iter_mut().for_each(|rows| self.change_payments(rows)),
            Bug::ExpiresLate => wrong.iter_mut().for_each(|rows| self.change_coupons(rows)),
            Bug::CommitLost => {
                if notes.log.is_empty() && notes.sandbox_clock.is_none() && self.bites() {
                    inner.rollback();
                    return Ok(());
                }
            }
            Bug::AnswerForgotten | Bug::RefusedButWritten | Bug::StaleSlice | Bug::PacketTooMany => {}
        }
        inner.commit(&wrong, notes)
    }

    /// Forgets a transaction, with the bug.
    pub(crate) fn rollback(&mut self, inner: &mut impl Store) {
        let begun = self.begun.take();
        if let Some(mut cells) = begun {
            let slice_of =
                |rows: &Rows| (1..=4).map(CampaignNo).find_map(|no| Some((no, rows.slices.get(no)?.clone())));
            let found = cells.iter().find_map(|rows| Some((rows.cell, slice_of(rows)?)));
            if let Some((cell, (number, mut slice))) = found
                && slice.left[0] > 0
                && self.bites()
            {
                slice.left[0] -= 1;
                if let Some(rows) = cells.get_mut(cell) {
                    rows.slices.put(number, slice);
                }
                if inner.commit(&cells, &Notes::default()).is_ok() {
                    return;
                }
            }
        }
        inner.rollback();
    }

    /// Whether the answer that is looked for is forgotten.
    pub(crate) fn forgets_answers(&mut self) -> bool {
        self.bug == Bug::AnswerForgotten && self.bites()
    }

    fn move_twice(&mut self, rows: &mut Rows) {
        let Some(line) = rows.transfers.last().copied() else { return };
        let Some(mut slice) = rows.slices.get(line.campaign).cloned() else { return };
        let Ok(buckets) = slice.buckets.after(&line.movement) else { return };
        if !self.bites() {
            return;
        }
        slice.buckets = buckets;
        rows.slices.put(line.campaign, slice);
        if self.bug == Bug::TransferTwice {
            let id = TransferId::new(rows.cell, rows.counters.transfer);
            rows.counters.transfer += 1;
            rows.transfers.push(koi_core::ledger::Transfer { id, ..line });
        }
    }

    fn leave_a_coupon_out(&mut self, rows: &mut Rows) {
        let updated = rows.coupons.changed().any(|(_, _, write)| write == Write::Update);
        if updated && self.bites() {
            let mut left_out = false;
            rows.coupons = rewritten(&rows.coupons, |coupon, write| {
                let leave = write == Write::Update && !std::mem::replace(&mut left_out, true);
                (!leave).then(|| coupon.clone())
            });
        }
    }

    fn change_quotes(&mut self, rows: &mut Rows) {
        if rows.quotes.changed().any(|(_, _, write)| write == Write::Insert) && self.bites() {
            rows.quotes = rewritten(&rows.quotes, |quote, _| {
                let mut quote = quote.clone();
                quote.asked.key = Key(quote.asked.key.0 ^ 1);
                Some(quote)
            });
        }
    }

    fn change_payments(&mut self, rows: &mut Rows) {
        if rows.payments.is_changed() && self.bites() {
            rows.payments = rewritten(&rows.payments, |payment, _| {
                Some(koi_core::payment::Payment { fee: payment.fee + 1, ..payment.clone() })
            });
        }
    }

    fn change_coupons(&mut self, rows: &mut Rows) {
        if rows.coupons.is_changed() && self.bites() {
            rows.coupons = rewritten(&rows.coupons, |coupon, _| {
                Some(koi_core::coupon::Coupon { expires_at: coupon.expires_at.plus_ms(1), ..coupon.clone() })
            });
        }
    }
}

/// The changed rows of a table, each as `each` wants it written, or not written at all.
fn rewritten<K: Copy + Ord + std::hash::Hash, V: Clone>(
    table: &Table<K, V>,
    mut each: impl FnMut(&V, Write) -> Option<V>,
) -> Table<K, V> {
    let mut rewritten = Table::default();
    for (key, row, write) in table.changed() {
        let Some(changed) = each(row, write) else { continue };
        if write == Write::Update {
            rewritten.load(key, row.clone());
        }
        rewritten.put(key, changed);
    }
    rewritten
}
