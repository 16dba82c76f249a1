//! Two things measured in turn (A B A B A B): what disturbs one of them disturbs its neighbour too, and the
//! ratio of neighbours says more than the ratio of two means.

use std::collections::BTreeMap;

use crate::report::{Bar, Spread};
use crate::site::Measured;

/// The rounds of one of the two.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    pub(super) per_second: Vec<f64>,
    batch: Vec<f64>,
    processor_us: Vec<f64>,
    errors: BTreeMap<String, u64>,
}

impl Rounds {
    pub(super) fn add(&mut self, measured: &Measured) {
        self.per_second.push(measured.tally.per_second());
        self.batch.extend(measured.batch);
        self.processor_us.push(measured.tally.processor_us_per_request());
        for (kind, times) in &measured.tally.errors {
            *self.errors.entry(kind.clone()).or_default() += times;
        }
    }

    /// Adds later rounds of the same.
    pub(super) fn join(&mut self, later: Rounds) {
        self.per_second.extend(later.per_second);
        self.batch.extend(later.batch);
        self.processor_us.extend(later.processor_us);
        for (kind, times) in later.errors {
            *self.errors.entry(kind).or_default() += times;
        }
    }

    /// These rounds by others, neighbour by neighbour.
    pub(super) fn ratios(&self, others: &Rounds) -> Vec<f64> {
        ratios(&self.per_second, &others.per_second)
    }

    /// The median of the batches of all rounds, where the server tells.
    pub(super) fn batch(&self) -> Option<f64> {
        Spread::of(&self.batch).map(|spread| spread.median)
    }

    pub(super) fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// The best round.
    pub(super) fn peak(&self) -> f64 {
        self.per_second.iter().copied().fold(0.0, f64::max)
    }

    /// A bar that is the ratio of these rounds to others; both are named by what they count.
    pub(super) fn ratio(&self, bar: u8, named: &str, others: &Rounds, others_named: &str) -> Bar {
        let mut bar = Bar::measured(bar, &self.ratios(others))
            .with_median(&format!("{named}_per_s"), &self.per_second)
            .with_median(&format!("{others_named}_per_s"), &others.per_second)
            .with(&format!("{named}_per_s_rounds"), self.per_second.clone())
            .with(&format!("{others_named}_per_s_rounds"), others.per_second.clone())
            .with_median("generator_us_per_request", &self.processor_us);
        if let Some(batch) = self.batch() {
            bar = bar.with("batch", batch);
        }
        bar.count_errors(&self.errors);
        bar.count_errors(&others.errors);
        bar
    }
}

/// Neighbour by neighbour. What is divided by nothing is not a number, and reaches no target.
fn ratios(rounds: &[f64], others: &[f64]) -> Vec<f64> {
    let ratio = |(&round, &other): (&f64, &f64)| if other > 0.0 { round / other } else { f64::NAN };
    rounds.iter().zip(others).map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_the_median_of_the_ratios_of_neighbours() {
        let rounds = |per_second: &[f64]| Rounds { per_second: per_second.to_vec(), ..Rounds::default() };
        // The second round was disturbed as a whole; its ratio is not.
        let bar = rounds(&[50.0, 10.0, 40.0]).ratio(1, "claims", &rounds(&[100.0, 20.0, 100.0]), "parses");
        assert_eq!(bar.value, Some(0.5));
        assert_eq!(bar.raw["claims_per_s"], 40.0);
        assert_eq!(bar.raw["parses_per_s"], 100.0);
    }

    #[test]
    fn a_peer_that_did_nothing_makes_no_bar_hold() {
        let rounds = |per_second: f64| Rounds { per_second: vec![per_second], ..Rounds::default() };
        assert_eq!(rounds(5.0).ratio(1, "a", &rounds(0.0), "b").judge(false).holds, Some(false));
    }
}
