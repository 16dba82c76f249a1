//! Merchants.

use koi_core::catalog::Merchant;
use koi_core::id::MerchantId;
use koi_core::money::Currency;
use koi_core::rules::Country;
use rusqlite::{Connection, params};

use crate::error::{StoreError, damaged};

const ALL: &str = "SELECT id, name, country, currency, fee_bps FROM merchant";
const PUT: &str =
    "INSERT OR REPLACE INTO merchant (id, name, country, currency, fee_bps) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) fn all(connection: &Connection) -> Result<Vec<Merchant>, StoreError> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    let mut merchants = Vec::new();
    while let Some(row) = rows.next()? {
        let (country, currency): (String, String) = (row.get(2)?, row.get(3)?);
        merchants.push(Merchant {
            id: MerchantId::stored(&row.get::<_, String>(0)?),
            name: row.get::<_, String>(1)?.into(),
            country: Country::parse(&country).ok_or_else(|| damaged("a merchant's country"))?,
            currency: Currency::parse(&currency).ok_or_else(|| damaged("a merchant's currency"))?,
            fee_bps: row.get(4)?,
        });
    }
    Ok(merchants)
}

pub(crate) fn put(connection: &Connection, merchant: &Merchant) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![
        merchant.id.as_str(),
        &*merchant.name,
        merchant.country.code(),
        merchant.currency.code(),
        merchant.fee_bps,
    ])?;
    Ok(())
}
