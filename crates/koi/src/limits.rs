//! Every limit of the server has a name and lives here; the documentation prints them from this file.

use std::time::Duration;

/// Commands that wait for the writer; one more is answered 503 at once.
pub const QUEUE: usize = 8_192;
/// Commands of one batch, and so of one commit.
pub const BATCH: usize = 512;
/// Coupons that are brought up to date in one transaction when something fell due.
pub const DUE: usize = 512;
/// Transactions of due work for which a claim waits that finds a stock empty; then it is answered 503.
pub const CATCH_UP: usize = 8;
/// How often a transaction is begun again when others were in its way, or the connection broke.
pub const ATTEMPTS: u32 = 8;
/// How long the first of these repetitions waits; each waits twice as long as the one before.
pub const CONFLICT_WAIT: Duration = Duration::from_millis(2);
/// How long due work that another process may have made is not looked for.
pub const LOOK_MS: i64 = 1_000;
/// How long the writer sleeps at most before it looks whether something fell due.
pub const IDLE: Duration = Duration::from_millis(500);
/// How long the writer lets a failing storage rest before it books what fell due.
pub const REST_MS: i64 = 1_000;
/// How often it is looked whether a campaign's public randomness is due.
pub const BEACON_LOOK: Duration = Duration::from_secs(1);
/// How long the first pause is after no relay had a round; each is twice as long as the one before.
pub const BEACON_WAIT: Duration = Duration::from_secs(1);
/// The longest of these pauses.
pub const BEACON_LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How late a round is called late: relays need a moment to have it.
pub const BEACON_LATE_MS: i64 = 15_000;
/// How far the beacon's clock, which is that of its latest round, may be from ours: a round stands for three seconds, and
/// relays keep an answer for a while.
pub const BEACON_APART_MS: i64 = 30_000;
/// How far ahead of ours the beacon's clock may be: a round cannot be there before its time.
pub const BEACON_AHEAD_MS: i64 = 1_000;
/// How far the clocks of servers on one database may be apart.
pub const CLOCKS_APART_MS: i64 = 60_000;
/// Bytes of a request's body on the load-bearing path.
pub const BODY_BYTES: usize = 16 * 1024;
/// Bytes of a campaign document.
pub const DOCUMENT_BYTES: usize = 1024 * 1024;
/// Bytes of a request's head.
pub const HEAD_BYTES: usize = 16 * 1024;
/// Time for a request's head to arrive, also for the next one of a connection that is kept open.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// Time for a request's body to arrive.
pub const BODY_TIME: Duration = Duration::from_secs(10);
/// Time for a peer to take something of an answer that it asked for.
pub const WRITE_TIME: Duration = Duration::from_secs(10);
/// Bytes of a body that is too large that are still taken in, so that its sender sees the answer.
pub const DRAIN_BYTES: usize = 4 * 1024 * 1024;
/// Time for that.
pub const DRAIN_TIME: Duration = Duration::from_secs(2);
/// Connections at once; further ones wait to be accepted.
pub const CONNECTIONS: usize = 4_096;
/// Rest after a connection that could not be accepted.
pub const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Time in which the server ends when it is told to stop, whatever its storage does.
pub const SHUTDOWN_TIME: Duration = Duration::from_secs(15);
/// Time of it for open requests to finish; then they are given up, and the rest is for what the engine has under way.
pub const LAST_REQUESTS_TIME: Duration = Duration::from_secs(14);
/// Characters of an idempotency key.
pub const KEY_CHARS: usize = 255;
/// Entries of a page of a list, and the number without `?limit=`.
pub const PAGE: usize = 1_000;
/// Entries of a page when the caller does not say.
pub const PAGE_DEFAULT: usize = 100;
/// Time for the writer to answer before the server calls itself not ready.
pub const READY_TIME: Duration = Duration::from_secs(2);
/// Free bytes on the data folder's disk below which the server calls itself not ready: room to fold the log, and
/// time to act before claims have to be refused.
pub const DISK_FLOOR_BYTES: u64 = 256 << 20;
/// Bytes of campaigns in one page of their list; the first of a page may be longer alone.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Connections that read.
pub const READERS: usize = 4;
/// Time for one of them to become free.
pub const READER_TIME: Duration = Duration::from_secs(5);
/// Files and proofs of the public log that are read at the same time.
pub const LOG_READS: usize = 32;
/// Lines of the ledger that are looked at for one page of a list.
pub const LINES_LOOKED_AT: usize = 100_000;
/// Seconds that a refused caller is asked to wait when the queue is full or the storage fails.
pub const RETRY_AFTER_S: u32 = 1;

/// How long a server waits for a database that is away when it starts, from try to try, and from then on.
pub(crate) const WAITS_FOR_DATABASE: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
pub(crate) const LONGEST_WAIT_FOR_DATABASE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/reliability.md");

    #[test]
    fn the_page_says_what_one_client_can_take() {
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        let lines = format!("{},{:03}", LINES_LOOKED_AT / 1000, LINES_LOOKED_AT % 1000);
        for (what, limit) in [
            ("time for a request's head, also between the requests of one connection", seconds(HEAD_TIME)),
            ("time for a request's body", seconds(BODY_TIME)),
            ("time in which nothing of an answer is taken", seconds(WRITE_TIME)),
            ("wait for one of the four connections that read", seconds(READER_TIME)),
            ("lines of the ledger that are looked at for one page", lines),
            ("campaigns in one page of their list", format!("{} MiB", PAGE_BYTES >> 20)),
        ] {
            assert!(PAGE.contains(&format!("| {what} | {limit} |")), "{what}: {limit}");
        }
        assert!(PAGE.contains(&format!("Those have {};", seconds(LAST_REQUESTS_TIME))));
        assert!(PAGE.contains(&format!("it ends within {},", seconds(SHUTDOWN_TIME))));
        assert!(LAST_REQUESTS_TIME < SHUTDOWN_TIME);
        assert_eq!(READERS, 4, "as the page says");
    }
}
