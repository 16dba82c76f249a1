//! The engine: the one place where commands become rows.
//!
//! ```text
//! submit ──▶ bounded queue ──▶ writer thread: what fell due, then BEGIN · decide · COMMIT ──▶ answers
//! ```
//! There is a queue with its thread for each lane, which serves some of the installation's cells; with one cell there
//! is one. Nothing is kept between batches but what can be read again: any number of processes can do the same.
//! A batch is whatever waits in the queue, up to a limit; it is never waited for. Nobody is answered before
//! the commit is durable. The engine owns the work: a caller that goes away changes nothing.

pub mod beacons;
pub mod clock;
pub mod freshness;
pub mod keys;
pub mod leaves;
pub mod luck;
pub mod pipeline;
pub mod readers;
mod statements;
pub mod work;

use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use koi_core::catalog::Catalog;
use koi_core::id::Cell;
use tokio::sync::{oneshot, watch};

use crate::engine::pipeline::Pipeline;
use crate::engine::work::{Failure, Job, Outcome, Work};
use crate::limits;

/// The catalog, shared by the writer (who alone changes it) and everybody who reads.
pub type SharedCatalog = Arc<RwLock<Catalog>>;

/// The way into the engine. Cheap to clone; the engine stops when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Engine {
    lanes: Arc<[Sender<Job>]>,
    cells: u16,
}

impl Engine {
    /// Starts a writer thread for each pipeline: that of lane 0, of lane 1 and so on, of an installation of so many
    /// cells.
    pub fn start(pipelines: Vec<Pipeline>, cells: u16) -> std::io::Result<(Self, Writers)> {
        let work = pipelines.into_iter().map(|pipeline| move |jobs: &Receiver<Job>| serve(pipeline, jobs));
        Self::start_with(work, cells)
    }

    /// The same with other work in place of the pipelines'.
    pub(crate) fn start_with<W>(work: impl IntoIterator<Item = W>, cells: u16) -> std::io::Result<(Self, Writers)>
    where
        W: FnOnce(&Receiver<Job>) + Send + 'static,
    {
        let (ended, _) = watch::channel(0);
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for (lane, work) in work.into_iter().enumerate() {
            let (queue, jobs) = bounded(limits::QUEUE);
            let end = End(ended.clone());
            let thread = std::thread::Builder::new().name(format!("koi-writer-{lane}")).spawn(move || {
                let _end = end;
                work(&jobs);
            })?;
            lanes.push(queue);
            threads.push(thread);
        }
        Ok((Self { lanes: lanes.into(), cells }, Writers { threads, ended }))
    }

    /// Puts work into the queue of its lane and waits for its outcome, which comes after the commit.
    pub async fn submit(&self, work: Work) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        match self.lane(&work).try_send(Job { work, reply }) {
            Ok(()) => outcome.await.unwrap_or(Err(Failure::Stopping)),
            Err(TrySendError::Full(_)) => Err(Failure::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Failure::Stopping),
        }
    }

    fn lane(&self, work: &Work) -> &Sender<Job> {
        let cell = match work {
            Work::Call(call, _) => call.command.cell(self.cells),
            Work::Office(_) | Work::SetClock(_) => Cell(0),
        };
        &self.lanes[usize::from(cell.0) % self.lanes.len()]
    }

    /// Jobs that wait.
    pub fn queue_len(&self) -> usize {
        self.lanes.iter().map(Sender::len).sum()
    }
}

/// Counts the threads that ended, also by a panic.
struct End(watch::Sender<usize>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.send_modify(|ended| *ended += 1);
    }
}

/// The threads that write. They end when the engine can be reached by nobody any more, and never before that.
#[derive(Debug)]
pub struct Writers {
    threads: Vec<JoinHandle<()>>,
    ended: watch::Sender<usize>,
}

impl Writers {
    /// Waits until one of the threads has ended.
    pub async fn one_ended(&self) {
        self.wait_for(1).await;
    }

    /// Waits until all threads have ended.
    pub async fn all_ended(&self) {
        self.wait_for(self.threads.len()).await;
    }

    async fn wait_for(&self, count: usize) {
        // It cannot fail: the sender is held here.
        let _ = self.ended.subscribe().wait_for(|ended| *ended >= count).await;
    }

    /// What the first thread that panicked ended with: the words of its panic.
    pub fn panicked(self) -> Option<String> {
        let panic = self.threads.into_iter().find_map(|thread| thread.join().err())?;
        let words = panic.downcast_ref::<&str>().map(ToString::to_string);
        Some(words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default())
    }
}

fn serve(mut pipeline: Pipeline, jobs: &Receiver<Job>) {
    let mut batch = Vec::with_capacity(limits::BATCH);
    loop {
        match jobs.recv_timeout(pipeline.idle_time()) {
            Ok(job) => batch.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while batch.len() < limits::BATCH {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        pipeline.run(&mut batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use koi_core::time::Time;

    #[tokio::test]
    async fn a_writer_that_panics_is_noticed_and_says_why() {
        let fails = |jobs: &Receiver<Job>| {
            let _job = jobs.recv();
            panic!("the store cannot be");
        };
        let (engine, writer) = Engine::start_with([fails], 1).unwrap();
        assert_eq!(engine.submit(Work::SetClock(Time::of_ms(0))).await, Err(Failure::Stopping));
        writer.one_ended().await;
        assert_eq!(writer.panicked().as_deref(), Some("the store cannot be"));
    }

    #[tokio::test]
    async fn writers_that_nobody_can_reach_end_well() {
        let works = |jobs: &Receiver<Job>| while jobs.recv().is_ok() {};
        let (engine, writer) = Engine::start_with([works, works, works], 64).unwrap();
        drop(engine);
        writer.all_ended().await;
        assert_eq!(writer.panicked(), None);
    }
}
