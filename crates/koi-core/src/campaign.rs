//! A campaign's life: who may move it where, and what its clock says.
//!
//! ```text
//! draft ─submit─▶ in_review ─approve─▶ approved ─funded─▶ open ─┬─ by the clock: scheduled, live, ended
//!                                                               ├─pause─▶ paused ─resume─▶ open
//!                                                               └─end──▶ ended (early) ─close─▶ closed
//! ```
//! Each transition takes the campaign by value and answers the next one, or the refusal.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::id::{CampaignNo, MerchantId, Principal};
use crate::ledger::{Account, Buckets};
use crate::refusal::Refusal;
use crate::rules::Rules;
use crate::time::{Time, windows};

/// What a pause stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// No new coupons; live ones keep working.
    Issuing,
    /// No new deductions either, and no coupon expires.
    All,
}

impl Scope {
    /// The scope's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Issuing => "issuing",
            Scope::All => "all",
        }
    }
}

/// Where a campaign stands. What the clock decides is not stored: see [`Status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its operator may still throw it away.
    Draft,
    /// Waits for a second pair of eyes.
    InReview,
    /// Waits for the money of its whole stock.
    Approved,
    /// Funded: the clock opens and ends it.
    Open,
    /// Stopped by an operator.
    Paused {
        /// What is stopped.
        scope: Scope,
        /// Since when.
        since: Time,
        /// Why.
        reason: Arc<str>,
    },
    /// Ended before its time.
    Ended {
        /// Since when.
        at: Time,
        /// Why.
        reason: Arc<str>,
    },
    /// What was left went back to the funder.
    Closed {
        /// Since when.
        at: Time,
    },
}

/// A campaign's status as people see it: its state, read by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// See [`State::Draft`].
    Draft,
    /// See [`State::InReview`].
    InReview,
    /// See [`State::Approved`].
    Approved,
    /// Open, before its start, or before the randomness is known that seals its stock.
    Scheduled,
    /// Open, within its time.
    Live,
    /// See [`State::Paused`].
    Paused,
    /// Open past its end, or ended early.
    Ended,
    /// See [`State::Closed`].
    Closed,
}

impl Status {
    /// The status's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::InReview => "in_review",
            Status::Approved => "approved",
            Status::Scheduled => "scheduled",
            Status::Live => "live",
            Status::Paused => "paused",
            Status::Ended => "ended",
            Status::Closed => "closed",
        }
    }
}

/// A pause of scope `all`: the time that coupons get back. It ends when the campaign is resumed or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Its first instant.
    pub from: Time,
    /// The first instant after it; `None` while it lasts.
    pub until: Option<Time>,
}

/// What seals a campaign's stock: public randomness of a round that nobody chose, and that nobody knew when the rules
/// were stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// When the rules were stated.
    pub stated_at: Time,
    /// The hash of the chain that the randomness is of.
    pub chain: [u8; 32],
    /// The round, which follows from the rules and from when they were stated.
    pub round: u64,
    /// What came of the round; `None` until it is known here.
    pub beacon: Option<Beacon>,
}

/// Public randomness, with the signature that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// SHA-256 of the signature.
    pub randomness: [u8; 32],
    /// The chain's signature of the round.
    pub signature: Arc<[u8]>,
}

/// A campaign: its rules, where it stands, and what is derived from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Its number within the installation.
    pub number: CampaignNo,
    /// Its rules.
    pub rules: Arc<Rules>,
    /// The revision of the rules, from 1.
    pub revision: u32,
    /// Where it stands.
    pub state: State,
    /// Who submitted it.
    pub submitted_by: Option<Principal>,
    /// Who approved it.
    pub approved_by: Option<Principal>,
    /// Its pauses of scope `all`, in order; they do not overlap, and only the last may be open.
    pub pauses: Vec<Pause>,
    /// The secret that is committed before the opening and published after the close.
    pub pool_secret: [u8; 32],
    /// What seals its stock; `None` until its rules are stated, which they are when it is approved.
    pub seal: Option<Seal>,
    /// The starts of its windows, and its end.
    pub windows: Arc<[Time]>,
    /// The merchants that take part, to be found at once among many; `None`: all.
    pub participants: Option<Arc<FxHashSet<MerchantId>>>,
}

impl Campaign {
    /// A new draft.
    pub fn draft(number: CampaignNo, rules: Rules, pool_secret: [u8; 32]) -> Self {
        let starts = windows(rules.starts_at, rules.ends_at, rules.limits.window_days, &rules.zone);
        Self {
            number,
            revision: 1,
            state: State::Draft,
            submitted_by: None,
            approved_by: None,
            pauses: Vec::new(),
            pool_secret,
            seal: None,
            windows: starts.into(),
            participants: rules.merchants.as_ref().map(|list| Arc::new(list.iter().cloned().collect())),
            rules: Arc::new(rules),
        }
    }

    /// Whether a merchant takes part.
    pub fn admits(&self, merchant: &MerchantId) -> bool {
        self.participants.as_ref().is_none_or(|participants| participants.contains(merchant))
    }

    /// The status at `now`.
    pub fn status(&self, now: Time) -> Status {
        match &self.state {
            State::Draft => Status::Draft,
            State::InReview => Status::InReview,
            State::Approved => Status::Approved,
            State::Open if now >= self.rules.ends_at => Status::Ended,
            State::Open if now < self.rules.starts_at || self.beacon().is_none() => Status::Scheduled,
            State::Open => Status::Live,
            State::Ended { .. } => Status::Ended,
            State::Paused { .. } => Status::Paused,
            State::Closed { .. } => Status::Closed,
        }
    }

    /// The public randomness that seals the stock, once it is known. Before that no packet can be drawn.
    pub fn beacon(&self) -> Option<&Beacon> {
        self.seal.as_ref()?.beacon.as_ref()
    }

    /// Whether no deduction may be made now.
    pub fn is_frozen(&self) -> bool {
        matches!(self.state, State::Paused { scope: Scope::All, .. })
    }

    /// The instant by which a coupon's expiry is judged at `now`: during a pause of scope `all`, its start.
    pub fn judged_at(&self, now: Time) -> Time {
        match self.pauses.last() {
            Some(Pause { from, until: None }) => now.min(*from),
            _ => now,
        }
    }

    /// The window that holds `time`: its first instant and the first after it; `None` outside the campaign.
    pub fn window(&self, time: Time) -> Option<(Time, Time)> {
        let next = self.windows.partition_point(|start| *start <= time);
        Some((*self.windows.get(next.checked_sub(1)?)?, *self.windows.get(next)?))
    }

    /// `draft` → `in_review`.
    pub fn submit(self, by: &Principal) -> Result<Self, Refusal> {
        match self.state {
            State::Draft => Ok(Self { state: State::InReview, submitted_by: Some(by.clone()), ..self }),
            _ => Err(Refusal::InvalidTransition),
        }
    }

    /// `in_review` → `approved`, by somebody else than who submitted it: the rules are stated, and with them which
    /// randomness seals the stock.
    pub fn approve(self, by: &Principal, seal: Seal) -> Result<Self, Refusal> {
        match self.state {
            State::InReview if self.submitted_by.as_ref() == Some(by) => Err(Refusal::OwnSubmission),
            State::InReview => {
                Ok(Self { state: State::Approved, approved_by: Some(by.clone()), seal: Some(seal), ..self })
            }
            _ => Err(Refusal::InvalidTransition),
        }
    }

    /// The randomness of its round is known: once, never another round's, and not after the close. Whether it is the
    /// chain's is checked by who carries the order out.
    pub fn unseal(self, round: u64, beacon: Beacon) -> Result<Self, Refusal> {
        match self.seal {
            Some(_) if matches!(self.state, State::Closed { .. }) => Err(Refusal::InvalidTransition),
            Some(seal @ Seal { beacon: None, .. }) if seal.round == round => {
                Ok(Self { seal: Some(Seal { beacon: Some(beacon), ..seal }), ..self })
            }
            Some(Seal { .. }) | None => Err(Refusal::InvalidTransition),
        }
    }

    /// Whether this very randomness is known already: several may bring it.
    pub fn is_unsealed_by(&self, round: u64, beacon: &Beacon) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.round == round) && self.beacon() == Some(beacon)
    }

    /// Whether money may come in.
    pub fn takes_funds(&self) -> Result<(), Refusal> {
        match self.state {
            State::Approved | State::Open | State::Paused { .. } | State::Ended { .. } => Ok(()),
            State::Draft | State::InReview | State::Closed { .. } => Err(Refusal::InvalidTransition),
        }
    }

    /// `approved` → open, once `free` covers the whole stock.
    pub fn funded(self, free: i64) -> Self {
        match self.state {
            State::Approved if free >= self.rules.budget() => Self { state: State::Open, ..self },
            _ => self,
        }
    }

    /// `live` → `paused`.
    pub fn pause(mut self, scope: Scope, reason: Arc<str>, now: Time) -> Result<Self, Refusal> {
        if self.status(now) != Status::Live {
            return Err(Refusal::InvalidTransition);
        }
        if scope == Scope::All {
            self.pauses.push(Pause { from: now, until: None });
        }
        Ok(Self { state: State::Paused { scope, since: now, reason }, ..self })
    }

    /// `paused` → open.
    pub fn resume(self, now: Time) -> Result<Self, Refusal> {
        match self.state {
            State::Paused { .. } => Ok(Self { state: State::Open, ..self.lifted(now) }),
            _ => Err(Refusal::InvalidTransition),
        }
    }

    /// `live` or `paused` → `ended`, which lifts the pause.
    pub fn end(self, reason: Arc<str>, now: Time) -> Result<Self, Refusal> {
        match self.status(now) {
            Status::Live | Status::Paused => {
                Ok(Self { state: State::Ended { at: now, reason }, ..self.lifted(now) })
            }
            Status::Draft
            | Status::InReview
            | Status::Approved
            | Status::Scheduled
            | Status::Ended
            | Status::Closed => Err(Refusal::InvalidTransition),
        }
    }

    /// `ended` → `closed`, when no coupon and no quote holds money any more.
    pub fn close(self, buckets: &Buckets, now: Time) -> Result<Self, Refusal> {
        let held = buckets.get(Account::Committed) + buckets.get(Account::Reserved);
        match self.status(now) {
            Status::Ended if held == 0 => Ok(Self { state: State::Closed { at: now }, ..self }),
            _ => Err(Refusal::InvalidTransition),
        }
    }

    fn lifted(mut self, now: Time) -> Self {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.until.is_none()) {
            pause.until = Some(now);
        }
        self
    }
}
