//! Puts command line, environment, file and defaults together, and remembers where each value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use koi_store::Installation;
use koi_store::postgres::Database;
use koi_store::sqlite::Folder;

use super::environment::Environment;
use super::parse::{self, Beacon, LogFormat};
use super::table::{Fallback, SETTINGS, Setting, setting};
use super::{Serve, file};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    CommandLine(String),
    Environment(String),
    /// A file that a `…_FILE` variable named.
    SecretFile(String),
    /// A line of the settings file.
    File(PathBuf, usize),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::CommandLine(flag) => write!(f, "command line, {flag}"),
            Origin::Environment(variable) => write!(f, "environment, {variable}"),
            Origin::SecretFile(variable) => write!(f, "file named by {variable}"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A setting with its value. No value: nobody said anything, and there is no default.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) setting: &'static Setting,
    pub(crate) text: Option<String>,
    pub(crate) origin: Origin,
}

impl Value {
    /// The value for people: secrets masked, nothing explained.
    pub(crate) fn shown(&self) -> String {
        match (&self.text, self.setting.default) {
            (Some(_), _) if self.setting.secret => "********".to_owned(),
            (Some(text), _) => text.clone(),
            (None, Fallback::Nothing(why)) => format!("({why})"),
            (None, _) => "(none)".to_owned(),
        }
    }
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where: a line of a file, a variable, a flag.
    pub(crate) place: String,
    /// What.
    pub(crate) why: String,
    /// What may have been meant.
    pub(crate) meant: Option<String>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// All settings with their values.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: Vec<Value>,
}

/// Loads the settings. `flags` are the names and texts given on the command line.
pub(crate) fn load(flags: &[(&'static str, String)], environment: &Environment) -> Result<Settings, Vec<Wrong>> {
    let mut wrong: Vec<Wrong> = environment
        .unknown()
        .into_iter()
        .map(|(name, meant)| Wrong { place: name.to_owned(), why: "there is no such variable".into(), meant })
        .collect();
    let config = SETTINGS[0].name;
    let config = said(flags, environment, config, &mut wrong);
    let lines = match config {
        Some((path, _)) => read_file(PathBuf::from(path), &mut wrong),
        None => Vec::new(),
    };
    let mut values = Vec::new();
    for setting in SETTINGS {
        let of_file = || {
            let (path, line) = lines.iter().find(|(_, line)| line.name == setting.name)?;
            Some((line.text.clone(), Origin::File(path.clone(), line.line)))
        };
        let found = said(flags, environment, setting.name, &mut wrong).or_else(of_file);
        if let Some((text, origin)) = &found
            && let Err(why) = (setting.check)(text)
        {
            let place = match origin {
                Origin::File(path, line) => format!("{}:{line}", path.display()),
                Origin::CommandLine(_) => setting.flag(),
                _ => setting.variable(),
            };
            let why = if matches!(origin, Origin::File(..)) { format!("{} {why}", setting.name) } else { why };
            wrong.push(Wrong { place, why, meant: None });
        }
        let (text, origin) = match found {
            Some((text, origin)) => (Some(text), origin),
            None => (fallback(setting, environment), Origin::Default),
        };
        values.push(Value { setting, text, origin });
    }
    let settings = Settings { values };
    wrong.extend(settings.together());
    if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
}

/// What the command line or else the environment says.
fn said(
    flags: &[(&'static str, String)],
    environment: &Environment,
    name: &str,
    wrong: &mut Vec<Wrong>,
) -> Option<(String, Origin)> {
    let setting = setting(name)?;
    if let Some((_, text)) = flags.iter().find(|(flag, _)| *flag == name) {
        return Some((text.clone(), Origin::CommandLine(setting.flag())));
    }
    let variable = setting.variable();
    if let Some(text) = environment.get(&variable) {
        return Some((text.to_owned(), Origin::Environment(variable)));
    }
    let variable = format!("{variable}_FILE");
    let path = environment.get(&variable).filter(|_| setting.secret)?;
    match std::fs::read_to_string(path) {
        Ok(text) => Some((text.trim_end().to_owned(), Origin::SecretFile(variable))),
        Err(error) => {
            wrong.push(Wrong { place: variable, why: format!("{path} cannot be read: {error}"), meant: None });
            None
        }
    }
}

fn read_file(path: PathBuf, wrong: &mut Vec<Wrong>) -> Vec<(PathBuf, file::Line)> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let why = format!("the settings file cannot be read: {error}");
            wrong.push(Wrong { place: path.display().to_string(), why, meant: None });
            return Vec::new();
        }
    };
    match file::read(&path, &text) {
        Ok(lines) => lines.into_iter().map(|line| (path.clone(), line)).collect(),
        Err(found) => {
            wrong.extend(found);
            Vec::new()
        }
    }
}

fn fallback(setting: &Setting, environment: &Environment) -> Option<String> {
    match setting.default {
        Fallback::Text(text) => Some(text.to_owned()),
        Fallback::DataFolder => environment.data_folder().map(|path| path.to_string_lossy().into_owned()),
        Fallback::Nothing(_) => None,
    }
}

impl Settings {
    /// All values, in the table's order.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    fn text(&self, name: &str) -> Option<&str> {
        let value = self.values.iter().find(|value| value.setting.name == name)?;
        value.text.as_deref()
    }

    /// A setting that was checked when it was loaded, in its type.
    fn get<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
        let text = self.text(name).ok_or_else(|| format!("{name} is not set"))?;
        parse(text).map_err(|why| format!("{name} {why}"))
    }

    /// What is wrong with the settings taken together.
    fn together(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if self.text("clock").is_some() && self.text("sandbox") == Some("false") {
            let why = "only a sandbox has a clock of its own: add --sandbox, or leave the clock out";
            wrong.push(Wrong { place: "clock".into(), why: why.into(), meant: None });
        }
        if self.text("beacon") == Some("quicknet") && self.text("sandbox") == Some("true") {
            let why = "a sandbox has a clock of its own and quicknet keeps real time, so that a sandbox is sealed with \
                       local randomness: leave the beacon out, or the sandbox";
            wrong.push(Wrong { place: "beacon".into(), why: why.into(), meant: None });
        }
        if self.text("database").is_none() && self.text("cells").is_some_and(|cells| cells != "1") {
            let why = "a data folder has one cell: add --database, or leave the number out";
            wrong.push(Wrong { place: "cells".into(), why: why.into(), meant: None });
        }
        wrong
    }

    /// The data folder.
    pub(crate) fn data(&self) -> Result<PathBuf, String> {
        self.text("data").map(PathBuf::from).ok_or_else(|| {
            "there is no folder to keep data in: neither XDG_DATA_HOME nor HOME is set. Choose one with --data"
                .into()
        })
    }

    /// The PostgreSQL database, if one is named.
    pub(crate) fn database(&self) -> Result<Option<Database>, String> {
        self.text("database").map(parse::database).transpose()
    }

    /// How many cells a new database gets, if that is said.
    pub(crate) fn cells(&self) -> Result<Option<u16>, String> {
        self.text("cells").map(parse::cells).transpose()
    }

    /// Where the installation is: in the database if one is named, else in the data folder.
    pub(crate) fn installation(&self) -> Result<Installation, String> {
        match self.database()? {
            Some(database) => Ok(Installation::Database(Box::new(database))),
            None => Ok(Installation::Folder(Folder::new(&self.data()?))),
        }
    }

    /// The address to listen on.
    pub(crate) fn listen(&self) -> Result<String, String> {
        self.get("listen", parse::listen)
    }

    /// The wallet currency.
    pub(crate) fn wallet_currency(&self) -> Result<koi_core::money::Currency, String> {
        self.get("wallet_currency", parse::currency)
    }

    /// What is logged.
    pub(crate) fn log(&self) -> Result<tracing_subscriber::EnvFilter, String> {
        self.get("log", parse::log)
    }

    /// How log lines look.
    pub(crate) fn log_format(&self) -> Result<LogFormat, String> {
        self.get("log_format", parse::log_format)
    }

    /// What a server runs with.
    pub(crate) fn serve(&self) -> Result<Serve, String> {
        self.serve_in(&self.data()?)
    }

    /// The same in a folder that is named by other means.
    pub(crate) fn serve_in(&self, data: &Path) -> Result<Serve, String> {
        let sandbox = self.get("sandbox", parse::switch)?;
        Ok(Serve {
            data: data.to_owned(),
            database: self.database()?,
            cells: self.cells()?,
            writers: self.get("writers", parse::writers)?,
            listen: self.listen()?,
            public_url: self.text("public_url").map(parse::public_url).transpose()?,
            sandbox,
            clock: self.text("clock").map(parse::time).transpose()?,
            wallet_currency: self.wallet_currency()?,
            settlement_zone: self.get("settlement_zone", parse::zone)?,
            quote_valid_s: self.get("quote_valid_seconds", parse::quote_seconds)?,
            beacon: self.beacon(sandbox)?,
            beacon_relays: self.get("beacon_relays", parse::beacon_relays)?,
            public_log: self.text("public_log").map(parse::public_log).transpose()?,
            public_log_origin: self.text("public_log_origin").map(parse::origin).transpose()?,
            public_log_s: self.get("public_log_seconds", parse::public_log_seconds)?,
            witnesses: self.text("witnesses").map(parse::witnesses).transpose()?.unwrap_or_default(),
        })
    }

    /// A live server draws in public unless it is told not to; a sandbox has nobody to draw for.
    fn beacon(&self, sandbox: bool) -> Result<Beacon, String> {
        let said = self.text("beacon").map(parse::beacon).transpose()?;
        Ok(said.unwrap_or(if sandbox { Beacon::Local } else { Beacon::Quicknet }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(flags: &[(&'static str, &str)], variables: &[(&str, &str)]) -> Result<Settings, Vec<Wrong>> {
        let flags: Vec<_> = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        load(&flags, &Environment::of(variables))
    }

    fn origin(settings: &Settings, name: &str) -> (String, String) {
        let value = settings.values().iter().find(|value| value.setting.name == name).unwrap();
        (value.shown(), value.origin.to_string())
    }

    #[test]
    fn the_command_line_wins_over_the_environment_over_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("koi.toml");
        std::fs::write(&path, "# ours\nlisten = \"1.1.1.1:3\"\nlog = \"warn\"\nquote_valid_seconds = 60\n")
            .unwrap();
        let path = path.to_str().unwrap();
        let settings = loaded(
            &[("config", path), ("listen", "1.1.1.1:1")],
            &[("HOME", "/home/k"), ("KOI_LISTEN", "1.1.1.1:2"), ("KOI_LOG", "error")],
        )
        .unwrap();
        let check = |name: &str, text: &str, from: &str| {
            assert_eq!(origin(&settings, name), (text.to_owned(), from.to_owned()), "{name}");
        };
        check("listen", "1.1.1.1:1", "command line, --listen");
        check("log", "error", "environment, KOI_LOG");
        check("quote_valid_seconds", "60", &format!("{path}:4"));
        check("wallet_currency", "CNY", "default");
        check("public_url", "(the listening address)", "default");
        assert_eq!(settings.serve().unwrap().quote_valid_s, 60);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = loaded(
            &[("listen", "nowhere"), ("clock", "2018-07-14T15:00:00Z")],
            &[("HOME", "/home/k"), ("KOI_SANBOX", "true"), ("KOI_QUOTE_VALID_SECONDS", "0")],
        )
        .unwrap_err();
        let said: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "KOI_SANBOX: there is no such variable; did you mean `KOI_SANDBOX`?",
                "--listen: must be an address and a port, such as 127.0.0.1:8080 or 0.0.0.0:80",
                "KOI_QUOTE_VALID_SECONDS: must be a number of seconds from 1 to 86400",
                "clock: only a sandbox has a clock of its own: add --sandbox, or leave the clock out",
            ]
        );
    }

    #[test]
    fn a_live_server_draws_in_public_and_a_sandbox_does_not() {
        let beacon = |flags: &[(&'static str, &str)]| {
            let settings = loaded(flags, &[("HOME", "/home/k")]).map_err(|wrong| wrong[0].to_string())?;
            settings.serve().map(|serve| serve.beacon)
        };
        assert_eq!(beacon(&[]), Ok(Beacon::Quicknet));
        assert_eq!(beacon(&[("beacon", "local")]), Ok(Beacon::Local), "for trials without a network");
        assert_eq!(beacon(&[("sandbox", "true")]), Ok(Beacon::Local));
        assert_eq!(beacon(&[("sandbox", "true"), ("beacon", "local")]), Ok(Beacon::Local));
        let refused = beacon(&[("sandbox", "true"), ("beacon", "quicknet")]).unwrap_err();
        assert!(refused.starts_with("beacon: a sandbox has a clock of its own"), "{refused}");
        assert_eq!(beacon(&[("beacon", "fastnet")]), Err("--beacon: must be quicknet or local".into()));
        let relays = loaded(&[("beacon_relays", "https://a.example,http://127.0.0.1:1")], &[("HOME", "/h")]);
        assert_eq!(relays.unwrap().serve().unwrap().beacon_relays, ["https://a.example", "http://127.0.0.1:1"]);
    }

    #[test]
    fn the_password_of_a_database_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        for (url, right) in [("postgres://koi:hunter2@db/koi", true), ("postgres://koi:hunter2@db:x/koi", false)] {
            std::fs::write(&path, format!("{url}\n")).unwrap();
            for variables in [
                [("HOME", "/h"), ("KOI_DATABASE", url)],
                [("HOME", "/h"), ("KOI_DATABASE_FILE", path.to_str().unwrap())],
            ] {
                let said = match loaded(&[], &variables) {
                    Ok(settings) => {
                        let serve = settings.serve().unwrap();
                        assert_eq!(serve.installation().to_string(), "db:5432/koi");
                        format!("{serve:?} {:?}", origin(&settings, "database"))
                    }
                    Err(wrong) => wrong[0].to_string(),
                };
                assert_eq!(right, said.contains("********"), "{said}");
                assert!(right || said.starts_with("KOI_DATABASE"), "{said}");
                assert!(!said.contains("hunter2"), "{said}");
            }
        }
    }

    #[test]
    fn without_a_home_a_folder_must_be_named() {
        let settings = loaded(&[], &[]).unwrap();
        assert!(settings.serve().unwrap_err().contains("--data"));
        assert!(loaded(&[("data", "/d")], &[]).unwrap().serve().is_ok());
    }
}
