//! Moving an installation that is stopped to another place, row by row as it is.
//!
//! The first bits of every number are the cell of its row, and a person's cell is their hash modulo the number of cells:
//! with another number of cells rows would not be where they are looked for. So a copy has as many cells as its source,
//! and a data folder, which has one, becomes a database with one.

use koi_core::id::{Cell, MAX_CELLS};
use koi_core::time::Time;

use crate::error::StoreError;
use crate::installation::{Installation, Reader};
pub use crate::postgres::Standing;
use crate::sheet::{SHEETS, Sheet, Value};
use crate::sqlite::Lock;
use crate::tally::{Tallies, of_moment};
use crate::{postgres, sqlite};

/// Rows between two reports of progress.
const REPORT: u64 = 4096;

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many rows of the source were read, to know what must arrive.
    Reading(&'static str, u64),
    /// So many rows were written, of how many.
    Writing(&'static str, u64, u64),
}

/// An installation that nobody changes meanwhile.
#[derive(Debug)]
pub struct Source {
    reader: Reader,
    _lock: Option<Lock>,
}

impl Source {
    /// Opens it; refuses one that is served.
    pub fn open(installation: &Installation) -> Result<Self, StoreError> {
        let lock = match installation {
            Installation::Folder(folder) => Some(folder.hold()?),
            Installation::Database(database) => {
                database.must_be_alone()?;
                None
            }
        };
        Ok(Self { reader: installation.reader()?, _lock: lock })
    }

    /// A connection that reads it.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}

/// What is at the target, if a source of so many cells may go there at all.
pub fn standing(target: &Installation, cells: u16) -> Result<Standing, StoreError> {
    match target {
        Installation::Folder(_) if cells != 1 => Err(StoreError::Refused(format!(
            "the source has {cells} cells, and a data folder has one: every number begins with its cell, so that it cannot \
             be moved into a folder. Copy it into a PostgreSQL database"
        ))),
        Installation::Folder(folder) if folder.exists() => Ok(Standing::Whole),
        Installation::Folder(_) => Ok(Standing::Empty),
        Installation::Database(database) => database.standing(),
    }
}

/// Copies everything, and answers what must have arrived. A database stays marked as half a copy until
/// [`finish`] is told that it did.
pub fn fill(source: &Source, target: &Installation, progress: &dyn Fn(Step)) -> Result<Tallies, StoreError> {
    let reader = &source.reader;
    reader.at_one_moment(|| {
        let tallies = of_moment(reader, &|table, seen| progress(Step::Reading(table, seen)))?;
        let (latest, revision) = (reader.latest()?, reader.state()?.map(|state| state.revision));
        let mut filling = match target {
            Installation::Folder(folder) => Filling::Folder(folder.fill()?),
            Installation::Database(database) => {
                Filling::Database(Box::new(database.fill(reader.cells().min(MAX_CELLS), &mark(&tallies))?))
            }
        };
        let (mut written, all) = (0, tallies.rows());
        for sheet in &SHEETS {
            progress(Step::Writing(sheet.name, written, all));
            let mut count = || {
                written += 1;
                if written % REPORT == 0 {
                    progress(Step::Writing(sheet.name, written, all));
                }
            };
            filling.table(reader, sheet, &mut count)?;
        }
        filling.end(&latest, revision)?;
        Ok(tallies)
    })
}

/// A connection that reads a target that was filled.
pub fn reader(target: &Installation) -> Result<Reader, StoreError> {
    match target {
        Installation::Folder(folder) => Ok(Reader::Folder(folder.reader()?)),
        Installation::Database(database) => Ok(Reader::Database(Box::new(database.half_reader()?))),
    }
}

/// Says that everything has arrived: from now on the target may be served.
pub fn finish(target: &Installation, tallies: &Tallies) -> Result<(), StoreError> {
    match target {
        Installation::Folder(_) => Ok(()),
        Installation::Database(database) => database.finish(&mark(tallies)),
    }
}

/// What tells this copy from others: the digest of what is copied.
fn mark(tallies: &Tallies) -> String {
    tallies.digest().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A target that is being filled.
enum Filling {
    Folder(sqlite::Filling),
    Database(Box<postgres::Filling>),
}

impl Filling {
    fn table(
        &mut self,
        reader: &Reader,
        sheet: &'static Sheet,
        count: &mut dyn FnMut(),
    ) -> Result<(), StoreError> {
        match self {
            Self::Folder(filling) => reader.for_each_row(sheet, &mut |row: &[Value]| {
                count();
                filling.add(sheet, row)
            }),
            Self::Database(filling) => {
                let mut table = filling.table(sheet)?;
                reader.for_each_row(sheet, &mut |row: &[Value]| {
                    count();
                    table.add(row)
                })?;
                table.end()
            }
        }
    }

    fn end(self, latest: &[(Cell, Time)], revision: Option<u64>) -> Result<(), StoreError> {
        match self {
            Self::Folder(filling) => filling.end(),
            Self::Database(filling) => filling.end(latest, revision),
        }
    }
}
