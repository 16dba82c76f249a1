//! Instants and calendars. Core never reads a clock: every function takes `now`.
//!
//! Windows are half-open everywhere: `[from, until)`.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// One day in milliseconds; a coupon's days are 24 hours each, whatever the calendar says.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Time {
    /// The first instant accepted from outside: 2000-01-01T00:00:00Z.
    pub const EARLIEST: Time = Time(946_684_800_000);
    /// The first instant no longer accepted from outside: 2200-01-01T00:00:00Z.
    pub const LATEST: Time = Time(7_258_118_400_000);

    /// The instant of so many milliseconds since the epoch.
    pub const fn of_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with an offset, between [`Time::EARLIEST`] and [`Time::LATEST`]. Digits beyond the
    /// millisecond are cut off.
    pub fn parse(text: &str) -> Option<Self> {
        if !is_rfc_3339(text) {
            return None;
        }
        let instant: Timestamp = text.parse().ok()?;
        let time = Self(instant.as_millisecond());
        (time >= Self::EARLIEST && time < Self::LATEST).then_some(time)
    }

    /// This instant and so many milliseconds.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant, as far as they can be counted: a damaged time stops no check.
    pub fn since_ms(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    fn zoned(self, zone: &Zone) -> Zoned {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.0.clone())
    }

    fn of_zoned(zoned: &Zoned) -> Self {
        Self(zoned.timestamp().as_millisecond())
    }
}

/// Whether a text has the form `date-time` of RFC 3339, section 5.6. Whether there is such a day is looked at
/// elsewhere; the parser there also knows forms of ISO 8601 and RFC 9557 that the contract does not.
fn is_rfc_3339(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let Some((start, rest)) = bytes.split_at_checked(SHAPE.len()) else { return false };
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't'),
        _ => byte == shape,
    };
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let offset = match rest.first() {
        Some(b'.') if digits > 0 => &rest[1 + digits..],
        Some(b'.') | None => return false,
        Some(_) => rest,
    };
    let is_offset = match offset {
        b"Z" | b"z" => true,
        [b'+' | b'-', hours @ .., b':', ten, one] => {
            matches!(hours, [b'0' | b'1', b'0'..=b'9'] | [b'2', b'0'..=b'3'])
                && matches!((ten, one), (b'0'..=b'5', b'0'..=b'9'))
        }
        _ => false,
    };
    start.iter().zip(SHAPE).all(fits) && is_offset
}

/// RFC 3339 in UTC with milliseconds: `2018-07-14T16:00:00.000Z`.
impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let instant = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(f, "{instant:.3}")
    }
}

/// A time zone of the IANA database, which is compiled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of a name such as `Asia/Shanghai`.
    pub fn parse(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some()).map(Self)
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("Etc/UTC")
    }

    /// The instant as people of the zone write it: `2018-07-15 00:00:00 +08:00`.
    pub fn write(&self, time: Time) -> String {
        time.zoned(self).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }
}

/// The starts of the windows of `days` calendar days from `start` in `zone`, and the end. The last
/// window is cut short by the end; none is shorter than a day, or there would be no end of them. Daylight saving moves no window: each starts at the local time of day of the first.
pub fn windows(start: Time, end: Time, days: u32, zone: &Zone) -> Vec<Time> {
    let first = start.zoned(zone);
    let mut starts = Vec::new();
    for number in 0_i64.. {
        let next = Span::new()
            .try_days(number * i64::from(days.max(1)))
            .and_then(|span| first.checked_add(span))
            .map_or(end, |zoned| Time::of_zoned(&zoned));
        if next >= end {
            break;
        }
        starts.push(next);
    }
    starts.push(end);
    starts
}

/// The instant until which a payment made at `paid` can be cancelled: `minutes` past midnight at the
/// start of the next day in the settlement zone.
pub fn next_day(paid: Time, minutes: i64, zone: &Zone) -> Time {
    paid.zoned(zone)
        .tomorrow()
        .and_then(|day| day.start_of_day())
        .map_or(paid, |day| Time::of_zoned(&day).plus_ms(minutes * 60_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn times_come_in_with_any_offset_and_go_out_in_utc() {
        assert_eq!(at("2018-07-15T00:00:00+08:00").to_string(), "2018-07-14T16:00:00.000Z");
        assert_eq!(at("2018-07-14T15:59:59.9999Z").to_string(), "2018-07-14T15:59:59.999Z");
        for wrong in
            ["2018-07-15", "2018-07-15T00:00:00", "1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "now", ""]
        {
            assert_eq!(Time::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_form_of_rfc_3339_is_read() {
        let expected = at("2018-07-14T16:00:00.000Z");
        for right in [
            "2018-07-14T16:00:00Z",
            "2018-07-14t16:00:00z",
            "2018-07-14T16:00:00.0Z",
            "2018-07-14T16:00:00.000000000Z",
            "2018-07-14T16:00:00-00:00",
            "2018-07-15T15:59:00+23:59",
        ] {
            assert_eq!(Time::parse(right), Some(expected), "{right}");
        }
        for wrong in [
            "20180714T160000Z",
            "2018-07-14T16Z",
            "2018-07-14T16:00Z",
            "2018-07-14 16:00:00Z",
            "2018-07-14T16:00:00,5Z",
            "2018-07-14T16:00:00.Z",
            "2018-07-14T16:00:00.5",
            "2018-07-14T16:00:00+08",
            "2018-07-14T16:00:00+0800",
            "2018-07-14T16:00:00+08:00:30",
            "2018-07-14T16:00:00+24:00",
            "2018-07-14T16:00:00+08:60",
            "2018-07-14T16:00:00+8:00",
            "2018-07-14T16:00:00Z[Asia/Shanghai]",
            "2018-07-14T16:00:00Z[u-ca=hebrew]",
            "+002018-07-14T16:00:00Z",
            "2018-02-30T16:00:00Z",
            "2018-07-14T24:00:00Z",
            "2018-07-14T16:00:00Z ",
            "２018-07-14T16:00:00Z",
        ] {
            assert_eq!(Time::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn windows_are_half_open_and_the_last_is_cut_short() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        let starts = windows(at("2018-07-15T00:00:00+08:00"), at("2018-09-15T00:00:00+08:00"), 30, &zone);
        let expected = ["2018-07-15", "2018-08-14", "2018-09-13", "2018-09-15"]
            .map(|day| at(&format!("{day}T00:00:00+08:00")));
        assert_eq!(starts, expected);
    }

    #[test]
    fn a_window_that_ends_with_the_campaign_is_not_followed_by_an_empty_one() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        let starts = windows(at("2018-07-15T00:00:00+08:00"), at("2018-08-14T00:00:00+08:00"), 30, &zone);
        assert_eq!(starts.len(), 2);
    }

    #[test]
    fn daylight_saving_moves_no_window() {
        let zone = Zone::parse("Pacific/Auckland").unwrap();
        let starts = windows(at("2018-09-15T09:00:00+12:00"), at("2018-11-15T09:00:00+13:00"), 30, &zone);
        assert_eq!(starts[1], at("2018-10-15T09:00:00+13:00"));
    }

    #[test]
    fn a_cancel_is_allowed_until_a_quarter_past_midnight() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        for (paid, expected) in [
            ("2018-07-19T22:15:00Z", "2018-07-20T16:15:00Z"),
            ("2018-07-20T15:59:59.999Z", "2018-07-20T16:15:00Z"),
            ("2018-07-20T16:00:00Z", "2018-07-21T16:15:00Z"),
        ] {
            assert_eq!(next_day(at(paid), 15, &zone), at(expected), "{paid}");
        }
    }

    #[test]
    fn zones_are_named() {
        assert_eq!(Zone::parse("Asia/Shanghai").unwrap().name(), "Asia/Shanghai");
        assert!(Zone::parse("Mars/Olympus").is_none());
        assert!(Zone::parse("").is_none());
        assert_eq!(
            Zone::parse("Asia/Shanghai").unwrap().write(at("2018-07-14T16:00:00Z")),
            "2018-07-15 00:00:00 +08:00"
        );
    }
}
