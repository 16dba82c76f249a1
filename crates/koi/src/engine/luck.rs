//! The rule of the sealed stock, with each campaign's pool key computed once.

use std::cell::RefCell;

use koi_core::campaign::Campaign;
use koi_core::id::{CampaignNo, Cell};
use koi_core::scene::Pick;
use koi_core::time::Time;
use koi_fair::beacon::{Chain, local_randomness};
use koi_fair::packet::PoolKey;
use rustc_hash::FxHashMap;

/// Before its opening, in milliseconds, a campaign's public randomness is drawn.
const BEFORE_OPENING_MS: i64 = 60_000;

/// Pool keys by campaign, each with the secret that it was made of: after a failover that lost a campaign another one may
/// have its number.
#[derive(Debug, Default)]
pub struct Pools {
    keys: RefCell<FxHashMap<CampaignNo, (Origin, PoolKey)>>,
}

/// What a pool key is made of: the campaign's secret and its opening.
type Origin = ([u8; 32], Time);

impl Pools {
    /// The packet that is drawn: a number below `total`.
    pub fn pick(&self, campaign: &Campaign, cell: Cell, pick: Pick, total: u64) -> u64 {
        let key = self.key(campaign);
        let cell = u32::from(cell.0);
        match pick {
            Pick::Claim { ordinal } => key.pick(cell, ordinal, total),
            // Numbers of lines are above zero.
            Pick::Move { line, place } => key.pick_to_move(cell, line.cast_unsigned(), place, total),
        }
    }

    fn key(&self, campaign: &Campaign) -> PoolKey {
        let origin = (campaign.pool_secret, campaign.rules.starts_at);
        let mut keys = self.keys.borrow_mut();
        match keys.get(&campaign.number) {
            Some((known, key)) if *known == origin => *key,
            _ => {
                let key = pool_key(campaign);
                keys.insert(campaign.number, (origin, key));
                key
            }
        }
    }
}

/// The key of a campaign's pool, from its secret and the local beacon's round of its opening.
pub fn pool_key(campaign: &Campaign) -> PoolKey {
    let chain = Chain::local();
    let round = chain.round_at(campaign.rules.starts_at.ms() - BEFORE_OPENING_MS);
    PoolKey::new(&campaign.pool_secret, &chain.hash, round, &local_randomness(round))
}

#[cfg(test)]
mod tests {
    use koi_core::id::{CampaignId, FunderId};
    use koi_core::money::Currency;
    use koi_core::rules::{Bilingual, CouponRules, Eligibility, Limits, Rules, Threshold};
    use koi_core::time::{DAY_MS, Zone};

    use super::*;

    const OPENING: Time = Time::of_ms(1_531_584_000_000);

    /// The first campaign of an installation, of this secret and this opening.
    fn campaign(secret: u8, starts_at: Time) -> Campaign {
        let both = || Bilingual { en: "Red packets".into(), zh: "红包".into() };
        let rules = Rules {
            id: CampaignId::stored("summer"),
            title: both(),
            currency: Currency::CNY,
            funder: FunderId::stored("funder"),
            zone: Zone::parse("Asia/Shanghai").unwrap(),
            starts_at,
            ends_at: starts_at.plus_ms(DAY_MS),
            packets: vec![],
            eligibility: Eligibility { verified: false, id_countries: vec![], not_in_countries: vec![] },
            limits: Limits { window_days: 30, per_window: 5, live: 5 },
            coupon: CouponRules {
                valid_days: 1,
                threshold: Threshold::Exceeds,
                min_shopper_pays: 1,
                refund_returns_coupon: false,
                restock_expired: false,
            },
            quote_valid_s: 1,
            merchants: None,
            terms: both(),
        };
        Campaign::draft(CampaignNo(1), rules, [secret; 32])
    }

    fn picks(pools: &Pools, campaign: &Campaign) -> Vec<u64> {
        let pick = |ordinal| pools.pick(campaign, Cell(3), Pick::Claim { ordinal }, 1_000_000);
        (0..16).map(pick).collect()
    }

    /// After a failover that lost a campaign another one has its number; and before it is open a draft's opening may be
    /// another one. Each is drawn with its own key, whatever was drawn before under the number.
    #[test]
    fn a_campaign_is_drawn_with_its_own_key_whoever_had_its_number() {
        let pools = Pools::default();
        let (lost, other) = (campaign(1, OPENING), campaign(2, OPENING));
        let later = campaign(2, OPENING.plus_ms(DAY_MS));
        let fresh = |campaign: &Campaign| picks(&Pools::default(), campaign);
        for campaign in [&lost, &other, &later, &other, &lost] {
            assert_eq!(picks(&pools, campaign), fresh(campaign));
            assert_eq!(pools.key(campaign), pool_key(campaign));
        }
        assert!(fresh(&lost) != fresh(&other) && fresh(&other) != fresh(&later));
    }
}
