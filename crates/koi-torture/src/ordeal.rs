//! Puts a fresh server through one ordeal at each planned point, several points side by side.

use std::path::PathBuf;

use anyhow::Result;
use tokio::task::JoinSet;

use crate::day::performance::Point;
use crate::points::Scouting;
use crate::server::Installation;
use crate::tally::Tally;
use crate::tracer::in_folder;

/// What happens at a point, and what it tells when it went well.
pub(crate) trait Ordeal: Clone + Send + 'static {
    type Told: Send + 'static;

    fn endure(
        &self,
        installation: &Installation,
        point: &Point,
        files: Vec<PathBuf>,
    ) -> impl Future<Output = Result<Self::Told>> + Send;
}

/// How the points are gone through.
pub(crate) struct Tour {
    pub(crate) koi: PathBuf,
    pub(crate) points: Vec<Point>,
    /// Points that are visited at the same time.
    pub(crate) jobs: usize,
}

/// Visits every point and counts; answers what the ordeals told.
pub(crate) async fn visit_all<O: Ordeal>(
    ordeal: &O,
    tour: Tour,
    scouting: &Scouting,
    tally: &mut Tally,
) -> Result<Vec<O::Told>> {
    tally.add_planned(tour.points.len() as u64);
    let (mut points, mut visits, mut told) = (tour.points.into_iter(), JoinSet::new(), Vec::new());
    loop {
        while visits.len() < tour.jobs && !tally.is_hopeless() {
            let Some(point) = points.next() else { break };
            tally.show(point.to_string());
            let installation = Installation::fresh(&tour.koi)?;
            let files = in_folder(installation.data(), &scouting.files);
            let ordeal = ordeal.clone();
            visits.spawn(async move {
                let endured = ordeal.endure(&installation, &point, files).await;
                (point, installation, endured)
            });
        }
        let Some(visit) = visits.join_next().await else { return Ok(told) };
        let (point, installation, endured) = visit?;
        match endured {
            Ok(tale) => {
                told.push(tale);
                tally.pass();
            }
            Err(error) => tally.fail(&point.to_string(), &error, Some(&installation.keep())),
        }
    }
}
