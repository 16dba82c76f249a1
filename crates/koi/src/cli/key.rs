//! `koi key`: keys of the API, made and revoked on the data folder, beside a server that runs.

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use koi_core::id::{CodeText, Principal};
use koi_core::time::{DAY_MS, Time};
use koi_store::sqlite::Lock;
use koi_store::{ApiKey, Installation, LogLine, Notes, Store, StoreError, Writer};
use serde_json::{Value, json};

use super::flags::StoredFlags;
use super::folder::installation;
use super::{Ended, Ending, terminal};
use crate::engine::clock::Clock;
use crate::engine::keys::{Role, hash};
use crate::serve::clocks_must_agree;
use crate::settings::environment::Environment;
use crate::source::Source;

const CREATE_HELP: &str = "\
The secret is shown once, on standard output; only its SHA-256 is stored. A server that runs knows the key within a \
second. Without an expiry the key works until it is revoked. A folder without a database gets one, for real money.

Examples:
  koi key create --principal till-7 --role wallet --data koi-data
  koi key create --principal audit-2026 --role auditor --expires 90d --json --data koi-data

Exit status:
  0  the key was made
  1  refused: the principal has another role (four eyes: nobody may be both)
  2  it was called wrongly, or the folder cannot be used";

const LIST_HELP: &str = "\
Example:
  koi key list --data koi-data

Exit status:
  0  the keys were listed
  2  the folder cannot be read";

const REVOKE_HELP: &str = "\
A server that runs refuses the key within a second.

Example:
  koi key revoke key_7F3K9Q2M --data koi-data

Exit status:
  0  the key no longer works
  1  there is no key of this id that works
  2  the folder cannot be used";

/// What the log calls whoever uses the command line on the server's machine.
const BY: &str = "command-line";

/// Makes, lists and revokes keys of the API
#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Makes a key and shows its secret once
    #[command(after_help = CREATE_HELP)]
    Create {
        /// Who it belongs to: 1 to 64 of A-Z a-z 0-9 _ . -
        #[arg(long, value_name = "NAME")]
        principal: String,
        /// What it may do
        #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::name)))]
        role: String,
        /// From when on it no longer works: a time of RFC 3339, or a number of days such as 90d
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Writes JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: StoredFlags,
    },
    /// Lists all keys, without their secrets
    #[command(after_help = LIST_HELP)]
    List {
        /// Writes JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: StoredFlags,
    },
    /// Ends a key for good
    #[command(after_help = REVOKE_HELP)]
    Revoke {
        /// The key's id, as `koi key list` shows it
        id: String,
        /// Writes JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: StoredFlags,
    },
}

impl KeyCommand {
    pub(super) fn run(self, environment: &Environment) -> Ended {
        let now = Clock::running().now();
        match self {
            KeyCommand::Create { principal, role, expires, json, flags } => {
                let new = New::read(&principal, &role, expires.as_deref(), now)?;
                let cells = flags.0.load(environment)?.cells().map_err(|why| anyhow!(why))?;
                create(&installation(&flags, environment)?, cells, &new, now, json)
            }
            KeyCommand::List { json, flags } => list(&installation(&flags, environment)?, now, json),
            KeyCommand::Revoke { id, json, flags } => revoke(&installation(&flags, environment)?, &id, now, json),
        }
    }
}

/// A key that is asked for.
struct New {
    principal: Principal,
    role: Role,
    expires_at: Option<Time>,
}

impl New {
    fn read(principal: &str, role: &str, expires: Option<&str>, now: Time) -> anyhow::Result<Self> {
        let principal =
            Principal::parse(principal).context("--principal: must be 1 to 64 of A-Z a-z 0-9 _ . -")?;
        let role = Role::parse(role).context("--role: there is no such role")?;
        let expires_at = expires.map(|text| expiry(text, now)).transpose()?;
        Ok(Self { principal, role, expires_at })
    }
}

fn expiry(text: &str, now: Time) -> anyhow::Result<Time> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    let time = match days {
        Some(days) => days.checked_mul(DAY_MS).map(|ms| now.plus_ms(ms)),
        None => Time::parse(text),
    };
    let time = time.context(
        "--expires: must be a number of days such as 90d, or a time with an offset such as 2027-01-01T00:00:00+08:00",
    )?;
    if time <= now {
        bail!("--expires: {time} has passed");
    }
    Ok(time)
}

fn create(installation: &Installation, cells: Option<u16>, new: &New, now: Time, json: bool) -> Ended {
    let (mut writer, _lock) = opened_or_made(installation, cells)?;
    clocks_must_agree(installation)?;
    // Sandbox secrets and live ones are told apart at a glance, by people and by scanners of leaked secrets.
    let prefix = if writer.mode("live")? == "sandbox" { "koi_test_" } else { "koi_live_" };
    let random = Source::system();
    let bytes = || random.bytes().context("the operating system gives no random numbers");
    let secret = format!("{prefix}{}", hex::encode(bytes()?));
    let key = ApiKey {
        id: key_id(&bytes()?),
        hash: hash(&secret),
        principal: new.principal.clone(),
        role: new.role.name().to_owned(),
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
        used_at: None,
    };
    // Within one transaction of the writer nobody else can add a key in between.
    let begun = writer.begin(&[], None)?;
    let others = installation.reader().and_then(|reader| reader.keys());
    let other = others.map_err(|error| abandoned(&mut writer, error.into()))?;
    if let Some(other) = other.iter().find(|other| other.principal == key.principal && other.role != key.role) {
        writer.rollback();
        eprintln!(
            "koi: refused: {} has the role {} (key {}), and one principal has one role: who runs campaigns must not \
             be able to approve them (four eyes). Choose another principal for the role {}.",
            other.principal, other.role, other.id, key.role
        );
        return Ok(Ending::NotWell);
    }
    writer.add_key(&key).map_err(|error| abandoned(&mut writer, error.into()))?;
    writer.commit(
        &begun.cells,
        &Notes { log: vec![line(now, "key.create", &key.id, &detail(&key))], ..Notes::default() },
    )?;
    if json {
        let mut shown = out(&key, now);
        shown["secret"] = Value::from(secret);
        terminal::print_json(&shown)?;
    } else {
        terminal::print(&secret)?;
        eprintln!(
            "This is the secret of {}, for {} with the role {}. It is shown this once: keep it safe.",
            key.id, key.principal, key.role
        );
    }
    Ok(Ending::Well)
}

/// The installation; a new one when there is none, so that the first keys can be made before the first start.
fn opened_or_made(installation: &Installation, cells: Option<u16>) -> anyhow::Result<(Writer, Option<Lock>)> {
    match installation.administer() {
        Err(StoreError::Absent(_)) => {}
        opened => return Ok((opened?, None)),
    }
    let served = installation.serve(cells, 1)?;
    match installation {
        Installation::Folder(_) => eprintln!("A new data folder was made: {installation}"),
        Installation::Database(_) => eprintln!("The tables of Koi were made in {installation}"),
    }
    let writer = served.writers.into_iter().next().context("there is no writer")?;
    Ok((writer, served.lock))
}

/// Ends a transaction that came to nothing.
fn abandoned(writer: &mut Writer, error: anyhow::Error) -> anyhow::Error {
    writer.rollback();
    error
}

/// `key_` and eight letters that nobody mistakes for each other.
fn key_id(bytes: &[u8; 32]) -> String {
    let picks = std::array::from_fn(|place| bytes[place]);
    format!("key_{}", CodeText::of_picks(picks).as_str())
}

fn detail(key: &ApiKey) -> String {
    format!("{} as {}", key.principal, key.role)
}

fn line(at: Time, action: &str, subject: &str, detail: &str) -> LogLine {
    LogLine {
        at,
        principal: Principal::stored(BY),
        action: action.to_owned(),
        subject: subject.to_owned(),
        detail: detail.to_owned(),
    }
}

fn status(key: &ApiKey, now: Time) -> &'static str {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(expires_at)) if expires_at <= now => "expired",
        (None, _) => "works",
    }
}

fn out(key: &ApiKey, now: Time) -> Value {
    json!({
        "id": key.id,
        "principal": key.principal.as_str(),
        "role": key.role,
        "status": status(key, now),
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|time| time.to_string()),
        "revoked_at": key.revoked_at.map(|time| time.to_string()),
        "used_at": key.used_at.map(|time| time.to_string()),
    })
}

fn list(installation: &Installation, now: Time, json: bool) -> Ended {
    let keys = installation.reader()?.keys()?;
    if json {
        terminal::print_json(&keys.iter().map(|key| out(key, now)).collect::<Vec<_>>())?;
        return Ok(Ending::Well);
    }
    let mut table = terminal::table(["Key", "Principal", "Role", "Status", "Made", "Expires", "Last used"], &[]);
    for key in &keys {
        let expires = key.expires_at.map_or("never".to_owned(), day);
        let used = key.used_at.map_or("never".to_owned(), day);
        table.add_row([
            &key.id,
            key.principal.as_str(),
            &key.role,
            status(key, now),
            &day(key.created_at),
            &expires,
            &used,
        ]);
    }
    terminal::print(&terminal::written(&table))?;
    if keys.is_empty() {
        eprintln!("There are no keys yet. Make one with: koi key create --principal NAME --role ROLE");
    }
    Ok(Ending::Well)
}

/// To the minute: `2026-01-31 08:30Z`.
fn day(time: Time) -> String {
    let text = time.to_string();
    format!("{}Z", text[..16].replace('T', " "))
}

fn revoke(installation: &Installation, id: &str, now: Time, json: bool) -> Ended {
    let mut writer = installation.administer()?;
    clocks_must_agree(installation)?;
    let begun = writer.begin(&[], None)?;
    let revoked = writer.revoke_key(id, now).map_err(|error| abandoned(&mut writer, error.into()))?;
    if !revoked {
        writer.rollback();
        eprintln!("koi: there is no key {id} that works; `koi key list` shows all");
        return Ok(Ending::NotWell);
    }
    let notes = Notes { log: vec![line(now, "key.revoke", id, "")], ..Notes::default() };
    writer.commit(&begun.cells, &notes).map_err(|error| anyhow!(error))?;
    if json {
        terminal::print_json(&json!({"id": id, "status": "revoked", "revoked_at": now.to_string()}))?;
    } else {
        eprintln!("{id} no longer works.");
    }
    Ok(Ending::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_or_a_number_of_days() {
        let now = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(expiry(text, now).ok().map(|time| time.to_string()).as_deref(), expected, "{text}");
        };
        check("90d", Some("2026-04-01T00:00:00.000Z"));
        check("2027-01-01T00:00:00+08:00", Some("2026-12-31T16:00:00.000Z"));
        for wrong in
            ["0d", "-1d", "90", "2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", "", "9223372036854775807d"]
        {
            check(wrong, None);
        }
    }
}
