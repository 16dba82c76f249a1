//! Tables as they are copied and digested: read in the order of their keys, chunk by chunk, and written in batches, one
//! statement each.

use std::borrow::Cow;
use std::sync::LazyLock;

use koi_core::id::MAX_CAMPAIGNS;
use tokio_postgres::Row;

use super::session::{Param, Request};
use super::table::plain::{read_text, stored_text};
use super::table::{Fields, cell, meta};
use crate::error::StoreError;
use crate::sheet::{Column, Kind, SHEETS, Sheet, Value};

/// Rows of a chunk, and of a batch.
const ROWS: usize = 4096;
/// A batch with so many bytes of text is full: documents are long.
const BYTES: usize = 4 << 20;

/// What is read and written of a table.
struct Statements {
    read: String,
    insert: String,
}

static STATEMENTS: LazyLock<Vec<Statements>> = LazyLock::new(|| {
    let statements = |sheet| Statements { read: read(sheet), insert: insert(sheet) };
    SHEETS.iter().map(statements).collect()
});

fn statements(sheet: &Sheet) -> Result<&'static Statements, StoreError> {
    let place = SHEETS.iter().position(|other| other.name == sheet.name);
    let found = place.and_then(|place| STATEMENTS.get(place));
    found.ok_or_else(|| StoreError::Refused(format!("there is no table {}", sheet.name)))
}

/// A column that is here only.
struct Derived {
    name: &'static str,
    /// How it follows from a new row.
    from: String,
    /// What it must be in a stored one, by its number.
    of: fn(i64) -> i64,
}

/// The columns that follow from others: what stands in the upper bits of a number.
fn derived(sheet: &Sheet) -> Vec<Derived> {
    let Some(number) = numbered(sheet) else { return Vec::new() };
    let from = format!("(new.{number} >> 50)::smallint");
    let mut derived = vec![Derived { name: "cell", from, of: |number| number >> 50 }];
    if sheet.name == "coupon" {
        let from = format!("(new.{number} >> 32) & {MAX_CAMPAIGNS}");
        let of = |number| (number >> 32) & i64::from(MAX_CAMPAIGNS);
        derived.push(Derived { name: "campaign", from, of });
    }
    derived
}

/// The column whose number tells the cell of a row, where that is not a column of the sheet.
fn numbered(sheet: &Sheet) -> Option<&'static str> {
    match sheet.name {
        "coupon" | "quote" | "payment" | "transfer" => Some("id"),
        "refund" => Some("payment"),
        _ => None,
    }
}

/// What servers keep for themselves with each new row: nobody knows the catalog of a copy yet, so that it is as if all of
/// it had been there from its first revision on.
fn kept(sheet: &Sheet) -> Option<(&'static str, &'static str)> {
    ["campaign", "merchant", "store", "code", "rate"].contains(&sheet.name).then_some(("revised", "1"))
}

fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect()
}

/// Reads the rows behind a key ($1 …), so many at most, each with what must follow from its number at the end. On the
/// tables that carry the load the cell comes first.
fn read(sheet: &Sheet) -> String {
    let columns = sheet.columns.iter().map(|column| match column.kind {
        Kind::Flag => format!("stored.\"{}\"::integer::bigint", column.name),
        Kind::Small | Kind::Middle => format!("stored.\"{}\"::bigint", column.name),
        _ => format!("stored.\"{}\"", column.name),
    });
    let derived = derived(sheet);
    let derived = derived.iter().map(|column| format!("stored.\"{}\"::bigint", column.name));
    let columns = columns.chain(derived).collect::<Vec<_>>().join(", ");
    let mut keys: Vec<(String, &str)> = Vec::new();
    keys.extend(numbered(sheet).map(|_| ("\"cell\"".to_owned(), "bigint)::smallint")));
    let of_sheet = names(sheet.keys()).into_iter().zip(sheet.keys());
    keys.extend(of_sheet.map(|(name, column)| match column.kind {
        Kind::Text => (name, "text)"),
        Kind::Small => (name, "bigint)::smallint"),
        _ => (name, "bigint)"),
    }));
    let stored: Vec<String> = keys.iter().map(|(name, _)| format!("stored.{name}")).collect();
    let after: Vec<String> = (1..).zip(&keys).map(|(place, (_, kind))| format!("(${place}::{kind}")).collect();
    let and = match sheet.name {
        "meta" => meta::COPIED,
        "cell" => cell::COPIED,
        _ => "",
    };
    let stored = stored.join(", ");
    format!(
        "SELECT {columns} FROM {} AS stored WHERE ({stored}) > ({}){and} ORDER BY {stored} LIMIT {ROWS}",
        sheet.name,
        after.join(", ")
    )
}

fn insert(sheet: &Sheet) -> String {
    let (derived, kept) = (derived(sheet), kept(sheet));
    let columns = names(sheet.columns);
    let beside = derived.iter().map(|column| (column.name, column.from.as_str())).chain(kept);
    let into = beside.clone().map(|(name, _)| name.to_owned()).chain(columns.iter().cloned());
    let values = beside.map(|(_, value)| value.to_owned());
    let values = values.chain(columns.iter().zip(sheet.columns).map(|(name, column)| match column.kind {
        Kind::Small => format!("new.{name}::smallint"),
        Kind::Middle => format!("new.{name}::integer"),
        Kind::Flag => format!("new.{name} <> 0"),
        Kind::Amounts | Kind::Numbers => format!("new.{name}::bigint[]"),
        Kind::Number | Kind::Amount | Kind::Text | Kind::Bytes => format!("new.{name}"),
    }));
    let arrays = (1..).zip(sheet.columns).map(|(place, column)| match column.kind {
        Kind::Number | Kind::Small | Kind::Middle | Kind::Flag | Kind::Amount => format!("${place}::bigint[]"),
        // An array of arrays would have to be a matrix.
        Kind::Amounts | Kind::Numbers | Kind::Text => format!("${place}::text[]"),
        Kind::Bytes => format!("${place}::bytea[]"),
    });
    let then = match sheet.name {
        // Their rows are made with the tables.
        "meta" => meta::REPLACE,
        "cell" => cell::REPLACE,
        _ => "",
    };
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM unnest({}) AS new ({}){then}",
        sheet.name,
        into.collect::<Vec<_>>().join(", "),
        values.collect::<Vec<_>>().join(", "),
        arrays.collect::<Vec<_>>().join(", "),
        columns.join(", ")
    )
}

/// Where a chunk begins: behind the row with this key.
enum Key {
    Number(i64),
    Text(String),
}

/// The rows of a table, chunk by chunk.
pub(super) struct Rows {
    sheet: &'static Sheet,
    statement: &'static str,
    derived: Vec<Derived>,
    after: Vec<Key>,
    is_last: bool,
}

impl Rows {
    pub(super) fn new(sheet: &'static Sheet) -> Result<Self, StoreError> {
        let first = sheet.keys().iter().map(|column| match column.kind {
            Kind::Text => Key::Text(String::new()),
            Kind::Small => Key::Number(i16::MIN.into()),
            _ => Key::Number(i64::MIN),
        });
        let (statement, derived) = (&statements(sheet)?.read, derived(sheet));
        Ok(Self { sheet, statement, derived, after: first.collect(), is_last: false })
    }

    /// What asks for the next chunk, unless there is none.
    pub(super) fn next(&self) -> Option<Request<'static>> {
        if self.is_last {
            return None;
        }
        let mut params: Vec<Param> = Vec::new();
        if numbered(self.sheet).is_some() {
            // No row was handed out that is in another cell. Before the first one is the least of all cells.
            let cell = match self.after.first() {
                Some(Key::Number(number)) if *number != i64::MIN => number >> 50,
                _ => i16::MIN.into(),
            };
            params.push(Box::new(cell));
        }
        params.extend(self.after.iter().map(|key| -> Param {
            match key {
                Key::Number(number) => Box::new(*number),
                Key::Text(text) => Box::new(text.clone()),
            }
        }));
        Some(Request::with(self.statement, params))
    }

    /// Hands out the rows of a chunk.
    pub(super) fn hand_out(
        &mut self,
        rows: &[Row],
        each: &mut dyn FnMut(&[Value]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.is_last = rows.len() < ROWS;
        for row in rows {
            self.must_follow(row)?;
            each(&values(row, self.sheet)?)?;
        }
        if let Some(last) = rows.last() {
            let keys = values(last, self.sheet)?.into_iter().take(self.sheet.keys);
            let keys = keys.map(|value| match value {
                Value::Number(number) => Key::Number(number),
                Value::Text(text) => Key::Text(stored_text(&text).into_owned()),
                _ => Key::Text(String::new()),
            });
            self.after = keys.collect();
        }
        Ok(())
    }
}

impl Rows {
    /// Refuses a row that is not where its number says: servers would not find it, and here the next chunk would begin
    /// elsewhere.
    fn must_follow(&self, row: &Row) -> Result<(), StoreError> {
        for (place, column) in (self.sheet.columns.len()..).zip(&self.derived) {
            // The number is the first of the keys, and of the columns.
            let (number, stored): (i64, i64) = (Fields::of(row).next()?, Fields::at(row, place).next()?);
            let must = (column.of)(number);
            if stored != must {
                let (table, name) = (self.sheet.name, column.name);
                return Err(StoreError::Damaged(format!(
                    "the row {number} of {table} has the {name} {stored}, and by its number it must be {must}"
                )));
            }
        }
        Ok(())
    }
}

fn values<'a>(row: &'a Row, sheet: &Sheet) -> Result<Vec<Value<'a>>, StoreError> {
    let mut fields = Fields::of(row);
    let value = |column: &Column| {
        let value = match column.kind {
            Kind::Number | Kind::Small | Kind::Middle | Kind::Flag | Kind::Amount => {
                fields.next::<Option<i64>>()?.map(Value::Number)
            }
            Kind::Amounts | Kind::Numbers => fields.next::<Option<Vec<i64>>>()?.map(Value::Numbers),
            Kind::Text => fields.next::<Option<&str>>()?.map(|text| Value::Text(read_text(text))),
            Kind::Bytes => fields.next::<Option<&[u8]>>()?.map(Value::Bytes),
        };
        Ok(value.unwrap_or(Value::Nothing))
    };
    sheet.columns.iter().map(value).collect()
}

/// The values of a column.
enum Array {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

/// Rows that are written together.
pub(super) struct Batch {
    statement: &'static str,
    arrays: Vec<Array>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(sheet: &Sheet) -> Result<Self, StoreError> {
        let arrays = sheet.columns.iter().map(|column| match column.kind {
            Kind::Number | Kind::Small | Kind::Middle | Kind::Flag | Kind::Amount => Array::Numbers(Vec::new()),
            Kind::Amounts | Kind::Numbers | Kind::Text => Array::Texts(Vec::new()),
            Kind::Bytes => Array::Bytes(Vec::new()),
        });
        Ok(Self { statement: &statements(sheet)?.insert, arrays: arrays.collect(), rows: 0, bytes: 0 })
    }

    /// Adds a row; answers whether the batch is full.
    pub(super) fn add(&mut self, row: &[Value]) -> Result<bool, StoreError> {
        for (array, value) in self.arrays.iter_mut().zip(row) {
            match (array, value) {
                (Array::Numbers(array), Value::Nothing) => array.push(None),
                (Array::Numbers(array), Value::Number(number)) => array.push(Some(*number)),
                (Array::Texts(array), Value::Nothing) => array.push(None),
                (Array::Texts(array), Value::Text(text)) => {
                    self.bytes += text.len();
                    array.push(Some(stored_text(text).into_owned()));
                }
                (Array::Texts(array), Value::Numbers(numbers)) => array.push(Some(list(numbers))),
                (Array::Bytes(array), Value::Nothing) => array.push(None),
                (Array::Bytes(array), Value::Bytes(bytes)) => array.push(Some(bytes.to_vec())),
                _ => return Err(StoreError::Damaged(format!("a value of another kind: {value:?}"))),
            }
        }
        self.rows += 1;
        Ok(self.rows >= ROWS || self.bytes >= BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What writes the rows.
    pub(super) fn request(self) -> Request<'static> {
        let params = self.arrays.into_iter().map(|array| -> Param {
            match array {
                Array::Numbers(array) => Box::new(array),
                Array::Texts(array) => Box::new(array),
                Array::Bytes(array) => Box::new(array),
            }
        });
        Request::with(self.statement, params.collect())
    }
}

/// Numbers as PostgreSQL writes an array of them.
fn list(numbers: &[i64]) -> String {
    let numbers: Vec<Cow<str>> = numbers.iter().map(|number| number.to_string().into()).collect();
    format!("{{{}}}", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Database;
    use crate::postgres::server::Server;

    /// Columns that follow from others, or are for servers alone.
    const BESIDE: [(&str, &str); 12] = [
        ("cell", "latest"),
        ("campaign", "revised"),
        ("merchant", "revised"),
        ("store", "revised"),
        ("code", "revised"),
        ("rate", "revised"),
        ("coupon", "cell"),
        ("coupon", "campaign"),
        ("quote", "cell"),
        ("payment", "cell"),
        ("refund", "cell"),
        ("transfer", "cell"),
    ];

    fn stored(kind: Kind) -> &'static str {
        match kind {
            Kind::Number | Kind::Amount => "bigint",
            Kind::Small => "smallint",
            Kind::Middle => "integer",
            Kind::Flag => "boolean",
            Kind::Amounts | Kind::Numbers => "bigint[]",
            Kind::Text => "text",
            Kind::Bytes => "bytea",
        }
    }

    /// A table, or a column, that somebody adds is copied and digested, or said here to follow from others.
    #[test]
    fn no_table_and_no_column_is_forgotten() {
        let server = Server::shared();
        let name = server.fresh();
        let database: Database = server.url(&name).parse().unwrap();
        drop(database.serve(Some(1)).unwrap());
        let sql = server.sql(&name);
        let tables = sql
            .run("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\"");
        let mut known: Vec<&str> = SHEETS.iter().map(|sheet| sheet.name).chain(["koi_schema"]).collect();
        known.sort_unstable();
        assert_eq!(tables.concat(), known);
        for sheet in &SHEETS {
            let columns = sql.run(&format!(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute \
                 WHERE attrelid = '{}'::regclass AND attnum > 0 ORDER BY attnum",
                sheet.name
            ));
            let columns = columns.into_iter().filter(|column| !BESIDE.contains(&(sheet.name, column[0].as_str())));
            let expected =
                sheet.columns.iter().map(|column| vec![column.name.to_owned(), stored(column.kind).to_owned()]);
            assert_eq!(columns.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{}", sheet.name);
        }
    }

    /// A chunk is found by the key of its table, and nothing is sorted.
    #[test]
    fn every_chunk_is_found_by_its_key() {
        let server = Server::shared();
        let name = server.fresh();
        let database: Database = server.url(&name).parse().unwrap();
        drop(database.serve(Some(1)).unwrap());
        let sql = server.sql(&name);
        // As every connection is settled.
        sql.run("SET enable_seqscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan");
        for sheet in &SHEETS {
            let params = sheet.keys + usize::from(numbered(sheet).is_some());
            let nulls = vec!["NULL"; params].join(", ");
            sql.run(&format!("PREPARE p AS {}", read(sheet)));
            let plan = sql.run(&format!("EXPLAIN EXECUTE p ({nulls})")).concat().join("\n");
            assert!(plan.contains("Index Scan") && !plan.contains("Sort"), "{}\n{plan}", sheet.name);
            assert!(plan.contains("Index Cond"), "{}\n{plan}", sheet.name);
            sql.run("DEALLOCATE p");
        }
    }
}
