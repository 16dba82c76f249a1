//! What the public log will say of campaigns: only ever added to. Whoever adds a statement holds the catalog's revision, so
//! that the next number is nobody else's.

use std::sync::LazyLock;

use super::Fields;
use crate::Stated;
use crate::error::StoreError;
use crate::postgres::session::{Reply, Request};
use crate::sheet::{joined, split};

const NAME: &str = "statement";

static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (number, at, body, lines) \
         SELECT (SELECT coalesce(max(number), 0) FROM {NAME}) + new.place, new.at, new.body, new.lines \
         FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS new (at, body, lines, place)"
    )
});

static AFTER: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT number, at, body, lines FROM {NAME} WHERE number > $1 ORDER BY number LIMIT $2")
});

/// Asks for at most `limit` statements with numbers above `number`.
pub(crate) fn after(number: i64, limit: u32) -> Request<'static> {
    Request::with(&AFTER, vec![Box::new(number), Box::new(i64::from(limit))])
}

/// Reads the answer to [`after`].
pub(crate) fn read(reply: &Reply) -> Result<Vec<(i64, Stated)>, StoreError> {
    let one = |row| {
        let mut fields = Fields::of(row);
        let (number, at, body): (i64, _, &str) = (fields.next()?, fields.time()?, fields.next()?);
        Ok((number, Stated { at, body: body.to_owned(), lines: split(fields.next()?)? }))
    };
    reply.rows.iter().map(one).collect()
}

/// Adds statements, in their order.
pub(crate) fn add(statements: &[Stated]) -> Request<'_> {
    Request::with(
        &ADD,
        vec![
            Box::new(statements.iter().map(|stated| stated.at.ms()).collect::<Vec<_>>()),
            Box::new(statements.iter().map(|stated| stated.body.as_str()).collect::<Vec<_>>()),
            Box::new(statements.iter().map(|stated| joined(&stated.lines)).collect::<Vec<_>>()),
        ],
    )
}
