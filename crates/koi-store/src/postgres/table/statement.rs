//! What the public log will say of campaigns: only ever added to. Whoever adds a statement holds the catalog's revision, so
//! that the next number is nobody else's.

use std::sync::LazyLock;

use crate::Stated;
use crate::postgres::session::Request;
use crate::sheet::joined;

const NAME: &str = "statement";

static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (number, at, body, lines) \
         SELECT (SELECT coalesce(max(number), 0) FROM {NAME}) + new.place, new.at, new.body, new.lines \
         FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS new (at, body, lines, place)"
    )
});

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
