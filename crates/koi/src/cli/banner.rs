//! What a server says about itself when it starts.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::settings::Serve;
use crate::settings::load::{Origin, Settings};

/// The version, with the commit if the build knew it (`KOI_BUILD_COMMIT`).
pub(super) fn version() -> String {
    match option_env!("KOI_BUILD_COMMIT") {
        Some(commit) => format!("{} (commit {commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn store(serve: &Serve) -> &'static str {
    if serve.database.is_some() { "PostgreSQL" } else { "SQLite" }
}

/// The banner for people.
pub(super) fn text(serve: &Serve, settings: &Settings, address: SocketAddr) -> String {
    let mode = if serve.sandbox { "sandbox" } else { "live" };
    let mut text = format!(
        "koi {}\n  serving   http://{address}   /docs  /docs/problems  /healthz  /metrics\n  \
         data      {}   {}, {mode}\n",
        version(),
        serve.installation(),
        store(serve),
    );
    if !serve.sandbox {
        text += "  keys      koi key create --principal NAME --role ROLE\n";
    }
    text += "  settings\n";
    let values: Vec<(String, String, String)> = settings
        .values()
        .iter()
        .map(|value| (value.setting.name.to_owned(), value.shown(), value.origin.to_string()))
        .collect();
    let wide = values.iter().map(|(_, shown, _)| shown.chars().count()).max().unwrap_or(0).min(44);
    for (name, shown, origin) in values {
        // Writing to a string does not fail.
        let _ = writeln!(text, "    {name:<20} {shown:<wide$}  {origin}");
    }
    text
}

/// The same as one line of a log that machines read.
pub(super) fn log(serve: &Serve, settings: &Settings, address: SocketAddr) {
    let given: Vec<String> = settings
        .values()
        .iter()
        .filter(|value| value.origin != Origin::Default)
        .map(|value| format!("{}={} ({})", value.setting.name, value.shown(), value.origin))
        .collect();
    tracing::info!(
        version = version(),
        url = format!("http://{address}"),
        data = %serve.installation(),
        store = store(serve),
        sandbox = serve.sandbox,
        settings = given.join(", "),
        "serving"
    );
}
