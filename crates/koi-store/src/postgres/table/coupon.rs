//! Coupons. New ones are added at the end of their campaign's part of the cell.

use std::sync::LazyLock;

use koi_core::coupon::{Coupon, Phase};
use koi_core::id::{AccountId, CodeText, CouponId, PersonId, ShopperKey};
use koi_core::time::Time;
use tokio_postgres::Row;

use super::Fields;
use crate::Issued;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Sql, Table, Value, changing, fixed, key};
use crate::postgres::walk::Walk;

pub(crate) static TABLE: Table<Coupon> = Table {
    name: "coupon",
    columns: &[
        key("id", Value::Big(|coupon| coupon.id.number())),
        fixed("campaign", Value::Big(|coupon| coupon.id.campaign().0.into())),
        fixed("shopper", Value::Big(|coupon| coupon.shopper.0)),
        fixed("person", Value::Name(|coupon| coupon.person.as_str())),
        fixed("account", Value::Name(|coupon| coupon.account.as_str())),
        fixed("code", Value::Name(|coupon| coupon.code.as_str())),
        fixed("tier", Value::Int(|coupon| coupon.tier.into())),
        fixed("face", Value::Big(|coupon| coupon.face)),
        fixed("split", Value::Flag(|coupon| coupon.split)),
        changing("remaining", Value::Big(|coupon| coupon.remaining)),
        changing("reserved", Value::Big(|coupon| coupon.reserved)),
        changing("spent", Value::Big(|coupon| coupon.spent)),
        changing("lapsed", Value::Big(|coupon| coupon.lapsed)),
        changing("phase", Value::Small(|coupon| phase_number(coupon.phase))),
        fixed("collected_at", Value::Big(|coupon| coupon.collected_at.ms())),
        changing("expires_at", Value::Big(|coupon| coupon.expires_at.ms())),
        changing("pauses_seen", Value::Big(|coupon| coupon.pauses_seen.into())),
        changing("ended_at", Value::BigOrNone(|coupon| coupon.ended_at.map(Time::ms))),
        fixed("revision", Value::Big(|coupon| coupon.revision.into())),
        changing("restocked", Value::Flag(|coupon| coupon.restocked)),
        fixed("asked_key", Value::Big(|coupon| coupon.asked.key.0)),
        fixed("asked_call", Value::Bytes(|coupon| &coupon.asked.fingerprint.0)),
        changing("void_key", Value::BigOrNone(|coupon| coupon.voided.map(|asked| asked.key.0))),
        changing("void_call", Value::BytesOrNone(|coupon| Some(&coupon.voided.as_ref()?.fingerprint.0))),
    ],
};

pub(crate) static INSERT: LazyLock<Sql> = LazyLock::new(|| TABLE.insert());
/// The row is the one that was read.
pub(crate) static UPDATE: LazyLock<Sql> = LazyLock::new(|| TABLE.update("stored.asked_key = excluded.asked_key"));
pub(crate) static BY_ID: LazyLock<Sql> = LazyLock::new(|| TABLE.by("id", ""));
pub(crate) static BY_SHOPPER: LazyLock<Sql> = LazyLock::new(|| TABLE.by("shopper", ""));
pub(crate) static WALK: LazyLock<Walk> = LazyLock::new(|| Walk::new(TABLE.name, &TABLE.read(), &["id"], ""));

pub(crate) static ISSUED: LazyLock<Walk> = LazyLock::new(|| {
    let columns = "stored.id, stored.face, stored.split, stored.collected_at, stored.revision";
    Walk::new(TABLE.name, columns, &["id"], "")
});

/// What of a coupon's row is in the index `coupon_due`.
const IS_DUE: &str = "stored.phase = 0 AND stored.remaining > 0";

/// When the next coupon of each of some parts expires: cells ($1), campaigns ($2).
pub(crate) static NEXT_DUE: LazyLock<Sql> = LazyLock::new(|| {
    let next = |cell: &str| {
        format!(
            "CROSS JOIN LATERAL (SELECT stored.cell, stored.expires_at FROM {name} AS stored WHERE stored.cell = {cell} \
             AND stored.campaign = part.campaign AND {IS_DUE} ORDER BY stored.expires_at LIMIT 1) AS next",
            name = TABLE.name
        )
    };
    let columns = "next.cell, part.campaign, next.expires_at";
    Sql::new(
        format!("SELECT {columns} FROM unnest($2::bigint[]) AS part (campaign) {}", next("$1")),
        format!(
            "SELECT {columns} FROM unnest($1::smallint[]) AS of (cell) CROSS JOIN unnest($2::bigint[]) AS part (campaign) {}",
            next("of.cell")
        ),
    )
});

/// The coupons that have expired of some parts, part by part, so many at most ($4): cells ($1), campaigns ($2), the
/// instants by which they are judged ($3). Parts are looked at in the order in which they are given, and no longer
/// than until there are enough.
pub(crate) static DUE: LazyLock<Sql> = LazyLock::new(|| {
    let due = |cell: &str| {
        format!(
            "CROSS JOIN LATERAL (SELECT stored.id FROM {name} AS stored WHERE stored.cell = {cell} \
             AND stored.campaign = part.campaign AND {IS_DUE} AND stored.expires_at <= part.judged \
             ORDER BY stored.expires_at LIMIT $4) AS due LIMIT $4",
            name = TABLE.name
        )
    };
    Sql::new(
        format!("SELECT due.id FROM unnest($2::bigint[], $3::bigint[]) AS part (campaign, judged) {}", due("$1")),
        format!(
            "SELECT due.id FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS part (cell, campaign, judged) {}",
            due("part.cell")
        ),
    )
});

/// The last coupon of a campaign in a cell.
pub(crate) static LAST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT stored.id FROM {} AS stored WHERE stored.cell = $1 AND stored.id >= $2 AND stored.id <= $3 \
         ORDER BY stored.id DESC LIMIT 1",
        TABLE.name
    )
});

fn phase_number(phase: Phase) -> i16 {
    match phase {
        Phase::Held => 0,
        Phase::Used => 1,
        Phase::Expired => 2,
        Phase::Void => 3,
    }
}

fn phase_of(number: i16) -> Result<Phase, StoreError> {
    match number {
        0 => Ok(Phase::Held),
        1 => Ok(Phase::Used),
        2 => Ok(Phase::Expired),
        3 => Ok(Phase::Void),
        _ => Err(damaged("a coupon's phase")),
    }
}

/// Reads a coupon, with its cell, from the columns of [`TABLE`].
pub(crate) fn read(row: &Row) -> Result<(i16, Coupon), StoreError> {
    let mut fields = Fields::of(row);
    let (cell, id) = (fields.next()?, CouponId::of_number(fields.next()?));
    let campaign: i64 = fields.next()?;
    if campaign != i64::from(id.campaign().0) {
        return Err(damaged("a coupon's campaign"));
    }
    let coupon = Coupon {
        id,
        shopper: ShopperKey(fields.next()?),
        person: PersonId::stored(fields.next()?),
        account: AccountId::stored(fields.next()?),
        code: CodeText::stored(fields.next()?),
        tier: u16::try_from(fields.next::<i32>()?).map_err(|_| damaged("a coupon's tier"))?,
        face: fields.next()?,
        split: fields.next()?,
        remaining: fields.next()?,
        reserved: fields.next()?,
        spent: fields.next()?,
        lapsed: fields.next()?,
        phase: phase_of(fields.next()?)?,
        collected_at: fields.time()?,
        expires_at: fields.time()?,
        pauses_seen: fields.number("a coupon's pauses")?,
        ended_at: fields.time_or_none()?,
        revision: fields.number("a coupon's revision")?,
        restocked: fields.next()?,
        asked: fields.asked()?,
        voided: fields.asked_or_none()?,
    };
    Ok((cell, coupon))
}

/// Reads what stays of a coupon, with its cell, from the columns of [`ISSUED`].
pub(crate) fn issued(row: &Row) -> Result<(i16, Issued), StoreError> {
    let mut fields = Fields::of(row);
    let (cell, id) = (fields.next()?, CouponId::of_number(fields.next()?));
    let (face, split, collected_at) = (fields.next()?, fields.next()?, fields.time()?);
    Ok((cell, Issued { id, face, split, collected_at, revision: fields.number("a coupon's revision")? }))
}
