//! Slow clients lose their connection; the others are served meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::{connect, read};
use crate::server::{DURING, Server, purchase};

/// More than the server serves at once (`limits::CONNECTIONS`).
const CONNECTIONS: usize = 4_096 + 200;

#[test]
fn slow_heads_and_bodies_are_given_up_while_others_are_served() {
    let (server, _) = Server::summer(DURING);
    let started = Instant::now();
    let slow: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = connect(server.address);
            let whole =
                server.call("POST", "/v1/quotes").role("wallet").key("slow").json(&purchase("A", 1)).bytes();
            // Half of them stop in the head, half in the body.
            let part = if number % 2 == 0 { 40 } else { whole.len() - 3 };
            stream.write_all(&whole[..part]).unwrap();
            stream
        })
        .collect();
    for number in 0..50 {
        server.quote(&format!("S{number}"), 100).expect(201);
    }
    assert!(started.elapsed() < Duration::from_secs(9), "others wait for the slow");
    for mut stream in slow {
        if let Some(answer) = read(&mut stream) {
            answer.refused(408, "request_timeout");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(30), "the slow are kept");
    server.quote("A", 100).expect(201);
}

#[test]
fn idle_connections_beyond_the_limit_make_room_in_time() {
    let server = Server::start(DURING);
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        // The machine may allow fewer: then the limit is its own.
        match TcpStream::connect_timeout(&server.address, Duration::from_secs(2)) {
            Ok(stream) => idle.push(stream),
            Err(_) => break,
        }
    }
    let mut stream = connect(server.address);
    stream.write_all(&server.call("GET", "/healthz").bytes()).unwrap();
    read(&mut stream).expect("an answer once the idle ones were given up").expect(200);
    drop(idle);
}
