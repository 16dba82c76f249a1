//! Moving an installation that is stopped to another place, row by row as it is.
//!
//! The first bits of every number are the cell of its row, and a person's cell is their hash modulo the number of cells:
//! with another number of cells rows would not be where they are looked for. So a copy has as many cells as its source,
//! and a data folder, which has one, becomes a database with one.

use koi_core::id::{Cell, MAX_CELLS};
use koi_core::rows::Counters;
use koi_core::time::Time;
use rand::TryRng as _;
use rand::rngs::SysRng;

use crate::ApiKey;
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

    /// Refuses to call something a copy of it that it has moved on from: nothing keeps a server from being started on a
    /// database, nor a key from being made in a folder.
    fn must_be_as(&self, copied: &Moment) -> Result<(), StoreError> {
        if let Reader::Database(reader) = &self.reader {
            reader.must_be_alone()?;
        }
        let now = self.reader.at_one_moment(|| Moment::of(&self.reader))?;
        match copied.moved(&now) {
            None => Ok(()),
            Some(what) => Err(StoreError::Refused(format!(
                "the source was changed while it was copied ({what}), so the copy is not what the source is now, and cannot be \
                 served: stop whatever writes to the source, and repeat the copy, which starts over"
            ))),
        }
    }
}

/// What moves whenever somebody works on an installation, and is quickly read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Moment {
    /// The catalog's revision as it is stored, where there is one.
    revision: Option<u64>,
    counters: Vec<(Cell, Counters)>,
    latest: Vec<(Cell, Time)>,
    keys: Vec<ApiKey>,
}

impl Moment {
    fn of(reader: &Reader) -> Result<Self, StoreError> {
        Ok(Self {
            revision: reader.revision()?,
            counters: reader.counters()?,
            latest: reader.latest()?,
            keys: reader.keys()?,
        })
    }

    /// What is not as it was.
    fn moved(&self, now: &Self) -> Option<&'static str> {
        let looked = [
            (self.revision == now.revision, "the catalog's revision"),
            (self.counters == now.counters, "the next numbers of a cell"),
            (self.latest == now.latest, "when it was written to last"),
            (self.keys == now.keys, "a key of the API"),
        ];
        looked.into_iter().find(|(is_same, _)| !is_same).map(|(_, what)| what)
    }
}

/// What a copy has sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What must have arrived.
    pub tallies: Tallies,
    /// What tells this copy from all others, also of the same rows.
    mark: String,
    moment: Moment,
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

/// Copies everything, and answers what was sent. A database stays marked as half a copy until [`finish`] is told that it
/// has arrived.
pub fn fill(source: &Source, target: &Installation, progress: &dyn Fn(Step)) -> Result<Sent, StoreError> {
    let reader = &source.reader;
    reader.at_one_moment(|| {
        let tallies = of_moment(reader, &|table, seen| progress(Step::Reading(table, seen)))?;
        let sent = Sent { mark: mark(&tallies)?, tallies, moment: Moment::of(reader)? };
        let mut filling = match target {
            Installation::Folder(folder) => Filling::Folder(folder.fill()?),
            Installation::Database(database) => {
                Filling::Database(Box::new(database.fill(reader.cells().min(MAX_CELLS), &sent.mark)?))
            }
        };
        let (mut written, all) = (0, sent.tallies.rows());
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
        filling.end(&sent.moment)?;
        Ok(sent)
    })
}

/// A connection that reads a target that was filled.
pub fn reader(target: &Installation) -> Result<Reader, StoreError> {
    match target {
        Installation::Folder(folder) => Ok(Reader::Folder(folder.reader()?)),
        Installation::Database(database) => Ok(Reader::Database(Box::new(database.half_reader()?))),
    }
}

/// Whether what is in the target is still what this copy has put there, and no other one's.
pub fn is_ours(target: &Installation, sent: &Sent) -> Result<bool, StoreError> {
    match target {
        // Who fills a folder has its lock.
        Installation::Folder(_) => Ok(true),
        Installation::Database(database) => database.is_marked(&sent.mark),
    }
}

/// Says that everything has arrived: from now on the target may be served. Refuses a source that has moved on, and a
/// target that another copy has taken over.
pub fn finish(source: &Source, target: &Installation, sent: &Sent) -> Result<(), StoreError> {
    source.must_be_as(&sent.moment)?;
    match target {
        Installation::Folder(_) => Ok(()),
        Installation::Database(database) => database.finish(&sent.mark),
    }
}

/// What tells this copy from others: the digest of what is copied, and a number that is drawn for each attempt.
fn mark(tallies: &Tallies) -> Result<String, StoreError> {
    let drawn = SysRng.try_next_u64();
    let drawn =
        drawn.map_err(|error| StoreError::Unavailable(format!("no randomness from the system: {error}")))?;
    let digest: String = tallies.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{digest}-{drawn:016x}"))
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

    fn end(self, moment: &Moment) -> Result<(), StoreError> {
        match self {
            Self::Folder(filling) => filling.end(),
            Self::Database(filling) => filling.end(&moment.latest, moment.revision),
        }
    }
}
