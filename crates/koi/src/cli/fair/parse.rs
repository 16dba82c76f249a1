//! Arguments of the functions of luck: bytes in hex, tiers, times.

use jiff::Timestamp;
use koi_fair::packet::Tier;

/// 32 bytes in hex, of upper or lower case.
pub(super) fn bytes(text: &str) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return Err(format!(
            "it has {} characters: write 32 bytes as 64 hexadecimal digits",
            text.chars().count()
        ));
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "write 64 hexadecimal digits: 0-9 and a-f".to_owned())?;
    Ok(bytes)
}

/// A tier, as `FACExCOUNT`.
pub(super) fn tier(text: &str) -> Result<Tier, String> {
    let number =
        |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let numbers = text.split_once('x').and_then(|(face, count)| Some((number(face)?, number(count)?)));
    let (face, count) = numbers.ok_or(
        "write tiers as FACExCOUNT with commas between them, in the table's order: 288800x1,8800x3,888x16",
    )?;
    Ok(Tier { face, count })
}

/// A time of RFC 3339, in milliseconds since the epoch, rounded up: a round must not lie before it.
pub(super) fn time_ms(text: &str) -> Result<i64, String> {
    let time: Timestamp = text
        .parse()
        .map_err(|_| "write a time of RFC 3339 with its offset: 2026-11-11T20:00:00+08:00".to_owned())?;
    let nanoseconds = time.as_nanosecond();
    let ms = nanoseconds.div_euclid(1_000_000) + i128::from(nanoseconds.rem_euclid(1_000_000) > 0);
    i64::try_from(ms).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_exactly_their_length() {
        assert_eq!(bytes(&"0a".repeat(32)), Ok([10; 32]));
        assert_eq!(bytes(&"0A".repeat(32)), Ok([10; 32]));
        for wrong in [String::new(), "0a".repeat(31), "0a".repeat(33), "0a".repeat(31) + "0g", "é".repeat(32)] {
            assert!(bytes(&wrong).is_err_and(|why| why.contains("64 hexadecimal digits")), "{wrong}");
        }
    }

    #[test]
    fn tiers_are_two_numbers() {
        assert_eq!(tier("888x16"), Ok(Tier { face: 888, count: 16 }));
        for wrong in
            ["", "888", "x", "888x", "x16", "888x16x2", "+888x16", "888X16", "88,8x16", "99999999999999999999x1"]
        {
            assert!(tier(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_rounded_up_to_the_millisecond() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00.001Z", Some(1)),
            ("1970-01-01T00:00:00.000000001Z", Some(1)),
            ("1969-12-31T23:59:59.9999Z", Some(0)),
            ("1970-01-01T08:00:01+08:00", Some(1000)),
            ("1970-01-01T00:00:00", None),
            ("tomorrow", None),
        ] {
            assert_eq!(time_ms(text).ok(), ms, "{text}");
        }
    }
}
