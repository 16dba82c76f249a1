//! A server as its clients see it: where it is, and what is being done to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use crate::answer::{Answer, NoAnswer};
use crate::client::Client;
use crate::deed::Command;
use crate::failure::broken;
use crate::limits::{ANSWER_TIMEOUT, DATABASE_HEAL_TIMEOUT, IMPATIENCE, POLL_INTERVAL, RETRY_INTERVAL};

/// A server that clients turn to.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) address: SocketAddr,
    condition: Arc<Condition>,
    /// For so long its clients wait for an answer.
    patience: Duration,
}

#[derive(Debug, Default)]
struct Condition {
    killed: AtomicBool,
    paused: AtomicBool,
}

impl Post {
    /// A server that stands still for so long at most.
    pub(crate) fn new(address: SocketAddr, longest_pause: Duration) -> Self {
        Self { address, condition: Arc::default(), patience: ANSWER_TIMEOUT + longest_pause }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address).with_patience(self.patience)
    }

    /// From here on a lost connection is what was wanted.
    pub(crate) fn will_be_killed(&self) {
        self.condition.killed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn stands_still(&self, still: bool) {
        self.condition.paused.store(still, Ordering::SeqCst);
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.condition.killed.load(Ordering::SeqCst)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.condition.paused.load(Ordering::SeqCst)
    }

    /// Whether one may turn to it.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_killed() && !self.is_paused()
    }

    /// Waits until it has stood still for as long as somebody waits who does not wait.
    pub(crate) async fn has_stood_still(&self) {
        while !self.is_paused() {
            sleep(POLL_INTERVAL).await;
        }
        sleep(IMPATIENCE).await;
    }

    /// Repeats a command with its key until it has a definite answer; `None` when the server is struck meanwhile. Its
    /// database may be away for a while.
    pub(crate) async fn insist(&self, client: &mut Client, command: &Command) -> Result<Option<Answer>> {
        let started = Instant::now();
        loop {
            match client.send(command).await {
                Ok(answer) if answer.is_unavailable() => answer.check_unavailability()?,
                Ok(answer) => return Ok(Some(answer)),
                Err(missing) if !missing.hung && self.is_killed() => return Ok(None),
                Err(missing) => return Err(self.unexpected(command, &missing)),
            }
            if started.elapsed() > DATABASE_HEAL_TIMEOUT {
                let found = format!("503 for {} s", DATABASE_HEAL_TIMEOUT.as_secs());
                return Err(broken(format!("{command:?} has one definite result"), found));
            }
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// The server is not struck, and yet there is no answer.
    pub(crate) fn unexpected(&self, command: &Command, missing: &NoAnswer) -> anyhow::Error {
        broken(format!("{command:?} is answered by {}", self.address), missing.to_string())
    }
}
