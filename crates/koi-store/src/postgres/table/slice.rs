//! Campaigns' parts of a cell: the next ordinal, the balances, and the packets left of each tier.

use std::sync::LazyLock;

use koi_core::id::CampaignNo;
use koi_core::ledger::Buckets;
use koi_core::rows::Slice;
use tokio_postgres::Row;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Sql, Table, Value, changing, key};

/// A slice as it is written.
pub(crate) struct Part {
    campaign: CampaignNo,
    next_ordinal: u32,
    /// In the order of the accounts' numbers.
    balances: String,
    stock: String,
}

impl Part {
    pub(crate) fn of(campaign: CampaignNo, slice: &Slice) -> Self {
        let (balances, stock) = (array(slice.buckets.balances()), array(&slice.left));
        Self { campaign, next_ordinal: slice.next_ordinal, balances, stock }
    }
}

pub(crate) static TABLE: Table<Part> = Table {
    name: "slice",
    columns: &[
        key("campaign", Value::Big(|part| part.campaign.0.into())),
        changing("next_ordinal", Value::Big(|part| part.next_ordinal.into())),
        changing("balances", Value::Bigs(|part| &part.balances)),
        changing("stock", Value::Bigs(|part| &part.stock)),
    ],
};

pub(crate) static INSERT: LazyLock<Sql> = LazyLock::new(|| TABLE.insert());
/// The ordinal never goes back: what somebody else moved on is not written over.
pub(crate) static UPDATE: LazyLock<Sql> =
    LazyLock::new(|| TABLE.update("stored.next_ordinal <= excluded.next_ordinal"));
pub(crate) static BY_CAMPAIGN: LazyLock<Sql> = LazyLock::new(|| TABLE.by("campaign", ""));
/// A campaign's part ($2) of each of some cells ($1). One statement sees one state, in which a packet that moves between
/// two cells is in one of them.
pub(crate) static OF_CAMPAIGN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT stored.cell, {} FROM {} AS stored WHERE stored.cell = ANY($1::smallint[]) AND stored.campaign = $2",
        TABLE.read(),
        TABLE.name
    )
});
/// All slices of some cells ($1).
pub(crate) static ALL: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT stored.cell, {} FROM {} AS stored WHERE stored.cell = ANY($1::smallint[])",
        TABLE.read(),
        TABLE.name
    )
});

/// Numbers as PostgreSQL writes an array of them.
fn array<T: std::fmt::Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

/// Reads a slice, with its cell and campaign, from the columns of [`TABLE`].
pub(crate) fn read(row: &Row) -> Result<(i16, CampaignNo, Slice), StoreError> {
    let mut fields = Fields::of(row);
    let (cell, campaign) = (fields.next()?, CampaignNo(fields.number("a slice's campaign")?));
    let next_ordinal = fields.number("a slice's ordinal")?;
    let balances: Vec<i64> = fields.next()?;
    let stock: Vec<i64> = fields.next()?;
    let buckets = Buckets::stored(balances.try_into().map_err(|_| damaged("a slice's balances"))?);
    let left = stock.into_iter().map(u64::try_from).collect::<Result<_, _>>();
    let left = left.map_err(|_| damaged("a slice's stock"))?;
    Ok((cell, campaign, Slice { next_ordinal, left, buckets }))
}
