//! Every limit of the harnesses, with its name and its unit.
//!
//! A harness that hangs proves nothing, so every wait and every loop ends at one of these.

use std::time::Duration;

/// How long a server may take from its start to a first 200 of `/healthz`, also under a tracer.
pub(crate) const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one request may stay without an answer before the server counts as hung.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server that was asked to stop may take; after that it is killed, and that is a failure.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a server whose disk keeps failing may take to stop, before it is killed.
pub(crate) const SICK_STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a tracer may take to attach to, or to let go of, every thread.
pub(crate) const TRACER_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two looks at something that is waited for.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long a process that has been killed may take to vanish.
pub(crate) const DEATH_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the server may need to serve writes again once a fault is over.
pub(crate) const HEAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two attempts of a command that was told to come back later.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_millis(40);
/// How often a command is repeated on a healthy server before that counts as a failure.
pub(crate) const REPEATS_MAX: u32 = 200;

/// Connections that verify promises side by side.
pub(crate) const VERIFIERS: usize = 8;
/// How often progress is told where standard error is no terminal.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);
/// Points that are visited side by side, unless more are asked for.
pub(crate) const JOBS_MAX: usize = 8;
/// A harness stops after so many failures: the first ones tell the story.
pub(crate) const FAILURES_MAX: u32 = 5;
/// Bytes of a server's log, or of an answer, that a failure shows.
pub(crate) const EXCERPT_BYTES: usize = 600;

/// Kills of one recovery, each one call later than the one before.
pub(crate) const RECOVERY_KILLS_MAX: u32 = 400;
/// The first calls of a recovery are all tried, one by one; later ones in growing steps.
pub(crate) const RECOVERY_KILLS_EACH: u32 = 24;

/// Requests that one client plans for one round; the kill comes long before the last.
pub(crate) const INTENTS_PER_ROUND: usize = 400;
/// The kill comes between these two, in microseconds after the start of the load.
pub(crate) const KILL_AFTER_US: std::ops::Range<u64> = 2_000..150_000;
/// A start that is itself to be killed lives for so many microseconds.
pub(crate) const START_KILL_AFTER_US: std::ops::Range<u64> = 500..60_000;
/// Where several servers are, the load goes on for so long after the blow, in microseconds.
pub(crate) const AFTERMATH_US: std::ops::Range<u64> = 20_000..300_000;
/// A server that is stopped stands still for so many milliseconds, mostly.
pub(crate) const SHORT_PAUSE_MS: std::ops::Range<u64> = 20..800;
/// And now and then for so many: longer than a writer may be idle in a transaction.
pub(crate) const LONG_PAUSE_MS: std::ops::Range<u64> = 5_500..7_000;
/// A database server that died is started again after so many milliseconds.
pub(crate) const DATABASE_AWAY_MS: std::ops::Range<u64> = 0..400;
/// How long a client that does not wait stays with a server that stands still.
pub(crate) const IMPATIENCE: Duration = Duration::from_millis(60);
/// How long what was sent to a server before it stood still may be under way once it goes on.
pub(crate) const LATECOMERS: Duration = Duration::from_millis(500);
/// The pause between two commands of a client in a round that lasts long.
pub(crate) const LEISURE: Duration = Duration::from_millis(100);
/// For so much longer the load goes on once a standby has taken the primary's place.
pub(crate) const FAILOVER_AFTERMATH: Duration = Duration::from_millis(700);
/// How long it may take in all until a standby is the primary and has a standby of its own.
pub(crate) const FAILOVER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the servers may answer 503 once their database server is started again.
pub(crate) const DATABASE_HEAL_TIMEOUT: Duration = Duration::from_secs(40);
/// Rounds on one campaign; then it runs off, is closed, and the next one opens.
pub(crate) const ROUNDS_PER_SEASON: u32 = 100;
/// Promises of earlier rounds that are checked again in each round.
pub(crate) const OLDER_PROMISES_PER_ROUND: usize = 120;
/// Promises of a closed campaign that are kept, and checked to the very end.
pub(crate) const PROMISES_KEPT_PER_SEASON: usize = 1_000;
/// Coupons, quotes and payments of each client that are read and compared in each round.
pub(crate) const OBJECTS_PER_CLIENT: usize = 2;
/// Shoppers that one client keeps in mind; older ones are left to their expiry.
pub(crate) const SHOPPERS_IN_MIND: usize = 64;

/// Stormed campaigns on one data folder; then a fresh one, so that checking it stays quick.
pub(crate) const ROUNDS_PER_FOLDER: u32 = 150;

/// Size of the file system that is filled up.
pub(crate) const SMALL_DISK_BYTES: u64 = 24 * 1024 * 1024;
/// Free space that the ballast leaves over.
pub(crate) const SMALL_DISK_LEFT_BYTES: u64 = 96 * 1024;
/// Claims after which a disk of that size must have been full.
pub(crate) const CLAIMS_UNTIL_FULL_MAX: u32 = 60_000;
