//! The rule of the sealed stock, with each campaign's pool key computed once.

use std::cell::RefCell;

use koi_core::campaign::{Campaign, Seal};
use koi_core::fault::Fault;
use koi_core::id::{CampaignNo, Cell};
use koi_core::rules::Rules;
use koi_core::scene::{Luck, Pick};
use koi_core::time::Time;
use koi_fair::packet::PoolKey;
use rustc_hash::FxHashMap;

use crate::engine::beacons::Beacons;

/// Pool keys by campaign, each with what it was made of: after a failover that lost a campaign another one may have its
/// number.
#[derive(Debug)]
pub struct Pools {
    beacons: Beacons,
    keys: RefCell<FxHashMap<CampaignNo, (Origin, PoolKey)>>,
}

/// What a pool key is made of: the campaign's secret and the randomness that seals its stock.
type Origin = ([u8; 32], Seal);

impl Pools {
    /// Luck whose randomness is of these chains.
    pub fn new(beacons: Beacons) -> Self {
        Self { beacons, keys: RefCell::default() }
    }

    /// The chains whose rounds it takes.
    pub fn beacons(&self) -> &Beacons {
        &self.beacons
    }

    fn key(&self, campaign: &Campaign) -> Result<PoolKey, Fault> {
        let seal = campaign.seal.as_ref().ok_or(UNSEALED)?;
        let mut keys = self.keys.borrow_mut();
        if let Some(((secret, known), key)) = keys.get(&campaign.number)
            && (secret, known) == (&campaign.pool_secret, seal)
        {
            return Ok(*key);
        }
        let key = pool_key(&campaign.pool_secret, seal).ok_or(UNSEALED)?;
        keys.insert(campaign.number, ((campaign.pool_secret, seal.clone()), key));
        Ok(key)
    }
}

impl Luck for Pools {
    fn pick(&self, campaign: &Campaign, cell: Cell, pick: Pick, total: u64) -> Result<u64, Fault> {
        let key = self.key(campaign)?;
        let cell = u32::from(cell.0);
        Ok(match pick {
            Pick::Claim { ordinal } => key.pick(cell, ordinal, total),
            // Numbers of lines are above zero.
            Pick::Move { line, place } => key.pick_to_move(cell, line.cast_unsigned(), place, total),
        })
    }

    fn seal(&self, rules: &Rules, now: Time) -> Result<Seal, Fault> {
        Ok(self.beacons.seal(rules, now))
    }
}

const UNSEALED: Fault = Fault::Missing("the randomness that seals a campaign's stock");

/// The key of a campaign's pool; `None` before the randomness is known.
pub fn pool_key(secret: &[u8; 32], seal: &Seal) -> Option<PoolKey> {
    let beacon = seal.beacon.as_ref()?;
    Some(PoolKey::new(secret, &seal.chain, seal.round, &beacon.randomness))
}

#[cfg(test)]
mod tests {
    use koi_core::campaign::Beacon;
    use koi_core::id::{CampaignId, FunderId};
    use koi_core::money::Currency;
    use koi_core::rules::{Bilingual, CouponRules, Eligibility, Limits, Threshold};
    use koi_core::time::{DAY_MS, Zone};
    use koi_fair::beacon::{Chain, local, local_randomness};

    use super::*;

    fn seal(round: u64) -> Seal {
        let beacon =
            Beacon { randomness: local_randomness(round), signature: local::sign(round).signature.into() };
        Seal { stated_at: Time::of_ms(0), chain: *Chain::local().hash(), round, beacon: Some(beacon) }
    }

    #[test]
    fn a_key_is_of_its_secret_and_its_randomness() {
        let key = |secret: u8, round| pool_key(&[secret; 32], &seal(round)).unwrap();
        assert_eq!(key(1, 1000), key(1, 1000));
        assert_ne!(key(1, 1000), key(2, 1000));
        assert_ne!(key(1, 1000), key(1, 1001));
        assert_eq!(pool_key(&[1; 32], &Seal { beacon: None, ..seal(1000) }), None);
    }

    #[test]
    fn only_the_local_chain_is_known_at_once() {
        let rules = campaign(1, 1000).rules;
        let sealed = |beacons| Pools::new(beacons).seal(&rules, OPENING).unwrap();
        assert_eq!(sealed(Beacons::quicknet()).beacon, None);
        let at_once = sealed(Beacons::local());
        assert_eq!((at_once.beacon, at_once.chain), (seal(at_once.round).beacon, *Chain::local().hash()));
    }

    const OPENING: Time = Time::of_ms(1_531_584_000_000);

    /// The first campaign of an installation, of this secret and sealed by this round.
    fn campaign(secret: u8, round: u64) -> Campaign {
        let both = || Bilingual { en: "Red packets".into(), zh: "红包".into() };
        let rules = Rules {
            id: CampaignId::stored("summer"),
            title: both(),
            currency: Currency::CNY,
            funder: FunderId::stored("funder"),
            zone: Zone::parse("Asia/Shanghai").unwrap(),
            starts_at: OPENING,
            ends_at: OPENING.plus_ms(DAY_MS),
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
        Campaign { seal: Some(seal(round)), ..Campaign::draft(CampaignNo(1), rules, [secret; 32]) }
    }

    fn picks(pools: &Pools, campaign: &Campaign) -> Vec<u64> {
        let pick = |ordinal| pools.pick(campaign, Cell(3), Pick::Claim { ordinal }, 1_000_000).unwrap();
        (0..16).map(pick).collect()
    }

    /// After a failover that lost a campaign another one has its number, or it was stated again and is sealed by another
    /// round. Each is drawn with its own key, whatever was drawn before under the number.
    #[test]
    fn a_campaign_is_drawn_with_its_own_key_whoever_had_its_number() {
        let new = new_pools;
        let pools = new();
        let (lost, other, later) = (campaign(1, 1000), campaign(2, 1000), campaign(2, 1001));
        let fresh = |campaign: &Campaign| picks(&new(), campaign);
        for campaign in [&lost, &other, &later, &other, &lost] {
            assert_eq!(picks(&pools, campaign), fresh(campaign));
        }
        assert!(fresh(&lost) != fresh(&other) && fresh(&other) != fresh(&later));
    }

    #[test]
    fn rules_that_are_stated_late_are_sealed_by_a_later_round() {
        let pools = new_pools();
        let rules = campaign(1, 1000).rules;
        let round = |now: Time| pools.seal(&rules, now).unwrap().round;
        let before = round(OPENING.plus_ms(-DAY_MS));
        assert_eq!(round(OPENING.plus_ms(-63_000)), before);
        assert_eq!(round(OPENING.plus_ms(-62_999)), before + 1);
        assert_eq!(round(OPENING), before + 21);
    }

    fn new_pools() -> Pools {
        Pools::new(Beacons::local())
    }
}
