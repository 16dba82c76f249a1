//! What a failure says: what was promised, and what is true now.
//!
//! Everything else that goes wrong (no tracer installed, no such binary) is a trouble of the harness and
//! travels as a plain error. Both make a run fail; only this one accuses the server.

use crate::limits::EXCERPT_BYTES;

/// A promise that the server broke.
#[derive(Debug, thiserror::Error)]
#[error("promised: {promised}\n         true now: {found}")]
pub(crate) struct Broken {
    promised: String,
    found: String,
}

/// An error that accuses the server.
pub(crate) fn broken(promised: impl Into<String>, found: impl Into<String>) -> anyhow::Error {
    Broken { promised: promised.into(), found: found.into() }.into()
}

/// Accuses the server unless both are equal.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, promised: &T, found: &T) -> anyhow::Result<()> {
    if promised == found {
        return Ok(());
    }
    Err(broken(format!("{what} is {promised:?}"), format!("{what} is {found:?}")))
}

/// The beginning of a text that may be long.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_BYTES) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
