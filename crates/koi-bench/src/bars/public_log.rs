//! Bar 11: what the public log costs the claims that it tells of.

use std::time::Duration;

use super::rounds::Rounds;
use crate::report::Bar;
use crate::run::Run;

const BAR: u8 = 11;
/// One server writes its log every second, as soon as it may; the other one puts it off for longer than the run.
const AT_ONCE: [&str; 2] = ["--public-log-seconds", "1"];
const LATER: [&str; 2] = ["--public-log-seconds", "3600"];
/// Time in which the first one writes what its last claims left, before the other one is measured.
const REST: Duration = Duration::from_millis(2_500);

/// The bar, if it was asked for.
pub(crate) fn measure(run: &Run<'_>) -> Vec<Bar> {
    let wanted = run.wanted(&[BAR]);
    wanted.into_iter().map(|bar| run.settle(bar, claims_with_and_without(run))).collect()
}

fn claims_with_and_without(run: &Run<'_>) -> anyhow::Result<Bar> {
    // The servers end with these values.
    let (_writing, with) = run.open_with("log-written", &AT_ONCE)?;
    let (_waiting, without) = run.open_with("log-put-off", &LATER)?;
    let (mut written, mut put_off) = (Rounds::default(), Rounds::default());
    for round in run.rounds() {
        run.say(&format!("bar {BAR}, {round}: claims with the public log and without"));
        put_off.add(&without.claims()?);
        written.add(&with.claims()?);
        std::thread::sleep(REST);
    }
    Ok(written.ratio(BAR, "claims_with_log", &put_off, "claims_without"))
}
