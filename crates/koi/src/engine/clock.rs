//! The one place where time is read.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use koi_core::time::Time;

use crate::limits;

/// The clock: the machine's, or frozen at a time that only moves when told.
///
/// It never goes back. When the machine's clock does, time stands still until that has caught up: a pause of minus
/// forty minutes, an expired quote that is open again or a second window would cost money.
#[derive(Debug)]
pub struct Clock {
    frozen_ms: AtomicI64,
    /// The latest time that was told.
    latest_ms: AtomicI64,
}

const RUNNING: i64 = i64::MIN;

impl Clock {
    /// The machine's clock.
    pub fn running() -> Self {
        Self::running_from(Time::of_ms(0))
    }

    /// The machine's clock, but never before a time: what is stored happened before now.
    pub fn running_from(latest: Time) -> Self {
        Self { frozen_ms: AtomicI64::new(RUNNING), latest_ms: AtomicI64::new(latest.ms()) }
    }

    /// A clock that stands still.
    pub fn frozen(at: Time) -> Self {
        Self { frozen_ms: AtomicI64::new(at.ms()), latest_ms: AtomicI64::new(at.ms()) }
    }

    /// The time.
    pub fn now(&self) -> Time {
        match self.frozen_ms.load(Ordering::Acquire) {
            RUNNING => self.at_least(machine_time()),
            ms => Time::of_ms(ms),
        }
    }

    /// A time, or the latest that was told if that is later.
    fn at_least(&self, time: Time) -> Time {
        // Looked at before it is written: all threads share it, and most calls come within one millisecond.
        let latest_ms = self.latest_ms.load(Ordering::Acquire);
        if time.ms() <= latest_ms {
            return Time::of_ms(latest_ms);
        }
        Time::of_ms(self.latest_ms.fetch_max(time.ms(), Ordering::AcqRel).max(time.ms()))
    }

    /// Freezes the clock at a time; one that stands still already is not moved back.
    pub fn set(&self, now: Time) {
        self.frozen_ms.fetch_max(now.ms(), Ordering::AcqRel);
    }

    /// Sees to it that a time has come: somebody else, whose clock is ahead, has written by then. False when it is too far
    /// ahead: then somebody's clock is wrong, and what is decided by it cannot be undone.
    pub fn reach(&self, latest: Time) -> bool {
        if self.is_frozen() {
            return true;
        }
        if latest.since_ms(machine_time()) > limits::CLOCKS_APART_MS {
            return false;
        }
        self.at_least(latest);
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_stands_still() {
        let clock = Clock::running_from(Time::of_ms(100));
        let told = [90, 110, 105, 110, 111, 1].map(|ms| clock.at_least(Time::of_ms(ms)).ms());
        assert_eq!(told, [100, 110, 110, 110, 111, 111]);
    }

    #[test]
    fn a_clock_that_stands_still_is_only_moved_on() {
        let clock = Clock::frozen(Time::of_ms(100));
        let told = [90, 110, 105].map(|ms| {
            clock.set(Time::of_ms(ms));
            clock.now().ms()
        });
        assert_eq!(told, [100, 110, 110]);
    }

    #[test]
    fn what_others_wrote_has_happened() {
        let clock = Clock::running();
        let ahead = clock.now().plus_ms(limits::CLOCKS_APART_MS / 2);
        assert!(clock.reach(ahead));
        assert!(clock.now() >= ahead);
        assert!(clock.reach(Time::of_ms(1)));
        assert!(clock.now() >= ahead);
        let before = clock.now();
        assert!(!clock.reach(before.plus_ms(2 * limits::CLOCKS_APART_MS)), "somebody's clock is wrong");
        assert!(clock.now().since_ms(before) < limits::CLOCKS_APART_MS);
    }
}
