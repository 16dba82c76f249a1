//! Child processes: started, awaited, and always ended by their own handle.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::call;
use crate::limits::{START_MAX, STOP_MAX};

/// How often a waiting loop looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Lines of a server's log that a failure quotes.
const LOG_LINES: usize = 5;

/// A child that does not outlive this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What it wrote to standard error.
    log: PathBuf,
}

impl Process {
    /// Starts a program whose standard error goes to a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Process> {
        let file =
            File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        let program = command.get_program().to_string_lossy().into_owned();
        let child =
            command.stdin(Stdio::null()).stderr(file).spawn().with_context(|| format!("starting {program}"))?;
        Ok(Process { child, log: log.to_path_buf() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for its end; kills it when that takes too long.
    pub(crate) fn wait(mut self, at_most: Duration) -> anyhow::Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() >= at_most {
                bail!("it was still running after {at_most:?} and was killed{}", self.last_words());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), signal).with_context(|| format!("sending {signal:?}"))
    }

    /// Asks it to end (SIGTERM) and waits.
    pub(crate) fn terminate(self) -> anyhow::Result<()> {
        let log = self.log.clone();
        self.signal(Signal::TERM)?;
        let status = self.wait(STOP_MAX).context("ending it by SIGTERM")?;
        // A program without a handler of its own ends by the signal, which is what was asked.
        if !status.success() && status.signal() != Some(Signal::TERM.as_raw()) {
            bail!("it ended with {status} after SIGTERM{}", last_words(&log));
        }
        Ok(())
    }

    /// Ends it at once (SIGKILL), as a power failure would end it.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().context("killing it")?;
        self.child.wait()?;
        Ok(())
    }

    /// The end of its log, for error messages.
    pub(crate) fn last_words(&self) -> String {
        last_words(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(LOG_LINES).collect();
    lines.iter().rev().fold(String::new(), |words, line| words + "\n  | " + line)
}

/// A server that says where it listens.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts a server that prints `listening on http://ADDRESS` as its first line, and waits until
    /// `/healthz` answers 200.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Server> {
        let server = Server::listening(command, log)?;
        let began = Instant::now() - server.started_in;
        loop {
            match call::get(server.address, "/healthz") {
                Ok((200, _)) => {
                    return Ok(Server { started_in: began.elapsed(), ..server });
                }
                _ if began.elapsed() < START_MAX => std::thread::sleep(LOOK_AGAIN),
                Ok((status, _)) => bail!("/healthz still answers {status} after {START_MAX:?}"),
                Err(error) => return Err(error.context(format!("/healthz after {START_MAX:?}"))),
            }
        }
    }

    /// The same for a server without `/healthz`.
    pub(crate) fn listening(command: &mut Command, log: &Path) -> anyhow::Result<Server> {
        let began = Instant::now();
        let mut process = Process::start(command.stdout(Stdio::piped()), log)?;
        let output = process.child.stdout.take().context("its standard output")?;
        let (sender, first_line) = mpsc::channel();
        // Reads on to the end, so that the server never blocks on a full pipe; ends with the server.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let line = first_line
            .recv_timeout(START_MAX)
            .map_err(|_| anyhow!("the server did not say where it listens{}", process.last_words()))?;
        let address = line
            .strip_prefix("listening on http://")
            .and_then(|address| address.trim().trim_end_matches('/').parse().ok())
            .with_context(|| format!("the server's first line is {line:?}"))?;
        Ok(Server { process, address, started_in: began.elapsed() })
    }
}
