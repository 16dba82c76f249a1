//! What a server keeps in memory and others may change: the catalog, and the sandbox's clock.
//!
//! What changes something is decided within a transaction that tells how matters stand. Who only looks asks here first,
//! so that what one server has answered is seen on every other one from then on. Any number of those who ask at the same
//! time share one read: the first that begins after they came.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_store::{Reader, State, StoreError};
use tokio::sync::Mutex;

use crate::engine::SharedCatalog;
use crate::engine::clock::Clock;
use crate::engine::readers::{Readers, Unread};
use crate::limits;

/// Sees to it that what is in memory is not older than the question.
#[derive(Debug)]
pub struct Freshness {
    is_shared: bool,
    /// Reads that were begun.
    begun: AtomicU64,
    /// Which of them ended well last.
    ended: Mutex<u64>,
}

impl Freshness {
    /// For an installation that others serve, too, or alone.
    pub fn new(is_shared: bool) -> Self {
        Self { is_shared, begun: AtomicU64::new(0), ended: Mutex::new(0) }
    }

    /// Reads what others may have changed, unless somebody does who began after this was called.
    pub async fn see(&self, readers: &Readers, catalog: &SharedCatalog, clock: &Clock) -> Result<(), Unread> {
        if !self.is_shared {
            return Ok(());
        }
        let known = || catalog.read().unwrap_or_else(PoisonError::into_inner).revision;
        let seen = self.after_now(async || {
            let known = known();
            let (state, newer) = readers.read(move |reader| look(reader, known)).await?;
            if let Some(now) = state.and_then(|state| state.clock) {
                clock.set(now);
            }
            if let Some(newer) = newer {
                let mut catalog = catalog.write().unwrap_or_else(PoisonError::into_inner);
                if newer.revision > catalog.revision {
                    *catalog = newer;
                }
            }
            Ok(())
        });
        // Reads that fail slowly must not add up for those who wait for their turn.
        tokio::time::timeout(limits::READER_TIME, seen).await.unwrap_or(Err(Unread::Busy))
    }

    /// Answers once a read has ended well that began after this was called.
    async fn after_now<E>(&self, read: impl AsyncFnOnce() -> Result<(), E>) -> Result<(), E> {
        let needed = self.begun.load(Ordering::Acquire) + 1;
        let mut ended = self.ended.lock().await;
        if *ended >= needed {
            return Ok(());
        }
        let mine = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        read().await?;
        *ended = mine;
        Ok(())
    }
}

/// How matters stand; with the catalog, if it is newer than what is known.
fn look(reader: &Reader, known: u64) -> Result<(Option<State>, Option<koi_core::catalog::Catalog>), StoreError> {
    let state = reader.state()?;
    let is_newer = state.is_some_and(|state| state.revision > known);
    Ok((state, is_newer.then(|| reader.catalog()).transpose()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    /// Each sees a read that began after it came, and many share one.
    #[tokio::test]
    async fn no_answer_is_older_than_its_question() {
        let freshness = Arc::new(Freshness::new(true));
        let (begun, may_end) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(0)));
        let ask = || {
            let (freshness, begun, may_end) = (freshness.clone(), begun.clone(), may_end.clone());
            tokio::spawn(async move {
                let read = async || {
                    begun.fetch_add(1, Ordering::SeqCst);
                    may_end.acquire().await.unwrap().forget();
                    Ok::<(), ()>(())
                };
                freshness.after_now(read).await.unwrap();
            })
        };
        let first = ask();
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // These came too late for the first read.
        let others: Vec<_> = (0..50).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        may_end.add_permits(1);
        first.await.unwrap();
        while begun.load(Ordering::SeqCst) == 1 {
            tokio::task::yield_now().await;
        }
        assert!(others.iter().all(|other| !other.is_finished()), "the first read is not theirs");
        may_end.add_permits(1);
        for other in others {
            other.await.unwrap();
        }
        assert_eq!(begun.load(Ordering::SeqCst), 2, "they share one");
    }

    #[tokio::test]
    async fn a_read_that_failed_counts_for_nobody() {
        let freshness = Freshness::new(true);
        assert_eq!(freshness.after_now(async || Err("away")).await, Err("away"));
        let mut read = false;
        let result: Result<(), ()> = freshness
            .after_now(async || {
                read = true;
                Ok(())
            })
            .await;
        assert_eq!((result, read), (Ok(()), true));
    }
}
