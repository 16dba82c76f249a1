//! What was measured beside what it must keep.

use std::fmt::Write;

use koi_bench::Machine;
use serde::Serialize;

use super::ENTRIES;
use super::measure::{Asked, Measured, median};
use crate::cli::terminal;

/// Microseconds from the round to the winner.
const OUTCOME_US: u64 = 1_000;
/// Milliseconds to seal [`ENTRIES`].
const SEAL_MS: u64 = 1_000;
/// Milliseconds to audit [`ENTRIES`].
const AUDIT_MS: u64 = 2_000;
/// Microseconds to verify a person's proof.
const PROOF_US: u64 = 5_000;
/// Bytes of a person's proof: 3 KB.
const PROOF_BYTES: u64 = 3_000;
/// The memory of a large draw in percent of that of a small one. A quarter is what an allocator may keep; a draw that
/// held its entries would take many times as much.
const MEMORY_PERCENT: u64 = 125;

/// The whole of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    machine: Machine,
    /// Nothing was judged.
    brief: bool,
    entries: u64,
    rounds: u32,
    threads: usize,
    bars: Vec<Bar>,
    figures: Figures,
}

/// One bar and what was measured. A value must be below its target.
#[derive(Debug, Serialize)]
struct Bar {
    bar: &'static str,
    what: &'static str,
    unit: &'static str,
    /// The median of the rounds; none if it could not be measured.
    value: Option<u64>,
    /// What it must stay below; none if there is no bar for so many entries.
    target: Option<u64>,
    /// Whether it does; none if it is not judged.
    holds: Option<bool>,
    /// All, in order of time.
    rounds: Vec<u64>,
}

/// What stands beside the bars.
#[derive(Debug, Serialize)]
struct Figures {
    /// Whether a round is genuine: the median.
    beacon_verified_us: u64,
    /// The seal without the file system: the median.
    seal_hashed_ms: u64,
    /// From the log's files to a person's proof: the median.
    proof_made_us: u64,
    /// Bytes of the entry log's files.
    entry_log_bytes: u64,
    /// Entries of the draw that the memory is compared with.
    small_entries: u64,
    /// The most memory after it.
    small_peak_kib: Option<u64>,
    /// The most memory after all.
    peak_kib: Option<u64>,
}

impl Report {
    pub(super) fn of(machine: Machine, asked: &Asked<'_>, brief: bool, measured: &Measured) -> Self {
        let entries = asked.entries;
        let with_entries = |bar: u64| Some((u128::from(bar) * u128::from(entries) / u128::from(ENTRIES)).max(1));
        let grown = |bar| with_entries(bar).and_then(|bar| u64::try_from(bar).ok());
        let size = (entries <= ENTRIES).then_some(PROOF_BYTES);
        let memory =
            measured.peak_kib.map(|(small, large)| vec![large.saturating_mul(100).div_ceil(small.max(1))]);
        let bar = |bar, what, unit, rounds: &[u64], target| Bar::of(brief, bar, what, unit, rounds, target);
        let bars = vec![
            bar("outcome", "from the round to the winner", "µs", &measured.outcome_us, Some(OUTCOME_US)),
            bar("seal", "root and tiles, in a folder", "ms", &measured.seal_ms, grown(SEAL_MS)),
            bar("audit", "the whole draw again", "ms", &measured.audit_ms, grown(AUDIT_MS)),
            bar("proof_time", "a person's proof is verified", "µs", &measured.proof_us, Some(PROOF_US)),
            bar("proof_size", "a person's proof, the longest", "bytes", &measured.proof_bytes, size),
            bar(
                "memory",
                "most memory, of a small draw's",
                "%",
                memory.as_deref().unwrap_or_default(),
                Some(MEMORY_PERCENT),
            ),
        ];
        let figures = Figures {
            beacon_verified_us: median(&mut measured.beacon_us.clone()),
            seal_hashed_ms: median(&mut measured.hashed_ms.clone()),
            proof_made_us: median(&mut measured.proof_made_us.clone()),
            entry_log_bytes: super::bytes_of_log(entries),
            small_entries: measured.small,
            small_peak_kib: measured.peak_kib.map(|(small, _)| small),
            peak_kib: measured.peak_kib.map(|(_, large)| large),
        };
        Self { machine, brief, entries, rounds: asked.rounds, threads: asked.threads.get(), bars, figures }
    }

    /// Whether every bar that was judged holds.
    pub(super) fn succeeded(&self) -> bool {
        self.bars.iter().all(|bar| bar.holds != Some(false))
    }

    /// The report for people.
    pub(super) fn table(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "{} cores, {}, {} MiB, {}, {}\n{} entries, threads: {}, rounds: {}; local randomness: not a public draw\n",
            machine.cores,
            machine.cpu,
            machine.memory_mib,
            machine.kernel,
            machine.file_system,
            grouped(self.entries),
            self.threads,
            self.rounds,
        );
        if self.brief {
            text += "A brief run: it shows that everything works, and judges nothing.\n";
        }
        let mut table = terminal::table(["bar", "what", "value", "min – max", "below", ""], &[2, 4]);
        for bar in &self.bars {
            let with_unit = |figure: u64| format!("{} {}", grouped(figure), bar.unit);
            table.add_row([
                bar.bar.replace('_', " "),
                bar.what.to_owned(),
                bar.value.map_or("–".to_owned(), with_unit),
                bar.range(),
                bar.target.map_or("–".to_owned(), with_unit),
                bar.verdict().to_owned(),
            ]);
        }
        text += &terminal::written(&table);
        let figures = &self.figures;
        // Writing to a text does not fail.
        _ = writeln!(
            text,
            "Beside them: the seal without its {} MiB of files takes {} ms, a round is verified in {} µs,\n\
             a person's proof is made in {} µs.",
            grouped(figures.entry_log_bytes >> 20),
            grouped(figures.seal_hashed_ms),
            grouped(figures.beacon_verified_us),
            grouped(figures.proof_made_us),
        );
        if let (Some(small), Some(peak)) = (figures.small_peak_kib, figures.peak_kib) {
            let small_entries = grouped(figures.small_entries);
            _ = writeln!(
                text,
                "Most memory: {} KiB, {} KiB after a draw over {small_entries} entries.",
                grouped(peak),
                grouped(small)
            );
        }
        text
    }
}

impl Bar {
    fn of(
        brief: bool,
        bar: &'static str,
        what: &'static str,
        unit: &'static str,
        rounds: &[u64],
        target: Option<u64>,
    ) -> Self {
        let value = (!rounds.is_empty()).then(|| median(&mut rounds.to_vec()));
        // What has a bar and could not be measured does not hold.
        let reached = target.map(|target| value.is_some_and(|value| value < target));
        Self { bar, what, unit, value, target, holds: reached.filter(|_| !brief), rounds: rounds.to_vec() }
    }

    fn range(&self) -> String {
        match (self.rounds.iter().min(), self.rounds.iter().max()) {
            (Some(min), Some(max)) if self.rounds.len() > 1 => format!("{} – {}", grouped(*min), grouped(*max)),
            _ => String::new(),
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.holds, self.value) {
            (Some(true), _) => "holds",
            (Some(false), Some(_)) => "MISSED",
            (Some(false), None) => "FAILED",
            (None, Some(_)) => "not judged",
            (None, None) => "unknown",
        }
    }
}

/// A whole number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use super::*;

    fn report(entries: u64, brief: bool, change: impl FnOnce(&mut Measured)) -> Report {
        let mut measured = Measured {
            outcome_us: vec![7, 9, 8],
            beacon_us: vec![900; 3],
            seal_ms: vec![700, 1_900, 800],
            hashed_ms: vec![400; 3],
            audit_ms: vec![1_999; 3],
            proof_us: vec![4_000; 3],
            proof_made_us: vec![300; 3],
            proof_bytes: vec![2_999; 3],
            small: 300_000,
            peak_kib: Some((20_000, 24_800)),
        };
        change(&mut measured);
        let threads = NonZeroUsize::new(2).unwrap();
        let asked = Asked { entries, rounds: 3, threads, folder: Path::new("/") };
        let machine = Machine {
            cores: 2,
            cpu: "Some Processor".to_owned(),
            kernel: "Linux 6.1.0".to_owned(),
            memory_mib: 24_103,
            file_system: "ext4".to_owned(),
        };
        Report::of(machine, &asked, brief, &measured)
    }

    fn held(report: &Report) -> Vec<Option<bool>> {
        report.bars.iter().map(|bar| bar.holds).collect()
    }

    #[test]
    fn a_bar_holds_by_its_median_and_below_its_target() {
        let honest = report(ENTRIES, false, |_| ());
        assert_eq!(held(&honest), [Some(true); 6]);
        assert!(honest.succeeded());
        let changes: [fn(&mut Measured); 7] = [
            |measured| measured.outcome_us = vec![1_000; 3],
            |measured| measured.seal_ms = vec![1_000; 3],
            |measured| measured.audit_ms = vec![2_000; 3],
            |measured| measured.proof_us = vec![5_000; 3],
            |measured| measured.proof_bytes = vec![3_000; 3],
            |measured| measured.peak_kib = Some((20_000, 25_000)),
            |measured| measured.peak_kib = None,
        ];
        for (place, change) in changes.into_iter().enumerate() {
            let missed = report(ENTRIES, false, change);
            assert_eq!(held(&missed)[place.min(5)], Some(false), "{place}");
            assert!(!missed.succeeded());
            assert!(report(ENTRIES, true, change).succeeded(), "a brief run judges nothing");
        }
    }

    #[test]
    fn what_takes_time_for_each_entry_may_take_more_for_more() {
        let large = report(100 * ENTRIES, false, |measured| {
            measured.seal_ms = vec![99_999; 3];
            measured.proof_bytes = vec![3_300; 3];
        });
        assert_eq!(held(&large), [Some(true), Some(true), Some(true), Some(true), None, Some(true)]);
        let small = report(ENTRIES / 10, false, |_| ());
        assert_eq!(held(&small)[1], Some(false));
    }

    #[test]
    fn the_table_fits_and_says_it_all() {
        let table = report(ENTRIES, false, |measured| measured.proof_us = vec![9_000; 3]).table();
        for line in table.lines() {
            assert!(line.chars().count() <= usize::from(terminal::WIDTH), "{line}");
        }
        for said in ["3,000,000", "holds", "MISSED", "9,000 µs", "700 – 1,900", "not a public draw", "24,800 KiB"]
        {
            assert!(table.contains(said), "{said:?} is missing:\n{table}");
        }
    }

    #[test]
    fn the_json_has_the_agreed_members() {
        let json = serde_json::to_value(report(ENTRIES, false, |_| ())).unwrap();
        assert!(json["machine"].is_object());
        assert_eq!(json["bars"][1]["bar"], "seal");
        assert_eq!((&json["bars"][1]["value"], &json["bars"][1]["target"]), (&800.into(), &1_000.into()));
        assert_eq!(json["bars"][1]["holds"], true);
        assert_eq!(json["figures"]["peak_kib"], 24_800);
    }
}
