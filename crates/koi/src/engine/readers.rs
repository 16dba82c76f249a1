//! A few connections that read, lent to whoever asks.

use crossbeam_channel::{Receiver, Sender, bounded};
use koi_store::StoreError;
use koi_store::sqlite::{Folder, Reader, Shoppers};

/// The pool of readers.
#[derive(Clone, Debug)]
pub struct Readers {
    idle: Receiver<Reader>,
    back: Sender<Reader>,
}

impl Readers {
    /// Opens `count` connections beside the writer of these shoppers.
    pub fn open(folder: &Folder, shoppers: &Shoppers, count: usize) -> Result<Self, StoreError> {
        let (back, idle) = bounded(count);
        for _ in 0..count {
            // The channel has room for all of them.
            let _ = back.send(folder.reader()?.beside(shoppers.clone()));
        }
        Ok(Self { idle, back })
    }

    /// Reads with one of the connections, on a thread that may block.
    pub async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    {
        let pool = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let reader = pool.idle.recv().map_err(|_| StoreError::Unavailable("the readers are gone".into()))?;
            let result = read(&reader);
            let _ = pool.back.send(reader);
            result
        });
        task.await.unwrap_or_else(|_| Err(StoreError::Refused("a read panicked".into())))
    }
}
