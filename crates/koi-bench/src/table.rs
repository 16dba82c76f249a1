//! The report as a table for people.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde_json::Value;

use crate::report::{Bar, Compared, Report, Spread};
use crate::spec::Sense;

/// A line around the head and at the end, and no others.
const STYLE: TableStyle = UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());

/// Widest line.
const COLUMNS: u16 = 100;

/// The environment first: without it the figures mean nothing.
pub(crate) fn render(report: &Report) -> String {
    let mut text = environment(report);
    if !report.compared.is_empty() {
        text += &compared(&report.compared);
    }
    if !report.bars.is_empty() {
        text += &bars(&report.bars);
    }
    for bar in &report.bars {
        for remark in remarks(bar) {
            text += &wrapped(&format!("bar {}: {remark}", bar.bar));
        }
    }
    if let Some(folder) = &report.kept {
        text += &format!("The data is kept in {folder}\n");
    }
    text
}

/// A table with this head, whose columns of these numbers hold figures.
fn drawn<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>, figures: &[usize]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS)
        .set_header(head);
    for row in rows {
        table.add_row(row);
    }
    for right in figures {
        if let Some(column) = table.column_mut(*right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt() + "\n"
}

/// Those that were measured in turn, each beside the first.
fn compared(compared: &[Compared]) -> String {
    let row = |one: &Compared| {
        let median =
            |spread: &Option<Spread>| spread.as_ref().map_or("–".to_owned(), |spread| figure(spread.median));
        [
            one.what.to_owned(),
            median(&one.claims_per_s),
            one.claims_per_s.as_ref().map(range).unwrap_or_default(),
            median(&one.ratio),
            one.batch.map_or("–".to_owned(), figure),
            median(&one.server_us_per_claim),
            median(&one.behind_us_per_claim),
        ]
    };
    let head = ["", "claims/s", "min – max", "ratio", "batch", "server µs", "database µs"];
    let table = drawn(head, compared.iter().map(row), &[1, 3, 4, 5, 6]);
    let errors = |one: &Compared| -> String {
        let lines = one.errors.iter().map(|(kind, times)| wrapped(&format!("{}: {times} × {kind}", one.what)));
        lines.collect()
    };
    let errors: String = compared.iter().map(errors).collect();
    table + &errors + "Claims through the same HTTP layer; µs: processor time for each claim.\n"
}

fn bars(bars: &[Bar]) -> String {
    let row = |bar: &Bar| {
        [
            bar.bar.to_string(),
            bar.what.to_owned(),
            bar.value.map_or("–".to_owned(), |value| with_unit(value, bar.unit)),
            bar.spread.as_ref().map(range).unwrap_or_default(),
            target(bar),
            verdict(bar).to_owned(),
        ]
    };
    drawn(["bar", "what", "value", "min – max", "target", ""], bars.iter().map(row), &[0, 2, 4])
}

fn environment(report: &Report) -> String {
    let machine = &report.machine;
    let figure =
        |value: Option<f64>, unit: &str| value.map_or("unknown".to_owned(), |value| with_unit(value, unit));
    let mut text = wrapped(&format!(
        "{} cores, {}, {} MiB, {}, {}",
        machine.cores, machine.cpu, machine.memory_mib, machine.kernel, machine.file_system
    ));
    text += &wrapped(&format!(
        "fdatasync {}, batch {}, {} connections, {} generator thread(s), {} × {} s, {} coupons",
        figure(report.fsync_us, "µs"),
        figure(report.batch, "commands"),
        report.connections,
        report.generator_threads,
        report.rounds,
        report.seconds,
        grouped(report.coupons as f64)
    ));
    if report.brief {
        text += "A brief run: it shows that everything works, and judges nothing.\n";
    }
    text
}

fn verdict(bar: &Bar) -> &'static str {
    match (bar.holds, bar.worked()) {
        _ if bar.skipped.is_some() => "skipped",
        (_, false) => "FAILED",
        (Some(true), true) => "holds",
        (Some(false), true) => "MISSED",
        (None, true) => "works",
    }
}

fn target(bar: &Bar) -> String {
    let sign = match bar.sense {
        Sense::AtLeast => "≥",
        Sense::AtMost => "≤",
    };
    format!("{sign} {} {}", bar.target, bar.unit).trim_end().to_owned()
}

/// From the least to the greatest, where there is more than one.
fn range(spread: &Spread) -> String {
    match spread.rounds.len() {
        0 | 1 => String::new(),
        _ => format!("{} – {}", figure(spread.min), figure(spread.max)),
    }
}

/// The raw figures that are numbers; JSON has the rest.
fn raw(bar: &Bar) -> Option<String> {
    let figures = bar.raw.iter().filter_map(|(name, value)| match value {
        Value::Number(number) => Some(format!("{} {}", name.replace('_', " "), figure(number.as_f64()?))),
        _ => None,
    });
    let figures = figures.collect::<Vec<_>>().join(", ");
    (!figures.is_empty()).then_some(figures)
}

fn remarks(bar: &Bar) -> impl Iterator<Item = String> {
    let errors = bar.errors.iter().map(|(kind, times)| format!("{} × {kind}", grouped(*times as f64)));
    let why = bar.skipped.iter().map(|why| format!("skipped: {why}")).chain(bar.failed.clone());
    why.chain(errors).chain(raw(bar)).chain(bar.notes.clone())
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", figure(value)).trim_end().to_owned()
}

/// Three or more significant digits, whatever the size.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => grouped(value),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// A whole number with commas between its thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Breaks a line at spaces; a longer word stands alone.
fn wrapped(line: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > usize::from(COLUMNS) {
            text += "\n  ";
            width = 2;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable_at_every_size() {
        let check = |value: f64, text: &str| assert_eq!(figure(value), text);
        check(1_234_567.8, "1,234,568");
        check(100.0, "100");
        check(41.26, "41.3");
        check(0.434, "0.43");
        check(0.0123, "0.0123");
        check(0.0, "0.00");
    }

    #[test]
    fn long_remarks_are_wrapped_at_words() {
        let text = wrapped(&"word ".repeat(60));
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(COLUMNS)));
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
