//! The world of a seed: few of everything, so that everything collides.

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::ask::{Amount, Ask, Document, Merchant, Request, Shopper, Store, Threshold, Tier};
use crate::model::{DAY_MS, Settings};

/// 2018-07-15T00:00:00 in Beijing, near which every campaign opens.
const SUMMER_MS: i64 = 1_531_584_000_000;
const HOUR_MS: i64 = 3_600_000;
/// Currencies of merchants, with exponents of 0, 2 and 3.
const CURRENCIES: [&str; 5] = ["NZD", "CNY", "JPY", "KWD", "AUD"];
const COUNTRIES: [&str; 4] = ["NZ", "AU", "CN", "JP"];
const ZONES: [&str; 4] = ["Asia/Shanghai", "Pacific/Auckland", "America/New_York", "UTC"];

/// The roles' principals.
pub(crate) const OPERATOR: &str = "operator";
pub(crate) const APPROVER: &str = "approver";
pub(crate) const ACQUIRER: &str = "acquirer";
pub(crate) const WALLETS: [&str; 2] = ["wallet", "second-wallet"];

/// The names of a seed's world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) starts_at: i64,
    pub(crate) shoppers: Vec<Shopper>,
    pub(crate) merchants: Vec<Merchant>,
    pub(crate) stores: Vec<Store>,
    pub(crate) codes: Vec<String>,
    pub(crate) campaigns: Vec<Document>,
    /// Drawn amounts scale with the faces.
    pub(crate) faces: Vec<i64>,
}

impl World {
    pub(crate) fn draw(luck: &mut ChaCha8Rng) -> Self {
        let settings = Settings {
            wallet_currency: pick(luck, &["CNY", "CNY", "CNY", "JPY", "KWD"]),
            settlement_zone: pick(luck, &ZONES),
            quote_valid_s: pick(luck, &[1, 60, 180, 3600]),
        };
        let mut shoppers = Vec::new();
        for person in 0..luck.random_range(2..=5) {
            for account in 0..luck.random_range(1..=3) {
                let (account, person) = (format!("A{person}{account}"), format!("P{person}"));
                shoppers.push(Shopper { account, person });
            }
        }
        let merchants: Vec<Merchant> = (0..luck.random_range(1..=3))
            .map(|number| Merchant {
                id: format!("m{number}"),
                country: pick(luck, &COUNTRIES),
                currency: pick(luck, &CURRENCIES),
                fee_bps: pick(luck, &[0, 1, 160, 333, 10_000]),
            })
            .collect();
        let stores = (0..luck.random_range(1..=4)).map(|number| store(luck, number, &merchants)).collect();
        let faces: Vec<i64> =
            (0..luck.random_range(2..=4)).map(|_| pick(luck, &[1, 2, 7, 100, 888, 8800])).collect();
        let starts_at = SUMMER_MS + luck.random_range(-3 * DAY_MS..3 * DAY_MS);
        let codes = Vec::new();
        let campaigns = Vec::new();
        let mut world = Self { settings, starts_at, shoppers, merchants, stores, codes, campaigns, faces };
        for number in 0..luck.random_range(1..=4) {
            let campaign = world.campaign(luck, number);
            world.campaigns.push(campaign);
        }
        for _ in 0..luck.random_range(1..=5) {
            world.codes.push(code(luck));
        }
        world
    }

    /// Another campaign.
    pub(crate) fn campaign(&self, luck: &mut ChaCha8Rng, number: usize) -> Document {
        let starts_at = self.starts_at + pick(luck, &[0, 1, HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS]);
        let length = pick(luck, &[DAY_MS, 3 * DAY_MS, 10 * DAY_MS, 62 * DAY_MS, 200 * DAY_MS]);
        let mut packets: Vec<Tier> = Vec::new();
        for _ in 0..luck.random_range(1..=3) {
            let split = luck.random_ratio(1, 2);
            let tier = Tier { face: pick(luck, &self.faces), count: luck.random_range(1..=6), split };
            if !packets.iter().any(|other| (other.face, other.split) == (tier.face, tier.split)) {
                packets.push(tier);
            }
        }
        let some_merchants = |luck: &mut ChaCha8Rng| {
            self.merchants.iter().filter(|_| luck.random_ratio(2, 3)).map(|merchant| merchant.id.clone()).collect()
        };
        Document {
            id: format!("c{number}"),
            zone: pick(luck, &ZONES),
            starts_at,
            ends_at: starts_at + length,
            packets,
            verified: luck.random_ratio(1, 2),
            id_countries: if luck.random_ratio(1, 2) { vec!["CN"] } else { Vec::new() },
            not_in_countries: if luck.random_ratio(1, 3) { vec!["CN"] } else { Vec::new() },
            window_days: pick(luck, &[1, 2, 7, 30, 365]),
            per_window: luck.random_range(1..=5),
            live: pick(luck, &[1, 1, 1, 2, 3]),
            valid_days: pick(luck, &[1, 2, 7, 30]),
            threshold: pick(luck, &[Threshold::Exceeds, Threshold::Reaches]),
            min_shopper_pays: pick(luck, &[0, 1, 1, 5, 100]),
            refund_returns_coupon: luck.random_ratio(1, 2),
            restock_expired: luck.random_ratio(1, 2),
            quote_valid_s: pick(luck, &[1, 60, 180, 86_400]),
            merchants: if luck.random_ratio(1, 4) { Some(some_merchants(luck)) } else { None },
            pool_secret: std::array::from_fn(|_| luck.random()),
        }
    }

    /// The calls that make the world. Some campaigns are left on their way, and some currencies without a rate.
    pub(crate) fn opening(&self, luck: &mut ChaCha8Rng) -> Vec<(Ask, &'static str)> {
        let mut asks: Vec<(Ask, &'static str)> = Vec::new();
        asks.extend(self.merchants.iter().map(|merchant| (Ask::AddMerchant(merchant.clone()), ACQUIRER)));
        asks.extend(self.stores.iter().map(|store| (Ask::AddStore(store.clone()), ACQUIRER)));
        for code in &self.codes {
            asks.push((Ask::AddCode(pick(luck, &self.stores).id, code.clone()), ACQUIRER));
        }
        for merchant in &self.merchants {
            if luck.random_ratio(7, 8) {
                asks.push((Ask::SetRate(merchant.currency, rate(luck)), ACQUIRER));
            }
        }
        for document in &self.campaigns {
            let id = document.id.clone();
            let steps = if luck.random_ratio(5, 6) { 4 } else { luck.random_range(1..=3) };
            let budget: i64 = document.packets.iter().map(|tier| tier.face * tier.count as i64).sum();
            let extra = pick(luck, &[0, 0, 0, 1, 10_000]);
            let money = Amount { currency: self.settings.wallet_currency, value: budget + extra };
            let life = [
                (Ask::Draft(Box::new(document.clone())), OPERATOR),
                (Ask::Submit(id.clone()), OPERATOR),
                (Ask::Approve(id.clone()), APPROVER),
                (Ask::Fund(id, money), OPERATOR),
            ];
            asks.extend(life.into_iter().take(steps));
        }
        asks
    }
}

fn store(luck: &mut ChaCha8Rng, number: usize, merchants: &[Merchant]) -> Store {
    Store { id: format!("s{number}"), merchant: pick(luck, merchants).id, country: pick(luck, &COUNTRIES) }
}

/// The characters of a code.
pub(crate) fn code(luck: &mut ChaCha8Rng) -> String {
    (0..8).map(|_| char::from(pick(luck, b"23456789ABCDEFGHJKMNPQRSTVWXYZ"))).collect()
}

/// A rate that makes roundings interesting.
pub(crate) fn rate(luck: &mut ChaCha8Rng) -> u64 {
    match luck.random_range(0..5) {
        0 => pick(luck, &[1, 50_000_000, 100_000_000, 440_000_000, 458_170_000]),
        1 => luck.random_range(1..100_000),
        _ => luck.random_range(1_000_000..2_000_000_000),
    }
}

/// One of several.
pub(crate) fn pick<T: Clone>(luck: &mut ChaCha8Rng, of: &[T]) -> T {
    of.choose(luck).unwrap_or(&of[0]).clone()
}

/// A request under a key.
pub(crate) fn request(ask: Ask, by: &'static str, key: String) -> Request {
    Request { ask, by, key }
}
