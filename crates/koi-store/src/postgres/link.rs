//! What a writer and a reader have in common: a place to wait, and a connection that is opened when it is needed and
//! again after it was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Runtime;

use super::address::Database;
use super::form::Spread;
use super::schema;
use super::session::{Failed, Reply, Request, Session};
use crate::error::StoreError;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It writes.
    Writer,
    /// It reads.
    Reader,
}

/// A connection, or the way to one.
pub(super) struct Link {
    wait: Wait,
    database: Database,
    role: Role,
    session: Option<Session>,
    sent: Arc<AtomicU64>,
    /// The number of cells, once it is known: a connection to another installation is refused.
    cells: Option<u16>,
    spread: Spread,
    timeline: u32,
    /// Whether a transaction is under way: what belongs to it must not go on without it on another connection.
    is_open: bool,
}

impl Link {
    pub(super) fn new(database: &Database, role: Role) -> Result<Self, StoreError> {
        let sent = Arc::default();
        let (wait, database) = (Wait::new()?, database.clone());
        let spread = Spread::Together;
        Ok(Self { wait, database, role, session: None, sent, cells: None, spread, timeline: 0, is_open: false })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Statements that were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How what is asked of several cells is sent, as the last connection found the server.
    pub(super) fn spread(&self) -> Spread {
        self.spread
    }

    /// The timeline of the server, as the last connection found it.
    pub(super) fn timeline(&self) -> u32 {
        self.timeline
    }

    /// From now on every new connection must lead to this installation.
    pub(super) fn is_of(&mut self, cells: u16) {
        self.cells = Some(cells);
    }

    /// Opens a connection if there is none that works. Answers whether it is new.
    pub(super) fn connect(&mut self) -> Result<bool, StoreError> {
        if self.session.as_ref().is_some_and(|session| !session.is_lost()) {
            return Ok(false);
        }
        self.forget();
        if self.is_open {
            return Err(lost());
        }
        let session = self.wait.on(Session::open(&self.database, self.role, self.sent.clone()));
        // Once it has been served, what is refused now may be right again after a failover or an upgrade is over.
        let session = session.map_err(|error| self.later(error))?;
        (self.spread, self.timeline) = (session.spread(), session.timeline());
        self.session = Some(session);
        if let Some(cells) = self.cells {
            let found = schema::must_be_current(self).map_err(|error| self.later(error));
            match found {
                Ok(found) if found == cells => {}
                other => {
                    self.forget();
                    other?;
                    return Err(StoreError::Unavailable("another installation answers at this address".into()));
                }
            }
        }
        Ok(true)
    }

    fn later(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Refused(why) if self.cells.is_some() => StoreError::Unavailable(why),
            StoreError::Conflict(why) => StoreError::Unavailable(why),
            error => error,
        }
    }

    /// Runs requests on the connection that there is: what was begun on it goes on, or is lost with it.
    pub(super) fn run(&mut self, requests: &[Request]) -> Result<Vec<Reply>, StoreError> {
        let Some(session) = &mut self.session else {
            return Err(lost());
        };
        let result = self.wait.on(session.run(requests));
        if session.is_lost() {
            self.forget();
        }
        result
    }

    /// Runs requests that are on their own. An old connection may have ended since it was used last: then they are
    /// tried once more on a new one. They must be such that twice does no harm.
    pub(super) fn once(&mut self, requests: &[Request]) -> Result<Vec<Reply>, StoreError> {
        let is_new = self.connect()?;
        let result = self.run(requests);
        if result.is_err() && !is_new && self.session.is_none() && !self.is_open {
            self.connect()?;
            return self.run(requests);
        }
        result
    }

    /// Runs a script on the connection that there is.
    pub(super) fn script(&mut self, sql: &str) -> Result<(), Failed> {
        let Some(session) = &mut self.session else {
            return Err(lost().into());
        };
        let result = self.wait.on(session.script(sql));
        if session.is_lost() {
            self.forget();
        }
        result
    }

    /// Begins a transaction with these requests. An old connection may have ended since it was used last: then they are
    /// tried once more on a new one.
    pub(super) fn begin(&mut self, requests: &[Request]) -> Result<Vec<Reply>, StoreError> {
        let replies = self.once(requests).inspect_err(|_| self.rollback())?;
        self.is_open = true;
        Ok(replies)
    }

    /// Whether a transaction is under way.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Ends the transaction: it is committed.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let result = self.run(&[Request::of("COMMIT")]);
        self.is_open = false;
        result.map(|_| ())
    }

    /// Ends the transaction, if there is one. A connection that does not say that it is over is not used again.
    pub(super) fn rollback(&mut self) {
        self.is_open = false;
        if self.session.is_some() && self.run(&[Request::of("ROLLBACK")]).is_err() {
            self.forget();
        }
    }

    /// Whether the server has warned of something since this was asked last.
    pub(super) fn was_warned(&self) -> bool {
        self.session.as_ref().is_some_and(Session::was_warned)
    }

    /// Gives the connection up, at once: what was begun on it holds nobody up.
    pub(super) fn forget(&mut self) {
        if self.session.take().is_some() {
            // What drives it ends when the runtime runs next.
            let _ = self.wait.on(async {
                tokio::task::yield_now().await;
                Ok::<(), StoreError>(())
            });
        }
    }

    /// Waits a little.
    pub(super) fn pause(&self, time: std::time::Duration) -> Result<(), StoreError> {
        self.wait.on(async {
            tokio::time::sleep(time).await;
            Ok(())
        })
    }

    /// The statements that were prepared on the connection.
    #[cfg(test)]
    pub(super) fn prepared(&self) -> Vec<&'static str> {
        self.session.as_ref().map(Session::prepared).unwrap_or_default()
    }
}

fn lost() -> StoreError {
    StoreError::Conflict("the connection was lost before".into())
}

/// Where a thread waits: a runtime of its own, which runs only meanwhile.
struct Wait {
    /// Gone once the value is being dropped.
    runtime: Option<Runtime>,
}

impl Wait {
    fn new() -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| StoreError::Unavailable(format!("waiting for the database: {error}")))?;
        Ok(Self { runtime: Some(runtime) })
    }

    fn on<T, E: From<StoreError>>(&self, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(future),
            None => Err(StoreError::Unavailable("it is being closed".into()).into()),
        }
    }
}

/// A runtime that is dropped waits for its threads, which must not happen where asynchronous tasks run. It has none.
impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
