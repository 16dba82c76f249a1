//! One value, one text: the JSON Canonicalization Scheme (RFC 8785), for values whose numbers are integers.
//!
//! What is hashed must have one spelling. Members stand in the order of their names' UTF-16 code units, nothing is between
//! tokens, and strings escape only what they must. Numbers are integers within ±(2⁵³ − 1), which every language reads
//! alike; a fraction, an exponent or a larger number is refused, as RFC 7493 (I-JSON) asks.

use serde_json::{Number, Value};

/// The largest integer that every reader of JSON keeps exactly: 2⁵³ − 1.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Why a value or a text has no canonical form, or is not in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// A number with a fraction or an exponent, or beyond ±(2⁵³ − 1).
    #[error("the number {0} is no integer within ±(2^53 - 1)")]
    Number(String),
    /// The text is no JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// The text says the same as the canonical one, in another spelling; or it names a member twice.
    #[error("it is not in its canonical form (RFC 8785): spaces, order, escapes, or a member named twice")]
    Spelling,
}

/// The canonical text of a value.
pub fn text(value: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

/// Reads a text that must be canonical. What was read is what was hashed: another spelling is refused.
pub fn parse(bytes: &[u8]) -> Result<Value, NotCanonical> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| NotCanonical::Json(error.to_string()))?;
    if text(&value)?.as_bytes() == bytes { Ok(value) } else { Err(NotCanonical::Spelling) }
}

fn write(value: &Value, text: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&integer(number)?.to_string()),
        // The writer of JSON that is used here escapes exactly what RFC 8785 wants escaped (section 3.2.2.2).
        Value::String(string) => text.push_str(&Value::String(string.clone()).to_string()),
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                separate(place, text);
                write(value, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            text.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                separate(place, text);
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                write(value, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn separate(place: usize, text: &mut String) {
    if place > 0 {
        text.push(',');
    }
}

fn integer(number: &Number) -> Result<i64, NotCanonical> {
    number
        .as_i64()
        .filter(|value| (-INTEGER_MAX..=INTEGER_MAX).contains(value))
        .ok_or_else(|| NotCanonical::Number(number.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_by_utf_16_and_strings_escape_what_they_must() {
        // RFC 8785, sections 3.2.2 and 3.2.3: the order of its sorting example, and the escapes of its first one.
        let sorted = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let text_of = text(&sorted).unwrap();
        let places: Vec<usize> = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"]
            .iter()
            .map(|word| text_of.find(word).unwrap())
            .collect();
        assert!(places.is_sorted(), "{text_of}");
        let string = json!({"string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/"});
        assert_eq!(text(&string).unwrap(), "{\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
        let literals = json!({"literals": [null, true, false], "numbers": [0, -1, INTEGER_MAX]});
        let expected = r#"{"literals":[null,true,false],"numbers":[0,-1,9007199254740991]}"#;
        assert_eq!(text(&literals).unwrap(), expected);
    }

    #[test]
    fn another_spelling_is_refused() {
        for (bytes, refusal) in [
            (r#"{"a":1,"b":2}"#, None),
            (r#"{"b":2,"a":1}"#, Some(NotCanonical::Spelling)),
            (r#"{"a":1, "b":2}"#, Some(NotCanonical::Spelling)),
            (r#"{"a":1,"a":1}"#, Some(NotCanonical::Spelling)),
            (r#"{"a":"\u0041"}"#, Some(NotCanonical::Spelling)),
            (r#"{"a":-0}"#, Some(NotCanonical::Number("-0.0".into()))),
            (r#"{"a":1.0}"#, Some(NotCanonical::Number("1.0".into()))),
            (r#"{"a":9007199254740992}"#, Some(NotCanonical::Number("9007199254740992".into()))),
        ] {
            assert_eq!(parse(bytes.as_bytes()).err(), refusal, "{bytes}");
        }
        assert!(matches!(parse(b"{"), Err(NotCanonical::Json(_))));
        assert!(matches!(parse(b"\xff"), Err(NotCanonical::Json(_))));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-INTEGER_MAX..=INTEGER_MAX).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let text = text(&value).unwrap();
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), value);
        }
    }
}
