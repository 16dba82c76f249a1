//! A draw is made up, held, proved and audited, again and again, with a watch.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use koi_fair::beacon::{Beacon, Chain, local};
use koi_fair::draw::audit::{DrawFiles, audit};
use koi_fair::draw::made_up::{Held, Plan};
use koi_fair::draw::{self, DrawProof, Exclusions, Seed, outcome};
use koi_fair::log::{TilePath, TileSink, TileWriter, TreeHash};

use super::files::Files;

/// The most entries of the draw whose memory the large one's is compared with.
const SMALL_MAX: u64 = 1_000_000;
/// As many are excluded in both; fewer where that would be more than a tenth of the small draw.
const EXCLUDED_MAX: u64 = 40_000;
/// The reserves.
const RESERVES: u32 = 5;
/// Statements of others before the seal.
const OTHERS: u64 = 1_000;
/// How many outcomes are drawn in a round of the measurement, each of another round of the chain.
const OUTCOMES: u64 = 200;
/// How many persons' proofs are verified in a round.
const PERSONS: u64 = 50;
/// How many entries are in memory at once.
const PIECE: u64 = 65_536;

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) entries: u64,
    pub(super) rounds: u32,
    pub(super) threads: NonZeroUsize,
    pub(super) folder: &'a Path,
}

/// What was measured: a figure for each round.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) outcome_us: Vec<u64>,
    pub(super) beacon_us: Vec<u64>,
    pub(super) seal_ms: Vec<u64>,
    pub(super) hashed_ms: Vec<u64>,
    pub(super) audit_ms: Vec<u64>,
    pub(super) proof_us: Vec<u64>,
    pub(super) proof_made_us: Vec<u64>,
    pub(super) proof_bytes: Vec<u64>,
    /// Entries of the small draw.
    pub(super) small: u64,
    /// The most memory so far after the small draw and after all, in KiB; none where the kernel does not tell.
    pub(super) peak_kib: Option<(u64, u64)>,
}

/// Measures a small draw, for its memory, and then the one that was asked for.
pub(super) fn measure(asked: &Asked<'_>, step: impl Fn(&str)) -> anyhow::Result<Measured> {
    let small = (asked.entries / 10).min(SMALL_MAX);
    let excluded = (small / 10).min(EXCLUDED_MAX);
    step(&format!("a draw over {small} entries, for its memory"));
    let once = Asked { entries: small, rounds: 1, ..*asked };
    round(&once, excluded, 0, &mut Measured::default())?;
    let peak_before = peak_kib();
    let mut measured = Measured { small, ..Measured::default() };
    for number in 0..asked.rounds {
        step(&format!("round {} of {}: a draw over {} entries", number + 1, asked.rounds, asked.entries));
        round(asked, excluded, u64::from(number), &mut measured)?;
    }
    measured.peak_kib = peak_before.zip(peak_kib());
    Ok(measured)
}

/// One draw from its entries to its audit.
fn round(asked: &Asked<'_>, excluded: u64, number: u64, measured: &mut Measured) -> anyhow::Result<()> {
    let plan = Plan {
        draw: "koi-bench".to_owned(),
        entries: asked.entries,
        excluded_every: asked.entries / excluded,
        reserves: RESERVES,
        others: OTHERS,
    };
    // A folder of its own, and nothing is removed before the end: ext4 is slow to create files while it steps over those
    // that were removed in the last minutes.
    let files = Files::new(&asked.folder.join(format!("{}-{number}", asked.entries)));
    at_rest(asked.folder)?;
    let Sealed { root, written, hashed } = seal(&plan, &files, asked.threads)?;
    measured.seal_ms.push(millis(written));
    measured.hashed_ms.push(millis(hashed));
    let held = plan.hold(root)?;
    draw_outcomes(&held, number, measured)?;
    prove(&plan, &held, &files, number, measured)?;

    let public = DrawFiles {
        early: &held.in_log.checkpoint,
        latest: &held.latest,
        entries: &files,
        exclusions: &held.exclusions,
    };
    let begun = Instant::now();
    let audited = audit(&plan.draw, &held.statements, &public, &plan.trust()?, asked.threads);
    measured.audit_ms.push(millis(begun.elapsed()));
    let audited = audited.map_err(|why| anyhow!("the audit says: {why}"))?;
    ensure!(audited.seal.root.0 == root.0, "the audit is of another draw");
    Ok(())
}

/// Waits until what was written before is on the disk, so that a round does not pay for the one before it.
fn at_rest(folder: &Path) -> anyhow::Result<()> {
    let folder = fs::File::open(folder).context("opening the folder")?;
    rustix::fs::syncfs(folder).context("writing the folder to the disk")
}

/// Root and tiles of the entry log, and how long they took.
struct Sealed {
    root: TreeHash,
    written: Duration,
    /// The same with files that go nowhere: what the file system has no part in.
    hashed: Duration,
}

/// Writes the entry log. Making up the entries is not measured: a real server has them.
fn seal(plan: &Plan, files: &Files, threads: NonZeroUsize) -> anyhow::Result<Sealed> {
    let new = || TileWriter::new().with_threads(threads);
    let (mut log, mut nowhere) = (Timed::new(new(), files), Timed::new(new(), &Nowhere));
    while log.writer.size() < plan.entries {
        let first = log.writer.size();
        let piece = entries(plan, first, plan.entries.min(first + PIECE), threads);
        nowhere.append(&piece)?;
        log.append(&piece).context("writing the entry log")?;
    }
    let (_, hashed) = nowhere.end()?;
    let (root, written) = log.end().context("writing the entry log")?;
    Ok(Sealed { root, written, hashed })
}

/// A log that is written with a watch.
struct Timed<'a, S> {
    writer: TileWriter,
    sink: &'a S,
    took: Duration,
}

impl<'a, S> Timed<'a, S>
where
    S: TileSink,
    S::Error: std::error::Error + Send + Sync + 'static,
{
    fn new(writer: TileWriter, sink: &'a S) -> Self {
        Self { writer, sink, took: Duration::ZERO }
    }

    fn append(&mut self, piece: &[[u8; 32]]) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.writer.append(piece, self.sink)?;
        self.took += begun.elapsed();
        Ok(())
    }

    fn end(self) -> anyhow::Result<(TreeHash, Duration)> {
        let begun = Instant::now();
        self.writer.write_partial(self.sink)?;
        let root = self.writer.root();
        Ok((root, self.took + begun.elapsed()))
    }
}

/// Where files go of which only the hashes matter.
struct Nowhere;

impl TileSink for Nowhere {
    type Error = std::convert::Infallible;

    fn write(&self, _: &TilePath, _: &[u8]) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The entries from `first` up to `end`, on some threads.
fn entries(plan: &Plan, first: u64, end: u64, threads: NonZeroUsize) -> Vec<[u8; 32]> {
    let share = usize::try_from(end - first).unwrap_or(usize::MAX).div_ceil(threads.get()).max(1);
    let mut made = vec![[0; 32]; usize::try_from(end - first).unwrap_or(0)];
    std::thread::scope(|scope| {
        for (begin, part) in (first..).step_by(share).zip(made.chunks_mut(share)) {
            scope.spawn(move || {
                for (index, entry) in (begin..).zip(part) {
                    *entry = plan.entry(index);
                }
            });
        }
    });
    made
}

/// Draws by several rounds of the chain. That each is genuine is measured apart.
fn draw_outcomes(held: &Held, number: u64, measured: &mut Measured) -> anyhow::Result<()> {
    let exclusions = Exclusions::read(&held.exclusions)?;
    let seal = &held.seal;
    let sealed = draw::Sealed { rules_hash: seal.rules.hash()?, root: seal.root.0, entries: seal.entries };
    let (mut verified_ns, mut drawn_ns) = (Vec::new(), Vec::new());
    for later in 0..OUTCOMES {
        let answer = local::sign(seal.round + number * OUTCOMES + later).json();
        let begun = Instant::now();
        let round = Chain::local().verify(&Beacon::read(&answer)?)?;
        verified_ns.push(nanos(begun.elapsed()));
        let begun = Instant::now();
        let seed = Seed::new(&sealed, round.chain_hash(), round.round(), round.randomness());
        let outcome = outcome(&seed, seal.entries, &exclusions, seal.rules.reserves)?;
        drawn_ns.push(nanos(begun.elapsed()));
        ensure!(outcome.winner < seal.entries, "a winner who did not enter");
    }
    measured.outcome_us.push(median(&mut drawn_ns).div_ceil(1_000));
    measured.beacon_us.push(median(&mut verified_ns).div_ceil(1_000));
    Ok(())
}

/// Makes and verifies the proofs of some persons.
fn prove(plan: &Plan, held: &Held, files: &Files, number: u64, measured: &mut Measured) -> anyhow::Result<()> {
    let trust = plan.trust()?;
    let (mut made_ns, mut verified_ns, mut longest) = (Vec::new(), Vec::new(), 0);
    let winner = held.proof(files, 0)?.winner;
    let step = (plan.entries / PERSONS).max(1);
    let some = (0..PERSONS).map(|person| (person * step + number) % plan.entries);
    for index in some.chain([winner, plan.entries - 1]) {
        let begun = Instant::now();
        let text = held.proof(files, index)?.text()?;
        made_ns.push(nanos(begun.elapsed()));
        longest = longest.max(text.len() as u64);
        let begun = Instant::now();
        let verdict = DrawProof::parse(text.as_bytes())?.verify(&trust, None)?;
        verified_ns.push(nanos(begun.elapsed()));
        ensure!(verdict.index == index && verdict.outcome.winner == winner, "a proof of something else");
    }
    measured.proof_made_us.push(median(&mut made_ns).div_ceil(1_000));
    measured.proof_us.push(median(&mut verified_ns).div_ceil(1_000));
    measured.proof_bytes.push(longest);
    Ok(())
}

/// The middle figure; the upper one of an even number. 0 of none.
pub(super) fn median(figures: &mut [u64]) -> u64 {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(0)
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

fn millis(took: Duration) -> u64 {
    // Rounded up: a bar is not reached by rounding.
    nanos(took).div_ceil(1_000_000)
}

/// The most memory that this process has had, in KiB.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    peak_of(&status)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_the_peak() {
        assert_eq!(peak_of("Name:\tkoi\nVmHWM:\t  409600 kB\nVmRSS:\t 1 kB\n"), Some(409_600));
        assert_eq!(peak_of("Name:\tkoi\n"), None);
        assert!(peak_kib().is_none_or(|peak| peak > 0));
    }

    #[test]
    fn every_figure_is_measured_in_every_round() {
        let folder = tempfile::tempdir().unwrap();
        let threads = NonZeroUsize::new(2).unwrap();
        let asked = Asked { entries: 10_000, rounds: 2, threads, folder: folder.path() };
        let measured = measure(&asked, |_| ()).unwrap();
        let Measured {
            outcome_us,
            beacon_us,
            seal_ms,
            hashed_ms,
            audit_ms,
            proof_us,
            proof_made_us,
            proof_bytes,
            ..
        } = &measured;
        for rounds in [outcome_us, beacon_us, seal_ms, hashed_ms, audit_ms, proof_us, proof_made_us, proof_bytes] {
            assert_eq!(rounds.len(), 2, "{measured:?}");
            assert!(rounds.iter().all(|figure| *figure > 0), "{measured:?}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn entries_are_the_plans_however_many_threads_make_them() {
        let plan = Plan::small();
        for threads in 1..5 {
            let made = entries(&plan, 7, 130, NonZeroUsize::new(threads).unwrap());
            assert_eq!(made, (7..130).map(|index| plan.entry(index)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_middle_is_found() {
        for (mut figures, middle) in [(vec![], 0), (vec![3], 3), (vec![3, 1, 2], 2), (vec![4, 1, 3, 2], 3)] {
            assert_eq!(median(&mut figures), middle);
        }
    }
}
