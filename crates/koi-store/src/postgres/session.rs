//! A connection to the server, its prepared statements, and requests that are sent one after the other without
//! waiting for each other's answers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::TryStreamExt;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio_postgres::error::Severity;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Connection, Row, Statement};

use super::address::Database;
use super::error;
use super::form::Spread;
use super::link::Role;
use super::probe;
use crate::error::StoreError;

/// How long opening a connection may take in all, with TLS and the password, over all hosts.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an answer may take. The server gives up before (see [`settings`]); this is for one that is gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The settings of a connection, each with its reason.
fn settings(role: Role) -> String {
    let (statement, idle) = match role {
        // A batch takes milliseconds. A statement that takes so long waits for a disk or hangs: 503 is the better answer.
        // A process that is stopped in the middle of a batch (SIGSTOP, a paused machine) holds its cells for as long as
        // it may be idle in a transaction: the others must not wait longer than their callers do.
        Role::Writer => ("20s", "5s"),
        // Reading in chunks takes milliseconds for each; between two chunks the auditor counts. A reader that hangs keeps
        // the server from cleaning up.
        Role::Reader => ("60s", "10min"),
    };
    // Locks are waited for longer than their holder may be idle, and given up before the statement is: who waited for a
    // stopped process goes on by itself.
    let lock = "10s";
    format!(
        "SET statement_timeout = '{statement}'; SET idle_in_transaction_session_timeout = '{idle}'; \
         SET lock_timeout = '{lock}'; SET TimeZone = 'UTC'; SET client_min_messages = 'warning'; {PLANS}"
    )
}

/// Rows are always found by a key or an index, and plans do not depend on how large a table was when it was looked at
/// last: a plan that reads a whole table is right while it is empty, and a disaster an hour later.
const PLANS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET enable_sort = off; SET enable_memoize = off; SET jit = off";
/// One plan for every number of values. Citus must see the cell before it knows the node, and plans by itself.
const GENERIC: &str = "SET plan_cache_mode = force_generic_plan";
/// Nobody is answered before the commit is durable. Where the server says more than `on`, that stays.
const DURABLE: &str = "SET synchronous_commit = on";

/// A value that is bound.
pub(super) type Param<'a> = Box<dyn ToSql + Sync + 'a>;

/// A statement and its values.
pub(super) struct Request<'a> {
    pub(super) sql: &'static str,
    pub(super) params: Vec<Param<'a>>,
}

impl<'a> Request<'a> {
    /// A statement without values.
    pub(super) fn of(sql: &'static str) -> Self {
        Self { sql, params: Vec::new() }
    }

    /// A statement with values.
    pub(super) fn with(sql: &'static str, params: Vec<Param<'a>>) -> Self {
        Self { sql, params }
    }
}

/// What a statement answered.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) rows: Vec<Row>,
    /// Rows that were written.
    pub(super) count: u64,
}

/// A script that failed, and the server's code for why.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: StoreError,
    pub(super) code: String,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self { error, code: String::new() }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// An open connection.
pub(super) struct Session {
    client: Client,
    statements: FxHashMap<&'static str, Statement>,
    warned: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    /// What drives the connection.
    drive: AbortHandle,
    spread: Spread,
    timeline: u32,
    /// Whether it is of no use any more.
    lost: bool,
}

/// The connection is closed, not kept until it is told goodbye: what was begun on it is over as soon as its runtime runs.
impl Drop for Session {
    fn drop(&mut self) {
        self.drive.abort();
    }
}

impl Session {
    /// Connects, and refuses a server that is not fit for it. `sent` counts the statements of all connections.
    pub(super) async fn open(database: &Database, role: Role, sent: Arc<AtomicU64>) -> Result<Self, StoreError> {
        let opened = tokio::time::timeout(OPEN_TIMEOUT, Self::connect(database, role, sent)).await;
        opened.unwrap_or_else(|_| Err(StoreError::Unavailable(format!("{database} cannot be reached in time"))))
    }

    async fn connect(database: &Database, role: Role, sent: Arc<AtomicU64>) -> Result<Self, StoreError> {
        let (client, connection) =
            database.config().connect(database.tls()).await.map_err(|error| error::of_connecting(&error))?;
        let warned = Arc::new(AtomicBool::new(false));
        let drive = tokio::spawn(drive(connection, warned.clone())).abort_handle();
        let statements = FxHashMap::default();
        let spread = Spread::Together;
        let mut session = Self { client, statements, warned, sent, drive, spread, timeline: 0, lost: false };
        session.settle(role).await?;
        Ok(session)
    }

    /// Looks at the server, and settles the connection.
    async fn settle(&mut self, role: Role) -> Result<(), StoreError> {
        let found = probe::probe(&self.client).await?;
        self.timeline = found.timeline;
        if found.has_citus {
            self.spread = Spread::Apart;
        }
        let mut settings = settings(role);
        for (needed, setting) in [(!found.has_citus, GENERIC), (!found.is_durable, DURABLE)] {
            if needed {
                settings.push_str("; ");
                settings.push_str(setting);
            }
        }
        self.client.batch_execute(&settings).await.map_err(|error| error::of_connecting(&error))
    }

    /// Whether the connection is known to be of no use.
    pub(super) fn is_lost(&self) -> bool {
        self.lost || self.client.is_closed()
    }

    /// How what is asked of several cells is sent to this server.
    pub(super) fn spread(&self) -> Spread {
        self.spread
    }

    /// The timeline of the server, which does not change while a connection to a primary stands.
    pub(super) fn timeline(&self) -> u32 {
        self.timeline
    }

    /// Whether the server has warned of something since this was asked last.
    pub(super) fn was_warned(&self) -> bool {
        self.warned.swap(false, Ordering::AcqRel)
    }

    /// Sends all requests, in their order, and collects their answers. The first error is that of all: what follows it
    /// in a transaction fails only because of it.
    pub(super) async fn run(&mut self, requests: &[Request<'_>]) -> Result<Vec<Reply>, StoreError> {
        self.sent.fetch_add(requests.len() as u64, Ordering::Relaxed);
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, async {
            self.prepare(requests).await?;
            let statements = &self.statements;
            let client = &self.client;
            let asked = requests.iter().map(|request| ask(client, &statements[request.sql], &request.params));
            in_order(asked).await.into_iter().collect::<Result<Vec<_>, _>>()
        });
        match answered.await {
            Ok(Ok(replies)) => Ok(replies),
            Ok(Err(error)) => {
                let (error, lost) = error::of(&error);
                self.lost |= lost;
                Err(error)
            }
            Err(_) => {
                self.lost = true;
                Err(error::lost("it did not answer in time"))
            }
        }
    }

    /// Runs a script; for what is not done all the time.
    pub(super) async fn script(&mut self, sql: &str) -> Result<(), Failed> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.client.batch_execute(sql).await.map_err(|failed| {
            let (error, lost) = error::of(&failed);
            self.lost |= lost;
            let code = failed.code().map(|code| code.code().to_owned()).unwrap_or_default();
            Failed { error, code }
        })
    }

    /// Prepares the statements that were not used yet, all at once.
    async fn prepare(&mut self, requests: &[Request<'_>]) -> Result<(), tokio_postgres::Error> {
        let mut new: Vec<&'static str> =
            requests.iter().map(|request| request.sql).filter(|sql| !self.statements.contains_key(sql)).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.sort_unstable();
        new.dedup();
        let client = &self.client;
        let prepared = in_order(new.iter().map(|sql| client.prepare(sql))).await;
        for (sql, statement) in new.into_iter().zip(prepared) {
            self.statements.insert(sql, statement?);
        }
        Ok(())
    }

    /// The statements that were prepared.
    #[cfg(test)]
    pub(super) fn prepared(&self) -> Vec<&'static str> {
        self.statements.keys().copied().collect()
    }
}

/// Sends a request when it is polled first, and collects its answer.
async fn ask(
    client: &Client,
    statement: &Statement,
    params: &[Param<'_>],
) -> Result<Reply, tokio_postgres::Error> {
    let params = params.iter().map(|param| &**param as &(dyn ToSql + Sync));
    let mut stream = std::pin::pin!(client.query_raw(statement, params).await?);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    Ok(Reply { rows, count: stream.rows_affected().unwrap_or(0) })
}

/// Runs futures side by side. Each is polled first in its turn, so that what they send is sent in their order.
async fn in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut all = Poll::Ready(());
        for (future, output) in running.iter_mut().zip(&mut outputs).filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(done) => *output = Some(done),
                Poll::Pending => all = Poll::Pending,
            }
        }
        all
    })
    .await;
    outputs.into_iter().flatten().collect()
}

/// Drives a connection to its end, and notes whether the server warned of something.
async fn drive<S, T>(mut connection: Connection<S, T>, warned: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    // An error ends the connection; whoever waits for an answer is told, and so is whoever asks next.
    while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notice(notice) = message
            && notice.parsed_severity() == Some(Severity::Warning)
        {
            warned.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::link::Link;
    use crate::postgres::server::Server;
    use crate::postgres::table::Fields;

    fn setting(link: &mut Link, sql: &'static str) -> String {
        let replies = link.once(&[Request::of(sql)]).unwrap();
        Fields::of(&replies[0].rows[0]).next().unwrap()
    }

    #[test]
    fn every_connection_is_settled_and_durable_whatever_the_servers_settings() {
        let server = Server::shared();
        for (stored, expected) in
            [("off", "on"), ("on", "on"), ("local", "local"), ("remote_apply", "remote_apply")]
        {
            let name = server.fresh();
            server.sql("postgres").run(&format!("ALTER DATABASE {name} SET synchronous_commit = {stored}"));
            server.sql("postgres").run(&format!("ALTER DATABASE {name} SET TimeZone = 'Asia/Shanghai'"));
            let database: Database = server.url(&name).parse().unwrap();
            for (role, statement, idle) in [(Role::Writer, "20s", "5s"), (Role::Reader, "1min", "10min")] {
                let mut link = Link::new(&database, role).unwrap();
                assert_eq!(setting(&mut link, "SHOW synchronous_commit"), expected);
                assert_eq!(setting(&mut link, "SHOW TimeZone"), "UTC");
                assert_eq!(setting(&mut link, "SHOW application_name"), "koi");
                assert_eq!(setting(&mut link, "SHOW statement_timeout"), statement);
                assert_eq!(setting(&mut link, "SHOW idle_in_transaction_session_timeout"), idle);
                assert_eq!(setting(&mut link, "SHOW lock_timeout"), "10s");
            }
        }
    }

    #[test]
    fn what_is_sent_together_is_sent_in_order() {
        let server = Server::shared();
        let database: Database = server.url(&server.fresh()).parse().unwrap();
        let mut link = Link::new(&database, Role::Writer).unwrap();
        link.connect().unwrap();
        link.script("CREATE TABLE t (number bigint)").unwrap();
        let add = "INSERT INTO t (number) SELECT count(*) + $1 FROM t";
        let requests: Vec<Request> = (0..100).map(|_| Request::with(add, vec![Box::new(0_i64)])).collect();
        let replies = link.run(&requests).unwrap();
        assert!(replies.iter().all(|reply| reply.count == 1));
        let replies = link.run(&[Request::of("SELECT number FROM t ORDER BY number")]).unwrap();
        let numbers: Vec<i64> = replies[0].rows.iter().map(|row| Fields::of(row).next().unwrap()).collect();
        assert!(numbers.into_iter().eq(0..100));
        // The first error is that of all, and the connection goes on.
        let wrong = [
            Request::of("BEGIN"),
            Request::of("SELECT 1 / (SELECT count(*) - 100 FROM t)"),
            Request::of("SELECT 1"),
        ];
        let error = link.run(&wrong).unwrap_err();
        assert!(error.to_string().contains("22012"), "{error}");
        link.rollback();
        link.run(&[Request::of("SELECT 1")]).unwrap();
    }
}
