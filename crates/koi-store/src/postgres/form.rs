//! Statements, generated from the description of a table, in two forms.
//!
//! | form   | cells                    | how a row is found                               |
//! |--------|--------------------------|--------------------------------------------------|
//! | pinned | one, `$1`                | by `cell = $1` and a key: Citus knows the node   |
//! | many   | an array beside the keys | by a cell and a key each: any number at once     |
//!
//! Over several cells one statement goes out for all of them, or one for each (see [`Spread`]).
//!
//! The text of a statement depends on neither the number of cells nor that of rows, so that it is prepared once.
//!
//! Nor does its plan depend on how large a table is. While it is small PostgreSQL would rather look through the whole
//! cell, and it keeps a prepared plan when the table has grown. So each key is looked up by itself (`LATERAL`), in an
//! order that only the right index has (`BETWEEN` itself and itself, not `=`: of what is equal no order is asked), and
//! sorting is off. What changes is put in the place of the row with its key (`ON CONFLICT`), which takes no plan.

use std::borrow::Cow;

use koi_core::id::Cell;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio_postgres::types::ToSql;

use super::session::{Param, Request};
use super::table::plain::stored_text;

/// Over how many cells a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Over one.
    Pinned,
    /// Over several.
    Many,
}

impl Form {
    /// The first value of a statement: the one cell, or that of each row.
    fn cells<'a>(self, cells: Vec<i16>) -> Param<'a> {
        match self {
            Form::Pinned => Box::new(cells.first().copied().unwrap_or_default()),
            Form::Many => Box::new(cells),
        }
    }
}

/// How what is asked of several cells is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// One statement for all of them: they are on one server.
    Together,
    /// One for each, pinned to it: Citus has them on several nodes.
    Apart,
}

impl Spread {
    /// Rows with their cells, in groups of one statement each. Both are in the order in which they are given.
    pub(super) fn groups<T: Copy>(self, cells: &[i16], rows: &[T]) -> Vec<Group<T>> {
        let mut groups: Vec<Group<T>> = Vec::new();
        let mut places: FxHashMap<i16, usize> = FxHashMap::default();
        for (cell, row) in cells.iter().zip(rows) {
            let place = *places.entry(*cell).or_insert_with(|| {
                groups.push(Group { form: Form::Pinned, cells: Vec::new(), rows: Vec::new() });
                groups.len() - 1
            });
            groups[place].cells.push(*cell);
            groups[place].rows.push(*row);
        }
        match self {
            Spread::Together if groups.len() > 1 => {
                vec![Group { form: Form::Many, cells: cells.to_vec(), rows: rows.to_vec() }]
            }
            Spread::Together | Spread::Apart => groups,
        }
    }

    /// Cells, in groups of one statement each.
    pub(super) fn of_cells(self, cells: &[i16]) -> Vec<Group<()>> {
        self.groups(cells, &vec![(); cells.len()])
    }
}

/// Rows of one statement, each with its cell.
pub(super) struct Group<T> {
    form: Form,
    cells: Vec<i16>,
    pub(super) rows: Vec<T>,
}

impl<T> Group<T> {
    /// A statement about these rows; `values` are those behind the cells.
    pub(super) fn request<'a>(self, sql: &'static Sql, values: Vec<Param<'a>>) -> Request<'a> {
        let mut params = vec![self.form.cells(self.cells)];
        params.extend(values);
        Request::with(sql.form(self.form), params)
    }
}

/// A cell as it is stored.
pub(super) fn place(cell: Cell) -> i16 {
    // There are 1024 at most.
    i16::try_from(cell.0).unwrap_or(i16::MAX)
}

/// A statement in both forms.
#[derive(Debug)]
pub(super) struct Sql {
    pinned: String,
    many: String,
}

impl Sql {
    pub(super) fn new(pinned: String, many: String) -> Self {
        Self { pinned, many }
    }

    pub(super) fn form(&'static self, form: Form) -> &'static str {
        match form {
            Form::Pinned => &self.pinned,
            Form::Many => &self.many,
        }
    }
}

/// How a column of a row comes from the row of the rules.
pub(super) enum Value<R: 'static> {
    Small(fn(&R) -> i16),
    SmallOrNone(fn(&R) -> Option<i16>),
    Int(fn(&R) -> i32),
    Big(fn(&R) -> i64),
    BigOrNone(fn(&R) -> Option<i64>),
    Flag(fn(&R) -> bool),
    FlagOrNone(fn(&R) -> Option<bool>),
    /// A name: it has no characters that PostgreSQL cannot store.
    Name(for<'a> fn(&'a R) -> &'a str),
    NameOrNone(for<'a> fn(&'a R) -> Option<&'a str>),
    /// Text that somebody wrote.
    Text(for<'a> fn(&'a R) -> &'a str),
    TextOrNone(for<'a> fn(&'a R) -> Option<&'a str>),
    Bytes(for<'a> fn(&'a R) -> &'a [u8]),
    BytesOrNone(for<'a> fn(&'a R) -> Option<&'a [u8]>),
    /// Numbers, as the text of an array: an array of arrays would have to be a matrix.
    Bigs(for<'a> fn(&'a R) -> &'a str),
}

impl<R> Value<R> {
    /// The type of the array that is bound.
    pub(super) fn array_type(&self) -> &'static str {
        match self {
            Value::Small(_) | Value::SmallOrNone(_) => "smallint[]",
            Value::Int(_) => "integer[]",
            Value::Big(_) | Value::BigOrNone(_) => "bigint[]",
            Value::Flag(_) | Value::FlagOrNone(_) => "boolean[]",
            Value::Name(_) | Value::NameOrNone(_) | Value::Text(_) | Value::TextOrNone(_) | Value::Bigs(_) => {
                "text[]"
            }
            Value::Bytes(_) | Value::BytesOrNone(_) => "bytea[]",
        }
    }

    /// What an element of the array becomes in its column.
    fn stored(&self, name: &str) -> String {
        match self {
            Value::Bigs(_) => format!("new.{name}::bigint[]"),
            _ => format!("new.{name}"),
        }
    }

    /// The column of some rows.
    fn array<'a>(&self, rows: &[&'a R]) -> Param<'a> {
        fn each<'a, R, T: ToSql + Sync + 'a>(rows: &[&'a R], value: impl Fn(&'a R) -> T) -> Param<'a> {
            Box::new(rows.iter().map(|row| value(row)).collect::<Vec<T>>())
        }
        match *self {
            Value::Small(value) => each(rows, value),
            Value::SmallOrNone(value) => each(rows, value),
            Value::Int(value) => each(rows, value),
            Value::Big(value) => each(rows, value),
            Value::BigOrNone(value) => each(rows, value),
            Value::Flag(value) => each(rows, value),
            Value::FlagOrNone(value) => each(rows, value),
            Value::Name(value) => each(rows, value),
            Value::NameOrNone(value) => each(rows, value),
            Value::Text(value) => each::<_, Cow<str>>(rows, |row| stored_text(value(row))),
            Value::TextOrNone(value) => each::<_, Option<Cow<str>>>(rows, |row| value(row).map(stored_text)),
            Value::Bytes(value) => each(rows, value),
            Value::BytesOrNone(value) => each(rows, value),
            Value::Bigs(value) => each(rows, value),
        }
    }
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It finds the row.
    Key,
    /// It is written once.
    Fixed,
    /// It can change.
    Changing,
}

/// A column of a table.
pub(super) struct Column<R: 'static> {
    name: &'static str,
    part: Part,
    value: Value<R>,
}

/// A column that finds its row.
pub(super) const fn key<R>(name: &'static str, value: Value<R>) -> Column<R> {
    Column { name, part: Part::Key, value }
}

/// A column that is written once.
pub(super) const fn fixed<R>(name: &'static str, value: Value<R>) -> Column<R> {
    Column { name, part: Part::Fixed, value }
}

/// A column that can change.
pub(super) const fn changing<R>(name: &'static str, value: Value<R>) -> Column<R> {
    Column { name, part: Part::Changing, value }
}

/// A table: its columns in the order in which they are read.
pub(super) struct Table<R: 'static> {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column<R>],
}

impl<R> Table<R> {
    fn names<'t>(&'t self, part: impl Fn(Part) -> bool + 't) -> impl Iterator<Item = &'t str> {
        self.columns.iter().filter(move |column| part(column.part)).map(|column| column.name)
    }

    /// All columns as they are read, without the cell.
    pub(super) fn read(&self) -> String {
        list(self.names(|_| true), |name| format!("stored.{name}"))
    }

    /// Reads rows by their cell and one more column each; `and` restricts them further.
    pub(super) fn by(&self, column: &str, and: &str) -> Sql {
        let (name, columns) = (self.name, self.read());
        let array = self.array_type(column);
        let one = |cell: &str| {
            format!(
                "CROSS JOIN LATERAL (SELECT stored.cell, {columns} FROM {name} AS stored WHERE stored.cell = {cell} \
                 AND stored.{column} BETWEEN wanted.{column} AND wanted.{column}{and} ORDER BY stored.{column}) AS found"
            )
        };
        let read = "SELECT found.* FROM unnest(";
        Sql::new(
            format!("{read}$2::{array}) AS wanted ({column}) {}", one("$1")),
            format!("{read}$1::smallint[], $2::{array}) AS wanted (cell, {column}) {}", one("wanted.cell")),
        )
    }

    /// The type of an array of a column's values.
    fn array_type(&self, name: &str) -> &'static str {
        let column = self.columns.iter().find(|column| column.name == name);
        column.map_or("bigint[]", |column| column.value.array_type())
    }

    /// Inserts rows.
    pub(super) fn insert(&self) -> Sql {
        self.write("")
    }

    /// Changes what can change of rows that are there. `same` must hold between the stored row and the new one
    /// (`excluded`), otherwise it is not written.
    pub(super) fn update(&self, same: &str) -> Sql {
        let keys: String = self.names(|part| part == Part::Key).map(|key| format!(", {key}")).collect();
        let set = list(self.names(|part| part == Part::Changing), |name| format!("{name} = excluded.{name}"));
        self.write(&format!(" ON CONFLICT (cell{keys}) DO UPDATE SET {set} WHERE {same}"))
    }

    fn write(&self, then: &str) -> Sql {
        let name = self.name;
        let into = list(self.names(|_| true), str::to_owned);
        let values =
            self.columns.iter().map(|column| column.value.stored(column.name)).collect::<Vec<_>>().join(", ");
        let arrays = self.arrays(2);
        Sql::new(
            format!(
                "INSERT INTO {name} AS stored (cell, {into}) SELECT $1::smallint, {values} FROM unnest({arrays}) \
                 AS new ({into}){then}"
            ),
            format!(
                "INSERT INTO {name} AS stored (cell, {into}) SELECT new.cell, {values} \
                 FROM unnest($1::smallint[], {arrays}) AS new (cell, {into}){then}"
            ),
        )
    }

    /// Puts rows of the catalog in the place of those before, each with the revision at which it is written.
    pub(super) fn put(&self) -> String {
        let (name, revised) = (self.name, self.columns.len() + 1);
        let into = list(self.names(|_| true), str::to_owned);
        let values = list(self.names(|_| true), |name| format!("new.{name}"));
        let keys = list(self.names(|part| part == Part::Key), str::to_owned);
        let set = list(self.names(|part| part != Part::Key), |name| format!("{name} = excluded.{name}"));
        let arrays = self.arrays(1);
        format!(
            "INSERT INTO {name} ({into}, revised) SELECT {values}, ${revised}::bigint \
             FROM unnest({arrays}) AS new ({into}) \
             ON CONFLICT ({keys}) DO UPDATE SET {set}, revised = excluded.revised"
        )
    }

    /// The values of what [`put`](Self::put) writes.
    pub(super) fn values_at<'a>(&self, rows: &[&'a R], revised: i64) -> Vec<Param<'a>> {
        let mut values = self.values(rows);
        values.push(Box::new(revised));
        values
    }

    /// Reads the rows of the catalog that were written after a revision, in no order.
    pub(super) fn after(&self) -> String {
        format!("SELECT {} FROM {} AS stored WHERE stored.revised > $1", self.read(), self.name)
    }

    fn arrays(&self, first: usize) -> String {
        let columns = self.columns.iter().zip(first..);
        let arrays = columns.map(|(column, place)| format!("${place}::{}", column.value.array_type()));
        arrays.collect::<Vec<_>>().join(", ")
    }

    /// The values of what writes rows, behind the cells.
    pub(super) fn values<'a>(&self, rows: &[&'a R]) -> Vec<Param<'a>> {
        self.columns.iter().map(|column| column.value.array(rows)).collect()
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>, each: impl Fn(&'a str) -> String) -> String {
    names.map(each).collect::<Vec<_>>().join(", ")
}

/// Keys that are wanted of a table, each once, with their cells.
#[derive(Debug, Default)]
pub(super) struct Keys {
    cells: Vec<i16>,
    keys: Vec<i64>,
    seen: FxHashSet<(i16, i64)>,
}

impl Keys {
    pub(super) fn add(&mut self, cell: i16, key: i64) {
        if self.seen.insert((cell, key)) {
            self.cells.push(cell);
            self.keys.push(key);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i16, i64)> {
        self.cells.iter().copied().zip(self.keys.iter().copied())
    }

    /// The keys in groups of one statement of [`Table::by`] each.
    pub(super) fn groups(&self, spread: Spread) -> Vec<Group<i64>> {
        spread.groups(&self.cells, &self.keys)
    }
}
