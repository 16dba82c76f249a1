//! The auditor: recomputes balances, coupons and purchases from the ledger's lines and the rules, and names what does
//! not agree. It is fed row by row, so that its memory does not grow with the ledger, and it trusts no value: a
//! damaged one is named, and never stops it.
//!
//! The order: [`Audit::campaigns`]; then pass by pass [`Audit::begin`], purchases ([`Audit::purchase`]), every line
//! ([`Audit::transfer`] in the first pass only, [`Audit::movement`]; after the first pass [`Audit::balances`]),
//! what quotes take off coupons ([`Audit::deduction`]), the coupons of the pass ([`Audit::coupon`]) and
//! [`Audit::end`]; last the coupons that nobody issued ([`Audit::stray`]), the keys under which quotes were asked for
//! ([`Audit::quote_asked`]) and [`Audit::finish`].
//!
//! Idempotency keys are compared where their rows come together: all calls about one purchase, the claim and the void
//! of one coupon, and the keys of all quotes, which come in their order. Those of claims are compared within a pass:
//! a claim that was repeated in another one, some millions of coupons later, is not noticed.

mod campaigns;
mod coupons;
mod lines;
mod moves;
mod purchases;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::campaign::Campaign;
use crate::catalog::{Catalog, Pair};
use crate::id::{CampaignNo, Cell, CouponId, QuoteId, ShopperKey};
use crate::ledger::{Buckets, Transfer};
use crate::money::Rate;
use crate::payment::{Payment, Refund};
use crate::quote::Quote;
use crate::rows::{Counters, Slice};
use coupons::{Coupons, Sums};
use purchases::Purchases;

/// Where a campaign's slice lives.
type Place = (Cell, CampaignNo);

/// What the auditor knows before it is fed: the little that changes rarely.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Campaigns, merchants, stores and codes.
    pub catalog: &'a Catalog,
    /// Every rate that was ever in force.
    pub rates: &'a [(Pair, Rate)],
    /// Every slice.
    pub slices: &'a [(Cell, CampaignNo, Slice)],
    /// The next numbers of each cell.
    pub counters: &'a [(Cell, Counters)],
    /// How many cells the installation has.
    pub cells: u16,
}

/// A run of coupons with consecutive ordinals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first.
    pub first: CouponId,
    /// How many.
    pub count: u32,
}

/// What a quote takes off a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deduction {
    /// The coupon.
    pub coupon: CouponId,
    /// Who asked for the quote: see [`holder`].
    pub holder: u64,
    /// How much.
    pub amount: i64,
    /// Whether the quote is open.
    pub open: bool,
    /// Whether it was paid, and the payment neither cancelled nor its coupon given back.
    pub spent: bool,
}

/// A quote with what became of it. One of the three may be all that is left of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchase {
    /// The quote's number, which is the payment's.
    pub id: QuoteId,
    /// The quote.
    pub quote: Option<Quote>,
    /// Its payment.
    pub payment: Option<Payment>,
    /// The refunds, in order.
    pub refunds: Vec<Refund>,
}

/// What the auditor has seen and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Lines of the ledger, one for each coupon that was issued.
    pub transfers: u64,
    /// Accounts whose balances were recomputed.
    pub accounts: u64,
    /// Coupons that were recomputed.
    pub coupons: u64,
    /// Payments that were recomputed.
    pub payments: u64,
    /// What does not agree.
    pub broken: Vec<String>,
}

/// The auditor.
pub struct Audit<'a> {
    known: Known<'a>,
    campaigns: FxHashMap<CampaignNo, &'a Campaign>,
    slices: FxHashMap<Place, &'a Slice>,
    counters: FxHashMap<Cell, Counters>,
    rates: FxHashSet<(Pair, Rate)>,
    named: usize,
    findings: Findings,
    /// What is wrong with purchases: named after what is wrong with lines and coupons, which explains much of it.
    of_purchases: Vec<String>,
    /// The number that the next line of each cell has, and the next quote.
    next_line: FxHashMap<Cell, i64>,
    next_quote: FxHashMap<Cell, i64>,
    /// The line before.
    last_line: Option<Transfer>,
    balances: FxHashMap<Place, Buckets>,
    /// What each slice gave to other cells less what they took from it, as one number.
    given: FxHashMap<Place, u64>,
    sums: FxHashMap<Place, Sums>,
    coupons: Coupons,
    purchases: Purchases,
    /// What the lines that issued coupons still lack.
    unissued: FxHashMap<i64, i128>,
}

impl<'a> Audit<'a> {
    /// An auditor who knows all that changes rarely, and names at most `named` disagreements.
    pub fn new(known: Known<'a>, named: usize) -> Self {
        let campaigns: FxHashMap<CampaignNo, &Campaign> =
            known.catalog.campaigns().map(|campaign| (campaign.number, campaign.as_ref())).collect();
        let slices: FxHashMap<Place, &Slice> =
            known.slices.iter().map(|(cell, campaign, slice)| ((*cell, *campaign), slice)).collect();
        let sums = slices.iter().map(|(place, slice)| {
            let tiers = campaigns.get(&place.1).map_or(0, |campaign| campaign.rules.packets.len());
            (*place, Sums::of_tiers(tiers.max(slice.left.len())))
        });
        Self {
            known,
            named,
            findings: Findings::default(),
            of_purchases: Vec::new(),
            next_line: FxHashMap::default(),
            next_quote: FxHashMap::default(),
            last_line: None,
            balances: slices.keys().map(|place| (*place, Buckets::default())).collect(),
            given: FxHashMap::default(),
            sums: sums.collect(),
            campaigns,
            counters: known.counters.iter().copied().collect(),
            rates: known.rates.iter().copied().collect(),
            slices,
            coupons: Coupons::default(),
            purchases: Purchases::default(),
            unissued: FxHashMap::default(),
        }
    }

    fn broken(&mut self, what: String) {
        if self.findings.broken.len() < self.named {
            self.findings.broken.push(what);
        }
    }

    fn broken_purchase(&mut self, what: String) {
        if self.of_purchases.len() < self.named {
            self.of_purchases.push(what);
        }
    }

    fn campaign(&self, number: CampaignNo) -> Option<&'a Campaign> {
        self.campaigns.get(&number).copied()
    }

    /// The places of all slices, in order.
    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.slices.keys().copied().collect();
        places.sort_unstable();
        places
    }

    fn name(&self, (cell, campaign): Place) -> String {
        let id = self.campaign(campaign).map(|campaign| campaign.rules.id.to_string());
        let id = id.unwrap_or_else(|| format!("campaign number {}", campaign.0));
        if cell.0 == 0 { id } else { format!("{id} in cell {}", cell.0) }
    }

    /// Begins a pass with the coupons of these runs, which are in the order of their numbers.
    pub fn begin(&mut self, runs: &[Run]) {
        self.coupons.begin(runs);
        self.purchases.begin();
    }

    /// Ends a pass.
    pub fn end(&mut self) {
        self.end_purchases();
        self.end_coupons();
    }

    /// Compares the sums, and answers what was found.
    pub fn finish(mut self) -> Findings {
        self.numbers_of_cells();
        for what in std::mem::take(&mut self.of_purchases) {
            self.broken(what);
        }
        self.amounts_issued();
        self.counterparts();
        for place in self.places() {
            self.sums_of(place);
        }
        self.findings
    }
}

/// A shopper's account as one number: the same for a coupon and for the quotes that may use it.
pub fn holder(shopper: ShopperKey, account: &str) -> u64 {
    let account = account.bytes().fold(0, |hash, byte| stirred(hash, u64::from(byte)));
    stirred(account, shopper.0.cast_unsigned())
}

/// Stirs a value into a hash (the mixing step of SplitMix64). It defends against accidents, not against those who
/// can write the database.
fn stirred(hash: u64, value: u64) -> u64 {
    let mut mixed = hash.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ value;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
