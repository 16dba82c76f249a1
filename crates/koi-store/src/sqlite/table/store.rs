//! Stores.

use koi_core::catalog::Store;
use koi_core::id::{MerchantId, StoreId};
use koi_core::rules::Country;
use koi_core::time::Zone;
use rusqlite::{Connection, params};

use crate::error::{StoreError, damaged};

const ALL: &str = "SELECT id, merchant, name, country, time_zone FROM store";
const PUT: &str =
    "INSERT OR REPLACE INTO store (id, merchant, name, country, time_zone) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) fn all(connection: &Connection) -> Result<Vec<Store>, StoreError> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    let mut stores = Vec::new();
    while let Some(row) = rows.next()? {
        let (country, zone): (String, String) = (row.get(3)?, row.get(4)?);
        stores.push(Store {
            id: StoreId::stored(&row.get::<_, String>(0)?),
            merchant: MerchantId::stored(&row.get::<_, String>(1)?),
            name: row.get::<_, String>(2)?.into(),
            country: Country::parse(&country).ok_or_else(|| damaged("a store's country"))?,
            zone: Zone::parse(&zone).ok_or_else(|| damaged("a store's time zone"))?,
        });
    }
    Ok(stores)
}

pub(crate) fn put(connection: &Connection, store: &Store) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![
        store.id.as_str(),
        store.merchant.as_str(),
        &*store.name,
        store.country.code(),
        store.zone.name(),
    ])?;
    Ok(())
}
