//! What a run tells while it is under way. Talk goes to standard error; the report is the data.

use std::io::IsTerminal;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

/// One thing worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Something begins that takes a while.
    Step(&'a str),
    /// So many coupons of so many are stored.
    Stored {
        /// Stored so far.
        done: u64,
        /// Wanted in the end.
        total: u64,
    },
}

/// A reporter for people: lines on standard error, and a bar there while coupons are stored. Where
/// standard error is no terminal, the bar stays away and the lines remain.
pub fn on_standard_error() -> impl Fn(Progress<'_>) {
    let bar: Mutex<Option<ProgressBar>> = Mutex::new(None);
    move |progress| {
        let mut bar = bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match progress {
            Progress::Step(step) => {
                if let Some(shown) = bar.take() {
                    shown.finish_and_clear();
                }
                eprintln!("{step}");
            }
            Progress::Stored { done, total } => {
                if std::io::stderr().is_terminal() {
                    bar.get_or_insert_with(|| coupons_bar(total)).set_position(done);
                }
                if done >= total
                    && let Some(shown) = bar.take()
                {
                    shown.finish_and_clear();
                }
            }
        }
    }
}

fn coupons_bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} coupons, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}
