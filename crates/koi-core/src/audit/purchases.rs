//! Purchases: quotes, payments and refunds, by the rules that made them, and the lines that they need.

use super::{Audit, Purchase, stirred};
use crate::catalog::Merchant;
use crate::id::{CampaignNo, CouponId, PaymentId, QuoteId, RefundId, ShopperKey};
use crate::idempotency::Key;
use crate::ledger::{Reason, Transfer};
use crate::limits;
use crate::money::{Rate, fee, gross};
use crate::payment::{Payment, Refund, Shares, cumulative};
use crate::quote::{Phase, Quote};
use crate::time::Time;

/// What is remembered of purchases: those of a pass.
#[derive(Default)]
pub(super) struct Purchases {
    /// Quotes, and the sum of the lines that they need less the sum of those they have, each as one number.
    lines: Vec<(QuoteId, u64)>,
    /// The last idempotency key, and the quote that it made.
    last_key: Option<(Key, QuoteId)>,
}

impl Purchases {
    pub(super) fn begin(&mut self) {
        self.lines.clear();
    }

    /// The sum of a quote of the pass. Numbers are dense, so that nearly always it is where it is looked for.
    fn sum(&mut self, id: QuoteId) -> Option<&mut u64> {
        let first = self.lines.first()?.0.number();
        let guess = usize::try_from(id.number().saturating_sub(first)).ok()?;
        let place = match self.lines.get(guess) {
            Some((there, _)) if *there == id => guess,
            Some(_) | None => self.lines.binary_search_by_key(&id, |(there, _)| *there).ok()?,
        };
        self.lines.get_mut(place).map(|(_, sum)| sum)
    }
}

/// A line about a quote, as one number. `at` is absent where the rows do not tell it.
struct Line {
    reason: Reason,
    campaign: CampaignNo,
    amount: i64,
    part: u32,
    coupon: Option<CouponId>,
    at: Option<Time>,
}

impl Line {
    fn number(&self) -> u64 {
        let coupon = self.coupon.map_or(u64::MAX, |coupon| coupon.number().cast_unsigned());
        let at = self.at.map_or(u64::MAX, |at| at.ms().cast_unsigned());
        let what = (u64::from(self.reason.number()) << 32) | u64::from(self.part);
        [what, u64::from(self.campaign.0), self.amount.cast_unsigned(), coupon, at].into_iter().fold(0, stirred)
    }
}

/// What of a line is told by rows; `None` for a line that is about no quote. Whether a packet went back is told by its
/// coupon.
fn line_of_quote(line: &Transfer) -> Option<(QuoteId, u64)> {
    let movement = &line.movement;
    let at = match movement.reason {
        Reason::Reserve | Reason::Spend | Reason::Cancel | Reason::Recover | Reason::Restore => Some(line.at),
        Reason::Release => None,
        Reason::Fund
        | Reason::Issue
        | Reason::Expire
        | Reason::Void
        | Reason::Close
        | Reason::Move
        | Reason::Gather => return None,
    };
    let number = Line {
        reason: movement.reason,
        campaign: line.campaign,
        amount: movement.amount,
        part: if movement.puts_back() { 0 } else { movement.part },
        coupon: movement.coupon,
        at,
    };
    Some((QuoteId::of_number(movement.subject), number.number()))
}

/// The sum of the lines that a quote with a coupon needs.
fn lines_needed(quote: &Quote, coupon: CouponId, payment: Option<&Payment>, refunds: &[Refund]) -> u64 {
    let mut sum = 0_u64;
    let mut needs = |reason: Reason, amount: i64, part: u32, at: Option<Time>| {
        let coupon_moves = reason != Reason::Recover;
        let line =
            Line { reason, campaign: coupon.campaign(), amount, part, coupon: coupon_moves.then_some(coupon), at };
        sum = sum.wrapping_add(line.number());
    };
    needs(Reason::Reserve, quote.deduction, 0, Some(quote.created_at));
    match (quote.phase, payment) {
        (Phase::Open, _) | (Phase::Paid, None) => {}
        (Phase::Cancelled | Phase::Expired, _) => needs(Reason::Release, quote.deduction, 0, None),
        (Phase::Paid, Some(payment)) => {
            needs(Reason::Spend, quote.deduction, 0, Some(payment.paid_at));
            if let Some((at, _)) = payment.cancelled {
                needs(Reason::Cancel, quote.deduction, 0, Some(at));
            }
            for refund in refunds {
                match payment.coupon_returned {
                    true => needs(Reason::Restore, quote.deduction, refund.id.number, Some(refund.at)),
                    false if refund.funder != 0 => {
                        needs(Reason::Recover, refund.funder, refund.id.number, Some(refund.at));
                    }
                    false => {}
                }
            }
        }
    }
    sum
}

impl<'a> Audit<'a> {
    /// Takes a purchase, in the order of the numbers.
    pub fn purchase(&mut self, purchase: &Purchase) {
        let Purchase { id, quote, payment, refunds } = purchase;
        self.findings.payments += u64::from(payment.is_some());
        for what in purchase_disagreements(purchase).into_iter().chain(keys_used_twice(purchase)) {
            self.broken_purchase(what);
        }
        let Some(quote) = quote else { return };
        self.is_next_quote(*id);
        let merchant = self.merchant_of(quote);
        for what in self.quote_disagreements(quote, merchant) {
            self.broken_purchase(format!("quote {id}: {what}"));
        }
        if let Some(payment) = payment {
            for what in self.payment_disagreements(payment, quote, refunds, merchant) {
                self.broken_purchase(format!("payment {}: {what}", payment.id));
            }
            if let Some(coupon) = quote.coupon.filter(|_| !payment.coupon_returned)
                && let Some(sums) = self.sums.get_mut(&(coupon.cell(), coupon.campaign()))
            {
                sums.recovered += i128::from(payment.refunded_funder);
            }
        }
        // Without its payment, which is named, it is not known what a paid quote needs.
        if quote.phase != Phase::Paid || payment.is_some() {
            let needed = quote.coupon.map_or(0, |coupon| lines_needed(quote, coupon, payment.as_ref(), refunds));
            self.purchases.lines.push((*id, needed));
        }
    }

    fn is_next_quote(&mut self, id: QuoteId) {
        let expected = self.next_quote.entry(id.cell()).or_insert_with(|| QuoteId::new(id.cell(), 1).number());
        let missing = QuoteId::of_number(*expected);
        *expected = id.number().saturating_add(1);
        if id != missing {
            self.broken_purchase(format!("quote {missing} is missing before {id}"));
        }
    }

    fn merchant_of(&self, quote: &Quote) -> Option<&'a Merchant> {
        let store = self.known.catalog.store(&quote.store)?;
        self.known.catalog.merchant(&store.merchant).map(AsRef::as_ref)
    }

    /// Takes a line, in any pass.
    pub fn movement(&mut self, line: &Transfer) {
        self.movement_of_coupons(line);
        if let Some((id, number)) = line_of_quote(line)
            && let Some(sum) = self.purchases.sum(id)
        {
            *sum = sum.wrapping_sub(number);
        }
    }

    pub(super) fn end_purchases(&mut self) {
        let lines = std::mem::take(&mut self.purchases.lines);
        for (id, _) in lines.iter().filter(|(_, sum)| *sum != 0) {
            self.broken_purchase(format!("quote {id}: its transfers are not those that it needs"));
        }
        // The space is used again in the next pass.
        self.purchases.lines = lines;
    }

    /// Takes the idempotency key of a quote, in the order of the keys.
    pub fn quote_asked(&mut self, key: Key, id: QuoteId) {
        let before = self.purchases.last_key.replace((key, id));
        if let Some((_, other)) = before.filter(|(last, _)| *last == key) {
            self.broken_purchase(format!("quote {id}: asked for under the idempotency key of {other}"));
        }
    }

    fn quote_disagreements(&self, quote: &Quote, merchant: Option<&Merchant>) -> Vec<String> {
        let mut found = Vec::new();
        if quote.shopper != ShopperKey::of(&quote.person) {
            found.push("its shopper is not its person's number".to_owned());
        }
        if quote.shopper.cell(self.known.cells) != quote.id.cell() {
            found.push("it is not in its shopper's cell".into());
        }
        if merchant.is_none_or(|merchant| merchant.currency != quote.amount.currency) {
            found.push("its store is not there, or has another currency".into());
        }
        let pair = (quote.amount.currency, quote.gross.currency);
        let was_in_force =
            if pair.0 == pair.1 { quote.rate == Rate::ONE } else { self.rates.contains(&(pair, quote.rate)) };
        if !was_in_force {
            found.push(format!("the rate {} was never in force", quote.rate));
        }
        let made = gross(quote.amount, quote.rate, quote.gross.currency);
        if quote.gross.value <= 0 || made != Some(quote.gross.value) {
            let made = made.map_or_else(|| "nothing".into(), |made| made.to_string());
            found.push(format!("gross is {}, its amount and rate make {made}", quote.gross.value));
        }
        if !self.deduction_fits(quote) {
            found.push("its deduction is not what the rule makes".into());
        }
        if !self.times_fit(quote) {
            found.push("its times are not what the rule makes".into());
        }
        let is_settled = match quote.phase {
            Phase::Open | Phase::Expired => false,
            Phase::Paid | Phase::Cancelled => true,
        };
        // Of a quote without a coupon nothing is booked when it runs out.
        let booked = quote.phase == Phase::Expired && quote.coupon.is_none();
        if is_settled != quote.settled.is_some() || booked {
            found.push(format!("{} does not fit the rest of it", quote.phase.name()));
        }
        found
    }

    fn deduction_fits(&self, quote: &Quote) -> bool {
        let Some(coupon) = quote.coupon else { return quote.deduction == 0 && quote.no_deduction.is_some() };
        let Some(campaign) = self.campaign(coupon.campaign()) else { return false };
        let rules = &campaign.rules;
        let payable = i128::from(quote.gross.value) - i128::from(quote.deduction);
        quote.no_deduction.is_none()
            && quote.deduction > 0
            && payable >= i128::from(rules.coupon.min_shopper_pays.max(0))
            && rules.currency == quote.gross.currency
            && coupon.cell() == quote.id.cell()
    }

    fn times_fit(&self, quote: &Quote) -> bool {
        let holds_until = |seconds: i64| quote.created_at.plus_ms(seconds.saturating_mul(1000));
        match quote.coupon.and_then(|coupon| self.campaign(coupon.campaign())) {
            Some(campaign) => quote.expires_at == holds_until(i64::from(campaign.rules.quote_valid_s)),
            // How long one without a coupon holds is a setting, which may have been another then.
            None => quote.expires_at > quote.created_at && quote.expires_at <= holds_until(limits::QUOTE_VALID_S),
        }
    }

    fn payment_disagreements(
        &self,
        payment: &Payment,
        quote: &Quote,
        refunds: &[Refund],
        merchant: Option<&Merchant>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        if quote.phase != Phase::Paid {
            found.push(format!("its quote is {}", quote.phase.name()));
        }
        if let Some(merchant) = merchant {
            let made = fee(quote.amount.value, merchant.fee_bps);
            if payment.fee != made {
                found.push(format!("its fee is {}, its merchant's makes {made}", payment.fee));
            }
        }
        if !(quote.created_at..quote.expires_at).contains(&payment.paid_at) {
            found.push("paid while its quote did not hold".into());
        }
        let undone = payment.cancelled.map(|(at, _)| at).into_iter().chain(refunds.iter().map(|refund| refund.at));
        if undone.into_iter().any(|at| at < payment.paid_at) {
            found.push("cancelled or refunded before it was paid".into());
        }
        if payment.coupon_returned && !self.may_return(quote, refunds) {
            found.push("its coupon was given back, which the rule does not".into());
        }
        found.append(&mut refund_disagreements(payment, quote, refunds));
        found
    }

    /// A coupon is given back by a single refund of the whole amount, if the campaign says so.
    fn may_return(&self, quote: &Quote, refunds: &[Refund]) -> bool {
        let campaign = quote.coupon.and_then(|coupon| self.campaign(coupon.campaign()));
        let returns = campaign.is_some_and(|campaign| campaign.rules.coupon.refund_returns_coupon);
        returns && refunds.len() == 1 && refunds.iter().all(|refund| refund.amount == quote.amount.value)
    }
}

/// What is missing of a purchase: a quote is paid exactly when there is a payment, and a payment has as many
/// refunds as it says.
fn purchase_disagreements(purchase: &Purchase) -> Vec<String> {
    let Purchase { id, quote, payment, refunds } = purchase;
    let mut found = Vec::new();
    match (quote, payment) {
        (None, Some(payment)) => found.push(format!("payment {}: its quote is not there", payment.id)),
        (Some(quote), None) if quote.phase == Phase::Paid => {
            found.push(format!("quote {id}: paid, but its payment is not there"));
        }
        (Some(_), _) | (None, None) => {}
    }
    let said = payment.as_ref().map_or(0, |payment| payment.refunds as usize);
    for refund in refunds.iter().skip(said) {
        found.push(format!("refund {}: its payment is not there, or does not count it", refund.id));
    }
    found
}

/// A call about a purchase, in the order in which they can come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    Quote(QuoteId),
    Settle(QuoteId),
    Cancel(PaymentId),
    Refund(RefundId),
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Call::Quote(id) => write!(f, "quote {id}"),
            Call::Settle(id) => write!(f, "what settled quote {id}"),
            Call::Cancel(id) => write!(f, "the cancel of payment {id}"),
            Call::Refund(id) => write!(f, "refund {id}"),
        }
    }
}

/// Calls that came under the idempotency key of another: a repeat that was not taken for one.
fn keys_used_twice(purchase: &Purchase) -> Vec<String> {
    let Purchase { quote, payment, refunds, .. } = purchase;
    let mut calls: Vec<(Key, Call)> = Vec::with_capacity(3 + refunds.len());
    if let Some(quote) = quote {
        // The key of a quote belongs to its person, the others to the quote and the payment: whoever is named like one
        // of these may share its keys, which is odd and no damage.
        let person = quote.person.as_str();
        if !["quo_", "pay_"].iter().any(|prefix| person.starts_with(prefix)) {
            calls.push((quote.asked.key, Call::Quote(quote.id)));
        }
        calls.extend(quote.settled.map(|asked| (asked.key, Call::Settle(quote.id))));
    }
    if let Some(payment) = payment {
        calls.extend(payment.cancelled.map(|(_, asked)| (asked.key, Call::Cancel(payment.id))));
    }
    calls.extend(refunds.iter().map(|refund| (refund.asked.key, Call::Refund(refund.id))));
    calls.sort_unstable();
    let twice = calls.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    twice.map(|pair| format!("{}: asked for under the idempotency key of {}", pair[1].1, pair[0].1)).collect()
}

fn refund_disagreements(payment: &Payment, quote: &Quote, refunds: &[Refund]) -> Vec<String> {
    let mut found = Vec::new();
    let whole = quote.amount.value;
    let can_be_shared = whole > 0 && (0..=quote.gross.value).contains(&quote.deduction);
    if !can_be_shared {
        found.push("its quote's amounts contradict each other".into());
        return found;
    }
    let mut refunded = 0_i128;
    let mut before = Shares { shopper: 0, funder: 0 };
    for (place, refund) in refunds.iter().enumerate() {
        refunded += i128::from(refund.amount);
        let so_far = i64::try_from(refunded.clamp(0, i128::from(whole))).unwrap_or(whole);
        let shares = cumulative(quote, so_far);
        let fits =
            refund.shopper == shares.shopper - before.shopper && refund.funder == shares.funder - before.funder;
        if refund.id.number as usize != place + 1 || refund.amount <= 0 || !fits {
            found.push(format!("refund {} is not what the rule makes", refund.id));
        }
        before = shares;
    }
    let sums = (i128::from(payment.refunded), payment.refunded_shopper, payment.refunded_funder);
    if sums != (refunded, before.shopper, before.funder) || payment.refunds as usize != refunds.len() {
        found.push(format!("refunded is {}, its refunds make {refunded}", payment.refunded));
    }
    if refunded > i128::from(whole) {
        found.push("more was refunded than paid".into());
    }
    if payment.cancelled.is_some() && refunded > 0 {
        found.push("cancelled and refunded".into());
    }
    found
}
