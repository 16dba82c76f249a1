//! Request ids: what a caller and the log call the same request by.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::source::Source;

/// The header, of requests and of answers.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a caller.
const LEN: usize = 64;

/// Makes ids: some random letters of this process, and a counter.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    /// Ids of this process; they repeat those of no other.
    pub(crate) fn new(source: &Source) -> Self {
        let bytes = source.bytes().unwrap_or_default();
        Self { prefix: hex::encode(&bytes[..5]), next: AtomicU64::new(1) }
    }

    /// The id that a request came with, when it is a plain name; else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(HEADER).filter(|given| is_sane(given.as_bytes())) {
            return given.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{}-{number}", self.prefix)).unwrap_or(HeaderValue::from_static("-"))
    }
}

fn is_sane(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LEN).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_kept_and_another_is_replaced() {
        let ids = RequestIds::new(&Source::seeded(1));
        for (given, kept) in [
            ("trace-1.A_b", true),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
            ("", false),
            ("a b", false),
            ("<script>", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_str(given).unwrap());
            assert_eq!(ids.of(&headers) == given, kept, "{given}");
        }
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
