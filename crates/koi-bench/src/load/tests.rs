//! The generator against a server that behaves, refuses, hangs up, and stands still.

use std::io::{Read, Write};
use std::time::Duration;

use super::*;
use crate::fake_server::{FakeServer, STALL};

/// Posts nothing in particular to one path, so often.
struct Posts {
    head: Head,
    left: u64,
}

impl Work for Posts {
    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        request.post(&self.head, |key| key.push(b'k'), |body| body.extend_from_slice(b"{}"));
        let any_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        any_left
    }

    fn judge(&mut self, _connection: usize, status: u16, body: &[u8]) -> Outcome {
        if status == 201 { Outcome::Done } else { refusal(status, body) }
    }
}

fn drive_path(path: &str, threads: usize, left: u64, plan: &Plan) -> Tally {
    let server = FakeServer::start();
    let works =
        (0..threads).map(|_| -> Box<dyn Work> { Box::new(Posts { head: Head::post(path, "token"), left }) });
    drive(&[server.address], plan, works.collect()).expect("connections")
}

fn plan(pace: Pace) -> Plan {
    Plan { connections: 8, warm_up: Duration::from_millis(50), measured: Duration::from_millis(500), pace }
}

#[test]
fn a_closed_loop_counts_what_is_answered_within_its_time() {
    let tally = drive_path("/v1/quotes", 1, u64::MAX, &plan(Pace::Closed));
    assert_eq!(tally.errors.len(), 0, "{:?}", tally.errors);
    assert_eq!(tally.span, Duration::from_millis(500));
    assert!(tally.done > 0 && tally.done < tally.done_in_all, "the warm-up is not counted");
    assert_eq!(tally.done_in_all, tally.sent, "every request was answered");
    assert!(tally.latency_ms(0.5) > 0.0);
}

#[test]
fn two_threads_share_the_connections() {
    let tally = drive_path("/v1/quotes", 2, 1_000, &plan(Pace::Closed));
    assert_eq!((tally.done_in_all, tally.errors.len()), (2_000, 0));
}

#[test]
fn a_work_that_runs_out_ends_the_measurement() {
    let plan = Plan { warm_up: Duration::ZERO, measured: Duration::from_secs(60), ..plan(Pace::Closed) };
    let tally = drive_path("/v1/quotes", 1, 500, &plan);
    assert_eq!((tally.done, tally.done_in_all), (500, 500));
    assert!(tally.span < plan.measured);
}

#[test]
fn refusals_are_counted_by_kind_and_never_as_done() {
    let tally = drive_path("/busy", 1, 300, &plan(Pace::Closed));
    assert_eq!(tally.done_in_all, 0);
    assert_eq!(tally.errors.into_iter().collect::<Vec<_>>(), [("503 busy".to_owned(), 300)]);
}

#[test]
fn a_connection_lost_under_way_is_an_error_and_ends() {
    let tally = drive_path("/hang-up", 1, u64::MAX, &plan(Pace::Closed));
    assert_eq!(tally.errors.values().sum::<u64>(), 8, "{:?}", tally.errors);
    let scheduled = plan(Pace::Scheduled { per_second: 1_000.0 });
    let tally = drive_path("/hang-up-later", 1, u64::MAX, &scheduled);
    assert!(tally.errors.contains_key("no connection left"), "arrivals without a connection: {:?}", tally.errors);
}

#[test]
fn scheduled_arrivals_all_come_and_all_count() {
    let tally = drive_path("/v1/quotes", 2, u64::MAX, &plan(Pace::Scheduled { per_second: 2_000.0 }));
    assert_eq!(tally.errors.len(), 0, "{:?}", tally.errors);
    assert!((800..1_200).contains(&tally.done), "{} of about 1,000 arrivals", tally.done);
    assert_eq!(tally.done_in_all, tally.sent);
}

/// The server stands still for three tenths of the time, so three tenths of the arrivals must show it: not
/// only the eight whose connections were blocked.
#[test]
fn a_stall_shows_in_every_arrival_that_came_during_it() {
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: Duration::from_secs(1),
        ..plan(Pace::Scheduled { per_second: 1_000.0 })
    };
    let tally = drive_path("/stall", 1, u64::MAX, &plan);
    assert!(tally.latency_ms(0.9) > 0.3 * STALL.as_secs_f64() * 1_000.0, "p90 is {} ms", tally.latency_ms(0.9));
}

/// Answers every read with the same 201: the least that a server can do, so that what is measured is the
/// generator.
fn least_server() -> SocketAddr {
    const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
    let mut listener = mio::net::TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let mut poll = mio::Poll::new().expect("a poll");
    let (readable, door) = (mio::Interest::READABLE, mio::Token(usize::MAX));
    poll.registry().register(&mut listener, door, readable).expect("registered");
    std::thread::spawn(move || {
        let mut events = mio::Events::with_capacity(1_024);
        let (mut streams, mut bytes) = (Vec::new(), [0; 4_096]);
        while poll.poll(&mut events, None).is_ok() {
            for event in &events {
                if event.token() == door {
                    while let Ok((mut stream, _)) = listener.accept() {
                        poll.registry()
                            .register(&mut stream, mio::Token(streams.len()), readable)
                            .expect("registered");
                        streams.push(stream);
                    }
                } else if streams[event.token().0].read(&mut bytes).is_ok_and(|length| length > 0) {
                    let _ = streams[event.token().0].write_all(ANSWER);
                }
            }
        }
    });
    address
}

/// No bar, for it depends on the machine: run it with `--ignored --nocapture` to see what the generator
/// itself costs.
#[test]
#[ignore = "a measurement, not a test"]
fn what_the_generator_costs() {
    let plan = Plan { connections: 256, measured: Duration::from_secs(3), ..plan(Pace::Closed) };
    let work = Posts { head: Head::post("/v1/quotes", "token"), left: u64::MAX };
    let tally = drive(&[least_server()], &plan, vec![Box::new(work)]).expect("connections");
    assert!(tally.errors.is_empty(), "{:?}", tally.errors);
    println!("{:.0} requests/s, {:.2} µs of processor each", tally.per_second(), tally.processor_us_per_request());
}
