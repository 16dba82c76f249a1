//! A sandbox of one test, and shorthands for setting its scene.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Answer, Call};
use crate::postgres;

pub(crate) const BEFORE: &str = "2018-07-14T15:00:00Z";
pub(crate) const DURING: &str = "2018-07-19T22:15:00Z";
pub(crate) const CAMPAIGN: &str = "nz-summer-2018";

/// A running server, killed at the end of its test.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) folder: Arc<TempDir>,
}

impl Server {
    pub(crate) fn start(clock: &str) -> Self {
        Self::on(Arc::new(tempfile::tempdir().expect("a folder")), clock)
    }

    /// Another server on the same folder, when this one has ended.
    pub(crate) fn again(&self, clock: &str) -> Self {
        Self::on(self.folder.clone(), clock)
    }

    fn on(folder: Arc<TempDir>, clock: &str) -> Self {
        let launched = command(folder.path(), clock);
        Self::launched(folder, launched)
    }

    /// One with settings of its own.
    pub(crate) fn with(clock: &str, settings: &[&str]) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let mut launched = command(folder.path(), clock);
        launched.args(settings);
        Self::launched(folder, launched)
    }

    /// A sandbox whose clock is the machine's.
    pub(crate) fn on_real_time(folder: Arc<TempDir>) -> Self {
        let launched = sandbox(folder.path());
        Self::launched(folder, launched)
    }

    /// One of several on a database, with settings of its own.
    pub(crate) fn on_database(url: &str, clock: &str, settings: &[&str]) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder"));
        let mut launched = koi();
        launched.args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--clock", clock]).args(settings);
        launched.env("KOI_DATABASE", url).arg("--data").arg(folder.path());
        Self::launched(folder, launched)
    }

    fn launched(folder: Arc<TempDir>, command: Command) -> Self {
        let (process, line) = launch(command);
        let address = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        let Some(address) = address else { panic!("the first line is {line:?}") };
        Self { process, address, folder }
    }

    /// The most memory that the process ever held, in MiB.
    pub(crate) fn peak_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    /// Tells the server to stop, as a supervisor does.
    pub(crate) fn terminate(&self) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("a signal");
    }

    /// The exit status, if the process ends within a time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < time {
            if let Some(status) = self.process.try_wait().expect("its status") {
                return Some(status.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    pub(crate) fn get(&self, role: &str, path: &str) -> Answer {
        self.call("GET", path).role(role).send()
    }

    pub(crate) fn post(&self, role: &str, path: &str, body: &Value) -> Answer {
        self.call("POST", path).role(role).fresh_key().json(body).send()
    }

    pub(crate) fn put(&self, role: &str, path: &str, body: &Value) -> Answer {
        self.call("PUT", path).role(role).json(body).send()
    }

    pub(crate) fn clock(&self, now: &str) {
        self.put("operator", "/v1/sandbox/clock", &json!({ "now": now })).expect(200);
    }

    /// A campaign that is approved and has its money.
    pub(crate) fn campaign(&self, document: &Value) {
        let id = document["id"].as_str().expect("an id");
        let worth = |tier: &Value| tier["face"].as_i64().unwrap_or(0) * tier["count"].as_i64().unwrap_or(0);
        let stock: i64 = document["packets"].as_array().into_iter().flatten().map(worth).sum();
        self.post("operator", "/v1/campaigns", document).expect(201);
        self.post("operator", &format!("/v1/campaigns/{id}/submit"), &json!({})).expect(200);
        self.post("approver", &format!("/v1/campaigns/{id}/approve"), &json!({})).expect(200);
        let amount = json!({ "amount": { "currency": "CNY", "value": stock } });
        self.post("operator", &format!("/v1/campaigns/{id}/fund"), &amount).expect(200);
    }

    /// A merchant with one store, and a code that hangs there.
    pub(crate) fn store(&self, merchant: &str, store: &str, country: &str, currency: &str) -> String {
        let body =
            json!({ "id": merchant, "name": merchant, "country": country, "currency": currency, "fee_bps": 160 });
        self.post("acquirer", "/v1/merchants", &body).expect(201);
        let body = json!({ "id": store, "name": store, "country": country, "time_zone": "Pacific/Auckland" });
        self.post("acquirer", &format!("/v1/merchants/{merchant}/stores"), &body).expect(201);
        let path = format!("/v1/stores/{store}/codes");
        let code = self.post("acquirer", &path, &json!({ "medium": "a5_sticker" })).expect(201).json();
        code["code"].as_str().expect("a code").to_owned()
    }

    /// The campaign of summer 2018 with one store in New Zealand, and its code.
    pub(crate) fn summer(clock: &str) -> (Self, String) {
        let server = Self::start(clock);
        let code = server.stage(&campaign(CAMPAIGN));
        (server, code)
    }

    /// A campaign with one store in New Zealand, and its code.
    pub(crate) fn stage(&self, document: &Value) -> String {
        self.campaign(document);
        let code = self.store("kiwi-honey", "queen-st", "NZ", "NZD");
        self.put("acquirer", "/v1/rates/NZD-CNY", &json!({ "rate": "4.58170000" })).expect(200);
        code
    }

    pub(crate) fn claim(&self, code: &str, account: &str) -> Answer {
        self.post("wallet", &format!("/v1/campaigns/{CAMPAIGN}/claims"), &claim(code, account))
    }

    pub(crate) fn quote(&self, account: &str, cents: i64) -> Answer {
        self.post("wallet", "/v1/quotes", &purchase(account, cents))
    }

    pub(crate) fn pay(&self, account: &str, cents: i64) -> Answer {
        let quote = self.quote(account, cents).expect(201).json();
        self.post("wallet", "/v1/payments", &json!({ "quote": quote["id"] }))
    }

    /// Kills the server; its folder stays.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a server; answers the process and the first line that it printed.
fn launch(mut command: Command) -> (Child, String) {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("koi");
    let mut line = String::new();
    let output = process.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("a line");
    (process, line)
}

/// Whether the servers of these tests work on PostgreSQL, each folder's on a database of its own.
pub(crate) fn is_on_postgres() -> bool {
    std::env::var_os("KOI_TEST_STORE").is_some_and(|store| store == "postgres")
}

fn sandbox(folder: &Path) -> Command {
    let mut command = koi();
    command.args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    if is_on_postgres() {
        command.env("KOI_DATABASE", database_of(folder));
    }
    command
}

/// The binary, in an environment without settings.
pub(crate) fn koi() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koi"));
    command.env_remove("KOI_DATABASE");
    command
}

fn database_of(folder: &Path) -> String {
    static NAMES: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = postgres::Server::shared();
    let name = names.entry(folder.to_owned()).or_insert_with(|| cluster.fresh());
    cluster.url(name)
}

pub(crate) fn command(folder: &Path, clock: &str) -> Command {
    let mut command = sandbox(folder);
    command.args(["--clock", clock]);
    command
}

pub(crate) fn campaign(id: &str) -> Value {
    json!({
        "id": id,
        "kind": "red_packet",
        "title": { "en": "NZ summer 2018", "zh": "新西兰之夏 2018" },
        "currency": "CNY",
        "funder": "alipay",
        "time_zone": "Asia/Shanghai",
        "starts_at": "2018-07-15T00:00:00+08:00",
        "ends_at": "2018-09-15T00:00:00+08:00",
        "packets": [{ "face": 8800, "count": 100 }],
        "eligibility": { "verified": true, "id_countries": ["CN"], "not_in_countries": ["CN"] },
        "limits": { "window_days": 30, "per_window": 5, "live": 1 },
        "coupon": {
            "valid_days": 7, "threshold": "exceeds", "min_shopper_pays": 1,
            "refund_returns_coupon": false, "restock_expired": true
        },
        "quote": { "valid_seconds": 180 },
        "terms": { "en": "One live coupon at a time.", "zh": "同一时间只能持有一张红包。" }
    })
}

pub(crate) fn claim(code: &str, account: &str) -> Value {
    let person = format!("person-of-{account}");
    json!({
        "code": code,
        "shopper": { "account": account, "person": person, "verified": true, "id_country": "CN" }
    })
}

pub(crate) fn purchase(account: &str, cents: i64) -> Value {
    json!({
        "shopper": { "account": account, "person": format!("person-of-{account}") },
        "store": "queen-st",
        "amount": { "currency": "NZD", "value": cents }
    })
}

/// The server's own OpenAPI document.
pub(crate) fn document(server: &Server) -> Value {
    server.call("GET", "/openapi.json").send().expect(200).json()
}

/// A value of an answer's body, as text.
pub(crate) fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_default().to_owned()
}
