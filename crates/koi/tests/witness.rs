//! `koi witness` from outside: the protocol over HTTP, what it refuses, and what it remembers when it is killed.

mod cli;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cli::{Server, koi, run};
use koi::public_log::witnesses::{AskError, Asking, Witness};
use koi_fair::log::{
    AddCheckpoint, Answer, Checkpoint, Leaves, SignedCheckpoint, SignerKey, TreeHash, WitnessKey, consistency,
};

const ORIGIN: &str = "koi.example.com/log";
/// The SHA-256 of it.
const HASH: &str = "06cc058f35bf562da84a80cea86e37940dae10f6ef307142c95e9042193624a9";

fn signer() -> SignerKey {
    SignerKey::from_seed(ORIGIN, [1; 32]).unwrap()
}

/// The leaves of one of two histories, which part after so many.
fn leaves(part_after: u16) -> Leaves {
    let leaf =
        |index: u16| TreeHash::of_leaf(&[&index.to_be_bytes()[..], &[u8::from(index >= part_after)]].concat());
    Leaves((0..400).map(leaf).collect())
}

fn honest() -> Leaves {
    leaves(u16::MAX)
}

fn signed(leaves: &Leaves, size: u64) -> SignedCheckpoint {
    Checkpoint::new(ORIGIN, size, leaves.root(size)).unwrap().sign(&[&signer()]).unwrap()
}

fn request(leaves: &Leaves, old_size: u64, size: u64) -> AddCheckpoint {
    let proof = consistency(old_size, size, leaves).unwrap_or_default();
    AddCheckpoint { old_size, proof, checkpoint: signed(leaves, size) }
}

/// A folder with a key, and that key.
struct Place {
    folder: tempfile::TempDir,
    key: WitnessKey,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = run(&["witness", "key", "--name", "witness.example", "--data", path(&folder.path().join("w"))]);
        let key = made.expect(0).out.trim_end().parse().unwrap();
        Self { folder, key }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("w")
    }

    fn serve_with(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = koi();
        command.args(["witness", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data()).args(arguments);
        command
    }

    fn serve(&self) -> Server {
        let log = signer().verifier().to_string();
        Server::start(&mut self.serve_with(&["--log", &log]))
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// An answer: the status, the type of content, the body.
type Said = (u16, String, String);

/// Posts bytes; `None` when the witness is gone.
fn post(url: &str, body: &[u8]) -> Option<Said> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(20))).build().into();
    let mut answer = agent.post(format!("{url}/add-checkpoint")).send(body).ok()?;
    let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    let text = answer.body_mut().read_to_string().ok()?;
    Some((answer.status().as_u16(), kind, text))
}

/// Asks as a log does, and checks what comes back.
fn add(url: &str, key: &WitnessKey, request: &AddCheckpoint) -> Option<Answer> {
    let (status, kind, text) = post(url, request.to_string().as_bytes())?;
    let answer = Answer::parse(status, &kind, &text).unwrap_or_else(|error| panic!("{error}: {status} {text}"));
    if let Answer::Cosigned(lines) = &answer {
        let cosigned = request.checkpoint.clone().with(lines[0].clone()).unwrap();
        assert!(key.time_of(&cosigned).unwrap().is_some());
    }
    Some(answer)
}

#[test]
fn the_protocol_is_spoken_to_the_letter() {
    let place = Place::new();
    let server = place.serve();
    let honest = honest();
    let check = |what: &str, body: String, status: u16, kind: &str, part: &str| {
        let said = post(&server.url, body.as_bytes()).unwrap();
        assert_eq!((said.0, said.1.as_str()), (status, kind), "{what}: {}", said.2);
        assert!(said.2.contains(part) && said.2.ends_with('\n'), "{what}: {}", said.2);
    };
    let text = "text/plain; charset=utf-8";
    let with = |old_size: u64, proof: Vec<TreeHash>, checkpoint: SignedCheckpoint| {
        AddCheckpoint { old_size, proof, checkpoint }.to_string()
    };
    let thief = SignerKey::from_seed(ORIGIN, [9; 32]).unwrap();
    let forged = signed(&honest, 9).claimed().sign(&[&thief]).unwrap();
    let elsewhere = Checkpoint::new("other", 9, honest.root(9)).unwrap().sign(&[&signer()]).unwrap();
    let mut tampered = signed(&honest, 9).to_string();
    tampered = tampered.replace("\n9\n", "\n8\n");

    check("too early", request(&honest, 3, 9).to_string(), 409, "text/x.tlog.size", "0\n");
    check("a first one", request(&honest, 0, 5).to_string(), 200, text, "— witness.example ");
    check("the next", request(&honest, 5, 9).to_string(), 200, text, "— witness.example ");
    check("the same once more", request(&honest, 9, 9).to_string(), 200, text, "— witness.example ");
    check("no proof", with(9, vec![], signed(&honest, 12)), 422, text, "proof");
    check("another proof", with(9, vec![TreeHash([1; 32]); 4], signed(&honest, 12)), 422, text, "proof");
    check("another history", request(&leaves(3), 9, 12).to_string(), 422, text, "proof");
    check("another root", request(&leaves(3), 9, 9).to_string(), 409, text, "another root");
    check("behind", request(&honest, 5, 12).to_string(), 409, "text/x.tlog.size", "9\n");
    check("back", request(&honest, 5, 6).to_string(), 409, "text/x.tlog.size", "9\n");
    check("old above new", with(9, vec![], signed(&honest, 6)), 400, text, "not a request");
    check("unknown log", with(9, vec![], elsewhere), 404, text, "not known");
    check("another key", with(9, vec![], forged), 403, text, "no trusted key");
    check("tampered", format!("old 9\n\n{tampered}"), 403, text, "no trusted key");
    check("nothing", String::new(), 400, text, "not a request");
    check("a page", "<html>".to_owned(), 400, text, "not a request");
    check("cut", request(&honest, 9, 12).to_string()[..200].to_owned(), 400, text, "not a request");
    let hashes = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(64);
    check("64 hashes", format!("old 9\n{hashes}\n{}", signed(&honest, 12)), 400, text, "more than 63");
    check("too long", "a".repeat(100_000), 413, text, "65536 bytes");
    // Of one that is much too long the connection may break before its sender listens.
    assert!(post(&server.url, &[b'a'; 8_000_000]).is_none_or(|said| said.0 == 413));
    let binary = post(&server.url, &[0xFF; 100]).unwrap();
    assert_eq!(binary.0, 400);
    // Nothing of that moved it.
    check("where it was", request(&honest, 0, 12).to_string(), 409, "text/x.tlog.size", "9\n");
    assert_eq!(server.stop(), 0);
}

#[test]
fn anybody_may_look() {
    let place = Place::new();
    let server = place.serve();
    let get = |path: &str| server.call("GET", path, "", "");
    assert_eq!(get("/healthz"), (200, "ok\n".to_owned()));
    let (status, page) = get("/");
    assert!(status == 200 && page.contains(&place.key.to_string()) && page.contains("nothing yet"), "{page}");
    assert_eq!(get(&format!("/{HASH}/checkpoint")).0, 404);
    add(&server.url, &place.key, &request(&honest(), 0, 5)).unwrap();
    assert!(get("/").1.contains(&format!("{ORIGIN}: 5 entries, root {}", honest().root(5))));
    let published: SignedCheckpoint = get(&format!("/{HASH}/checkpoint")).1.parse().unwrap();
    assert_eq!(published.open(ORIGIN, &[signer().verifier()]).unwrap().size(), 5);
    assert!(place.key.time_of(&published).unwrap().is_some());
    for (method, path, status) in [
        ("GET", "/add-checkpoint", 405),
        ("POST", "/", 405),
        ("POST", "/healthz", 405),
        ("GET", "/other", 404),
        ("POST", "/add-checkpoint/", 404),
        ("GET", "/../key", 404),
        ("GET", "/key", 404),
    ] {
        assert_eq!(server.call(method, path, "", "").0, status, "{method} {path}");
    }
}

#[test]
fn a_log_and_its_witnesses_work_together() {
    let (first, second, third) = (Place::new(), Place::new(), Place::new());
    let (one, two) = (first.serve(), second.serve());
    let witness = |place: &Place, url: &str| Witness { url: url.to_owned(), key: place.key.clone() };
    // The third is run with the second's key: somebody else at its address.
    let witnesses = [witness(&first, &one.url), witness(&second, &two.url), witness(&third, &two.url)];
    let honest = honest();
    for size in [3, 3, 8, 20] {
        let checkpoint = signed(&honest, size);
        let proof = |old: u64| consistency(old, size, &honest).map_err(|why| why.to_string());
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let asking = Asking { checkpoint: &checkpoint, proof: &proof, patience: Duration::from_secs(10), now };
        let mut published = checkpoint.clone();
        let mut failures = Vec::new();
        for (witness, answer) in asking.ask_all(&witnesses, |_| 0) {
            match answer {
                Ok(cosigned) => published = published.with(cosigned.signature).unwrap(),
                Err(error) => failures.push((&witness.key, error)),
            }
        }
        assert_eq!(published.note().signatures().len(), 3, "{published}");
        assert!(matches!(&failures[..], [(key, AskError::NoCosignature)] if **key == third.key), "{failures:?}");
    }
    // This log goes back to an older state: that is an alarm.
    let old = signed(&honest, 8);
    let proof = |old: u64| consistency(old, 8, &honest).map_err(|why| why.to_string());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let asking = Asking { checkpoint: &old, proof: &proof, patience: Duration::from_secs(10), now };
    let error = asking.ask(&witnesses[0], 0).unwrap_err();
    assert!(matches!(error, AskError::SawLarger { seen: 20, ours: 8 }), "{error}");
    // It goes on from there in another way.
    let fork = leaves(8);
    let forked = signed(&fork, 30);
    let proof = |old: u64| consistency(old, 30, &fork).map_err(|why| why.to_string());
    let asking = Asking { checkpoint: &forked, proof: &proof, ..asking };
    assert!(matches!(asking.ask(&witnesses[0], 20), Err(AskError::SawOther { status: 422 })));
}

#[test]
fn a_key_is_made_once_and_for_its_owner() {
    let place = Place::new();
    let data = place.data();
    assert_eq!(std::fs::metadata(data.join("key")).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run(&["witness", "key", "--name", "other.example", "--data", path(&data)]).expect(2);
    assert!(again.err.contains("koi witness show"), "{}", again.err);
    let shown = run(&["witness", "show", "--data", path(&data), "--json"]).expect(0).json();
    assert_eq!((&shown["key"], &shown["logs"]), (&place.key.to_string().into(), &serde_json::json!([])));
    assert!(run(&["witness", "key", "--name", "a b", "--data", path(&data)]).expect(2).err.contains("name"));
    let nobody = run(&["witness", "show", "--data", path(place.folder.path())]).expect(2);
    assert!(nobody.err.contains("koi witness key"), "{}", nobody.err);
}

#[test]
fn two_witnesses_never_share_a_folder_and_logs_come_from_a_file() {
    let place = Place::new();
    let file = place.folder.path().join("logs.toml");
    std::fs::write(&file, format!("[[log]]\norigin = \"{ORIGIN}\"\nkeys = [\"{}\"]\n", signer().verifier()))
        .unwrap();
    let server = Server::start(&mut place.serve_with(&["--logs", path(&file)]));
    add(&server.url, &place.key, &request(&honest(), 0, 5)).unwrap();
    let second = cli::finish(&mut place.serve_with(&["--logs", path(&file)])).expect(2);
    assert!(second.err.contains("in use") && second.out.is_empty(), "{}", second.err);
    // Who looks needs no lock.
    let shown = run(&["witness", "show", "--data", path(&place.data())]).expect(0);
    assert!(shown.out.contains(ORIGIN) && shown.out.contains(&honest().root(5).to_string()), "{}", shown.out);
    for (text, part) in [("", "log"), ("[[log]]\nkeys = [\"x\"]\n", "the key \"x\"")] {
        std::fs::write(&file, text).unwrap();
        let ran = cli::finish(&mut place.serve_with(&["--logs", path(&file)])).expect(2);
        assert!(ran.err.contains("--logs") && ran.err.contains(part), "{}", ran.err);
    }
    assert!(cli::finish(&mut place.serve_with(&[])).expect(2).err.contains("--log VKEY"));
}

#[test]
fn a_damaged_memory_keeps_it_from_starting() {
    let place = Place::new();
    let server = place.serve();
    add(&server.url, &place.key, &request(&honest(), 0, 5)).unwrap();
    assert_eq!(server.stop(), 0);
    let file = place.data().join("seen").join(HASH);
    let whole = std::fs::read_to_string(&file).unwrap();
    let log = signer().verifier().to_string();
    for damage in [Some(whole.replace("\n5\n", "\n3\n")), Some(whole[..40].to_owned()), Some(String::new()), None]
    {
        match damage {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        for ran in [
            cli::finish(&mut place.serve_with(&["--log", &log])),
            run(&["witness", "show", "--data", path(&place.data())]),
        ] {
            let ran = ran.expect(2);
            assert!(ran.err.contains("damaged") && ran.err.contains("put it back"), "{}", ran.err);
        }
    }
    std::fs::write(&file, whole).unwrap();
    let server = place.serve();
    assert_eq!(add(&server.url, &place.key, &request(&honest(), 0, 9)), Some(Answer::OtherSize(5)));
}

#[test]
fn an_alarm_is_shown_until_somebody_looks() {
    let place = Place::new();
    let server = place.serve();
    add(&server.url, &place.key, &request(&honest(), 0, 5)).unwrap();
    assert_eq!(add(&server.url, &place.key, &request(&leaves(3), 5, 5)), Some(Answer::OtherRoot));
    let shown = run(&["witness", "show", "--data", path(&place.data()), "--json"]).expect(1);
    assert!(shown.err.contains("ALARM") && shown.err.contains(ORIGIN), "{}", shown.err);
    for (file, root) in [(0, honest().root(5)), (1, leaves(3).root(5))] {
        let file = shown.json()["evidence"][0]["files"][file].as_str().unwrap().to_owned();
        let key = signer().verifier().to_string();
        let note = run(&["fair", "note", &file, "--key", &key]).expect(0).json();
        assert_eq!(note["checkpoint"]["root"], hex::encode(root.0));
    }
}

#[test]
fn many_requests_at_once_never_take_it_back() {
    let place = Place::new();
    let server = place.serve();
    let (honest, fork) = (honest(), leaves(3));
    let cosigned: Vec<(u64, bool)> = std::thread::scope(|scope| {
        let (place, server, honest, fork) = (&place, &server, &honest, &fork);
        let ask = move |number: u64| {
            let mut cosigned = Vec::new();
            let mut old = 0;
            for step in 0..12 {
                let is_honest = number.is_multiple_of(2);
                let size = (4 + step * 31 + number * 17) % 400;
                let asked = request(if is_honest { honest } else { fork }, old.min(size), size);
                match add(&server.url, &place.key, &asked) {
                    Some(Answer::Cosigned(_)) => {
                        cosigned.push((size, is_honest));
                        old = size;
                    }
                    Some(Answer::OtherSize(seen)) => old = seen,
                    _ => {}
                }
            }
            cosigned
        };
        let threads: Vec<_> = (0..6).map(|number| scope.spawn(move || ask(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let largest = cosigned.iter().map(|(size, _)| *size).max().unwrap();
    assert_eq!(add(&server.url, &place.key, &request(&honest, 0, 399)), Some(Answer::OtherSize(largest)));
    // Sizes up to 3 are of both histories; beyond, only one of them is ever cosigned.
    let beyond: Vec<bool> = cosigned.iter().filter(|(size, _)| *size > 3).map(|(_, honest)| *honest).collect();
    assert!(beyond.iter().all(|honest| *honest == beyond[0]), "{cosigned:?}");
}

#[test]
fn what_was_cosigned_is_remembered_when_it_is_killed() {
    let place = Place::new();
    let honest = honest();
    let file = place.data().join("seen").join(HASH);
    let inode = || std::fs::metadata(&file).map(|found| found.ino()).unwrap_or(0);
    let (mut most, mut stored_unanswered) = (0, 0);
    for round in 0..60_u64 {
        if round >= 10 && stored_unanswered > 0 {
            break;
        }
        let server = place.serve();
        let done = AtomicBool::new(false);
        let url = server.url.clone();
        let seen = std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut seen = most;
                while !done.load(Ordering::Relaxed) && seen < 399 {
                    match add(&url, &place.key, &request(&honest, seen, seen + 1)) {
                        Some(Answer::Cosigned(_)) => seen += 1,
                        Some(Answer::OtherSize(more)) => seen = more,
                        Some(other) => panic!("{other:?}"),
                        None => break,
                    }
                }
                seen
            });
            // Killed just after the file changed: before, or after, the answer left. Or at any time.
            let before = inode();
            let began = Instant::now();
            while inode() == before && began.elapsed() < Duration::from_secs(5) {}
            if round % 3 == 0 {
                std::thread::sleep(Duration::from_millis(round));
            }
            drop(server);
            done.store(true, Ordering::Relaxed);
            asking.join().unwrap()
        });
        assert!(seen >= most);
        let server = place.serve();
        let Some(Answer::OtherSize(now)) = add(&server.url, &place.key, &request(&honest, 0, 400)) else {
            panic!("it has forgotten everything")
        };
        assert!(now >= seen, "{now} entries are remembered, {seen} were cosigned");
        stored_unanswered += u64::from(now > seen);
        // Neither less nor another history from there.
        assert_eq!(
            add(&server.url, &place.key, &request(&honest, now - 1, now - 1)),
            Some(Answer::OtherSize(now))
        );
        let fork = leaves(u16::try_from(now - 1).unwrap());
        assert_eq!(add(&server.url, &place.key, &request(&fork, now, now)), Some(Answer::OtherRoot));
        assert_eq!(add(&server.url, &place.key, &request(&fork, now, now + 1)), Some(Answer::Unprocessable));
        most = now;
    }
    assert!(stored_unanswered > 0, "it was never killed between storing and answering");
}

#[test]
fn slow_senders_are_given_up_while_others_are_served() {
    let place = Place::new();
    let server = place.serve();
    let address = server.url.strip_prefix("http://").unwrap();
    let began = Instant::now();
    let slow: Vec<TcpStream> = (0..40)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 500\r\n\r\nold 0\n";
            // Half of them stop in the head.
            let part = if number % 2 == 0 { 30 } else { head.len() };
            stream.write_all(&head.as_bytes()[..part]).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream
        })
        .collect();
    assert!(matches!(add(&server.url, &place.key, &request(&honest(), 0, 5)), Some(Answer::Cosigned(_))));
    assert!(began.elapsed() < Duration::from_secs(9), "others wait for the slow");
    for mut stream in slow {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(25), "the slow are kept");
}

#[test]
fn a_flood_is_answered_in_measure() {
    let place = Place::new();
    let server = place.serve();
    let began = Instant::now();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let flood = || (0..150).map(|_| post(&server.url, b"garbage").unwrap().0).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(flood)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let answered = statuses.iter().filter(|status| **status == 400).count();
    let told_to_wait = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!(answered + told_to_wait, statuses.len());
    // 200 at once, and 100 in each second that the flood took.
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!((200..=200 + 100 * seconds).contains(&answered), "{answered} in {seconds} s");
    std::thread::sleep(Duration::from_millis(200));
    assert!(matches!(add(&server.url, &place.key, &request(&honest(), 0, 5)), Some(Answer::Cosigned(_))));
}

/// What a server publishes, once somebody has looked at it and likes it.
fn published(server: &Server, is_as_wanted: impl Fn(&SignedCheckpoint) -> bool) -> SignedCheckpoint {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let began = Instant::now();
    loop {
        let answer = agent.get(format!("{}/log/checkpoint", server.url)).call();
        let text = answer.ok().and_then(|mut answer| answer.body_mut().read_to_string().ok());
        if let Some(signed) = text.and_then(|text| text.parse().ok()).filter(|signed| is_as_wanted(signed)) {
            return signed;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "not published as it should be");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Something new for the log: the rules of a campaign.
fn approve(server: &Server, id: &str) {
    let document = serde_json::json!({
        "id": id, "kind": "red_packet", "title": { "en": "Red packets", "zh": "红包" }, "currency": "CNY",
        "funder": "alipay", "time_zone": "Asia/Shanghai", "starts_at": "2030-07-15T00:00:00+08:00",
        "ends_at": "2030-09-15T00:00:00+08:00", "packets": [{ "face": 888, "count": 10 }],
        "limits": { "window_days": 30, "per_window": 5, "live": 1 }, "terms": { "en": "…", "zh": "…" },
        "eligibility": { "verified": true, "id_countries": ["CN"], "not_in_countries": ["CN"] },
        "coupon": { "valid_days": 7, "threshold": "exceeds", "min_shopper_pays": 1, "refund_returns_coupon": false,
                    "restock_expired": true },
        "quote": { "valid_seconds": 180 },
    });
    for (who, path, body) in [
        ("operator", "/v1/campaigns".to_owned(), document.to_string()),
        ("operator", format!("/v1/campaigns/{id}/submit"), "{}".to_owned()),
        ("approver", format!("/v1/campaigns/{id}/approve"), "{}".to_owned()),
    ] {
        let (status, said) = server.call("POST", &path, &format!("sandbox_{who}"), &body);
        assert!((200..202).contains(&status), "{path}: {said}");
    }
}

#[test]
fn a_server_asks_its_witness_and_goes_on_without_it() {
    let place = Place::new();
    let data = tempfile::tempdir().unwrap();
    // The witness must know the log's key before there is one: the server is started once.
    let serve = |more: &[&str]| {
        let mut command = koi();
        command.args(["serve", "--sandbox", "--listen", "127.0.0.1:0", "--public-log-seconds", "1", "--data"]);
        Server::start(command.arg(data.path()).args(more))
    };
    let server = serve(&[]);
    approve(&server, "first");
    let alone = published(&server, |_| true);
    assert!(place.key.time_of(&alone).unwrap().is_none());
    let key = std::fs::read_to_string(data.path().join("log/key")).unwrap();
    drop(server);

    let witness = Server::start(&mut place.serve_with(&["--log", key.trim()]));
    let asked = format!("{}@{}", place.key, witness.url);
    let is_cosigned = |signed: &SignedCheckpoint| place.key.time_of(signed).unwrap().is_some();
    let server = serve(&["--witnesses", &asked]);
    // What was there already is cosigned, too.
    let cosigned = published(&server, is_cosigned);
    assert_eq!(cosigned.claimed(), alone.claimed());
    approve(&server, "second");
    let grown = published(&server, |signed| signed.claimed().size() > alone.claimed().size());
    assert!(is_cosigned(&grown));

    let address = witness.url.trim_start_matches("http://").to_owned();
    drop(witness);
    approve(&server, "third");
    let without = published(&server, |signed| signed.claimed().size() > grown.claimed().size());
    assert!(!is_cosigned(&without));
    // It comes back, and is asked again though nothing new happens.
    let mut again = koi();
    again.args(["witness", "serve", "--listen", &address, "--log", key.trim(), "--data"]).arg(place.data());
    let _witness = Server::start(&mut again);
    let cosigned = published(&server, is_cosigned);
    assert_eq!(cosigned.claimed(), without.claimed());
}
