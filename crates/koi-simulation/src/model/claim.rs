//! Claims: the table of refusals, in its order, and the packet of the sealed stock.

use std::collections::BTreeSet;

use crate::ask::Shopper;
use crate::model::calendar::DAY_MS;
use crate::model::campaign::{Campaign, Stage};
use crate::model::coupon::{Coupon, Life};
use crate::model::{Model, Phase, packet};
use crate::seen::{Refused, Reply, Seen};

/// A claim's members.
pub(super) struct Claim<'a> {
    pub(super) campaign: &'a str,
    pub(super) code: &'a str,
    pub(super) shopper: &'a Shopper,
    pub(super) verified: bool,
    pub(super) id_country: &'a str,
}

impl Model {
    pub(super) fn claim(&mut self, claim: &Claim, seen: &Seen) -> Seen {
        match self.claim_refusal(claim) {
            Some(refusal) => refusal,
            None => self.issue(claim, seen),
        }
    }

    fn claim_refusal(&self, claim: &Claim) -> Option<Seen> {
        let no = |code: &str| Some(Seen::refused(code));
        let Some(campaign) = self.campaigns.get(claim.campaign) else { return no("unknown_campaign") };
        let Some(code) = self.codes.get(claim.code) else { return no("unknown_code") };
        if code.revoked {
            return no("code_revoked");
        }
        let rules = &campaign.rules;
        if self.now < rules.starts_at {
            return Some(Seen::refused_until("campaign_not_started", Some(rules.starts_at)));
        }
        if self.now >= rules.ends_at || matches!(campaign.stage, Stage::Ended | Stage::Closed) {
            return no("campaign_ended");
        }
        match campaign.stage {
            Stage::Paused(..) => return no("campaign_paused"),
            Stage::Draft | Stage::InReview | Stage::Approved => return no("campaign_not_live"),
            Stage::Open | Stage::Ended | Stage::Closed => {}
        }
        let store = &self.stores[&code.store];
        if rules.verified && !claim.verified {
            return no("not_verified");
        }
        if !rules.id_countries.is_empty() && !rules.id_countries.contains(&claim.id_country) {
            return no("id_country_not_eligible");
        }
        if rules.not_in_countries.contains(&store.country) {
            return no("store_country_not_eligible");
        }
        if rules.merchants.as_ref().is_some_and(|list| !list.contains(&store.merchant)) {
            return no("store_not_participating");
        }
        self.held(campaign, claim.shopper).or_else(|| self.had(campaign, claim.shopper))
    }

    fn of_person<'a>(&'a self, campaign: &'a Campaign, person: &'a str) -> impl Iterator<Item = &'a Coupon> {
        self.coupons.values().filter(move |coupon| coupon.campaign == campaign.rules.id && coupon.person == person)
    }

    /// The refusal of somebody who holds as many as they may.
    fn held(&self, campaign: &Campaign, shopper: &Shopper) -> Option<Seen> {
        let mut live: Vec<&Coupon> =
            self.of_person(campaign, &shopper.person).filter(|coupon| coupon.life == Life::Live).collect();
        if live.len() < campaign.rules.live as usize {
            return None;
        }
        live.sort_by_key(|coupon| (coupon.expires_at, coupon.serial));
        let until = |coupon: &Coupon| {
            let holds = self.quotes.values().filter(|quote| quote.phase == Phase::Open);
            let holds = holds.filter(|quote| quote.coupon.as_deref() == Some(&coupon.id));
            holds.map(|quote| quote.expires_at).chain([coupon.expires_at]).max()
        };
        Some(match live.iter().find(|coupon| coupon.account == shopper.account) {
            Some(own) => Seen::Refused(Refused {
                code: "coupon_already_held".into(),
                next_allowed_at: until(own),
                coupon: Some(own.shown()),
            }),
            None => Seen::refused_until("person_holds_coupon", until(live.first()?)),
        })
    }

    /// The refusal of somebody who has had as many in this window as they may.
    fn had(&self, campaign: &Campaign, shopper: &Shopper) -> Option<Seen> {
        let (from, until) = campaign.window(self.now);
        let received = self
            .of_person(campaign, &shopper.person)
            .filter(|coupon| coupon.life != Life::Void && (from..until).contains(&coupon.collected_at))
            .count();
        let next = (until < campaign.rules.ends_at).then_some(until);
        (received >= campaign.rules.per_window as usize).then(|| Seen::refused_until("limit_reached", next))
    }

    fn issue(&mut self, claim: &Claim, seen: &Seen) -> Seen {
        let campaign = &self.campaigns[claim.campaign];
        let possible = if self.is_scattered { any_tier(campaign) } else { possible_tiers(campaign) };
        // While the server may lag behind the clock several tiers can be right; the one that was given decides.
        let given = match seen {
            Seen::Good { reply: Reply::Coupon(coupon), .. } => Some((coupon.face, coupon.split)),
            _ => None,
        };
        let is_given = |tier: &Option<usize>| {
            tier.map(|tier| (campaign.rules.packets[tier].face, campaign.rules.packets[tier].split)) == given
        };
        let chosen = possible.iter().find(|tier| is_given(tier)).or(possible.first());
        let Some(tier) = chosen.copied().flatten() else { return Seen::refused("sold_out") };
        let rules = campaign.rules.packets[tier];
        let id = match seen {
            Seen::Good { reply: Reply::Coupon(coupon), .. } => coupon.id.clone(),
            _ => "?".to_owned(),
        };
        let coupon = Coupon {
            id: id.clone(),
            campaign: claim.campaign.to_owned(),
            account: claim.shopper.account.clone(),
            person: claim.shopper.person.clone(),
            code: claim.code.to_owned(),
            tier,
            face: rules.face,
            split: rules.split,
            remaining: rules.face,
            reserved: 0,
            spent: 0,
            lapsed: 0,
            life: Life::Live,
            collected_at: self.now,
            expires_at: self.now + i64::from(campaign.rules.valid_days) * DAY_MS,
            serial: self.serial(),
            restocked: false,
            gets_time_back: false,
        };
        let Some(campaign) = self.campaigns.get_mut(claim.campaign) else { return Seen::Fault };
        campaign.left[tier] = campaign.left[tier].saturating_sub(1);
        campaign.ordinal += 1;
        campaign.buckets.free -= rules.face;
        campaign.buckets.committed += rules.face;
        let shown = coupon.shown();
        if self.coupons.insert(id, coupon).is_some() {
            return Seen::refused("(the server gave an id twice)");
        }
        Seen::good(Reply::Coupon(shown))
    }
}

/// The tiers of which any cell may have a packet left, `None` for a stock that is empty in all of them.
fn any_tier(campaign: &Campaign) -> BTreeSet<Option<usize>> {
    let stocks = campaign.possible_stocks();
    let is_empty = stocks.iter().any(|left| left.iter().all(|count| *count == 0));
    let tiers = (0..campaign.left.len()).filter(|tier| campaign.left[*tier] > 0).map(Some);
    tiers.chain(is_empty.then_some(None)).collect()
}

/// The tiers that the next claim may take, `None` for a stock that is empty: one for each stock that the server may
/// see.
fn possible_tiers(campaign: &Campaign) -> BTreeSet<Option<usize>> {
    let taken = |left: &Vec<u64>| {
        let total: u64 = left.iter().sum();
        if total == 0 {
            return None;
        }
        let number = packet::pick(&campaign.pool_key, campaign.ordinal, total);
        let mut before = 0;
        left.iter().position(|count| {
            before += count;
            number < before
        })
    };
    campaign.possible_stocks().iter().map(taken).collect()
}
