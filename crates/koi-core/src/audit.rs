//! The auditor: recomputes balances, coupons and payments from the ledger's lines, and names what does not
//! agree. It is fed row by row, so that its memory does not grow with the ledger.
//!
//! The order: every line ([`Audit::transfer`]), then [`Audit::balances`]; then chunk by chunk of coupons, the lines
//! and the deductions about them and the coupons themselves; then every payment; then [`Audit::finish`].

use rustc_hash::FxHashMap;

use crate::catalog::Catalog;
use crate::coupon::{Coupon, Phase};
use crate::id::{CampaignNo, Cell, CouponId, TransferId};
use crate::ledger::{Account, Buckets, Reason, Transfer};
use crate::money::fee;
use crate::payment::{Payment, Refund, Shares, cumulative};
use crate::quote::{self, Quote};
use crate::rows::Slice;

/// Where a campaign's slice lives.
type Place = (Cell, CampaignNo);

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
    /// How much.
    pub amount: i64,
    /// Whether the quote is open.
    pub open: bool,
    /// Whether it was paid, and the payment neither cancelled nor its coupon given back.
    pub spent: bool,
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

/// What lines and quotes say of one coupon.
#[derive(Clone, Copy, Default)]
struct Told {
    /// The line that issued it; 0: none has.
    line: i64,
    issued: u8,
    remaining: i64,
    reserved: i64,
    spent: i64,
    lapsed: i64,
    quoted: i64,
    paid: i64,
}

/// Sums of a slice's coupons.
#[derive(Clone, Default)]
struct Sums {
    remaining: i128,
    reserved: i128,
    spent: i128,
    /// Packets out of the stock, tier by tier.
    out: Vec<i128>,
    recovered: i128,
}

/// The auditor.
pub struct Audit<'a> {
    catalog: &'a Catalog,
    slices: FxHashMap<Place, &'a Slice>,
    named: usize,
    findings: Findings,
    next_line: FxHashMap<Cell, i64>,
    balances: FxHashMap<Place, Buckets>,
    sums: FxHashMap<Place, Sums>,
    runs: Vec<Run>,
    offsets: FxHashMap<Place, Vec<(u32, u32, usize)>>,
    told: Vec<Told>,
    seen: Vec<bool>,
    /// What the lines that issued coupons still lack.
    unissued: FxHashMap<i64, i128>,
}

impl<'a> Audit<'a> {
    /// An auditor of these campaigns and slices, who names at most `named` disagreements.
    pub fn new(catalog: &'a Catalog, slices: &'a [(Cell, CampaignNo, Slice)], named: usize) -> Self {
        let slices: FxHashMap<Place, &Slice> =
            slices.iter().map(|(cell, campaign, slice)| ((*cell, *campaign), slice)).collect();
        let sums = slices
            .iter()
            .map(|(place, slice)| (*place, Sums { out: vec![0; slice.left.len()], ..Sums::default() }))
            .collect();
        let balances = slices.keys().map(|place| (*place, Buckets::default())).collect();
        Self {
            catalog,
            slices,
            named,
            findings: Findings::default(),
            next_line: FxHashMap::default(),
            balances,
            sums,
            runs: Vec::new(),
            offsets: FxHashMap::default(),
            told: Vec::new(),
            seen: Vec::new(),
            unissued: FxHashMap::default(),
        }
    }

    fn broken(&mut self, what: String) {
        if self.findings.broken.len() < self.named {
            self.findings.broken.push(what);
        }
    }

    /// Takes a line of the ledger, in the order of the numbers.
    pub fn transfer(&mut self, line: &Transfer) {
        self.findings.transfers += u64::from(line.count);
        let cell = cell_of(line.id);
        let expected = self.next_line.entry(cell).or_insert_with(|| TransferId::new(cell, 1).number());
        let gap = line.id.number() != *expected;
        let missing = TransferId::of_number(*expected);
        *expected = line.id.number() + 1;
        if gap {
            self.broken(format!("transfer {missing} is missing before {}", line.id));
        }
        let place = (cell, line.campaign);
        match self.balances.get(&place).copied().map(|buckets| buckets.after(&line.movement)) {
            None => {
                self.broken(format!("transfer {} is of campaign {}, which has no slice", line.id, line.campaign.0))
            }
            Some(Err(fault)) => self.broken(format!("transfer {}: {fault}", line.id)),
            Some(Ok(after)) => {
                self.balances.insert(place, after);
            }
        }
    }

    /// Compares the balances with those of all lines.
    pub fn balances(&mut self) {
        let mut places: Vec<Place> = self.slices.keys().copied().collect();
        places.sort_unstable();
        for place in places {
            let (Some(slice), Some(told)) = (self.slices.get(&place).copied(), self.balances.get(&place).copied())
            else {
                continue;
            };
            for account in Account::ALL {
                self.findings.accounts += 1;
                let (kept, told) = (slice.buckets.get(account), told.get(account));
                if kept != told {
                    let name = self.name(place);
                    self.broken(format!(
                        "{name}: account {} holds {kept}, its transfers make {told}",
                        account.name()
                    ));
                }
            }
            if !slice.buckets.adds_up() {
                let name = self.name(place);
                self.broken(format!("{name}: the buckets do not add up to what was funded"));
            }
        }
    }

    fn name(&self, (cell, campaign): Place) -> String {
        let id = self.catalog.campaign_numbered(campaign).map(|campaign| campaign.rules.id.to_string());
        let id = id.unwrap_or_else(|| format!("campaign number {}", campaign.0));
        if cell.0 == 0 { id } else { format!("{id} in cell {}", cell.0) }
    }

    /// The coupons that the slices have issued, in chunks of at most `most`.
    pub fn chunks(slices: &[(Cell, CampaignNo, Slice)], most: u32) -> Vec<Vec<Run>> {
        let mut chunks = vec![Vec::new()];
        let mut room = most;
        for (cell, campaign, slice) in slices {
            let mut ordinal = 0;
            while ordinal < slice.next_ordinal {
                if room == 0 {
                    chunks.push(Vec::new());
                    room = most;
                }
                let count = room.min(slice.next_ordinal - ordinal);
                let first = CouponId::new(*cell, *campaign, ordinal);
                if let Some(chunk) = chunks.last_mut() {
                    chunk.push(Run { first, count });
                }
                ordinal += count;
                room -= count;
            }
        }
        chunks
    }

    /// Begins a chunk of coupons.
    pub fn begin_coupons(&mut self, runs: &[Run]) {
        self.runs = runs.to_vec();
        self.offsets.clear();
        let mut length = 0;
        for run in runs {
            let ordinal = run.first.ordinal();
            let place = (run.first.cell(), run.first.campaign());
            self.offsets.entry(place).or_default().push((ordinal, ordinal + run.count, length));
            length += run.count as usize;
        }
        self.told.clear();
        self.told.resize(length, Told::default());
        self.seen.clear();
        self.seen.resize(length, false);
    }

    /// The place of a coupon in the chunk.
    fn index(&self, id: CouponId) -> Option<usize> {
        let ordinal = id.ordinal();
        let runs = self.offsets.get(&(id.cell(), id.campaign()))?;
        let (from, _, offset) = runs.iter().find(|(from, until, _)| (*from..*until).contains(&ordinal))?;
        Some(offset + (ordinal - from) as usize)
    }

    /// Takes a line that may be about coupons of the chunk.
    pub fn movement_of_coupons(&mut self, line: &Transfer) {
        let movement = &line.movement;
        if movement.reason == Reason::Issue {
            for place in 0..i64::from(line.count) {
                let Some(index) = self.index(CouponId::of_number(movement.subject + place)) else { continue };
                if place == 0 {
                    self.unissued.insert(line.id.number(), i128::from(movement.amount));
                }
                let told = &mut self.told[index];
                told.line = line.id.number();
                told.issued = told.issued.saturating_add(1);
            }
            return;
        }
        let Some(index) = movement.coupon.and_then(|coupon| self.index(coupon)) else { return };
        let told = &mut self.told[index];
        for (account, sign) in [(movement.debit, -1), (movement.credit, 1)] {
            let part = match account {
                Account::Committed => &mut told.remaining,
                Account::Reserved => &mut told.reserved,
                Account::Spent => &mut told.spent,
                Account::Free | Account::Returned => &mut told.lapsed,
                Account::Funder | Account::Recovered | Account::Refunds => continue,
            };
            *part = part.saturating_add(sign * movement.amount);
        }
    }

    /// Takes what a quote takes off a coupon that may be of the chunk.
    pub fn deduction(&mut self, deduction: &Deduction) {
        let Some(index) = self.index(deduction.coupon) else { return };
        let told = &mut self.told[index];
        if deduction.open {
            told.quoted = told.quoted.saturating_add(deduction.amount);
        }
        if deduction.spent {
            told.paid = told.paid.saturating_add(deduction.amount);
        }
    }

    /// Takes a coupon of the chunk.
    pub fn coupon(&mut self, coupon: &Coupon) {
        self.findings.coupons += 1;
        let Some(index) = self.index(coupon.id) else { return self.stray(coupon) };
        self.seen[index] = true;
        let told = self.told[index];
        if let Some(left) = self.unissued.get_mut(&told.line) {
            *left -= i128::from(coupon.face);
        }
        let place = (coupon.id.cell(), coupon.id.campaign());
        if let Some(sums) = self.sums.get_mut(&place) {
            sums.remaining += i128::from(coupon.remaining);
            sums.reserved += i128::from(coupon.reserved);
            sums.spent += i128::from(coupon.spent);
            if let Some(out) = sums.out.get_mut(usize::from(coupon.tier)) {
                *out += i128::from(!coupon.restocked);
            }
        }
        for what in self.disagreements(coupon, &told) {
            self.broken(format!("coupon {}: {what}", coupon.id));
        }
    }

    fn disagreements(&self, coupon: &Coupon, told: &Told) -> Vec<String> {
        let mut found = Vec::new();
        if told.issued != 1 {
            found.push(format!("issued by {} transfers", told.issued));
        }
        for (part, kept, told) in [
            ("remaining", coupon.remaining, coupon.face.saturating_add(told.remaining)),
            ("reserved", coupon.reserved, told.reserved),
            ("spent", coupon.spent, told.spent),
            ("lapsed", coupon.lapsed, told.lapsed),
        ] {
            if kept != told {
                found.push(format!("{part} is {kept}, its transfers make {told}"));
            }
        }
        for (part, kept, told) in [("reserved", coupon.reserved, told.quoted), ("spent", coupon.spent, told.paid)]
        {
            if kept != told {
                found.push(format!("{part} is {kept}, its quotes make {told}"));
            }
        }
        if !coupon.adds_up() {
            found.push("its parts do not make up its face".into());
        }
        let rest = coupon.remaining.saturating_add(coupon.reserved);
        let fits = match coupon.phase {
            Phase::Held => rest > 0,
            Phase::Used => rest == 0 && coupon.lapsed == 0,
            // Only what remains can expire or be voided, so something has lapsed.
            Phase::Expired | Phase::Void => coupon.remaining == 0 && coupon.lapsed > 0,
        };
        let marked = (coupon.phase == Phase::Void) == coupon.voided.is_some()
            && (coupon.phase == Phase::Held) == coupon.ended_at.is_none();
        if !fits || !marked {
            found.push(format!("{:?} does not fit its parts", coupon.phase));
        }
        let campaign = self.catalog.campaign_numbered(coupon.id.campaign());
        let tier = campaign.and_then(|campaign| campaign.rules.packets.get(usize::from(coupon.tier)));
        if tier.is_none_or(|tier| tier.face != coupon.face || tier.split != coupon.split) {
            found.push("its face is not that of its tier".into());
        }
        found
    }

    /// Takes a coupon that no slice has issued.
    pub fn stray(&mut self, coupon: &Coupon) {
        self.broken(format!("coupon {}: its ordinal was never issued", coupon.id));
    }

    /// Ends a chunk of coupons.
    pub fn end_coupons(&mut self) {
        for run in std::mem::take(&mut self.runs) {
            for ordinal in run.first.ordinal()..run.first.ordinal() + run.count {
                let id = CouponId::new(run.first.cell(), run.first.campaign(), ordinal);
                if self.index(id).is_some_and(|index| !self.seen[index]) {
                    self.broken(format!("coupon {id}: issued, but not there"));
                }
            }
        }
        self.unissued.retain(|_, left| *left != 0);
    }

    /// Takes a payment with its quote (if there is one) and its refunds, in order.
    pub fn payment(&mut self, payment: &Payment, quote: Option<&Quote>, refunds: &[Refund]) {
        self.findings.payments += 1;
        let Some(quote) = quote else {
            return self.broken(format!("payment {}: its quote is not there", payment.id));
        };
        for what in payment_disagreements(payment, quote, refunds) {
            self.broken(format!("payment {}: {what}", payment.id));
        }
        if let Some(coupon) = quote.coupon.filter(|_| !payment.coupon_returned)
            && let Some(sums) = self.sums.get_mut(&(coupon.cell(), coupon.campaign()))
        {
            sums.recovered += i128::from(payment.refunded_funder);
        }
    }

    /// Compares the sums, and answers what was found.
    pub fn finish(mut self) -> Findings {
        let mut lines: Vec<(i64, i128)> = std::mem::take(&mut self.unissued).into_iter().collect();
        lines.sort_unstable();
        for (line, left) in lines {
            let line = TransferId::of_number(line);
            self.broken(format!("transfer {line}: its amount and its coupons differ by {left}"));
        }
        let mut places: Vec<Place> = self.slices.keys().copied().collect();
        places.sort_unstable();
        for place in places {
            let (Some(slice), Some(sums)) = (self.slices.get(&place).copied(), self.sums.get(&place).cloned())
            else {
                continue;
            };
            for (account, sum) in [
                (Account::Committed, sums.remaining),
                (Account::Reserved, sums.reserved),
                (Account::Spent, sums.spent),
                (Account::Recovered, sums.recovered),
            ] {
                let kept = slice.buckets.get(account);
                if i128::from(kept) != sum {
                    let name = self.name(place);
                    self.broken(format!("{name}: account {} holds {kept}, its rows make {sum}", account.name()));
                }
            }
            self.stock(place, slice, &sums);
        }
        self.findings
    }

    fn stock(&mut self, place: Place, slice: &Slice, sums: &Sums) {
        let Some(campaign) = self.catalog.campaign_numbered(place.1) else { return };
        for (tier, (rule, (left, out))) in
            campaign.clone().rules.packets.iter().zip(slice.left.iter().zip(&sums.out)).enumerate()
        {
            if i128::from(*left) + out != i128::from(rule.count) {
                let name = self.name(place);
                self.broken(format!(
                    "{name}: tier {tier} has {left} packets left and {out} out, of {}",
                    rule.count
                ));
            }
        }
    }
}

fn payment_disagreements(payment: &Payment, quote: &Quote, refunds: &[Refund]) -> Vec<String> {
    let mut found = Vec::new();
    if quote.phase != quote::Phase::Paid {
        found.push(format!("its quote is {}", quote.phase.name()));
    }
    let whole = quote.amount.value;
    if payment.fee < 0 || payment.fee > fee(whole, 10_000) {
        found.push("its fee is out of range".into());
    }
    let mut refunded = 0_i64;
    let mut before = Shares { shopper: 0, funder: 0 };
    for (place, refund) in refunds.iter().enumerate() {
        refunded = refunded.saturating_add(refund.amount);
        let shares = cumulative(quote, refunded.min(whole));
        let fits =
            refund.shopper == shares.shopper - before.shopper && refund.funder == shares.funder - before.funder;
        if refund.id.number as usize != place + 1 || refund.amount <= 0 || !fits {
            found.push(format!("refund {} is not what the rule makes", refund.id));
        }
        before = shares;
    }
    let sums = (payment.refunded, payment.refunded_shopper, payment.refunded_funder);
    if sums != (refunded, before.shopper, before.funder) || payment.refunds as usize != refunds.len() {
        found.push(format!("refunded is {}, its refunds make {refunded}", payment.refunded));
    }
    if refunded > whole {
        found.push("more was refunded than paid".into());
    }
    if payment.cancelled.is_some() && refunded > 0 {
        found.push("cancelled and refunded".into());
    }
    found
}

fn cell_of(line: TransferId) -> Cell {
    crate::id::QuoteId::of_number(line.number()).cell()
}
