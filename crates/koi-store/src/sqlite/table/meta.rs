//! What the installation is.

use koi_core::time::Time;
use rusqlite::{Connection, params};

use crate::error::StoreError;

const GET: &str = "SELECT value FROM meta WHERE name = ?1";
const PUT: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
/// What is copied and digested; `cells` and the clock's name as PostgreSQL has them.
pub(crate) const SHEET: &str = "SELECT CASE name WHEN 'sandbox_clock_ms' THEN 'sandbox_clock' ELSE name END AS name, value \
    FROM meta UNION ALL SELECT 'cells', '1' ORDER BY name";
const SANDBOX_CLOCK: &str = "sandbox_clock_ms";
const MODE: &str = "mode";
const WALLET_CURRENCY: &str = "wallet_currency";

fn get(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    let mut rows = statement.query([name])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

fn put(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![name, value])?;
    Ok(())
}

/// Adds what was read by [`SHEET`].
pub(crate) fn copy(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    match name {
        // There is no choice: it is not stored.
        "cells" => Ok(()),
        "sandbox_clock" => put(connection, SANDBOX_CLOCK, value),
        name => put(connection, name, value),
    }
}

/// The sandbox's clock, if it was ever set.
pub(crate) fn sandbox_clock(connection: &Connection) -> Result<Option<Time>, StoreError> {
    let text = get(connection, SANDBOX_CLOCK)?;
    Ok(text.and_then(|text| text.parse().ok()).map(Time::of_ms))
}

pub(crate) fn put_sandbox_clock(connection: &Connection, now: Time) -> Result<(), StoreError> {
    put(connection, SANDBOX_CLOCK, &now.ms().to_string())
}

/// What the folder was first served as: `sandbox` or `live`.
pub(crate) fn mode(connection: &Connection) -> Result<Option<String>, StoreError> {
    get(connection, MODE)
}

pub(crate) fn put_mode(connection: &Connection, mode: &str) -> Result<(), StoreError> {
    put(connection, MODE, mode)
}

/// The wallet currency that the folder was first served with.
pub(crate) fn wallet_currency(connection: &Connection) -> Result<Option<String>, StoreError> {
    get(connection, WALLET_CURRENCY)
}

pub(crate) fn put_wallet_currency(connection: &Connection, currency: &str) -> Result<(), StoreError> {
    put(connection, WALLET_CURRENCY, currency)
}
