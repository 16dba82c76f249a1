//! Codes: one printed QR each.

use std::sync::LazyLock;

use koi_core::catalog::Code;
use koi_core::id::{CodeText, Medium, StoreId};
use tokio_postgres::Row;

use super::Fields;
use crate::error::StoreError;
use crate::postgres::form::{Table, Value, changing, key};

pub(crate) static TABLE: Table<Code> = Table {
    name: "code",
    columns: &[
        key("code", Value::Name(|code| code.text.as_str())),
        changing("store", Value::Name(|code| code.store.as_str())),
        changing("medium", Value::Name(|code| code.medium.as_str())),
        changing("revoked_at", Value::BigOrNone(|code| code.revoked.as_ref().map(|(at, _)| at.ms()))),
        changing("revoked_reason", Value::TextOrNone(|code| code.revoked.as_ref().map(|(_, reason)| &**reason))),
    ],
};

pub(crate) static PUT: LazyLock<String> = LazyLock::new(|| TABLE.put());
pub(crate) static AFTER: LazyLock<String> = LazyLock::new(|| TABLE.after());

pub(crate) fn read(row: &Row) -> Result<Code, StoreError> {
    let mut fields = Fields::of(row);
    let (text, store) = (CodeText::stored(fields.next()?), StoreId::stored(fields.next()?));
    let medium = Medium::stored(fields.next()?);
    let (at, reason) = (fields.time_or_none()?, fields.text_or_none()?);
    Ok(Code { text, store, medium, revoked: at.map(|at| (at, reason.unwrap_or_default())) })
}
