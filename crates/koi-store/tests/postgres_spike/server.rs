//! A PostgreSQL of our own in a temporary folder, without TCP; gone when it is dropped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who runs the server when the test is run by root, whom PostgreSQL refuses.
const USER: &str = "postgres";

pub(crate) struct Server {
    programs: PathBuf,
    place: tempfile::TempDir,
}

impl Server {
    /// Starts a server; the reason if there is no PostgreSQL here.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("no PostgreSQL is installed (./test installs it)")?;
        let place = tempfile::Builder::new().prefix("koi-pg").tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg(USER).arg(place.path()));
        }
        let server = Self { programs, place };
        let data = server.place.path().join("data");
        run(server
            .program("initdb")
            .args(["-A", "trust", "-U", "koi", "-E", "UTF8", "--locale=C", "-N", "-D"])
            .arg(&data));
        let options = format!("-h '' -k '{}'", server.place.path().display());
        let log = server.place.path().join("log");
        run(server
            .program("pg_ctl")
            .arg("-D")
            .arg(&data)
            .args(["-w", "-t", "60", "-o", &options, "-l"])
            .arg(&log)
            .arg("start"));
        Ok(server)
    }

    /// How to reach a database.
    pub(crate) fn config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.place.path()).user("koi").dbname(database);
        config
    }

    /// A program of PostgreSQL, run as a user that it accepts.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.place.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.place.path().join("data");
        let mut stop = self.program("pg_ctl");
        let _ = stop.arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]).stdout(Stdio::null()).status();
    }
}

/// The folder of PostgreSQL's programs: on the path, or where Debian puts the newest.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    on_path.or_else(|| {
        let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?;
        let mut folders: Vec<(u32, PathBuf)> = versions
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
            })
            .filter(|(_, folder)| folder.join("initdb").exists())
            .collect();
        folders.sort();
        folders.pop().map(|(_, folder)| folder)
    })
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    // The server that `pg_ctl` starts keeps what it is given: a pipe would never end.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
