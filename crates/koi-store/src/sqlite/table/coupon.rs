//! Coupons. New ones are added at the end of their campaign.

use koi_core::coupon::{Coupon, Phase};
use koi_core::id::{AccountId, CampaignNo, CodeText, CouponId, PersonId, ShopperKey};
use koi_core::rows::Write;
use koi_core::time::Time;
use rusqlite::{CachedStatement, Connection, Row, params};

use super::asked::{asked, asked_optional};
use crate::Issued;
use crate::error::{StoreError, damaged};

macro_rules! columns {
    () => {
        "id, shopper, person, account, code, tier, face, split, remaining, reserved, spent, lapsed, phase, \
         collected_at, expires_at, pauses_seen, ended_at, revision, restocked, asked_key, asked_call, void_key, \
         void_call"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO coupon (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)"
);
/// What of a coupon can change.
const UPDATE: &str = "UPDATE coupon SET remaining = ?2, reserved = ?3, spent = ?4, lapsed = ?5, phase = ?6, \
    expires_at = ?7, pauses_seen = ?8, ended_at = ?9, restocked = ?10, void_key = ?11, void_call = ?12 WHERE id = ?1";
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM coupon WHERE id = ?1");
pub(crate) const FIRST: &str = "SELECT id FROM coupon WHERE id >= ?1 ORDER BY id LIMIT 1";
pub(crate) const SHOPPER: &str = "SELECT shopper FROM coupon WHERE id = ?1";
pub(crate) const SHOPPERS: &str = "SELECT id, shopper FROM coupon WHERE id >= ?1 AND id < ?2";
const RANGE: &str = concat!("SELECT ", columns!(), " FROM coupon WHERE id >= ?1 AND id < ?2 ORDER BY id");
const ISSUED: &str =
    "SELECT id, face, split, collected_at, revision FROM coupon WHERE id >= ?1 AND id < ?2 ORDER BY id";
const LAST: &str = "SELECT max(id) FROM coupon WHERE id >= ?1 AND id < ?2";
/// `coupon_due`: those of a campaign in this cell whose stored expiry has come.
const DUE: &str = "SELECT id FROM coupon WHERE (id >> 32) = ?1 AND phase = 0 AND remaining > 0 AND expires_at <= ?2 \
    ORDER BY expires_at LIMIT ?3";
const NEXT_DUE: &str = "SELECT expires_at FROM coupon WHERE (id >> 32) = ?1 AND phase = 0 AND remaining > 0 \
    ORDER BY expires_at LIMIT 1";
/// The index alone, as it is.
const INDEX_DUE: &str = "SELECT (id >> 32), expires_at, id FROM coupon INDEXED BY coupon_due \
    WHERE phase = 0 AND remaining > 0";

fn phase_number(phase: Phase) -> u8 {
    match phase {
        Phase::Held => 0,
        Phase::Used => 1,
        Phase::Expired => 2,
        Phase::Void => 3,
    }
}

fn phase_of(number: u8) -> Result<Phase, StoreError> {
    match number {
        0 => Ok(Phase::Held),
        1 => Ok(Phase::Used),
        2 => Ok(Phase::Expired),
        3 => Ok(Phase::Void),
        _ => Err(damaged("a coupon's phase")),
    }
}

fn read(row: &Row) -> Result<Coupon, StoreError> {
    let text = |place: usize| row.get_ref(place).and_then(|value| Ok(value.as_str()?));
    Ok(Coupon {
        id: CouponId::of_number(row.get(0)?),
        shopper: ShopperKey(row.get(1)?),
        person: PersonId::stored(text(2)?),
        account: AccountId::stored(text(3)?),
        code: CodeText::stored(text(4)?),
        tier: row.get(5)?,
        face: row.get(6)?,
        split: row.get(7)?,
        remaining: row.get(8)?,
        reserved: row.get(9)?,
        spent: row.get(10)?,
        lapsed: row.get(11)?,
        phase: phase_of(row.get(12)?)?,
        collected_at: Time::of_ms(row.get(13)?),
        expires_at: Time::of_ms(row.get(14)?),
        pauses_seen: row.get(15)?,
        ended_at: row.get::<_, Option<i64>>(16)?.map(Time::of_ms),
        revision: row.get(17)?,
        restocked: row.get(18)?,
        asked: asked(row, 19)?,
        voided: asked_optional(row, 21)?,
    })
}

/// The statement that finds a coupon by its id; a batch prepares it once.
pub(crate) fn by_id(connection: &Connection) -> Result<CachedStatement<'_>, StoreError> {
    Ok(connection.prepare_cached(BY_ID)?)
}

pub(crate) fn one(by_id: &mut CachedStatement, id: CouponId) -> Result<Option<Coupon>, StoreError> {
    let mut rows = by_id.query([id.number()])?;
    rows.next()?.map(read).transpose()
}

/// The coupons with numbers in `[from, until)`, one after the other.
pub(crate) fn for_each_in(
    connection: &Connection,
    from: i64,
    until: i64,
    mut each: impl FnMut(Coupon),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(RANGE)?;
    let mut rows = statement.query([from, until])?;
    while let Some(row) = rows.next()? {
        each(read(row)?);
    }
    Ok(())
}

/// What stays of the coupons with numbers in `[from, until)`, one after the other.
pub(crate) fn for_each_issued(
    connection: &Connection,
    from: i64,
    until: i64,
    mut each: impl FnMut(Issued),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(ISSUED)?;
    let mut rows = statement.query([from, until])?;
    while let Some(row) = rows.next()? {
        each(Issued {
            id: CouponId::of_number(row.get(0)?),
            face: row.get(1)?,
            split: row.get(2)?,
            collected_at: Time::of_ms(row.get(3)?),
            revision: row.get(4)?,
        });
    }
    Ok(())
}

/// The last of the coupons with numbers in `[from, until)`.
pub(crate) fn last_in(connection: &Connection, from: i64, until: i64) -> Result<Option<CouponId>, StoreError> {
    let mut statement = connection.prepare_cached(LAST)?;
    let last: Option<i64> = statement.query_row([from, until], |row| row.get(0))?;
    Ok(last.map(CouponId::of_number))
}

pub(crate) fn due(
    connection: &Connection,
    campaign: CampaignNo,
    judged: Time,
    limit: usize,
) -> Result<Vec<CouponId>, StoreError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![campaign.0, judged.ms(), limit], |row| row.get(0))?;
    Ok(rows.map(|id| id.map(CouponId::of_number)).collect::<Result<_, _>>()?)
}

pub(crate) fn next_due(connection: &Connection, campaign: CampaignNo) -> Result<Option<Time>, StoreError> {
    let mut statement = connection.prepare_cached(NEXT_DUE)?;
    let mut rows = statement.query([campaign.0])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(Time::of_ms))
}

/// Every entry of the index `coupon_due`: cell and campaign, expiry, coupon.
pub(crate) fn for_each_due(connection: &Connection, mut each: impl FnMut([i64; 3])) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(INDEX_DUE)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each([row.get(0)?, row.get(1)?, row.get(2)?]);
    }
    Ok(())
}

/// Writes the coupons that changed, in their order; answers how many are new.
pub(crate) fn write<'a>(
    connection: &Connection,
    changed: impl Iterator<Item = (CouponId, &'a Coupon, Write)>,
) -> Result<usize, StoreError> {
    let (mut insert, mut update) = (connection.prepare_cached(INSERT)?, connection.prepare_cached(UPDATE)?);
    let mut new = 0;
    for (id, coupon, write) in changed {
        let void = coupon.voided.map(|asked| (asked.key.0, asked.fingerprint.0));
        let (void_key, void_call) = (void.map(|void| void.0), void.map(|void| void.1));
        let ended_at = coupon.ended_at.map(Time::ms);
        match write {
            Write::Keep => {}
            Write::Insert => {
                new += 1;
                insert.execute(params![
                    id.number(),
                    coupon.shopper.0,
                    coupon.person.as_str(),
                    coupon.account.as_str(),
                    coupon.code.as_str(),
                    coupon.tier,
                    coupon.face,
                    coupon.split,
                    coupon.remaining,
                    coupon.reserved,
                    coupon.spent,
                    coupon.lapsed,
                    phase_number(coupon.phase),
                    coupon.collected_at.ms(),
                    coupon.expires_at.ms(),
                    coupon.pauses_seen,
                    ended_at,
                    coupon.revision,
                    coupon.restocked,
                    coupon.asked.key.0,
                    coupon.asked.fingerprint.0,
                    void_key,
                    void_call,
                ])?;
            }
            Write::Update => {
                update.execute(params![
                    id.number(),
                    coupon.remaining,
                    coupon.reserved,
                    coupon.spent,
                    coupon.lapsed,
                    phase_number(coupon.phase),
                    coupon.expires_at.ms(),
                    coupon.pauses_seen,
                    ended_at,
                    coupon.restocked,
                    void_key,
                    void_call,
                ])?;
            }
        }
    }
    Ok(new)
}
