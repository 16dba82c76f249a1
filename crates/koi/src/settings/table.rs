//! The table of settings: what there is, what it means, and what holds when nobody says anything.

use super::parse;

/// One setting. Its flag, its variable and its key in the file follow from its name.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key in the file.
    pub(crate) name: &'static str,
    /// What stands for its value in help; empty for a switch.
    pub(crate) value: &'static str,
    /// What holds when nobody says anything.
    pub(crate) default: Fallback,
    /// Whether it is shown masked, and may also be read from a file that a `…_FILE` variable names.
    pub(crate) secret: bool,
    /// Whether the settings file may hold it.
    pub(crate) in_file: bool,
    /// What it means, in a sentence or two.
    pub(crate) what: &'static str,
    /// A value that could be meant.
    pub(crate) example: &'static str,
    /// What is wrong with a text, if anything.
    pub(crate) check: fn(&str) -> Result<(), String>,
}

/// What holds when nobody says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// This text.
    Text(&'static str),
    /// The folder that the platform has for such data.
    DataFolder,
    /// Nothing; the words say what happens then.
    Nothing(&'static str),
}

impl Setting {
    /// `--quote-valid-seconds`.
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    /// `KOI_QUOTE_VALID_SECONDS`.
    pub(crate) fn variable(&self) -> String {
        format!("KOI_{}", self.name.to_uppercase())
    }

    /// Whether it is either true or false.
    pub(crate) fn is_switch(&self) -> bool {
        self.value.is_empty()
    }
}

/// The setting of a name.
pub(crate) fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// All settings, in the order of the documentation.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: "config",
        value: "FILE",
        default: Fallback::Nothing("no file is read"),
        secret: false,
        in_file: false,
        what: "The TOML file that holds settings. A key that is no setting is an error.",
        example: "/etc/koi/koi.toml",
        check: parse::path,
    },
    Setting {
        name: "data",
        value: "DIR",
        default: Fallback::DataFolder,
        secret: false,
        in_file: true,
        what: "The data folder. It is made when it is not there; one server at a time uses it.",
        example: "/var/lib/koi",
        check: parse::path,
    },
    Setting {
        name: "database",
        value: "URL",
        default: Fallback::Nothing("SQLite, in the data folder"),
        secret: true,
        in_file: true,
        what: "The PostgreSQL database that holds everything; any number of servers work on one. Without it \
               everything is in the data folder.",
        example: "postgres://koi@db.example.com/koi",
        check: |text| parse::database(text).map(drop),
    },
    Setting {
        name: "cells",
        value: "NUMBER",
        default: Fallback::Nothing("64 in a new database"),
        secret: false,
        in_file: true,
        what: "In how many cells a new database keeps what belongs to shoppers, from 1 to 1024. It stays so: work in \
               different cells does not wait for each other. A data folder has one.",
        example: "64",
        check: |text| parse::cells(text).map(drop),
    },
    Setting {
        name: "writers",
        value: "NUMBER",
        default: Fallback::Text("2"),
        secret: false,
        in_file: true,
        what: "How many connections to a PostgreSQL database the server writes on at the same time, from 1 to 64. A \
               data folder has one.",
        example: "8",
        check: |text| parse::writers(text).map(drop),
    },
    Setting {
        name: "listen",
        value: "ADDRESS",
        default: Fallback::Text("127.0.0.1:8080"),
        secret: false,
        in_file: true,
        what: "The address and port to listen on. Port 0 lets the system choose one.",
        example: "0.0.0.0:8080",
        check: |text| parse::listen(text).map(drop),
    },
    Setting {
        name: "public_url",
        value: "URL",
        default: Fallback::Nothing("the listening address"),
        secret: false,
        in_file: true,
        what: "The address under which shoppers reach the server: what the printed codes lead to.",
        example: "https://koi.example.com",
        check: |text| parse::public_url(text).map(drop),
    },
    Setting {
        name: "sandbox",
        value: "",
        default: Fallback::Text("false"),
        secret: false,
        in_file: true,
        what: "Serves a sandbox: fixed keys such as sandbox_operator, and a clock of its own. A data folder stays \
               what it was first served as.",
        example: "true",
        check: |text| parse::switch(text).map(drop),
    },
    Setting {
        name: "clock",
        value: "TIME",
        default: Fallback::Nothing("where it was left, or real time"),
        secret: false,
        in_file: true,
        what: "Where the sandbox's clock stands. It then moves only when told.",
        example: "2018-07-14T15:00:00Z",
        check: |text| parse::time(text).map(drop),
    },
    Setting {
        name: "wallet_currency",
        value: "CODE",
        default: Fallback::Text("CNY"),
        secret: false,
        in_file: true,
        what: "The currency of coupons and of what shoppers pay: three letters of ISO 4217.",
        example: "CNY",
        check: |text| parse::currency(text).map(drop),
    },
    Setting {
        name: "settlement_zone",
        value: "ZONE",
        default: Fallback::Text("Asia/Shanghai"),
        secret: false,
        in_file: true,
        what: "The IANA time zone of the trading day; it says until when a payment can be cancelled.",
        example: "Asia/Shanghai",
        check: |text| parse::zone(text).map(drop),
    },
    Setting {
        name: "quote_valid_seconds",
        value: "SECONDS",
        default: Fallback::Text("180"),
        secret: false,
        in_file: true,
        what: "How long a quote without a coupon holds, from 1 to 86400 seconds. With a coupon its campaign says.",
        example: "180",
        check: |text| parse::quote_seconds(text).map(drop),
    },
    Setting {
        name: "beacon",
        value: "CHAIN",
        default: Fallback::Nothing("quicknet; in a sandbox local"),
        secret: false,
        in_file: true,
        what: "Where the randomness of campaigns comes from that are approved from now on: quicknet, the public one of \
               drand, or local, a chain whose key everybody knows: no public draw, and marked as that everywhere. A \
               campaign keeps the chain that it was approved with.",
        example: "local",
        check: |text| parse::beacon(text).map(drop),
    },
    Setting {
        name: "beacon_relays",
        value: "URLS",
        default: Fallback::Text(
            "https://api.drand.sh, https://api2.drand.sh, https://api3.drand.sh, https://drand.cloudflare.com",
        ),
        secret: false,
        in_file: true,
        what: "The relays that are asked for rounds of quicknet, from 1 to 16 addresses with commas between them. A relay \
               can only delay a round: each is verified.",
        example: "https://api.drand.sh, https://drand.cloudflare.com",
        check: |text| parse::beacon_relays(text).map(drop),
    },
    Setting {
        name: "public_log",
        value: "PLACE",
        default: Fallback::Nothing("the folder `log` in the data folder"),
        secret: false,
        in_file: true,
        what: "Where the files of the public log are: a folder, or a bucket that speaks S3, s3://BUCKET/PREFIX, whose keys, \
               region and endpoint come from the AWS_* variables that other tools read, too. Servers on one database should \
               have one place; without it each keeps a copy in its own data folder.",
        example: "s3://koi-log/main",
        check: |text| parse::public_log(text).map(drop),
    },
    Setting {
        name: "public_log_origin",
        value: "NAME",
        default: Fallback::Nothing("from public_url, or else a random one"),
        secret: false,
        in_file: true,
        what: "The name under which the public log is known to those who check it, by custom its address without https://. \
               An installation keeps the first one.",
        example: "koi.example.com/log",
        check: |text| parse::origin(text).map(drop),
    },
    Setting {
        name: "public_log_seconds",
        value: "SECONDS",
        default: Fallback::Text("2"),
        secret: false,
        in_file: true,
        what: "How long the public log waits before it publishes what is new, from 1 to 3600 seconds.",
        example: "2",
        check: |text| parse::public_log_seconds(text).map(drop),
    },
    Setting {
        name: "witnesses",
        value: "LIST",
        default: Fallback::Nothing("nobody cosigns"),
        secret: false,
        in_file: true,
        what: "Who is asked to cosign the public log: for each witness VKEY@URL, its key and its address, with spaces \
               between them; at most 16. See docs/witness.md.",
        example: "witness.press.example+e95a829c+BO+ESNLo1Y1yZ1VWWziBBDozffRThSm/alcU4ybKwV1E@https://witness.press.example",
        check: |text| parse::witnesses(text).map(drop),
    },
    Setting {
        name: "log",
        value: "LEVEL",
        default: Fallback::Text("info"),
        secret: false,
        in_file: true,
        what: "What is logged to standard error: off, error, warn, info, debug or trace; by part of the program \
               with a list such as warn,koi=debug.",
        example: "warn",
        check: |text| parse::log(text).map(drop),
    },
    Setting {
        name: "log_format",
        value: "FORMAT",
        default: Fallback::Text("auto"),
        secret: false,
        in_file: true,
        what: "How log lines look: text, json, or auto, which is text on a terminal and JSON otherwise.",
        example: "json",
        check: |text| parse::log_format(text).map(drop),
    },
];

/// A variable that commands read and that is no setting of the server.
#[derive(Debug)]
pub(crate) struct ClientVariable {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
}

/// Variables of the commands that talk to a server.
pub(crate) const CLIENT_VARIABLES: &[ClientVariable] = &[
    ClientVariable {
        name: "KOI_SERVER",
        what: "The server that `koi campaign apply`, `show` and `beacon` talk to.",
    },
    ClientVariable { name: "KOI_KEY", what: "The key that they send." },
    ClientVariable { name: "KOI_KEY_FILE", what: "A file that holds the key, instead of `KOI_KEY`." },
];

/// What else may begin with `KOI_` without being a mistake: tests, builds, and what Kubernetes sets in every
/// pod beside a service named `koi`.
pub(crate) const FOREIGN_PREFIXES: &[&str] =
    &["KOI_TEST_", "KOI_ACCEPT_", "KOI_BENCH_", "KOI_BUILD_", "KOI_SERVICE_", "KOI_PORT_"];
/// The same, as whole names.
pub(crate) const FOREIGN_NAMES: &[&str] = &["KOI_PORT"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_examples_are_allowed() {
        for setting in SETTINGS {
            if let Fallback::Text(text) = setting.default {
                assert_eq!((setting.check)(text), Ok(()), "{}", setting.name);
            }
            assert_eq!((setting.check)(setting.example), Ok(()), "{}", setting.name);
            assert!(setting.what.ends_with('.'), "{}", setting.name);
        }
    }

    #[test]
    fn flag_and_variable_follow_from_the_name() {
        let setting = setting("quote_valid_seconds").unwrap();
        assert_eq!(setting.flag(), "--quote-valid-seconds");
        assert_eq!(setting.variable(), "KOI_QUOTE_VALID_SECONDS");
    }
}
