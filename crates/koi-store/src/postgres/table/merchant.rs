//! Merchants.

use std::sync::LazyLock;

use koi_core::catalog::Merchant;
use koi_core::id::MerchantId;
use koi_core::money::Currency;
use koi_core::rules::Country;
use tokio_postgres::Row;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Table, Value, changing, key};

pub(crate) static TABLE: Table<Merchant> = Table {
    name: "merchant",
    columns: &[
        key("id", Value::Name(|merchant| merchant.id.as_str())),
        changing("name", Value::Text(|merchant| &merchant.name)),
        changing("country", Value::Name(|merchant| merchant.country.code())),
        changing("currency", Value::Name(|merchant| merchant.currency.code())),
        changing("fee_bps", Value::Big(|merchant| merchant.fee_bps.into())),
    ],
};

pub(crate) static PUT: LazyLock<String> = LazyLock::new(|| TABLE.put());
pub(crate) static AFTER: LazyLock<String> = LazyLock::new(|| TABLE.after());

pub(crate) fn read(row: &Row) -> Result<Merchant, StoreError> {
    let mut fields = Fields::of(row);
    Ok(Merchant {
        id: MerchantId::stored(fields.next()?),
        name: fields.text()?,
        country: Country::parse(fields.next()?).ok_or_else(|| damaged("a merchant's country"))?,
        currency: Currency::parse(fields.next()?).ok_or_else(|| damaged("a merchant's currency"))?,
        fee_bps: fields.number("a merchant's fee")?,
    })
}
