//! Walks over a table in the order of its key: by cell, then by number, in chunks.
//!
//! Each chunk is a statement of its own, which goes on behind the last row of the one before: the server keeps nothing
//! between them, memory does not grow with the table, and other reads may come in between.

use std::ops::ControlFlow;

use tokio_postgres::Row;

use super::link::Link;
use super::session::Request;
use crate::error::StoreError;

/// Rows of the first chunk: who looks at a page gets not much more than it shows.
const FIRST_CHUNK: i64 = 64;
/// Rows of the largest chunk: some megabytes.
const LARGEST_CHUNK: i64 = 4096;
/// How much larger each chunk is than the one before.
const GROWTH: i64 = 8;

/// The statement of a walk.
#[derive(Debug)]
pub(super) struct Walk {
    sql: String,
    /// How many columns there are in the key, beside the cell.
    keys: usize,
}

impl Walk {
    /// A walk over some columns of a table, by one or two columns beside the cell.
    pub(super) fn new(name: &str, columns: &str, keys: &[&str], and: &str) -> Self {
        let key: String = keys.iter().map(|key| format!(", stored.{key}")).collect();
        let after: String = (2..).zip(keys).map(|(place, _)| format!(", ${place}::bigint")).collect();
        let until = keys.len() + 2;
        let sql = format!(
            "SELECT stored.cell, {columns} FROM {name} AS stored WHERE (stored.cell{key}) > ($1::smallint{after}) \
             AND (stored.cell, stored.{first}) < (${until}::smallint, ${}::bigint){and} ORDER BY stored.cell{key} LIMIT ${}",
            until + 1,
            until + 2,
            first = keys.first().unwrap_or(&"id"),
        );
        Self { sql, keys: keys.len() }
    }
}

/// Where a row stands: its cell and the columns of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    cell: i16,
    first: i64,
    second: i64,
}

/// Bits of a number in front of which its cell stands.
const CELL_SHIFT: u32 = 50;

impl Place {
    /// Behind all rows.
    pub(super) const END: Place = Place { cell: i16::MAX, first: i64::MAX, second: i64::MAX };

    /// The place of the first row that can have a number.
    pub(super) fn of(number: i64) -> Self {
        let cell = i16::try_from(number >> CELL_SHIFT).unwrap_or(i16::MAX);
        Self { cell, first: number, second: i64::MIN }
    }

    /// The number that it stands for.
    pub(super) fn number(self) -> i64 {
        self.first
    }

    /// The place of all that have its number.
    pub(super) fn whole(self) -> Self {
        Self { second: 0, ..self }
    }

    /// A place in front of this one and behind all others that are.
    fn before(self) -> Self {
        Self { first: self.first.saturating_sub(1), second: i64::MAX, ..self }
    }
}

/// How the rows of a walk are read, and where each stands.
pub(super) struct Kind<T> {
    pub(super) walk: &'static Walk,
    pub(super) read: fn(&Row) -> Result<(i16, T), StoreError>,
    pub(super) key: fn(&T) -> (i64, i64),
}

/// Rows in their order, of which the next is known before it is taken.
pub(super) struct Rows<T> {
    kind: Kind<T>,
    after: Place,
    until: Place,
    chunk: i64,
    rows: std::vec::IntoIter<Row>,
    /// Whether the last chunk was the last one.
    is_last: bool,
    next: Option<(Place, T)>,
}

impl<T> Rows<T> {
    /// The rows from a place on, until another one.
    pub(super) fn new(kind: Kind<T>, from: Place, until: Place, link: &mut Link) -> Result<Self, StoreError> {
        let mut rows = Self {
            kind,
            after: from.before(),
            until,
            chunk: FIRST_CHUNK,
            rows: Vec::new().into_iter(),
            is_last: false,
            next: None,
        };
        rows.advance(link)?;
        Ok(rows)
    }

    /// Where the next row stands.
    pub(super) fn next_place(&self) -> Option<Place> {
        self.next.as_ref().map(|(place, _)| *place)
    }

    /// The next row, if it has the number of a place.
    pub(super) fn take(&mut self, place: Place, link: &mut Link) -> Result<Option<T>, StoreError> {
        if self.next_place().map(Place::whole) == Some(place) { self.advance(link) } else { Ok(None) }
    }

    /// The next row.
    pub(super) fn advance(&mut self, link: &mut Link) -> Result<Option<T>, StoreError> {
        let mut row = self.rows.next();
        if row.is_none() && !self.is_last {
            self.read_on(link)?;
            row = self.rows.next();
        }
        let next = match row {
            Some(row) => {
                let (cell, value) = (self.kind.read)(&row)?;
                let (first, second) = (self.kind.key)(&value);
                self.after = Place { cell, first, second };
                Some((self.after, value))
            }
            None => None,
        };
        Ok(std::mem::replace(&mut self.next, next).map(|(_, value)| value))
    }

    fn read_on(&mut self, link: &mut Link) -> Result<(), StoreError> {
        let (walk, after, until) = (self.kind.walk, self.after, self.until);
        let mut request = Request::with(&walk.sql, vec![Box::new(after.cell), Box::new(after.first)]);
        if walk.keys > 1 {
            request.params.push(Box::new(after.second));
        }
        request.params.extend([Box::new(until.cell) as _, Box::new(until.first) as _, Box::new(self.chunk) as _]);
        let rows = link.once(&[request])?.swap_remove(0).rows;
        self.is_last = i64::try_from(rows.len()).unwrap_or(i64::MAX) < self.chunk;
        self.chunk = (self.chunk * GROWTH).min(LARGEST_CHUNK);
        self.rows = rows.into_iter();
        Ok(())
    }
}

/// Hands out rows until `each` has enough. The link is free meanwhile.
pub(super) fn for_each<T>(
    link: &std::cell::RefCell<Link>,
    kind: Kind<T>,
    (from, until): (Place, Place),
    mut each: impl FnMut(T) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(kind, from, until, &mut link.borrow_mut())?;
    loop {
        let next = rows.advance(&mut link.borrow_mut())?;
        let Some(row) = next else { return Ok(()) };
        if each(row).is_break() {
            return Ok(());
        }
    }
}
