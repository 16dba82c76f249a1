//! What the installation is.

use koi_core::time::Time;
use rusqlite::{Connection, params};

use crate::error::{StoreError, damaged};

const GET: &str = "SELECT value FROM meta WHERE name = ?1";
const SETTLE: &str = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
const PUT: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
/// What is copied and digested; `cells` and the clock's name as PostgreSQL has them.
pub(crate) const SHEET: &str = "SELECT CASE name WHEN 'sandbox_clock_ms' THEN 'sandbox_clock' ELSE name END AS name, value \
    FROM meta UNION ALL SELECT 'cells', '1' ORDER BY name";
const SANDBOX_CLOCK: &str = "sandbox_clock_ms";
pub(crate) const MODE: &str = "mode";
pub(crate) const WALLET_CURRENCY: &str = "wallet_currency";

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

/// A value that is set once: what is set already stays.
pub(crate) fn settled(connection: &Connection, name: &str, asked: &str) -> Result<String, StoreError> {
    connection.prepare_cached(SETTLE)?.execute(params![name, asked])?;
    get(connection, name)?.ok_or_else(|| damaged(name))
}
