//! What the tests of the command line share: running the built binary, and a server that does not outlive its test.
#![allow(dead_code, reason = "each test uses its part")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The binary, in an environment without settings.
pub(crate) fn koi() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koi"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("KOI_")) {
            command.env_remove(name);
        }
    }
    command.env("NO_COLOR", "1");
    command
}

/// What a run of the binary came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Its output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs it with arguments.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    finish(koi().args(arguments))
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// A server, killed with its test.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// A sandbox on a folder.
    pub(crate) fn sandbox(data: &Path) -> Self {
        Self::start(koi().args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--data"]).arg(data))
    }

    /// A live server on a folder.
    pub(crate) fn live(data: &Path) -> Self {
        // Whatever is approved in a test is sealed without a network.
        Self::start(koi().args(["serve", "--beacon", "local", "--listen", "127.0.0.1:0", "--data"]).arg(data))
    }

    /// Whatever says `listening on http://…` first.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, url }
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(mut self) -> i32 {
        terminate(&self.child);
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// A call with a key: the status and the body.
    pub(crate) fn call(&self, method: &str, path: &str, key: &str, body: &str) -> (u16, String) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
        let agent: ureq::Agent = config.build().into();
        let url = format!("{}{path}", self.url);
        let bearer = format!("Bearer {key}");
        let answer = match method {
            "GET" => agent.get(url).header("authorization", bearer).call(),
            "POST" => agent
                .post(url)
                .header("authorization", bearer)
                .header("idempotency-key", idempotency_key(path, body))
                .send(body),
            _ => panic!("{method}"),
        };
        let mut answer = answer.unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same for the same call, and short enough for every body.
fn idempotency_key(path: &str, body: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (path, body).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// SIGTERM.
pub(crate) fn terminate(child: &Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
}
