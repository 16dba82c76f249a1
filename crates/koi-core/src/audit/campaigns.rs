//! Campaigns: whether their state fits their money, and their stock the coupons that are out.

use super::{Audit, Place};
use crate::campaign::{Campaign, Pause, Scope, State};
use crate::id::{MAX_CAMPAIGNS, MAX_CELLS};
use crate::ledger::Account;
use crate::rows::Slice;

/// What the slices of a campaign hold together.
struct Held {
    slices: usize,
    issued: u64,
    /// What the packets that are left are worth.
    promised: i128,
    balances: [i128; 8],
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
            if cell.0 >= MAX_CELLS || number.0 > MAX_CAMPAIGNS || self.campaign(number).is_none() {
                self.broken(format!("{name}: a slice without a campaign"));
            }
        }
        let mut campaigns: Vec<&Campaign> = self.campaigns.values().copied().collect();
        campaigns.sort_unstable_by_key(|campaign| campaign.number);
        for campaign in campaigns {
            let held = self.held(campaign);
            for what in disagreements(campaign, &held) {
                self.broken(format!("{}: {what}", campaign.rules.id));
            }
        }
    }

    fn held(&self, campaign: &Campaign) -> Held {
        let mut held = Held { slices: 0, issued: 0, promised: 0, balances: [0; 8] };
        for (_, _, slice) in self.known.slices.iter().filter(|(_, number, _)| *number == campaign.number) {
            held.slices += 1;
            held.issued += u64::from(slice.next_ordinal);
            for (tier, left) in campaign.rules.packets.iter().zip(&slice.left) {
                held.promised = held.promised.saturating_add(i128::from(tier.face) * i128::from(*left));
            }
            for (sum, balance) in held.balances.iter_mut().zip(slice.buckets.balances()) {
                *sum += i128::from(balance);
            }
        }
        held
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
        self.stock(place, slice, &sums.out);
    }

    /// `out`: the packets out of the stock, tier by tier.
    fn stock(&mut self, place: Place, slice: &Slice, out: &[i128]) {
        let Some(campaign) = self.campaign(place.1) else { return };
        let (tiers, rows) = (campaign.rules.packets.len(), slice.left.len());
        if rows != tiers {
            let name = self.name(place);
            self.broken(format!("{name}: the stock has {rows} tiers, the rules have {tiers}"));
        }
        for (tier, (rule, (left, out))) in
            campaign.rules.packets.iter().zip(slice.left.iter().zip(out)).enumerate()
        {
            if i128::from(*left) + out != i128::from(rule.count) {
                let (name, count) = (self.name(place), rule.count);
                self.broken(format!("{name}: tier {tier} has {left} packets left and {out} out, of {count}"));
            }
        }
    }
}

fn disagreements(campaign: &Campaign, held: &Held) -> Vec<String> {
    let mut found = Vec::new();
    if held.slices == 0 {
        found.push("its slice is not there".to_owned());
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
    for account in empty.iter().filter(|account| held.get(**account) != 0) {
        found.push(format!("it is {state}, and its account {} holds {}", account.name(), held.get(*account)));
    }
    let (budget, funded) = (i128::from(campaign.rules.budget()), -held.get(Account::Funder));
    let (issues, is_funded, keeps_promise) = match campaign.state {
        State::Draft | State::InReview => (held.issued == 0, true, true),
        State::Approved => (held.issued == 0, funded < budget, true),
        State::Open | State::Paused { .. } | State::Ended { .. } => {
            (true, funded >= budget, held.get(Account::Free) >= held.promised)
        }
        State::Closed { .. } => (true, funded >= budget, true),
    };
    if !issues {
        found.push(format!("it is {state}, and {} coupons were issued", held.issued));
    }
    if !is_funded {
        found.push(format!("it is {state}, its stock is worth {budget}, and {funded} was funded"));
    }
    if !keeps_promise {
        let free = held.get(Account::Free);
        found.push(format!("account free holds {free}, the packets left are worth {}", held.promised));
    }
    if !pauses_fit(campaign) {
        found.push(format!("it is {state}, and its pauses do not fit that"));
    }
    if !was_approved(campaign) {
        found.push(format!("it is {state}, and who submitted and approved it does not fit that"));
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
