//! Instants as statements write them: UTC to the millisecond, in one spelling.

use std::fmt;

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant, in milliseconds since 1970-01-01T00:00:00Z; written as RFC 3339 in UTC with three digits after the second
/// (`2018-07-15T00:00:00.000Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads an instant in its one spelling; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let instant = Self(text.parse::<Timestamp>().ok()?.as_millisecond());
        // A year before 0 is written with more characters.
        (text.len() == 24 && instant.to_string() == text).then_some(instant)
    }

    /// Reads an instant of any offset and precision (RFC 3339), as campaign documents have them; cut to the millisecond.
    pub fn of_rfc3339(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|instant| Self(instant.as_millisecond()))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            // Beyond the year 9999: no instant of ours, and one that is never read back.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("an instant such as 2018-07-15T00:00:00.000Z is expected"))
    }
}
