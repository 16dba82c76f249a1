//! The one place where time is read.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use koi_core::time::Time;

/// The clock: the machine's, or frozen at a time that only moves when told.
#[derive(Debug)]
pub struct Clock {
    frozen_ms: AtomicI64,
}

const RUNNING: i64 = i64::MIN;

impl Clock {
    /// The machine's clock.
    pub fn running() -> Self {
        Self { frozen_ms: AtomicI64::new(RUNNING) }
    }

    /// A clock that stands still.
    pub fn frozen(at: Time) -> Self {
        Self { frozen_ms: AtomicI64::new(at.ms()) }
    }

    /// The time.
    pub fn now(&self) -> Time {
        match self.frozen_ms.load(Ordering::Acquire) {
            RUNNING => machine_time(),
            ms => Time::of_ms(ms),
        }
    }

    /// Freezes the clock at a time.
    pub fn set(&self, now: Time) {
        self.frozen_ms.store(now.ms(), Ordering::Release);
    }

    /// Whether it stands still.
    pub fn is_frozen(&self) -> bool {
        self.frozen_ms.load(Ordering::Acquire) != RUNNING
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the machine's time is read")]
fn machine_time() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::of_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
