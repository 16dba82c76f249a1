//! Folding the write-ahead log into the database, beside the writer.
//!
//! Most of the work is done by a thread with a connection of its own, while commits go on. It never quite
//! catches up with a busy writer, though, and only a log that is folded to its end can be begun anew. So
//! once little is left, the writer folds the rest itself, between two batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::error::StoreError;

/// The length of the log, in pages of 4 KiB, from which on it is folded: 64 MiB. A longer one is folded less often, and
/// pages that many batches write are folded once; but it is read when a server starts after a kill.
const LONG_PAGES: i64 = 16_000;
/// What the writer folds itself, in pages: a millisecond or two.
const SHORT_PAGES: i64 = 256;
/// How often the thread tries to get so far before it waits to be woken again.
const ROUNDS: usize = 8;

/// The thread that folds, and what the writer shares with it.
#[derive(Debug)]
pub(super) struct Folding {
    /// Gone once the value is being dropped.
    wake: Option<SyncSender<()>>,
    nearly_done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's connection is closed before the writer's owner goes on: the last one to be closed leaves a
/// database without a log beside it.
impl Drop for Folding {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Folding {
    /// Starts the thread; it ends when this value is dropped.
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (wake, woken) = sync_channel(1);
        let nearly_done = Arc::new(AtomicBool::new(false));
        let shared = nearly_done.clone();
        let thread = std::thread::Builder::new()
            .name("koi-fold".into())
            .spawn(move || fold_when_woken(&connection, &woken, &shared))
            .map_err(|error| StoreError::Unavailable(format!("the folding thread: {error}")))?;
        Ok(Self { wake: Some(wake), nearly_done, thread: Some(thread) })
    }

    /// Called by the writer after each commit. Errors lose nothing: the log stays as it is.
    pub(super) fn after_commit(&self, writer: &Connection) {
        if self.nearly_done.swap(false, Ordering::AcqRel) {
            let _ = checkpoint(writer, "PRAGMA wal_checkpoint(PASSIVE)");
            return;
        }
        if checkpoint(writer, "PRAGMA wal_checkpoint(NOOP)").is_ok_and(|(log, _)| log >= LONG_PAGES) {
            // Full: it is awake already.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

fn fold_when_woken(connection: &Connection, woken: &Receiver<()>, nearly_done: &AtomicBool) {
    while woken.recv().is_ok() {
        for _ in 0..ROUNDS {
            match checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)") {
                Ok((log, folded)) if log - folded > SHORT_PAGES => {}
                Ok(_) => {
                    nearly_done.store(true, Ordering::Release);
                    break;
                }
                Err(_) => break,
            }
        }
    }
}

/// Runs a checkpoint; answers the pages in the log and those that are folded.
fn checkpoint(connection: &Connection, sql: &str) -> Result<(i64, i64), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?)
}
