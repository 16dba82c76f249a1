//! A PostgreSQL beside Koi, for bars 3 and 4: the server, and the claim as a function of its own.

mod client;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
pub use client::PostgresPeer;
use jiff::Timestamp;
use rustix::process::{Signal, geteuid};

use crate::limits::{START_MAX, STOP_MAX};
use crate::process::Process;
use crate::stage::{CAMPAIGN, DAY_MS, LIMIT, PACKETS, Stage};

/// The tables and the function of bar 3; its head says what they do.
const CLAIM_SQL: &str = include_str!("../claim.sql");
/// How the function is called, with the members of a [`crate::PeerClaim`] in their order: campaign, code, account, person,
/// idempotency key, fingerprint, coupon, time and luck of 53 bits. It answers the two words of a [`crate::PeerOutcome`].
const CLAIM_CALL: &str = "SELECT word, rest FROM claim($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Who runs the server when we are root, whom PostgreSQL refuses.
const USER: &str = "postgres";
/// It has a folder of its own for its socket, and so whichever number it likes.
const PORT: &str = "5432";
/// Every commit waits for the disk, as is the default. The memory is that of a small server in earnest. No checkpoint and
/// no clearing up of what one of them left falls into the turn of another.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "max_connections=500",
    "shared_buffers=512MB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "autovacuum=off",
];

/// A PostgreSQL of our own, in a folder of its own, without TCP.
#[derive(Debug)]
pub(crate) struct Postgres {
    process: Process,
    programs: PathBuf,
    /// Held to the end: then it is removed.
    folder: tempfile::TempDir,
}

impl Postgres {
    /// The folder of its programs, if it is installed: on the `PATH`, or the newest where Debian puts them.
    pub(crate) fn programs() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // A link leads to where all of them are.
        let on_path = std::env::split_paths(&path).find_map(|folder| folder.join("initdb").canonicalize().ok());
        on_path.and_then(|initdb| initdb.parent().map(Path::to_path_buf)).or_else(|| {
            let versions = Path::new("/usr/lib/postgresql").read_dir().ok()?.filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
            });
            versions.filter(|(_, folder)| folder.join("initdb").is_file()).max().map(|(_, folder)| folder)
        })
    }

    /// Makes a server in a new folder within `parent`, and waits until it answers.
    pub(crate) fn start(programs: &Path, parent: &Path) -> anyhow::Result<Postgres> {
        let folder = tempfile::Builder::new().prefix("koi-bench-postgres-").tempdir_in(parent)?;
        let user = User::of_server()?;
        if let Some(user) = &user {
            std::os::unix::fs::chown(folder.path(), Some(user.id), Some(user.group))
                .context("giving it a folder")?;
        }
        let data = folder.path().join("data");
        let mut initdb = as_user(&programs.join("initdb"), user.as_ref());
        initdb.args(["-A", "trust", "-U", "koi", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        run(&mut initdb, "")
            .with_context(|| format!("making a PostgreSQL in {}, which its user must reach", parent.display()))?;

        let mut server = as_user(&programs.join("postgres"), user.as_ref());
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-p", PORT]);
        server.args(SETTINGS.iter().flat_map(|setting| ["-c", setting])).stdout(Stdio::null());
        let process = Process::start(&mut server, &folder.path().join("log"))?;
        let mut postgres = Postgres { process, programs: programs.to_path_buf(), folder };
        postgres.await_answer()?;
        Ok(postgres)
    }

    fn await_answer(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            match self.psql("postgres", "SELECT 1") {
                Ok(()) => return Ok(()),
                Err(_) if self.process.runs()? && began.elapsed() < START_MAX => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => bail!("waiting for PostgreSQL: {error:#}{}", self.process.last_words()),
            }
        }
    }

    /// Its process, which has started all others.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Makes an empty database; answers its address.
    pub(crate) fn create(&self, name: &str) -> anyhow::Result<String> {
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))?;
        let host = self.folder.path().display().to_string().replace('%', "%25").replace('/', "%2F");
        Ok(format!("postgres://koi@{host}:{PORT}/{name}"))
    }

    /// Makes the tables and the function of bar 3, with the same campaign and codes as Koi's own stage.
    pub(crate) fn set_stage(&self, database: &str, stage: &Stage) -> anyhow::Result<()> {
        self.psql(database, CLAIM_SQL)?;
        self.psql(database, &stage_sql(stage))
    }

    /// Runs a script.
    pub(crate) fn psql(&self, database: &str, script: &str) -> anyhow::Result<()> {
        self.answer(database, script).map(|_| ())
    }

    /// Runs a script; what it selects, a line for each row.
    fn answer(&self, database: &str, script: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-qXAt", "-v", "ON_ERROR_STOP=1", "-U", "koi", "-p", PORT, "-d", database, "-h"])
            .arg(self.folder.path());
        run(&mut psql, script)
    }
}

/// It is asked to end at once, without a word to anybody: what it holds is thrown away.
impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.process.signal(Signal::QUIT);
        let began = Instant::now();
        while self.process.runs().unwrap_or(false) && began.elapsed() < STOP_MAX {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Rows of the tables in `claim.sql`.
fn stage_sql(stage: &Stage) -> String {
    let now_ms = Timestamp::now().as_millisecond();
    let (starts, ends) = (now_ms - 10 * DAY_MS, now_ms + 365 * DAY_MS);
    let numbers =
        |of: fn((u64, u64)) -> u64| PACKETS.iter().map(|tier| of(*tier).to_string()).collect::<Vec<_>>().join(",");
    let budget: u64 = PACKETS.iter().map(|(face, count)| face * count).sum();
    let campaign = format!(
        "INSERT INTO campaign VALUES ('{CAMPAIGN}', {starts}, {ends}, {}, {LIMIT}, {LIMIT}, {}, '{{{}}}', '{{{}}}', {budget}, 0);\n",
        30 * DAY_MS,
        7 * DAY_MS,
        numbers(|(face, _)| face),
        numbers(|(_, count)| count),
    );
    let codes = stage.codes.iter().zip(&stage.stores);
    codes.fold(campaign, |sql, (code, store)| {
        // As in the keys of Redis, the last of two counts.
        sql + &format!(
            "INSERT INTO code VALUES ('{code}', '{store}') ON CONFLICT (code) DO UPDATE SET store = excluded.store;\n"
        )
    })
}

/// The account of a user of this machine.
#[derive(Debug)]
struct User {
    id: u32,
    group: u32,
}

impl User {
    /// Who must run the server: somebody else when we are root.
    fn of_server() -> anyhow::Result<Option<User>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let accounts = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        let user = User::named(&accounts, USER);
        user.map(Some).with_context(|| format!("root may not run PostgreSQL, and there is no user {USER}"))
    }

    fn named(accounts: &str, name: &str) -> Option<User> {
        accounts.lines().find_map(|line| {
            let mut columns = line.split(':');
            let (found, _, id, group) = (columns.next()?, columns.next()?, columns.next()?, columns.next()?);
            (found == name).then_some(User { id: id.parse().ok()?, group: group.parse().ok()? })
        })
    }
}

fn as_user(program: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
    }
    // Where we are may be a folder that the server's user cannot enter.
    command.current_dir("/");
    command
}

/// Runs a program to its end with this on its standard input; what it wrote.
fn run(command: &mut Command, input: &str) -> anyhow::Result<String> {
    use std::io::Write;
    let program = command.get_program().to_string_lossy().into_owned();
    // What the environment says of other servers is not meant for this one.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    // It may end before it has read everything; its words say why.
    let written = child.stdin.take().context("its standard input")?.write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{program}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    written?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests;
