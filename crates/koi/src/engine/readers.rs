//! A few connections that read, lent to whoever asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use koi_store::StoreError;
use koi_store::sqlite::{Beside, Folder, Reader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// All readers were lent, for as long as who asked would wait.
    #[error("all readers are in use")]
    Busy,
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The pool of readers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Readers {
    pool: Arc<Pool>,
    places: Arc<Semaphore>,
    patience: Duration,
}

#[derive(Debug)]
struct Pool {
    folder: Folder,
    /// What the writer of the same process knows; needed by those who ask for the coupons of shoppers.
    recent: Option<Beside>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    /// A pool of `count` connections; who asks for one waits for `patience` at most.
    pub fn open(
        folder: &Folder,
        recent: Option<Beside>,
        count: usize,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let pool = Pool { folder: folder.clone(), recent, idle: Mutex::default() };
        let idle = (0..count).map(|_| pool.connect()).collect::<Result<_, _>>()?;
        *pool.idle() = idle;
        Ok(Self { pool: Arc::new(pool), places: Arc::new(Semaphore::new(count)), patience })
    }

    /// Reads with one of the connections, on a thread that may block. Who waits for a connection holds no thread.
    pub async fn read<T, F>(&self, read: F) -> Result<T, Unread>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    {
        let place = tokio::time::timeout(self.patience, self.places.clone().acquire_owned());
        let Ok(Ok(place)) = place.await else { return Err(Unread::Busy) };
        let pool = self.pool.clone();
        on_a_thread(place, move || pool.read(read)).await
    }
}

/// Reads on a thread that may block. The place is given back at the end, also when the read panics, or when who asked
/// has gone away.
async fn on_a_thread<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Unread> {
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        read()
    });
    let read = task.await.unwrap_or_else(|_| Err(StoreError::Refused("a read panicked".into())));
    Ok(read?)
}

/// Reads that take long, such as a check of everything: one at a time, each on a connection of its own, so that the
/// others have theirs.
#[derive(Clone, Debug)]
pub struct LongReads {
    folder: Folder,
    place: Arc<Semaphore>,
}

impl LongReads {
    /// Long reads of a folder.
    pub fn new(folder: &Folder) -> Self {
        Self { folder: folder.clone(), place: Arc::new(Semaphore::new(1)) }
    }

    /// Reads, unless another long read is under way. What was read last is not in the connection's memory: it is new.
    pub async fn read<T, F>(&self, read: F) -> Result<T, Unread>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    {
        let Ok(place) = self.place.clone().try_acquire_owned() else { return Err(Unread::Busy) };
        let folder = self.folder.clone();
        on_a_thread(place, move || read(&folder.reader()?)).await
    }
}

impl Pool {
    fn connect(&self) -> Result<Reader, StoreError> {
        let reader = self.folder.reader()?;
        Ok(match &self.recent {
            Some(recent) => reader.beside(recent.clone()),
            None => reader,
        })
    }

    /// Only a connection that read well is lent again: one that failed may be inside a transaction, or have in memory
    /// what was read badly. Its successor is opened when it is needed.
    fn read<T>(&self, read: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let reader = match idle {
            Some(reader) => reader,
            None => self.connect()?,
        };
        let result = read(&reader)?;
        self.idle().push(reader);
        Ok(result)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of one on a folder of its own.
    fn one() -> (Readers, tempfile::TempDir) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        drop(folder.serve().unwrap());
        (Readers::open(&folder, None, 1, Duration::from_millis(100)).unwrap(), place)
    }

    #[tokio::test]
    async fn a_read_that_fails_or_panics_takes_no_reader_along() {
        let (readers, _place) = one();
        for _ in 0..3 {
            // In the middle of a transaction, which no later read may be part of.
            let panicked = readers.read(|reader| reader.at_one_moment::<()>(|| panic!("a read panics"))).await;
            assert!(matches!(panicked, Err(Unread::Store(StoreError::Refused(_)))), "{panicked:?}");
            let failed = readers.read::<(), _>(|_| Err(StoreError::Damaged("a row".into()))).await;
            assert!(matches!(failed, Err(Unread::Store(StoreError::Damaged(_)))), "{failed:?}");
            readers.read(|reader| reader.at_one_moment(|| reader.keys())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_reader_is_told() {
        let (readers, _place) = one();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let other = readers.clone();
        let long = tokio::spawn(async move {
            other
                .read(move |_| {
                    let _ = wait.recv();
                    Ok(())
                })
                .await
        });
        while readers.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(readers.read(|_| Ok(())).await, Err(Unread::Busy)));
        drop(go_on);
        long.await.unwrap().unwrap();
        readers.read(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_second_long_read_is_told_at_once_and_panics_block_nobody() {
        let (readers, place) = one();
        let long = LongReads::new(&Folder::new(place.path()));
        let (inner, others) = (long.clone(), readers.clone());
        let read = long.read(move |_| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let second = runtime.block_on(inner.read(|_| Ok(())));
            let beside = runtime.block_on(others.read(|_| Ok(())));
            Ok((matches!(second, Err(Unread::Busy)), beside.is_ok()))
        });
        assert_eq!(read.await.unwrap(), (true, true));
        long.read::<(), _>(|_| panic!("a long read panics")).await.unwrap_err();
        long.read(|_| Ok(())).await.unwrap();
    }
}
