//! A pipeline over a store of its own, with a merchant and campaigns.

use std::sync::{Arc, RwLock};

use koi::engine::SharedCatalog;
use koi::engine::beacons::Beacons;
use koi::engine::clock::Clock;
use koi::engine::pipeline::Pipeline;
use koi::engine::work::{Done, Job, OfficeWork, Outcome, Work};
use koi::metrics::Metrics;
use koi_core::catalog::{Merchant, Store};
use koi_core::command::{Answer, Call, Claim, Command, Order, Purchase, Shopper};
use koi_core::id::{AccountId, CampaignId, CodeText, FunderId, Medium, MerchantId, PersonId, Principal, StoreId};
use koi_core::idempotency::Asked;
use koi_core::money::{Currency, Money};
use koi_core::packet::Tier;
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::scene::Settings;
use koi_core::time::{DAY_MS, Time, Zone};
use koi_store::Store as Door;
use koi_store::sqlite::{Folder, Lock};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) const OPENING: &str = "2018-07-15T00:00:00+08:00";
pub(crate) const CODE: &str = "7F3K9Q2M";
/// A pipeline whose clock moves without anything being booked, as it does between two batches.
pub(crate) struct Stage {
    pub(crate) pipeline: Pipeline,
    pub(crate) clock: Arc<Clock>,
    keys: usize,
    _lock: Option<Lock>,
    _place: Option<TempDir>,
}

pub(crate) fn cny(value: i64) -> Money {
    Money { currency: Currency::CNY, value }
}

pub(crate) fn shopper(name: &str) -> Shopper {
    Shopper::new(PersonId::stored(name), AccountId::stored(name))
}

/// A campaign of so many packets; coupons are good for a day, quotes for a second.
pub(crate) fn rules(id: &str, count: usize, restock_expired: bool) -> Rules {
    let both = || Bilingual { en: "Red packets".into(), zh: "红包".into() };
    let starts_at = Time::parse(OPENING).unwrap();
    Rules {
        id: CampaignId::stored(id),
        title: both(),
        currency: Currency::CNY,
        funder: FunderId::stored("funder"),
        zone: Zone::parse("Asia/Shanghai").unwrap(),
        starts_at,
        ends_at: starts_at.plus_ms(60 * DAY_MS),
        packets: vec![Tier { face: 500, count: count as u64, split: false }],
        eligibility: Eligibility { verified: false, id_countries: vec![], not_in_countries: vec![] },
        limits: Limits { window_days: 30, per_window: 5, live: 5 },
        coupon: CouponRules {
            valid_days: 1,
            threshold: Threshold::Exceeds,
            min_shopper_pays: 1,
            refund_returns_coupon: false,
            restock_expired,
        },
        quote_valid_s: 1,
        merchants: None,
        terms: both(),
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (writer, lock) = Folder::new(place.path()).serve().unwrap();
        let mut stage = Self::over(writer);
        (stage._lock, stage._place) = (Some(lock), Some(place));
        stage.set();
        stage
    }

    /// A pipeline over a store.
    pub(crate) fn over(writer: impl Door + 'static) -> Self {
        Self::sealing_by(Beacons::local(), writer)
    }

    /// The same with other randomness.
    pub(crate) fn sealing_by(beacons: Beacons, mut writer: impl Door + 'static) -> Self {
        let catalog: SharedCatalog = Arc::new(RwLock::new(writer.load_catalog().unwrap()));
        let clock = Arc::new(Clock::frozen(Time::parse(OPENING).unwrap()));
        let settings = Settings {
            wallet_currency: Currency::CNY,
            settlement_zone: Zone::parse("Asia/Shanghai").unwrap(),
            quote_valid_s: 120,
            cancel_minutes: 15,
            refund_days: 360,
            cells: writer.cells(),
        };
        let metrics = Arc::new(Metrics::default());
        let store = Box::new(writer);
        let pipeline = Pipeline::new(store, catalog, settings, clock.clone(), beacons, metrics, (0, 1));
        Self { pipeline, clock, keys: 0, _lock: None, _place: None }
    }

    /// Holds the right to serve the store for as long as the stage is there.
    pub(crate) fn keep(&mut self, lock: Lock) {
        self._lock = Some(lock);
    }

    /// A merchant with a store and a code.
    pub(crate) fn set(&mut self) {
        let (country, store) = (Country::parse("CN").unwrap(), StoreId::stored("queen-st"));
        self.order(Order::AddMerchant(Merchant {
            id: MerchantId::stored("kiwi-honey"),
            name: "Kiwi Honey".into(),
            country,
            currency: Currency::CNY,
            fee_bps: 60,
        }));
        self.order(Order::AddStore(Store {
            id: store.clone(),
            merchant: MerchantId::stored("kiwi-honey"),
            name: "Queen Street".into(),
            country,
            zone: Zone::parse("Asia/Shanghai").unwrap(),
        }));
        self.order(Order::AddCode(store, Medium::stored("a5_sticker"), CodeText::stored(CODE)));
    }

    /// A live campaign all of whose packets are claimed.
    pub(crate) fn sold_out(mut self, rules: Rules) -> Self {
        let (id, count) = (rules.id.clone(), rules.packets[0].count as usize);
        self.live(rules);
        let claims: Vec<Command> = (0..count).map(|n| claim(id.as_str(), &format!("{id}-{n}"))).collect();
        for outcome in self.call(claims) {
            assert!(matches!(outcome, Ok(Done::Call { answer: Answer::Coupon(_), .. })), "{outcome:?}");
        }
        self
    }

    /// A live campaign.
    pub(crate) fn live(&mut self, rules: Rules) {
        let (id, budget) = (rules.id.clone(), rules.budget());
        self.order(Order::Draft(Box::new(rules), [7; 32]));
        self.order(Order::Submit(id.clone()));
        self.order_by("approver", Order::Approve(id.clone()));
        self.order(Order::Fund(id, cny(budget)));
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.order_by("operator", order);
    }

    pub(crate) fn order_by(&mut self, by: &str, order: Order) {
        let outcome = self.try_order(by, order);
        assert!(matches!(outcome, Ok(Done::Office { .. })), "{outcome:?}");
    }

    pub(crate) fn try_order(&mut self, by: &str, order: Order) -> Outcome {
        let render = Box::new(|_: &Answer, _| (200, String::new()));
        let by = Principal::stored(by);
        let work = OfficeWork { order, by, asked: None, detail: String::new(), render };
        self.run(vec![Work::Office(Box::new(work))]).remove(0)
    }

    pub(crate) fn call(&mut self, commands: Vec<Command>) -> Vec<Outcome> {
        let mut works = Vec::new();
        for command in commands {
            self.keys += 1;
            works.push(work(command, &format!("key-{}", self.keys)));
        }
        self.run(works)
    }

    /// A batch; everybody is answered when it is over.
    pub(crate) fn run(&mut self, works: Vec<Work>) -> Vec<Outcome> {
        let (mut jobs, mut outcomes) = (Vec::new(), Vec::new());
        for work in works {
            let (reply, outcome) = oneshot::channel();
            jobs.push(Job { work, reply });
            outcomes.push(outcome);
        }
        self.pipeline.run(&mut jobs);
        outcomes.into_iter().map(|mut outcome| outcome.try_recv().expect("an answer")).collect()
    }

    /// Time passes, and nothing is booked.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.clock.set(self.clock.now().plus_ms(ms));
    }
}

/// A call under a key.
pub(crate) fn work(command: Command, key: &str) -> Work {
    let asked = Asked::new(&Principal::stored("wallet"), "scope", key, "/path", &[]);
    Work::Call(Box::new(Call { command, asked }), None)
}

pub(crate) fn claim(campaign: &str, name: &str) -> Command {
    Command::Claim(Claim {
        campaign: CampaignId::stored(campaign),
        code: CodeText::stored(CODE),
        shopper: shopper(name),
        verified: true,
        id_country: Country::parse("CN").unwrap(),
    })
}

pub(crate) fn quote(name: &str) -> Command {
    Command::Quote(Purchase { shopper: shopper(name), store: StoreId::stored("queen-st"), amount: cny(1000) })
}

pub(crate) fn is_coupon(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(Done::Call { answer: Answer::Coupon(_), .. }))
}
