//! Runs `strace` on a server: counts its calls, kills it at one of them, or makes them fail.
//!
//! How the tracer counts decides what a plan means. `when=N` counts per system call **and per thread**,
//! and `-P FILE` is applied before the count, so only calls on the named files are numbered; it matches
//! whole paths, not folders. A kill on entering a call ends the process before the call has any effect.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::limits::{POLL_INTERVAL, TRACER_TIMEOUT};
use crate::server::Server;

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Kill,
    /// The call is not made and answers this error.
    Fail {
        errno: &'static str,
        lasting: Lasting,
    },
}

/// Whether a fault passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    Once,
    ForGood,
}

/// The n-th call of one kind, counted in each thread from the moment of attaching.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    pub(crate) call: String,
    pub(crate) n: u32,
    pub(crate) effect: Effect,
}

impl fmt::Display for Injection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.effect {
            Effect::Kill => write!(out, "inject={}:signal=KILL:when={}", self.call, self.n),
            Effect::Fail { errno, lasting } => {
                let on = if lasting == Lasting::ForGood { "+" } else { "" };
                write!(out, "inject={}:error={errno}:when={}{on}", self.call, self.n)
            }
        }
    }
}

/// A tracer that is attached to a server.
pub(crate) struct Tracer {
    child: Child,
    log: PathBuf,
}

impl Tracer {
    /// Whether a tracer can be used here; the reason if not.
    pub(crate) fn is_usable() -> Result<(), String> {
        let output = Command::new("strace").args(["-qq", "-o", "/dev/null", "/bin/true"]).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("strace fails: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("strace is not installed: {error}")),
        }
    }

    /// Writes down the given calls, with the paths of their files and the beginning of what is written.
    pub(crate) fn record(server: &Server, calls: &[&str], log: &Path) -> Result<Self> {
        let mut command = Command::new("strace");
        command.args(["-y", "-s", "512", "-e", "signal=none", "-e"]).arg(format!("trace={}", calls.join(",")));
        Self::attach(command, server, log)
    }

    /// Arms an injection on the given files.
    pub(crate) fn inject(server: &Server, injection: &Injection, files: &[PathBuf], log: &Path) -> Result<Self> {
        let mut command = Command::new("strace");
        command.args([
            "-e",
            "signal=none",
            "-e",
            &format!("trace={}", injection.call),
            "-e",
            &injection.to_string(),
        ]);
        for file in files {
            command.arg("-P").arg(file);
        }
        Self::attach(command, server, log)
    }

    fn attach(mut command: Command, server: &Server, log: &Path) -> Result<Self> {
        let child = command
            .args(["-f", "-qq", "-p", &server.id().to_string(), "-o"])
            .arg(log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("strace cannot be started")?;
        let mut tracer = Self { child, log: log.to_owned() };
        let started = Instant::now();
        while !tracer.holds_every_thread(server)? {
            if let Some(status) = tracer.child.try_wait()? {
                bail!("strace ended with {status} before it was attached");
            }
            if started.elapsed() > TRACER_TIMEOUT {
                bail!("strace does not attach");
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(tracer)
    }

    fn holds_every_thread(&self, server: &Server) -> Result<bool> {
        let own = format!("TracerPid:\t{}", self.child.id());
        for thread in std::fs::read_dir(format!("/proc/{}/task", server.id()))? {
            // A thread may end between the listing and the look; then it needs no tracer.
            let status = std::fs::read_to_string(thread?.path().join("status")).unwrap_or_else(|_| own.clone());
            if !status.lines().any(|line| line == own) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets go of the server (or takes note of its end) and answers the log.
    pub(crate) fn finish(mut self) -> Result<String> {
        if self.child.try_wait()?.is_none() {
            kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        }
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > TRACER_TIMEOUT {
                return Err(anyhow!("strace does not let go"));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // An attached tracer that is killed lets its process go on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the log of an injection says that it struck.
pub(crate) fn struck(log: &str) -> bool {
    log.contains("(INJECTED)")
}

/// The files of a list, as absolute paths in a data folder.
pub(crate) fn in_folder(data: &Path, names: &BTreeSet<String>) -> Vec<PathBuf> {
    names.iter().map(|name| data.join(name)).collect()
}
