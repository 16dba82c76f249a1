//! Databases for runs on PostgreSQL: each is a copy of one that is an installation already, and is dropped afterwards.
//! They are made by PostgreSQL's own programs.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use koi_store::Installation;

/// Where runs get their databases from.
#[derive(Debug)]
pub struct Databases {
    url: String,
    template: String,
    /// In how many cells each keeps what it has.
    pub(crate) cells: u16,
    /// How many servers work on each.
    pub(crate) servers: usize,
    count: AtomicU64,
}

impl Databases {
    /// Databases of so many cells, on each of which so many servers work, on the database server at an address. Its user
    /// may make databases.
    pub fn prepare(url: &str, cells: u16, servers: usize) -> Result<Self, String> {
        let template = format!("koi_simulation_{}_{cells}_{servers}", std::process::id());
        let databases = Self { url: url.to_owned(), template, cells, servers, count: AtomicU64::new(0) };
        databases.make(&databases.template, "template0")?;
        let installation = databases.installation(&databases.template)?;
        installation.serve(Some(cells), 1).map_err(|error| error.to_string())?;
        Ok(databases)
    }

    /// A database that nobody has used yet.
    pub(crate) fn fresh(&self) -> Result<Fresh, String> {
        let name = format!("{}_{}", self.template, self.count.fetch_add(1, Ordering::Relaxed));
        self.make(&name, &self.template)?;
        let installation = self.installation(&name)?;
        Ok(Fresh { installation, name, url: self.url.clone() })
    }

    fn make(&self, name: &str, template: &str) -> Result<(), String> {
        program("createdb", &self.url, &["-E", "UTF8", "-T", template, name])
    }

    fn installation(&self, name: &str) -> Result<Installation, String> {
        let database = within(&self.url, name).parse();
        database.map(|database| Installation::Database(Box::new(database))).map_err(|error| format!("{error}"))
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        drop_database(&self.url, &self.template);
    }
}

/// A database of one run.
pub(crate) struct Fresh {
    pub(crate) installation: Installation,
    name: String,
    url: String,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        drop_database(&self.url, &self.name);
    }
}

fn drop_database(url: &str, name: &str) {
    // What cannot be dropped is a leftover, and no reason for a run to fail.
    let _ = program("dropdb", url, &["--force", "--if-exists", name]);
}

fn program(program: &str, url: &str, arguments: &[&str]) -> Result<(), String> {
    let maintenance = format!("--maintenance-db={}", within(url, "postgres"));
    let output = Command::new(program).arg(maintenance).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}: install PostgreSQL's client programs"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// The address of a database at the same server.
fn within(url: &str, database: &str) -> String {
    let (base, parameters) =
        url.split_once('?').map_or((url, String::new()), |(base, rest)| (base, format!("?{rest}")));
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = base[start..].find('/').map_or(base.len(), |at| start + at);
    format!("{}/{database}{parameters}", &base[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_takes_the_place_of_another_in_an_address() {
        for (url, expected) in [
            ("postgres://koi@db", "postgres://koi@db/red"),
            ("postgres://koi@db/", "postgres://koi@db/red"),
            ("postgres://koi@%2Ftmp%2Fpg:5432/postgres", "postgres://koi@%2Ftmp%2Fpg:5432/red"),
            ("postgres://koi@db/koi?sslmode=disable", "postgres://koi@db/red?sslmode=disable"),
        ] {
            assert_eq!(within(url, "red"), expected);
        }
    }
}
