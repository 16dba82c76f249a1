//! Every bound of a run, named in one place.

use std::time::Duration;

/// Most coupons that a run may store.
pub const COUPONS_MAX: u64 = 200_000_000;
/// Most connections of one measurement; each is a file descriptor here and one in the server.
pub const CONNECTIONS_MAX: usize = 8_192;
/// Most rounds in which two things are measured in turn.
pub const ROUNDS_MAX: u32 = 101;
/// Shortest measurement, in seconds.
pub const SECONDS_MIN: f64 = 0.05;
/// Longest measurement, in seconds.
pub const SECONDS_MAX: f64 = 600.0;

/// Most cells of an installation.
pub const CELLS_MAX: u16 = 1_024;
/// Most servers on one database.
pub const SERVERS_MAX: usize = 32;

/// How long a server may take from its start to its first answer.
pub(crate) const START_MAX: Duration = Duration::from_secs(120);
/// How long a server may take to end after it was asked to; then it is killed.
pub(crate) const STOP_MAX: Duration = Duration::from_secs(120);
/// How long `koi check` may take.
pub(crate) const CHECK_MAX: Duration = Duration::from_secs(1_800);
/// How long an approved and funded campaign may take to become live.
pub(crate) const LIVE_MAX: Duration = Duration::from_secs(10);
/// How long a single call that sets the stage may take.
pub(crate) const CALL_MAX: Duration = Duration::from_secs(60);
/// How long answers are waited for once a measurement is over; what is missing then is an error.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(30);

/// Coupons that are stored between two reports of progress.
pub(crate) const FILL_CHUNK: u64 = 100_000;
/// How long one such chunk may take.
pub(crate) const FILL_CHUNK_MAX: Duration = Duration::from_secs(600);

/// Largest answer that is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Most header lines of an answer.
pub(crate) const HEADERS_MAX: usize = 64;
/// Most kinds of errors that are told apart; the rest are counted together.
pub(crate) const ERROR_KINDS_MAX: usize = 20;

/// How long the generator sleeps between looks when arrivals follow a schedule. Polls wait whole
/// milliseconds only, and spinning would take a core from the server; so an answer is seen, and a
/// request sent, up to this much late, which counts against the server.
pub(crate) const TICK: Duration = Duration::from_micros(100);
/// Connections of a scheduled load, as a multiple of those of a closed loop: arrivals must not wait
/// for a connection when the server is slow for a moment.
pub(crate) const SCHEDULED_CONNECTIONS_FACTOR: usize = 2;
/// The generator gets one thread per this many cores.
pub(crate) const CORES_PER_GENERATOR_THREAD: usize = 4;
/// Most threads of the generator.
pub(crate) const GENERATOR_THREADS_MAX: usize = 8;

/// Appends whose fdatasync is timed.
pub(crate) const SYNC_SAMPLES: usize = 300;
/// Bytes of each.
pub(crate) const SYNC_BYTES: usize = 4_096;
/// Time that these appends may take together.
pub(crate) const SYNC_MAX: Duration = Duration::from_secs(10);

/// Attempts to find a free port for a server that cannot choose one itself.
pub(crate) const PORT_ATTEMPTS_MAX: u32 = 5;
