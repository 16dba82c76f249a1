//! The world as the answers tell it: campaigns, coupons, quotes and payments, and where their money lies.
//!
//! What is reserved and what has expired is worked out when asked, from the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::deed::Scope;
use crate::model::buckets::{Buckets, Outlay};
use crate::model::coupon::{Coupon, Payment, Quote, Standing};
use crate::model::rules::Rules;
use crate::moment::Moment;

/// How far a campaign has come by the calls made; the clock does the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Draft,
    InReview,
    Approved,
    EndedEarly,
    Closed,
}

/// A pause that is on.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    pub(crate) scope: Scope,
    pub(crate) since: Moment,
    /// The coupons that get the time back: live and unexpired when the pause began.
    pub(crate) held: Vec<String>,
}

/// A campaign, as far as its money and its coupons go.
#[derive(Clone, Debug)]
pub(crate) struct Campaign {
    pub(crate) rules: Arc<Rules>,
    pub(crate) funded: i64,
    pub(crate) stage: Stage,
    pub(crate) pause: Option<Pause>,
}

/// Everything that one history knows.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) fee_bps: i64,
    pub(crate) rate_e8: i64,
    pub(crate) campaigns: BTreeMap<String, Campaign>,
    pub(crate) coupons: BTreeMap<String, Coupon>,
    pub(crate) quotes: BTreeMap<String, Quote>,
    pub(crate) payments: BTreeMap<String, Payment>,
    pub(crate) revoked_codes: BTreeSet<String>,
    /// Coupons of each person, in the order of their collection.
    pub(crate) of_person: BTreeMap<String, Vec<String>>,
}

impl World {
    pub(crate) fn new(fee_bps: i64, rate_e8: i64) -> Self {
        Self {
            fee_bps,
            rate_e8,
            campaigns: BTreeMap::new(),
            coupons: BTreeMap::new(),
            quotes: BTreeMap::new(),
            payments: BTreeMap::new(),
            revoked_codes: BTreeSet::new(),
            of_person: BTreeMap::new(),
        }
    }

    pub(crate) fn campaign(&self, id: &str) -> Result<&Campaign> {
        self.campaigns.get(id).with_context(|| format!("the history holds no campaign {id}"))
    }

    pub(crate) fn campaign_mut(&mut self, id: &str) -> Result<&mut Campaign> {
        self.campaigns.get_mut(id).with_context(|| format!("the history holds no campaign {id}"))
    }

    /// Where a coupon stands. During a pause of everything no coupon expires.
    pub(crate) fn standing(&self, coupon: &Coupon, now: Moment) -> Standing {
        let paused_since = self.campaigns.get(&coupon.campaign).and_then(Campaign::expiry_stopped_at);
        let judged_at = paused_since.map_or(now, |since| since.min(now));
        let quotes = coupon.quotes.iter().filter_map(|quote| self.quotes.get(quote));
        let reserved = quotes.map(|quote| quote.reserves(now)).sum();
        Standing::of(coupon, reserved, coupon.expires_at <= judged_at)
    }

    /// What this history has taken out of a campaign's free money.
    pub(crate) fn outlay(&self, campaign: &str, now: Moment) -> Outlay {
        let mut outlay = Outlay::default();
        for coupon in self.coupons.values().filter(|coupon| coupon.campaign == campaign) {
            let standing = self.standing(coupon, now);
            outlay.committed += standing.committed;
            outlay.reserved += standing.reserved;
            outlay.spent += standing.spent;
            if standing.keeps_its_packet() {
                *outlay.packets.entry((coupon.face, coupon.split)).or_default() += 1;
            }
        }
        let of_campaign = |payment: &&Payment| payment.campaign.as_deref() == Some(campaign);
        outlay.recovered = self.payments.values().filter(of_campaign).map(|payment| payment.shares.funder).sum();
        outlay
    }

    /// The buckets of a campaign that this history knows completely.
    pub(crate) fn buckets(&self, campaign: &str, now: Moment) -> Result<Buckets> {
        let known = self.campaign(campaign)?;
        Ok(Buckets::of(known.funded, &self.outlay(campaign, now), known.stage == Stage::Closed))
    }
}

impl Campaign {
    fn expiry_stopped_at(&self) -> Option<Moment> {
        self.pause.as_ref().filter(|pause| pause.scope == Scope::All).map(|pause| pause.since)
    }
}
