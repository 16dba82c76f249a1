//! What a run is asked to do.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

use crate::bars::scaling::Scaling;
use crate::limits::{
    CONNECTIONS_MAX, CORES_PER_GENERATOR_THREAD, COUPONS_MAX, GENERATOR_THREADS_MAX, ROUNDS_MAX, SECONDS_MAX,
    SECONDS_MIN,
};
use crate::spec::MEASURED_BARS;

/// The settings of one run. [`Options::default`] is the full measurement, [`Options::brief`] the one that
/// only shows that everything works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bars to measure; empty means all of [`MEASURED_BARS`].
    pub only: Vec<u8>,
    /// In place of the bars: how the cost of a claim grows with cells and servers.
    pub scaling: Option<Scaling>,
    /// Coupons to store for bars 5, 8, 9 and 10, at most [`COUPONS_MAX`].
    pub coupons: u64,
    /// Length of each measurement in seconds, [`SECONDS_MIN`] to [`SECONDS_MAX`], without its warm-up.
    pub seconds: f64,
    /// How often two things are measured in turn, 1 to [`ROUNDS_MAX`].
    pub rounds: u32,
    /// Connections of a closed loop, 1 to [`CONNECTIONS_MAX`].
    pub connections: usize,
    /// Threads of the load generator; `None` means one per four cores.
    pub generator_threads: Option<usize>,
    /// The folder in which temporary folders are made; `None` means the system's. It decides which disk
    /// is measured.
    pub data: Option<PathBuf>,
    /// The program to measure; `None` means the one that runs.
    pub koi: Option<PathBuf>,
    /// Further arguments of every `koi serve`, for example the level of its log.
    pub serve_arguments: Vec<String>,
    /// Leaves the data folders behind and says where they are.
    pub keep: bool,
    /// Judges nothing: no bar holds or fails, only errors count.
    pub brief: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            only: Vec::new(),
            scaling: None,
            coupons: 10_000_000,
            seconds: 5.0,
            rounds: 3,
            connections: 256,
            generator_threads: None,
            data: None,
            koi: None,
            serve_arguments: Vec::new(),
            keep: false,
            brief: false,
        }
    }
}

impl Options {
    /// A few seconds in all, for continuous integration: does everything still work?
    #[must_use]
    pub fn brief() -> Options {
        Options { coupons: 2_000, seconds: 0.2, rounds: 1, connections: 32, brief: true, ..Options::default() }
    }

    /// Refuses what cannot be measured, before anything has been started.
    ///
    /// # Errors
    /// A setting outside its range, or a bar that is measured elsewhere.
    pub fn check(&self) -> anyhow::Result<()> {
        for bar in &self.only {
            if !MEASURED_BARS.contains(bar) {
                bail!("bar {bar} is not measured by this command, which knows {MEASURED_BARS:?}");
            }
        }
        if let Some(scaling) = &self.scaling {
            scaling.check()?;
        }
        ensure!((1..=COUPONS_MAX).contains(&self.coupons), "coupons: 1 to {COUPONS_MAX}");
        ensure!((SECONDS_MIN..=SECONDS_MAX).contains(&self.seconds), "seconds: {SECONDS_MIN} to {SECONDS_MAX}");
        ensure!((1..=ROUNDS_MAX).contains(&self.rounds), "rounds: 1 to {ROUNDS_MAX}");
        ensure!((1..=CONNECTIONS_MAX).contains(&self.connections), "connections: 1 to {CONNECTIONS_MAX}");
        if let Some(threads) = self.generator_threads {
            ensure!(
                (1..=GENERATOR_THREADS_MAX).contains(&threads),
                "generator threads: 1 to {GENERATOR_THREADS_MAX}"
            );
        }
        Ok(())
    }

    /// Whether this bar is asked for.
    pub(crate) fn wants(&self, bar: u8) -> bool {
        self.only.is_empty() || self.only.contains(&bar)
    }

    /// One thread drives some 200,000 requests a second; on a small machine a second one would only take
    /// its core from the server.
    pub(crate) fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let by_cores = (cores / CORES_PER_GENERATOR_THREAD).clamp(1, GENERATOR_THREADS_MAX);
        self.generator_threads.unwrap_or(by_cores).min(self.connections)
    }

    /// The folder in which temporary folders are made.
    pub(crate) fn parent(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(std::env::temp_dir)
    }

    pub(crate) fn program(&self) -> anyhow::Result<PathBuf> {
        match &self.koi {
            Some(path) => Ok(path.clone()),
            None => std::env::current_exe().context("the path of the running program"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_presets_are_in_range() {
        Options::default().check().expect("the full measurement");
        Options::brief().check().expect("the brief one");
    }

    #[test]
    fn what_cannot_be_measured_is_refused_by_name() {
        let check = |change: fn(&mut Options), named: &str| {
            let mut options = Options::default();
            change(&mut options);
            let refusal = options.check().expect_err(named).to_string();
            assert!(refusal.contains(named), "{refusal:?} does not name {named:?}");
        };
        check(|options| options.only = vec![1, 12], "bar 12");
        check(|options| options.coupons = 0, "coupons");
        check(|options| options.seconds = f64::NAN, "seconds");
        check(|options| options.rounds = 0, "rounds");
        check(|options| options.connections = 0, "connections");
        check(|options| options.generator_threads = Some(0), "generator threads");
    }
}
