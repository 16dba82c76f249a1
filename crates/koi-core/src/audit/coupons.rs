//! Coupons: what lines and quotes say of them, and what the rules say of their times.

use super::{Audit, Deduction, Run, holder};
use crate::campaign::Campaign;
use crate::coupon::{Coupon, Phase, moved};
use crate::id::{CampaignNo, Cell, CouponId, MAX_CAMPAIGNS, MAX_CELLS, ShopperKey, TransferId};
use crate::ledger::{Account, Reason, Transfer};
use crate::time::{DAY_MS, Time};

/// Sums of a slice's rows.
#[derive(Clone, Default)]
pub(super) struct Sums {
    pub(super) remaining: i128,
    pub(super) reserved: i128,
    pub(super) spent: i128,
    pub(super) recovered: i128,
    /// Packets out of the stock, tier by tier.
    pub(super) out: Vec<i128>,
    /// Packets that came from other cells less those that went there, tier by tier.
    pub(super) moved: Vec<i128>,
}

impl Sums {
    pub(super) fn of_tiers(tiers: usize) -> Self {
        Self { out: vec![0; tiers], moved: vec![0; tiers], ..Self::default() }
    }
}

/// What lines and quotes say of one coupon. There are millions of these at once, so what follows from the rest is
/// left out: what remains is the face less the other parts.
#[derive(Clone, Copy)]
struct Told {
    /// The place of the line that issued it among those of the pass.
    line: u32,
    /// How many lines issued it.
    issued: u8,
    /// How many lines put its packet back into the stock.
    put_back: u8,
    /// Whether a line voided it.
    void: bool,
    /// Whether money that was spent came back, to it or past it.
    unspent: bool,
    /// How many quotes take something off it, and the sum of their holders.
    quotes: u32,
    holders: u64,
    /// When the last line moved its money, up to the one that voided it.
    last_ms: i64,
    reserved: i64,
    spent: i64,
    lapsed: i64,
    quoted: i64,
    paid: i64,
}

const UNTOLD: Told = Told {
    line: u32::MAX,
    issued: 0,
    put_back: 0,
    void: false,
    unspent: false,
    quotes: 0,
    holders: 0,
    last_ms: i64::MIN,
    reserved: 0,
    spent: 0,
    lapsed: 0,
    quoted: 0,
    paid: 0,
};

/// A line that issued coupons of the pass.
struct Issue {
    line: TransferId,
    at: Time,
    /// Its amount less the coupons seen; a line that began in an earlier pass brings no amount to this one.
    left: i128,
}

/// The coupons of a pass.
#[derive(Default)]
pub(super) struct Coupons {
    runs: Vec<(Run, usize)>,
    told: Vec<Told>,
    seen: Vec<bool>,
    issues: Vec<Issue>,
    keys: Vec<(i64, CouponId)>,
}

impl Coupons {
    pub(super) fn begin(&mut self, runs: &[Run]) {
        self.runs.clear();
        let mut length = 0;
        for run in runs {
            self.runs.push((*run, length));
            length += run.count as usize;
        }
        self.told.clear();
        self.told.resize(length, UNTOLD);
        self.seen.clear();
        self.seen.resize(length, false);
        self.issues.clear();
        self.keys.clear();
    }

    /// The place of a coupon in the pass.
    fn index(&self, id: CouponId) -> Option<usize> {
        let after = self.runs.partition_point(|(run, _)| run.first <= id);
        let (run, offset) = self.runs.get(after.checked_sub(1)?)?;
        let within = u64::try_from(id.number() - run.first.number()).ok()?;
        (within < u64::from(run.count)).then(|| offset + usize::try_from(within).unwrap_or(usize::MAX))
    }

    /// The places of those of `count` coupons that are in the pass.
    fn indexes(&self, first: CouponId, count: u32) -> Vec<std::ops::Range<usize>> {
        let from = i128::from(first.number());
        let until = from + i128::from(count);
        let mut indexes = Vec::new();
        for (run, offset) in &self.runs {
            let start = i128::from(run.first.number());
            let (low, high) = (from.max(start), until.min(start + i128::from(run.count)));
            if low < high {
                let place = |number: i128| offset + usize::try_from(number - start).unwrap_or(0);
                indexes.push(place(low)..place(high));
            }
        }
        indexes
    }
}

impl Audit<'_> {
    /// The coupons that are there, in runs, and those in passes of at most `most`. `ends` says of each slice how many
    /// ordinals there are up to its last coupon; what a slice says it has issued beyond that is named as lost.
    pub fn passes(&mut self, ends: &[(Cell, CampaignNo, u32)], most: u32) -> Vec<Vec<Run>> {
        let mut issued: Vec<(Cell, CampaignNo, u32)> = Vec::new();
        for (cell, campaign, end) in ends {
            let Some(slice) = self.slices.get(&(*cell, *campaign)).copied() else { continue };
            if cell.0 >= MAX_CELLS || campaign.0 > MAX_CAMPAIGNS {
                // Its coupons would have the numbers of another's.
                continue;
            }
            let lost = slice.next_ordinal.saturating_sub(*end);
            let first = CouponId::new(*cell, *campaign, *end);
            match lost {
                0 => {}
                1 => self.broken(format!("coupon {first}: issued, but not there")),
                lost => {
                    self.broken(format!("coupon {first} and the {} after it: issued, but not there", lost - 1))
                }
            }
            issued.push((*cell, *campaign, slice.next_ordinal - lost));
        }
        issued.sort_unstable();
        chunks(&issued, most)
    }

    /// Takes a line that may be about coupons of the pass.
    pub(super) fn movement_of_coupons(&mut self, line: &Transfer) {
        let movement = &line.movement;
        let coupons = &mut self.coupons;
        if movement.reason == Reason::Issue {
            let first = CouponId::of_number(movement.subject);
            let of_line = coupons.indexes(first, line.count);
            if of_line.is_empty() {
                return;
            }
            let left = if coupons.index(first).is_some() { i128::from(movement.amount) } else { 0 };
            let place = u32::try_from(coupons.issues.len()).unwrap_or(u32::MAX);
            coupons.issues.push(Issue { line: line.id, at: line.at, left });
            for range in of_line {
                for told in &mut coupons.told[range] {
                    told.line = place;
                    told.issued = told.issued.saturating_add(1);
                }
            }
            return;
        }
        let Some(index) = movement.coupon.and_then(|coupon| coupons.index(coupon)) else { return };
        let told = &mut coupons.told[index];
        if !told.void {
            told.last_ms = line.at.ms();
        }
        told.put_back = told.put_back.saturating_add(u8::from(movement.puts_back()));
        told.void |= movement.reason == Reason::Void;
        told.unspent |= matches!(movement.reason, Reason::Cancel | Reason::Restore);
        for (account, is_debit) in [(movement.debit, true), (movement.credit, false)] {
            let part = match account {
                Account::Reserved => &mut told.reserved,
                Account::Spent => &mut told.spent,
                Account::Free | Account::Returned => &mut told.lapsed,
                Account::Committed | Account::Funder | Account::Recovered | Account::Refunds | Account::Moved => {
                    continue;
                }
            };
            let amount = movement.amount;
            *part = if is_debit { part.saturating_sub(amount) } else { part.saturating_add(amount) };
        }
    }

    /// Takes what a quote takes off a coupon that may be of the pass.
    pub fn deduction(&mut self, deduction: &Deduction) {
        let Some(index) = self.coupons.index(deduction.coupon) else { return };
        let told = &mut self.coupons.told[index];
        told.quotes = told.quotes.saturating_add(1);
        told.holders = told.holders.wrapping_add(deduction.holder);
        if deduction.open {
            told.quoted = told.quoted.saturating_add(deduction.amount);
        }
        if deduction.spent {
            told.paid = told.paid.saturating_add(deduction.amount);
        }
    }

    /// Takes a coupon of the pass.
    pub fn coupon(&mut self, coupon: &Coupon) {
        self.findings.coupons += 1;
        let Some(index) = self.coupons.index(coupon.id) else { return self.stray(coupon) };
        self.coupons.seen[index] = true;
        self.coupons.keys.push((coupon.asked.key.0, coupon.id));
        let told = self.coupons.told[index];
        let issue = self.coupons.issues.get_mut(told.line as usize);
        if let Some(issue) = issue {
            issue.left -= i128::from(coupon.face);
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
        let mut found = amounts(coupon, told);
        if !coupon.adds_up() {
            found.push("its parts do not make up its face".into());
        }
        if !phase_fits(coupon, told) {
            found.push(format!("{:?} does not fit its parts", coupon.phase));
        }
        if told.put_back != u8::from(coupon.restocked) {
            let is = if coupon.restocked { "is" } else { "is not" };
            found.push(format!(
                "its packet {is} back in the stock, its transfers put it there {} times",
                told.put_back
            ));
        }
        if coupon.shopper != ShopperKey::of(&coupon.person) {
            found.push("its shopper is not its person's number".into());
        }
        if coupon.shopper.cell(self.known.cells) != coupon.id.cell() {
            found.push("it is not in its shopper's cell".into());
        }
        let own = holder(coupon.shopper, coupon.account.as_str());
        if told.holders != own.wrapping_mul(u64::from(told.quotes)) {
            found.push("a quote of another account takes something off it".into());
        }
        if coupon.voided.is_some_and(|voided| voided.key == coupon.asked.key) {
            found.push("void under the idempotency key of its claim".into());
        }
        if self.known.catalog.code(&coupon.code).is_none() {
            found.push("its code is not there".into());
        }
        let Some(campaign) = self.campaign(coupon.id.campaign()) else {
            found.push("its campaign is not there".into());
            return found;
        };
        let tier = campaign.rules.packets.get(usize::from(coupon.tier));
        if tier.is_none_or(|tier| tier.face != coupon.face || tier.split != coupon.split) {
            found.push("its face is not that of its tier".into());
        }
        if coupon.revision == 0 || coupon.revision > campaign.revision {
            found.push("its terms have no such revision".into());
        }
        let issue = self.coupons.issues.get(told.line as usize);
        if issue.is_some_and(|issue| issue.at != coupon.collected_at) {
            found.push("collected at another time than it was issued".into());
        }
        if !ended_when_told(coupon, campaign, told) {
            found.push("it did not end when its transfers say".into());
        }
        if coupon.revision == campaign.revision && !expiry_fits(coupon, campaign, told) {
            found.push("its expiry is not what the rule makes".into());
        }
        found
    }

    /// Takes a coupon that no slice has issued.
    pub fn stray(&mut self, coupon: &Coupon) {
        self.broken(format!("coupon {}: its ordinal was never issued", coupon.id));
    }

    pub(super) fn end_coupons(&mut self) {
        for place in 0..self.coupons.runs.len() {
            let (run, offset) = self.coupons.runs[place];
            for ordinal in 0..run.count {
                if !self.coupons.seen[offset + ordinal as usize] {
                    let id = CouponId::of_number(run.first.number() + i64::from(ordinal));
                    self.broken(format!("coupon {id}: issued, but not there"));
                }
            }
        }
        for issue in std::mem::take(&mut self.coupons.issues) {
            if issue.left != 0 {
                *self.unissued.entry(issue.line.number()).or_default() += issue.left;
            }
        }
        self.unissued.retain(|_, left| *left != 0);
        let mut keys = std::mem::take(&mut self.coupons.keys);
        keys.sort_unstable();
        for pair in keys.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            self.broken(format!("coupon {}: claimed under the idempotency key of {}", pair[1].1, pair[0].1));
        }
    }

    /// Names the lines whose amount is not that of their coupons.
    pub(super) fn amounts_issued(&mut self) {
        let mut lines: Vec<(i64, i128)> = std::mem::take(&mut self.unissued).into_iter().collect();
        lines.sort_unstable();
        for (line, left) in lines {
            let line = TransferId::of_number(line);
            self.broken(format!("transfer {line}: its amount and its coupons differ by {left}"));
        }
    }
}

/// Cuts coupons, of which each place has so many, into chunks of at most `most`.
fn chunks(issued: &[(Cell, CampaignNo, u32)], most: u32) -> Vec<Vec<Run>> {
    let mut chunks = vec![Vec::new()];
    let mut room = most;
    for (cell, campaign, end) in issued {
        let mut ordinal = 0;
        while ordinal < *end {
            if room == 0 {
                chunks.push(Vec::new());
                room = most;
            }
            let count = room.min(*end - ordinal);
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

fn amounts(coupon: &Coupon, told: &Told) -> Vec<String> {
    let mut found = Vec::new();
    if told.issued != 1 {
        found.push(format!("issued by {} transfers", told.issued));
    }
    let gone = i128::from(told.reserved) + i128::from(told.spent) + i128::from(told.lapsed);
    for (part, kept, told) in [
        ("remaining", coupon.remaining, i128::from(coupon.face) - gone),
        ("reserved", coupon.reserved, i128::from(told.reserved)),
        ("spent", coupon.spent, i128::from(told.spent)),
        ("lapsed", coupon.lapsed, i128::from(told.lapsed)),
    ] {
        if i128::from(kept) != told {
            found.push(format!("{part} is {kept}, its transfers make {told}"));
        }
    }
    for (part, kept, told) in [("reserved", coupon.reserved, told.quoted), ("spent", coupon.spent, told.paid)] {
        if kept != told {
            found.push(format!("{part} is {kept}, its quotes make {told}"));
        }
    }
    found
}

fn phase_fits(coupon: &Coupon, told: &Told) -> bool {
    let rest = coupon.remaining.saturating_add(coupon.reserved);
    let fits = match coupon.phase {
        Phase::Held => rest > 0,
        Phase::Used => rest == 0 && coupon.lapsed == 0,
        // Only what remains can expire or be voided, so something has lapsed.
        Phase::Expired => coupon.remaining == 0 && coupon.lapsed > 0,
        Phase::Void => coupon.remaining == 0 && coupon.lapsed > 0 && told.void,
    };
    let marked = (coupon.phase == Phase::Void) == coupon.voided.is_some()
        && (coupon.phase == Phase::Held) == coupon.ended_at.is_none();
    fits && marked && (coupon.phase == Phase::Void || !told.void)
}

/// An ended coupon ended with the last line that moved its money (that of a void one: up to the void). Of what
/// happens in the millisecond in which a pause begins, the end is noted after it.
fn ended_when_told(coupon: &Coupon, campaign: &Campaign, told: &Told) -> bool {
    let last = Time::of_ms(told.last_ms);
    coupon.ended_at.is_none_or(|ended| {
        let paused = || campaign.pauses.iter().any(|pause| pause.from == last);
        ended == last || (ended == last.plus_ms(1) && paused())
    })
}

/// The expiry is the end of the days of validity, moved by the pauses that count as seen. Those that began while a
/// coupon had ended move nothing, so of one whose money came back only the bounds are known.
fn expiry_fits(coupon: &Coupon, campaign: &Campaign, told: &Told) -> bool {
    let pauses = &campaign.pauses;
    let unmoved = coupon.collected_at.plus_ms(i64::from(campaign.rules.coupon.valid_days) * DAY_MS);
    // A pause of no length in the millisecond of the claim may have come before or after it, and moves nothing.
    let over = |until: Time, from: Time| until <= coupon.collected_at && from < coupon.collected_at;
    let before =
        pauses.iter().take_while(|pause| pause.until.is_some_and(|until| over(until, pause.from))).count();
    let Some(seen) = pauses.get(before..coupon.pauses_seen as usize) else { return false };
    let latest = moved(unmoved, seen);
    if told.unspent { (unmoved..=latest).contains(&coupon.expires_at) } else { coupon.expires_at == latest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coupons_are_cut_into_chunks() {
        let check = |issued: &[u32], most: u32, expected: &[&[(u32, u32, u32)]]| {
            let ends: Vec<_> =
                (1..).zip(issued).map(|(number, end)| (Cell(4), CampaignNo(number), *end)).collect();
            let found: Vec<Vec<_>> = chunks(&ends, most)
                .iter()
                .map(|chunk| {
                    chunk.iter().map(|run| (run.first.campaign().0, run.first.ordinal(), run.count)).collect()
                })
                .collect();
            assert_eq!(found, expected, "{issued:?} by {most}");
        };
        check(&[], 3, &[&[]]);
        check(&[0], 3, &[&[]]);
        check(&[3], 3, &[&[(1, 0, 3)]]);
        check(&[4], 3, &[&[(1, 0, 3)], &[(1, 3, 1)]]);
        check(&[2, 0, 5, 1], 3, &[&[(1, 0, 2), (3, 0, 1)], &[(3, 1, 3)], &[(3, 4, 1), (4, 0, 1)]]);
    }
}
