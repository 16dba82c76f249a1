//! What goes where: data to standard output, talk and progress to standard error, neither dressed up for a
//! machine.

use std::io::{ErrorKind, IsTerminal, Write};

use anyhow::Context;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Row, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::settings::environment::Environment;

/// The widest that tables grow on their own, in columns.
pub(super) const WIDTH: u16 = 100;

/// Writes data. A reader that has seen enough (`koi … | head`) is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing to standard output"),
        _ => Ok(()),
    }
}

/// Writes data as JSON.
pub(super) fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// A table in the one style of all commands. `right` are the columns of numbers.
pub(super) fn table<R: Into<Row>>(header: R, right: &[usize]) -> Table {
    let rule = LineStyle::none().fill('─').junction('─');
    let style = UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()).header_separator(rule);
    let style = style.top_border(LineStyle::none()).bottom_border(LineStyle::none());
    let mut table = Table::new();
    table.load_style(style);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH).set_header(header);
    for place in right {
        if let Some(column) = table.column_mut(*place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes a table, without the spaces at the ends of its lines.
pub(super) fn written(table: &Table) -> String {
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Whether standard error is for people who like moving parts.
pub(super) fn moves(environment: &Environment) -> bool {
    std::io::stderr().is_terminal() && !environment.wants_plain()
}

/// A progress bar on standard error; none where nobody watches.
pub(super) fn bar(environment: &Environment, what: &str, length: u64) -> ProgressBar {
    let template = format!("{what} {{bar:40}} {{human_pos}} of {{human_len}}, {{eta}} left");
    shown(environment, &template, ProgressBar::new(length))
}

/// The same for work whose length nobody knows.
pub(super) fn spinner(environment: &Environment) -> ProgressBar {
    let spinner = shown(environment, "{spinner} {msg} {human_pos} ({elapsed})", ProgressBar::no_length());
    spinner.enable_steady_tick(std::time::Duration::from_millis(100));
    spinner
}

fn shown(environment: &Environment, template: &str, bar: ProgressBar) -> ProgressBar {
    if !moves(environment) {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Marks for people, where there are colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output.
    pub(super) fn of_output(environment: &Environment) -> Self {
        Self(std::io::stdout().is_terminal() && !environment.wants_plain())
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
