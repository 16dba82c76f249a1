//! The schema's versions. The table `koi_schema` carries the database's own, and says that it is Koi's.
//!
//! Any number of processes may start at the same time. Who makes a new database does it in one transaction: the others
//! meet its tables' names, and look again. Who brings an older one up to date holds the marker's lock meanwhile.

use std::time::Duration;

use koi_core::id::MAX_CELLS;

use super::link::Link;
use super::session::{Failed, Reply, Request};
use super::table::{Fields, meta};
use crate::error::StoreError;

/// The migrations, in order: the n-th leads to version n.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/postgres/0001_red_packets.sql")];

/// The cells of a new installation, unless it is said how many: enough for some machines, and a batch on one machine
/// touches few enough rows.
pub const CELLS: u16 = 64;

/// How often a process tries while others make or upgrade the database, and how long it rests between. A migration may
/// rewrite large tables.
const TRIES: u32 = 600;
const REST: Duration = Duration::from_millis(100);

/// What stands in the schema that tables are made in: its name, whether our marker is there, and how many tables are
/// that belong to no extension.
const LOOK: &str = "SELECT current_schema()::text, to_regclass('koi_schema') IS NOT NULL, \
    (SELECT count(*) FROM pg_class AS there WHERE there.relnamespace = to_regnamespace(current_schema()) \
    AND there.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_depend AS owner WHERE owner.objid = there.oid \
    AND owner.classid = 'pg_class'::regclass AND owner.deptype = 'e'))";
/// The mark of a copy of which no row is there yet.
const BEGUN: &str = "begun";
const VERSION: &str = "SELECT version FROM koi_schema";
const MAKE: &str = "CREATE TABLE koi_schema (version bigint NOT NULL); INSERT INTO koi_schema VALUES (0)";
const LOCK: &str = "LOCK TABLE koi_schema IN ACCESS EXCLUSIVE MODE";

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// What was found at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Nothing yet.
    Empty,
    /// A database of Koi, of this version.
    Version(i64),
}

/// Brings the database to the newest version, and makes a new one an installation; answers the number of its cells.
pub(super) fn prepare(link: &mut Link, cells: Option<u16>) -> Result<u16, StoreError> {
    let wanted = cells.unwrap_or(CELLS);
    if !(1..=MAX_CELLS).contains(&wanted) {
        return Err(StoreError::Refused(format!("there can be 1 to {MAX_CELLS} cells, not {wanted}")));
    }
    upgrade(link, &meta::install(wanted))?;
    let found = must_be_current(link)?;
    link.is_of(found);
    match cells {
        Some(cells) if cells != found => Err(StoreError::Refused(format!(
            "this installation has {found} cells, and keeps them: leave the number out, or say {found}"
        ))),
        _ => Ok(found),
    }
}

/// Makes the tables for a copy where there are none. What is there already must be half a copy.
pub(super) fn prepare_copy(link: &mut Link, cells: u16) -> Result<(), StoreError> {
    upgrade(link, &meta::install_marked(cells, BEGUN))?;
    match standing(link)? {
        Standing::Half => Ok(()),
        Standing::Empty | Standing::Whole => {
            Err(StoreError::Refused(format!("{} has become an installation meanwhile", link.database())))
        }
    }
}

/// Brings the database to the newest version; `new` is the script that makes tables without rows an installation.
fn upgrade(link: &mut Link, new: &str) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        link.connect()?;
        match step(link, new) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Another process is at it.
            Err(StoreError::Conflict(_)) => {
                link.rollback();
                link.pause(REST)?;
            }
            Err(error) => {
                link.rollback();
                return Err(error);
            }
        }
    }
    Err(StoreError::Unavailable(format!("other processes have been preparing {} for too long", link.database())))
}

/// Does the next step, in one transaction; answers whether there is none left.
fn step(link: &mut Link, new: &str) -> Result<bool, StoreError> {
    if look(link)? == Found::Version(known()) {
        return Ok(true);
    }
    // What it takes to rewrite a large table is not bounded, nor how long another process is waited for that does.
    link.script("BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
    let found = look(link)?;
    let version = match found {
        Found::Empty => {
            link.script(MAKE).map_err(taken)?;
            0
        }
        Found::Version(_) => {
            link.script(LOCK)?;
            // It may have been waited for.
            let Found::Version(version) = look(link)? else {
                return Err(StoreError::Conflict("it is gone".into()));
            };
            version
        }
    };
    let place = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(migration) = MIGRATIONS.get(place) else {
        link.script("ROLLBACK")?;
        return Ok(version == known());
    };
    link.script(migration).map_err(taken)?;
    link.script(&format!("UPDATE koi_schema SET version = {}", version + 1))?;
    if version == 0 {
        link.script(new)?;
    }
    link.script("COMMIT")?;
    Ok(false)
}

/// Names that are taken in the meantime are those that another process makes.
fn taken(failed: Failed) -> StoreError {
    match (failed.code.as_str(), failed.error) {
        ("23505" | "42P07" | "42710", StoreError::Refused(why)) => StoreError::Conflict(why),
        ("42501", StoreError::Refused(why)) => StoreError::Refused(format!(
            "{why}: the user must be allowed to make tables, say GRANT CREATE ON SCHEMA public TO it, or make it the \
             owner of the database"
        )),
        (_, error) => error,
    }
}

/// Refuses a database that this program does not read as it is, and half a copy; answers the number of its cells.
pub(super) fn must_be_current(link: &mut Link) -> Result<u16, StoreError> {
    let current = current(link)?;
    if current.is_half {
        return Err(StoreError::Refused(format!(
            "a copy into {} was begun and not finished: repeat the same `koi db copy`, which starts over, or name another \
             database",
            link.database()
        )));
    }
    Ok(current.cells)
}

/// A database of this program's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) cells: u16,
    /// Whether it is half a copy.
    pub(super) is_half: bool,
}

/// Refuses a database that this program does not read as it is, but not half a copy.
pub(super) fn current(link: &mut Link) -> Result<Current, StoreError> {
    match look(link)? {
        Found::Empty => Err(StoreError::Absent(link.database().to_string())),
        Found::Version(version) if version < known() => Err(StoreError::Refused(format!(
            "the database has version {version}, this Koi needs {}: start `koi serve` once, which brings it up to date",
            known()
        ))),
        Found::Version(_) => {
            let replies = link.run(&[meta::read()])?;
            let is_half = replies.first().map_or(Ok(false), meta::is_half)?;
            Ok(Current { cells: meta::cells(&replies)?, is_half })
        }
    }
}

/// What a copy finds where it is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Empty,
    /// Half a copy: it may be started over.
    Half,
    /// An installation: it is left alone.
    Whole,
}

/// Looks at what is there; refuses what is another program's, or another version's.
pub(super) fn standing(link: &mut Link) -> Result<Standing, StoreError> {
    match current(link) {
        Err(StoreError::Absent(_)) => Ok(Standing::Empty),
        Ok(Current { is_half: true, .. }) => Ok(Standing::Half),
        Ok(Current { is_half: false, .. }) => Ok(Standing::Whole),
        Err(error) => Err(error),
    }
}

/// Looks at what is there; refuses what is another program's, or a newer Koi's.
fn look(link: &mut Link) -> Result<Found, StoreError> {
    let replies = link.run(&[Request::of(LOOK)])?;
    let row = first(&replies)?;
    let mut fields = Fields::of(row);
    let (schema, is_ours, tables): (Option<String>, bool, i64) = (fields.next()?, fields.next()?, fields.next()?);
    if schema.is_none() {
        return Err(StoreError::Refused(
            "there is no schema to make tables in: see search_path, or CREATE SCHEMA public".into(),
        ));
    }
    if !is_ours {
        return match tables {
            0 => Ok(Found::Empty),
            _ => Err(StoreError::Refused(format!(
                "{} is a database of another program, not of Koi: give Koi one of its own, with `createdb`",
                link.database()
            ))),
        };
    }
    let replies = link.run(&[Request::of(VERSION)])?;
    let found = Fields::of(first(&replies)?).next()?;
    if found > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    Ok(Found::Version(found))
}

fn first(replies: &[Reply]) -> Result<&tokio_postgres::Row, StoreError> {
    let row = replies.first().and_then(|reply| reply.rows.first());
    row.ok_or_else(|| StoreError::Damaged("the marker of the database is empty".into()))
}
