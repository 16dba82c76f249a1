//! Bars 5, 8, 9 and 10: what ten million coupons change. One server is filled over HTTP and then measured
//! full, stopped, killed, started and checked.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};

use super::rounds::Rounds;
use crate::limits::CHECK_MAX;
use crate::memory::Memory;
use crate::process::{Process, Server};
use crate::progress::Progress;
use crate::report::{Bar, rounded};
use crate::run::Run;
use crate::site::Site;
use crate::spec::COUPONS_OF_THE_BARS;

/// The bars that were asked for.
pub(crate) fn measure(run: &Run<'_>) -> Vec<Bar> {
    let wanted = run.wanted(&[5, 8, 9, 10]);
    if wanted.is_empty() {
        return Vec::new();
    }
    let (server, site) = match filled(run) {
        Ok(filled) => filled,
        Err(error) => return wanted.iter().map(|&bar| Bar::failed(bar, &error)).collect(),
    };
    let data = run.data(FULL);
    let mut bars = Vec::new();
    let mut settle = |bar: u8, result: anyhow::Result<Bar>, site: &Site| {
        let stored = site.stored();
        let result = result.map(|bar| noted(bar, run.options().coupons, stored));
        bars.push(run.settle(bar, result));
    };
    if wanted.contains(&5) {
        settle(5, full_beside_empty(run, &site), &site);
    }
    if wanted.contains(&8) {
        settle(8, memory(run, &server, &site), &site);
    }
    let site = if wanted.contains(&9) {
        let (result, site) = starts(run, server, site, &data);
        settle(9, result, &site);
        site
    } else {
        run.say("stopping the full server");
        // What a failure to stop leaves behind is for bar 10 to judge.
        let _ = server.process.terminate();
        site
    };
    if wanted.contains(&10) {
        settle(10, check(run, &data), &site);
    }
    bars
}

const FULL: &str = "stored";

fn filled(run: &Run<'_>) -> anyhow::Result<(Server, Site)> {
    let (server, site) = run.open(FULL)?;
    let total = run.options().coupons;
    run.say(&format!("storing {total} coupons"));
    let began = Instant::now();
    site.fill(total, &|done| run.tell(Progress::Stored { done, total })).context("storing coupons")?;
    run.say(&format!("stored {total} coupons in {:.1} s", began.elapsed().as_secs_f64()));
    Ok((server, site))
}

/// How many there were, and that a smaller number proves less.
fn noted(bar: Bar, coupons: u64, stored: u64) -> Bar {
    let bar = bar.with("coupons_stored", stored);
    if coupons == COUPONS_OF_THE_BARS {
        return bar;
    }
    bar.note(format!("the bar speaks of {COUPONS_OF_THE_BARS} coupons, of which {coupons} were asked for"))
}

/// Each round has an empty server of its own beside the full one, so that the empty one is empty.
fn full_beside_empty(run: &Run<'_>, full: &Site) -> anyhow::Result<Bar> {
    let (mut with_coupons, mut without) = (Rounds::default(), Rounds::default());
    for round in run.rounds() {
        run.say(&format!("bar 5, {round}: claims with coupons stored beside claims on an empty server"));
        let (server, empty) = run.open("empty")?;
        without.add(&empty.claims()?);
        server.process.terminate()?;
        std::fs::remove_dir_all(run.data("empty")).context("removing the empty server's data")?;
        with_coupons.add(&full.claims()?);
    }
    Ok(with_coupons.ratio(5, "claims_full", &without, "claims_empty"))
}

/// The peak since its start is judged: it is what an operator must provide.
fn memory(run: &Run<'_>, server: &Server, site: &Site) -> anyhow::Result<Bar> {
    let mut load = Rounds::default();
    if !run.options().wants(5) {
        run.say("bar 8: claims, so that memory is that of a busy server");
        load.add(&site.claims()?);
    }
    let memory = Memory::of(server.process.id()).context("the kernel does not tell the server's memory")?;
    let mut bar = Bar::measured(8, &[memory.peak_mib as f64])
        .with("resident_mib", memory.resident_mib)
        .with("peak_mib", memory.peak_mib)
        .with("anonymous_mib", memory.anonymous_mib);
    bar.count_errors(load.errors());
    Ok(bar)
}

/// The slower of two starts: after an orderly end, and after a kill that followed a burst of claims, so
/// that there is something to recover. The files are in the page cache both times.
fn starts(run: &Run<'_>, server: Server, site: Site, data: &Path) -> (anyhow::Result<Bar>, Site) {
    run.say("bar 9: stopping, starting, killing and starting again");
    let began = Instant::now();
    let restarted = server.process.terminate().and_then(|()| {
        let stopped_in = began.elapsed();
        run.serve(data).map(|server| (server, stopped_in)).context("starting after SIGTERM")
    });
    let (server, stopped_in) = match restarted {
        Ok(restarted) => restarted,
        Err(error) => return (Err(error), site),
    };
    let site = site.moved(server.address);
    let result = (|| {
        let after_term = server.started_in;
        let mut load = Rounds::default();
        load.add(&site.claims()?);
        server.process.kill()?;
        let server = run.serve(data).context("starting after SIGKILL")?;
        let after_kill = server.started_in;
        server.process.terminate()?;
        let mut bar = Bar::measured(9, &[after_term.max(after_kill).as_secs_f64()])
            .with("after_sigterm_s", rounded(after_term.as_secs_f64()))
            .with("after_sigkill_s", rounded(after_kill.as_secs_f64()))
            .with("stop_s", rounded(stopped_in.as_secs_f64()));
        bar.count_errors(load.errors());
        Ok(bar)
    })();
    (result, site)
}

fn check(run: &Run<'_>, data: &PathBuf) -> anyhow::Result<Bar> {
    run.say("bar 10: koi check");
    let log = run.folder().join("check.log");
    let mut command = Command::new(run.program());
    command.arg("check").arg("--data").arg(data).stdout(Stdio::null());
    let began = Instant::now();
    let process = Process::start(&mut command, &log)?;
    let status = process.wait(CHECK_MAX).context("koi check")?;
    let took = began.elapsed();
    let words = std::fs::read_to_string(&log).unwrap_or_default();
    ensure!(status.success(), "koi check ended with {status}: {}", words.trim());
    Ok(Bar::measured(10, &[took.as_secs_f64()]))
}
