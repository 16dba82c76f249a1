//! How many requests are answered: so many at once, and so many in a second from then on.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const MILLI: u64 = 1_000;

/// A bucket of requests that fills with time.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    at_once: u32,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Thousandths of a request.
    milli: u64,
    filled: Instant,
}

impl Rate {
    /// A bucket that is full.
    pub(crate) fn new(per_second: u32, at_once: u32, now: Instant) -> Self {
        let bucket = Bucket { milli: u64::from(at_once) * MILLI, filled: now };
        Self { per_second, at_once, bucket: Mutex::new(bucket) }
    }

    /// Whether one more request is answered.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        // In whole milliseconds: what is less than one is left for the next time.
        let elapsed = u64::try_from(now.saturating_duration_since(bucket.filled).as_millis()).unwrap_or(u64::MAX);
        if elapsed > 0 {
            let more = elapsed.saturating_mul(u64::from(self.per_second));
            bucket.milli = bucket.milli.saturating_add(more).min(u64::from(self.at_once) * MILLI);
            bucket.filled = now;
        }
        let enough = bucket.milli >= MILLI;
        if enough {
            bucket.milli -= MILLI;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn so_many_at_once_and_so_many_in_a_second() {
        let start = Instant::now();
        let rate = Rate::new(10, 3, start);
        let taken = |at_ms: u64, count: usize| {
            (0..count).filter(|_| rate.take(start + Duration::from_millis(at_ms))).count()
        };
        assert_eq!(taken(0, 5), 3);
        assert_eq!(taken(99, 1), 0);
        assert_eq!(taken(100, 5), 1);
        assert_eq!(taken(300, 5), 2);
        assert_eq!(taken(1_000_000, 9), 3, "it does not fill beyond its size");
        assert_eq!(taken(0, 1), 0, "a clock that goes back gives nothing");
    }
}
