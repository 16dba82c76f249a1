//! Whether the table of a sorted index, and the marks that say how far it is written, are right.

use rusqlite::Connection;

use super::{Entry, Index, Marks, PART_BITS, Place, Until};
use crate::error::StoreError;
use crate::sqlite::sum::Sum;

/// Entries that are named; after so many it is clear enough.
const NAMED: usize = 100;

/// What is wrong, if anything: marks that cannot be; entries that are missing, or that should not be there.
pub(in crate::sqlite) fn broken(index: &Index, connection: &Connection) -> Result<Vec<String>, StoreError> {
    let marks = Marks::read(index, connection)?;
    let mut broken = wrong_marks(index, &marks, &(index.issued)(connection)?);
    let (mut rows, mut entries) = (Sum::default(), Sum::default());
    for_each_in_table(index, connection, &marks, |(key, number)| rows.add([key, number]))?;
    index.for_each(connection, |(key, number)| entries.add([key, number]))?;
    // Sums are quick to compare and tell nothing; who is to blame is looked for only when they differ.
    if rows != entries {
        broken.extend(surplus(index, connection, &marks)?);
        broken.extend(missing(index, connection, &marks)?);
    }
    Ok(broken)
}

fn wrong_marks(index: &Index, marks: &Marks, issued: &Until) -> Vec<String> {
    let is_issued = |part: &i64, until: &i64| issued.get(part).is_some_and(|issued| until <= issued);
    let is_sorted = |part: &i64, until: &i64| marks.sorted.get(part).is_some_and(|sorted| until <= sorted);
    let mut wrong = Vec::new();
    let mut say = |what: &str| wrong.push(format!("{}: {what}", index.name));
    for (_, until) in marks.sorted.iter().filter(|(part, until)| !is_issued(part, until)) {
        say(&format!("sorted up to {}, which is not there yet", (index.row)(*until)));
    }
    for (part, until) in &marks.run {
        let row = (index.row)(*until);
        if !is_issued(part, until) {
            say(&format!("a run goes up to {row}, which is not there yet"));
        }
        if is_sorted(part, until) {
            say(&format!("a run goes up to {row}, which is sorted"));
        }
    }
    match (marks.run.is_empty(), marks.last) {
        (false, None) => say("a run is being written, and how far is not known"),
        (true, Some(_)) => say("a run is being written, and which one is not known"),
        (false, Some(_)) | (true, None) => {}
    }
    wrong.sort_unstable();
    wrong
}

/// The entries of the rows that should be in the table, by the marks.
fn for_each_in_table(
    index: &Index,
    connection: &Connection,
    marks: &Marks,
    mut each: impl FnMut(Entry),
) -> Result<(), StoreError> {
    let parts: std::collections::BTreeSet<i64> = marks.sorted.keys().chain(marks.run.keys()).copied().collect();
    for part in parts {
        let ends = [marks.sorted.get(&part), marks.run.get(&part)];
        let until = ends.into_iter().flatten().copied().max().unwrap_or(0);
        index.for_each_row(connection, (part << PART_BITS, until), |entry| {
            if marks.place(entry) == Place::Table {
                each(entry);
            }
        })?;
    }
    Ok(())
}

/// Entries that no row makes, or not yet.
fn surplus(index: &Index, connection: &Connection, marks: &Marks) -> Result<Vec<String>, StoreError> {
    let mut entries = Vec::new();
    index.for_each(connection, |entry| entries.push(entry))?;
    let mut named = Vec::new();
    for (key, number) in entries {
        if named.len() == NAMED {
            break;
        }
        let row = (index.row)(number);
        if index.key(connection, number)? != Some(key) {
            named.push(format!("{row}: {}", index.surplus));
        } else if marks.place((key, number)) != Place::Table {
            named.push(format!("{row}: {}", index.early));
        }
    }
    Ok(named)
}

/// Rows that are not found by their keys.
fn missing(index: &Index, connection: &Connection, marks: &Marks) -> Result<Vec<String>, StoreError> {
    let mut rows = Vec::new();
    for_each_in_table(index, connection, marks, |entry| rows.push(entry))?;
    let mut named = Vec::new();
    for (key, number) in rows {
        if named.len() == NAMED {
            break;
        }
        if !index.of(connection, key)?.contains(&number) {
            named.push(format!("{}: {}", (index.row)(number), index.lacking));
        }
    }
    Ok(named)
}
