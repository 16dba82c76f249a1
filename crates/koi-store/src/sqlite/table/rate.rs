//! Rates: every one that was ever in force; the last of a pair is.

use koi_core::catalog::Pair;
use koi_core::money::{Currency, Rate};
use koi_core::time::Time;
use rusqlite::{Connection, params};

use crate::error::{StoreError, damaged};

const ALL: &str = "SELECT \"from\", \"into\", rate FROM rate ORDER BY number";
const ADD: &str = "INSERT INTO rate (\"from\", \"into\", rate, since) VALUES (?1, ?2, ?3, ?4)";

/// All rates, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(Pair, Rate)>, StoreError> {
    let mut statement = connection.prepare(ALL)?;
    let mut rows = statement.query([])?;
    let mut rates = Vec::new();
    while let Some(row) = rows.next()? {
        let currency = |place: usize| -> Result<Currency, StoreError> {
            Currency::parse(&row.get::<_, String>(place)?).ok_or_else(|| damaged("a rate's currency"))
        };
        rates.push(((currency(0)?, currency(1)?), Rate::of_scaled(row.get(2)?)));
    }
    Ok(rates)
}

pub(crate) fn add(connection: &Connection, pair: &Pair, rate: Rate, since: Time) -> Result<(), StoreError> {
    let (from, into) = (pair.0.code(), pair.1.code());
    connection.prepare_cached(ADD)?.execute(params![from, into, rate.scaled(), since.ms()])?;
    Ok(())
}
