//! Where a campaign's money lies.

use std::collections::BTreeMap;
use std::ops::AddAssign;

/// What has left `free`, as one part of the world knows it. Parts of one campaign add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlay {
    pub(crate) committed: i64,
    pub(crate) reserved: i64,
    pub(crate) spent: i64,
    pub(crate) recovered: i64,
    /// Packets out of the stock, by face and `split`.
    pub(crate) packets: BTreeMap<(i64, bool), i64>,
}

impl AddAssign for Outlay {
    fn add_assign(&mut self, other: Self) {
        self.committed += other.committed;
        self.reserved += other.reserved;
        self.spent += other.spent;
        self.recovered += other.recovered;
        for (tier, count) in other.packets {
            *self.packets.entry(tier).or_default() += count;
        }
    }
}

/// The buckets of a budget, as `GET …/budget` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buckets {
    pub(crate) funded: i64,
    pub(crate) free: i64,
    pub(crate) committed: i64,
    pub(crate) reserved: i64,
    pub(crate) spent: i64,
    pub(crate) returned: i64,
    pub(crate) recovered: i64,
}

impl Buckets {
    /// The buckets of a campaign: what is not out is free, and goes back to the funder at the close.
    pub(crate) fn of(funded: i64, outlay: &Outlay, closed: bool) -> Self {
        let rest = funded - outlay.committed - outlay.reserved - outlay.spent;
        Self {
            funded,
            free: if closed { 0 } else { rest },
            committed: outlay.committed,
            reserved: outlay.reserved,
            spent: outlay.spent,
            returned: if closed { rest } else { 0 },
            recovered: outlay.recovered,
        }
    }

    /// Whether the money adds up, and no bucket is below zero.
    pub(crate) fn add_up(&self) -> bool {
        let parts = [self.free, self.committed, self.reserved, self.spent, self.returned];
        self.funded == parts.iter().sum::<i64>() && self.recovered >= 0 && parts.iter().all(|&part| part >= 0)
    }
}
