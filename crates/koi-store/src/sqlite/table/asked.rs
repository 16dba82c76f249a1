//! The columns of an idempotency key: `…_key` and `…_call`, next to each other.

use koi_core::idempotency::{Asked, Fingerprint, Key};
use rusqlite::Row;

use crate::error::StoreError;

/// The key whose columns start at `place`.
pub(crate) fn asked(row: &Row, place: usize) -> Result<Asked, StoreError> {
    Ok(Asked { key: Key(row.get(place)?), fingerprint: Fingerprint(row.get(place + 1)?) })
}

/// The key whose columns start at `place`, if there is one.
pub(crate) fn asked_optional(row: &Row, place: usize) -> Result<Option<Asked>, StoreError> {
    match row.get::<_, Option<i64>>(place)? {
        Some(_) => asked(row, place).map(Some),
        None => Ok(None),
    }
}
