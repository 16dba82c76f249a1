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

/// The key of a campaign's pool, from its secret and the local beacon's round of its opening. Signing the round takes
/// a fraction of a millisecond, so it is done once for each campaign.
pub fn pool_key(campaign: &Campaign) -> PoolKey {
    let chain = Chain::local();
    let round = chain.round_at(campaign.rules.starts_at.ms() - BEFORE_OPENING_MS);
    PoolKey::new(&campaign.pool_secret, chain.hash(), round, &local_randomness(round))
}
