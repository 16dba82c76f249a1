//! Which logs a witness follows: `VKEY` or `VKEY=ORIGIN` on the command line, or a TOML file.

use std::collections::BTreeMap;

use koi_fair::log::{KnownLog, VerifierKey};
use serde::Deserialize;

use super::LOGS;
use crate::vkey;

/// Keys of one log: the old and the new one, while it changes them.
const KEYS: usize = 8;

/// A log as the command line names it. Without an origin it is called as its key is.
pub(crate) fn log(text: &str) -> Result<KnownLog, String> {
    const WHAT: &str =
        "must be the log's key, NAME+HASH+BASE64, and =ORIGIN if the log is not called as its key is";
    let (key, rest) = vkey::split(text).ok_or(WHAT)?;
    let key: VerifierKey = key.parse().map_err(|why| format!("{WHAT}: {why}"))?;
    let origin = match (rest, rest.strip_prefix('=')) {
        ("", _) => key.name().as_str(),
        (_, Some(origin)) => origin,
        (_, None) => return Err(WHAT.to_owned()),
    };
    named(origin, vec![key.clone()])
}

fn named(origin: &str, keys: Vec<VerifierKey>) -> Result<KnownLog, String> {
    if origin.is_empty() || origin.contains(|letter: char| letter < ' ') {
        return Err(format!("the origin {origin:?} must be one line that is not empty"));
    }
    Ok(KnownLog { origin: origin.to_owned(), keys })
}

/// The file of logs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    log: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    origin: Option<String>,
    keys: Vec<String>,
}

/// The logs of a TOML file: for each a table `[[log]]` with `keys`, and an `origin` if it is not the first key's name.
pub(crate) fn file(text: &str) -> Result<Vec<KnownLog>, String> {
    let file: File = toml::from_str(text).map_err(|why| why.to_string())?;
    let read = |entry: Entry| {
        let key = |text: &String| text.parse::<VerifierKey>().map_err(|why| format!("the key {text:?}: {why}"));
        let keys = entry.keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let first = keys.first().ok_or("a log without keys: write keys = [\"NAME+HASH+BASE64\"]")?;
        let origin = entry.origin.unwrap_or_else(|| first.name().as_str().to_owned());
        named(&origin, keys)
    };
    file.log.into_iter().map(read).collect()
}

/// All logs, each once: what is named several times has all the keys.
pub(crate) fn together(logs: impl IntoIterator<Item = KnownLog>) -> Result<Vec<KnownLog>, String> {
    let mut by_origin: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
    for log in logs {
        let keys = by_origin.entry(log.origin).or_default();
        for key in log.keys {
            // The same once more says nothing new.
            if keys.contains(&key) {
                continue;
            }
            if keys.iter().any(|other| (other.name(), other.id()) == (key.name(), key.id())) {
                return Err(format!("two keys of {} have the same name and hash: leave one out", key.name()));
            }
            keys.push(key);
        }
    }
    if by_origin.is_empty() {
        return Err("there is no log to watch: name one with --log VKEY, or several in a file with --logs".into());
    }
    if by_origin.len() > LOGS {
        return Err(format!("a witness follows {LOGS} logs at most: run another one for more"));
    }
    if let Some((origin, _)) = by_origin.iter().find(|(_, keys)| keys.len() > KEYS) {
        return Err(format!("the log {origin} has more than {KEYS} keys"));
    }
    Ok(by_origin.into_iter().map(|(origin, keys)| KnownLog { origin, keys }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const OTHER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_log_is_called_as_its_key_or_as_is_said() {
        let origin = |text: &str| log(text).map(|log| log.origin);
        assert_eq!(origin(KEY).as_deref(), Ok("example.com/foo"));
        assert_eq!(origin(&format!("{KEY}=koi.example/a+b=c")).as_deref(), Ok("koi.example/a+b=c"));
        for wrong in
            ["", "example.com/foo", &KEY[1..], &format!("{KEY}="), &format!("{KEY}koi"), &format!("{KEY}=a\nb")]
        {
            assert!(log(wrong).is_err(), "{wrong:?}");
        }
        // A witness's key, of type 0x04, signs no logs.
        let witness = koi_fair::log::CosignerKey::from_seed("w", [1; 32]).unwrap().witness().to_string();
        assert!(log(&witness).unwrap_err().contains("0x04"));
    }

    #[test]
    fn a_file_names_logs_with_their_keys() {
        let text =
            format!("[[log]]\nkeys = [\"{KEY}\"]\n\n[[log]]\norigin = \"b\"\nkeys = [\"{KEY}\", \"{OTHER}\"]\n");
        let logs = file(&text).unwrap();
        assert_eq!(
            logs.iter().map(|log| (log.origin.as_str(), log.keys.len())).collect::<Vec<_>>(),
            [("example.com/foo", 1), ("b", 2)]
        );
        for wrong in
            ["", "log = 1", "[[log]]\nkeys = []", "[[log]]\nkeys = [\"x\"]", "[[log]]\nkey = \"x\"\nkeys = []"]
        {
            assert!(file(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_named_twice_is_one_log() {
        let logs =
            together([log(KEY).unwrap(), log(&format!("{OTHER}=example.com/foo")).unwrap(), log(KEY).unwrap()]);
        let logs = logs.unwrap();
        assert_eq!((logs.len(), logs[0].keys.len()), (1, 2));
        assert!(together([]).unwrap_err().contains("--log"));
        let many = (0..=LOGS).map(|number| log(&format!("{KEY}={number}")).unwrap());
        assert!(together(many).unwrap_err().contains("64"));
    }
}
