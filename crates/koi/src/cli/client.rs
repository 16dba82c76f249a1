//! The command line's side of the API.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::settings::environment::Environment;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// Where a server is looked for when nobody says.
const HERE: &str = "http://127.0.0.1:8080";

/// Which server, and with which key.
#[derive(clap::Args)]
pub(super) struct ServerFlags {
    /// The server [default: http://127.0.0.1:8080] [env: KOI_SERVER]. The key comes from KOI_KEY or from the file that
    /// KOI_KEY_FILE names
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl ServerFlags {
    /// A client of that server with the key of the environment.
    pub(super) fn client(&self, environment: &Environment) -> anyhow::Result<Client> {
        let server = self.server.as_deref().or_else(|| environment.get("KOI_SERVER")).unwrap_or(HERE);
        Ok(Client::new(server, &key(environment)?))
    }
}

fn key(environment: &Environment) -> anyhow::Result<String> {
    match (environment.get("KOI_KEY"), environment.get("KOI_KEY_FILE")) {
        (Some(_), Some(_)) => bail!("both KOI_KEY and KOI_KEY_FILE are set; unset one"),
        (Some(key), None) => Ok(key.to_owned()),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("KOI_KEY_FILE: reading {path}"))?;
            Ok(text.trim().to_owned())
        }
        (None, None) => {
            bail!(
                "a key is needed: put it into KOI_KEY, or its file's name into KOI_KEY_FILE (`koi key create` makes \
                 one; a sandbox has sandbox_operator and its like)"
            )
        }
    }
}

/// A client of one server, with one key.
pub(super) struct Client {
    agent: ureq::Agent,
    server: String,
    key: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether the server had answered the very same before.
    pub(super) replayed: bool,
    pub(super) body: Value,
}

impl Answer {
    /// What a problem document says, in one line.
    pub(super) fn problem(&self) -> String {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        match (text("code"), text("detail"), text("title")) {
            (code, _, _) if code.is_empty() => format!("the server answered {}", self.status),
            (code, detail, title) if detail.is_empty() => format!("{title} ({} {code})", self.status),
            (code, detail, _) => format!("{detail} ({} {code})", self.status),
        }
    }
}

impl Client {
    pub(super) fn new(server: &str, key: &str) -> Self {
        let mut config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        // A proxy has no business between a command and a server on the same machine.
        if ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| server.starts_with(here)) {
            config = config.proxy(None);
        }
        Self { agent: config.build().into(), server: server.trim_end_matches('/').to_owned(), key: key.to_owned() }
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let request = self.agent.get(self.url(path)).header("authorization", self.bearer());
        self.answer(path, request.call())
    }

    /// The server needs an idempotency key for everything that changes something.
    pub(super) fn post(&self, path: &str, idempotency_key: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.agent.post(self.url(path)).header("authorization", self.bearer());
        let request =
            request.header("idempotency-key", idempotency_key).header("content-type", "application/json");
        self.answer(path, request.send(body.to_string()))
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.agent.put(self.url(path)).header("authorization", self.bearer());
        self.answer(path, request.header("content-type", "application/json").send(body.to_string()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    fn answer(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Answer> {
        let mut answer = answer.with_context(|| format!("no answer from {}", self.server))?;
        let status = answer.status().as_u16();
        let replayed = answer.headers().contains_key("idempotent-replayed");
        let text = answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_string();
        let text = text.with_context(|| format!("reading the answer of {}{path}", self.server))?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, replayed, body })
    }
}
