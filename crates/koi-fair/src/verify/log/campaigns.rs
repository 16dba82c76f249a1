//! The campaigns of a log: first what each says of itself, then everything again with that known.

use std::collections::{BTreeMap, BTreeSet};

use super::super::report::{Campaign, Caveat, Checked, Finding, Numbers, State};
use super::super::{CAMPAIGNS_MAX, FINDINGS_MAX};
use super::Stop;
use crate::beacon::Chain;
use crate::replay::{Findings, Outline, Outlines, Replay, Replayed, Wrong};
use crate::statement::Statement;

/// The first pass.
pub(super) struct Campaigns<'a> {
    only: &'a BTreeSet<String>,
    outlines: Outlines,
    findings: BTreeMap<String, Findings>,
}

impl<'a> Campaigns<'a> {
    /// Looks at these campaigns; at all if none is named.
    pub(super) fn new(only: &'a BTreeSet<String>) -> Self {
        let outlines = Outlines::new(vec![Chain::quicknet(), Chain::local()]);
        Self { only, outlines, findings: BTreeMap::new() }
    }

    /// Takes a statement, in the order of the log.
    pub(super) fn outline<E>(&mut self, index: u64, statement: &Statement) -> Result<(), Stop<E>> {
        let campaign = statement.campaign();
        if !self.only.is_empty() && !self.only.contains(campaign) {
            return Ok(());
        }
        if !self.findings.contains_key(campaign) {
            if self.findings.len() == CAMPAIGNS_MAX {
                return Err(Stop::TooManyCampaigns);
            }
            self.findings.insert(campaign.to_owned(), Findings::new(FINDINGS_MAX));
        }
        if let Some(findings) = self.findings.get_mut(campaign) {
            findings.at(Some(index), campaign);
            self.outlines.take(statement, findings);
        }
        Ok(())
    }

    /// What the campaigns said of themselves, and what is wrong with that.
    pub(super) fn outlined(self) -> (Outlines, BTreeMap<String, Findings>) {
        (self.outlines, self.findings)
    }
}

/// The second pass.
pub(super) struct Replays<'a>(BTreeMap<String, One<'a>>);

struct One<'a> {
    /// `None`: its rules are not known.
    replay: Option<(&'a Outline, Replay<'a>)>,
    state: State,
    findings: Findings,
}

impl<'a> Replays<'a> {
    /// Begins with what the first pass found.
    pub(super) fn new(outlines: &'a Outlines, findings: BTreeMap<String, Findings>) -> Self {
        let unknown = |findings| One { replay: None, state: State::Unknown, findings };
        let mut all: BTreeMap<_, _> =
            findings.into_iter().map(|(campaign, findings)| (campaign, unknown(findings))).collect();
        for outline in outlines.campaigns() {
            if let Some(one) = all.get_mut(outline.campaign()) {
                one.findings.at(None, outline.campaign());
                let (replay, state) = begin(outline, &mut one.findings);
                (one.replay, one.state) = (Some((outline, replay)), state);
            }
        }
        Self(all)
    }

    /// Whether there is anything to replay.
    pub(super) fn are_some(&self) -> bool {
        self.0.values().any(|one| one.replay.is_some())
    }

    /// Takes a statement, in the order of the log.
    pub(super) fn take(&mut self, index: u64, statement: &Statement) {
        let Some(one) = self.0.get_mut(statement.campaign()) else { return };
        if let Some((_, replay)) = &mut one.replay {
            one.findings.at(Some(index), statement.campaign());
            replay.take(statement, &mut one.findings);
        }
    }

    /// Says what was found.
    pub(super) fn finish(self, only: &BTreeSet<String>, checked: &mut Checked) {
        for absent in only.iter().filter(|campaign| !self.0.contains_key(*campaign)) {
            let finding = Finding::new("campaign_absent", "the log says nothing of it");
            checked.refuse(Finding { campaign: Some(absent.clone()), ..finding });
        }
        let campaigns = self.0.into_iter().map(|(campaign, one)| one.finish(campaign, checked)).collect();
        checked.campaigns = Some(campaigns);
    }
}

/// The replay of a campaign, as far as what it said allows one.
fn begin<'a>(outline: &'a Outline, findings: &mut Findings) -> (Replay<'a>, State) {
    let without = |state| (Replay::without_secret(outline), state);
    match (outline.is_closed(), outline.is_revealed()) {
        (false, false) => without(State::Running),
        (true, false) => {
            findings.add(None, Wrong::NotRevealed);
            without(State::Unrevealed)
        }
        // The secret is another one: that was found.
        (_, true) if !outline.has_right_secret() => without(State::Unrevealed),
        // Its randomness never came: there was nothing to draw, and a claim is wrong whatever it took.
        (_, true) => {
            Replay::new(outline).map_or_else(|_| without(State::Replayed), |replay| (replay, State::Replayed))
        }
    }
}

impl One<'_> {
    fn finish(mut self, campaign: String, checked: &mut Checked) -> Campaign {
        let numbers = self.replay.map(|(outline, replay)| {
            self.findings.at(None, &campaign);
            numbers(outline, replay.finish(&mut self.findings))
        });
        match self.state {
            State::Running => checked.caveat(Caveat::Running),
            State::Unrevealed => checked.caveat(Caveat::Unrevealed),
            State::Replayed | State::Unknown => {}
        }
        if numbers.as_ref().is_some_and(|numbers| numbers.local) {
            checked.caveat(Caveat::LocalRandomness);
        }
        checked.refuse_all(self.findings.kept.iter().map(Finding::of_replay), self.findings.count);
        Campaign { campaign, state: self.state, findings: self.findings.count, numbers }
    }
}

fn numbers(outline: &Outline, replayed: Replayed) -> Numbers {
    let Replayed { claims, put_back, moved, cells, left, issued, .. } = replayed;
    Numbers {
        local: outline.rules().beacon.local,
        currency: outline.currency().to_owned(),
        claims,
        put_back,
        moved,
        cells,
        left,
        issued: issued.to_string(),
    }
}
