//! A campaign of the model: its status by the clock, its stock, its money.

use std::collections::BTreeSet;

use crate::ask::{Document, Scope};
use crate::model::{calendar, packet};

/// The buckets of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of domain.md")]
pub struct Buckets {
    pub funded: i64,
    pub free: i64,
    pub committed: i64,
    pub reserved: i64,
    pub spent: i64,
    pub returned: i64,
    pub recovered: i64,
}

/// How far a campaign has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A draft.
    Draft,
    /// In review.
    InReview,
    /// Approved, but not funded for its whole stock.
    Approved,
    /// Approved and funded.
    Open,
    /// Paused, since when.
    Paused(Scope, i64),
    /// Ended before its time.
    Ended,
    /// Closed.
    Closed,
}

/// A campaign.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its rules.
    pub rules: Document,
    /// The key of its pool, which follows from its rules and from when they were stated.
    pub pool_key: [u8; 32],
    /// How far it is.
    pub stage: Stage,
    /// Who submitted it.
    pub submitted_by: Option<&'static str>,
    /// Packets left.
    pub left: Vec<u64>,
    /// Claims so far.
    pub ordinal: u64,
    /// Its money.
    pub buckets: Buckets,
    /// Packets that went back by the clock since server and model were last seen to agree: a server whose
    /// storage fails may have them back later.
    pub coming_back: Vec<usize>,
}

impl Campaign {
    /// A new draft.
    pub fn new(rules: Document) -> Self {
        let left = rules.packets.iter().map(|tier| tier.count).collect();
        let (stage, buckets) = (Stage::Draft, Buckets::default());
        Self {
            rules,
            pool_key: [0; 32],
            stage,
            submitted_by: None,
            left,
            ordinal: 0,
            buckets,
            coming_back: Vec::new(),
        }
    }

    /// Its rules are stated.
    pub fn state(&mut self, now: i64) {
        self.stage = Stage::Approved;
        self.pool_key = packet::pool_key(&self.rules.pool_secret, self.rules.starts_at, now);
    }

    /// The status at `now`.
    pub fn status(&self, now: i64) -> &'static str {
        match self.stage {
            Stage::Draft => "draft",
            Stage::InReview => "in_review",
            Stage::Approved => "approved",
            Stage::Open if now < self.rules.starts_at => "scheduled",
            Stage::Open if now < self.rules.ends_at => "live",
            Stage::Open | Stage::Ended => "ended",
            Stage::Paused(..) => "paused",
            Stage::Closed => "closed",
        }
    }

    /// What the whole stock is worth.
    pub fn budget(&self) -> i64 {
        self.rules.packets.iter().map(|tier| tier.face * i64::try_from(tier.count).unwrap_or(i64::MAX)).sum()
    }

    /// The instant by which expiries are judged at `now`.
    pub fn judged(&self, now: i64) -> i64 {
        match self.stage {
            Stage::Paused(Scope::All, since) => since,
            _ => now,
        }
    }

    /// Whether no deduction is made.
    pub fn is_frozen(&self) -> bool {
        matches!(self.stage, Stage::Paused(Scope::All, _))
    }

    /// The stocks that a server may see: this one, less any of the packets that it may still have to put back.
    pub(super) fn possible_stocks(&self) -> BTreeSet<Vec<u64>> {
        let mut stocks = BTreeSet::from([self.left.clone()]);
        for tier in &self.coming_back {
            let fewer: Vec<Vec<u64>> = stocks
                .iter()
                .filter(|left| left[*tier] > 0)
                .map(|left| {
                    let mut left = left.clone();
                    left[*tier] -= 1;
                    left
                })
                .collect();
            stocks.extend(fewer);
        }
        stocks
    }

    /// The window that holds `now`.
    pub fn window(&self, now: i64) -> (i64, i64) {
        let rules = &self.rules;
        calendar::window(rules.starts_at, rules.ends_at, rules.window_days, rules.zone, now)
    }
}
