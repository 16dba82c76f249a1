//! The loop of one thread: send what is due, take what has come, until the plan is over.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use super::connection::{Connection, Received};
use super::plan::Window;
use super::schedule::Schedule;
use super::{Outcome, Request, Tally, Work};
use crate::limits::TICK;

/// Answers taken per look at the sockets.
const EVENTS: usize = 1_024;
/// How long a closed loop waits for an answer before it looks at the clock again.
const LOOK_AT_THE_CLOCK: Duration = Duration::from_millis(100);

/// One thread's connections and its work.
pub(super) struct Driver {
    poll: Poll,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    under_way: usize,
    work: Box<dyn Work>,
    request: Request,
    tally: Tally,
    last_done: Option<Instant>,
}

impl Driver {
    /// Opens all connections, to each address in turn.
    pub(super) fn connected(
        addresses: &[SocketAddr],
        connections: usize,
        work: Box<dyn Work>,
    ) -> io::Result<Driver> {
        let poll = Poll::new()?;
        let mut open = Vec::with_capacity(connections);
        for (index, address) in addresses.iter().cycle().take(connections).enumerate() {
            let mut connection = Connection::open(*address)?;
            // Edge-triggered, so that writability is registered once and costs nothing afterwards.
            poll.registry().register(
                &mut connection.stream,
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            open.push(connection);
        }
        Ok(Driver {
            poll,
            connections: open,
            idle: (0..connections).rev().collect(),
            under_way: 0,
            work,
            request: Request::default(),
            tally: Tally::default(),
            last_done: None,
        })
    }

    /// Runs the plan to its end.
    pub(super) fn run(mut self, window: Window, arrivals: Option<Schedule>) -> io::Result<Tally> {
        let processor = thread_processor_time();
        let ended = match arrivals {
            None => self.closed(window)?,
            Some(arrivals) => self.scheduled(window, arrivals)?,
        };
        self.tally.processor = thread_processor_time().saturating_sub(processor);
        self.tally.span = ended.saturating_duration_since(window.from);
        Ok(self.tally)
    }

    /// Every connection sends again as soon as it is answered. Answers when the measured time ended: with
    /// the plan, or with the last unit where the work ran out before.
    fn closed(&mut self, window: Window) -> io::Result<Instant> {
        let mut events = Events::with_capacity(EVENTS);
        for index in std::mem::take(&mut self.idle) {
            self.begin(index, Instant::now());
        }
        while self.under_way > 0 {
            if Instant::now() >= window.give_up {
                self.tally.error("no answer".to_owned(), self.under_way as u64);
                break;
            }
            wait(&mut self.poll, &mut events, LOOK_AT_THE_CLOCK)?;
            for event in &events {
                let index = event.token().0;
                let Some((outcome, _)) = self.take(index, |now, _| window.counts(now)) else {
                    continue;
                };
                let now = Instant::now();
                // A unit that has begun is finished, so that nothing is left half done on the server.
                if outcome == Outcome::Step || now < window.until {
                    self.begin(index, now);
                }
            }
        }
        let ran_out = Instant::now() < window.until;
        Ok(if ran_out { self.last_done.unwrap_or(window.from) } else { window.until })
    }

    /// Requests are sent when they are due; those that find no idle connection wait, and their wait counts.
    fn scheduled(&mut self, window: Window, mut arrivals: Schedule) -> io::Result<Instant> {
        let mut events = Events::with_capacity(EVENTS);
        let mut waiting: VecDeque<Instant> = VecDeque::new();
        loop {
            let now = Instant::now();
            while let Some(due) = arrivals.due().map(|due| window.start + due).filter(|&due| due <= now) {
                waiting.push_back(due);
                arrivals.advance();
            }
            while let Some(&intended) = waiting.front()
                && let Some(index) = self.idle.pop()
            {
                if self.connections[index].lost {
                    continue;
                }
                waiting.pop_front();
                self.tally.lateness(Instant::now().saturating_duration_since(intended));
                self.begin(index, intended);
            }
            let unanswered = self.under_way + waiting.len();
            if arrivals.due().is_none() && unanswered == 0 {
                return Ok(window.until);
            }
            if now >= window.give_up {
                self.tally.error("no answer".to_owned(), unanswered as u64);
                return Ok(window.until);
            }
            if self.connections.iter().all(|connection| connection.lost) {
                // Those who would still have come find nobody either.
                let still_to_come = std::iter::from_fn(|| {
                    let due = arrivals.due();
                    arrivals.advance();
                    due
                });
                let unanswered = unanswered + still_to_come.count();
                self.tally.error("no connection left".to_owned(), unanswered as u64);
                return Ok(window.until);
            }
            wait(&mut self.poll, &mut events, Duration::ZERO)?;
            for event in &events {
                let index = event.token().0;
                let taken = self.take(index, |_, intended| window.counts(intended));
                match taken {
                    Some((Outcome::Step, intended)) => self.begin(index, intended),
                    Some(_) => self.idle.push(index),
                    None => {}
                }
            }
            let next =
                arrivals.due().map_or(TICK, |due| (window.start + due).saturating_duration_since(Instant::now()));
            if !next.is_zero() {
                std::thread::sleep(next.min(TICK));
            }
        }
    }

    /// Sends the next request of a connection, if the work has one.
    fn begin(&mut self, index: usize, intended: Instant) {
        if !self.work.next(index, &mut self.request) {
            return;
        }
        self.under_way += 1;
        self.tally.sent += 1;
        if let Err(error) = self.connections[index].send(self.request.bytes(), intended) {
            self.lose(index, &error.kind().to_string());
        }
    }

    /// Takes the answer of a connection, if it is whole, and counts it where `counts` says so, by when it
    /// came and when it was intended. Answers what it means, and the intended instant of its request.
    fn take(&mut self, index: usize, counts: impl Fn(Instant, Instant) -> bool) -> Option<(Outcome, Instant)> {
        let connection = &mut self.connections[index];
        if connection.lost {
            return None;
        }
        let received = match connection.flush() {
            Ok(()) => connection.receive(),
            Err(error) => Received::Lost(error.kind().to_string()),
        };
        let answer = match received {
            Received::Whole(answer) => answer,
            Received::NotYet => return None,
            Received::Lost(why) => {
                self.lose(index, &why);
                return None;
            }
        };
        let now = Instant::now();
        let intended = connection.awaiting.take()?;
        self.under_way -= 1;
        let outcome = self.work.judge(index, answer.status, connection.body(&answer));
        match &outcome {
            Outcome::Failed(kind) => self.tally.error(kind.clone(), 1),
            Outcome::Done | Outcome::Step => {
                if outcome == Outcome::Done {
                    self.last_done = Some(now);
                    self.tally.done_in_all += 1;
                }
                if counts(now, intended) {
                    self.tally.done += u64::from(outcome == Outcome::Done);
                    self.tally.latency(now.saturating_duration_since(intended));
                }
            }
        }
        Some((outcome, intended))
    }

    /// Gives a connection up. A request that was under way on it is an error; an idle one may be closed.
    fn lose(&mut self, index: usize, why: &str) {
        let connection = &mut self.connections[index];
        connection.lost = true;
        if connection.awaiting.take().is_some() {
            self.under_way -= 1;
            self.tally.error(format!("connection lost: {why}"), 1);
        }
        // The descriptor closes with the driver; nothing more is heard from it.
        let _ = self.poll.registry().deregister(&mut connection.stream);
    }
}

/// Waits for answers. A signal is no error: the caller looks again anyway.
fn wait(poll: &mut Poll, events: &mut Events, at_most: Duration) -> io::Result<()> {
    match poll.poll(events, Some(at_most)) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            events.clear();
            Ok(())
        }
        other => other,
    }
}

fn thread_processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
