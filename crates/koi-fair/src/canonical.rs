//! The one text of a JSON document, so that it has one hash (RFC 8785, for documents without fractions).
//!
//! Names are sorted by their UTF-16 code units, nothing stands between the tokens, texts are escaped only where they
//! must be. Numbers are whole and below 2⁵³, which every reader of JSON has exactly: money and odds are
//! integers, and larger numbers are texts.

use std::fmt::Write;

use serde_json::{Number, Value};
use thiserror::Error;

/// The largest number, and its negative the smallest: 2⁵³ − 1 (RFC 7493, 2.2).
pub const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Why a document has no canonical text here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotCanonical {
    /// A fraction, an exponent or too many digits.
    #[error("the number {0} is not a whole one of at most 2^53 - 1: write it as a text")]
    Number(String),
    /// Not JSON at all.
    #[error("it is not JSON: {0}")]
    Unreadable(String),
    /// JSON in another text than the canonical one.
    #[error(
        "it is JSON, but not in canonical form (RFC 8785): spaces, the order of names or escapes differ, or a name stands twice"
    )]
    Otherwise,
}

/// The canonical text of a document.
///
/// # Errors
///
/// [`NotCanonical::Number`].
///
/// ```
/// use koi_fair::canonical;
/// use serde_json::json;
///
/// let text = canonical::text(&json!({ "winners": 1, "draw": "spring", "at": [true, null, "é\n"] }))?;
/// assert_eq!(text, r#"{"at":[true,null,"é\n"],"draw":"spring","winners":1}"#);
/// # Ok::<(), canonical::NotCanonical>(())
/// ```
pub fn text(document: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write(&mut text, document)?;
    Ok(text)
}

/// Reads a document that must stand in its canonical text.
///
/// # Errors
///
/// Every [`NotCanonical`].
pub fn read(text: &str) -> Result<Value, NotCanonical> {
    let document: Value = serde_json::from_str(text).map_err(|why| NotCanonical::Unreadable(why.to_string()))?;
    if self::text(&document)? != text {
        return Err(NotCanonical::Otherwise);
    }
    Ok(document)
}

fn write(text: &mut String, value: &Value) -> Result<(), NotCanonical> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => text.push_str(&whole(number)?.to_string()),
        Value::String(string) => quoted(text, string),
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(text, value)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                quoted(text, name);
                text.push(':');
                write(text, value)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn whole(number: &Number) -> Result<i64, NotCanonical> {
    let whole = number.as_i64().filter(|number| (-NUMBER_MAX..=NUMBER_MAX).contains(number));
    whole.ok_or_else(|| NotCanonical::Number(number.to_string()))
}

/// A text in quotes: only quotes, backslashes and control characters are escaped (RFC 8785, 3.2.2.2).
fn quoted(text: &mut String, string: &str) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            // Writing to a text does not fail.
            '\0'..='\u{1f}' => _ = write!(text, "\\u{:04x}", u32::from(letter)),
            _ => text.push(letter),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_sorted_as_rfc_8785_has_it() {
        // The example of RFC 8785, 3.2.3, in the order that it gives.
        let sorted = ["\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"];
        let members = sorted.iter().rev().map(|name| ((*name).to_owned(), json!(1)));
        let text = text(&Value::Object(members.collect())).unwrap();
        let names: Vec<&str> =
            text.split([',', '{', '}']).filter_map(|member| member.strip_suffix(":1")).collect();
        assert_eq!(names, ["\"\\r\"", "\"1\"", "\"\u{80}\"", "\"ö\"", "\"€\"", "\"😀\"", "\"\u{fb33}\""]);
    }

    #[test]
    fn texts_are_escaped_as_rfc_8785_has_it() {
        // The string of the example of RFC 8785, 3.2.2, and every control character.
        let string = "\u{20ac}$\u{f}\nA'B\"\\\\\"/";
        assert_eq!(text(&json!(string)).unwrap(), r#""€$\u000f\nA'B\"\\\\\"/""#);
        for letter in (0..0x20_u8).map(char::from) {
            assert_eq!(text(&json!(letter)).unwrap(), serde_json::to_string(&letter).unwrap());
        }
    }

    #[test]
    fn numbers_are_whole_and_exact_for_everybody() {
        for (value, fine) in [
            (json!(0), true),
            (json!(NUMBER_MAX), true),
            (json!(-NUMBER_MAX), true),
            (json!(NUMBER_MAX + 1), false),
            (json!(u64::MAX), false),
            (json!(1.5), false),
            (json!([{ "a": 1e3 }]), false),
        ] {
            assert_eq!(text(&value).is_ok(), fine, "{value}");
        }
    }

    #[test]
    fn other_texts_of_the_same_document_are_refused() {
        assert_eq!(read(r#"{"a":1,"b":[]}"#), Ok(json!({ "a": 1, "b": [] })));
        for other in [
            r#"{"a":1, "b":[]}"#,
            r#"{"b":[],"a":1}"#,
            r#"{"a":1,"a":1,"b":[]}"#,
            r#"{"a":1,"\u0062":[]}"#,
            r#"{"a":-0,"b":[]}"#,
            "{\"a\":1,\"b\":[]}\n",
        ] {
            assert!(matches!(read(other), Err(NotCanonical::Otherwise | NotCanonical::Number(_))), "{other}");
        }
        assert!(matches!(read("{"), Err(NotCanonical::Unreadable(_))));
    }
}
