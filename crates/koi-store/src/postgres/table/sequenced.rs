//! How far the public log is sequenced: only ever added to. Several servers may try to add the same number: one does.

use std::sync::LazyLock;

use super::Fields;
use crate::Sequenced;
use crate::error::{StoreError, damaged};
use crate::postgres::session::{Reply, Request};
use crate::sheet::{joined, split};

const NAME: &str = "sequenced";
const COLUMNS: &str = "number, at, size, root, statement, lines";

static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} ({COLUMNS}) SELECT $1::bigint, $2::bigint, $3::bigint, $4::bytea, $5::bigint, $6::text \
         WHERE $1 = 1 OR EXISTS (SELECT FROM {NAME} AS before WHERE before.number = $1 - 1 AND before.root = $7) \
         ON CONFLICT (number) DO NOTHING"
    )
});
static NUMBERED: LazyLock<String> = LazyLock::new(|| format!("SELECT {COLUMNS} FROM {NAME} WHERE number = $1"));
static LAST: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {COLUMNS} FROM {NAME} ORDER BY number DESC LIMIT 1"));

/// Adds a row; writes none if there is one with its number, or not the one before it, with this root.
pub(crate) fn add<'a>(sequenced: &'a Sequenced, before: &'a [u8; 32]) -> Request<'a> {
    let Sequenced { number, at, size, root, statement, lines } = sequenced;
    Request::with(
        &ADD,
        vec![
            Box::new(*number),
            Box::new(at.ms()),
            Box::new(size.cast_signed()),
            Box::new(&root[..]),
            Box::new(*statement),
            Box::new(joined(lines)),
            Box::new(&before[..]),
        ],
    )
}

/// Asks for the row of a number, or for the last one.
pub(crate) fn get(number: Option<i64>) -> Request<'static> {
    match number {
        Some(number) => Request::with(&NUMBERED, vec![Box::new(number)]),
        None => Request::of(&LAST),
    }
}

/// Reads the answer to [`get`].
pub(crate) fn read(reply: &Reply) -> Result<Option<Sequenced>, StoreError> {
    let one = |row| {
        let mut fields = Fields::of(row);
        let (number, at, size) = (fields.next()?, fields.time()?, fields.next::<i64>()?.cast_unsigned());
        let root: &[u8] = fields.next()?;
        let root = root.try_into().map_err(|_| damaged("a root of the public log"))?;
        let (statement, lines) = (fields.next()?, split(fields.next()?)?);
        Ok(Sequenced { number, at, size, root, statement, lines })
    };
    reply.rows.first().map(one).transpose()
}
