//! The test bench: a catalog, a working set and a clock in memory, with no store. Every call is followed by
//! [`verify`](crate::books::verify), and a refusal must have changed nothing but what was due.

mod cells;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use koi_core::campaign::{Beacon, Campaign, Scope, Seal};
use koi_core::catalog::{Catalog, Entry, Merchant, Pair, Store};
use koi_core::command::{Answer, Call, Claim, Command, No, Order, Purchase, Shopper};
use koi_core::coupon::{self, Coupon};
use koi_core::decide::decide;
use koi_core::fault::Fault;
use koi_core::id::{
    AccountId, CampaignId, Cell, CodeText, CouponId, FunderId, Medium, MerchantId, PaymentId, PersonId, Principal,
    QuoteId, StoreId,
};
use koi_core::idempotency::Asked;
use koi_core::ledger::{Account, Transfer};
use koi_core::money::{Currency, Money, Rate};
use koi_core::office;
use koi_core::packet::{self, Tier};
use koi_core::payment::{Payment, Refund};
use koi_core::quote::Quote;
use koi_core::refusal::Refusal;
use koi_core::rows::{Cells, Counters, Rows, Slice};
use koi_core::rules::{Bilingual, Country, CouponRules, Eligibility, Limits, Rules, Threshold};
use koi_core::scene::{Luck, Pick, Scene, Settings};
use koi_core::settle::settle;
use koi_core::time::{DAY_MS, Time, Zone};

use crate::books::{Books, verify};

/// The first instant of the campaign.
pub(crate) const OPENING: &str = "2018-07-15T00:00:00+08:00";
/// The first instant after it.
pub(crate) const ENDING: &str = "2018-09-15T00:00:00+08:00";
/// When most tests begin: the morning of 20 July in Auckland and in Beijing.
pub(crate) const DAY1: &str = "2018-07-19T22:15:00Z";
/// The campaign of most tests.
pub(crate) const CAMPAIGN: &str = "nz-summer-2018";
/// A code of the New Zealand store `queen-st`.
pub(crate) const CODE: &str = "7F3K9Q2M";
/// A code of the Chinese store `beijing`.
pub(crate) const CODE_IN_CHINA: &str = "BEJNG222";
/// A code of the store `lambton` of another New Zealand merchant.
pub(crate) const CODE_OF_OTHER: &str = "LAMBTN22";
/// Minutes, hours and days in milliseconds.
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = DAY_MS;
/// The first numbers of a cell.
const FIRST: Counters = Counters { quote: 1, transfer: 1 };

pub(crate) fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

pub(crate) fn nzd(value: i64) -> Money {
    money("NZD", value)
}

pub(crate) fn money(code: &str, value: i64) -> Money {
    Money { currency: Currency::parse(code).expect("a currency"), value }
}

pub(crate) fn country(code: &str) -> Country {
    Country::parse(code).expect("a country")
}

pub(crate) fn plain(face: i64, count: u64) -> Tier {
    Tier { face, count, split: false }
}

pub(crate) fn splittable(face: i64, count: u64) -> Tier {
    Tier { face, count, split: true }
}

/// The code of a refusal; `ok` when there was none.
pub(crate) fn code<T>(outcome: Result<T, Refusal>) -> &'static str {
    outcome.map_or_else(|refusal| refusal.code(), |_| "ok")
}

/// The original's rules, with a hundred packets of 88.00.
pub(crate) fn rules() -> Rules {
    let both = |en: &str, zh: &str| Bilingual { en: en.into(), zh: zh.into() };
    Rules {
        id: CampaignId::stored(CAMPAIGN),
        title: both("Red packets", "红包"),
        currency: Currency::CNY,
        funder: FunderId::stored("alipay"),
        zone: Zone::parse("Asia/Shanghai").expect("a zone"),
        starts_at: at(OPENING),
        ends_at: at(ENDING),
        packets: vec![plain(8800, 100)],
        eligibility: Eligibility {
            verified: true,
            id_countries: vec![country("CN")],
            not_in_countries: vec![country("CN")],
        },
        limits: Limits { window_days: 30, per_window: 5, live: 1 },
        coupon: CouponRules {
            valid_days: 7,
            threshold: Threshold::Exceeds,
            min_shopper_pays: 1,
            refund_returns_coupon: false,
            restock_expired: true,
        },
        quote_valid_s: 180,
        merchants: None,
        terms: both("Terms", "规则"),
    }
}

/// A scan; by default shopper A's, good in every way.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) campaign: &'static str,
    pub(crate) code: &'static str,
    pub(crate) account: &'static str,
    /// Empty: a person of the account's own.
    pub(crate) person: &'static str,
    pub(crate) verified: bool,
    pub(crate) id_country: &'static str,
}

impl Default for Scan {
    fn default() -> Self {
        Self { campaign: CAMPAIGN, code: CODE, account: "A", person: "", verified: true, id_country: "CN" }
    }
}

pub(crate) fn shopper(account: &str, person: &str) -> Shopper {
    let person = if person.is_empty() { format!("person-of-{account}") } else { person.to_owned() };
    Shopper::new(PersonId::parse(&person).expect("a person"), AccountId::parse(account).expect("an account"))
}

impl Scan {
    pub(crate) fn command(&self) -> Command {
        Command::Claim(Claim {
            campaign: CampaignId::stored(self.campaign),
            code: CodeText::stored(self.code),
            shopper: shopper(self.account, self.person),
            verified: self.verified,
            id_country: country(self.id_country),
        })
    }
}

pub(crate) struct Stage {
    pub(crate) catalog: Catalog,
    pub(crate) settings: Settings,
    /// The working sets of all cells; there is one cell unless a test wants more.
    pub(crate) cells: Cells,
    /// Every line so far, in the order in which they were written; each call is a batch of its own.
    pub(crate) ledger: Vec<Transfer>,
    /// Every rate that was ever in force.
    pub(crate) rates: Vec<(Pair, Rate)>,
    pub(crate) now: Time,
    /// The next picks of luck; 0 when there are none.
    pub(crate) picks: RefCell<VecDeque<u64>>,
    /// What luck was asked: for what, and of how many packets.
    pub(crate) luck_asked: RefCell<Vec<(Pick, u64)>>,
    /// What seals the stocks of campaigns that are approved from now on, if it is known at once.
    pub(crate) beacon: Option<Beacon>,
    calls: u64,
}

/// Luck that was planned.
struct Planned<'a> {
    picks: &'a RefCell<VecDeque<u64>>,
    asked: &'a RefCell<Vec<(Pick, u64)>>,
    beacon: Option<Beacon>,
}

impl Luck for Planned<'_> {
    fn pick(&self, _: &Campaign, _: Cell, pick: Pick, total: u64) -> Result<u64, Fault> {
        self.asked.borrow_mut().push((pick, total));
        Ok(self.picks.borrow_mut().pop_front().unwrap_or(0))
    }

    fn seal(&self, _: &Rules, now: Time) -> Result<Seal, Fault> {
        Ok(Seal { stated_at: now, chain: [3; 32], round: 1000, beacon: self.beacon.clone() })
    }
}

/// Some public randomness.
pub(crate) fn beacon() -> Beacon {
    Beacon { randomness: [4; 32], signature: Arc::from([5; 48]) }
}

impl Stage {
    /// Stores, codes and a rate, but no campaign.
    pub(crate) fn bare() -> Self {
        Self::bare_of(1)
    }

    /// The same, in so many cells.
    pub(crate) fn bare_of(cells: u16) -> Self {
        let mut stage = Self {
            catalog: Catalog::default(),
            settings: Settings {
                wallet_currency: Currency::CNY,
                settlement_zone: Zone::parse("Asia/Shanghai").expect("a zone"),
                quote_valid_s: 120,
                cancel_minutes: 15,
                refund_days: 360,
                cells,
            },
            cells: Cells::new((0..cells).map(|cell| Rows::new(Cell(cell), FIRST)).collect()),
            ledger: Vec::new(),
            rates: Vec::new(),
            now: at(DAY1),
            picks: RefCell::default(),
            luck_asked: RefCell::default(),
            beacon: Some(beacon()),
            calls: 0,
        };
        for (merchant, store, land, currency, text) in [
            ("kiwi-honey", "queen-st", "NZ", "NZD", CODE),
            ("panda-tea", "beijing", "CN", "CNY", CODE_IN_CHINA),
            ("maori-wool", "lambton", "NZ", "NZD", CODE_OF_OTHER),
        ] {
            stage.must(Order::AddMerchant(merchant_of(merchant, land, currency)));
            stage.must(Order::AddStore(store_of(store, merchant, land)));
            stage.must(Order::AddCode(
                StoreId::stored(store),
                Medium::stored("a5_sticker"),
                CodeText::stored(text),
            ));
        }
        stage.rate("4.58170000");
        stage
    }

    /// With the original's campaign, changed by `change`, funded to the fen, on its fifth day.
    pub(crate) fn open(change: impl FnOnce(&mut Rules)) -> Self {
        Self::open_in(1, change)
    }

    /// The same, in so many cells.
    pub(crate) fn open_in(cells: u16, change: impl FnOnce(&mut Rules)) -> Self {
        let mut stage = Self::bare_of(cells);
        let mut rules = rules();
        change(&mut rules);
        stage.launch(rules);
        stage
    }

    /// With one tier of packets.
    pub(crate) fn of(tier: Tier) -> Self {
        Self::open(|rules| rules.packets = vec![tier])
    }

    /// Drafts, submits, approves and funds a campaign.
    pub(crate) fn launch(&mut self, rules: Rules) {
        let (id, budget) = (rules.id.clone(), rules.budget());
        self.must(Order::Draft(Box::new(rules), [7; 32]));
        self.must(Order::Submit(id.clone()));
        self.approve(&id).expect("approved");
        self.must(Order::Fund(id, money("CNY", budget)));
    }

    // --- the clock

    /// Moves the clock without any job being done.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }

    /// Moves the clock, then books all that is due.
    pub(crate) fn pass(&mut self, ms: i64) {
        self.wait(ms);
        self.book_due();
    }

    pub(crate) fn book_due(&mut self) {
        self.scene_of_all(|cells, scene| cells.iter_mut().for_each(|rows| book_due(rows, scene)));
        self.flush();
    }

    // --- calls

    /// Decides with a scene, in the treasury.
    pub(crate) fn scene<T>(&mut self, act: impl FnOnce(&mut Rows, &Scene) -> T) -> T {
        self.scene_in(Cell::TREASURY, act)
    }

    /// Decides with a scene, in a cell.
    pub(crate) fn scene_in<T>(&mut self, cell: Cell, act: impl FnOnce(&mut Rows, &Scene) -> T) -> T {
        self.scene_of_all(|cells, scene| act(cells.get_mut(cell).expect("a cell of the stage"), scene))
    }

    /// Decides with a scene, in all cells.
    pub(crate) fn scene_of_all<T>(&mut self, act: impl FnOnce(&mut Cells, &Scene) -> T) -> T {
        let Self { catalog, settings, cells, now, picks, luck_asked, beacon, .. } = self;
        let luck = Planned { picks, asked: luck_asked, beacon: beacon.clone() };
        act(cells, &Scene { catalog, settings, now: *now, luck: &luck })
    }

    /// A call under a key of its own.
    pub(crate) fn call(&mut self, command: Command) -> Result<Answer, Refusal> {
        self.calls += 1;
        let key = format!("key-{}", self.calls);
        self.call_as("wallet", &key, command).map(|(answer, _)| answer)
    }

    /// A call under a key; also answers whether it was a replay.
    pub(crate) fn call_as(&mut self, by: &str, key: &str, command: Command) -> Result<(Answer, bool), Refusal> {
        let asked = self.asked(by, key, &command);
        self.decide(&Call { command, asked })
    }

    /// Decides a call as it stands.
    pub(crate) fn decide(&mut self, call: &Call) -> Result<(Answer, bool), Refusal> {
        let cell = self.cell_of(&call.command);
        let before = self.rows_of(cell).clone();
        match self.scene_in(cell, |rows, scene| decide(rows, scene, call)) {
            Ok(decision) => {
                self.flush();
                Ok((decision.answer, decision.replayed))
            }
            Err(No::Refused(refusal)) => {
                self.changed_nothing_but_what_was_due(before, call);
                self.flush();
                Err(refusal)
            }
            Err(No::Fault(fault)) => panic!("{call:?}: {fault}"),
        }
    }

    fn changed_nothing_but_what_was_due(&mut self, mut before: Rows, call: &Call) {
        let mut after = self.rows_of(before.cell).clone();
        self.scene(|_, scene| {
            book_due(&mut before, scene);
            book_due(&mut after, scene);
        });
        let (before, after) = (Books::of_rows(&before), Books::of_rows(&after));
        assert_eq!(before, after, "refused, yet it changed something: {call:?}");
    }

    /// Hashes a key as the server does: its scope is what the call is about.
    pub(crate) fn asked(&self, by: &str, key: &str, command: &Command) -> Asked {
        let (scope, path) = match command {
            Command::Claim(claim) => {
                (claim.shopper.person.to_string(), format!("/v1/campaigns/{}/claims", claim.campaign))
            }
            Command::Quote(purchase) => (purchase.shopper.person.to_string(), "/v1/quotes".into()),
            Command::CancelQuote(id) => (id.to_string(), format!("/v1/quotes/{id}/cancel")),
            Command::Pay(id) => (id.to_string(), "/v1/payments".into()),
            Command::CancelPayment(id) => (id.to_string(), format!("/v1/payments/{id}/cancel")),
            Command::Refund(id, _) => (id.to_string(), format!("/v1/payments/{id}/refunds")),
            Command::Void(id) => (id.to_string(), format!("/v1/coupons/{id}/void")),
        };
        let body = format!("{command:?}");
        Asked::new(&Principal::stored(by), &scope, key, &path, &[body.as_bytes()])
    }

    /// An order of the office, by the operator.
    pub(crate) fn order(&mut self, order: Order) -> Result<Answer, Refusal> {
        self.order_by("operator", order)
    }

    pub(crate) fn order_by(&mut self, by: &str, order: Order) -> Result<Answer, Refusal> {
        let before = Books::of_cells(&self.cells);
        match self.scene_of_all(|cells, scene| office::order(cells, scene, &order, &Principal::stored(by))) {
            Ok(decision) => {
                self.apply_entries();
                self.flush();
                Ok(decision.answer)
            }
            Err(No::Refused(refusal)) => {
                assert_eq!(before, Books::of_cells(&self.cells), "refused, yet it changed something: {order:?}");
                Err(refusal)
            }
            Err(No::Fault(fault)) => panic!("{order:?}: {fault}"),
        }
    }

    pub(crate) fn must(&mut self, order: Order) -> Answer {
        self.order(order).expect("the order is given")
    }

    /// The catalog is changed after the commit.
    pub(crate) fn apply_entries(&mut self) {
        for entry in std::mem::take(&mut self.rows_mut().entries) {
            if let Entry::Rate(pair, rate) = &entry {
                self.rates.push((*pair, *rate));
            }
            self.catalog.apply(entry);
        }
    }

    /// The batch is over: its lines are written, and all must add up.
    fn flush(&mut self) {
        for rows in self.cells.iter_mut() {
            self.ledger.append(&mut rows.transfers);
        }
        verify(self);
    }

    // --- the office's calls

    pub(crate) fn rate(&mut self, rate: &str) {
        let (nzd, rate) = (Currency::parse("NZD").expect("NZD"), Rate::parse(rate).expect("a rate"));
        self.must(Order::SetRate(nzd, Currency::CNY, rate));
    }

    pub(crate) fn approve(&mut self, id: &CampaignId) -> Result<Answer, Refusal> {
        self.order_by("approver", Order::Approve(id.clone()))
    }

    pub(crate) fn pause(&mut self, scope: Scope) {
        self.must(Order::Pause(id(), scope, "a reason".into()));
    }

    pub(crate) fn resume(&mut self) {
        self.order_by("approver", Order::Resume(id())).expect("resumed");
    }

    pub(crate) fn end(&mut self) {
        self.must(Order::End(id(), "a reason".into()));
    }

    pub(crate) fn close(&mut self) -> Result<Answer, Refusal> {
        self.order(Order::Close(id()))
    }

    // --- the wallet's calls

    pub(crate) fn scan(&mut self, scan: &Scan) -> Result<Coupon, Refusal> {
        self.call(scan.command()).map(|answer| match answer {
            Answer::Coupon(coupon) => coupon,
            other => panic!("a claim is answered {other:?}"),
        })
    }

    pub(crate) fn claim(&mut self, account: &'static str) -> Result<Coupon, Refusal> {
        self.scan(&Scan { account, ..Scan::default() })
    }

    pub(crate) fn buy(&mut self, shopper: Shopper, store: &str, amount: Money) -> Result<Quote, Refusal> {
        let purchase = Purchase { shopper, store: StoreId::stored(store), amount };
        self.call(Command::Quote(purchase)).map(|answer| match answer {
            Answer::Quote(quote) => quote,
            other => panic!("a quote is answered {other:?}"),
        })
    }

    /// A quote for a purchase in `queen-st`, in New Zealand cents.
    pub(crate) fn quote(&mut self, account: &str, cents: i64) -> Quote {
        self.buy(shopper(account, ""), "queen-st", nzd(cents)).expect("a quote")
    }

    pub(crate) fn pay(&mut self, quote: QuoteId) -> Result<Payment, Refusal> {
        self.call(Command::Pay(quote)).map(|answer| match answer {
            Answer::Payment(_, payment) => payment,
            other => panic!("a payment is answered {other:?}"),
        })
    }

    /// A quote and its payment.
    pub(crate) fn purchase(&mut self, account: &str, cents: i64) -> Payment {
        let quote = self.quote(account, cents);
        self.pay(quote.id).expect("a payment")
    }

    pub(crate) fn refund(&mut self, payment: PaymentId, cents: i64) -> Result<Refund, Refusal> {
        self.call(Command::Refund(payment, nzd(cents))).map(|answer| match answer {
            Answer::Refund(_, refund) => refund,
            other => panic!("a refund is answered {other:?}"),
        })
    }

    pub(crate) fn cancel(&mut self, payment: PaymentId) -> Result<Payment, Refusal> {
        self.call(Command::CancelPayment(payment)).map(|answer| match answer {
            Answer::Payment(_, payment) => payment,
            other => panic!("a cancel is answered {other:?}"),
        })
    }

    pub(crate) fn cancel_quote(&mut self, quote: QuoteId) -> Result<Quote, Refusal> {
        self.call(Command::CancelQuote(quote)).map(|answer| match answer {
            Answer::Quote(quote) => quote,
            other => panic!("a cancel is answered {other:?}"),
        })
    }

    pub(crate) fn void(&mut self, coupon: CouponId) -> Result<Coupon, Refusal> {
        self.call(Command::Void(coupon)).map(|answer| match answer {
            Answer::Coupon(coupon) => coupon,
            other => panic!("a void is answered {other:?}"),
        })
    }

    // --- what is seen

    pub(crate) fn campaign(&self) -> Arc<Campaign> {
        self.catalog.campaign(&id()).expect("the campaign").clone()
    }

    /// A coupon as it is shown: brought up to date in memory, whether a job was on time or not.
    pub(crate) fn coupon(&mut self, id: CouponId) -> Coupon {
        let mut rows = self.rows_of(id.cell()).clone();
        let coupon = self.scene(|_, scene| {
            settle(&mut rows, scene, id).expect("it settles");
            let campaign = scene.campaign_of(id).expect("its campaign");
            rows.coupons.get(id).expect("the coupon").clone().with_pauses(&campaign.pauses)
        });
        assert!(coupon.adds_up(), "{coupon:?}");
        coupon
    }

    /// A coupon's status and what remains of it.
    pub(crate) fn shown(&mut self, id: CouponId) -> (coupon::Status, i64) {
        let coupon = self.coupon(id);
        (coupon.status(), coupon.remaining)
    }

    pub(crate) fn stored_payment(&self, id: PaymentId) -> Payment {
        self.rows_of(id.cell()).payments.get(id).expect("the payment").clone()
    }

    pub(crate) fn balance(&self, account: Account) -> i64 {
        self.slices().map(|slice| slice.buckets.get(account)).sum()
    }

    /// free, committed, reserved, spent, returned, recovered; of all that is booked.
    pub(crate) fn budget(&self) -> [i64; 6] {
        [
            Account::Free,
            Account::Committed,
            Account::Reserved,
            Account::Spent,
            Account::Returned,
            Account::Recovered,
        ]
        .map(|account| self.balance(account))
    }

    /// What is left in all cells together.
    pub(crate) fn left(&self) -> Vec<u64> {
        let mut left = vec![0; self.campaign().rules.packets.len()];
        self.slices().for_each(|slice| packet::add(&mut left, &slice.left).expect("the same tiers"));
        left
    }

    /// The campaign's slices, cell by cell.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &Slice> {
        let number = self.campaign().number;
        self.cells.iter().map(move |rows| rows.slices.get(number).expect("the slice"))
    }
}

pub(crate) fn id() -> CampaignId {
    CampaignId::stored(CAMPAIGN)
}

pub(crate) fn merchant_of(name: &str, land: &str, currency: &str) -> Merchant {
    Merchant {
        id: MerchantId::stored(name),
        name: name.into(),
        country: country(land),
        currency: Currency::parse(currency).expect("a currency"),
        fee_bps: 160,
    }
}

pub(crate) fn store_of(name: &str, merchant: &str, land: &str) -> Store {
    Store {
        id: StoreId::stored(name),
        merchant: MerchantId::stored(merchant),
        name: name.into(),
        country: country(land),
        zone: Zone::parse("Pacific/Auckland").expect("a zone"),
    }
}

/// Puts another value in the catalog's place, past the office: what a stored state may look like.
pub(crate) fn planted(stage: &mut Stage, change: impl FnOnce(&mut Campaign)) {
    let mut campaign = stage.campaign().as_ref().clone();
    change(&mut campaign);
    stage.catalog.apply(Entry::Campaign(Arc::new(campaign)));
}

fn book_due(rows: &mut Rows, scene: &Scene) {
    let ids: Vec<CouponId> = rows.coupons.changed().map(|(id, ..)| id).collect();
    ids.into_iter().for_each(|id| settle(rows, scene, id).expect("what is due can be booked"));
}
