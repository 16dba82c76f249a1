//! What is asked next. The workload looks at the model to ask for things that can succeed, that just cannot, and
//! that collide; what the server makes of it is none of its business.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::ask::{Amount, Ask, Merchant, Request, Scope, Shopper, Store};
use crate::model::{Campaign, DAY_MS, Life, Model, Phase, Stage, cancel_until};
use crate::world::{ACQUIRER, APPROVER, OPERATOR, WALLETS, World, code, pick, rate, request};

const MINUTE_MS: i64 = 60_000;
/// Requests that are remembered to be repeated.
const REMEMBERED: usize = 200;

/// Draws requests.
pub(crate) struct Workload {
    luck: ChaCha8Rng,
    world: World,
    keys: u64,
    asked: Vec<Request>,
}

impl Workload {
    pub(crate) fn new(luck: ChaCha8Rng, world: World) -> Self {
        Self { luck, world, keys: 0, asked: Vec::new() }
    }

    /// The calls that make the world.
    pub(crate) fn opening(&mut self) -> Vec<Request> {
        let asks = self.world.opening(&mut self.luck);
        asks.into_iter().map(|(ask, by)| self.under_a_new_key(ask, by)).collect()
    }

    /// The next batch.
    pub(crate) fn batch(&mut self, model: &Model) -> Vec<Request> {
        let most = pick(&mut self.luck, &[1, 1, 2, 4, 12, 30]);
        let mut batch: Vec<Request> = Vec::new();
        for _ in 0..self.luck.random_range(1..=most) {
            let request = self.next(model, &batch);
            batch.push(request);
        }
        if self.luck.random_ratio(1, 4) {
            let to = self.time(model);
            batch.push(self.under_a_new_key(Ask::Clock(to), OPERATOR));
        }
        self.asked.extend(batch.iter().cloned());
        let surplus = self.asked.len().saturating_sub(REMEMBERED);
        self.asked.drain(..surplus);
        batch
    }

    /// Old requests, word by word.
    pub(crate) fn repeats(&mut self, most: usize) -> Vec<Request> {
        let old: Vec<&Request> = self.asked.iter().filter(|request| request.bound().is_some()).collect();
        if old.is_empty() {
            return Vec::new();
        }
        (0..self.luck.random_range(1..=most)).map(|_| pick(&mut self.luck, &old).clone()).collect()
    }

    fn under_a_new_key(&mut self, ask: Ask, by: &'static str) -> Request {
        self.keys += 1;
        request(ask, by, format!("k{}", self.keys))
    }

    fn next(&mut self, model: &Model, batch: &[Request]) -> Request {
        if self.luck.random_ratio(1, 16)
            && let Some(old) = self.repeats(1).pop()
        {
            return old;
        }
        if !batch.is_empty() && self.luck.random_ratio(1, 24) {
            let same = pick(&mut self.luck, batch);
            if same.bound().is_some() {
                return same;
            }
        }
        let (ask, by) = self.ask(model);
        if self.luck.random_ratio(1, 24)
            && let Some(old) = self.asked.iter().rev().find(|old| has_the_scope_of(old, &ask))
        {
            // The same key, mostly for another call.
            return request(ask, old.by, old.key.clone());
        }
        self.under_a_new_key(ask, by)
    }

    fn ask(&mut self, model: &Model) -> (Ask, &'static str) {
        let wallet = if self.luck.random_ratio(1, 20) { WALLETS[1] } else { WALLETS[0] };
        match self.luck.random_range(0..100) {
            0..30 => (self.claim(model), wallet),
            30..55 => (self.quote(model), wallet),
            55..72 => (Ask::Pay(self.quote_id(model)), wallet),
            72..76 => (Ask::CancelQuote(self.quote_id(model)), wallet),
            76..81 => (Ask::CancelPayment(self.payment_id(model)), wallet),
            81..89 => (self.refund(model), wallet),
            89..91 => (Ask::Void(self.coupon_id(model)), OPERATOR),
            _ => self.order(model),
        }
    }

    fn shopper(&mut self) -> Shopper {
        let mut shopper = pick(&mut self.luck, &self.world.shoppers);
        if self.luck.random_ratio(1, 30) {
            // An account in the hands of somebody else.
            shopper.person = pick(&mut self.luck, &self.world.shoppers).person;
        }
        shopper
    }

    fn campaign_id(&mut self, model: &Model) -> String {
        let live: Vec<&String> =
            model.campaigns.iter().filter(|(_, c)| c.status(model.now) == "live").map(|(id, _)| id).collect();
        if !live.is_empty() && self.luck.random_ratio(2, 3) {
            return pick(&mut self.luck, &live).clone();
        }
        pick(&mut self.luck, &self.world.campaigns).id
    }

    fn claim(&mut self, model: &Model) -> Ask {
        let code = match self.luck.random_range(0..40) {
            0 => "NOSUCH22".to_owned(),
            _ => pick(&mut self.luck, &self.world.codes),
        };
        Ask::Claim {
            campaign: self.campaign_id(model),
            code,
            shopper: self.shopper(),
            verified: !self.luck.random_ratio(1, 20),
            id_country: if self.luck.random_ratio(1, 20) { "NZ" } else { "CN" },
        }
    }

    fn quote(&mut self, model: &Model) -> Ask {
        let holders: Vec<Shopper> = model
            .coupons
            .values()
            .filter(|coupon| coupon.life == Life::Live)
            .map(|coupon| Shopper { account: coupon.account.clone(), person: coupon.person.clone() })
            .collect();
        let shopper = if holders.is_empty() || self.luck.random_ratio(1, 6) {
            self.shopper()
        } else {
            pick(&mut self.luck, &holders)
        };
        let store = match self.luck.random_range(0..60) {
            0 => "nowhere".to_owned(),
            _ => pick(&mut self.luck, &self.world.stores).id,
        };
        let amount = self.amount(model, &store);
        Ask::Quote { shopper, store, amount }
    }

    /// An amount that comes near a face, mostly above it.
    fn amount(&mut self, model: &Model, store: &str) -> Amount {
        let merchant = model.stores.get(store).map(|store| &model.merchants[&store.merchant]);
        let currency = merchant.map_or("NZD", |merchant| merchant.currency);
        if self.luck.random_ratio(1, 40) {
            let value = pick(&mut self.luck, &[0, -1, i64::MIN, i64::MAX, i64::MAX / 2]);
            return Amount { currency, value };
        }
        if self.luck.random_ratio(1, 60) {
            return Amount { currency: pick(&mut self.luck, &["USD", "JPY", "CNY"]), value: 100 };
        }
        let face = pick(&mut self.luck, &self.world.faces);
        let rate = model.rates.get(currency).copied().unwrap_or(100_000_000).max(1);
        // What costs about a face, in the merchant's currency, if both have as many places.
        let about = i64::try_from(face as u128 * 100_000_000 / u128::from(rate)).unwrap_or(1_000_000);
        let times = pick(&mut self.luck, &[1, 1, 2, 3, 100]);
        let value = (about.saturating_mul(times)).saturating_add(self.luck.random_range(-3..=30)).max(1);
        Amount { currency, value }
    }

    fn quote_id(&mut self, model: &Model) -> String {
        let open: Vec<&String> =
            model.quotes.values().filter(|quote| quote.phase == Phase::Open).map(|quote| &quote.id).collect();
        if !open.is_empty() && self.luck.random_ratio(7, 8) {
            return pick(&mut self.luck, &open).clone();
        }
        let all: Vec<&String> = model.quotes.keys().collect();
        self.one_of(&all, "quo_00000000ZZZZ")
    }

    fn payment_id(&mut self, model: &Model) -> String {
        let all: Vec<&String> = model.payments.keys().collect();
        let recent = &all[all.len().saturating_sub(6)..];
        let of = if self.luck.random_ratio(3, 4) { recent } else { &all };
        self.one_of(of, "pay_00000000ZZZZ")
    }

    fn coupon_id(&mut self, model: &Model) -> String {
        let active: Vec<&String> =
            model.coupons.values().filter(|coupon| coupon.status() == "active").map(|coupon| &coupon.id).collect();
        let all: Vec<&String> = model.coupons.keys().collect();
        let of = if self.luck.random_ratio(2, 3) && !active.is_empty() { active } else { all };
        self.one_of(&of, "cpn_00000000ZZZZ")
    }

    fn one_of(&mut self, ids: &[&String], unknown: &str) -> String {
        if ids.is_empty() || self.luck.random_ratio(1, 50) {
            return unknown.to_owned();
        }
        pick(&mut self.luck, ids).clone()
    }

    fn refund(&mut self, model: &Model) -> Ask {
        let id = self.payment_id(model);
        let Some(payment) = model.payments.get(&id) else {
            return Ask::Refund(id, Amount { currency: "NZD", value: 1 });
        };
        let bought = model.quotes[&payment.quote].amount;
        let left = bought.value - payment.refunded();
        let value = match self.luck.random_range(0..10) {
            0 => left.saturating_add(1),
            1 => pick(&mut self.luck, &[0, -5, i64::MAX]),
            2..6 => left,
            _ => self.luck.random_range(1..=left.max(1)),
        };
        let currency = if self.luck.random_ratio(1, 40) { "USD" } else { bought.currency };
        Ask::Refund(id, Amount { currency, value })
    }

    fn order(&mut self, model: &Model) -> (Ask, &'static str) {
        let id = pick(&mut self.luck, &self.world.campaigns).id;
        let campaign = model.campaigns.get(&id);
        if self.luck.random_ratio(1, 3)
            && let Some(campaign) = campaign
        {
            return self.forward(campaign, model);
        }
        let wallet = self.world.settings.wallet_currency;
        match self.luck.random_range(0..15) {
            0 => (Ask::Submit(id), OPERATOR),
            1 => (Ask::Approve(id), pick(&mut self.luck, &[APPROVER, OPERATOR])),
            2 => {
                let value = pick(&mut self.luck, &[1, 500, 0, -1, 100_000]);
                let currency = if self.luck.random_ratio(1, 8) { "USD" } else { wallet };
                (Ask::Fund(id, Amount { currency, value }), OPERATOR)
            }
            3 | 4 => (Ask::Pause(id, pick(&mut self.luck, &[Scope::Issuing, Scope::All])), OPERATOR),
            5 | 6 => (Ask::Resume(id), APPROVER),
            7 if self.luck.random_ratio(1, 2) => (Ask::End(id), OPERATOR),
            8 => (Ask::Close(id), OPERATOR),
            9 => (Ask::RevokeCode(pick(&mut self.luck, &self.world.codes)), ACQUIRER),
            10 => self.another_store(model),
            11 => self.another_campaign(),
            _ => {
                let code = code(&mut self.luck);
                let store = pick(&mut self.luck, &self.world.stores).id;
                if self.luck.random_ratio(1, 2) {
                    self.world.codes.push(code.clone());
                    (Ask::AddCode(store, code), ACQUIRER)
                } else {
                    let currency = pick(&mut self.luck, &self.world.merchants).currency;
                    (Ask::SetRate(currency, rate(&mut self.luck)), ACQUIRER)
                }
            }
        }
    }

    /// The step that a campaign waits for.
    fn forward(&mut self, campaign: &Campaign, model: &Model) -> (Ask, &'static str) {
        let id = campaign.rules.id.clone();
        let money = Amount { currency: self.world.settings.wallet_currency, value: campaign.budget() };
        match campaign.stage {
            Stage::Draft => (Ask::Submit(id), OPERATOR),
            Stage::InReview => (Ask::Approve(id), APPROVER),
            Stage::Approved => (Ask::Fund(id, money), OPERATOR),
            Stage::Paused(..) => (Ask::Resume(id), APPROVER),
            Stage::Ended => (Ask::Close(id), OPERATOR),
            Stage::Open if campaign.status(model.now) == "ended" => (Ask::Close(id), OPERATOR),
            Stage::Open => (Ask::Pause(id, Scope::All), OPERATOR),
            Stage::Closed => self.another_campaign(),
        }
    }

    fn another_store(&mut self, model: &Model) -> (Ask, &'static str) {
        if self.luck.random_ratio(1, 2) {
            let merchant = Merchant { fee_bps: 50, ..pick(&mut self.luck, &self.world.merchants) };
            return (Ask::AddMerchant(merchant), ACQUIRER);
        }
        let merchant = match self.luck.random_range(0..6) {
            0 => "nobody".to_owned(),
            _ => pick(&mut self.luck, &self.world.merchants).id,
        };
        let store = Store { id: format!("s{}", self.luck.random_range(0..8)), merchant, country: "NZ" };
        if !self.world.stores.iter().any(|known| known.id == store.id)
            && model.merchants.contains_key(&store.merchant)
        {
            self.world.stores.push(store.clone());
        }
        (Ask::AddStore(store), ACQUIRER)
    }

    fn another_campaign(&mut self) -> (Ask, &'static str) {
        let number = self.luck.random_range(0..4);
        let campaign = self.world.campaign(&mut self.luck, number);
        if !self.world.campaigns.iter().any(|known| known.id == campaign.id) {
            self.world.campaigns.push(campaign.clone());
        }
        (Ask::Draft(Box::new(campaign)), OPERATOR)
    }

    /// A time to move the clock to: often one at which something happens, or just before or after it.
    fn time(&mut self, model: &Model) -> i64 {
        let now = model.now;
        let luck = &mut self.luck;
        match luck.random_range(0..20) {
            0 => return now - 1,
            1 => return now,
            2 | 3 => return now + luck.random_range(1..1000),
            4..6 => return now + luck.random_range(1..300) * 1000,
            6..8 => return now + luck.random_range(1..600) * MINUTE_MS,
            8 => return now + luck.random_range(1..10) * DAY_MS,
            9 if luck.random_ratio(1, 4) => return now + luck.random_range(10..200) * DAY_MS,
            _ => {}
        }
        let mut times: Vec<i64> = Vec::new();
        times.extend(
            model.quotes.values().filter(|quote| quote.phase == Phase::Open).map(|quote| quote.expires_at),
        );
        times.extend(model.coupons.values().filter(|coupon| coupon.life == Life::Live).map(|c| c.expires_at));
        for campaign in model.campaigns.values() {
            times.extend([campaign.rules.starts_at, campaign.rules.ends_at]);
            if (campaign.rules.starts_at..campaign.rules.ends_at).contains(&now) {
                times.push(campaign.window(now).1);
            }
        }
        for payment in model.payments.values().filter(|payment| !payment.cancelled).rev().take(5) {
            times.push(cancel_until(payment.paid_at, model.settings.settlement_zone));
            if luck.random_ratio(1, 50) {
                times.push(payment.paid_at + 360 * DAY_MS);
            }
        }
        times.retain(|time| *time >= now);
        times.sort_unstable();
        // The near future is more interesting than the far one.
        times.truncate(6);
        if times.is_empty() {
            return now + 1000;
        }
        (pick(luck, &times) + luck.random_range(-1..=1)).max(now)
    }
}

/// Whether a key of the old request could be used for the new one.
fn has_the_scope_of(old: &Request, ask: &Ask) -> bool {
    let new = request(ask.clone(), old.by, String::new());
    match (old.bound(), new.bound()) {
        (Some(old), Some(new)) => old.scope == new.scope,
        _ => false,
    }
}
