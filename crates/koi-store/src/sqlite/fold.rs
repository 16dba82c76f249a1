//! Folding the write-ahead log into the database, beside the writer.
//!
//! Most of the work is done by a thread with a connection of its own, while commits go on. It never quite
//! catches up with a busy writer, though, and only a log that is folded to its end can be begun anew. So
//! once little is left, the writer folds the rest itself, between two batches.
//!
//! What a reader that takes long (a check, a backup) may still need is not folded before it ends, and the log grows
//! meanwhile. Then the thread looks again now and then, and is not woken by commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::StoreError;

/// Bytes of a page of the log: SQLite's usual ones, and what says whose it is.
const PAGE_BYTES: i64 = 4096 + 24;
/// The length of the log, in pages, from which on it is folded: 64 MiB. A longer one is folded less often, and
/// pages that many batches write are folded once; but it is read when a server starts after a kill.
const LONG_PAGES: i64 = 16_000;
/// What the file of the log is cut to when it is begun anew. Twice the usual length, which a busy writer hardly
/// reaches: a file that keeps its length is overwritten, which is cheaper than making it grow again. What a long check
/// or backup made grow beyond that is given back to the disk.
pub(super) const KEPT_BYTES: i64 = 2 * LONG_PAGES * PAGE_BYTES;
/// What the writer folds itself, in pages: a millisecond or two.
const SHORT_PAGES: i64 = 256;
/// How often the thread tries to get so far before it waits to be woken again.
const ROUNDS: usize = 8;
/// How long it rests while a reader holds the log.
const REST: Duration = Duration::from_millis(250);

/// The thread that folds, and what the writer shares with it.
#[derive(Debug)]
pub(super) struct Folding {
    /// Gone once the value is being dropped.
    wake: Option<SyncSender<()>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Little is left: the writer folds it.
    nearly_done: AtomicBool,
    /// A reader holds the log: the thread need not be woken.
    resting: AtomicBool,
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
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("koi-fold".into())
            .spawn(move || fold_when_woken(&connection, &woken, &of_thread))
            .map_err(|error| StoreError::Unavailable(format!("the folding thread: {error}")))?;
        Ok(Self { wake: Some(wake), shared, thread: Some(thread) })
    }

    /// Called by the writer after each commit. Errors lose nothing: the log stays as it is.
    pub(super) fn after_commit(&self, writer: &Connection) {
        if self.shared.nearly_done.swap(false, Ordering::AcqRel) {
            let _ = checkpoint(writer, "PRAGMA wal_checkpoint(PASSIVE)");
            return;
        }
        if self.shared.resting.load(Ordering::Acquire) {
            return;
        }
        if checkpoint(writer, "PRAGMA wal_checkpoint(NOOP)").is_ok_and(|(log, _)| log >= LONG_PAGES) {
            // Full: it is awake already.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

fn fold_when_woken(connection: &Connection, woken: &Receiver<()>, shared: &Shared) {
    while woken.recv().is_ok() {
        loop {
            match fold(connection) {
                Ok(Folded::Nearly) => shared.nearly_done.store(true, Ordering::Release),
                Ok(Folded::Held) if rest(woken, shared) => continue,
                Ok(Folded::Held | Folded::Behind) | Err(_) => {}
            }
            break;
        }
    }
}

/// Waits for a while; false when the server ends.
fn rest(woken: &Receiver<()>, shared: &Shared) -> bool {
    shared.resting.store(true, Ordering::Release);
    // What was sent just before is answered by the look after the rest.
    let ended = loop {
        match woken.recv_timeout(REST) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => break false,
            Err(RecvTimeoutError::Disconnected) => break true,
        }
    };
    shared.resting.store(false, Ordering::Release);
    !ended
}

/// How far the log was folded.
#[derive(Debug, PartialEq, Eq)]
enum Folded {
    /// Little is left, or nothing.
    Nearly,
    /// A reader may still need the rest.
    Held,
    /// Commits added as much.
    Behind,
}

fn fold(connection: &Connection) -> Result<Folded, StoreError> {
    let mut before = None;
    for _ in 0..ROUNDS {
        let (log, folded) = checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        if log - folded <= SHORT_PAGES {
            return Ok(Folded::Nearly);
        }
        if before.replace(folded) == Some(folded) {
            return Ok(Folded::Held);
        }
    }
    Ok(Folded::Behind)
}

/// Runs a checkpoint; answers the pages in the log and those that are folded.
fn checkpoint(connection: &Connection, sql: &str) -> Result<(i64, i64), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use koi_core::idempotency::Key;
    use rusqlite::OpenFlags;

    use super::*;
    use crate::sample;
    use crate::sqlite::{Folder, Writer};
    use crate::{Answered, Notes, Store};

    /// How long anything may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A folder with a writer that does not fold, and a connection that may.
    fn unfolded() -> (tempfile::TempDir, Folder, Writer, Connection) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        drop(folder.serve().unwrap());
        let writer = folder.administer().unwrap();
        let connection = folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        (place, folder, writer, connection)
    }

    /// Commits so many bytes.
    fn commit(writer: &mut Writer, number: i64, bytes: usize) {
        let begun = writer.begin(&[], None).unwrap();
        let asked = koi_core::idempotency::Asked { key: Key(number), ..sample::asked(1) };
        let answered = Some(Answered { asked, status: 200, body: "x".repeat(bytes) });
        writer.commit(&begun.cells, &Notes { answered, ..Notes::default() }).unwrap();
    }

    #[test]
    fn a_reader_that_takes_long_holds_the_log() {
        let (_place, folder, mut writer, connection) = unfolded();
        commit(&mut writer, 1, 4 << 20);
        let reader = folder.reader().unwrap();
        reader
            .at_one_moment(|| {
                reader.catalog()?;
                assert_eq!(fold(&connection)?, Folded::Nearly, "all that was there before it");
                commit(&mut writer, 2, 4 << 20);
                assert_eq!(fold(&connection)?, Folded::Held);
                commit(&mut writer, 3, 4 << 20);
                assert_eq!(fold(&connection)?, Folded::Held);
                Ok(())
            })
            .unwrap();
        assert_eq!(fold(&connection).unwrap(), Folded::Nearly);
    }

    #[test]
    fn a_log_that_a_reader_held_is_cut_again_and_commits_wake_nobody_meanwhile() {
        let (_place, folder, mut writer, connection) = unfolded();
        let folding = Folding::start(folder.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()).unwrap();
        let log = || std::fs::metadata(folder.path().join("koi.db-wal")).unwrap().len();
        let kept = u64::try_from(KEPT_BYTES).unwrap();
        let mut number = 0;
        let mut next = |bytes| {
            number += 1;
            commit(&mut writer, number, bytes);
            folding.after_commit(&connection);
        };
        let began = Instant::now();
        let reader = folder.reader().unwrap();
        reader
            .at_one_moment(|| {
                reader.catalog()?;
                while log() <= kept + (8 << 20) {
                    next(8 << 20);
                }
                while !folding.shared.resting.load(Ordering::Acquire) {
                    assert!(began.elapsed() < PATIENCE, "it does not rest");
                    std::thread::sleep(REST / 10);
                }
                Ok(())
            })
            .unwrap();
        while log() > kept {
            assert!(began.elapsed() < PATIENCE, "{} bytes are left", log());
            next(1);
            std::thread::sleep(REST / 10);
        }
    }
}
