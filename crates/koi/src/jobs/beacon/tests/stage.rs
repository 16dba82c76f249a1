//! A server in this process, and relays with manners that change while they run.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use koi_core::money::Currency;
use koi_core::time::{Time, Zone};
use koi_fair::beacon::relay::Relays;
use koi_fair::beacon::{Beacon as Round, Chain, local};
use koi_store::Reader;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{OTHER_ROUND as QUICKNET_ROUND, OTHER_SIGNATURE as QUICKNET_SIGNATURE};
use crate::engine::beacons::Beacons;
use crate::http::router;
use crate::jobs::beacon::{Pace, Randomness};
use crate::serve::serve_routes;
use crate::settings::{Beacon, Serve};

pub(super) const BEFORE: &str = "2018-07-14T15:00:00Z";
/// A minute before the opening: the time of the round that seals.
pub(super) const DUE: &str = "2018-07-14T15:59:00Z";
pub(super) const OPENING: &str = "2018-07-14T16:00:00Z";

/// The end of every campaign here.
pub(super) const ENDING: &str = "2027-01-01T00:00:00Z";

/// What is waited for comes within this time, or never.
const LONG: Duration = Duration::from_secs(30);

pub(super) const FAST: Pace =
    Pace { look: Duration::from_millis(10), first: Duration::from_millis(10), longest: Duration::from_millis(50) };

// How a relay behaves. It is a number, so that it can change while the relay runs.
pub(super) const HONEST: u8 = 0;
pub(super) const NOT_YET: u8 = 1;
pub(super) const OTHER_ROUND: u8 = 2;
pub(super) const OTHER_SIGNATURE: u8 = 3;
pub(super) const NOT_CANONICAL: u8 = 4;
pub(super) const OTHER_CHAIN: u8 = 5;
pub(super) const ENDLESS: u8 = 6;
pub(super) const GARBAGE: u8 = 7;
pub(super) const HANG: u8 = 8;
pub(super) const BREAK_OFF: u8 = 9;
pub(super) const BROKEN: u8 = 10;
pub(super) const ELSEWHERE: u8 = 11;

/// A relay of the local chain.
pub(super) struct Relay {
    pub(super) url: String,
    pub(super) manners: Arc<AtomicU8>,
    /// A round that it does not have.
    pub(super) lacks: Arc<AtomicU64>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    /// The paths that it was asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it was asked so often.
    pub(super) fn wait_for(&self, times: usize) {
        wait_until(&format!("{} is asked", self.url), || self.asked().len() >= times);
    }
}

pub(super) fn relay(manners: u8) -> Relay {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay {
        url: format!("http://{}", listener.local_addr().unwrap()),
        manners: Arc::new(AtomicU8::new(manners)),
        lacks: Arc::default(),
        asked: Arc::default(),
    };
    let (manners, lacks, asked) = (relay.manners.clone(), relay.lacks.clone(), relay.asked.clone());
    thread::spawn(move || {
        for (times, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let (manners, lacks, asked) =
                (manners.load(Ordering::SeqCst), lacks.load(Ordering::SeqCst), asked.clone());
            thread::spawn(move || {
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let round = path.rsplit('/').next().unwrap_or_default().parse().unwrap_or_default();
                asked.lock().unwrap_or_else(PoisonError::into_inner).push(path);
                let manners = if round == lacks { NOT_YET } else { manners };
                // An error is a server that has gone, as it may.
                _ = behave(&mut stream, manners, round, times);
            });
        }
    });
    relay
}

fn behave(stream: &mut TcpStream, manners: u8, round: u64, times: usize) -> std::io::Result<()> {
    let signed = local::sign(round);
    let signature_of = |other: u64| Round { round, ..local::sign(other) };
    match manners {
        HONEST => answer(stream, "200 OK", &signed.json()),
        NOT_YET if times.is_multiple_of(2) => answer(stream, "404 Not Found", "not yet"),
        NOT_YET => answer(stream, "425 Too Early", ""),
        OTHER_ROUND => answer(stream, "200 OK", &local::sign(round + 1).json()),
        OTHER_SIGNATURE => answer(stream, "200 OK", &signature_of(round + 1).json()),
        NOT_CANONICAL => {
            let mut signature = signed.signature;
            signature[0] &= 0x7F;
            answer(stream, "200 OK", &Round { round, signature, randomness: None }.json())
        }
        OTHER_CHAIN => {
            let signature = hex::decode(QUICKNET_SIGNATURE).unwrap();
            answer(stream, "200 OK", &Round { round: QUICKNET_ROUND, signature, randomness: None }.json())
        }
        ENDLESS => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 4000000000\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 65_536])?;
            }
        }
        GARBAGE => answer(stream, "200 OK", "<html>"),
        HANG => {
            thread::sleep(LONG);
            Ok(())
        }
        BREAK_OFF => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n{{\"round\""),
        BROKEN => answer(stream, "500 Internal Server Error", ""),
        ELSEWHERE => answer(stream, "301 Moved Permanently\r\nlocation: http://127.0.0.1:1", ""),
        _ => panic!("{manners}"),
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The local chain, as one whose rounds only relays have.
pub(super) fn brought(relays: &[&Relay]) -> Randomness {
    let relays = Relays::new(relays.iter().map(|relay| &relay.url)).with_patience(Duration::from_secs(1));
    Randomness { beacons: Beacons::brought(Chain::local()), relays, pace: FAST }
}

/// A sandbox in this process whose campaigns are sealed otherwise than a sandbox's.
pub(super) struct Server {
    url: String,
    folder: Arc<TempDir>,
    agent: ureq::Agent,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(clock: &str, randomness: Randomness) -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), Time::parse(clock), randomness)
    }

    /// Another one on the same folder, with other randomness.
    pub(super) fn again(mut self, randomness: Randomness) -> Self {
        self.end();
        Self::on(self.folder.clone(), None, randomness)
    }

    fn on(folder: Arc<TempDir>, clock: Option<Time>, randomness: Randomness) -> Self {
        let settings = Serve {
            data: folder.path().to_owned(),
            database: None,
            cells: None,
            writers: 1,
            listen: "127.0.0.1:0".into(),
            public_url: None,
            sandbox: true,
            clock,
            wallet_currency: Currency::CNY,
            settlement_zone: Zone::parse("Asia/Shanghai").unwrap(),
            quote_valid_s: 180,
            beacon: Beacon::Quicknet,
            beacon_relays: Vec::new(),
            public_log: None,
            public_log_origin: None,
            public_log_s: 1,
            witnesses: Vec::new(),
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            let ready = move |address| ready.send(address).unwrap();
            let stop = async {
                let _ = stopped.await;
                Ok(())
            };
            runtime.block_on(serve_routes(&settings, randomness, router, ready, stop)).unwrap();
            // Relays that are still asked keep nobody.
            runtime.shutdown_background();
        });
        let url = format!("http://{}", address.recv_timeout(LONG).unwrap());
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        Self { url, folder, agent, stop: Some(stop), thread: Some(thread) }
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Stops it; answers how long that took.
    pub(super) fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.end();
        began.elapsed()
    }

    /// What is stored.
    pub(super) fn reader(&self) -> Reader {
        koi_store::Installation::Folder(koi_store::sqlite::Folder::new(self.folder.path())).reader().unwrap()
    }

    pub(super) fn post(&self, role: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.url)).header("idempotency-key", key);
        let request = request.header("authorization", format!("Bearer sandbox_{role}"));
        let mut answer = request.send(body.to_string()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    fn must(&self, role: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(role, path, path, body);
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    }

    fn get(&self, path: &str) -> String {
        let request =
            self.agent.get(format!("{}{path}", self.url)).header("authorization", "Bearer sandbox_operator");
        request.call().unwrap().body_mut().read_to_string().unwrap()
    }

    pub(super) fn metrics(&self) -> String {
        self.get("/metrics")
    }

    pub(super) fn campaign(&self, id: &str) -> Value {
        serde_json::from_str(&self.get(&format!("/v1/campaigns/{id}"))).unwrap()
    }

    pub(super) fn wait_for(&self, id: &str, is_so: impl Fn(&Value) -> bool) {
        wait_until(id, || is_so(&self.campaign(id)));
    }

    pub(super) fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        wait_until(what, is_so);
    }

    pub(super) fn clock(&self, now: &str) {
        let request = self.agent.put(format!("{}/v1/sandbox/clock", self.url));
        let request = request.header("authorization", "Bearer sandbox_operator");
        assert_eq!(request.send(json!({ "now": now }).to_string()).unwrap().status(), 200);
    }

    pub(super) fn draft(&self, id: &str, opening: &str) {
        self.must("operator", "/v1/campaigns", &document(id, opening));
    }

    /// A code that hangs in a store in New Zealand.
    pub(super) fn code(&self) -> String {
        let merchant = json!({"id": "kiwi-honey", "name": "K", "country": "NZ", "currency": "NZD", "fee_bps": 60});
        self.must("acquirer", "/v1/merchants", &merchant);
        let store = json!({"id": "queen-st", "name": "Q", "country": "NZ", "time_zone": "Pacific/Auckland"});
        self.must("acquirer", "/v1/merchants/kiwi-honey/stores", &store);
        let code = self.must("acquirer", "/v1/stores/queen-st/codes", &json!({"medium": "a5_sticker"}));
        code["code"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "{what}: it takes too long");
        thread::sleep(FAST.look);
    }
}

/// A campaign that is approved, funded and waits for its randomness, or has it; answers the round.
pub(super) fn sealed(server: &Server, id: &str, opening: &str) -> u64 {
    server.draft(id, opening);
    server.must("operator", &format!("/v1/campaigns/{id}/submit"), &json!({}));
    server.must("approver", &format!("/v1/campaigns/{id}/approve"), &json!({}));
    let amount = json!({"amount": {"currency": "CNY", "value": 88_000}});
    let campaign = server.must("operator", &format!("/v1/campaigns/{id}/fund"), &amount);
    campaign["seal"]["round"].as_u64().unwrap()
}

fn document(id: &str, opening: &str) -> Value {
    json!({
        "id": id, "kind": "red_packet", "title": {"en": "Summer", "zh": "夏"},
        "currency": "CNY", "funder": "alipay", "time_zone": "Asia/Shanghai",
        "starts_at": opening, "ends_at": ENDING,
        "packets": [{"face": 8800, "count": 10}],
        "eligibility": {"verified": true, "id_countries": ["CN"], "not_in_countries": ["CN"]},
        "limits": {"window_days": 30, "per_window": 5, "live": 1},
        "coupon": {
            "valid_days": 7, "threshold": "exceeds", "min_shopper_pays": 1,
            "refund_returns_coupon": false, "restock_expired": true
        },
        "quote": {"valid_seconds": 180}, "terms": {"en": "x", "zh": "x"}
    })
}

/// A claim of a shopper.
pub(super) fn claim(code: &str) -> Value {
    json!({"code": code, "shopper": {"account": "A", "person": "P", "verified": true, "id_country": "CN"}})
}
