//! Reads a campaign from TOML, and names what is wrong with it by line and field.
//!
//! The TOML becomes the very JSON that the API takes, with the line of every value beside it. So the file is read by
//! the same types and checked by the same rules as a request, and their JSON pointers lead back to lines.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use koi_core::money::Currency;
use koi_core::rules::{Rules, Why};
use serde_json::{Map, Number, Value};
use serde_path_to_error::Segment;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::CampaignDocument;
use crate::fields::LANGUAGES;
use crate::settings::file::line_of;
use crate::settings::suggest::closest;

/// A campaign that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// What the file says, in the API's form.
    pub(crate) document: CampaignDocument,
    /// The rules that it states.
    pub(crate) rules: Rules,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The field, such as `packets.0.face`; empty for the file as a whole.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => write!(f, "{}: {}", self.line, self.why),
            field => write!(f, "{}: {field} {}", self.line, self.why),
        }
    }
}

/// Reads a campaign's file and checks its rules; `wallet` is the server's currency, if it is known. Mistakes are
/// printed by the caller.
pub(crate) fn open(path: &Path, wallet: Option<Currency>) -> anyhow::Result<Result<Read, Vec<Mistake>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(read(&text, wallet))
}

/// Says what is wrong with a file, one line each: `FILE:LINE: FIELD WHY`.
pub(crate) fn say(path: &Path, mistakes: &[Mistake]) {
    for mistake in mistakes {
        eprintln!("{}:{mistake}", path.display());
    }
}

/// Reads a campaign's text and checks its rules.
pub(crate) fn read(text: &str, wallet: Option<Currency>) -> Result<Read, Vec<Mistake>> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        vec![Mistake { line, field: String::new(), why: format!("this is not TOML: {}", error.message()) }]
    })?;
    let mut lines = Lines { text, known: Vec::new() };
    let json = lines.table(table.get_ref(), "");
    let document: CampaignDocument = serde_path_to_error::deserialize(&json).map_err(|error| {
        let said = error.inner().to_string();
        vec![lines.mistake(&pointer(error.path().iter(), &said), reworded(&said))]
    })?;
    let rules = document.rules();
    let wrong = rules.check(wallet.unwrap_or(rules.currency));
    if wrong.is_empty() {
        return Ok(Read { document, rules });
    }
    Err(wrong.into_iter().map(|wrong| lines.mistake(&wrong.pointer, why(&wrong.why))).collect())
}

/// The lines of all values, by their JSON pointers.
struct Lines<'a> {
    text: &'a str,
    known: Vec<(String, usize)>,
}

impl Lines<'_> {
    fn table(&mut self, table: &DeTable, pointer: &str) -> Value {
        let mut map = Map::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let pointer = format!("{pointer}/{name}");
            self.known.push((pointer.clone(), line_of(self.text, key.span().start)));
            map.insert(name.to_owned(), self.value(value, &pointer));
        }
        Value::Object(map)
    }

    fn value(&mut self, value: &Spanned<DeValue>, pointer: &str) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Number(number.into()),
                // As a text it is refused, with its digits in the message.
                Err(_) => Value::String(number.to_string()),
            },
            // Refused as well: money is never a float. Infinity has no form in JSON.
            DeValue::Float(number) => {
                let number = number.as_str().parse().ok().and_then(Number::from_f64);
                number.map_or(Value::Null, Value::Number)
            }
            DeValue::Table(table) => self.table(table, pointer),
            DeValue::Array(array) => {
                let mut values = Vec::new();
                for (place, value) in array.iter().enumerate() {
                    let pointer = format!("{pointer}/{place}");
                    self.known.push((pointer.clone(), line_of(self.text, value.span().start)));
                    values.push(self.value(value, &pointer));
                }
                Value::Array(values)
            }
        }
    }

    /// A mistake at a pointer; what is not there is looked for where it belongs.
    fn mistake(&self, pointer: &str, why: String) -> Mistake {
        let mut place = pointer;
        let line = loop {
            if let Some((_, line)) = self.known.iter().find(|(known, _)| known == place) {
                break *line;
            }
            match place.rsplit_once('/') {
                Some((parent, _)) => place = parent,
                None => break 1,
            }
        };
        Mistake { line, field: pointer.trim_start_matches('/').replace('/', "."), why }
    }
}

/// The JSON pointer of a place. A missing or unknown field is one step further than its table.
fn pointer<'a>(path: impl Iterator<Item = &'a Segment>, said: &str) -> String {
    let mut steps: Vec<String> = path
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    let named = ["missing field `", "unknown field `"].iter().find_map(|start| said.strip_prefix(start));
    if let Some(field) = named.and_then(|rest| rest.split('`').next())
        && steps.last().map(String::as_str) != Some(field)
    {
        steps.push(field.to_owned());
    }
    steps.iter().map(|step| format!("/{step}")).collect()
}

/// What serde says, in words for people.
fn reworded(said: &str) -> String {
    let said = said.split(LANGUAGES).next().unwrap_or(said);
    if said.starts_with("missing field") {
        return "is missing".to_owned();
    }
    if let Some(rest) = said.strip_prefix("unknown field `") {
        let mut names = rest.split('`').step_by(2);
        let name = names.next().unwrap_or_default();
        let expected: Vec<&str> = rest.split('`').skip(2).step_by(2).collect();
        return match closest(name, expected) {
            Some(meant) => format!("is no field here; did you mean `{meant}`?"),
            None => "is no field here".to_owned(),
        };
    }
    let found = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    if let Some((found, expected)) = found.and_then(|rest| rest.split_once(", expected ")) {
        let expected = match expected {
            "i64" | "u64" | "u32" => "a whole number",
            "a boolean" => "true or false",
            "a sequence" => "a list",
            struct_like if struct_like.starts_with("struct ") => "a table",
            other => other,
        };
        let found = found.replace("floating point", "the number with a fraction");
        return format!("must be {expected}, not {found}");
    }
    said.to_owned()
}

/// What is wrong with a rule.
fn why(why: &Why) -> String {
    match why {
        Why::Missing => "is missing".to_owned(),
        Why::Unknown => "is no field here".to_owned(),
        Why::Form(en, _) => format!("must be {en}"),
        Why::Range { least, most } => format!("must be from {least} to {most}"),
        Why::Length { least, most } => format!("must have from {least} to {most} entries or characters"),
        Why::WalletCurrency(wallet) => format!("must be {wallet}, the wallet currency of the settings"),
        Why::EndBeforeStart => "must be after starts_at".to_owned(),
        Why::Repeated => "is there twice".to_owned(),
        Why::BudgetTooLarge => "sums to more than 2^53 - 1 minor units, or 2^32 - 1 packets".to_owned(),
        Why::Unreadable(said) => said.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../../../../campaigns/nz-summer-2018.toml");

    #[test]
    fn the_original_campaign_needs_a_million_exactly() {
        let read = read(GOOD, Some(Currency::CNY)).unwrap();
        assert_eq!(read.rules.budget(), 100_000_000);
        assert_eq!(read.rules.packet_count(), 100_000);
        let faces: Vec<(i64, bool)> = read.rules.packets.iter().map(|tier| (tier.face, tier.split)).collect();
        assert_eq!(
            faces,
            [(288_800, true), (28_800, false), (8_800, false), (1_888, false), (888, false), (500, false)]
        );
        assert_eq!(read.rules.starts_at.to_string(), "2018-07-14T16:00:00.000Z");
        assert_eq!(read.rules.ends_at.to_string(), "2018-09-14T16:00:00.000Z");
    }

    #[test]
    fn a_mistake_is_named_by_its_line_and_field() {
        let check = |from: &str, into: &str, expected: &str| {
            assert!(GOOD.contains(from), "{from}");
            let text = GOOD.replacen(from, into, 1);
            let mistakes = read(&text, Some(Currency::CNY)).unwrap_err();
            let line = 1 + text.lines().position(|line| !GOOD.lines().any(|other| other == line)).unwrap_or(0);
            let said: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            assert_eq!(said, [expected.replace("LINE", &line.to_string())], "{into}");
        };
        check(
            "face = 8_800",
            "face = 88.00",
            "LINE: packets.2.face must be a whole number, not the number with a \
              fraction `88.0`",
        );
        check("face = 8_800", "fase = 8_800", "LINE: packets.2.fase is no field here; did you mean `face`?");
        check("face = 8_800", "face = 0", "LINE: packets.2.face must be from 1 to 9007199254740991");
        check(
            "currency = \"CNY\"",
            "currency = \"NZD\"",
            "LINE: currency must be CNY, the wallet currency of the \
              settings",
        );
        check(
            "threshold = \"exceeds\"",
            "threshold = \"above\"",
            "LINE: coupon.threshold must be \"exceeds\" or \
              \"reaches\"",
        );
        check(
            "verified = true",
            "verified = 1",
            "LINE: eligibility.verified must be true or false, not integer `1`",
        );
        check(
            "time_zone = \"Asia/Shanghai\"",
            "time_zone = \"Asia/Shangai\"",
            "LINE: time_zone must be an IANA \
              time zone, such as \"Pacific/Auckland\"",
        );
        check(
            "kind = \"red_packet\"",
            "kind = red_packet",
            "LINE: this is not TOML: string values must be quoted, \
              expected literal string",
        );
    }

    #[test]
    fn what_is_missing_is_named_where_it_belongs() {
        let text = GOOD.replacen("valid_days = 7\n", "", 1);
        let line = 1 + text.lines().position(|line| line == "[coupon]").unwrap();
        let mistakes = read(&text, None).unwrap_err();
        assert_eq!(mistakes[0].to_string(), format!("{line}: coupon.valid_days is missing"));
    }

    #[test]
    fn several_broken_rules_are_said_at_once() {
        let text =
            GOOD.replacen("per_window = 5", "per_window = 0", 1).replacen("valid_days = 7", "valid_days = 0", 1);
        assert_eq!(read(&text, None).unwrap_err().len(), 2);
    }
}
