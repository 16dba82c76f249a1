//! Who did what, when and why: only ever added to. Whoever adds a line holds the catalog's revision, so that the next
//! number is nobody else's.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::LogLine;
use crate::postgres::session::Request;
use crate::postgres::table::plain::stored_text;

const NAME: &str = "log";

static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (number, at, principal, action, subject, detail) \
         SELECT (SELECT coalesce(max(number), 0) FROM {NAME}) + new.place, new.at, new.principal, new.action, new.subject, \
         new.detail FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) \
         WITH ORDINALITY AS new (at, principal, action, subject, detail, place)"
    )
});

/// Adds lines, in their order.
pub(crate) fn add(lines: &[LogLine]) -> Request<'_> {
    let texts = |of: fn(&LogLine) -> &str| -> Vec<Cow<'_, str>> {
        lines.iter().map(|line| stored_text(of(line))).collect()
    };
    Request::with(
        &ADD,
        vec![
            Box::new(lines.iter().map(|line| line.at.ms()).collect::<Vec<_>>()),
            Box::new(lines.iter().map(|line| line.principal.as_str()).collect::<Vec<_>>()),
            Box::new(texts(|line| &line.action)),
            Box::new(texts(|line| &line.subject)),
            Box::new(texts(|line| &line.detail)),
        ],
    )
}
