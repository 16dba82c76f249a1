//! Starts, kills and stops `koi serve --sandbox`. A server is ended by the handle of its own process.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::Client;
use crate::failure::{broken, excerpt};
use crate::limits::{DEATH_TIMEOUT, POLL_INTERVAL, READY_TIMEOUT, STOP_TIMEOUT};
use crate::moment::Moment;

/// A data folder that outlives its servers, with their log beside it.
pub(crate) struct Installation {
    koi: PathBuf,
    folder: TempDir,
    data: PathBuf,
    /// The database that holds everything in place of the folder.
    database: Option<String>,
}

impl Installation {
    /// An empty data folder for the given binary.
    pub(crate) fn fresh(koi: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("koi-torture-").tempdir()?;
        // The tracer filters by the path that the kernel shows, so links are resolved once, here.
        let data = folder.path().canonicalize()?.join("data");
        std::fs::create_dir(&data)?;
        let koi = koi.canonicalize().with_context(|| format!("no server at {}", koi.display()))?;
        Ok(Self { koi, folder, data, database: None })
    }

    /// The same on an empty PostgreSQL database.
    pub(crate) fn on(self, database: Option<String>) -> Self {
        Self { database, ..self }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A file beside the data folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Leaves everything where it is, for whoever looks into a failure.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn log(&self) -> PathBuf {
        self.beside("server.log")
    }

    /// The end of what the servers said on standard error.
    pub(crate) fn log_excerpt(&self) -> String {
        const TAIL_BYTES: u64 = 600;
        let tail = || -> std::io::Result<String> {
            let mut log = File::open(self.log())?;
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
            let mut text = Vec::new();
            log.read_to_end(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        excerpt(&tail().unwrap_or_default())
    }
}

/// One process of the server.
pub(crate) struct Server {
    child: Child,
    first_line: Receiver<String>,
    address: Option<SocketAddr>,
}

/// How a start ended.
pub(crate) enum Start {
    Ready,
    /// The process was gone before it was ready.
    Died(ExitStatus),
}

impl Server {
    /// Spawns a server; [`Self::wait_ready`] tells when it serves.
    pub(crate) fn spawn(installation: &Installation, clock: Moment) -> Result<Self> {
        let mut command = Command::new(&installation.koi);
        Self::launch(&mut command, installation, clock)
    }

    /// Spawns a process that stops itself before it becomes the server, so that a tracer can attach and
    /// see the start from the first call on; [`Self::release`] lets it go.
    pub(crate) fn spawn_held(installation: &Installation, clock: Moment) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]).arg(&installation.koi);
        let server = Self::launch(&mut command, installation, clock)?;
        let started = Instant::now();
        while !server.is_stopped()? {
            if started.elapsed() > READY_TIMEOUT {
                return Err(anyhow!("a held process does not stop"));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(server)
    }

    /// So many servers side by side that are ready; several on a database only.
    pub(crate) async fn several(installation: &Installation, count: usize, clock: Moment) -> Result<Vec<Self>> {
        let mut servers = Vec::new();
        for _ in 0..count {
            let mut server = Self::spawn(installation, clock)?;
            server.must_be_ready(installation).await?;
            servers.push(server);
        }
        Ok(servers)
    }

    /// Asks the process to stop, which it must do in good order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        match self.terminate(STOP_TIMEOUT).await? {
            Some(status) if status.success() => Ok(()),
            other => Err(broken("the server stops in good order", format!("{other:?}"))),
        }
    }

    fn launch(command: &mut Command, installation: &Installation, clock: Moment) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(installation.log())?;
        command.env_remove("KOI_DATABASE");
        command.envs(installation.database.iter().map(|url| ("KOI_DATABASE", url)));
        let mut child = command
            .args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--clock", &clock.to_string(), "--data"])
            .arg(&installation.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("the server cannot be started")?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Self { child, first_line: read_first_line(stdout), address: None })
    }

    fn is_stopped(&self) -> Result<bool> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The state follows the name, which stands in parentheses and may hold anything.
        Ok(stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T')))
    }

    /// Stops the process where it stands; [`Self::release`] lets it go on.
    pub(crate) fn hold(&self) -> Result<()> {
        Ok(kill_process(self.pid(), Signal::STOP)?)
    }

    pub(crate) fn release(&self) -> Result<()> {
        Ok(kill_process(self.pid(), Signal::CONT)?)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for the first line and for `/healthz`, or for the process to end.
    pub(crate) async fn wait_ready(&mut self) -> Result<Start> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Start::Died(status));
            }
            if started.elapsed() > READY_TIMEOUT {
                let limit_s = READY_TIMEOUT.as_secs();
                return Err(broken(format!("the server is ready within {limit_s} s"), "it is not"));
            }
            if let Ok(line) = self.first_line.try_recv() {
                let address = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
                self.address = Some(address.ok_or_else(|| {
                    broken("the first line is `listening on http://127.0.0.1:PORT`", format!("{line:?}"))
                })?);
            }
            if let Some(address) = self.address {
                let health = Client::new(address).get("/healthz", None).await;
                if health.is_ok_and(|answer| answer.status == 200) {
                    return Ok(Start::Ready);
                }
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits for a server that nothing keeps from starting.
    pub(crate) async fn must_be_ready(&mut self, installation: &Installation) -> Result<()> {
        match self.wait_ready().await? {
            Start::Ready => Ok(()),
            Start::Died(status) => Err(broken(
                "a healthy server starts on its data folder",
                format!("it ended with {status}; its log: {}", installation.log_excerpt()),
            )),
        }
    }

    /// Where a ready server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("asked for the address of a server that is not ready")
    }

    pub(crate) fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends the process without a warning.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to stop; `None` if it does not within the time.
    pub(crate) async fn terminate(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        if self.child.try_wait()?.is_none() {
            kill_process(self.pid(), Signal::TERM)?;
        }
        self.wait_end(patience).await
    }

    /// Waits for the end of a process whose connections are gone.
    pub(crate) async fn wait_death(&mut self) -> Result<Option<ExitStatus>> {
        self.wait_end(DEATH_TIMEOUT).await
    }

    async fn wait_end(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let started = Instant::now();
        while started.elapsed() < patience {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(None)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left behind, whatever went wrong; a process that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Hands out the first line, and reads on so that the server never waits for a full pipe.
fn read_first_line(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        if let Some(line) = lines.next() {
            let _ = sender.send(line);
        }
        lines.for_each(drop);
    });
    receiver
}
