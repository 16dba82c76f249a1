//! Arrivals that do not wait for answers.
//!
//! People do not queue politely behind a slow server: they come when they come. Arrivals are a Poisson
//! process, so gaps are exponential and bursts happen. Latency counts from the instant at which a request
//! *should* have been sent; a stall of the server therefore shows in every request that came during it
//! (no co-ordinated omission).

use std::time::Duration;

use crate::random::Random;

/// The intended instants of a Poisson process, from its start to its end, in order.
#[derive(Debug)]
pub(super) struct Schedule {
    random: Random,
    mean_gap_seconds: f64,
    end_seconds: f64,
    next_seconds: f64,
}

impl Schedule {
    pub(super) fn new(seed: u64, per_second: f64, length: Duration) -> Schedule {
        let mut schedule = Schedule {
            random: Random::seeded(seed),
            mean_gap_seconds: 1.0 / per_second,
            end_seconds: length.as_secs_f64(),
            next_seconds: 0.0,
        };
        schedule.advance();
        schedule
    }

    /// When the next arrival is due, counted from the start; `None` once the process has ended.
    pub(super) fn due(&self) -> Option<Duration> {
        // A rate of nothing has no next arrival; its infinite gap fails this comparison too.
        (self.next_seconds < self.end_seconds).then(|| Duration::from_secs_f64(self.next_seconds))
    }

    /// Goes on to the arrival after this one.
    pub(super) fn advance(&mut self) {
        // 1 − unit is in (0, 1], so its logarithm is finite.
        self.next_seconds += -(1.0 - self.random.unit()).ln() * self.mean_gap_seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seed: u64, per_second: f64, seconds: f64) -> Vec<f64> {
        let mut schedule = Schedule::new(seed, per_second, Duration::from_secs_f64(seconds));
        let mut arrivals = Vec::new();
        while let Some(due) = schedule.due() {
            arrivals.push(due.as_secs_f64());
            schedule.advance();
        }
        arrivals
    }

    #[test]
    fn arrivals_are_in_order_within_the_length_and_repeatable() {
        let arrivals = all(1, 1_000.0, 2.0);
        assert!(arrivals.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(arrivals.iter().all(|&arrival| arrival < 2.0));
        assert_eq!(arrivals, all(1, 1_000.0, 2.0));
        assert_ne!(arrivals, all(2, 1_000.0, 2.0));
    }

    #[test]
    fn the_rate_and_the_bursts_are_those_of_a_poisson_process() {
        let arrivals = all(3, 10_000.0, 10.0);
        // 100,000 expected, standard deviation 316.
        assert!((98_500..101_500).contains(&arrivals.len()), "{} arrivals", arrivals.len());
        // e^-1 of the gaps exceed their mean, and e^-3 exceed thrice that.
        let share = |gap: f64| {
            arrivals.windows(2).filter(|pair| pair[1] - pair[0] > gap).count() as f64 / arrivals.len() as f64
        };
        assert!((share(0.000_1) - 0.368).abs() < 0.01);
        assert!((share(0.000_3) - 0.050).abs() < 0.01);
    }

    #[test]
    fn a_rate_of_nothing_has_no_arrivals() {
        assert_eq!(all(1, 0.0, 1.0), Vec::<f64>::new());
    }
}
