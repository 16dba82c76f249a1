//! What must be true after every step, computed the plain way from the rows and lines; and the auditor's
//! opinion of the same.

use std::collections::{BTreeMap, BTreeSet};

use koi_core::audit::{Audit, Deduction, Findings, Known, Purchase, holder};
use koi_core::campaign::{Campaign, State};
use koi_core::catalog::{Catalog, Pair};
use koi_core::coupon::{Coupon, Phase};
use koi_core::id::{CampaignNo, Cell, CouponId, PaymentId, QuoteId};
use koi_core::ledger::{Account, Buckets, Reason, Transfer};
use koi_core::money::{Rate, fee};
use koi_core::packet::Tier;
use koi_core::payment::{Payment, Refund};
use koi_core::quote::{self, Quote};
use koi_core::rows::{Cells, Counters, Rows, Slice};

use crate::stage::Stage;

/// All rows of the working set, as values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Books {
    pub(crate) slices: Vec<(Cell, CampaignNo, Slice)>,
    pub(crate) lines: Vec<Transfer>,
    pub(crate) coupons: Vec<Coupon>,
    pub(crate) quotes: Vec<Quote>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) refunds: Vec<Refund>,
    /// The next numbers of each cell, and every rate that was ever in force: like the lines, of a whole stage only.
    pub(crate) counters: Vec<(Cell, Counters)>,
    pub(crate) rates: Vec<(Pair, Rate)>,
    /// How many cells there are.
    pub(crate) cells: u16,
    holds: BTreeMap<CouponId, BTreeSet<QuoteId>>,
}

impl Books {
    /// The rows, without the lines, which are no part of what a refusal may not change: what was due is
    /// booked in another order.
    pub(crate) fn of_rows(rows: &Rows) -> Self {
        Self {
            slices: rows.slices.changed().map(|(number, slice, _)| (rows.cell, number, slice.clone())).collect(),
            lines: Vec::new(),
            coupons: rows.coupons.changed().map(|(_, coupon, _)| coupon.clone()).collect(),
            quotes: rows.quotes.changed().map(|(_, quote, _)| quote.clone()).collect(),
            payments: rows.payments.changed().map(|(_, payment, _)| payment.clone()).collect(),
            refunds: rows.refunds.changed().map(|(_, refund, _)| refund.clone()).collect(),
            counters: Vec::new(),
            rates: Vec::new(),
            cells: 1,
            holds: rows
                .holds
                .iter()
                .filter(|(_, quotes)| !quotes.is_empty())
                .map(|(coupon, quotes)| (*coupon, quotes.iter().copied().collect()))
                .collect(),
        }
    }

    /// The rows of all cells, in the order of their numbers.
    pub(crate) fn of_cells(cells: &Cells) -> Self {
        cells.iter().map(Self::of_rows).fold(Self::default(), |mut all, mut own| {
            all.slices.append(&mut own.slices);
            all.coupons.append(&mut own.coupons);
            all.quotes.append(&mut own.quotes);
            all.payments.append(&mut own.payments);
            all.refunds.append(&mut own.refunds);
            all.holds.append(&mut own.holds);
            all.cells += own.cells;
            all
        })
    }

    pub(crate) fn of(stage: &Stage) -> Self {
        let mut lines = stage.ledger.clone();
        lines.sort_unstable_by_key(|line| line.id);
        Self {
            lines,
            counters: stage.cells.iter().map(|rows| (rows.cell, rows.counters)).collect(),
            rates: stage.rates.clone(),
            ..Self::of_cells(&stage.cells)
        }
    }

    /// What the auditor finds, with passes of at most so many coupons and purchases.
    pub(crate) fn findings(&self, catalog: &Catalog, most: u32, named: usize) -> Findings {
        let (rates, slices, counters) = (&self.rates, &self.slices, &self.counters);
        let known = Known { catalog, rates, slices, counters, cells: self.cells };
        let mut audit = Audit::new(known, named);
        audit.campaigns();
        let coupons = audit.passes(&self.ends(), most);
        let purchases = self.purchases();
        let mut purchases = purchases.chunks(most as usize);
        let mut coupons = coupons.into_iter();
        let mut is_first = true;
        loop {
            let (runs, bought) = (coupons.next(), purchases.next());
            if !is_first && runs.is_none() && bought.is_none() {
                break;
            }
            let runs = runs.unwrap_or_default();
            audit.begin(&runs);
            bought.unwrap_or_default().iter().for_each(|purchase| audit.purchase(purchase));
            for line in &self.lines {
                if is_first {
                    audit.transfer(line);
                }
                audit.movement(line);
            }
            if is_first {
                audit.balances();
            }
            self.quotes.iter().filter_map(|quote| self.deduction(quote)).for_each(|taken| audit.deduction(&taken));
            for run in runs {
                let from = run.first.number();
                let within = |coupon: &&Coupon| (from..from + i64::from(run.count)).contains(&coupon.id.number());
                self.coupons.iter().filter(within).for_each(|coupon| audit.coupon(coupon));
            }
            audit.end();
            is_first = false;
        }
        self.coupons.iter().filter(|coupon| !self.is_issued(coupon)).for_each(|coupon| audit.stray(coupon));
        let mut asked: Vec<_> = self.quotes.iter().map(|quote| (quote.asked.key, quote.id)).collect();
        asked.sort_unstable();
        asked.into_iter().for_each(|(key, id)| audit.quote_asked(key, id));
        audit.finish()
    }

    /// How many ordinals there are up to the last coupon of each slice.
    fn ends(&self) -> Vec<(Cell, CampaignNo, u32)> {
        let end = |(cell, campaign, _): &(Cell, CampaignNo, Slice)| {
            let own = self.coupons.iter().map(|coupon| coupon.id);
            let own = own.filter(|id| (id.cell(), id.campaign()) == (*cell, *campaign));
            (*cell, *campaign, own.map(|id| id.ordinal().saturating_add(1)).max().unwrap_or(0))
        };
        self.slices.iter().map(end).collect()
    }

    fn is_issued(&self, coupon: &Coupon) -> bool {
        self.slices.iter().any(|(cell, campaign, slice)| {
            (*cell, *campaign) == (coupon.id.cell(), coupon.id.campaign())
                && coupon.id.ordinal() < slice.next_ordinal
        })
    }

    /// Quotes, payments and refunds side by side, as the store hands them out.
    fn purchases(&self) -> Vec<Purchase> {
        let mut all: BTreeMap<QuoteId, Purchase> = BTreeMap::new();
        fn of(all: &mut BTreeMap<QuoteId, Purchase>, id: QuoteId) -> &mut Purchase {
            all.entry(id).or_insert_with(|| Purchase { id, quote: None, payment: None, refunds: Vec::new() })
        }
        self.quotes.iter().for_each(|quote| of(&mut all, quote.id).quote = Some(quote.clone()));
        self.payments.iter().for_each(|payment| of(&mut all, payment.id.quote()).payment = Some(payment.clone()));
        self.refunds
            .iter()
            .for_each(|refund| of(&mut all, refund.id.payment.quote()).refunds.push(refund.clone()));
        all.into_values().collect()
    }

    fn deduction(&self, quote: &Quote) -> Option<Deduction> {
        let payment = self.payments.iter().find(|payment| payment.id == PaymentId::of(quote.id));
        Some(Deduction {
            coupon: quote.coupon?,
            holder: holder(quote.shopper, quote.account.as_str()),
            amount: quote.deduction,
            open: quote.phase == quote::Phase::Open,
            spent: payment.is_some_and(|payment| payment.cancelled.is_none() && !payment.coupon_returned),
        })
    }
}

/// Panics when anything that domain.md promises is not so.
pub(crate) fn verify(stage: &Stage) {
    let books = Books::of(stage);
    books.slices.iter().for_each(|place| slice_adds_up(stage, &books, place));
    stage.catalog.campaigns().for_each(|campaign| campaign_adds_up(stage, &books, campaign));
    books.coupons.iter().for_each(|coupon| coupon_adds_up(&books, coupon));
    books.payments.iter().for_each(|payment| payment_adds_up(stage, &books, payment));
    let found = books.findings(&stage.catalog, 1000, 100);
    assert_eq!(found.broken, Vec::<String>::new(), "the auditor of a healthy set is silent");
    assert_eq!(books.findings(&stage.catalog, 2, 100), found, "chunks change nothing");
    assert_eq!((found.coupons, found.payments), (books.coupons.len() as u64, books.payments.len() as u64));
}

fn slice_adds_up(stage: &Stage, books: &Books, (cell, number, slice): &(Cell, CampaignNo, Slice)) {
    let campaign = stage.catalog.campaign_numbered(*number).expect("a campaign");
    let place = (*cell, *number);
    let own = books.coupons.iter().filter(|coupon| (coupon.id.cell(), coupon.id.campaign()) == place);
    let own: Vec<&Coupon> = own.collect();
    let lines = books.lines.iter().filter(|line| (line.id.cell(), line.campaign) == place);
    let held = |account| slice.buckets.get(account);
    let sum = |part: fn(&Coupon) -> i64| own.iter().map(|coupon| part(coupon)).sum::<i64>();

    let mut told = Buckets::default();
    for line in lines.clone() {
        assert!(line.movement.amount > 0, "{line:?}");
        told = told.after(&line.movement).expect("no bucket is ever negative");
    }
    assert_eq!(told, slice.buckets, "the lines make the balances");
    let inside = [Account::Free, Account::Committed, Account::Reserved, Account::Spent, Account::Returned];
    let parts = inside.map(held).iter().sum::<i64>() + held(Account::Moved);
    assert_eq!(slice.buckets.funded(), parts, "funded = the five buckets and what went to other cells");
    assert!(
        inside.into_iter().chain([Account::Recovered]).all(|account| held(account) >= 0),
        "no negative bucket"
    );
    assert_eq!(held(Account::Committed), sum(|coupon| coupon.remaining), "committed: live coupons");
    assert_eq!(held(Account::Reserved), sum(|coupon| coupon.reserved), "reserved: open quotes");
    assert_eq!(held(Account::Spent), sum(|coupon| coupon.spent), "spent: taken off purchases");

    let ordinals: BTreeSet<u32> = own.iter().map(|coupon| coupon.id.ordinal()).collect();
    assert_eq!(ordinals, (0..slice.next_ordinal).collect(), "ordinals are dense");
    for (place, tier) in campaign.rules.packets.iter().enumerate() {
        let out = own.iter().filter(|coupon| usize::from(coupon.tier) == place && !coupon.restocked).count();
        let moves = lines.clone().filter(|line| line.movement.reason == Reason::Move);
        let moves = moves.filter(|line| line.movement.tier() == place);
        let came = |line: &Transfer| {
            assert_eq!(line.movement.amount, tier.face * i64::from(line.count), "{line:?}");
            if line.movement.credit == Account::Free { i128::from(line.count) } else { -i128::from(line.count) }
        };
        let began = if *cell == Cell::TREASURY { i128::from(tier.count) } else { 0 };
        let expected = began + moves.map(came).sum::<i128>();
        assert_eq!(i128::from(slice.left[place]) + out as i128, expected, "stock + out, of tier {place}");
    }
    let mut left = vec![0; campaign.rules.packets.len()];
    if *cell == Cell::TREASURY {
        left = campaign.rules.packets.iter().map(|tier| i128::from(tier.count)).collect();
    }
    for line in lines.clone() {
        stock_after(&mut left, line, &own);
    }
    let kept: Vec<i128> = slice.left.iter().copied().map(i128::from).collect();
    assert_eq!(left, kept, "the lines alone, in their order, make the stock");
    let promise = |(tier, left): (&Tier, &u64)| i128::from(tier.face) * i128::from(*left);
    let promised: i128 = campaign.rules.packets.iter().zip(&slice.left).map(promise).sum();
    match campaign.state {
        State::Open | State::Paused { .. } | State::Ended { .. } => {
            assert!(i128::from(held(Account::Free)) >= promised, "it never promises what it does not have");
        }
        State::Closed { .. } => assert_eq!(held(Account::Free), 0, "a closed campaign has given all back"),
        State::Draft | State::InReview | State::Approved => assert!(own.is_empty(), "nothing is issued before"),
    }
}

/// The stock of a cell after a line, told by nothing but the line and the tiers of the coupons that it names.
fn stock_after(left: &mut [i128], line: &Transfer, own: &[&Coupon]) {
    let tier_of =
        |id: CouponId| usize::from(own.iter().find(|coupon| coupon.id == id).expect("the coupon of a line").tier);
    let movement = &line.movement;
    match movement.reason {
        Reason::Issue => {
            for next in 0..i64::from(line.count) {
                left[tier_of(CouponId::of_number(movement.subject + next))] -= 1;
            }
        }
        Reason::Move if movement.credit == Account::Moved => left[movement.tier()] -= i128::from(line.count),
        Reason::Move => left[movement.tier()] += i128::from(line.count),
        _ if movement.puts_back() => left[tier_of(movement.coupon.expect("a coupon's line"))] += 1,
        _ => assert!(movement.part == 0 || matches!(movement.reason, Reason::Recover | Reason::Restore)),
    }
    assert!(left.iter().all(|left| *left >= 0), "a packet is taken that is not there: {line:?}");
}

/// What must be true of all cells together.
fn campaign_adds_up(stage: &Stage, books: &Books, campaign: &Campaign) {
    let slices = books.slices.iter().filter(|(_, number, _)| *number == campaign.number);
    let slices: Vec<&Slice> = slices.map(|(_, _, slice)| slice).collect();
    assert_eq!(slices.len(), usize::from(stage.settings.cells), "a slice in every cell");
    let held = |account| slices.iter().map(|slice| slice.buckets.get(account)).sum::<i64>();
    assert_eq!(held(Account::Moved), 0, "nothing is between cells");
    let inside = [Account::Free, Account::Committed, Account::Reserved, Account::Spent, Account::Returned];
    assert_eq!(-held(Account::Funder), inside.map(held).iter().sum::<i64>(), "funded = the five buckets");
    for (place, tier) in campaign.rules.packets.iter().enumerate() {
        let own = books.coupons.iter().filter(|coupon| coupon.id.campaign() == campaign.number);
        let out = own.filter(|coupon| usize::from(coupon.tier) == place && !coupon.restocked).count();
        let left: u64 = slices.iter().map(|slice| slice.left[place]).sum();
        assert_eq!(left + out as u64, tier.count, "stock + out = count, of tier {place}");
    }
}

fn coupon_adds_up(books: &Books, coupon: &Coupon) {
    let parts = [coupon.remaining, coupon.reserved, coupon.spent, coupon.lapsed];
    assert!(parts.iter().all(|part| *part >= 0), "{coupon:?}");
    assert_eq!(parts.iter().sum::<i64>(), coupon.face, "{coupon:?}");
    let open =
        books.quotes.iter().filter(|quote| quote.coupon == Some(coupon.id) && quote.phase == quote::Phase::Open);
    let holding: BTreeSet<QuoteId> = open.clone().map(|quote| quote.id).collect();
    assert_eq!(books.holds.get(&coupon.id).cloned().unwrap_or_default(), holding, "the holds are the open quotes");
    assert_eq!(open.map(|quote| quote.deduction).sum::<i64>(), coupon.reserved, "{coupon:?}");
    assert_eq!(coupon.ended_at.is_none(), coupon.phase == Phase::Held, "{coupon:?}");
    assert_eq!(coupon.voided.is_some(), coupon.phase == Phase::Void, "{coupon:?}");
    if coupon.restocked {
        assert_eq!((coupon.lapsed, coupon.face), (coupon.face, coupon.face), "only a whole packet goes back");
    }
}

fn payment_adds_up(stage: &Stage, books: &Books, payment: &Payment) {
    let quote = books.quotes.iter().find(|quote| quote.id == payment.id.quote()).expect("its quote");
    assert_eq!(quote.payable().value + quote.deduction, quote.gross.value, "paid + deduction = gross");
    assert!(quote.payable().value >= 0 && quote.deduction >= 0);
    let store = stage.catalog.store(&quote.store).expect("its store");
    let merchant = stage.catalog.merchant(&store.merchant).expect("its merchant");
    assert_eq!(payment.fee, fee(quote.amount.value, merchant.fee_bps), "the fee does not know the coupon");

    let refunds: Vec<&Refund> = books.refunds.iter().filter(|refund| refund.id.payment == payment.id).collect();
    let sum = |part: fn(&Refund) -> i64| refunds.iter().map(|refund| part(refund)).sum::<i64>();
    assert_eq!(payment.refunded, sum(|refund| refund.amount));
    assert_eq!(payment.refunded_shopper, sum(|refund| refund.shopper));
    assert_eq!(payment.refunded_funder, sum(|refund| refund.funder));
    assert!(refunds.iter().all(|refund| refund.amount > 0 && refund.shopper >= 0 && refund.funder >= 0));
    assert!(payment.refunded <= quote.amount.value, "refunds never exceed the payment");
    assert!(payment.refunded_shopper <= quote.payable().value && payment.refunded_funder <= quote.deduction);
    if payment.refunded == quote.amount.value {
        let back = (payment.refunded_shopper, payment.refunded_funder);
        assert_eq!(back, (quote.payable().value, quote.deduction), "a full refund returns exactly both");
    }
    assert!(payment.cancelled.is_none() || refunds.is_empty(), "cancelled or refunded, never both");
}
