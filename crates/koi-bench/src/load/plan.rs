//! How a measurement goes: how long, over how many connections, at which pace.

use std::time::{Duration, Instant};

use super::schedule::Schedule;
use crate::limits::DRAIN_MAX;

/// A warm-up, which is not counted, and then the measurement.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    pub(crate) pace: Pace,
}

/// Who decides when the next request is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Each connection sends again as soon as it is answered: finds the highest rate.
    Closed,
    /// Arrivals come by a schedule, whatever the server does: finds what a user waits at that rate.
    Scheduled { per_second: f64 },
}

impl Plan {
    /// The arrivals of one thread of several, or none when answers set the pace.
    pub(super) fn arrivals(&self, seed: u64, threads: usize) -> Option<Schedule> {
        match self.pace {
            Pace::Closed => None,
            Pace::Scheduled { per_second } => {
                Some(Schedule::new(seed, per_second / threads as f64, self.warm_up + self.measured))
            }
        }
    }
}

/// A plan on the clock: the same instants for all threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start: Instant,
    /// The warm-up is over.
    pub(super) from: Instant,
    /// Nothing new is begun from here on; answers are still awaited.
    pub(super) until: Instant,
    /// Nothing is awaited any more.
    pub(super) give_up: Instant,
}

impl Window {
    pub(super) fn starting(start: Instant, plan: &Plan) -> Window {
        let from = start + plan.warm_up;
        let until = from + plan.measured;
        Window { start, from, until, give_up: until + DRAIN_MAX }
    }

    pub(super) fn counts(&self, instant: Instant) -> bool {
        self.from <= instant && instant < self.until
    }
}
