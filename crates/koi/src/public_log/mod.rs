//! The public log of an installation: what campaigns said and what became of their packets, in files that anybody can copy
//! and nobody can change later.
//!
//! ```text
//! statements, lines ──step──▶ leaves ──▶ tiles ──▶ checkpoint, signed and cosigned
//!    (database)      (stored)            (place)   (place)
//! ```
//! [`place`] is where the files are: a folder or a bucket. [`identity`] is who signs. [`publisher`] does the work, every few
//! seconds and only when something changed; any number of servers may. [`proof`] finds what a person keeps.
//!
//! The database is the truth, the files are made from it: a step that is stored has the same leaves for ever, whoever writes
//! them. Files that are lost or damaged are written again, and must lead to what was signed before.

mod cosigning;
pub mod identity;
pub mod place;
pub mod proof;
pub mod publisher;
pub mod witnesses;

pub use identity::Identity;
pub use place::Place;
pub use publisher::Publisher;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::engine::clock::Clock;
use crate::engine::leaves::Campaigns;
use crate::limits;
use crate::metrics::Metrics;

/// A public log, as those have it who read it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PublicLog {
    /// Who signs.
    pub identity: Arc<Identity>,
    /// Where the files are.
    pub place: Place,
    /// What proofs need to know of campaigns.
    campaigns: Arc<Mutex<Campaigns>>,
    /// Who may read at the same time: anybody may ask, and a bucket may be slow.
    seats: Arc<Semaphore>,
}

impl PublicLog {
    /// A log of this identity, in this place.
    pub fn new(identity: Identity, place: Place) -> Self {
        let seats = Arc::new(Semaphore::new(limits::LOG_READS));
        Self { identity: Arc::new(identity), place, campaigns: Arc::default(), seats }
    }

    /// A seat to read from, held while reading; nothing if all are taken for longer than people wait.
    pub(crate) async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        let seat = tokio::time::timeout(limits::READER_TIME, self.seats.clone().acquire_owned());
        seat.await.ok()?.ok()
    }

    /// Does something that needs campaigns. Who comes at the same time may have to read them again.
    fn with_campaigns<T>(&self, work: impl FnOnce(&mut Campaigns) -> T) -> T {
        let mut campaigns = self.campaigns.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let result = work(&mut campaigns);
        *self.campaigns.lock().unwrap_or_else(PoisonError::into_inner) = campaigns;
        result
    }
}

/// The same failure is said again after so many times.
const SAID_AGAIN: u32 = 30;

/// Publishes until the server stops. Whatever fails is tried again: a log that stands still stops nobody from claiming.
pub(crate) async fn follow(
    mut publisher: Publisher,
    every: Duration,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let clock = Clock::running();
    // The first look is at once: a server may have been killed before it published what it had.
    let (mut is_more, mut failures) = (true, 0);
    loop {
        let wait = if is_more { Duration::ZERO } else { every };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(wait) => {}
        }
        let now = clock.now();
        let work = tokio::task::spawn_blocking(move || {
            let published = publisher.publish(now);
            (publisher, published)
        });
        let Ok((same, published)) = work.await else {
            tracing::error!("the public log is published no more: its work panicked. Restart the server");
            return metrics.publish_failed();
        };
        publisher = same;
        match published {
            Ok((published, more)) => {
                if let Some(published) = published {
                    tracing::debug!(leaves = published.size, "published");
                    metrics.published(published.size);
                }
                if !more {
                    metrics.public_log_is_current(now);
                }
                (is_more, failures) = (more, 0);
            }
            Err(error) => {
                if failures % SAID_AGAIN == 0 {
                    tracing::error!(%error, "the public log is not published");
                }
                metrics.publish_failed();
                (is_more, failures) = (false, failures.saturating_add(1));
            }
        }
    }
}

/// The name of the file that says how far the log is.
pub const CHECKPOINT: &str = "checkpoint";
/// The name of the file that has the key.
pub const KEY: &str = "key";
