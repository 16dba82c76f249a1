//! Answers to orders of the office, kept for repeats.

use std::sync::LazyLock;

use koi_core::idempotency::{Asked, Key};

use super::{Fields, fingerprint};
use crate::Answered;
use crate::error::{StoreError, damaged};
use crate::postgres::session::{Reply, Request};
use crate::postgres::table::plain;

const NAME: &str = "answered";

static GET: LazyLock<String> =
    LazyLock::new(|| format!("SELECT key, call, status, body FROM {NAME} WHERE key = $1"));
/// A key is answered once: who comes second writes no row, and begins again.
static ADD: LazyLock<String> = LazyLock::new(|| {
    format!("INSERT INTO {NAME} (key, call, status, body) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING")
});

pub(crate) fn get(key: Key) -> Request<'static> {
    Request::with(&GET, vec![Box::new(key.0)])
}

/// Reads the answer to [`get`].
pub(crate) fn read(reply: &Reply) -> Result<Option<Answered>, StoreError> {
    let Some(row) = reply.rows.first() else { return Ok(None) };
    let mut fields = Fields::of(row);
    let asked = Asked { key: Key(fields.next()?), fingerprint: fingerprint(fields.next()?)? };
    let status = u16::try_from(fields.next::<i32>()?).map_err(|_| damaged("an answer's status"))?;
    Ok(Some(Answered { asked, status, body: plain::plain_text(fields.next()?) }))
}

/// Keeps an answer; writes one row, or none if the key was answered before.
pub(crate) fn add(answered: &Answered) -> Request<'_> {
    let asked = &answered.asked;
    Request::with(
        &ADD,
        vec![
            Box::new(asked.key.0),
            Box::new(&asked.fingerprint.0[..]),
            Box::new(i32::from(answered.status)),
            Box::new(plain::stored_text(&answered.body)),
        ],
    )
}
