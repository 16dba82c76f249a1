//! The ledger's lines: only ever added.

use koi_core::id::{CampaignNo, CouponId, TransferId};
use koi_core::ledger::{Account, Movement, Reason, Transfer};
use koi_core::time::Time;
use rusqlite::{Connection, Row, params};

use crate::error::{StoreError, damaged};

macro_rules! columns {
    () => {
        "id, campaign, debit, credit, amount, reason, subject, part, coupon, count, at"
    };
}

const INSERT: &str =
    concat!("INSERT INTO transfer (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
const FROM: &str = concat!("SELECT ", columns!(), " FROM transfer WHERE id >= ?1 AND id < ?2 ORDER BY id");
const LATEST: &str = "SELECT at FROM transfer ORDER BY id DESC LIMIT 1";

fn read(row: &Row) -> Result<Transfer, StoreError> {
    let account = |place: usize| -> Result<Account, StoreError> {
        Account::of_number(row.get(place)?).ok_or_else(|| damaged("a transfer's account"))
    };
    Ok(Transfer {
        id: TransferId::of_number(row.get(0)?),
        campaign: CampaignNo(row.get(1)?),
        movement: Movement {
            debit: account(2)?,
            credit: account(3)?,
            amount: row.get(4)?,
            reason: Reason::of_number(row.get(5)?).ok_or_else(|| damaged("a transfer's reason"))?,
            subject: row.get(6)?,
            part: row.get(7)?,
            coupon: row.get::<_, Option<i64>>(8)?.map(CouponId::of_number),
        },
        count: row.get(9)?,
        at: Time::of_ms(row.get(10)?),
    })
}

/// When the last line was written.
pub(crate) fn latest(connection: &Connection) -> Result<Option<Time>, StoreError> {
    let mut statement = connection.prepare(LATEST)?;
    let mut rows = statement.query([])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(Time::of_ms))
}

/// The lines with numbers in a range, one after the other, until `each` has enough.
pub(crate) fn for_each_in(
    connection: &Connection,
    numbers: &std::ops::Range<i64>,
    mut each: impl FnMut(Transfer) -> std::ops::ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(FROM)?;
    let mut rows = statement.query([numbers.start, numbers.end])?;
    while let Some(row) = rows.next()? {
        if each(read(row)?).is_break() {
            break;
        }
    }
    Ok(())
}

/// Adds lines.
pub(crate) fn add(connection: &Connection, transfers: &[Transfer]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(INSERT)?;
    for Transfer { id, campaign, movement, count, at } in transfers {
        insert.execute(params![
            id.number(),
            campaign.0,
            movement.debit.number(),
            movement.credit.number(),
            movement.amount,
            movement.reason.number(),
            movement.subject,
            movement.part,
            movement.coupon.map(CouponId::number),
            count,
            at.ms(),
        ])?;
    }
    Ok(())
}
