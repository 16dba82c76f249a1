//! The count of a run, and how its failures are told.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::limits::{FAILURES_MAX, PROGRESS_INTERVAL};
use crate::seed::Seed;

/// Counts what passed and what failed; prints the failures as they come and the closing line.
pub(crate) struct Tally {
    seed: Seed,
    passed: u32,
    failed: u32,
    skipped: u32,
    bar: ProgressBar,
    /// Where nobody watches a bar, a line now and then takes its place.
    told_at: Instant,
}

impl Tally {
    /// Announces the run with its seed; `planned` is the number of checks to come.
    pub(crate) fn open(harness: &str, seed: Seed, planned: u64) -> Self {
        println!("{harness}: seed {}", seed.0);
        let bar = ProgressBar::new(planned);
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_bar} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        // Long waits still show that the run is alive.
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { seed, passed: 0, failed: 0, skipped: 0, bar, told_at: Instant::now() }
    }

    fn step(&mut self) {
        self.bar.inc(1);
        if self.bar.is_hidden() && self.told_at.elapsed() > PROGRESS_INTERVAL {
            self.told_at = Instant::now();
            let (position, length) = (self.bar.position(), self.bar.length().unwrap_or_default());
            eprintln!("{position}/{length} {}", self.bar.message());
        }
    }

    /// Prints a line of its own, above the progress.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    pub(crate) fn show(&self, message: impl Into<String>) {
        self.bar.set_message(message.into());
    }

    pub(crate) fn add_planned(&self, more: u64) {
        self.bar.inc_length(more);
    }

    pub(crate) fn pass(&mut self) {
        self.passed += 1;
        self.step();
    }

    pub(crate) fn skip(&mut self, title: &str, reason: &str) {
        self.skipped += 1;
        self.step();
        self.note(&format!("skipped  {title}: {reason}"));
    }

    /// Tells a failure: the seed, the promise, the truth, and where the evidence lies.
    pub(crate) fn fail(&mut self, title: &str, error: &anyhow::Error, evidence: Option<&Path>) {
        self.failed += 1;
        self.step();
        let kept = match evidence {
            Some(folder) => format!("\n         kept: {}", folder.display()),
            None => String::new(),
        };
        self.note(&format!("FAILED   {title} (seed {})\n         {error:#}{kept}", self.seed.0));
    }

    /// Whether the run has seen enough failures to stop.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failed >= FAILURES_MAX
    }

    /// The closing line, and the exit status that goes with it.
    pub(crate) fn close(self) -> ExitCode {
        self.bar.finish_and_clear();
        if self.skipped > 0 {
            println!("{} skipped", self.skipped);
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        match (self.failed, self.passed) {
            (0, 1..) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }
}
