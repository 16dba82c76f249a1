//! What came of a measurement.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::limits::ERROR_KINDS_MAX;

/// A minute is more than any answer may take; longer ones are counted as that.
const LATENCY_MAX_US: u64 = 60_000_000;
/// Latencies are kept to 3 decimal digits.
const LATENCY_DIGITS: u8 = 3;
/// Where further kinds of errors are counted.
const OTHER_ERRORS: &str = "other";

/// Counts and latencies of one thread, or of several added up.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Units of work done within the measured time.
    pub(crate) done: u64,
    /// The same, warm-up and end included: what the server has stored.
    pub(crate) done_in_all: u64,
    /// The measured time, or less where the work ran out.
    pub(crate) span: Duration,
    /// How often each kind of error came, warm-up included.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Of every good answer, from its request's *intended* instant.
    latency_us: Histogram<u64>,
    /// How long after its intended instant each scheduled request was sent.
    lateness_us: Histogram<u64>,
    /// Processor time that the generator took, warm-up included.
    pub(crate) processor: Duration,
    /// Requests sent in that time.
    pub(crate) sent: u64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            done: 0,
            done_in_all: 0,
            span: Duration::ZERO,
            errors: BTreeMap::new(),
            latency_us: histogram(),
            lateness_us: histogram(),
            processor: Duration::ZERO,
            sent: 0,
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, LATENCY_DIGITS).expect("the bounds are constants in range")
}

impl Tally {
    pub(super) fn latency(&mut self, latency: Duration) {
        self.latency_us.saturating_record(micros(latency));
    }

    pub(super) fn lateness(&mut self, lateness: Duration) {
        self.lateness_us.saturating_record(micros(lateness));
    }

    pub(crate) fn error(&mut self, kind: String, times: u64) {
        if times == 0 {
            return;
        }
        let known = self.errors.contains_key(&kind) || self.errors.len() < ERROR_KINDS_MAX;
        *self.errors.entry(if known { kind } else { OTHER_ERRORS.to_owned() }).or_default() += times;
    }

    pub(super) fn add(&mut self, other: &Tally) {
        self.done += other.done;
        self.done_in_all += other.done_in_all;
        self.span = self.span.max(other.span);
        for (kind, &times) in &other.errors {
            self.error(kind.clone(), times);
        }
        self.latency_us.add(&other.latency_us).expect("all histograms have the same bounds");
        self.lateness_us.add(&other.lateness_us).expect("all histograms have the same bounds");
        self.processor += other.processor;
        self.sent += other.sent;
    }

    /// Units of work per second; 0 when nothing was measured.
    pub(crate) fn per_second(&self) -> f64 {
        if self.span.is_zero() { 0.0 } else { self.done as f64 / self.span.as_secs_f64() }
    }

    /// The latency that this share of the answers did not exceed, in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// The same of how late the generator itself sent.
    pub(crate) fn lateness_ms(&self, quantile: f64) -> f64 {
        self.lateness_us.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Processor time of the generator per request, in microseconds: what it takes from the server.
    pub(crate) fn processor_us_per_request(&self) -> f64 {
        if self.sent == 0 { 0.0 } else { self.processor.as_secs_f64() * 1e6 / self.sent as f64 }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_of_two_threads_add_up() {
        let one = |latency_ms: u64, kind: &str| {
            let mut tally = Tally { done: 10, span: Duration::from_secs(2), sent: 10, ..Tally::default() };
            tally.latency(Duration::from_millis(latency_ms));
            tally.error(kind.to_owned(), 1);
            tally
        };
        let mut sum = one(1, "503 busy");
        sum.add(&one(100, "503 busy"));
        assert_eq!(sum.per_second(), 10.0);
        assert_eq!(sum.errors["503 busy"], 2);
        assert!((99.0..101.0).contains(&sum.latency_ms(1.0)));
        assert!((0.9..1.1).contains(&sum.latency_ms(0.5)));
    }

    #[test]
    fn the_kinds_of_errors_are_bounded() {
        let mut tally = Tally::default();
        for kind in 0..1_000 {
            tally.error(kind.to_string(), 1);
        }
        assert!(tally.errors.len() <= ERROR_KINDS_MAX + 1);
        assert_eq!(tally.errors.values().sum::<u64>(), 1_000);
    }
}
