//! Who did what, when and why: only ever added to. Whoever adds a line holds the catalog's revision, so that the next
//! number is nobody else's.

use std::sync::LazyLock;

use crate::LogLine;
use crate::postgres::session::Request;
use crate::postgres::table::plain::stored_text;

const NAME: &str = "log";

static ADD: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {NAME} (number, at, principal, action, subject, detail) \
         VALUES ((SELECT coalesce(max(number), 0) + 1 FROM {NAME}), $1, $2, $3, $4, $5)"
    )
});

pub(crate) fn add(line: &LogLine) -> Request<'_> {
    Request::with(
        &ADD,
        vec![
            Box::new(line.at.ms()),
            Box::new(line.principal.as_str()),
            Box::new(stored_text(&line.action)),
            Box::new(stored_text(&line.subject)),
            Box::new(stored_text(&line.detail)),
        ],
    )
}
