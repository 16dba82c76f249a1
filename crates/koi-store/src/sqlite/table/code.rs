//! Codes: one printed QR each.

use koi_core::catalog::Code;
use koi_core::id::{CodeText, Medium, StoreId};
use koi_core::time::Time;
use rusqlite::{Connection, params};

use crate::error::StoreError;

const ALL: &str = "SELECT code, store, medium, revoked_at, revoked_reason FROM code";
const PUT: &str =
    "INSERT OR REPLACE INTO code (code, store, medium, revoked_at, revoked_reason) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(crate) fn all(connection: &Connection) -> Result<Vec<Code>, StoreError> {
    let mut statement = connection.prepare(ALL)?;
    let rows = statement.query_map([], |row| {
        let revoked_at: Option<i64> = row.get(3)?;
        let reason: Option<String> = row.get(4)?;
        Ok(Code {
            text: CodeText::stored(&row.get::<_, String>(0)?),
            store: StoreId::stored(&row.get::<_, String>(1)?),
            medium: Medium::stored(&row.get::<_, String>(2)?),
            revoked: revoked_at.map(|at| (Time::of_ms(at), reason.unwrap_or_default().into())),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn put(connection: &Connection, code: &Code) -> Result<(), StoreError> {
    connection.prepare_cached(PUT)?.execute(params![
        code.text.as_str(),
        code.store.as_str(),
        code.medium.as_str(),
        code.revoked.as_ref().map(|(at, _)| at.ms()),
        code.revoked.as_ref().map(|(_, reason)| &**reason),
    ])?;
    Ok(())
}
