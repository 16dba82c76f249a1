//! Tables as they are copied and digested: read in the order of their keys, and written as they were read.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};

use super::table::{cell, meta, slice};
use crate::error::{StoreError, damaged};
use crate::sheet::{Kind, Sheet, Value, split};

/// The rows of a table, one after the other.
pub(super) fn for_each(
    connection: &Connection,
    sheet: &Sheet,
    each: &mut dyn FnMut(&[Value]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&select(sheet))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let columns = sheet.columns.iter().enumerate();
        let values = columns.map(|(place, column)| value(row, place, column.kind));
        each(&values.collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(())
}

fn select(sheet: &Sheet) -> Cow<'static, str> {
    match sheet.name {
        "meta" => meta::SHEET.into(),
        "cell" => cell::SHEET.into(),
        "slice" => slice::SHEET.into(),
        name => {
            let (columns, keys) = (names(sheet, sheet.columns.len()), names(sheet, sheet.keys));
            format!("SELECT {columns} FROM {name} ORDER BY {keys}").into()
        }
    }
}

/// The first columns of a sheet; some have names that mean something in SQL.
fn names(sheet: &Sheet, count: usize) -> String {
    let names: Vec<String> =
        sheet.columns.iter().take(count).map(|column| format!("\"{}\"", column.name)).collect();
    names.join(", ")
}

fn value<'a>(row: &'a Row, place: usize, kind: Kind) -> Result<Value<'a>, StoreError> {
    Ok(match (row.get_ref(place)?, kind) {
        (ValueRef::Null, _) => Value::Nothing,
        (ValueRef::Integer(number), _) => Value::Number(number),
        (ValueRef::Blob(bytes), _) => Value::Bytes(bytes),
        (ValueRef::Text(text), kind) => {
            let text = std::str::from_utf8(text).map_err(|_| damaged("a text"))?;
            match kind {
                Kind::Amounts | Kind::Numbers => Value::Numbers(split(text)?),
                _ => Value::Text(text.into()),
            }
        }
        (ValueRef::Real(_), _) => return Err(damaged("a number")),
    })
}

/// Adds a row that was read from this store or another one.
pub(super) fn insert(connection: &Connection, sheet: &Sheet, row: &[Value]) -> Result<(), StoreError> {
    match (sheet.name, row) {
        ("meta", [Value::Text(name), Value::Text(value)]) => meta::copy(connection, name, value),
        ("slice", [Value::Number(cell), Value::Number(campaign), Value::Number(next), balances, stock]) => {
            let (Value::Numbers(balances), Value::Numbers(stock)) = (balances, stock) else {
                return Err(damaged("a slice's balances"));
            };
            slice::copy(connection, [*cell, *campaign, *next], balances, stock)
        }
        ("meta" | "slice", _) => Err(damaged("a row's columns")),
        (name, row) => {
            let places: Vec<String> = (1..=row.len()).map(|place| format!("?{place}")).collect();
            let names = names(sheet, sheet.columns.len());
            let sql = format!("INSERT INTO {name} ({names}) VALUES ({})", places.join(", "));
            connection.prepare_cached(&sql)?.execute(params_from_iter(row.iter().map(Stored)))?;
            Ok(())
        }
    }
}

struct Stored<'a>(&'a Value<'a>);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self.0 {
            Value::Nothing => ValueRef::Null,
            Value::Number(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Numbers(_) => return Err(rusqlite::Error::ToSqlConversionFailure("a list in a column".into())),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::SHEETS;
    use crate::sqlite::Folder;

    /// Tables that follow from others: which rows a shopper or a key has, written in sorted runs, and how far.
    const INDEXES: [&str; 5] = ["coupon_of_shopper", "quote_of_key", "sorted", "run", "run_last"];
    /// Tables that are part of the sheet of another.
    const PARTS: [&str; 1] = ["stock"];

    /// A table, or a column, that somebody adds is copied and digested, or said here to follow from others.
    #[test]
    fn no_table_and_no_column_is_forgotten() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        drop(folder.serve().unwrap());
        let connection = Connection::open(folder.database()).unwrap();
        let names = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let tables = names("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        let mut known: Vec<&str> = SHEETS.iter().map(|sheet| sheet.name).chain(INDEXES).chain(PARTS).collect();
        known.sort_unstable();
        assert_eq!(tables, known);
        for sheet in SHEETS.iter().filter(|sheet| sheet.name != "slice") {
            let columns = names(&format!("SELECT name FROM pragma_table_info('{}')", sheet.name));
            let of_sheet: Vec<&str> = sheet.columns.iter().map(|column| column.name).collect();
            assert_eq!(columns, of_sheet, "{}", sheet.name);
            let keys =
                names(&format!("SELECT name FROM pragma_table_info('{}') WHERE pk > 0 ORDER BY pk", sheet.name));
            assert_eq!(keys, of_sheet[..sheet.keys], "{}", sheet.name);
        }
        // A slice's balances and its stock are lists of it.
        let columns = names("SELECT name FROM pragma_table_info('slice')");
        assert_eq!(columns.len(), 3 + koi_core::ledger::Account::ALL.len());
        assert_eq!(names("SELECT name FROM pragma_table_info('stock')"), ["cell", "campaign", "tier", "packets"]);
    }
}
