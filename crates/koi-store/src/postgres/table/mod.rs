//! One file per table: its columns, its statements, and how its rows are read and written.
//!
//! `cell`, `slice`, `coupon`, `quote`, `payment`, `refund` and `transfer` carry the load: each of their statements is
//! restricted to cells. The others hold what changes rarely, and have none.

pub(crate) mod answered;
pub(crate) mod api_key;
pub(crate) mod campaign;
pub(crate) mod cell;
pub(crate) mod code;
pub(crate) mod coupon;
pub(crate) mod log;
pub(crate) mod merchant;
pub(crate) mod meta;
pub(crate) mod payment;
pub(crate) mod plain;
pub(crate) mod quote;
pub(crate) mod rate;
pub(crate) mod refund;
pub(crate) mod sequenced;
pub(crate) mod slice;
pub(crate) mod statement;
pub(crate) mod store;
pub(crate) mod transfer;

use std::sync::Arc;

use koi_core::idempotency::{Asked, Fingerprint, Key};
use koi_core::time::Time;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::{StoreError, damaged};

/// The columns of a row, read one after the other.
pub(super) struct Fields<'a> {
    row: &'a Row,
    place: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { row, place: 0 }
    }

    /// From the column at this place on.
    pub(super) fn at(row: &'a Row, place: usize) -> Self {
        Self { row, place }
    }

    /// The next column.
    pub(super) fn next<T: FromSql<'a>>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get(self.place).map_err(|error| StoreError::Damaged(error.to_string()));
        self.place += 1;
        value
    }

    /// The next column, a number that is never negative.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, what: &str) -> Result<T, StoreError> {
        T::try_from(self.next::<i64>()?).map_err(|_| damaged(what))
    }

    /// The next column, an instant.
    pub(super) fn time(&mut self) -> Result<Time, StoreError> {
        self.next().map(Time::of_ms)
    }

    /// The next column, an instant or nothing.
    pub(super) fn time_or_none(&mut self) -> Result<Option<Time>, StoreError> {
        Ok(self.next::<Option<i64>>()?.map(Time::of_ms))
    }

    /// The next column, text that somebody wrote.
    pub(super) fn text(&mut self) -> Result<Arc<str>, StoreError> {
        Ok(plain::plain_text(self.next()?).into())
    }

    /// The next column, text that somebody wrote, or nothing.
    pub(super) fn text_or_none(&mut self) -> Result<Option<Arc<str>>, StoreError> {
        Ok(self.next::<Option<&str>>()?.map(|text| plain::plain_text(text).into()))
    }

    /// The next two columns: an idempotency key, and the fingerprint of its call.
    pub(super) fn asked(&mut self) -> Result<Asked, StoreError> {
        self.asked_or_none()?.ok_or_else(|| damaged("an idempotency key"))
    }

    /// The next two columns: an idempotency key and the fingerprint of its call, or nothing.
    pub(super) fn asked_or_none(&mut self) -> Result<Option<Asked>, StoreError> {
        let (key, call): (Option<i64>, Option<&[u8]>) = (self.next()?, self.next()?);
        match (key, call) {
            (Some(key), Some(call)) => Ok(Some(Asked { key: Key(key), fingerprint: fingerprint(call)? })),
            (None, _) => Ok(None),
            (Some(_), None) => Err(damaged("a call's fingerprint")),
        }
    }
}

/// A call's fingerprint as it is stored.
pub(super) fn fingerprint(bytes: &[u8]) -> Result<Fingerprint, StoreError> {
    bytes.try_into().map(Fingerprint).map_err(|_| damaged("a call's fingerprint"))
}
