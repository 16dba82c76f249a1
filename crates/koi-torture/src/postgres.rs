//! A PostgreSQL of our own in a temporary folder, made to be killed: it waits for the disk (`fsync` stays on), so that
//! what its recovery finds is what a crash would leave. It ends with the process that started it, however that ends: a
//! shell beside it waits for the end of a pipe.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::failure::excerpt;
use crate::limits::{DEATH_TIMEOUT, POLL_INTERVAL, READY_TIMEOUT};

/// Who runs the server when root asks for it, whom PostgreSQL refuses.
const USER: &str = "postgres";
/// Runs the server, and ends it when the pipe to whoever started this ends.
const KEEPER: &str = r#"
log="$1"; shift
"$@" >>"$log" 2>&1 </dev/null & server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
"#;
/// What is needed of PostgreSQL.
const PROGRAMS: [&str; 8] =
    ["initdb", "postgres", "pg_ctl", "pg_isready", "psql", "createdb", "pg_basebackup", "pg_rewind"];
/// Small, and with checkpoints often enough that recoveries begin at different places.
const SETTINGS: [&str; 4] =
    ["shared_buffers=64MB", "max_wal_size=256MB", "checkpoint_timeout=30s", "max_connections=200"];

/// How a database server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// All its processes at once, as when the machine ends.
    Whole,
    /// It is told to stop at once, without writing anything (`pg_ctl stop -m immediate`).
    Immediate,
    /// One of its connections' processes; it recovers by itself.
    Connection,
}

/// A database server with its folder.
pub(crate) struct Cluster {
    programs: PathBuf,
    place: TempDir,
    port: u16,
    /// How it is called in `synchronous_standby_names`.
    name: &'static str,
    keeper: Option<Child>,
}

impl Cluster {
    /// A new cluster with more settings, which runs.
    pub(crate) async fn start_new(name: &'static str, settings: &[&str]) -> Result<Self> {
        let mut cluster = Self::empty(name)?;
        let data = cluster.data();
        cluster.run(
            "initdb",
            &["-A", "trust", "-U", "koi", "-E", "UTF8", "--locale=C", "-N", "-D", &data.to_string_lossy()],
        )?;
        // In the file, not on the command line: pg_rewind starts the server, too.
        for setting in SETTINGS.iter().chain(settings) {
            cluster.write_setting(setting)?;
        }
        cluster.start().await?;
        Ok(cluster)
    }

    /// A cluster without data.
    pub(crate) fn empty(name: &'static str) -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed: run ./test, which installs it")?;
        let place = tempfile::Builder::new().prefix("koi-torture-pg-").tempdir()?;
        if is_root() {
            done(Command::new("chown").arg(USER).arg(place.path()))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Self { programs, place, port, name, keeper: None })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// `127.0.0.1:5432`.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://koi@{}/{database}?sslmode=disable", self.host())
    }

    /// Makes a database.
    pub(crate) fn create(&self, database: &str) -> Result<()> {
        self.client("createdb", &["-E", "UTF8", "-T", "template0", database]).map(drop)
    }

    /// Runs one of PostgreSQL's programs as a client of this server.
    pub(crate) fn client(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let port = self.port.to_string();
        self.run(program, &[&["-h", "127.0.0.1", "-p", &port, "-U", "koi"], arguments].concat())
    }

    /// Runs one of PostgreSQL's programs as the user that owns the data; answers what it prints.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        done(as_user(&self.programs.join(program)).args(arguments).current_dir("/"))
    }

    /// Starts the server on its data, and waits until it takes connections.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.let_go();
        let place = self.place.path();
        let mut command = as_user(Path::new("/bin/sh"));
        command.args(["-c", KEEPER, "sh"]).arg(place.join("log")).arg(self.programs.join("postgres"));
        command.arg("-D").arg(self.data()).arg("-k").arg(place).args(["-p", &self.port.to_string()]);
        command.arg("-c").arg(format!("cluster_name={}", self.name));
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        self.keeper = Some(command.spawn().context("PostgreSQL cannot be started")?);
        self.wait_ready().await
    }

    /// Waits until the server takes connections.
    pub(crate) async fn wait_ready(&self) -> Result<()> {
        let started = Instant::now();
        while let Err(error) = self.client("pg_isready", &["-q", "-d", "postgres"]) {
            if started.elapsed() > READY_TIMEOUT {
                bail!("PostgreSQL does not start: {error:#}; its log: {}", self.log_excerpt());
            }
            sleep(POLL_INTERVAL * 5).await;
        }
        Ok(())
    }

    /// Kills the server, or some of it. What has ended is started again by [`Self::start`].
    pub(crate) async fn crash(&self, how: Crash) -> Result<()> {
        let postmaster = self.postmaster()?;
        match how {
            Crash::Immediate => {
                kill_process(postmaster, Signal::QUIT)?;
                wait_gone(&[postmaster]).await
            }
            Crash::Connection => {
                // Any of them: the server ends all others, too, and recovers.
                let connections = children(postmaster, |line| line.starts_with("postgres: koi "));
                connections.first().map_or(Ok(()), |connection| kill(*connection))
            }
            Crash::Whole => {
                // Stopped, it starts nothing more, and its list of processes is whole.
                kill_process(postmaster, Signal::STOP)?;
                let mut all = children(postmaster, |_| true);
                all.push(postmaster);
                all.iter().rev().try_for_each(|process| kill(*process))?;
                wait_gone(&all).await
            }
        }
    }

    /// Adds a setting to the server's file, and lets it be read.
    pub(crate) fn configure(&self, setting: &str) -> Result<()> {
        self.write_setting(setting)?;
        self.control(&["reload"])
    }

    fn write_setting(&self, setting: &str) -> Result<()> {
        let mut file = OpenOptions::new().append(true).open(self.data().join("postgresql.conf"))?;
        Ok(writeln!(file, "{setting}")?)
    }

    /// Makes this server, which does not run, a standby of another: a copy of all it has.
    pub(crate) fn copy_of(&mut self, primary: &Cluster) -> Result<()> {
        self.let_go();
        let data = self.data();
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        primary
            .client("pg_basebackup", &["-R", "-c", "fast", "-X", "stream", "-D", &data.to_string_lossy()])
            .map(drop)
    }

    /// Makes this server, which has died, a standby of another that was its own standby.
    pub(crate) fn rewind_to(&mut self, primary: &Cluster) -> Result<()> {
        self.let_go();
        let source = format!("host=127.0.0.1 port={} user=koi dbname=postgres", primary.port);
        let data = self.data();
        // Before it, the new primary's control file names the old timeline, and pg_rewind finds nothing to do.
        primary.client("psql", &["-qXc", "CHECKPOINT", "postgres"])?;
        self.run("pg_rewind", &["-R", "--source-server", &source, "-D", &data.to_string_lossy()]).map(drop)
    }

    /// Makes a standby a primary.
    pub(crate) fn promote(&self) -> Result<()> {
        self.control(&["-w", "promote"])
    }

    fn control(&self, what: &[&str]) -> Result<()> {
        let data = self.data();
        self.run("pg_ctl", &[&["-D", &data.to_string_lossy()], what].concat()).map(drop)
    }

    /// Whether there is a server, be it one that recovers.
    pub(crate) fn is_running(&self) -> bool {
        self.postmaster().is_ok_and(lives)
    }

    fn postmaster(&self) -> Result<Pid> {
        let file =
            std::fs::read_to_string(self.data().join("postmaster.pid")).context("PostgreSQL does not run")?;
        let number = file.lines().next().and_then(|line| line.trim().parse().ok());
        number.and_then(Pid::from_raw).ok_or_else(|| anyhow!("postmaster.pid names no process"))
    }

    /// Ends the shell beside the server, and the server if it lives.
    fn let_go(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    /// The end of what the server said.
    pub(crate) fn log_excerpt(&self) -> String {
        let log = std::fs::read_to_string(self.place.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        excerpt(&lines.join(" | "))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn kill(process: Pid) -> Result<()> {
    match kill_process(process, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The processes that a process has started, if their command line is the one wanted.
fn children(of: Pid, is_wanted: impl Fn(&str) -> bool) -> Vec<Pid> {
    let raw = of.as_raw_nonzero();
    let list = std::fs::read_to_string(format!("/proc/{raw}/task/{raw}/children")).unwrap_or_default();
    let numbers = list.split_whitespace().filter_map(|number| number.parse().ok());
    let line = |number: &i32| std::fs::read_to_string(format!("/proc/{number}/cmdline")).unwrap_or_default();
    numbers.filter(|number| is_wanted(&line(number))).filter_map(Pid::from_raw).collect()
}

async fn wait_gone(processes: &[Pid]) -> Result<()> {
    let started = Instant::now();
    while processes.iter().any(|process| lives(*process)) {
        if started.elapsed() > DEATH_TIMEOUT {
            bail!("processes of PostgreSQL outlive their death");
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Whether a process can still do something: one that nobody has waited for yet cannot.
fn lives(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !matches!(rest.trim_start().chars().next(), None | Some('Z' | 'X')))
}

/// Runs a program to its end; answers what it prints.
fn done(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A program, run as a user that PostgreSQL accepts.
fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", USER, "--"]).arg(program);
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder of PostgreSQL's programs: on the path, or where Debian puts the newest.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The path may have some of them only.
    let has_all = |folder: &PathBuf| PROGRAMS.iter().all(|program| folder.join(program).exists());
    std::env::split_paths(&path).find(has_all).or_else(|| {
        let version = |entry: std::fs::DirEntry| -> Option<(u32, PathBuf)> {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        };
        let entries = Path::new("/usr/lib/postgresql").read_dir().ok()?;
        let folders = entries.filter_map(|entry| version(entry.ok()?));
        folders.filter(|(_, folder)| has_all(folder)).max().map(|(_, folder)| folder)
    })
}
