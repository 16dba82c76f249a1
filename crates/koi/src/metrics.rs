//! What the server counts, in Prometheus' text form. The registry is a value: two servers in one process do not
//! share it.

use koi_core::time::Time;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The server's counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    batches: Counter,
    batched: Counter,
    due: Counter,
    storage_failures: Counter,
    queue: Gauge,
    connections: Gauge,
    leaves: Gauge,
    published_at: Gauge,
    publish_failures: Counter,
    /// By the status's first digit.
    answers: [Counter; 6],
    beacon_waiting: Gauge,
    beacon_seconds: Gauge,
    relay_failures: Family<Labels, Counter>,
}

/// Names of labels, each with its value.
type Labels = Vec<(String, String)>;

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("koi");
        let batches = Counter::default();
        registry.register("batches", "Batches of commands that were decided", batches.clone());
        let batched = Counter::default();
        registry.register("batched_commands", "Commands in those batches", batched.clone());
        let due = Counter::default();
        registry.register(
            "due_coupons",
            "Coupons that were brought up to date when something fell due",
            due.clone(),
        );
        let storage_failures = Counter::default();
        registry.register(
            "storage_failures",
            "Transactions that the storage did not take",
            storage_failures.clone(),
        );
        let queue = Gauge::default();
        registry.register("queue_length", "Commands that wait for the writer", queue.clone());
        let connections = Gauge::default();
        registry.register("connections", "Open HTTP connections", connections.clone());
        let leaves = Gauge::default();
        registry.register(
            "public_log_leaves",
            "Leaves of the public log that this server published last",
            leaves.clone(),
        );
        let published_at = Gauge::default();
        registry.register(
            "public_log_looked_seconds",
            "When this server last saw that all there is to publish is published, in seconds since 1970",
            published_at.clone(),
        );
        let publish_failures = Counter::default();
        registry.register(
            "public_log_failures",
            "Times that the public log could not be published",
            publish_failures.clone(),
        );
        let answers = Family::<Labels, Counter>::default();
        registry.register("http_answers", "Answers by status", answers.clone());
        let answers = std::array::from_fn(|digit| {
            answers.get_or_create(&vec![("status".to_owned(), format!("{digit}xx"))]).clone()
        });
        let beacon_waiting = Gauge::default();
        registry.register(
            "beacon_waiting_campaigns",
            "Campaigns that wait for their public randomness, whose round's time has come",
            beacon_waiting.clone(),
        );
        let beacon_seconds = Gauge::default();
        registry.register(
            "beacon_waiting_seconds",
            "Seconds since the first of them could have had it; 0 when none waits",
            beacon_seconds.clone(),
        );
        let relay_failures = Family::<Labels, Counter>::default();
        registry.register(
            "beacon_relay_failures",
            "Rounds that a relay did not serve, by relay and reason",
            relay_failures.clone(),
        );
        Self {
            registry,
            batches,
            batched,
            due,
            storage_failures,
            queue,
            connections,
            leaves,
            published_at,
            publish_failures,
            answers,
            beacon_waiting,
            beacon_seconds,
            relay_failures,
        }
    }
}

impl Metrics {
    /// A batch was decided.
    pub fn batch(&self, commands: usize) {
        self.batches.inc();
        self.batched.inc_by(commands as u64);
    }

    /// Coupons were brought up to date.
    pub fn due(&self, coupons: usize) {
        self.due.inc_by(coupons as u64);
    }

    /// The storage did not take a transaction.
    pub fn storage_failed(&self) {
        self.storage_failures.inc();
    }

    /// A connection was opened (+1) or closed (−1).
    pub fn connection(&self, change: i64) {
        self.connections.inc_by(change);
    }

    /// A checkpoint of the public log was published.
    pub fn published(&self, leaves: u64) {
        self.leaves.set(i64::try_from(leaves).unwrap_or(i64::MAX));
    }

    /// All there is to publish was published at this time.
    pub fn public_log_is_current(&self, at: Time) {
        self.published_at.set(at.ms() / 1000);
    }

    /// The public log could not be published.
    pub fn publish_failed(&self) {
        self.publish_failures.inc();
    }

    /// A request was answered.
    pub fn answered(&self, status: u16) {
        if let Some(counter) = self.answers.get(usize::from(status / 100)) {
            counter.inc();
        }
    }

    /// So many campaigns wait for public randomness, the first of them for so long.
    pub fn beacon_waiting(&self, campaigns: usize, oldest_ms: i64) {
        self.beacon_waiting.set(i64::try_from(campaigns).unwrap_or(i64::MAX));
        self.beacon_seconds.set(oldest_ms.max(0) / 1000);
    }

    /// A relay did not serve a round, for a reason that has this code.
    pub fn relay_failed(&self, relay: &str, why: &str) {
        let labels = vec![("relay".to_owned(), relay.to_owned()), ("why".to_owned(), why.to_owned())];
        self.relay_failures.get_or_create(&labels).inc();
    }

    /// Everything, as text.
    pub fn text(&self, queue_len: usize) -> String {
        self.queue.set(i64::try_from(queue_len).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
