//! What a server keeps in memory and others may change: the catalog, and the sandbox's clock.
//!
//! What changes something is decided within a transaction that tells how matters stand. Who only looks asks here first,
//! so that what one server has answered is seen on every other one from then on. Any number of those who ask at the same
//! time share one read: the first that begins after they came.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use koi_store::{News, Reader, State, StoreError};
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
            let (state, news) = readers.read(move |reader| look(reader, known)).await?;
            if let Some(now) = state.and_then(|state| state.clock) {
                clock.set(now);
            }
            if let Some(news) = news {
                put(catalog, news, known);
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

/// Brings the catalog in memory, which was of revision `known` before the news were read, to what is stored.
///
/// What is in memory was committed before it got there, so that what is read later is as new or newer. It is older only
/// after a failover to a database that had not received everything: then it is all that there is.
pub(crate) fn put(catalog: &SharedCatalog, news: News, known: u64) {
    let mut current = catalog.write().unwrap_or_else(PoisonError::into_inner);
    let stored = news.revision();
    let went_back = stored < known && current.revision == known;
    if went_back {
        tracing::warn!(known, stored, "the database has gone back: it did not keep what it had confirmed");
    }
    // What is later than the revision that was known fits on it and on any that came since, until its own.
    let fits = match &news {
        News::Whole(_) => true,
        News::Later(..) => known <= current.revision,
    };
    if went_back || (fits && stored > current.revision) {
        news.reach(&mut current);
    }
}

/// How matters stand; with the news of the catalog, if it is not the one that is known.
fn look(reader: &Reader, known: u64) -> Result<(Option<State>, Option<News>), StoreError> {
    let state = reader.state()?;
    let is_another = state.is_some_and(|state| state.revision != known);
    Ok((state, is_another.then(|| reader.catalog_after(known)).transpose()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use koi_core::catalog::{Catalog, Entry, Merchant};
    use koi_core::id::MerchantId;
    use koi_core::money::Currency;
    use koi_core::rules::Country;
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

    #[test]
    fn what_is_stored_counts_unless_it_was_read_before_what_is_known() {
        let check = |current: u64, stored: u64, known: u64, expected: u64| {
            let of = |revision| {
                let mut catalog = Catalog::default();
                catalog.revision = revision;
                catalog
            };
            let catalog: SharedCatalog = Arc::new(std::sync::RwLock::new(of(current)));
            put(&catalog, News::Whole(of(stored)), known);
            assert_eq!(catalog.read().unwrap().revision, expected, "{current} {stored} {known}");
        };
        check(5, 6, 5, 6);
        check(5, 5, 5, 5);
        // Somebody has put a newer one there since.
        check(7, 6, 5, 7);
        // The database went back.
        check(5, 4, 5, 4);
        // It did, and somebody has seen it before.
        check(4, 4, 5, 4);
        check(6, 4, 5, 6);
    }

    /// Each revision adds a merchant. Whatever has become of the catalog meanwhile, none is ever missing.
    #[test]
    fn news_are_added_to_what_is_known_and_leave_no_gap() {
        let merchant = |number: u64| {
            let (id, name) = (MerchantId::stored(&format!("m{number}")), "Shop".into());
            let (country, currency) = (Country::parse("NZ").unwrap(), Currency::CNY);
            Entry::Merchant(Arc::new(Merchant { id, name, country, currency, fee_bps: 0 }))
        };
        let after = |known: u64, revision: u64| {
            News::Later(revision, (known + 1..=revision).map(merchant).collect::<Vec<_>>())
        };
        let check = |current: u64, news: u64, known: u64, expected: u64| {
            let mut catalog = Catalog::default();
            after(0, current).reach(&mut catalog);
            let catalog: SharedCatalog = Arc::new(std::sync::RwLock::new(catalog));
            put(&catalog, after(known, news), known);
            let catalog = catalog.read().unwrap();
            assert_eq!(catalog.revision, expected, "{current} {news} {known}");
            assert_eq!(catalog.merchants().count() as u64, expected, "{current} {news} {known}");
        };
        check(5, 6, 5, 6);
        check(5, 9, 5, 9);
        check(5, 5, 5, 5);
        // Somebody has put a newer one there since: as new, less new, newer.
        check(6, 6, 5, 6);
        check(7, 9, 5, 9);
        check(9, 7, 5, 9);
        // The database went back, and somebody has seen it before: these news lack what is between. The next look is whole.
        check(3, 6, 5, 3);
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
