//! Tallies of an installation, for people and for machines.

use koi_store::tally::{Tallies, Tally};
use serde_json::{Value, json};

use super::terminal;

/// Characters of a hash that people compare.
const SHOWN: usize = 16;

/// Every table of both sides; one line where they agree, two where they do not.
pub(super) fn compared(source: &Tallies, target: &Tallies) -> String {
    let mut table = terminal::table(["Table", "Rows", "Sum of amounts", "SHA-256"], &[1, 2]);
    for (one, other) in source.0.iter().zip(&target.0) {
        table.add_row(row(one, one.name.to_owned()));
        if one != other {
            table.add_row(row(other, "  in the target".to_owned()));
        }
    }
    terminal::written(&table)
}

fn row(tally: &Tally, name: String) -> [String; 4] {
    let sum: i128 = tally.sums.iter().map(|(_, sum)| sum).sum();
    let sum = if tally.sums.is_empty() { String::new() } else { sum.to_string() };
    [name, tally.rows.to_string(), sum, hex::encode(tally.hash)[..SHOWN].to_owned()]
}

/// All of it. Sums are texts: they may be larger than the numbers that JSON's readers know.
pub(super) fn listed(tallies: &Tallies) -> Value {
    let tables = tallies.0.iter().map(|tally| {
        let sums = tally.sums.iter().map(|(name, sum)| ((*name).to_owned(), Value::String(sum.to_string())));
        json!({
            "name": tally.name,
            "rows": tally.rows,
            "sums": sums.collect::<serde_json::Map<_, _>>(),
            "sha256": hex::encode(tally.hash),
        })
    });
    json!({ "digest": hex::encode(tallies.digest()), "rows": tallies.rows(), "tables": tables.collect::<Vec<_>>() })
}
