//! The campaign of summer 2018, moved to now: it began yesterday and ends in two months.

use anyhow::{Context, anyhow};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use koi_core::time::Time;
use serde_json::Value;

use crate::cli::campaign::file;

const ORIGINAL: &str = include_str!("../../../../../campaigns/nz-summer-2018.toml");

/// The document that is sent, whose texts say the moved dates too.
pub(super) fn moved_to(now: Time) -> anyhow::Result<Value> {
    let zone = TimeZone::get("Asia/Shanghai")?;
    let now: Zoned = Timestamp::from_millisecond(now.ms())?.to_zoned(zone);
    let start = now.yesterday()?.start_of_day()?;
    let end = start.checked_add(Span::new().months(2))?;
    let last = end.yesterday()?;
    let text = [
        ("2018-07-15T00:00:00+08:00", start.timestamp().to_string()),
        ("2018-09-15T00:00:00+08:00", end.timestamp().to_string()),
        ("15 July 2018", start.strftime("%-d %B %Y").to_string()),
        ("14 September 2018", last.strftime("%-d %B %Y").to_string()),
        ("2018 年 7 月 15 日", start.strftime("%Y 年 %-m 月 %-d 日").to_string()),
        ("2018 年 9 月 14 日", last.strftime("%Y 年 %-m 月 %-d 日").to_string()),
        ("New Zealand, summer 2018", "New Zealand (demo)".to_owned()),
        ("2018 暑期新西兰红包", "新西兰红包（演示）".to_owned()),
    ]
    .iter()
    .fold(ORIGINAL.to_owned(), |text, (from, into)| text.replace(from, into));
    let read =
        file::read(&text, None).map_err(|mistakes| anyhow!("the demo's campaign is wrong: {}", mistakes[0]))?;
    serde_json::to_value(&read.document).context("writing the demo's campaign")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_began_yesterday_and_ends_in_two_months() {
        let document = moved_to(Time::parse("2026-11-22T05:00:00Z").unwrap()).unwrap();
        assert_eq!(document["starts_at"], "2026-11-20T16:00:00.000Z");
        assert_eq!(document["ends_at"], "2027-01-20T16:00:00.000Z");
        for language in ["en", "zh"] {
            let terms = document["terms"][language].as_str().unwrap();
            assert!(!terms.contains("2018"), "{language}");
        }
        assert!(document["terms"]["en"].as_str().unwrap().contains("20 January 2027"));
        assert!(document["terms"]["zh"].as_str().unwrap().contains("2026 年 11 月 21 日"));
    }
}
