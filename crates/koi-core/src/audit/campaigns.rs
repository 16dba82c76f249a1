//! Campaigns: whether their state fits their money, and their stock the coupons that are out.

use rustc_hash::FxHashMap;

use super::coupons::Sums;
use super::{Audit, Place};
use crate::campaign::{Campaign, Pause, Scope, State};
use crate::id::{CampaignNo, Cell, MAX_CAMPAIGNS};
use crate::ledger::Account;
use crate::packet::Tier;
use crate::rows::Slice;

/// What the slices of a campaign hold together.
#[derive(Default)]
struct Held {
    /// In how many cells of the installation there is one.
    cells: u16,
    issued: u64,
    balances: [i128; 9],
    /// Where the packets that are left are worth more than is free: how much is free, and how much they are worth.
    short: Vec<(Place, i64, i128)>,
}

impl Held {
    fn get(&self, account: Account) -> i128 {
        self.balances[usize::from(account.number())]
    }
}

impl Audit<'_> {
    /// Compares campaigns with their slices.
    pub fn campaigns(&mut self) {
        for place in self.places() {
            let (cell, number) = place;
            let name = self.name(place);
            if number.0 > MAX_CAMPAIGNS || self.campaign(number).is_none() {
                self.broken(format!("{name}: a slice without a campaign"));
            }
            if cell.0 >= self.known.cells {
                self.broken(format!("{name}: a slice without a cell"));
            }
        }
        let mut all = self.held();
        let mut campaigns: Vec<&Campaign> = self.campaigns.values().copied().collect();
        campaigns.sort_unstable_by_key(|campaign| campaign.number);
        for campaign in campaigns {
            let held = all.remove(&campaign.number).unwrap_or_default();
            for what in disagreements(campaign, &held, self.known.cells) {
                self.broken(format!("{}: {what}", campaign.rules.id));
            }
            for (place, free, worth) in held.short.into_iter().filter(|_| is_promised(campaign)) {
                let name = self.name(place);
                self.broken(format!("{name}: account free holds {free}, the packets left are worth {worth}"));
            }
        }
    }

    fn held(&self) -> FxHashMap<CampaignNo, Held> {
        let mut all: FxHashMap<CampaignNo, Held> = FxHashMap::default();
        for (cell, number, slice) in self.known.slices {
            let held = all.entry(*number).or_default();
            held.cells = held.cells.saturating_add(u16::from(cell.0 < self.known.cells));
            held.issued += u64::from(slice.next_ordinal);
            for (sum, balance) in held.balances.iter_mut().zip(slice.buckets.balances()) {
                *sum += i128::from(balance);
            }
            let (free, worth) = (slice.buckets.get(Account::Free), self.worth(*number, slice));
            if i128::from(free) < worth {
                held.short.push(((*cell, *number), free, worth));
            }
        }
        all
    }

    /// What the packets that are left in a slice are worth.
    fn worth(&self, campaign: CampaignNo, slice: &Slice) -> i128 {
        let tiers = self.campaign(campaign).map(|campaign| campaign.rules.packets.as_slice()).unwrap_or_default();
        let worth = |(tier, left): (&Tier, &u64)| i128::from(tier.face) * i128::from(*left);
        tiers.iter().zip(&slice.left).map(worth).fold(0, i128::saturating_add)
    }

    /// Compares what the slice of a place holds with its coupons and purchases.
    pub(super) fn sums_of(&mut self, place: Place) {
        let (Some(slice), Some(sums)) = (self.slices.get(&place).copied(), self.sums.remove(&place)) else {
            return;
        };
        for (account, sum) in [
            (Account::Committed, sums.remaining),
            (Account::Reserved, sums.reserved),
            (Account::Spent, sums.spent),
            (Account::Recovered, sums.recovered),
        ] {
            let kept = slice.buckets.get(account);
            if i128::from(kept) != sum {
                let name = self.name(place);
                self.broken(format!("{name}: account {} holds {kept}, its rows make {sum}", account.name()));
            }
        }
        self.stock(place, slice, &sums);
    }

    /// What is left and what is out is what began in the cell and what moved there: all begins in the treasury.
    fn stock(&mut self, place: Place, slice: &Slice, sums: &Sums) {
        let Some(campaign) = self.campaign(place.1) else { return };
        let (tiers, rows) = (campaign.rules.packets.len(), slice.left.len());
        if rows != tiers {
            let name = self.name(place);
            self.broken(format!("{name}: the stock has {rows} tiers, the rules have {tiers}"));
        }
        let began = |rule: &Tier| if place.0 == Cell::TREASURY { i128::from(rule.count) } else { 0 };
        let told = sums.out.iter().zip(&sums.moved);
        for (tier, (rule, (left, (out, moved)))) in
            campaign.rules.packets.iter().zip(slice.left.iter().zip(told)).enumerate()
        {
            let count = began(rule) + moved;
            if i128::from(*left) + out != count {
                let name = self.name(place);
                self.broken(format!("{name}: tier {tier} has {left} packets left and {out} out, of {count}"));
            }
        }
    }
}

/// Whether people may count on the packets of a campaign, so that money must back them.
fn is_promised(campaign: &Campaign) -> bool {
    match campaign.state {
        State::Open | State::Paused { .. } | State::Ended { .. } => true,
        State::Draft | State::InReview | State::Approved | State::Closed { .. } => false,
    }
}

fn disagreements(campaign: &Campaign, held: &Held, cells: u16) -> Vec<String> {
    let mut found = Vec::new();
    match held.cells {
        0 => found.push("its slice is not there".to_owned()),
        there if there < cells => found.push(format!("it has a slice in {there} of {cells} cells")),
        _ => {}
    }
    if has_opened(campaign) {
        for wrong in campaign.rules.check(campaign.rules.currency) {
            found.push(format!("its rules cannot be: {}", wrong.pointer));
        }
    }
    let empty: &[Account] = match campaign.state {
        State::Draft | State::InReview => &Account::ALL,
        State::Approved => &[Account::Committed, Account::Reserved, Account::Spent, Account::Returned],
        State::Open | State::Paused { .. } | State::Ended { .. } => &[Account::Returned],
        State::Closed { .. } => &[Account::Free, Account::Committed, Account::Reserved],
    };
    let state = state_name(&campaign.state);
    let inside = empty.iter().filter(|account| **account != Account::Moved);
    for account in inside.filter(|account| held.get(**account) != 0) {
        found.push(format!("it is {state}, and its account {} holds {}", account.name(), held.get(*account)));
    }
    if held.get(Account::Moved) != 0 {
        found.push(format!("account moved holds {} in all cells together", held.get(Account::Moved)));
    }
    let (budget, funded) = (i128::from(campaign.rules.budget()), -held.get(Account::Funder));
    let (issues, is_funded) = match campaign.state {
        State::Draft | State::InReview => (held.issued == 0, true),
        State::Approved => (held.issued == 0, funded < budget),
        State::Open | State::Paused { .. } | State::Ended { .. } | State::Closed { .. } => {
            (true, funded >= budget)
        }
    };
    if !issues {
        found.push(format!("it is {state}, and {} coupons were issued", held.issued));
    }
    if !is_funded {
        found.push(format!("it is {state}, its stock is worth {budget}, and {funded} was funded"));
    }
    if !pauses_fit(campaign) {
        found.push(format!("it is {state}, and its pauses do not fit that"));
    }
    if !was_approved(campaign) {
        found.push(format!("it is {state}, and who submitted and approved it does not fit that"));
    }
    if campaign.seal.is_some() != was_stated(campaign) {
        found.push(format!("it is {state}, and what seals its stock does not fit that"));
    }
    if held.issued > 0 && campaign.beacon().is_none() {
        found.push(format!(
            "{} coupons were issued before the randomness was known that seals its stock",
            held.issued
        ));
    }
    found
}

/// Rules that cannot be are refused in time; nothing is issued by them.
fn has_opened(campaign: &Campaign) -> bool {
    match campaign.state {
        State::Open | State::Paused { .. } | State::Ended { .. } | State::Closed { .. } => true,
        State::Draft | State::InReview | State::Approved => false,
    }
}

fn state_name(state: &State) -> &'static str {
    match state {
        State::Draft => "draft",
        State::InReview => "in review",
        State::Approved => "approved",
        State::Open => "open",
        State::Paused { .. } => "paused",
        State::Ended { .. } => "ended",
        State::Closed { .. } => "closed",
    }
}

/// The last pause of scope `all` lasts exactly while the campaign stands still, and no other does.
fn pauses_fit(campaign: &Campaign) -> bool {
    let lasts = |pause: &Pause| pause.until.is_none();
    let over = match campaign.state {
        State::Paused { scope: Scope::All, since, .. } => match campaign.pauses.split_last() {
            Some((last, before)) if lasts(last) && last.from == since => before,
            Some(_) | None => return false,
        },
        State::Paused { scope: Scope::Issuing, .. }
        | State::Draft
        | State::InReview
        | State::Approved
        | State::Open
        | State::Ended { .. }
        | State::Closed { .. } => &campaign.pauses,
    };
    !over.iter().any(lasts)
}

/// The rules are stated when they are approved.
fn was_stated(campaign: &Campaign) -> bool {
    match campaign.state {
        State::Draft | State::InReview => false,
        State::Approved | State::Open | State::Paused { .. } | State::Ended { .. } | State::Closed { .. } => true,
    }
}

/// Two people have brought a campaign past its review.
fn was_approved(campaign: &Campaign) -> bool {
    let (submitted, approved) = (campaign.submitted_by.as_ref(), campaign.approved_by.as_ref());
    match campaign.state {
        State::Draft => submitted.is_none() && approved.is_none(),
        State::InReview => submitted.is_some() && approved.is_none(),
        State::Approved | State::Open | State::Paused { .. } | State::Ended { .. } | State::Closed { .. } => {
            submitted.is_some() && approved.is_some() && submitted != approved
        }
    }
}
