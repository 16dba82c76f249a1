//! The log: lines on standard error.

use std::io::IsTerminal;

use anyhow::anyhow;

use crate::settings::environment::Environment;
use crate::settings::load::Settings;
use crate::settings::parse::LogFormat;

/// Starts the log. Answers whether its lines are text.
pub(super) fn start(settings: &Settings, environment: &Environment) -> anyhow::Result<bool> {
    let wrong = |why: String| anyhow!(why);
    let filter = settings.log().map_err(wrong)?;
    let terminal = std::io::stderr().is_terminal();
    let text = match settings.log_format().map_err(wrong)? {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if text {
        lines.with_ansi(terminal && !environment.wants_plain()).with_target(false).init();
    } else {
        lines.json().flatten_event(true).init();
    }
    Ok(text)
}
