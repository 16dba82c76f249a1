//! A PostgreSQL of our own in a temporary folder, without TCP. It ends with the process that started it, however that
//! ends: a shell beside it waits for the end of a pipe.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

/// Who runs the server when the test is run by root, whom PostgreSQL refuses.
const USER: &str = "postgres";
/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// A server for tests: small, and without waiting for the disk, which outlives every process that is killed.
const SETTINGS: &str = "-c listen_addresses= -c fsync=off -c full_page_writes=off -c shared_buffers=32MB \
    -c max_wal_size=256MB";
/// Runs the server, and ends it when the pipe to whoever started this ends.
const KEEPER: &str = r#"
place="$1"; after="$2"; shift 2
"$@" >>"$place/log" 2>&1 </dev/null & server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
kill -CONT "$server" 2>/dev/null
wait "$server"
[ "$after" = keep ] || rm -rf "$place"
"#;

pub(crate) struct Server {
    programs: PathBuf,
    place: PathBuf,
    port: u16,
    keeper: Mutex<Option<Child>>,
    is_own: bool,
    /// The address of a server that somebody else runs.
    foreign: Option<String>,
}

/// The variable that names a server with Citus, as `postgres://user:password@host:port`: databases are made there.
const CITUS: &str = "KOI_TEST_CITUS_URL";

impl Server {
    /// A server with Citus, if one is named.
    pub(crate) fn citus() -> Option<&'static Server> {
        static NAMED: OnceLock<Option<Server>> = OnceLock::new();
        let named = NAMED.get_or_init(|| {
            let foreign = std::env::var_os(CITUS)?.into_string().expect("an address");
            let (programs, place) = (PathBuf::new(), PathBuf::new());
            Some(Server {
                programs,
                place,
                port: 0,
                keeper: Mutex::default(),
                is_own: false,
                foreign: Some(foreign),
            })
        });
        named.as_ref()
    }

    /// The server of this process.
    pub(crate) fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start_with(false, ""))
    }

    /// A server for one test alone, which may stop it.
    pub(crate) fn own() -> Server {
        Server::start_with(true, "")
    }

    /// A server that only replays what another one writes, of which there is none.
    pub(crate) fn replica() -> Server {
        let server = Server::prepare(true);
        server.as_user(Command::new("touch").arg(server.place.join("data/standby.signal")));
        server.run("");
        server
    }

    /// A server that answers on a port, by TLS only and for a password.
    pub(crate) fn with_tls(certificate: &Path, key: &Path, port: u16) -> Server {
        let mut server = Server::prepare(true);
        server.port = port;
        let data = server.place.join("data");
        for (from, to) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = data.join(to);
            run(Command::new("cp").arg(from).arg(&to));
            if is_root() {
                run(Command::new("chown").arg(USER).arg(&to));
            }
            run(Command::new("chmod").arg("600").arg(&to));
        }
        let hosts = "local all koi trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), hosts).unwrap();
        server.run("-c ssl=on -c listen_addresses=localhost");
        server
    }

    /// A server with more settings.
    pub(crate) fn start_with(is_own: bool, settings: &str) -> Server {
        let server = Server::prepare(is_own);
        server.run(settings);
        server
    }

    fn prepare(is_own: bool) -> Server {
        let programs = programs().expect("PostgreSQL is not installed: run ./test, which installs it");
        let template = template(&programs);
        let place = tempfile::Builder::new().prefix("koi-pg").tempdir().unwrap().keep();
        let server = Server { programs, place, port: 5432, keeper: Mutex::default(), is_own, foreign: None };
        if is_root() {
            run(Command::new("chown").arg(USER).arg(&server.place));
        }
        server.as_user(Command::new("cp").arg("-R").arg(template).arg(server.place.join("data")));
        server.as_user(Command::new("chmod").arg("700").arg(server.place.join("data")));
        server
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn run(&self, settings: &str) {
        let mut command = as_user_command("sh");
        let after = if self.is_own { "keep" } else { "remove" };
        command.args(["-c", KEEPER, "sh"]).arg(&self.place).arg(after).arg(self.programs.join("postgres"));
        command.arg("-D").arg(self.place.join("data")).arg("-k").arg(&self.place);
        command.arg("-p").arg(self.port.to_string());
        command.args(SETTINGS.split_whitespace()).args(settings.split_whitespace());
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(command.spawn().unwrap());
        wait_until("the server answers", || self.try_sql("postgres").is_some());
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn stop(&self) {
        if let Some(mut keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(keeper.stdin.take());
            keeper.wait().unwrap();
        }
    }

    /// Stops all of it, as a machine that stands still: it is connected, and silent.
    pub(crate) fn stand_still(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    /// Sends a signal to the server and to every process of it.
    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.place.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        run(Command::new("kill").arg(format!("-{signal}")).arg(pid).args(children.split_whitespace()));
    }

    /// Keeps a copy of what the server has, as a standby that does not follow any more. It does not run meanwhile.
    pub(crate) fn keep_a_standby(&self) {
        self.as_user(Command::new("cp").arg("-R").arg(self.place.join("data")).arg(self.place.join("standby")));
    }

    /// The standby takes the place of the server, which does not run: what was written since then is lost.
    pub(crate) fn fail_over(&self) {
        let data = self.place.join("data");
        self.as_user(Command::new("rm").arg("-rf").arg(&data));
        self.as_user(Command::new("mv").arg(self.place.join("standby")).arg(&data));
        self.as_user(Command::new("touch").arg(data.join("standby.signal")));
        self.run("");
        self.as_user(Command::new(self.programs.join("pg_ctl")).args(["-w", "promote", "-D"]).arg(&data));
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        if let Some(address) = &self.foreign {
            return format!("{}/{database}", address.trim_end_matches('/'));
        }
        format!("postgres://koi@{}:{}/{database}", self.place.display().to_string().replace('/', "%2F"), self.port)
    }

    /// A fresh and empty database; answers its name.
    pub(crate) fn fresh(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Processes of tests meet on a server that is not theirs alone.
        let own = if self.foreign.is_some() { format!("{}_", std::process::id()) } else { String::new() };
        let name = format!("koi_{own}{number}");
        self.sql("postgres").run(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        if self.foreign.is_some() {
            self.sql(&name).run("CREATE EXTENSION citus");
        }
        name
    }

    /// A connection beside the store's own doors.
    pub(crate) fn sql(&self, database: &str) -> Sql {
        self.try_sql(database).expect("the server answers")
    }

    fn try_sql(&self, database: &str) -> Option<Sql> {
        if self.foreign.is_some() {
            return Sql::connect(&self.url(database).parse().expect("an address"));
        }
        let mut config = Config::new();
        config.host_path(&self.place).port(self.port).user("koi").dbname(database).application_name("test");
        Sql::connect(&config)
    }

    fn as_user(&self, command: &Command) {
        let mut as_user = as_user_command(&command.get_program().to_string_lossy());
        run(as_user.args(command.get_args()).current_dir("/"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_own {
            self.stop();
            let _ = std::fs::remove_dir_all(&self.place);
        }
    }
}

/// A connection of a test.
pub(crate) struct Sql {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Sql {
    fn connect(config: &Config) -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, connection) = runtime.block_on(config.connect(NoTls)).ok()?;
        runtime.spawn(connection);
        Some(Self { runtime, client })
    }

    /// Runs statements; answers the rows, with their columns as texts.
    pub(crate) fn run(&self, sql: &str) -> Vec<Vec<String>> {
        self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    pub(crate) fn try_run(&self, sql: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
        let messages = self.runtime.block_on(self.client.simple_query(sql))?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|place| row.get(place).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Makes the database say that it has Citus; its tables stay where they are.
    pub(crate) fn pretend_citus(&self) {
        self.run(
            "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) \
             VALUES (99999, 'citus', 10, 11, false, '0')",
        );
    }

    /// Loses the last step of the public log, as a failover can.
    pub(crate) fn lose_step(&self) {
        self.run("DELETE FROM sequenced WHERE number = (SELECT max(number) FROM sequenced)");
    }

    /// Whether the steps of the public log are dense.
    pub(crate) fn has_every_step(&self) -> bool {
        self.value("SELECT max(number) - count(*) FROM sequenced") == "0"
    }

    /// Forgets a code, which was the last change of the catalog, as a database that did not keep everything does.
    pub(crate) fn lose_code(&self, code: &str) {
        self.run(&format!("DELETE FROM code WHERE code = '{code}'"));
        self.run("UPDATE meta SET value = (value::bigint - 1)::text WHERE name = 'revision'");
    }

    /// The one value that a statement answers.
    pub(crate) fn value(&self, sql: &str) -> String {
        self.run(sql)[0][0].clone()
    }
}

/// A folder as `initdb` makes it, made once and copied for each server.
fn template(programs: &Path) -> PathBuf {
    let user = if is_root() { USER.to_owned() } else { whoami() };
    let version = programs.display().to_string().replace('/', "_");
    let base = std::env::temp_dir().join(format!("koi-pg-template-{user}"));
    let made = base.join(format!("{version}.2"));
    if made.exists() {
        return made;
    }
    let _ = std::fs::create_dir(&base);
    if is_root() {
        run(Command::new("chown").arg(USER).arg(&base));
    }
    // Several may make one; the first that is done is taken.
    let new = base.join(format!("new.{}", std::process::id()));
    let mut command = as_user_command(&programs.join("initdb").to_string_lossy());
    run(command
        .args(["-A", "trust", "-U", "koi", "-E", "UTF8", "--locale=C", "-N", "-D"])
        .arg(&new)
        .current_dir("/"));
    if std::fs::rename(&new, &made).is_err() {
        let _ = std::fs::remove_dir_all(&new);
    }
    made
}

/// A program, run as a user that PostgreSQL accepts.
fn as_user_command(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", USER, "--", program]);
    command
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

fn whoami() -> String {
    String::from_utf8_lossy(&Command::new("id").arg("-un").output().unwrap().stdout).trim().to_owned()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Waits for something that must come.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
