//! How an installation is reached: `postgres://user:password@host:port/database?sslmode=…`, as PostgreSQL's own
//! programs read it. The password is in nothing that can be printed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::link::{Link, Role};
use super::reader::Reader;
use super::schema;
use super::tls::{self, Trust};
use super::writer::Writer;
use crate::error::StoreError;

/// How long it may take to reach a host, unless the address says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For how long bytes may be without a receipt, or a silent connection without a sign of life: a server that vanished
/// (no power, no net) is noticed by nothing else.
const SILENCE: Duration = Duration::from_secs(15);
/// How often a silent connection is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// What may stand behind the `?`, besides `sslmode` and `sslrootcert`.
const PARAMETERS: [&str; 16] = [
    "user",
    "password",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "options",
    "sslnegotiation",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "target_session_attrs",
    "channel_binding",
    "load_balance_hosts",
];

/// An address that cannot be read. It never repeats a part of the address: the password may stand anywhere in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address of the database cannot be read: {0}")]
pub struct AddressError(String);

/// An installation on PostgreSQL, and how it is reached. Cheap enough to clone.
#[derive(Clone)]
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    /// Hosts and database, without the user and the password.
    name: String,
}

impl FromStr for Database {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let shape = || {
            AddressError(
                "it has the form postgres://user:password@host:port/database?sslmode=…, with %XX for what is special"
                    .into(),
            )
        };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(shape());
        }
        let (base, parameters) = url.split_once('?').unwrap_or((url, ""));
        // What follows a second one would be taken for a host, and hosts are shown.
        if base.matches('@').count() > 1 {
            return Err(shape());
        }
        let parameters = Parameters::read(parameters)?;
        let mut config: Config = format!("{base}?{}", parameters.others.join("&")).parse().map_err(|_| shape())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(AddressError("it names no host".into()));
        }
        if config.get_user().is_none() {
            return Err(AddressError("it names no user".into()));
        }
        config.ssl_mode(parameters.mode);
        bound(&mut config);
        let trust = if parameters.verified { Trust::Signed(parameters.roots.as_deref()) } else { Trust::Anybody };
        let tls = tls::connector(&trust).map_err(AddressError)?;
        let name = name(&config);
        Ok(Self { config, tls, name })
    }
}

impl Database {
    /// Prepares the database and opens it: a new one is made an installation of `cells` cells (64 when it is not
    /// said how many), an older one is brought up to date. Answers the number of its cells, too.
    pub fn serve(&self, cells: Option<u16>) -> Result<(Writer, u16), StoreError> {
        let mut link = Link::new(self, Role::Writer)?;
        let cells = schema::prepare(&mut link, cells)?;
        Ok((Writer::new(link, cells), cells))
    }

    /// One more writer: of this process, or of another one beside it.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        let (link, cells) = self.open(Role::Writer)?;
        Ok(Writer::new(link, cells))
    }

    /// A connection for orders that need no server, such as making keys: beside servers that run.
    pub fn administer(&self) -> Result<Writer, StoreError> {
        self.writer()
    }

    /// A connection that only reads.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let (link, cells) = self.open(Role::Reader)?;
        Ok(Reader::new(link, cells))
    }

    pub(super) fn open(&self, role: Role) -> Result<(Link, u16), StoreError> {
        let mut link = Link::new(self, role)?;
        link.connect()?;
        // There is nothing yet that could be begun again.
        let cells = schema::must_be_current(&mut link).map_err(|error| match error {
            StoreError::Conflict(why) => StoreError::Unavailable(why),
            error => error,
        })?;
        link.is_of(cells);
        Ok((link, cells))
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }
}

/// Where it is: `db1:5432,db2:5432/koi`.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.name)
    }
}

/// What stands behind the `?`.
struct Parameters<'a> {
    mode: SslMode,
    verified: bool,
    roots: Option<PathBuf>,
    others: Vec<&'a str>,
}

impl<'a> Parameters<'a> {
    fn read(text: &'a str) -> Result<Self, AddressError> {
        let mut read = Self { mode: SslMode::Prefer, verified: false, roots: None, others: Vec::new() };
        for (place, parameter) in (1..).zip(text.split('&').filter(|parameter| !parameter.is_empty())) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "sslmode" => (read.mode, read.verified) = mode(value)?,
                "sslrootcert" => {
                    let path = percent_decode_str(value).decode_utf8_lossy().into_owned();
                    read.roots = Some(path.into());
                }
                _ if PARAMETERS.contains(&name) => read.others.push(parameter),
                _ => {
                    let known = PARAMETERS.join(", ");
                    let what = format!(
                        "what stands behind the ? is not known (number {place}); there are sslmode, sslrootcert, {known}"
                    );
                    return Err(AddressError(what));
                }
            }
        }
        if read.roots.is_some() && !read.verified {
            return Err(AddressError("sslrootcert is of use with sslmode=verify-full only".into()));
        }
        Ok(read)
    }
}

/// What is asked of TLS, and whether the certificate is verified.
fn mode(name: &str) -> Result<(SslMode, bool), AddressError> {
    match name {
        "disable" => Ok((SslMode::Disable, false)),
        "prefer" => Ok((SslMode::Prefer, false)),
        "require" => Ok((SslMode::Require, false)),
        "verify-full" => Ok((SslMode::Require, true)),
        _ => Err(AddressError("sslmode is one of disable, prefer, require, verify-full".into())),
    }
}

/// Sets what the address leaves open: nothing waits for ever, and of several hosts the primary is taken.
fn bound(config: &mut Config) {
    config.application_name("koi");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
        config.keepalives_idle(KEEPALIVE);
        config.keepalives_interval(KEEPALIVE);
        config.keepalives_retries(2);
    }
    let several = config.get_hosts().len().max(config.get_hostaddrs().len()) > 1;
    if several && config.get_target_session_attrs() == TargetSessionAttrs::Any {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

fn name(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let mut hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(place, host)| match host {
            Host::Tcp(host) => format!("{host}:{}", port(place)),
            Host::Unix(path) => format!("{}:{}", path.display(), port(place)),
        })
        .collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Database, AddressError> {
        url.parse()
    }

    #[test]
    fn an_address_is_read_as_postgresqls_own_programs_do() {
        for (url, name) in [
            ("postgres://koi:pw@db/koi", "db:5432/koi"),
            ("postgresql://koi@db:6432/koi?sslmode=require", "db:6432/koi"),
            ("postgres://koi@a,b:5433/koi", "a:5432,b:5433/koi"),
            ("postgres://koi@/koi?host=/run/postgresql", "/run/postgresql:5432/koi"),
            ("postgres://koi@%2Frun%2Fpostgresql/red", "/run/postgresql:5432/red"),
            ("postgres://koi@db", "db:5432/koi"),
            ("postgres://koi@[::1]:5432/koi?connect_timeout=3&sslmode=verify-full", "::1:5432/koi"),
        ] {
            assert_eq!(read(url).unwrap().to_string(), name, "{url}");
        }
        let several = read("postgres://koi@a,b/koi").unwrap();
        assert_eq!(several.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        let any = read("postgres://koi@a/koi").unwrap();
        assert_eq!(any.config.get_target_session_attrs(), TargetSessionAttrs::Any);
        assert_eq!(any.config.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        let soon = read("postgres://koi@a/koi?connect_timeout=1").unwrap();
        assert_eq!(soon.config.get_connect_timeout(), Some(&Duration::from_secs(1)));
    }

    #[test]
    fn an_address_that_cannot_be_is_refused_in_words() {
        for (url, part) in [
            ("mysql://koi@db/koi", "postgres://"),
            ("host=db user=koi", "postgres://"),
            ("postgres://koi@db:port/koi", "postgres://"),
            ("postgres:///koi", "no host"),
            ("postgres://db/koi", "no user"),
            ("postgres://koi@db/koi?sslmode=verify-ca", "verify-full"),
            ("postgres://koi@db/koi?sslrootcert=/a.pem", "verify-full"),
            ("postgres://koi@db/koi?sslmode=verify-full&sslrootcert=/not/there.pem", "/not/there.pem"),
            ("postgres://koi@db/koi?connect_timeout=1&colour=red", "number 2"),
        ] {
            let error = read(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        for url in [
            "postgres://koi:s3cret@db/koi",
            "postgres://koi@db/koi?password=s3cret",
            "postgres://koi:pa?s3cret@db/koi",
            "postgres://koi:pa#s3cret&=@db:x/koi",
            "postgres://koi:a@s3cret@db/koi",
            "s3cret",
        ] {
            let shown = match read(url) {
                Ok(database) => format!("{database} {database:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("s3cret"), "{url}: {shown}");
        }
    }
}
