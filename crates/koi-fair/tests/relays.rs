//! Relays that hang, lie and babble, each a little server on the loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use koi_fair::beacon::relay::{Fetched, NotFetched, Relays, Why, Wrong};
use koi_fair::beacon::{Beacon, BeaconRefusal, Chain, local};

const ROUND: u64 = 77;
const PATIENCE: Duration = Duration::from_secs(3);

/// What a relay does with a connection once it has read the request's head. `false`: the client went away.
type Manners = fn(&mut TcpStream, &str) -> std::io::Result<()>;

/// A relay that answers every connection in the same way, for as long as the test runs.
fn relay(manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
                // An error is a client that has gone, as it should.
                _ = manners(&mut stream, &head);
            });
        }
    });
    address
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn honest(stream: &mut TcpStream, head: &str) -> std::io::Result<()> {
    let hash = "9effef0e694894a2de5afd035dbe85e1c437c0a16ef6f8ab13fad06c9a68cd54";
    assert!(head.starts_with(&format!("GET /{hash}/public/77 HTTP/1.1\r\n")), "{head}");
    answer(stream, "200 OK", &local::sign(ROUND).json())
}

fn slow_but_honest(stream: &mut TcpStream, head: &str) -> std::io::Result<()> {
    thread::sleep(PATIENCE / 3);
    honest(stream, head)
}

fn hang(_: &mut TcpStream, _: &str) -> std::io::Result<()> {
    thread::sleep(4 * PATIENCE);
    Ok(())
}

fn fetch(relays: &[&String]) -> Result<Fetched, NotFetched> {
    Relays::new(relays.iter().map(|relay| relay.as_str())).with_patience(PATIENCE).fetch(&Chain::local(), ROUND)
}

/// What is wrong with the only relay that is asked.
fn alone(manners: Manners) -> Why {
    let began = Instant::now();
    let failed = fetch(&[&relay(manners)]).unwrap_err();
    assert!(began.elapsed() < 2 * PATIENCE, "{failed} after {:?}", began.elapsed());
    match failed {
        NotFetched::NotYet(mut wrong) | NotFetched::Failed(mut wrong) => wrong.pop().unwrap().why,
    }
}

#[test]
fn an_honest_relay_is_heard() {
    let honest = relay(honest);
    let fetched = fetch(&[&format!("{honest}/")]).unwrap();
    assert_eq!((fetched.verified.round(), fetched.relay, fetched.wrong), (ROUND, honest, vec![]));
}

#[test]
fn what_is_not_the_round_is_refused_by_name() {
    use BeaconRefusal::*;
    let cases: [(Manners, Why); 9] = [
        (
            |stream, _| answer(stream, "200 OK", &local::sign(78).json()),
            Why::Refused(OtherRound { asked: 77, answered: 78 }),
        ),
        (
            // The signature of another round under the right number.
            |stream, _| answer(stream, "200 OK", &Beacon { round: ROUND, ..local::sign(78) }.json()),
            Why::Refused(SignatureWrong),
        ),
        (
            |stream, _| {
                answer(stream, "200 OK", &Beacon { randomness: Some([0; 32]), ..local::sign(ROUND) }.json())
            },
            Why::Refused(RandomnessWrong),
        ),
        (
            // The encoding's flags are another's.
            |stream, _| {
                let mut beacon = local::sign(ROUND);
                beacon.signature[0] &= 0x7F;
                answer(stream, "200 OK", &Beacon { randomness: None, ..beacon }.json())
            },
            Why::Refused(NotCompressed),
        ),
        (|stream, _| answer(stream, "200 OK", &" ".repeat(1 << 20)), Why::Refused(TooLong)),
        (
            |stream, _| {
                write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
                loop {
                    stream.write_all(&[b' '; 4096])?;
                }
            },
            Why::Refused(TooLong),
        ),
        (|stream, _| answer(stream, "500 Internal Server Error", ""), Why::Status(500)),
        (|stream, _| answer(stream, "204 No Content", ""), Why::Status(204)),
        (
            |stream, head| {
                let path = head.split(' ').nth(1).unwrap_or_default();
                write!(
                    stream,
                    "HTTP/1.1 302 Found\r\nlocation: {path}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
            },
            Why::Redirects(302),
        ),
    ];
    for (manners, why) in cases {
        assert_eq!(alone(manners), why);
    }
}

#[test]
fn garbage_is_refused() {
    assert!(matches!(
        alone(|stream, _| answer(stream, "200 OK", "<html>")),
        Why::Refused(BeaconRefusal::Unreadable(_))
    ));
    assert!(matches!(
        alone(|stream, _| {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n")?;
            stream.write_all(&[0xFF, 0xFE])
        }),
        Why::Refused(BeaconRefusal::Unreadable(_))
    ));
    assert!(matches!(alone(|stream, _| stream.write_all(b"\0\0\0\0 nonsense\r\n\r\n")), Why::Unreachable(_)));
    assert!(matches!(alone(|_, _| Ok(())), Why::Unreachable(_)));
    // A head without an end.
    let head: Manners = |stream, _| {
        write!(stream, "HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"x: y\r\n")?;
        }
    };
    assert!(matches!(alone(head), Why::Unreachable(_)));
    // Half an answer.
    let half: Manners = |stream, _| write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n{{\"round\"");
    assert!(matches!(alone(half), Why::Unreachable(_)));
}

#[test]
fn who_hangs_or_drips_is_late() {
    assert_eq!(alone(hang), Why::Late(PATIENCE));
    let drip: Manners = |stream, _| {
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n")?;
        loop {
            stream.write_all(b" ")?;
            thread::sleep(PATIENCE / 10);
        }
    };
    assert_eq!(alone(drip), Why::Late(PATIENCE));
}

#[test]
fn a_round_that_is_not_there_yet_is_no_error() {
    let early = relay(|stream, _| answer(stream, "425 Too Early", ""));
    let missing = relay(|stream, _| answer(stream, "404 Not Found", "not yet"));
    let broken = relay(|stream, _| answer(stream, "503 Service Unavailable", ""));
    for relays in [vec![&early], vec![&missing], vec![&broken, &early, &missing]] {
        let Err(NotFetched::NotYet(wrong)) = fetch(&relays) else { panic!("{relays:?}") };
        assert_eq!(wrong.len(), relays.len());
    }
    assert!(matches!(fetch(&[&broken]), Err(NotFetched::Failed(_))));
    assert_eq!(fetch(&[]), Err(NotFetched::Failed(vec![])));
}

#[test]
fn the_first_right_answer_wins_and_wrong_ones_before_it_are_named() {
    let (hangs, slow) = (relay(hang), relay(slow_but_honest));
    let lies = relay(|stream, _| answer(stream, "200 OK", &local::sign(78).json()));
    let early = relay(|stream, _| answer(stream, "425 Too Early", ""));
    let began = Instant::now();
    let mut fetched = fetch(&[&hangs, &lies, &slow, &early]).unwrap();
    assert!(began.elapsed() < PATIENCE, "it waited for the one that hangs");
    assert_eq!((fetched.verified.round(), &fetched.relay), (ROUND, &slow));
    fetched.wrong.sort_by_key(|wrong| wrong.relay != lies);
    let refused = Why::Refused(BeaconRefusal::OtherRound { asked: 77, answered: 78 });
    assert_eq!(fetched.wrong, [Wrong { relay: lies, why: refused }, Wrong { relay: early, why: Why::NotYet }]);
}

#[test]
fn every_relay_is_asked_for_its_latest_round() {
    let latest: Manners = |stream, head| {
        assert!(head.contains("/public/latest HTTP/1.1\r\n"), "{head}");
        answer(stream, "200 OK", &local::sign(1234).json())
    };
    let unsigned: Manners =
        |stream, _| answer(stream, "200 OK", &Beacon { round: 1235, ..local::sign(1234) }.json());
    let (right, wrong, hangs) = (relay(latest), relay(unsigned), relay(hang));
    let relays = Relays::new([&right, &wrong, &hangs].map(String::as_str)).with_patience(PATIENCE);
    let mut answers = relays.latest(&Chain::local());
    answers.sort_by_key(|(relay, _)| [&right, &wrong, &hangs].iter().position(|other| *other == relay));
    let rounds: Vec<_> = answers.into_iter().map(|(_, answer)| answer.map(|verified| verified.round())).collect();
    let refused = Err(Why::Refused(BeaconRefusal::SignatureWrong));
    assert_eq!(rounds, [Ok(1234), refused, Err(Why::Late(PATIENCE))]);
}

#[test]
fn a_failure_names_every_relay_and_what_to_do() {
    let moved = relay(|stream, _| answer(stream, "301 Moved Permanently", ""));
    let text = fetch(&[&moved]).unwrap_err().to_string();
    let expected = "it answered 301, a redirection: configure the address that serves rounds itself";
    assert_eq!(text, format!("no relay served the round: {moved}: {expected}"));
    assert_eq!(fetch(&[]).unwrap_err().to_string(), "no relay served the round: none is configured");
}
