//! Calendars of the contract: windows in a campaign's zone, and the settlement zone's days.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 86_400_000;

fn zoned(ms: i64, zone: &str) -> Zoned {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone)
}

/// The window that holds `at`, which lies within the campaign: `[from, until)`.
pub(super) fn window(starts_at: i64, ends_at: i64, days: u32, zone: &str, at: i64) -> (i64, i64) {
    let first = zoned(starts_at, zone);
    let start = |number: i64| {
        let span = Span::new().try_days(number * i64::from(days)).unwrap_or_default();
        first.checked_add(span).map_or(i64::MAX, |start| start.timestamp().as_millisecond())
    };
    let mut number = 0;
    while start(number + 1) <= at {
        number += 1;
    }
    (start(number), start(number + 1).min(ends_at))
}

/// The first instant at which a payment can no longer be cancelled: 00:15 of the next day in the zone.
pub fn cancel_until(paid_at: i64, zone: &str) -> i64 {
    let next = zoned(paid_at, zone).date().tomorrow();
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let midnight = next.and_then(|day| day.to_zoned(zone));
    midnight.map_or(paid_at, |start| start.timestamp().as_millisecond() + 15 * 60_000)
}
