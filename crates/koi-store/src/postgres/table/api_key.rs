//! Keys of the API. The secret itself is never stored.

use std::sync::LazyLock;

use koi_core::id::Principal;
use koi_core::time::Time;

use super::{Fields, plain};
use crate::error::{StoreError, damaged};
use crate::postgres::session::{Reply, Request};
use crate::sqlite::ApiKey;

const NAME: &str = "api_key";

static ALL: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT id, hash, principal, role, created_at, expires_at, revoked_at, used_at FROM {NAME} ORDER BY created_at, id"
    )
});
static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (id, hash, principal, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"
    )
});
static USED: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE {NAME} AS stored SET used_at = new.used_at FROM unnest($1::text[], $2::bigint[]) AS new (id, used_at) \
         WHERE stored.id = new.id AND (stored.used_at IS NULL OR stored.used_at < new.used_at)"
    )
});
static REVOKE: LazyLock<String> =
    LazyLock::new(|| format!("UPDATE {NAME} SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"));

pub(crate) fn all() -> Request<'static> {
    Request::of(&ALL)
}

/// Reads the answer to [`all`].
pub(crate) fn read(reply: &Reply) -> Result<Vec<ApiKey>, StoreError> {
    let key = |row| {
        let mut fields = Fields::of(row);
        Ok(ApiKey {
            id: fields.next()?,
            hash: fields.next::<&[u8]>()?.try_into().map_err(|_| damaged("a key's hash"))?,
            principal: Principal::stored(fields.next()?),
            role: plain::plain_text(fields.next()?),
            created_at: fields.time()?,
            expires_at: fields.time_or_none()?,
            revoked_at: fields.time_or_none()?,
            used_at: fields.time_or_none()?,
        })
    };
    reply.rows.iter().map(key).collect()
}

pub(crate) fn add(key: &ApiKey) -> Request<'_> {
    Request::with(
        &ADD,
        vec![
            Box::new(&key.id),
            Box::new(&key.hash[..]),
            Box::new(key.principal.as_str()),
            Box::new(plain::stored_text(&key.role)),
            Box::new(key.created_at.ms()),
            Box::new(key.expires_at.map(Time::ms)),
        ],
    )
}

/// Remembers when keys were used.
pub(crate) fn used(used: &[(String, Time)]) -> Request<'_> {
    let ids: Vec<&str> = used.iter().map(|(id, _)| id.as_str()).collect();
    let times: Vec<i64> = used.iter().map(|(_, at)| at.ms()).collect();
    Request::with(&USED, vec![Box::new(ids), Box::new(times)])
}

/// Revokes a key; writes one row, or none when there is none that works under this id.
pub(crate) fn revoke(id: &str, now: Time) -> Request<'_> {
    Request::with(&REVOKE, vec![Box::new(id), Box::new(now.ms())])
}
