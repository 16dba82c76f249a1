//! Reads each setting's text into its type. The words of an error follow the setting's name: "listen must be …".

use koi_core::id::MAX_CELLS;
use koi_core::limits::QUOTE_VALID_S;
use koi_core::money::Currency;
use koi_core::time::{Time, Zone};
use koi_fair::beacon::relay::RELAYS_MAX;
use koi_fair::log::KeyName;
use koi_store::postgres::{AddressError, Database};
use tracing_subscriber::EnvFilter;

use crate::public_log::place::Address;
use crate::public_log::witnesses::{self, Witness};

/// The longest time between two checkpoints of a log that grows, in seconds.
const PUBLIC_LOG_SECONDS: u32 = 3600;

/// Connections that one server may write on: more of them wait for each other, and for the database's processors.
const MOST_WRITERS: usize = 64;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    Text,
    Json,
}

/// Where the randomness of campaigns comes from that are approved from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beacon {
    /// drand's public chain.
    Quicknet,
    /// The chain whose key everybody knows.
    Local,
}

/// Anything that is not empty.
pub(crate) fn path(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("must name a folder or file".into()) } else { Ok(()) }
}

/// `HOST:PORT`; the port may be 0, then the system chooses.
pub(crate) fn listen(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match parts.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) => Ok(text.to_owned()),
        _ => Err("must be an address and a port, such as 127.0.0.1:8080 or 0.0.0.0:80".into()),
    }
}

/// An address of the web, without a slash at its end.
pub(crate) fn public_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains([' ', '?', '#']) => Ok(url.to_owned()),
        _ => Err("must be an address such as https://koi.example.com".into()),
    }
}

pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

pub(crate) fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| {
        "must be a time of RFC 3339 with an offset between 2000 and 2200, such as 2018-07-15T00:00:00+08:00".into()
    })
}

pub(crate) fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| "must be a currency: three upper-case letters of ISO 4217".into())
}

pub(crate) fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "must be an IANA time zone, such as Asia/Shanghai".into())
}

pub(crate) fn quote_seconds(text: &str) -> Result<u32, String> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| (1..=QUOTE_VALID_S).contains(&i64::from(*seconds)));
    seconds.ok_or_else(|| format!("must be a number of seconds from 1 to {QUOTE_VALID_S}"))
}

pub(crate) fn beacon(text: &str) -> Result<Beacon, String> {
    match text {
        "quicknet" => Ok(Beacon::Quicknet),
        "local" => Ok(Beacon::Local),
        _ => Err("must be quicknet or local".into()),
    }
}

/// Addresses of relays, each once. They are named in logs and metrics, so that a name or password has no place in them.
pub(crate) fn beacon_relays(text: &str) -> Result<Vec<String>, String> {
    const WHAT: &str = "must be addresses such as https://api.drand.sh with commas between them, without a query";
    let is_relay = |url: &&str| {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
        let plain = host.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@,\"<>\\".contains(&byte));
        !host.is_empty() && !host.starts_with(['/', ':']) && plain
    };
    let relays: Vec<&str> = text.split(',').map(|url| url.trim().trim_end_matches('/')).collect();
    if !relays.iter().all(is_relay) {
        return Err(WHAT.into());
    }
    if relays.len() > RELAYS_MAX {
        return Err(format!("must be at most {RELAYS_MAX} addresses"));
    }
    if let Some(twice) = relays.iter().enumerate().find_map(|(n, url)| relays[..n].contains(url).then_some(url)) {
        return Err(format!("names {twice} twice"));
    }
    Ok(relays.into_iter().map(str::to_owned).collect())
}

/// Where the files of the public log are.
pub(crate) fn public_log(text: &str) -> Result<Address, String> {
    text.parse()
}

/// The name of a log: what a key may be called.
pub(crate) fn origin(text: &str) -> Result<String, String> {
    let name = text.parse::<KeyName>();
    name.map(|_| text.to_owned())
        .map_err(|_| "must be a name without spaces and plus signs, such as koi.example.com/log".into())
}

pub(crate) fn public_log_seconds(text: &str) -> Result<u32, String> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| (1..=PUBLIC_LOG_SECONDS).contains(seconds));
    seconds.ok_or_else(|| format!("must be a number of seconds from 1 to {PUBLIC_LOG_SECONDS}"))
}

pub(crate) fn log(text: &str) -> Result<EnvFilter, String> {
    const WHAT: &str = "must be off, error, warn, info, debug or trace, or such a list as warn,koi=debug";
    // One word that is no level would be taken for a part of the program, and everything else be silent.
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].contains(&word);
    if !text.contains(['=', ',']) && !is_level(text) {
        return Err(WHAT.into());
    }
    EnvFilter::builder().parse(text).map_err(|_| WHAT.into())
}

pub(crate) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be auto, text or json".into()),
    }
}

/// The address of a PostgreSQL database. What is said of a wrong one repeats no part of it.
pub(crate) fn database(text: &str) -> Result<Database, String> {
    text.parse().map_err(|error: AddressError| error.to_string())
}

pub(crate) fn cells(text: &str) -> Result<u16, String> {
    let cells = text.parse().ok().filter(|cells| (1..=MAX_CELLS).contains(cells));
    cells.ok_or_else(|| format!("must be a number from 1 to {MAX_CELLS}"))
}

pub(crate) fn writers(text: &str) -> Result<usize, String> {
    let writers = text.parse().ok().filter(|writers| (1..=MOST_WRITERS).contains(writers));
    writers.ok_or_else(|| format!("must be a number from 1 to {MOST_WRITERS}"))
}

/// Witnesses of the public log, `VKEY@URL` each, with spaces between them.
pub(crate) fn witnesses(text: &str) -> Result<Vec<Witness>, String> {
    let read = witnesses::parse(text)
        .map_err(|why| format!("must be VKEY@URL, several with spaces between them: {why}"))?;
    if read.is_empty() {
        Err("must be VKEY@URL, several with spaces between them: it names nobody".into())
    } else {
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        for (text, ok) in [
            ("127.0.0.1:8080", true),
            ("0.0.0.0:0", true),
            ("[::1]:8080", true),
            ("localhost:80", true),
            ("8080", false),
            (":8080", false),
            ("127.0.0.1", false),
            ("127.0.0.1:70000", false),
            ("", false),
        ] {
            assert_eq!(listen(text).is_ok(), ok, "{text:?}");
        }
    }

    #[test]
    fn public_urls_lose_their_last_slash() {
        assert_eq!(public_url("https://koi.example.com/").as_deref(), Ok("https://koi.example.com"));
        for wrong in ["koi.example.com", "ftp://koi.example.com", "https://", "https://a b", ""] {
            assert!(public_url(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn relays_are_addresses_each_once() {
        let one = |text: &str| beacon_relays(text).map(|relays| relays.join(" "));
        assert_eq!(one("https://a.example"), Ok("https://a.example".into()));
        let two = "https://a.example/, http://127.0.0.1:8080/drand/";
        assert_eq!(one(two), Ok("https://a.example http://127.0.0.1:8080/drand".into()));
        let wrong = [
            "",
            ",",
            "https://a.example,",
            "https://",
            "https://:80",
            "https:///a",
            "a.example",
            "ftp://a.example",
            "https://a b",
            "https://me:secret@a.example",
            "https://a.example?x=y",
            "https://a.example,https://a.example/",
        ];
        for wrong in wrong {
            assert!(one(wrong).is_err(), "{wrong:?}");
        }
        assert!(!one("https://me:secret@a.example").unwrap_err().contains("secret"));
        let many =
            |count: usize| (0..count).map(|n| format!("https://r{n}.example")).collect::<Vec<_>>().join(",");
        assert!(beacon_relays(&many(RELAYS_MAX)).is_ok_and(|relays| relays.len() == RELAYS_MAX));
        assert_eq!(one(&many(RELAYS_MAX + 1)), Err("must be at most 16 addresses".into()));
    }

    #[test]
    fn quotes_hold_from_a_second_to_a_day() {
        for (text, ok) in
            [("1", true), ("86400", true), ("0", false), ("86401", false), ("-1", false), ("3m", false)]
        {
            assert_eq!(quote_seconds(text).is_ok(), ok, "{text:?}");
        }
    }

    #[test]
    fn log_levels_may_differ_by_target() {
        for (text, ok) in
            [("info", true), ("warn,koi=debug", true), ("off", true), ("", false), ("koi=loud", false)]
        {
            assert_eq!(log(text).is_ok(), ok, "{text:?}");
        }
    }
}
