//! What a client can do to the server with connections alone: nothing that lasts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::connect;
use crate::server::{DURING, Server};

/// Requests of the largest answer there is, without a key.
fn pipelined(count: usize) -> Vec<u8> {
    let mut bytes = b"GET /openapi.json HTTP/1.1\r\nhost: koi\r\n\r\n".repeat(count);
    // The last one never ends, so that the server always has something left to read.
    bytes.extend(b"GET /x");
    bytes
}

/// A client that asks for a lot and takes nothing of it.
fn who_takes_nothing(server: &Server) -> TcpStream {
    let mut stream = connect(server.address);
    stream.write_all(&pipelined(200)).unwrap();
    stream
}

/// Open connections, without the one that asks.
fn open_connections(server: &Server) -> u32 {
    let metrics = server.call("GET", "/metrics").send().expect(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("koi_connections ")).unwrap().to_owned();
    line.parse::<u32>().unwrap() - 1
}

/// Reads answers with a length, and counts them.
fn count_answers(stream: &mut TcpStream, count: usize) -> usize {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    let (mut seen, mut body) = (0, 0);
    while seen < count {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
        loop {
            if body > 0 {
                let taken = bytes.len().min(body);
                bytes.drain(..taken);
                body -= taken;
                if body > 0 {
                    break;
                }
                seen += 1;
            }
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { break };
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            body = length.unwrap().parse().unwrap();
            bytes.drain(..end + 4);
        }
    }
    seen
}

#[test]
fn answers_to_pipelined_requests_arrive_and_do_not_pile_up() {
    let server = Server::start(DURING);
    server.call("GET", "/openapi.json").send().expect(200);
    let before = server.peak_memory_mib();
    let mut stream = connect(server.address);
    stream.write_all(&pipelined(1000)).unwrap();
    // Time enough to answer all of them into memory.
    std::thread::sleep(Duration::from_secs(3));
    let grown = server.peak_memory_mib().saturating_sub(before);
    assert!(grown < 32, "{grown} MiB for one client");
    assert_eq!(count_answers(&mut stream, 1000), 1000);
    let grown = server.peak_memory_mib().saturating_sub(before);
    assert!(grown < 32, "{grown} MiB for one client");
}

#[test]
fn who_takes_nothing_loses_the_connection() {
    let server = Server::start(DURING);
    let _stream = who_takes_nothing(&server);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(open_connections(&server), 1);
    let began = Instant::now();
    while open_connections(&server) > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "the place is held for ever");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn who_keeps_a_connection_for_nothing_loses_it() {
    let server = Server::start(DURING);
    let mut stream = connect(server.address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: koi\r\n\r\n").unwrap();
    assert_eq!(count_answers(&mut stream, 1), 1);
    let began = Instant::now();
    assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0, "nothing more is said");
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(5) && waited < Duration::from_secs(20), "{waited:?}");
}

#[test]
fn who_takes_nothing_keeps_no_server_from_stopping() {
    let mut server = Server::start(DURING);
    let _stream = who_takes_nothing(&server);
    std::thread::sleep(Duration::from_secs(1));
    server.terminate();
    assert_eq!(server.ends_within(Duration::from_secs(20)), Some(0));
}

#[test]
fn a_server_that_is_told_twice_ends_at_once() {
    let mut server = Server::start(DURING);
    let _stream = who_takes_nothing(&server);
    std::thread::sleep(Duration::from_secs(1));
    server.terminate();
    assert_eq!(server.ends_within(Duration::from_secs(1)), None, "an answer is under way");
    server.terminate();
    assert_eq!(server.ends_within(Duration::from_secs(2)), Some(1));
}
