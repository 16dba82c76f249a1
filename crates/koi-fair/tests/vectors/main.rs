//! The vectors that all verifiers share, whatever language they are in (`verify/vectors`).
//!
//! They are made by a script that shares no code with this crate, and by what others have published.

mod beacon;
mod draw;
mod packet;

use serde_json::Value;

/// The vectors of a file.
fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The entries of a list, which is not empty.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value[name].as_array().unwrap_or_else(|| panic!("no list {name}"));
    assert!(!list.is_empty(), "{name} is empty");
    list
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{value}: no text {name}"))
}

/// A number that is written as a text.
fn number<N: std::str::FromStr>(value: &Value, name: &str) -> N {
    let number = text(value, name).parse().ok();
    number.unwrap_or_else(|| panic!("{value}: {name} is no number"))
}

/// Numbers that are written as texts; the list may be empty.
fn numbers(value: &Value, name: &str) -> Vec<u64> {
    value[name].as_array().unwrap().iter().map(|number| number.as_str().unwrap().parse().unwrap()).collect()
}

fn bytes<const N: usize>(value: &Value, name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(text(value, name), &mut bytes).unwrap();
    bytes
}
