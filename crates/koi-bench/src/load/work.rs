//! What a load consists of: which requests are sent, and which answers are good.

use serde::Deserialize;

use super::Request;

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// One unit of the work is done; it counts.
    Done,
    /// All is well, and the unit goes on with another request on the same connection.
    Step,
    /// Not what it should be; the kind of error, to be counted by. A measurement with errors fails.
    Failed(String),
}

/// The requests of one thread. Connections are numbered from 0 within it.
pub(crate) trait Work: Send {
    /// Makes the next request of a connection; `false` when there is nothing left to do.
    fn next(&mut self, connection: usize, request: &mut Request) -> bool;

    /// Judges the answer to it.
    fn judge(&mut self, connection: usize, status: u16, body: &[u8]) -> Outcome;
}

#[derive(Deserialize)]
struct Problem<'a> {
    code: &'a str,
}

/// The kind of a refusal: its status, and its code where the body has one.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Outcome {
    Outcome::Failed(match serde_json::from_slice::<Problem<'_>>(body) {
        Ok(problem) => format!("{status} {}", problem.code),
        Err(_) => status.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_named_by_status_and_code() {
        let check =
            |body: &str, kind: &str| assert_eq!(refusal(503, body.as_bytes()), Outcome::Failed(kind.into()));
        check(r#"{"type":"about:blank","code":"busy","retryable":true}"#, "503 busy");
        check("gateway down", "503");
        check("", "503");
    }
}
