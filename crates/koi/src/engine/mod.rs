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
use tokio::sync::oneshot;

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
    pub fn start(pipeline: Pipeline) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, jobs) = bounded(limits::QUEUE);
        let writer =
            std::thread::Builder::new().name("koi-writer".into()).spawn(move || serve(pipeline, &jobs))?;
        Ok((Self { queue }, writer))
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
