//! The process's environment, looked at once. Everything else gets it as a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::suggest::closest;
use super::table::{CLIENT_VARIABLES, FOREIGN_NAMES, FOREIGN_PREFIXES, SETTINGS};

/// The variables of the process. Those that are not Unicode are not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's.
    pub(crate) fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(unicode).collect())
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A variable; one that is set to nothing is not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Variables that look like settings and are none, each with what may have been meant.
    pub(crate) fn unknown(&self) -> Vec<(&str, Option<String>)> {
        let mut known: Vec<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
        let secrets = SETTINGS.iter().filter(|setting| setting.secret);
        known.extend(secrets.map(|setting| format!("{}_FILE", setting.variable())));
        known.extend(CLIENT_VARIABLES.iter().map(|variable| variable.name.to_owned()));
        let foreign = |name: &str| {
            FOREIGN_NAMES.contains(&name) || FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        };
        self.0
            .keys()
            .filter(|name| name.starts_with("KOI_") && !foreign(name) && !known.contains(name))
            .map(|name| {
                // Compared without what all have in common.
                let bare = known.iter().map(|known| &known["KOI_".len()..]);
                (name.as_str(), closest(&name["KOI_".len()..], bare).map(|bare| format!("KOI_{bare}")))
            })
            .collect()
    }

    /// Where the platform keeps the data of programs: never beside the binary.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        let absolute = |name: &str| self.get(name).map(Path::new).filter(|path| path.is_absolute());
        if cfg!(target_os = "macos") {
            return absolute("HOME").map(|home| home.join("Library/Application Support/koi"));
        }
        let data = absolute("XDG_DATA_HOME").map(Path::to_owned);
        data.or_else(|| absolute("HOME").map(|home| home.join(".local/share"))).map(|data| data.join("koi"))
    }

    /// Whether the user wants output without colours and moving parts (no-color.org).
    pub(crate) fn wants_plain(&self) -> bool {
        self.get("NO_COLOR").is_some() || self.get("TERM") == Some("dumb")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_look_like_settings_are_known_or_wrong() {
        let environment = Environment::of(&[
            ("KOI_DATA", "/d"),
            ("KOI_KEY_FILE", "/k"),
            ("KOI_DATABASE_FILE", "/u"),
            ("KOI_TEST_SEED", "1"),
            ("KOI_ACCEPT_POSTGRES", "1"),
            ("KOI_SERVICE_HOST", "10.0.0.1"),
            ("KOI_PORT", "tcp://10.0.0.1:80"),
            ("KOI_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("KOIPOND", "x"),
            ("PATH", "/bin"),
            ("KOI_LISEN", "x"),
            ("KOI_COLOUR", "red"),
        ]);
        assert_eq!(environment.unknown(), [("KOI_COLOUR", None), ("KOI_LISEN", Some("KOI_LISTEN".into()))]);
    }

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn data_lives_where_the_platform_keeps_it() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            assert_eq!(Environment::of(variables).data_folder(), expected.map(PathBuf::from), "{variables:?}");
        };
        check(&[("HOME", "/home/k")], Some("/home/k/.local/share/koi"));
        check(&[("HOME", "/home/k"), ("XDG_DATA_HOME", "/srv")], Some("/srv/koi"));
        check(&[("HOME", "/home/k"), ("XDG_DATA_HOME", "relative")], Some("/home/k/.local/share/koi"));
        check(&[("HOME", "")], None);
        check(&[], None);
    }
}
