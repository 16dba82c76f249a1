//! From one recorded day to the plan: every point of every stretch at which misfortune can strike.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, anyhow};
use rand::RngExt;

use crate::day::performance::{Curtain, Performance, Plot, Point, Stretch};
use crate::failure::broken;
use crate::record::{Footprint, answers_before_their_sync, footprint};
use crate::seed::Seed;
use crate::server::{Installation, Start};
use crate::tracer::{Effect, Injection};

/// What the recorded day taught.
pub(crate) struct Scouting {
    footprints: BTreeMap<Stretch, Footprint>,
    /// Names of all files that any stretch touched.
    pub(crate) files: BTreeSet<String>,
}

/// Plays the whole day unharmed under a recording tracer; also a check of the script itself.
pub(crate) async fn scout(koi: &Path) -> Result<Scouting> {
    let installation = Installation::fresh(koi)?;
    let played = record_day(&installation).await;
    played.map_err(|error| {
        let folder = installation.keep();
        error.context(format!("the unharmed day failed; kept: {}", folder.display()))
    })
}

async fn record_day(installation: &Installation) -> Result<Scouting> {
    let mut day = Performance::new(installation, Plot::Recorded)?;
    let Start::Ready = day.next_life().await? else {
        return Err(broken("the server starts on an empty folder", installation.log_excerpt()));
    };
    let Curtain::Over = day.play().await? else {
        let promised = format!("the unharmed day goes on at {}", day.player.place());
        return Err(broken(promised, "no answer, or a 503"));
    };
    day.player.verify(day.client().address()).await?;
    day.end_in_good_order().await?;
    let data = installation.data();
    let mut scouting = Scouting { footprints: BTreeMap::new(), files: BTreeSet::new() };
    for (stretch, log) in &day.logs {
        if let Some(early) = answers_before_their_sync(log, data).first() {
            return Err(broken("nobody is answered before the log is synced", format!("{stretch}: {early}")));
        }
        let footprint = footprint(log, data);
        scouting.files.extend(footprint.files.iter().cloned());
        scouting.footprints.insert(*stretch, footprint);
    }
    match scouting.files.is_empty() {
        true => Err(anyhow!("the record shows no call on the data folder")),
        false => Ok(scouting),
    }
}

impl Scouting {
    /// One line per stretch: the calls it makes, and those that the tracer cannot single out.
    pub(crate) fn describe(&self, calls: &[&str]) -> Vec<String> {
        let line = |stretch: &Stretch, footprint: &Footprint| {
            let told: Vec<String> = calls
                .iter()
                .filter(|call| footprint.reach(call) > 0)
                .map(|call| match footprint.shadowed(call) {
                    0 => format!("{call} {}", footprint.reach(call)),
                    shadowed => format!("{call} {} (+{shadowed} of other threads)", footprint.reach(call)),
                })
                .collect();
            format!("{stretch}: {}", if told.is_empty() { "no such call".to_owned() } else { told.join(", ") })
        };
        self.footprints.iter().map(|(stretch, footprint)| line(stretch, footprint)).collect()
    }

    /// Every `step`-th point of each kind of call in each stretch; the seed chooses where to begin.
    pub(crate) fn plan(&self, calls: &[&str], effects: &[Effect], step: u32, seed: Seed) -> Vec<Point> {
        let mut points = Vec::new();
        for (&stretch, footprint) in &self.footprints {
            for call in calls {
                for (index, &effect) in effects.iter().enumerate() {
                    let mut stream = seed.stream(&format!("{stretch} {call}"), index as u64);
                    let first = stream.random_range(1..=step);
                    let numbers = (first..=footprint.reach(call)).step_by(step as usize);
                    points.extend(numbers.map(|n| {
                        let injection = Injection { call: (*call).to_owned(), n, effect };
                        Point { stretch, injection }
                    }));
                }
            }
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::performance::Part;

    fn scouting() -> Scouting {
        let record = "7 pwrite64(5</d/koi.db-wal>, \"\", 24, 0) = 24\n".repeat(10);
        let footprint = footprint(&record, Path::new("/d"));
        let stretch = Stretch { life: 1, part: Part::Service };
        Scouting { files: footprint.files.clone(), footprints: BTreeMap::from([(stretch, footprint)]) }
    }

    fn numbers(step: u32, seed: u64) -> Vec<u32> {
        let points = scouting().plan(&["pwrite64", "fdatasync"], &[Effect::Kill], step, Seed(seed));
        points.iter().map(|point| point.injection.n).collect()
    }

    #[test]
    fn a_step_of_one_meets_every_call() {
        assert_eq!(numbers(1, 5), (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn the_same_seed_gives_the_same_plan_and_all_seeds_together_meet_every_call() {
        assert_eq!(numbers(4, 5), numbers(4, 5));
        let met: BTreeSet<u32> = (0..64).flat_map(|seed| numbers(4, seed)).collect();
        assert_eq!(met.len(), 10);
    }
}
