//! The rule of the sealed stock, with each campaign's pool key computed once.

use std::cell::RefCell;

use koi_core::campaign::Campaign;
use koi_core::id::{CampaignNo, Cell};
use koi_core::scene::Pick;
use koi_fair::beacon::{Chain, local_randomness};
use koi_fair::packet::PoolKey;
use rustc_hash::FxHashMap;

/// Before its opening, in milliseconds, a campaign's public randomness is drawn.
const BEFORE_OPENING_MS: i64 = 60_000;

/// Pool keys by campaign.
#[derive(Debug, Default)]
pub struct Pools {
    keys: RefCell<FxHashMap<CampaignNo, PoolKey>>,
}

impl Pools {
    /// The packet that is drawn: a number below `total`.
    pub fn pick(&self, campaign: &Campaign, cell: Cell, pick: Pick, total: u64) -> u64 {
        let key = *self.keys.borrow_mut().entry(campaign.number).or_insert_with(|| pool_key(campaign));
        let cell = u32::from(cell.0);
        match pick {
            Pick::Claim { ordinal } => key.pick(cell, ordinal, total),
            // Numbers of lines are above zero.
            Pick::Move { line, place } => key.pick_to_move(cell, line.cast_unsigned(), place, total),
        }
    }
}

/// The key of a campaign's pool, from its secret and the local beacon's round of its opening.
pub fn pool_key(campaign: &Campaign) -> PoolKey {
    let chain = Chain::local();
    let round = chain.round_at(campaign.rules.starts_at.ms() - BEFORE_OPENING_MS);
    PoolKey::new(&campaign.pool_secret, &chain.hash, round, &local_randomness(round))
}
