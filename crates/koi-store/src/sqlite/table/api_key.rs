//! Keys of the API. The secret itself is never stored.

use koi_core::id::Principal;
use koi_core::time::Time;
use rusqlite::{Connection, Row, params};

use crate::error::StoreError;

/// A key of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What the key is called, shown and logged.
    pub id: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Who it belongs to.
    pub principal: Principal,
    /// What it may do.
    pub role: String,
    /// When it was made.
    pub created_at: Time,
    /// From when on it no longer works; `None`: for ever.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// When it was last used, to within some minutes; `None`: never.
    pub used_at: Option<Time>,
}

const ALL: &str = "SELECT id, hash, principal, role, created_at, expires_at, revoked_at, used_at FROM api_key \
    ORDER BY created_at, id";
const ADD: &str = "INSERT INTO api_key (id, hash, principal, role, created_at, expires_at, revoked_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)";
const USED: &str = "UPDATE api_key SET used_at = ?2 WHERE id = ?1 AND (used_at IS NULL OR used_at < ?2)";
const REVOKE: &str = "UPDATE api_key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";

fn read(row: &Row) -> rusqlite::Result<ApiKey> {
    let time = |place: usize| -> rusqlite::Result<Option<Time>> {
        Ok(row.get::<_, Option<i64>>(place)?.map(Time::of_ms))
    };
    Ok(ApiKey {
        id: row.get(0)?,
        hash: row.get(1)?,
        principal: Principal::stored(&row.get::<_, String>(2)?),
        role: row.get(3)?,
        created_at: Time::of_ms(row.get(4)?),
        expires_at: time(5)?,
        revoked_at: time(6)?,
        used_at: time(7)?,
    })
}

pub(crate) fn all(connection: &Connection) -> Result<Vec<ApiKey>, StoreError> {
    let mut statement = connection.prepare_cached(ALL)?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

pub(crate) fn add(connection: &Connection, key: &ApiKey) -> Result<(), StoreError> {
    connection.prepare_cached(ADD)?.execute(params![
        key.id,
        key.hash,
        key.principal.as_str(),
        key.role,
        key.created_at.ms(),
        key.expires_at.map(Time::ms),
    ])?;
    Ok(())
}

/// Remembers that a key was used.
pub(crate) fn used(connection: &Connection, id: &str, at: Time) -> Result<(), StoreError> {
    connection.prepare_cached(USED)?.execute(params![id, at.ms()])?;
    Ok(())
}

/// Revokes a key; false when there is none that works under this id.
pub(crate) fn revoke(connection: &Connection, id: &str, now: Time) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached(REVOKE)?.execute(params![id, now.ms()])? == 1)
}
