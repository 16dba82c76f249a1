//! A coupon: an issued packet held by a shopper, where its money is, and when it expires.
//!
//! At every instant `face = remaining + reserved + spent + lapsed`. Expiry is a function of the stored
//! time and the campaign's pauses, so that a pause of millions of coupons writes none of them.

use crate::campaign::{Campaign, Pause};
use crate::fault::Fault;
use crate::id::{AccountId, CodeText, CouponId, PersonId, ShopperKey};
use crate::idempotency::Asked;
use crate::money::{sum, take};
use crate::time::{DAY_MS, Time};

/// Where a coupon stands, apart from its amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Its shopper holds it: some of it remains, or open quotes hold the rest.
    Held,
    /// Spent to the last fen.
    Used,
    /// It, or its rest, expired.
    Expired,
    /// An operator took it back.
    Void,
}

/// A coupon's status as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Some of it can be taken off a purchase.
    Active,
    /// Open quotes hold all that is left.
    Reserved,
    /// See [`Phase::Used`].
    Used,
    /// See [`Phase::Expired`].
    Expired,
    /// See [`Phase::Void`].
    Void,
}

impl Status {
    /// The status's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Reserved => "reserved",
            Status::Used => "used",
            Status::Expired => "expired",
            Status::Void => "void",
        }
    }
}

/// A coupon. All amounts are in minor units of its campaign's currency.
#[derive(Clone, Debug, PartialEq)]
pub struct Coupon {
    /// Its cell, campaign and ordinal.
    pub id: CouponId,
    /// The person's number.
    pub shopper: ShopperKey,
    /// Who received it.
    pub person: PersonId,
    /// The account that got it, and alone may spend it.
    pub account: AccountId,
    /// The code that was scanned.
    pub code: CodeText,
    /// The place of its tier in the campaign's stock.
    pub tier: u16,
    /// What it was worth when it was issued.
    pub face: i64,
    /// Whether it may be spent over several purchases.
    pub split: bool,
    /// Neither spent, reserved nor lapsed.
    pub remaining: i64,
    /// Held by open quotes.
    pub reserved: i64,
    /// Taken off purchases.
    pub spent: i64,
    /// Gone back: expired, void, or returned after the close.
    pub lapsed: i64,
    /// Where it stands.
    pub phase: Phase,
    /// When it was issued.
    pub collected_at: Time,
    /// Its expiry, with the pauses before `pauses_seen` counted in.
    pub expires_at: Time,
    /// How many of the campaign's pauses `expires_at` already accounts for.
    pub pauses_seen: u32,
    /// When it was last used up, expired or void (after the start of a pause that lasted then); `None` while held.
    pub ended_at: Option<Time>,
    /// The revision of its terms.
    pub revision: u32,
    /// Whether its packet went back into the stock.
    pub restocked: bool,
    /// The claim that it answers.
    pub asked: Asked,
    /// The call that made it void.
    pub voided: Option<Asked>,
}

impl Coupon {
    /// The status that people see. The coupon must be settled (see [`crate::settle`]).
    pub fn status(&self) -> Status {
        match self.phase {
            Phase::Held if self.remaining > 0 => Status::Active,
            Phase::Held => Status::Reserved,
            Phase::Used => Status::Used,
            Phase::Expired => Status::Expired,
            Phase::Void => Status::Void,
        }
    }

    /// Whether the shopper holds it.
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Held
    }

    /// The coupon as it was when it was issued: what a repeated claim is answered.
    pub fn as_issued(&self, campaign: &Campaign) -> Self {
        Self {
            remaining: self.face,
            reserved: 0,
            spent: 0,
            lapsed: 0,
            phase: Phase::Held,
            expires_at: self.collected_at.plus_ms(i64::from(campaign.rules.coupon.valid_days) * DAY_MS),
            ended_at: None,
            voided: None,
            ..self.clone()
        }
    }

    /// When the coupon expires, with the length of every finished pause counted in that began while it was
    /// live. (Those that began after it had ended do not move it.)
    pub fn expiry(&self, pauses: &[Pause]) -> Time {
        if !self.is_live() {
            return self.revived(pauses).expires_at;
        }
        moved(self.expires_at, pauses.get(self.pauses_seen as usize..).unwrap_or(&[]))
    }

    /// Whether it has expired at `now`, in the eyes of its campaign.
    pub fn has_expired(&self, campaign: &Campaign, now: Time) -> bool {
        campaign.judged_at(now) >= self.expiry(&campaign.pauses)
    }

    /// Moves what finished pauses add into the stored expiry.
    pub fn with_pauses(mut self, pauses: &[Pause]) -> Self {
        self.expires_at = self.expiry(pauses);
        // A pause that lasts may count as seen already: it began while the coupon had ended.
        self.pauses_seen = self.pauses_seen.max(finished(pauses));
        self
    }

    /// Ends the coupon. Of what happens in one millisecond, a pause that lasts already came first: the end is
    /// noted after its start, so that it is told from an end before it.
    fn ended(self, phase: Phase, pauses: &[Pause], now: Time) -> Self {
        // One that it has seen already began while it had ended once before: that one moves nothing.
        let unseen = pauses.get(self.pauses_seen as usize..).unwrap_or(&[]);
        let paused_now = unseen.last().is_some_and(|pause| pause.until.is_none() && pause.from == now);
        let ended_at = now.plus_ms(i64::from(paused_now));
        Self { phase, ended_at: Some(ended_at), ..self.with_pauses(pauses) }
    }

    /// Reserves a deduction for a quote.
    pub fn reserve(mut self, amount: i64) -> Result<Self, Fault> {
        self.remaining = take(self.remaining, amount)?;
        self.reserved = sum(self.reserved, amount)?;
        Ok(self)
    }

    /// Gives a quote's deduction back.
    pub fn release(mut self, amount: i64) -> Result<Self, Fault> {
        self.reserved = take(self.reserved, amount)?;
        self.remaining = sum(self.remaining, amount)?;
        Ok(self)
    }

    /// Gives the deduction of a quote back whose coupon is void: it lapses.
    pub fn release_void(mut self, amount: i64) -> Result<Self, Fault> {
        self.reserved = take(self.reserved, amount)?;
        self.lapsed = sum(self.lapsed, amount)?;
        Ok(self)
    }

    /// Spends a quote's deduction.
    pub fn spend(mut self, amount: i64, pauses: &[Pause], now: Time) -> Result<Self, Fault> {
        self.reserved = take(self.reserved, amount)?;
        self.spent = sum(self.spent, amount)?;
        let over = self.phase == Phase::Held && self.remaining == 0 && self.reserved == 0;
        Ok(match over {
            true if self.lapsed > 0 => self.ended(Phase::Expired, pauses, now),
            true => self.ended(Phase::Used, pauses, now),
            false => self,
        })
    }

    /// Lets what remains lapse at its expiry. Open quotes keep what they hold.
    pub fn expire(mut self, pauses: &[Pause], now: Time) -> Result<Self, Fault> {
        self.lapsed = sum(self.lapsed, self.remaining)?;
        self.remaining = 0;
        Ok(if self.reserved == 0 { self.ended(Phase::Expired, pauses, now) } else { self })
    }

    /// Takes the coupon back. Open quotes keep what they hold.
    pub fn void(mut self, asked: Asked, pauses: &[Pause], now: Time) -> Result<Self, Fault> {
        self.lapsed = sum(self.lapsed, self.remaining)?;
        self.remaining = 0;
        self.voided = Some(asked);
        Ok(self.ended(Phase::Void, pauses, now))
    }

    /// Gives money back that was spent, to a coupon that is live again with its own expiry. The coupon
    /// comes from [`Coupon::revived`].
    pub fn unspend(mut self, amount: i64) -> Result<Self, Fault> {
        self.spent = take(self.spent, amount)?;
        self.remaining = sum(self.remaining, amount)?;
        Ok(self)
    }

    /// Gives money back that was spent, of a coupon that cannot be live again: it lapses.
    pub fn unspend_lapsed(mut self, amount: i64, pauses: &[Pause], now: Time) -> Result<Self, Fault> {
        self.spent = take(self.spent, amount)?;
        self.lapsed = sum(self.lapsed, amount)?;
        Ok(match self.phase {
            Phase::Used | Phase::Expired => self.ended(Phase::Expired, pauses, now),
            // One that is held past its expiry ends with the open quotes that hold it.
            Phase::Void | Phase::Held => self,
        })
    }

    /// The coupon as if it were live again at this instant: of the pauses, those that began after it had ended
    /// do not move its expiry; one that lasted when it ended does, once it is over.
    pub fn revived(&self, pauses: &[Pause]) -> Self {
        let Some(ended_at) = self.ended_at else {
            return self.clone();
        };
        // When it ended, all but a pause that lasted was counted in, so only the first of these can be that one.
        let unseen = pauses.get(self.pauses_seen as usize..).unwrap_or(&[]);
        let lasted = unseen.first().filter(|pause| pause.from < ended_at);
        let lasts = lasted.is_some_and(|pause| pause.until.is_none());
        let skipped = unseen.len() - usize::from(lasts);
        Self {
            expires_at: moved(self.expires_at, lasted.map(std::slice::from_ref).unwrap_or_default()),
            pauses_seen: self.pauses_seen + u32::try_from(skipped).unwrap_or(u32::MAX),
            phase: Phase::Held,
            ended_at: None,
            ..self.clone()
        }
    }

    /// Whether its packet may go back: it has ended without ever being used, and nothing holds its money.
    pub fn leaves_packet(&self, restock_expired: bool) -> bool {
        let ended = match self.phase {
            Phase::Void => true,
            Phase::Expired => restock_expired,
            Phase::Held | Phase::Used => false,
        };
        ended && !self.restocked && self.spent == 0 && self.reserved == 0
    }

    /// Whether the parts make up the face.
    pub fn adds_up(&self) -> bool {
        let parts = [self.remaining, self.reserved, self.spent, self.lapsed];
        parts.iter().all(|part| *part >= 0)
            && parts.iter().map(|part| i128::from(*part)).sum::<i128>() == i128::from(self.face)
    }
}

/// An expiry after pauses: each moves it by its length if it was not over when the pause began. A pause
/// that lasts moves nothing yet.
pub(crate) fn moved(expires_at: Time, pauses: &[Pause]) -> Time {
    pauses.iter().fold(expires_at, |expiry, pause| match pause.until {
        Some(until) if pause.from < expiry => expiry.plus_ms(until.since_ms(pause.from).max(0)),
        _ => expiry,
    })
}

/// How many pauses are over; only the last can still last.
fn finished(pauses: &[Pause]) -> u32 {
    let lasts = pauses.last().is_some_and(|pause| pause.until.is_none());
    u32::try_from(pauses.len() - usize::from(lasts)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(from: i64, until: Option<i64>) -> Pause {
        Pause { from: Time::of_ms(from), until: until.map(Time::of_ms) }
    }

    #[test]
    fn a_pause_moves_what_was_not_over_when_it_began() {
        let check = |expires, pauses: &[Pause], expected| {
            assert_eq!(moved(Time::of_ms(expires), pauses), Time::of_ms(expected), "{expires} {pauses:?}");
        };
        check(100, &[], 100);
        check(100, &[pause(50, Some(60))], 110);
        check(100, &[pause(99, Some(199))], 200);
        check(100, &[pause(100, Some(199))], 100);
        check(100, &[pause(50, Some(60)), pause(105, Some(110))], 115);
        check(100, &[pause(50, None)], 100);
    }
}
