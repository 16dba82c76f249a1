use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use koi_fair::log::{Checkpoint, CosignerKey, KnownLog, Leaves, NoteError, Seen, SignerKey, consistency, decide};

use super::*;

const ORIGIN: &str = "koi.example.com/log";
const NOW: u64 = 1_800_000_000;
const PATIENCE: Duration = Duration::from_secs(5);

fn log() -> SignerKey {
    SignerKey::from_seed(ORIGIN, [1; 32]).unwrap()
}

fn cosigner(seed: u8) -> CosignerKey {
    CosignerKey::from_seed(&format!("w{seed}.example"), [seed; 32]).unwrap()
}

fn leaves() -> Leaves {
    Leaves((0..20_u8).map(|index| TreeHash::of_leaf(&[index])).collect())
}

fn checkpoint(size: u64) -> SignedCheckpoint {
    Checkpoint::new(ORIGIN, size, leaves().root(size)).unwrap().sign(&[&log()]).unwrap()
}

fn line(checkpoint: &SignedCheckpoint, key: &CosignerKey, time: u64) -> String {
    key.cosign(checkpoint, CosignTime::of_seconds(time).unwrap()).to_string()
}

/// What a fake witness does with the body of a request: it writes the answer itself.
type Behaviour = Box<dyn Fn(&str, &mut TcpStream) + Send>;

/// Serves on loopback until the test ends. Answers its address, and what it was asked.
fn fake(behaviour: Behaviour) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            assert!(head.starts_with("post /add-checkpoint http/1.1\r\n"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            noted.lock().unwrap().push(body.clone());
            behaviour(&body, &mut stream);
        }
    });
    (url, asked)
}

fn answer(stream: &mut TcpStream, status: u16, kind: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// A witness that always answers the same.
fn saying(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Witness {
    let body = body.into();
    let (url, _) = fake(Box::new(move |_, stream| answer(stream, status, kind, &body)));
    Witness { url, key: cosigner(2).witness() }
}

/// A witness that works, and has seen so much of the log.
fn honest(seed: u8, seen: u64) -> (Witness, Arc<Mutex<Vec<String>>>) {
    let known = KnownLog { origin: ORIGIN.to_owned(), keys: vec![log().verifier()] };
    let state = Mutex::new((seen > 0).then(|| Seen { size: seen, root: leaves().root(seen) }));
    let behaviour = move |body: &str, stream: &mut TcpStream| {
        let time = CosignTime::of_seconds(NOW + 1).unwrap();
        let mut state = state.lock().unwrap();
        let said = match decide(state.as_ref(), Some(&known), &body.parse().unwrap(), &cosigner(seed), time) {
            Ok((now, signature)) => {
                *state = Some(now);
                Answer::Cosigned(vec![signature])
            }
            Err(refusal) => refusal.into(),
        };
        answer(stream, said.status(), said.content_type(), said.body().as_bytes());
    };
    let (url, asked) = fake(Box::new(behaviour));
    (Witness { url, key: cosigner(seed).witness() }, asked)
}

fn prove(old: u64) -> Result<Vec<TreeHash>, String> {
    consistency(old, 9, &leaves()).map_err(|why| why.to_string())
}

/// Asks about the checkpoint of nine entries.
fn ask(witness: &Witness, known: u64) -> Result<Cosigned, AskError> {
    let checkpoint = checkpoint(9);
    Asking { checkpoint: &checkpoint, proof: &prove, patience: PATIENCE, now: NOW }.ask(witness, known)
}

#[track_caller]
fn refused(witness: &Witness, part: &str) -> AskError {
    let error = ask(witness, 0).unwrap_err();
    assert!(error.to_string().contains(part), "{error}");
    error
}

#[test]
fn a_witness_cosigns_from_what_it_has_seen() {
    for (seen, known, requests) in
        [(0, 0, 1), (5, 5, 1), (5, 0, 2), (5, 3, 2), (0, 5, 2), (9, 9, 1), (9, 0, 2), (3, 99, 2)]
    {
        let (witness, asked) = honest(2, seen);
        let cosigned = ask(&witness, known).unwrap_or_else(|error| panic!("{seen} {known}: {error}"));
        assert_eq!(cosigned.time.seconds(), NOW + 1);
        let published = checkpoint(9).with(cosigned.signature).unwrap();
        assert!(witness.key.time_of(&published).unwrap().is_some());
        assert_eq!(asked.lock().unwrap().len(), requests, "{seen} {known}");
    }
}

#[test]
fn cosignatures_of_others_stay_and_an_older_one_is_replaced() {
    let (witness, _) = honest(2, 0);
    let mut asked = checkpoint(9);
    for (seed, time) in [(3, 7), (2, 8)] {
        asked = asked.clone().with(line(&asked, &cosigner(seed), time).parse().unwrap()).unwrap();
    }
    let asking = Asking { checkpoint: &asked, proof: &prove, patience: PATIENCE, now: NOW };
    assert_eq!(asking.ask(&witness, 0).unwrap().time.seconds(), NOW + 1);
}

#[test]
fn a_witness_that_saw_more_or_something_else_is_an_alarm() {
    let error =
        refused(&saying(409, Answer::SIZE_TYPE, "10\n"), "ALARM: it saw 10 entries of this log, and ours has 9");
    assert!(error.is_alarm());
    // The same root is asked for at the same size, in each way in which a witness may say that.
    let at_nine = |status, kind: &'static str, body: &'static str| {
        let behaviour = move |asked: &str, stream: &mut TcpStream| match asked.starts_with("old 9\n") {
            true => answer(stream, status, kind, body.as_bytes()),
            false => answer(stream, 409, Answer::SIZE_TYPE, b"9\n"),
        };
        Witness { url: fake(Box::new(behaviour)).0, key: cosigner(2).witness() }
    };
    for witness in [
        at_nine(409, "text/plain", "other"),
        at_nine(409, Answer::SIZE_TYPE, "9\n"),
        at_nine(422, "text/plain", "other"),
    ] {
        assert!(refused(&witness, "ALARM: it saw another history").is_alarm());
    }
    assert!(refused(&saying(422, "text/plain", ""), "another history of this log (422)").is_alarm());
}

#[test]
fn refusals_say_what_to_do() {
    for (status, said) in [
        (400, "our request is wrong"),
        (403, "does not trust the key"),
        (404, "does not watch this log"),
        (500, "the status 500"),
        (301, "the status 301"),
        (204, "the status 204"),
    ] {
        assert!(!refused(&saying(status, "text/plain", ""), said).is_alarm(), "{status}");
    }
}

#[test]
fn a_witness_that_lies_is_not_believed() {
    let checkpoint = checkpoint(9);
    let right = line(&checkpoint, &cosigner(2), NOW);
    let ok = |body: String| saying(200, "text/plain; charset=utf-8", body);
    assert!(ask(&ok(right.clone()), 0).is_ok(), "the one that does not");
    // Lines of keys that nobody knows are passed over.
    assert!(ask(&ok(line(&checkpoint, &cosigner(3), 1) + &right), 0).is_ok());
    let same_name = CosignerKey::from_seed("w2.example", [4; 32]).unwrap();
    let other_note = self::checkpoint(8);
    let forged = {
        let (head, _) = right.trim_end().split_at(right.trim_end().len() - 6);
        format!("{head}AAAA==\n")
    };
    for (what, body, part) in [
        ("another key", line(&checkpoint, &cosigner(3), NOW), "no cosignature of its key"),
        ("another key of its name", line(&checkpoint, &same_name, NOW), "no cosignature of its key"),
        ("another checkpoint", line(&other_note, &cosigner(2), NOW), "the cosignature of w2.example is not right"),
        ("forged", forged, "not "),
        ("twice", right.clone() + &line(&checkpoint, &cosigner(2), NOW - 1), "is not right"),
        ("long ago", line(&checkpoint, &cosigner(2), NOW - 601), "its clock or ours is wrong"),
        ("to come", line(&checkpoint, &cosigner(2), NOW + 601), "its clock or ours is wrong"),
        ("the log's own line", checkpoint.note().signatures()[0].to_string(), "no cosignature of its key"),
        ("nothing", String::new(), "not signature lines"),
        ("no newline", right.trim_end().to_owned(), "not signature lines"),
        ("a page", "<html>".to_owned(), "not signature lines"),
        ("the whole note", format!("{checkpoint}{right}"), "not signature lines"),
    ] {
        let error = refused(&ok(body), part);
        assert!(!error.is_alarm(), "{what}: {error}");
    }
    for (kind, body, part) in [
        (Answer::SIZE_TYPE, "007\n", "not the size of a log"),
        (Answer::SIZE_TYPE, "-1\n", "not the size of a log"),
        (Answer::SIZE_TYPE, "99999999999999999999\n", "not the size of a log"),
    ] {
        refused(&saying(409, kind, body), part);
    }
    refused(&saying(200, "text/plain", [0xFF, 0xFE]), "not text");
}

#[test]
fn a_signature_line_that_cannot_be_read_says_why() {
    let error = refused(&saying(200, "text/plain", "— w2.example AAAA\n"), "not signature lines");
    assert!(matches!(error, AskError::Answer(AnswerError::Signatures(NoteError::SignatureLine))), "{error:?}");
}

#[test]
fn an_answer_is_not_read_forever() {
    let endless = |_: &str, stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n");
        while stream.write_all(&[b'a'; 4096]).is_ok() {}
    };
    let witness = Witness { url: fake(Box::new(endless)).0, key: cosigner(2).witness() };
    assert!(matches!(refused(&witness, "too long"), AskError::TooLong));
    assert!(matches!(refused(&saying(200, "text/plain", vec![b'a'; 1 << 20]), "too long"), AskError::TooLong));
}

#[test]
fn one_that_changes_its_mind_is_given_up() {
    let turn = Mutex::new(0_u64);
    let behaviour = move |_: &str, stream: &mut TcpStream| {
        let mut turn = turn.lock().unwrap();
        *turn += 1;
        answer(stream, 409, Answer::SIZE_TYPE, format!("{turn}\n").as_bytes());
    };
    let (url, asked) = fake(Box::new(behaviour));
    let error = ask(&Witness { url, key: cosigner(2).witness() }, 0).unwrap_err();
    assert!(matches!(error, AskError::Undecided { seen: 3 }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), ATTEMPTS);
}

#[test]
fn what_cannot_be_proved_is_not_sent() {
    let (witness, asked) = honest(2, 5);
    let checkpoint = checkpoint(9);
    let nothing = |_: u64| Err("the tile is gone".to_owned());
    let asking = Asking { checkpoint: &checkpoint, proof: &nothing, patience: PATIENCE, now: NOW };
    let error = asking.ask(&witness, 0).unwrap_err();
    assert_eq!(error.to_string(), "no proof from 5 entries can be made for it: the tile is gone");
    assert_eq!(asked.lock().unwrap().len(), 1, "the first request needs no proof");
}

#[test]
fn slow_and_absent_ones_keep_nobody_waiting_for_longer_than_the_patience() {
    let hangs = |_: &str, _: &mut TcpStream| thread::sleep(Duration::from_secs(60));
    let drips = |_: &str, stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n");
        while stream.write_all(b"a").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    };
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |seed, url| Witness { url, key: cosigner(seed).witness() };
    let (first, second) = (honest(2, 0).0, honest(6, 4).0);
    let witnesses = [
        first,
        at(3, fake(Box::new(hangs)).0),
        at(4, fake(Box::new(drips)).0),
        at(5, format!("http://{gone}")),
        second,
    ];
    let checkpoint = checkpoint(9);
    let patience = Duration::from_secs(1);
    let began = Instant::now();
    let asking = Asking { checkpoint: &checkpoint, proof: &prove, patience, now: NOW };
    let answers = asking.ask_all(&witnesses, |_| 0);
    assert!(began.elapsed() < patience * 3, "{:?}", began.elapsed());
    let said: Vec<String> = answers
        .iter()
        .map(|(witness, answer)| match answer {
            Ok(_) => format!("{} cosigned", witness.key.name()),
            Err(AskError::TimedOut) => format!("{} timed out", witness.key.name()),
            Err(AskError::Unreachable(_)) => format!("{} is away", witness.key.name()),
            Err(error) => format!("{} {error:?}", witness.key.name()),
        })
        .collect();
    assert_eq!(
        said,
        [
            "w2.example cosigned",
            "w3.example timed out",
            "w4.example timed out",
            "w5.example is away",
            "w6.example cosigned"
        ]
    );
    // All that came can stand under the checkpoint.
    let mut published = checkpoint.clone();
    for (_, answer) in answers {
        if let Ok(cosigned) = answer {
            published = published.with(cosigned.signature).unwrap();
        }
    }
    let quorum = Quorum::new(witnesses.map(|witness| witness.key).to_vec(), 2).unwrap();
    assert_eq!(quorum.before(&published, NOW + 2).unwrap().len(), 2);
}

#[test]
fn a_list_of_witnesses_has_one_spelling_for_each() {
    let [a, b] = [2, 3].map(|seed| cosigner(seed).witness().to_string());
    let read = parse(&format!("{a}@https://a.example/w+1/\n  {b}@http://127.0.0.1:8090")).unwrap();
    assert_eq!(
        read.iter().map(|witness| witness.url.as_str()).collect::<Vec<_>>(),
        ["https://a.example/w+1", "http://127.0.0.1:8090"]
    );
    assert_eq!(parse(&read[0].to_string()).unwrap()[0], read[0]);
    assert_eq!(parse("  "), Ok(vec![]));
    let renamed = CosignerKey::from_seed("other", [2; 32]).unwrap().witness();
    for (text, part) in [
        ("https://a.example".to_owned(), "VKEY is a witness's key"),
        (a.clone(), "VKEY is a witness's key"),
        (format!("{a} https://a.example"), "VKEY is a witness's key"),
        (format!("{a}=https://a.example"), "VKEY is a witness's key"),
        (format!("{a}@a.example"), "the address of the witness w2.example"),
        (format!("{a}@ftp://a.example"), "the address"),
        (format!("{a}@https://"), "the address"),
        (format!("{a}@https://a.example?x"), "the address"),
        (format!("{a}@https://a.example#x"), "the address"),
        (format!("{}@https://a.example", log().verifier()), "type 0x01"),
        (format!("x{a}@https://a.example"), "the id of the key"),
        (format!("{a}@https://a.example {a}@https://b.example"), "is another one, too"),
        (format!("{a}@https://a.example {renamed}@https://b.example"), "is another one, too"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let many: Vec<String> =
        (0..17).map(|seed| format!("{}@https://a.example", cosigner(seed + 10).witness())).collect();
    assert_eq!(parse(&many.join(" ")), Err(WitnessError::TooMany));
}
