//! What two installations are compared by: of each table the number of rows, the sums of its amounts, and a hash over
//! all of its rows; and one digest over the whole.
//!
//! ```text
//! table   SHA-256( "koi/table/v1\n" ‖ name ‖ "\n" ‖ columns, separated by spaces ‖ "\n" ‖ rows in the order of their keys )
//! digest  SHA-256( "koi/digest/v1\n" ‖ for each table in its order: name ‖ "\n" ‖ the table's hash )
//! ```
//! A row is its values one after the other, each a byte that says what it is, and:
//!
//! | value       | byte | then                                                            |
//! |-------------|------|-----------------------------------------------------------------|
//! | nothing     | 0    |                                                                 |
//! | a number    | 1    | its 8 bytes, the first one first                                |
//! | a text      | 2    | the number of its bytes in 8 bytes, its bytes in UTF-8          |
//! | bytes       | 3    | their number in 8 bytes, the bytes                              |
//! | numbers     | 4    | how many they are in 8 bytes, then 8 bytes each                 |
//!
//! Both are written down in `docs/digest.md`: whoever reads the rows by other means comes to the same.

use sha2::{Digest as _, Sha256};

use crate::error::{StoreError, damaged};
use crate::installation::Reader;
use crate::sheet::{Kind, SHEETS, Sheet, Value};

const TABLE: &[u8] = b"koi/table/v1\n";
const WHOLE: &[u8] = b"koi/digest/v1\n";
/// Bytes that are gathered before they are hashed.
const CHUNK: usize = 1 << 16;
/// Rows between two reports of progress.
const REPORT: u64 = 4096;

/// A table in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The table.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// The sum of each of its columns of amounts, whatever their currencies.
    pub sums: Vec<(&'static str, i128)>,
    /// The hash of its rows.
    pub hash: [u8; 32],
}

/// An installation in numbers: all of its tables, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tallies(pub Vec<Tally>);

impl Tallies {
    /// The digest over everything.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new().chain_update(WHOLE);
        for tally in &self.0 {
            hash.update(tally.name);
            hash.update(b"\n");
            hash.update(tally.hash);
        }
        hash.finalize().into()
    }

    /// How many rows there are in all.
    pub fn rows(&self) -> u64 {
        self.0.iter().map(|tally| tally.rows).sum()
    }

    /// The tables that differ.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(one, other)| one != other).map(|(one, _)| one.name).collect()
    }
}

/// Tallies everything, on one state of the installation. `progress` is told the table, and how many rows were read so far.
pub fn tallies(reader: &Reader, progress: &dyn Fn(&'static str, u64)) -> Result<Tallies, StoreError> {
    reader.at_one_moment(|| of_moment(reader, progress))
}

/// The same within a moment that was begun.
pub(crate) fn of_moment(reader: &Reader, progress: &dyn Fn(&'static str, u64)) -> Result<Tallies, StoreError> {
    let mut seen = 0;
    let mut tallies = Vec::with_capacity(SHEETS.len());
    for sheet in &SHEETS {
        progress(sheet.name, seen);
        let mut adding = Adding::new(sheet);
        reader.for_each_row(sheet, &mut |row| {
            seen += 1;
            if seen.is_multiple_of(REPORT) {
                progress(sheet.name, seen);
            }
            adding.add(row)
        })?;
        tallies.push(adding.finish());
    }
    Ok(Tallies(tallies))
}

/// A tally that is being made.
struct Adding {
    sheet: &'static Sheet,
    rows: u64,
    sums: Vec<i128>,
    hash: Sha256,
    /// What is not hashed yet.
    bytes: Vec<u8>,
}

impl Adding {
    fn new(sheet: &'static Sheet) -> Self {
        let columns: Vec<&str> = sheet.columns.iter().map(|column| column.name).collect();
        let heading = format!("{}\n{}\n", sheet.name, columns.join(" "));
        let hash = Sha256::new().chain_update(TABLE).chain_update(heading);
        Self { sheet, rows: 0, sums: vec![0; columns.len()], hash, bytes: Vec::with_capacity(2 * CHUNK) }
    }

    fn add(&mut self, row: &[Value]) -> Result<(), StoreError> {
        if row.len() != self.sheet.columns.len() {
            return Err(damaged("the number of a row's columns"));
        }
        for (value, sum) in row.iter().zip(&mut self.sums) {
            write(&mut self.bytes, value);
            *sum = sum.wrapping_add(worth(value));
        }
        self.rows += 1;
        if self.bytes.len() >= CHUNK {
            self.hash.update(&self.bytes);
            self.bytes.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Tally {
        self.hash.update(&self.bytes);
        let columns = self.sheet.columns.iter().zip(&self.sums);
        let amounts = columns.filter(|(column, _)| matches!(column.kind, Kind::Amount | Kind::Amounts));
        let sums = amounts.map(|(column, sum)| (column.name, *sum)).collect();
        Tally { name: self.sheet.name, rows: self.rows, sums, hash: self.hash.finalize().into() }
    }
}

/// What a value adds to the sum of its column.
fn worth(value: &Value) -> i128 {
    match value {
        Value::Number(number) => i128::from(*number),
        Value::Numbers(numbers) => numbers.iter().map(|number| i128::from(*number)).sum(),
        Value::Nothing | Value::Text(_) | Value::Bytes(_) => 0,
    }
}

/// A value as it is hashed.
fn write(bytes: &mut Vec<u8>, value: &Value) {
    let list = |bytes: &mut Vec<u8>, kind: u8, length: usize| {
        bytes.push(kind);
        bytes.extend((length as u64).to_be_bytes());
    };
    match value {
        Value::Nothing => bytes.push(0),
        Value::Number(number) => {
            bytes.push(1);
            bytes.extend(number.to_be_bytes());
        }
        Value::Text(text) => {
            list(bytes, 2, text.len());
            bytes.extend(text.as_bytes());
        }
        Value::Bytes(content) => {
            list(bytes, 3, content.len());
            bytes.extend(*content);
        }
        Value::Numbers(numbers) => {
            list(bytes, 4, numbers.len());
            numbers.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(row: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        row.iter().for_each(|value| write(&mut bytes, value));
        bytes
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    #[test]
    fn a_value_is_hashed_as_the_page_says() {
        let number = |number: u8| [0, 0, 0, 0, 0, 0, 0, number];
        for (value, expected) in [
            (Value::Nothing, vec![0]),
            (Value::Number(7), [&[1][..], &number(7)].concat()),
            (Value::Number(-1), vec![1, 255, 255, 255, 255, 255, 255, 255, 255]),
            (text("红"), [&[2][..], &number(3), "红".as_bytes()].concat()),
            (Value::Bytes(&[9, 8]), [&[3][..], &number(2), &[9, 8]].concat()),
            (Value::Numbers(vec![1, 2]), [&[4][..], &number(2), &number(1), &number(2)].concat()),
        ] {
            assert_eq!(written(std::slice::from_ref(&value)), expected, "{value:?}");
        }
    }

    #[test]
    fn no_two_rows_are_hashed_alike() {
        let rows = [
            vec![Value::Nothing, text("")],
            vec![text(""), Value::Nothing],
            vec![text("a"), text("bc")],
            vec![text("ab"), text("c")],
            vec![Value::Bytes(b"ab"), text("c")],
            vec![Value::Number(0), Value::Nothing],
            vec![Value::Numbers(vec![]), Value::Nothing],
            vec![Value::Numbers(vec![0]), Value::Nothing],
        ];
        let mut all: Vec<Vec<u8>> = rows.iter().map(|row| written(row)).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), rows.len());
    }

    /// Fixed for ever: digests that were written down stay comparable.
    #[test]
    fn the_digest_of_a_row_is_what_it_was() {
        let sheet = &SHEETS[0];
        let mut adding = Adding::new(sheet);
        adding.add(&[text("mode"), text("live")]).unwrap();
        let tally = adding.finish();
        let hash: String = tally.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((sheet.name, tally.rows, tally.sums), ("meta", 1, vec![]));
        assert_eq!(hash, FIRST);
        assert!(Adding::new(sheet).add(&[]).is_err());
    }

    const FIRST: &str = "051ce5b9f8a498963d5dd9498ac9bd3378f4a080e7ec52e33ffc8361fd96bdd1";
}
