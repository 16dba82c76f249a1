//! The ledger's lines: only ever added.

use std::sync::LazyLock;

use koi_core::id::{CampaignNo, CouponId, TransferId};
use koi_core::ledger::{Account, Movement, Reason, Transfer};
use tokio_postgres::Row;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Sql, Table, Value, fixed, key};
use crate::postgres::walk::Walk;

pub(crate) static TABLE: Table<Transfer> = Table {
    name: "transfer",
    columns: &[
        key("id", Value::Big(|line| line.id.number())),
        fixed("campaign", Value::Big(|line| line.campaign.0.into())),
        fixed("debit", Value::Small(|line| line.movement.debit.number().into())),
        fixed("credit", Value::Small(|line| line.movement.credit.number().into())),
        fixed("amount", Value::Big(|line| line.movement.amount)),
        fixed("reason", Value::Small(|line| line.movement.reason.number().into())),
        fixed("subject", Value::Big(|line| line.movement.subject)),
        fixed("part", Value::Big(|line| line.movement.part.into())),
        fixed("coupon", Value::BigOrNone(|line| line.movement.coupon.map(CouponId::number))),
        fixed("count", Value::Big(|line| line.count.into())),
        fixed("at", Value::Big(|line| line.at.ms())),
    ],
};

pub(crate) static INSERT: LazyLock<Sql> = LazyLock::new(|| TABLE.insert());
pub(crate) static WALK: LazyLock<Walk> = LazyLock::new(|| Walk::new(TABLE.name, &TABLE.read(), &["id"], ""));
fn account(number: i16) -> Result<Account, StoreError> {
    u8::try_from(number).ok().and_then(Account::of_number).ok_or_else(|| damaged("a transfer's account"))
}

fn reason(number: i16) -> Result<Reason, StoreError> {
    u8::try_from(number).ok().and_then(Reason::of_number).ok_or_else(|| damaged("a transfer's reason"))
}

/// Reads a line, with its cell, from the columns of [`TABLE`].
pub(crate) fn read(row: &Row) -> Result<(i16, Transfer), StoreError> {
    let mut fields = Fields::of(row);
    let (cell, id) = (fields.next()?, TransferId::of_number(fields.next()?));
    let campaign = CampaignNo(fields.number("a transfer's campaign")?);
    let movement = Movement {
        debit: account(fields.next()?)?,
        credit: account(fields.next()?)?,
        amount: fields.next()?,
        reason: reason(fields.next()?)?,
        subject: fields.next()?,
        part: fields.number("a transfer's part")?,
        coupon: fields.next::<Option<i64>>()?.map(CouponId::of_number),
    };
    let (count, at) = (fields.number("a transfer's count")?, fields.time()?);
    Ok((cell, Transfer { id, campaign, movement, count, at }))
}
