//! Quotes. Open ones that hold a part of a coupon are in two small indexes, which they leave when settled.

use koi_core::audit::{Deduction, holder};
use koi_core::id::{AccountId, CouponId, PersonId, QuoteId, ShopperKey, StoreId};
use koi_core::money::{Currency, Money, Rate};
use koi_core::quote::{NoDeduction, Phase, Quote};
use koi_core::rows::Write;
use koi_core::time::Time;
use rusqlite::{CachedStatement, Connection, Row, params};
use rustc_hash::FxHashSet;

use super::asked::{asked, asked_optional};
use crate::error::{StoreError, damaged};

macro_rules! columns {
    () => {
        "id, shopper, person, account, store, currency, amount, rate, wallet, gross, deduction, coupon, no_deduction, \
         phase, created_at, expires_at, asked_key, asked_call, settled_key, settled_call"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO quote (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
);
/// What of a quote can change.
const UPDATE: &str = "UPDATE quote SET phase = ?2, settled_key = ?3, settled_call = ?4 WHERE id = ?1";
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM quote WHERE id = ?1");
const FROM: &str = concat!("SELECT ", columns!(), " FROM quote WHERE id >= ?1 ORDER BY id");
pub(crate) const FIRST: &str = "SELECT id FROM quote WHERE id >= ?1 ORDER BY id LIMIT 1";
pub(crate) const KEY: &str = "SELECT asked_key FROM quote WHERE id = ?1";
pub(crate) const KEYS: &str = "SELECT id, asked_key FROM quote WHERE id >= ?1 AND id < ?2";
const HOLDING: &str = concat!("SELECT ", columns!(), " FROM quote WHERE coupon = ?1 AND phase = 0 ORDER BY id");
/// Quotes and payments have the same numbers, so this walks both tables side by side.
const DEDUCTIONS: &str = "SELECT quote.coupon, quote.deduction, quote.phase, \
    coalesce(payment.cancelled_at IS NULL AND payment.coupon_returned = 0, 0), quote.shopper, quote.account \
    FROM quote LEFT JOIN payment ON payment.id = quote.id WHERE quote.coupon IS NOT NULL ORDER BY quote.id";
/// Read as far as it is needed.
const DUE: &str = "SELECT coupon FROM quote WHERE phase = 0 AND coupon IS NOT NULL AND expires_at <= ?1 \
    ORDER BY expires_at";
const NEXT_DUE: &str =
    "SELECT expires_at FROM quote WHERE phase = 0 AND coupon IS NOT NULL ORDER BY expires_at LIMIT 1";
/// Each index alone, as it is.
const INDEX_HOLDING: &str =
    "SELECT coupon, id FROM quote INDEXED BY quote_holding WHERE phase = 0 AND coupon IS NOT NULL";
const INDEX_DUE: &str =
    "SELECT expires_at, coupon, id FROM quote INDEXED BY quote_due WHERE phase = 0 AND coupon IS NOT NULL";

fn phase_number(phase: Phase) -> u8 {
    match phase {
        Phase::Open => 0,
        Phase::Paid => 1,
        Phase::Cancelled => 2,
        Phase::Expired => 3,
    }
}

fn phase_of(number: u8) -> Result<Phase, StoreError> {
    match number {
        0 => Ok(Phase::Open),
        1 => Ok(Phase::Paid),
        2 => Ok(Phase::Cancelled),
        3 => Ok(Phase::Expired),
        _ => Err(damaged("a quote's phase")),
    }
}

fn money(row: &Row, currency: usize, value: usize) -> Result<Money, StoreError> {
    let code = row.get_ref(currency)?.as_str().map_err(|_| damaged("a quote's currency"))?;
    let currency = Currency::parse(code).ok_or_else(|| damaged("a quote's currency"))?;
    Ok(Money { currency, value: row.get(value)? })
}

/// Reads a quote from the columns of [`FROM`].
pub(crate) fn read(row: &Row) -> Result<Quote, StoreError> {
    let text = |place: usize| row.get_ref(place).and_then(|value| Ok(value.as_str()?));
    let reason = |number: u8| NoDeduction::ALL.get(usize::from(number)).copied();
    Ok(Quote {
        id: QuoteId::of_number(row.get(0)?),
        shopper: ShopperKey(row.get(1)?),
        person: PersonId::stored(text(2)?),
        account: AccountId::stored(text(3)?),
        store: StoreId::stored(text(4)?),
        amount: money(row, 5, 6)?,
        rate: Rate::of_scaled(row.get(7)?),
        gross: money(row, 8, 9)?,
        deduction: row.get(10)?,
        coupon: row.get::<_, Option<i64>>(11)?.map(CouponId::of_number),
        no_deduction: match row.get::<_, Option<u8>>(12)? {
            Some(number) => Some(reason(number).ok_or_else(|| damaged("a quote's reason"))?),
            None => None,
        },
        phase: phase_of(row.get(13)?)?,
        created_at: Time::of_ms(row.get(14)?),
        expires_at: Time::of_ms(row.get(15)?),
        asked: asked(row, 16)?,
        settled: asked_optional(row, 18)?,
    })
}

/// The statement that finds a quote by its id; a batch prepares it once.
pub(crate) fn by_id(connection: &Connection) -> Result<CachedStatement<'_>, StoreError> {
    Ok(connection.prepare_cached(BY_ID)?)
}

pub(crate) fn one(by_id: &mut CachedStatement, id: QuoteId) -> Result<Option<Quote>, StoreError> {
    let mut rows = by_id.query([id.number()])?;
    rows.next()?.map(read).transpose()
}

/// The quotes from a number on, in order, to be read side by side with others.
pub(crate) fn from(connection: &Connection) -> Result<CachedStatement<'_>, StoreError> {
    Ok(connection.prepare_cached(FROM)?)
}

pub(crate) fn holding(connection: &Connection, coupon: CouponId) -> Result<Vec<Quote>, StoreError> {
    let mut statement = connection.prepare_cached(HOLDING)?;
    let mut rows = statement.query([coupon.number()])?;
    let mut quotes = Vec::new();
    while let Some(row) = rows.next()? {
        quotes.push(read(row)?);
    }
    Ok(quotes)
}

/// What every quote takes off a coupon, one after the other.
pub(crate) fn for_each_deduction(
    connection: &Connection,
    mut each: impl FnMut(Deduction),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(DEDUCTIONS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let phase = phase_of(row.get(2)?)?;
        let account = row.get_ref(5)?.as_str().map_err(|_| damaged("a quote's account"))?;
        each(Deduction {
            coupon: CouponId::of_number(row.get(0)?),
            holder: holder(ShopperKey(row.get(4)?), account),
            amount: row.get(1)?,
            open: phase == Phase::Open,
            spent: phase == Phase::Paid && row.get(3)?,
        });
    }
    Ok(())
}

/// The coupons of which open quotes ran out, those of the oldest first. Each is named once, however many quotes hold
/// parts of it: a few that cannot be booked must not hide all others.
pub(crate) fn due(connection: &Connection, now: Time, limit: usize) -> Result<Vec<CouponId>, StoreError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query([now.ms()])?;
    let (mut due, mut seen) = (Vec::new(), FxHashSet::default());
    while due.len() < limit
        && let Some(row) = rows.next()?
    {
        let coupon = CouponId::of_number(row.get(0)?);
        if seen.insert(coupon) {
            due.push(coupon);
        }
    }
    Ok(due)
}

pub(crate) fn next_due(connection: &Connection) -> Result<Option<Time>, StoreError> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    let mut rows = statement.query([])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(Time::of_ms))
}

/// Every entry of the index `quote_holding`: coupon, quote.
pub(crate) fn for_each_holding(connection: &Connection, each: impl FnMut([i64; 2])) -> Result<(), StoreError> {
    for_each_entry(connection, INDEX_HOLDING, each)
}

/// Every entry of the index `quote_due`: expiry, coupon, quote.
pub(crate) fn for_each_due(connection: &Connection, each: impl FnMut([i64; 3])) -> Result<(), StoreError> {
    for_each_entry(connection, INDEX_DUE, each)
}

fn for_each_entry<const N: usize>(
    connection: &Connection,
    sql: &str,
    mut each: impl FnMut([i64; N]),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut entry = [0; N];
        for (place, value) in entry.iter_mut().enumerate() {
            *value = row.get(place)?;
        }
        each(entry);
    }
    Ok(())
}

/// Writes the quotes that changed, in their order; answers how many are new.
pub(crate) fn write<'a>(
    connection: &Connection,
    changed: impl Iterator<Item = (QuoteId, &'a Quote, Write)>,
) -> Result<usize, StoreError> {
    let (mut insert, mut update) = (connection.prepare_cached(INSERT)?, connection.prepare_cached(UPDATE)?);
    let mut new = 0;
    for (id, quote, write) in changed {
        let settled = quote.settled.map(|asked| (asked.key.0, asked.fingerprint.0));
        let (settled_key, settled_call) = (settled.map(|settled| settled.0), settled.map(|settled| settled.1));
        match write {
            Write::Keep => {}
            Write::Insert => {
                new += 1;
                insert.execute(params![
                    id.number(),
                    quote.shopper.0,
                    quote.person.as_str(),
                    quote.account.as_str(),
                    quote.store.as_str(),
                    quote.amount.currency.code(),
                    quote.amount.value,
                    quote.rate.scaled(),
                    quote.gross.currency.code(),
                    quote.gross.value,
                    quote.deduction,
                    quote.coupon.map(CouponId::number),
                    quote.no_deduction.map(|reason| reason as u8),
                    phase_number(quote.phase),
                    quote.created_at.ms(),
                    quote.expires_at.ms(),
                    quote.asked.key.0,
                    quote.asked.fingerprint.0,
                    settled_key,
                    settled_call,
                ])?;
            }
            Write::Update => {
                update.execute(params![id.number(), phase_number(quote.phase), settled_key, settled_call])?;
            }
        }
    }
    Ok(new)
}
