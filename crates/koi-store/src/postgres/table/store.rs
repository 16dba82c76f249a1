//! Stores.

use std::sync::LazyLock;

use koi_core::catalog::Store;
use koi_core::id::{MerchantId, StoreId};
use koi_core::rules::Country;
use koi_core::time::Zone;
use tokio_postgres::Row;

use super::Fields;
use crate::error::{StoreError, damaged};
use crate::postgres::form::{Table, Value, changing, key};

pub(crate) static TABLE: Table<Store> = Table {
    name: "store",
    columns: &[
        key("id", Value::Name(|store| store.id.as_str())),
        changing("merchant", Value::Name(|store| store.merchant.as_str())),
        changing("name", Value::Text(|store| &store.name)),
        changing("country", Value::Name(|store| store.country.code())),
        changing("time_zone", Value::Name(|store| store.zone.name())),
    ],
};

pub(crate) static PUT: LazyLock<String> = LazyLock::new(|| TABLE.put());
pub(crate) static AFTER: LazyLock<String> = LazyLock::new(|| TABLE.after());

pub(crate) fn read(row: &Row) -> Result<Store, StoreError> {
    let mut fields = Fields::of(row);
    Ok(Store {
        id: StoreId::stored(fields.next()?),
        merchant: MerchantId::stored(fields.next()?),
        name: fields.text()?,
        country: Country::parse(fields.next()?).ok_or_else(|| damaged("a store's country"))?,
        zone: Zone::parse(fields.next()?).ok_or_else(|| damaged("a store's time zone"))?,
    })
}
