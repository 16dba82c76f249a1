//! What came of a run: one entry for each bar, and what it was measured on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::machine::Machine;
use crate::spec::{Sense, spec};

/// The whole of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// Median time of an fdatasync of 4 KiB in the data folder, in microseconds.
    pub fsync_us: Option<f64>,
    /// Mean number of commands per commit while claims came as fast as they were answered.
    pub batch: Option<f64>,
    /// Nothing was judged.
    pub brief: bool,
    /// Coupons stored for bars 5, 8, 9 and 10.
    pub coupons: u64,
    /// Length of each measurement.
    pub seconds: f64,
    /// How often things were measured in turn.
    pub rounds: u32,
    /// Connections of a closed loop.
    pub connections: usize,
    /// Threads of the generator.
    pub generator_threads: usize,
    /// Where the data was kept, if that was asked for.
    pub kept: Option<String>,
    /// In order of their numbers.
    pub bars: Vec<Bar>,
    /// Those that were measured side by side, for bars 2, 3 and 4 or for the scaling; empty without them.
    pub compared: Vec<Compared>,
}

/// One of those whose claims were measured in turn.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// Which.
    pub what: String,
    /// Claims in each second.
    pub claims_per_s: Option<Spread>,
    /// Its rounds by those of the first in the table, neighbour by neighbour.
    pub ratio: Option<Spread>,
    /// Commands per commit, where it tells.
    pub batch: Option<f64>,
    /// Processor time of its servers for each claim, in microseconds.
    pub server_us_per_claim: Option<Spread>,
    /// The same of the database behind them, where they have one.
    pub behind_us_per_claim: Option<Spread>,
    /// Answers that should not have been, by kind.
    pub errors: BTreeMap<String, u64>,
}

impl Compared {
    /// Whether it answered claims, and nothing else.
    #[must_use]
    pub fn worked(&self) -> bool {
        self.errors.is_empty() && self.claims_per_s.as_ref().is_some_and(|rounds| rounds.min > 0.0)
    }
}

/// One bar and what was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    /// Its number.
    pub bar: u8,
    /// What is measured.
    pub what: &'static str,
    /// Of value and target; empty for a ratio.
    pub unit: &'static str,
    /// The figure that is judged; none if it could not be measured.
    pub value: Option<f64>,
    /// What it must reach.
    pub target: f64,
    /// On which side of the target it must be.
    pub sense: Sense,
    /// Whether it does; none if nothing was judged.
    pub holds: Option<bool>,
    /// The rounds behind the value.
    pub spread: Option<Spread>,
    /// The figures behind them, each named with its unit.
    pub raw: Map<String, Value>,
    /// Answers that should not have been, by kind. With any, the bar does not hold.
    pub errors: BTreeMap<String, u64>,
    /// Why it was not measured, where that is no fault.
    pub skipped: Option<String>,
    /// Why it could not be measured.
    pub failed: Option<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Several rounds of one measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one; the mean of the two middle ones of an even number.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// All, in order of time.
    pub rounds: Vec<f64>,
}

impl Spread {
    /// None without any round.
    pub(crate) fn of(rounds: &[f64]) -> Option<Spread> {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        let rounds = rounds.iter().copied().map(rounded).collect();
        Some(Spread { median: rounded(median), min: rounded(min), max: rounded(max), rounds })
    }
}

/// To four places: more would be noise.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

impl Bar {
    fn empty(bar: u8) -> Bar {
        let spec = spec(bar);
        Bar {
            bar,
            what: spec.what,
            unit: spec.unit,
            value: None,
            target: spec.target,
            sense: spec.sense,
            holds: None,
            spread: None,
            raw: Map::new(),
            errors: BTreeMap::new(),
            skipped: None,
            failed: None,
            notes: Vec::new(),
        }
    }

    /// A bar whose value is the median of these rounds.
    pub(crate) fn measured(bar: u8, rounds: &[f64]) -> Bar {
        let spread = Spread::of(rounds);
        Bar { value: spread.as_ref().map(|spread| spread.median), spread, ..Bar::empty(bar) }
    }

    /// A bar that is not measured here, through nobody's fault.
    pub(crate) fn skipped(bar: u8, why: impl Into<String>) -> Bar {
        Bar { skipped: Some(why.into()), ..Bar::empty(bar) }
    }

    /// A bar that could not be measured.
    pub(crate) fn failed(bar: u8, why: &anyhow::Error) -> Bar {
        Bar { failed: Some(format!("{why:#}")), ..Bar::empty(bar) }
    }

    /// Adds a raw figure. Not a number becomes null.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Bar {
        self.raw.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the median of several raw figures.
    pub(crate) fn with_median(self, name: &str, rounds: &[f64]) -> Bar {
        let median = Spread::of(rounds).map(|spread| spread.median);
        self.with(name, median)
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Bar {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn count_errors(&mut self, errors: &BTreeMap<String, u64>) {
        for (kind, times) in errors {
            *self.errors.entry(kind.clone()).or_default() += times;
        }
    }

    /// Says whether the bar holds, once everything is in. A value that came with errors, or none at all,
    /// holds nothing.
    pub(crate) fn judge(mut self, brief: bool) -> Bar {
        if self.skipped.is_none() && !brief {
            let reached = self.value.is_some_and(|value| spec(self.bar).holds(value));
            self.holds = Some(reached && self.worked());
        }
        self
    }

    /// Whether it was measured without errors, or not at all for a reason.
    #[must_use]
    pub fn worked(&self) -> bool {
        self.skipped.is_some() || (self.failed.is_none() && self.errors.is_empty() && self.value.is_some())
    }
}

impl Report {
    /// Whether the command may exit with success: everything worked, and every bar that was judged holds.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let bars_hold = self.bars.iter().all(|bar| bar.worked() && bar.holds != Some(false));
        // What was compared for a bar is judged with it.
        bars_hold && (!self.bars.is_empty() || self.compared.iter().all(Compared::worked))
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report has string keys only")
    }

    /// The report for people, at most 100 columns wide.
    #[must_use]
    pub fn table(&self) -> String {
        crate::table::render(self)
    }
}

#[cfg(test)]
mod tests;
