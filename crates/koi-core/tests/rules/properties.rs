//! Any sequence of operations on a small world: after every step all that domain.md promises holds (the stage
//! verifies it), and the same is true whether jobs come early, late or never.

use std::sync::Arc;

use koi_core::campaign::{Campaign, Scope, State, Status};
use koi_core::cells::{grant_size, half};
use koi_core::command::{Answer, Call, Claim, Command, Order, Purchase};
use koi_core::coupon::Coupon;
use koi_core::id::{CampaignId, Cell, CodeText, CouponId, MerchantId, PaymentId, QuoteId, StoreId};
use koi_core::packet::Tier;
use koi_core::quote::Quote;
use koi_core::refusal::Refusal;
use koi_core::rules::{Rules, Threshold};
use koi_core::time::Time;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::books::Books;
use crate::stage::{
    CODE, CODE_IN_CHINA, CODE_OF_OTHER, DAY, HOUR, MINUTE, Stage, country, money, nzd, rules, shopper,
};

/// The two campaigns of the small world.
const CAMPAIGNS: [&str; 2] = ["nz-summer-2018", "autumn"];

#[derive(Clone, Debug)]
enum Op {
    Claim {
        campaign: usize,
        account: usize,
        code: usize,
    },
    Quote {
        account: usize,
        store: usize,
        amount: i64,
    },
    Pay(Index),
    CancelQuote(Index),
    CancelPayment(Index),
    Refund(Index, Part),
    Void(Index),
    /// Repeats an earlier call under its key.
    Repeat(Index),
    Pause(usize, Scope),
    Resume(usize),
    End(usize),
    Close(usize),
    TopUp(usize),
    Rate(u32),
    /// Moves the clock; jobs come or do not.
    Pass(i64, bool),
    /// Moves so many packets between cells.
    Move {
        campaign: usize,
        from: u16,
        into: u16,
        count: u64,
    },
}

/// How much of what is left of a payment is refunded.
#[derive(Clone, Copy, Debug)]
enum Part {
    Cents(i64),
    Third,
    All,
    More,
}

/// What so many accounts do, in one cell or many.
fn op(accounts: usize) -> impl Strategy<Value = Op> {
    let index = any::<Index>;
    let part =
        prop_oneof![(1..2000_i64).prop_map(Part::Cents), Just(Part::Third), Just(Part::All), Just(Part::More)];
    let length = prop_oneof![
        6 => 1..2 * MINUTE,
        2 => Just(3 * MINUTE),
        2 => Just(HOUR),
        1 => 1..3 * DAY,
        1 => Just(7 * DAY),
    ];
    let amount = prop_oneof![1 => 1..600_i64, 3 => 500..4000_i64, 4 => 2000..30_000_i64];
    // Mostly a good code, a store that takes part, the first campaign.
    let place = prop_oneof![6 => Just(0_usize), 1 => Just(1), 1 => Just(2)];
    let campaign = || prop_oneof![2 => Just(0_usize), 1 => Just(1)];
    prop_oneof![
        10 => (campaign(), 0..accounts, place.clone())
            .prop_map(|(campaign, account, code)| Op::Claim { campaign, account, code }),
        12 => (0..accounts, place, amount)
            .prop_map(|(account, store, amount)| Op::Quote { account, store, amount }),
        10 => index().prop_map(Op::Pay),
        2 => index().prop_map(Op::CancelQuote),
        4 => index().prop_map(Op::CancelPayment),
        3 => (index(), part).prop_map(|(index, part)| Op::Refund(index, part)),
        1 => index().prop_map(Op::Void),
        2 => index().prop_map(Op::Repeat),
        1 => (campaign(), prop_oneof![3 => Just(Scope::All), 1 => Just(Scope::Issuing)])
            .prop_map(|(campaign, scope)| Op::Pause(campaign, scope)),
        3 => campaign().prop_map(Op::Resume),
        1 => (0..40_usize).prop_map(Op::End),
        1 => campaign().prop_map(Op::Close),
        1 => campaign().prop_map(Op::TopUp),
        1 => (1000..20_000_u32).prop_map(Op::Rate),
        8 => (length, any::<bool>()).prop_map(|(ms, jobs)| Op::Pass(ms, jobs)),
    ]
}

/// The same, and packets that move.
fn op_in_cells() -> impl Strategy<Value = Op> {
    let count = prop_oneof![1 => Just(0_u64), 6 => 1..4_u64, 1 => Just(u64::MAX)];
    let moves = (0..2_usize, 0..5_u16, 0..5_u16, count).prop_map(|(campaign, from, into, count)| Op::Move {
        campaign,
        from,
        into,
        count,
    });
    prop_oneof![5 => op(10), 1 => moves]
}

/// Rules of a campaign with a few packets.
fn small(id: &str, seed: (bool, bool, bool, i64, u32)) -> Rules {
    let (reaches, returns, restock, min, live) = seed;
    let mut rules = rules();
    rules.id = CampaignId::stored(id);
    rules.packets = vec![
        Tier { face: 500, count: 4, split: false },
        Tier { face: 8800, count: 2, split: false },
        Tier { face: 3000, count: 3, split: true },
    ];
    rules.coupon.threshold = if reaches { Threshold::Reaches } else { Threshold::Exceeds };
    rules.coupon.refund_returns_coupon = returns;
    rules.coupon.restock_expired = restock;
    rules.coupon.min_shopper_pays = min;
    rules.limits.live = live;
    rules.limits.per_window = 6;
    rules.eligibility.not_in_countries = vec![country("CN")];
    rules.merchants = (id == CAMPAIGNS[1]).then(|| vec![MerchantId::stored("kiwi-honey")]);
    rules
}

struct World {
    stage: Stage,
    calls: Vec<(Call, Answer)>,
    picks: u64,
}

impl World {
    fn new(seeds: [(bool, bool, bool, i64, u32); 2]) -> Self {
        Self::of_cells(1, seeds)
    }

    fn of_cells(cells: u16, seeds: [(bool, bool, bool, i64, u32); 2]) -> Self {
        let mut stage = Stage::bare_of(cells);
        for (id, seed) in CAMPAIGNS.into_iter().zip(seeds) {
            stage.launch(small(id, seed));
        }
        Self { stage, calls: Vec::new(), picks: 0 }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Claim { campaign, account, code } => {
                let claim = Command::Claim(Claim {
                    campaign: CampaignId::stored(CAMPAIGNS[*campaign]),
                    code: CodeText::stored([CODE, CODE_IN_CHINA, CODE_OF_OTHER][*code]),
                    shopper: person(*account),
                    verified: true,
                    id_country: country("CN"),
                });
                let cell = self.stage.cell_of(&claim);
                self.granted(*campaign, cell);
                self.drawn(*campaign, cell, 1);
                self.call(claim);
            }
            Op::Quote { account, store, amount } => {
                let (name, currency) = [("queen-st", "NZD"), ("beijing", "CNY"), ("lambton", "NZD")][*store];
                let purchase = Purchase {
                    shopper: person(*account),
                    store: StoreId::stored(name),
                    amount: money(currency, *amount),
                };
                let command = Command::Quote(purchase);
                let before = self.stage.rows_of(self.stage.cell_of(&command)).clone();
                if let Some(Answer::Quote(quote)) = self.call(command) {
                    self.deducts_what_it_may(&before, &quote);
                }
            }
            Op::Pay(index) => drop(self.some_quote(index).map(|id| self.call(Command::Pay(id)))),
            Op::CancelQuote(index) => drop(self.some_quote(index).map(|id| self.call(Command::CancelQuote(id)))),
            Op::CancelPayment(index) => {
                drop(self.some_payment(index).map(|id| self.call(Command::CancelPayment(id))));
            }
            Op::Refund(index, part) => {
                if let Some(id) = self.some_payment(index) {
                    let whole = self.stage.rows_of(id.cell()).quotes.get(id.quote()).expect("its quote").amount;
                    let left = whole.value - self.stage.stored_payment(id).refunded;
                    let value = match part {
                        Part::Cents(cents) => *cents,
                        Part::Third => (whole.value / 3).max(1),
                        Part::All => left,
                        Part::More => left + 1,
                    };
                    self.call(Command::Refund(id, koi_core::money::Money { value, ..whole }));
                }
            }
            Op::Void(index) => {
                let coupons = self.coupons();
                if !coupons.is_empty() {
                    self.call(Command::Void(*index.get(&coupons)));
                }
            }
            Op::Repeat(index) => self.repeat(index),
            Op::Pause(campaign, scope) => {
                self.order("operator", Order::Pause(id(*campaign), *scope, "why".into()))
            }
            Op::Resume(campaign) => self.order("approver", Order::Resume(id(*campaign))),
            Op::End(campaign) if *campaign < 2 => self.order("operator", Order::End(id(*campaign), "why".into())),
            Op::End(_) => (),
            Op::Close(campaign) => self.order("operator", Order::Close(id(*campaign))),
            Op::TopUp(campaign) => self.order("operator", Order::Fund(id(*campaign), money("CNY", 777))),
            Op::Rate(rate) => self.stage.rate(&format!("{}.{:03}", rate / 1000, rate % 1000)),
            Op::Pass(ms, true) => self.stage.pass(*ms),
            Op::Pass(ms, false) => self.stage.wait(*ms),
            Op::Move { campaign, from, into, count } => {
                let cells = self.stage.settings.cells;
                self.moves(*campaign, Cell(from % cells), Cell(into % cells), *count);
            }
        }
    }

    fn campaign(&self, campaign: usize) -> Arc<Campaign> {
        self.stage.catalog.campaign(&id(campaign)).expect("a campaign").clone()
    }

    fn left(&self, campaign: usize, cell: Cell) -> u64 {
        self.stage.cells.slice(cell, self.campaign(campaign).number).expect("a slice").left.iter().sum()
    }

    /// Luck is any number below what is left, so many times.
    fn drawn(&mut self, campaign: usize, cell: Cell, count: u64) {
        let left = self.left(campaign, cell);
        let mut picks = self.stage.picks.borrow_mut();
        picks.clear();
        for place in 0..count {
            self.picks = self.picks.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            picks.push_back((self.picks >> 33) % left.saturating_sub(place).max(1));
        }
    }

    /// Moves packets as far as they are there, and money backs them.
    fn moves(&mut self, campaign: usize, from: Cell, into: Cell, count: u64) {
        let backed =
            matches!(self.campaign(campaign).state, State::Open | State::Paused { .. } | State::Ended { .. });
        if from == into || !backed {
            return;
        }
        let count = count.min(self.left(campaign, from));
        self.drawn(campaign, from, count);
        let campaign = self.campaign(campaign);
        assert_eq!(self.stage.move_packets_of(&campaign, from, into, count), count);
    }

    /// Now and then, packets come to a cell that has none before a claim finds that out: a grant from the treasury, or
    /// half of what the richest cell has.
    fn granted(&mut self, campaign: usize, cell: Cell) {
        let cells = self.stage.settings.cells;
        if cells == 1 || self.left(campaign, cell) > 0 || self.picks.is_multiple_of(4) {
            return;
        }
        let grant = grant_size(self.left(campaign, Cell::TREASURY), cells);
        let richest = (0..cells).map(Cell).max_by_key(|cell| self.left(campaign, *cell)).expect("a cell");
        let (from, count) =
            if grant > 0 { (Cell::TREASURY, grant) } else { (richest, half(self.left(campaign, richest))) };
        self.moves(campaign, from, cell, count);
    }

    /// All coupons, by their numbers.
    fn coupons(&self) -> Vec<CouponId> {
        self.stage.cells.iter().flat_map(|rows| rows.coupons.changed().map(|(id, ..)| id)).collect()
    }

    /// Everything ends, and all of the money is spent or returned, to the fen.
    fn runs_off(&mut self) {
        for campaign in [0, 1] {
            self.order("approver", Order::Resume(id(campaign)));
            self.order("operator", Order::End(id(campaign), "the end".into()));
        }
        self.stage.pass(400 * DAY);
        for place in [0, 1] {
            self.order("operator", Order::Close(id(place)));
            let campaign = self.campaign(place);
            assert_eq!(campaign.status(self.stage.now), Status::Closed);
            let slices = self.stage.cells.iter().filter_map(|rows| rows.slices.get(campaign.number));
            let mut balances = [0; 9];
            for slice in slices {
                balances.iter_mut().zip(slice.buckets.balances()).for_each(|(sum, balance)| *sum += balance);
            }
            let [funder, free, committed, reserved, spent, returned, .., moved] = balances;
            assert_eq!((free, committed, reserved, moved), (0, 0, 0, 0));
            assert_eq!(-funder, spent + returned);
        }
    }

    fn call(&mut self, command: Command) -> Option<Answer> {
        let key = format!("key-{}", self.calls.len());
        let call = Call { asked: self.stage.asked("wallet", &key, &command), command };
        let (answer, replayed) = self.stage.decide(&call).ok()?;
        assert!(!replayed);
        self.calls.push((call, answer.clone()));
        Some(answer)
    }

    /// A repeat is answered as the first was, as far as callers see, and changes nothing.
    fn repeat(&mut self, index: &Index) {
        if self.calls.is_empty() {
            return;
        }
        let (call, first) = index.get(&self.calls).clone();
        let before = Books::of(&self.stage);
        let (answer, replayed) = self.stage.decide(&call).expect("a repeat is answered");
        assert!(replayed);
        assert_eq!(Books::of(&self.stage), before);
        match (&answer, &first) {
            (Answer::Coupon(now), Answer::Coupon(then)) => assert_eq!(shown(now), shown(then)),
            _ => assert_eq!(answer, first),
        }
    }

    fn order(&mut self, by: &str, order: Order) {
        match self.stage.order_by(by, order) {
            Ok(_) | Err(Refusal::InvalidTransition) => (),
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    fn some_quote(&self, index: &Index) -> Option<QuoteId> {
        let quotes = self.stage.cells.iter().flat_map(|rows| rows.quotes.changed());
        let mut quotes: Vec<(Time, QuoteId)> = quotes.map(|(id, quote, _)| (quote.created_at, id)).collect();
        // The latest ones are those that can still be paid.
        quotes.sort_unstable();
        let recent = &quotes[quotes.len().saturating_sub(3)..];
        (!recent.is_empty()).then(|| index.get(recent).1)
    }

    fn some_payment(&self, index: &Index) -> Option<PaymentId> {
        let payments = self.stage.cells.iter().flat_map(|rows| rows.payments.changed());
        let mut payments: Vec<(Time, PaymentId)> =
            payments.map(|(id, payment, _)| (payment.paid_at, id)).collect();
        payments.sort_unstable();
        let recent = &payments[payments.len().saturating_sub(4)..];
        (!recent.is_empty()).then(|| index.get(recent).1)
    }

    /// The plain rule: of what each live coupon of the account could take off, the quote takes the most.
    fn deducts_what_it_may(&mut self, before: &koi_core::rows::Rows, quote: &Quote) {
        let mut rows = before.clone();
        let ids: Vec<CouponId> = rows.coupons.changed().map(|(id, ..)| id).collect();
        let gross = quote.gross.value;
        let catalog = self.stage.catalog.clone();
        let store = catalog.store(&quote.store).expect("a store").clone();
        self.stage.scene(|_, scene| {
            ids.iter().for_each(|id| koi_core::settle::settle(&mut rows, scene, *id).expect("it settles"));
        });
        let own = ids.iter().filter_map(|id| rows.coupons.get(*id));
        let own = own.filter(|coupon| coupon.account == quote.account && coupon.person == quote.person);
        let could = |coupon: &Coupon| {
            let campaign = catalog.campaign_numbered(coupon.id.campaign()).expect("a campaign");
            let rules = &campaign.rules;
            let frozen = matches!(campaign.state, State::Paused { scope: Scope::All, .. });
            let listed = rules.merchants.as_ref().is_none_or(|list| list.contains(&store.merchant));
            let away = rules.eligibility.not_in_countries.contains(&store.country);
            let room = gross - rules.coupon.min_shopper_pays;
            let takes = match (coupon.split, rules.coupon.threshold) {
                (true, _) => coupon.remaining.min(room),
                (false, Threshold::Exceeds)
                    if coupon.remaining > 0 && gross > coupon.face && coupon.face <= room =>
                {
                    coupon.face
                }
                (false, Threshold::Reaches)
                    if coupon.remaining > 0 && gross >= coupon.face && coupon.face <= room =>
                {
                    coupon.face
                }
                (false, _) => 0,
            };
            if frozen || !listed || away { 0 } else { takes.max(0) }
        };
        let most = own.map(could).max().unwrap_or(0);
        assert_eq!(quote.deduction, most, "{quote:?}");
    }
}

fn person(account: usize) -> koi_core::command::Shopper {
    let (account, person) = [
        ("A", "P"),
        ("B", "P"),
        ("C", ""),
        ("D", ""),
        ("E", ""),
        ("F", ""),
        ("G", "Q"),
        ("H", "Q"),
        ("I", ""),
        ("J", ""),
    ][account];
    shopper(account, person)
}

fn id(campaign: usize) -> CampaignId {
    CampaignId::stored(CAMPAIGNS[campaign])
}

fn shown(coupon: &Coupon) -> (CouponId, i64, i64, koi_core::coupon::Status, Time, u32) {
    (coupon.id, coupon.face, coupon.remaining, coupon.status(), coupon.expires_at, coupon.revision)
}

fn seeds() -> impl Strategy<Value = [(bool, bool, bool, i64, u32); 2]> {
    let seed = || (any::<bool>(), any::<bool>(), any::<bool>(), 0..3_i64, 1..4_u32);
    [seed(), seed()]
}

/// A case plays up to 120 operations, so there are fewer of them.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4 + 1, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_invariants_hold_after_every_step(seeds in seeds(), ops in proptest::collection::vec(op(4), 1..120)) {
        let mut world = World::new(seeds);
        ops.iter().for_each(|op| world.step(op));

        world.runs_off();
    }

    #[test]
    fn the_invariants_hold_in_every_cell_while_packets_move(
        cells in prop_oneof![Just(1_u16), Just(2), Just(5)], seeds in seeds(),
        ops in proptest::collection::vec(op_in_cells(), 1..120),
    ) {
        let mut world = World::of_cells(cells, seeds);
        ops.iter().for_each(|op| world.step(op));
        world.runs_off();
    }

    #[test]
    fn jobs_that_come_late_or_never_change_no_answer(seeds in seeds(), ops in proptest::collection::vec(op(4), 1..120)) {
        let (mut early, mut late) = (World::new(seeds), World::new(seeds));
        for op in &ops {
            match op {
                Op::Pass(ms, _) => {
                    early.stage.pass(*ms);
                    late.stage.wait(*ms);
                }
                // A close asks for what is booked.
                Op::Close(_) => {
                    late.stage.book_due();
                    early.step(op);
                    late.step(op);
                }
                // What a claim takes depends on what went back into the stock.
                Op::Claim { .. } => {
                    late.stage.book_due();
                    early.step(op);
                    late.step(op);
                }
                _ => {
                    early.step(op);
                    late.step(op);
                }
            }
            prop_assert_eq!(early.calls.len(), late.calls.len(), "{:?}", op);
        }
        for ((_, one), (_, two)) in early.calls.iter().zip(&late.calls) {
            match (one, two) {
                (Answer::Coupon(one), Answer::Coupon(two)) => prop_assert_eq!(shown(one), shown(two)),
                _ => prop_assert_eq!(one, two),
            }
        }
        early.stage.book_due();
        late.stage.book_due();
        let all = |world: &mut World| {
            let ids = world.coupons();
            ids.into_iter().map(|id| shown(&world.stage.coupon(id))).collect::<Vec<_>>()
        };
        prop_assert_eq!(all(&mut early), all(&mut late));
        let slices = |world: &World| Books::of(&world.stage).slices;
        prop_assert_eq!(slices(&early), slices(&late));
    }
}

proptest! {
    #[test]
    fn the_merchants_money_does_not_know_the_coupon(
        cents in 1..10_000_000_i64, points in 0..=10_000_u32, rate in 1..100_000_000_u64, face in 1..100_000_i64,
        split in any::<bool>(), parts in proptest::collection::vec(1..1000_i64, 0..6),
    ) {
        let mut stage = Stage::open(|rules| rules.packets = vec![Tier { face, count: 1, split }]);
        let mut merchant = crate::stage::merchant_of("kiwi-honey", "NZ", "NZD");
        merchant.fee_bps = points;
        stage.catalog.apply(koi_core::catalog::Entry::Merchant(merchant.into()));
        stage.rate(&koi_core::money::Rate::of_scaled(rate * 1000).to_string());
        stage.claim("A").expect("a coupon");
        let outcomes = ["A", "B"].map(|account| stage.buy(shopper(account, ""), "queen-st", nzd(cents)));
        let [Ok(with), Ok(without)] = outcomes else { return Ok(()) };
        let fees = [&with, &without].map(|quote| stage.pay(quote.id).expect("paid").fee);
        prop_assert_eq!(fees[0], fees[1]);
        prop_assert_eq!((with.gross, without.deduction), (without.gross, 0));
        // Refunds in any parts give back exactly what was given (the stage verifies the sums).
        let mut left = cents;
        for part in parts.into_iter().chain([i64::MAX]) {
            let part = part.min(left);
            if part > 0 {
                stage.refund(PaymentId::of(with.id), part).expect("a refund");
                left -= part;
            }
        }
        let back = stage.stored_payment(PaymentId::of(with.id));
        prop_assert_eq!((back.refunded_shopper, back.refunded_funder), (with.payable().value, with.deduction));
    }
}
