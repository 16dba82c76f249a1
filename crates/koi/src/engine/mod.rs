//! The engine: the one place where commands become rows.
//!
//! ```text
//! submit ──▶ bounded queue ──▶ writer thread: what fell due, then BEGIN · decide · COMMIT ──▶ answers
//! ```
//! A batch is whatever waits in the queue, up to a limit; it is never waited for. Nobody is answered before
//! the commit is durable. The engine owns the work: a caller that goes away changes nothing.

pub mod clock;
pub mod keys;
pub mod luck;
pub mod pipeline;
pub mod readers;
pub mod work;

use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use koi_core::catalog::Catalog;
use tokio::sync::{oneshot, watch};

use crate::engine::pipeline::Pipeline;
use crate::engine::work::{Failure, Job, Outcome, Work};
use crate::limits;

/// The catalog, shared by the writer (who alone changes it) and everybody who reads.
pub type SharedCatalog = Arc<RwLock<Catalog>>;

/// The way into the engine. Cheap to clone; the engine stops when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Engine {
    queue: Sender<Job>,
}

impl Engine {
    /// Starts the writer thread.
    pub fn start(pipeline: Pipeline) -> std::io::Result<(Self, WriterThread)> {
        Self::start_with(move |jobs| serve(pipeline, jobs))
    }

    /// The same with other work in place of the pipeline's.
    pub(crate) fn start_with(
        work: impl FnOnce(&Receiver<Job>) + Send + 'static,
    ) -> std::io::Result<(Self, WriterThread)> {
        let (queue, jobs) = bounded(limits::QUEUE);
        let (alive, end) = watch::channel(());
        let thread = std::thread::Builder::new().name("koi-writer".into()).spawn(move || {
            // Dropped when the thread ends, also by a panic.
            let _end = end;
            work(&jobs);
        })?;
        Ok((Self { queue }, WriterThread { thread, alive }))
    }

    /// Puts work into the queue and waits for its outcome, which comes after the commit.
    pub async fn submit(&self, work: Work) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        match self.queue.try_send(Job { work, reply }) {
            Ok(()) => outcome.await.unwrap_or(Err(Failure::Stopping)),
            Err(TrySendError::Full(_)) => Err(Failure::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Failure::Stopping),
        }
    }

    /// Jobs that wait.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }
}

/// The thread that writes. It ends when the engine can be reached by nobody any more, and never before that.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<()>,
    /// Its other side is held by the thread.
    alive: watch::Sender<()>,
}

impl WriterThread {
    /// Waits until the thread has ended.
    pub async fn ended(&self) {
        self.alive.closed().await;
    }

    /// What the thread ended with: the words of its panic, if that was it.
    pub fn panicked(self) -> Option<String> {
        let panic = self.thread.join().err()?;
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
        let (engine, writer) = Engine::start_with(|jobs| {
            let _job = jobs.recv();
            panic!("the store cannot be");
        })
        .unwrap();
        assert_eq!(engine.submit(Work::SetClock(Time::of_ms(0))).await, Err(Failure::Stopping));
        writer.ended().await;
        assert_eq!(writer.panicked().as_deref(), Some("the store cannot be"));
    }

    #[tokio::test]
    async fn a_writer_that_nobody_can_reach_ends_well() {
        let (engine, writer) = Engine::start_with(|jobs| while jobs.recv().is_ok() {}).unwrap();
        drop(engine);
        writer.ended().await;
        assert_eq!(writer.panicked(), None);
    }
}
