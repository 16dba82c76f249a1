//! Instants, as the contract writes them: RFC 3339, answered in UTC with milliseconds.

use std::fmt;

use anyhow::{Context, Result};

/// Milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    unix_ms: i64,
}

/// One second, in milliseconds.
pub(crate) const SECOND_MS: i64 = 1_000;
/// One day of 24 hours, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * SECOND_MS;
/// Asia/Shanghai is ahead of UTC by so much; it has no daylight saving in the years that are played.
const SHANGHAI_AHEAD_MS: i64 = 8 * 60 * 60 * SECOND_MS;

impl Moment {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let at: jiff::Timestamp = text.parse().with_context(|| format!("{text:?} is no RFC 3339 time"))?;
        Ok(Self { unix_ms: at.as_millisecond() })
    }

    pub(crate) fn plus_ms(self, ms: i64) -> Self {
        Self { unix_ms: self.unix_ms + ms }
    }

    pub(crate) fn minus(self, earlier: Self) -> i64 {
        self.unix_ms - earlier.unix_ms
    }

    /// Midnight in Shanghai after this moment.
    pub(crate) fn next_midnight_in_shanghai(self) -> Self {
        let local_ms = self.unix_ms + SHANGHAI_AHEAD_MS;
        let next = (local_ms.div_euclid(DAY_MS) + 1) * DAY_MS;
        Self { unix_ms: next - SHANGHAI_AHEAD_MS }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.unix_ms).map_err(|_| fmt::Error)?;
        write!(out, "{at:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_midnight(at: &str, expect: &str) {
        assert_eq!(Moment::parse(at).unwrap().next_midnight_in_shanghai().to_string(), expect);
    }

    #[test]
    fn midnight_is_the_one_in_shanghai() {
        check_midnight("2018-07-19T22:15:00Z", "2018-07-20T16:00:00.000Z");
        check_midnight("2018-07-20T15:59:59.999Z", "2018-07-20T16:00:00.000Z");
        check_midnight("2018-07-20T16:00:00Z", "2018-07-21T16:00:00.000Z");
    }

    #[test]
    fn a_moment_reads_what_it_writes() {
        let at = Moment::parse("2018-07-15T00:00:00+08:00").unwrap();
        assert_eq!(at.to_string(), "2018-07-14T16:00:00.000Z");
        assert_eq!(Moment::parse(&at.to_string()).unwrap(), at);
    }
}
