//! Answers to orders of the office, kept for repeats.

use koi_core::idempotency::{Asked, Fingerprint, Key};
use rusqlite::{Connection, params};

use crate::Answered;
use crate::error::StoreError;

const GET: &str = "SELECT call, status, body FROM answered WHERE key = ?1";
const ADD: &str = "INSERT INTO answered (key, call, status, body) VALUES (?1, ?2, ?3, ?4)";

pub(crate) fn get(connection: &Connection, key: Key) -> Result<Option<Answered>, StoreError> {
    let mut statement = connection.prepare_cached(GET)?;
    let mut rows = statement.query([key.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let asked = Asked { key, fingerprint: Fingerprint(row.get(0)?) };
    Ok(Some(Answered { asked, status: row.get(1)?, body: row.get(2)? }))
}

pub(crate) fn add(connection: &Connection, answered: &Answered) -> Result<(), StoreError> {
    let asked = &answered.asked;
    connection.prepare_cached(ADD)?.execute(params![
        asked.key.0,
        asked.fingerprint.0,
        answered.status,
        answered.body
    ])?;
    Ok(())
}
