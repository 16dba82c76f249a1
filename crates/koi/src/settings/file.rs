//! The settings file: TOML, flat, with the names of the table.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::load::Wrong;
use super::suggest::closest;
use super::table::{SETTINGS, setting};

/// A setting as the file says it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    /// The line of the file, from 1.
    pub(crate) line: usize,
}

/// The line of a place in a text, from 1.
pub(crate) fn line_of(text: &str, place: usize) -> usize {
    text.as_bytes()[..place.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Reads a file's text. All that is wrong with it is said at once.
pub(crate) fn read(path: &Path, text: &str) -> Result<Vec<Line>, Vec<Wrong>> {
    let place = |line: usize| format!("{}:{line}", path.display());
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        vec![Wrong { place: place(line), why: format!("this is not TOML: {}", error.message()), meant: None }]
    })?;
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for (key, value) in table.get_ref() {
        let line = line_of(text, key.span().start);
        let name = key.get_ref().as_ref();
        let Some(setting) = setting(name).filter(|setting| setting.in_file) else {
            let names = SETTINGS.iter().filter(|setting| setting.in_file).map(|setting| setting.name);
            let meant = closest(name, names).map(str::to_owned);
            wrong.push(Wrong { place: place(line), why: format!("there is no setting `{name}`"), meant });
            continue;
        };
        match value.get_ref() {
            DeValue::String(text) => lines.push(Line { name: setting.name, text: text.to_string(), line }),
            DeValue::Integer(number) => {
                lines.push(Line { name: setting.name, text: number.to_string(), line });
            }
            DeValue::Boolean(value) => lines.push(Line { name: setting.name, text: value.to_string(), line }),
            DeValue::Datetime(time) => lines.push(Line { name: setting.name, text: time.to_string(), line }),
            other => wrong.push(Wrong {
                place: place(line),
                why: format!("{name} must be a text, a whole number or true or false, not {}", other.type_str()),
                meant: None,
            }),
        }
    }
    if wrong.is_empty() { Ok(lines) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, expected: &[&str]| {
            let said = match read(Path::new("koi.toml"), text) {
                Ok(lines) => lines.iter().map(|line| format!("{}={}", line.name, line.text)).collect(),
                Err(wrong) => wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
            };
            assert_eq!(said, expected, "{text}");
        };
        check("sandbox = true\nquote_valid_seconds = 60\n", &["quote_valid_seconds=60", "sandbox=true"]);
        check("clock = 2018-07-14T15:00:00Z", &["clock=2018-07-14T15:00:00Z"]);
        check("\nlisten_ = \"x\"", &["koi.toml:2: there is no setting `listen_`; did you mean `listen`?"]);
        check("[server]\nlisten = \"x\"", &["koi.toml:1: there is no setting `server`"]);
        check("config = \"x\"", &["koi.toml:1: there is no setting `config`"]);
        check("data = [\"a\"]", &["koi.toml:1: data must be a text, a whole number or true or false, not array"]);
    }

    #[test]
    fn what_is_not_toml_is_named_with_its_line() {
        let wrong = read(Path::new("koi.toml"), "data = \"a\"\nlisten = \n").unwrap_err();
        assert!(wrong[0].to_string().starts_with("koi.toml:2: this is not TOML: "), "{}", wrong[0]);
    }
}
