//! Bars 1, 6 and 7: the path that carries the load, on a server that begins empty.

use anyhow::Context;

use super::rounds::Rounds;
use crate::report::{Bar, rounded};
use crate::run::Run;
use crate::site::Site;

/// The bars that were asked for, and the batch that claims reached.
pub(crate) fn measure(run: &Run<'_>) -> (Vec<Bar>, Option<f64>) {
    let wanted = run.wanted(&[1, 6, 7]);
    if wanted.is_empty() {
        return (Vec::new(), None);
    }
    // The server ends with this value.
    let (_server, site) = match run.open("hot-path") {
        Ok(opened) => opened,
        Err(error) => {
            return (wanted.iter().map(|&bar| Bar::failed(bar, &error)).collect(), None);
        }
    };
    let (mut bars, mut batch, mut peak) = (Vec::new(), None, None);
    if wanted.contains(&1) {
        bars.push(run.settle(
            1,
            claims_beside_parsing(run, &site).map(|(bar, claims)| {
                (batch, peak) = (claims.batch(), Some(claims.peak()));
                bar
            }),
        ));
    }
    if wanted.contains(&6) {
        bars.push(run.settle(6, tail(run, &site, peak)));
    }
    if wanted.contains(&7) {
        bars.push(run.settle(
            7,
            purchases_beside_claims(run, &site).map(|(bar, claims)| {
                batch = batch.or(claims.batch());
                bar
            }),
        ));
    }
    (bars, batch)
}

fn claims_beside_parsing(run: &Run<'_>, site: &Site) -> anyhow::Result<(Bar, Rounds)> {
    let (mut claims, mut parses) = (Rounds::default(), Rounds::default());
    for round in run.rounds() {
        run.say(&format!("bar 1, {round}: claims beside requests that are only parsed"));
        parses.add(&site.parses()?);
        claims.add(&site.claims()?);
    }
    Ok((claims.ratio(1, "claims", &parses, "parses"), claims))
}

/// The 99th percentile at half the best rate of bar 1; without bar 1, that rate is found first.
fn tail(run: &Run<'_>, site: &Site, peak: Option<f64>) -> anyhow::Result<Bar> {
    let peak = match peak {
        Some(peak) => peak,
        None => {
            run.say("bar 6: looking for the peak rate");
            site.claims()?.tally.per_second()
        }
    };
    anyhow::ensure!(peak > 0.0, "no claim succeeded, so there is no rate to halve");
    let rate = peak / 2.0;
    let (mut p99, mut p50, mut p999, mut late) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut errors = Rounds::default();
    let mut measured_rates = Vec::new();
    for round in run.rounds() {
        run.say(&format!("bar 6, {round}: {rate:.0} claims/s by a schedule"));
        let measured = site.scheduled_claims(rate)?;
        p50.push(measured.tally.latency_ms(0.5));
        p99.push(measured.tally.latency_ms(0.99));
        p999.push(measured.tally.latency_ms(0.999));
        late.push(measured.tally.lateness_ms(0.99));
        measured_rates.push(measured.tally.per_second());
        errors.add(&measured);
    }
    let mut bar = Bar::measured(6, &p99)
        .with_median("p50_ms", &p50)
        .with_median("p999_ms", &p999)
        .with("claims_per_s_intended", rounded(rate))
        .with_median("claims_per_s", &measured_rates)
        // Counted in the latency, and not the server's fault.
        .with_median("generator_p99_late_ms", &late);
    bar.count_errors(errors.errors());
    Ok(bar)
}

fn purchases_beside_claims(run: &Run<'_>, site: &Site) -> anyhow::Result<(Bar, Rounds)> {
    let (mut pairs, mut claims) = (Rounds::default(), Rounds::default());
    for round in run.rounds() {
        run.say(&format!("bar 7, {round}: claims, and the purchases of those who claimed"));
        let (claimed, bought) = site.claims_and_purchases().context("claims and purchases")?;
        claims.add(&claimed);
        pairs.add(&bought);
    }
    Ok((pairs.ratio(7, "pairs", &claims, "claims"), claims))
}
