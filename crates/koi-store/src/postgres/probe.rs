//! Whether a server is fit to keep money. What is refused is said with what to do about it.

use tokio_postgres::Client;

use super::error;
use crate::error::StoreError;

/// The oldest server that Koi is tried with (its statements would run on older ones).
const OLDEST: i32 = 140_000;

/// What a server says of itself and of the connection.
const PROBE: &str = "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), \
    current_setting('client_encoding'), pg_is_in_recovery(), current_setting('transaction_read_only')::boolean, \
    current_setting('synchronous_commit'), EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')";
/// The first eight digits of the name of the file that the server writes its log to.
const TIMELINE: &str = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
/// That of a server which does not tell. (The first one is 1.)
const NO_TIMELINE: u32 = 0;

/// What matters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether Citus spreads the tables.
    pub(super) has_citus: bool,
    /// Whether a commit is on the disk when it is answered.
    pub(super) is_durable: bool,
    /// The server's history: it has a greater number once a standby took the place of a primary.
    pub(super) timeline: u32,
}

pub(super) async fn probe(client: &Client) -> Result<Found, StoreError> {
    let row = client.query_one(PROBE, &[]).await.map_err(|error| error::of_connecting(&error))?;
    let unread =
        |error: tokio_postgres::Error| StoreError::Refused(format!("the server says strange things: {error}"));
    let said = Said {
        version: row.try_get(0).map_err(unread)?,
        server_encoding: row.try_get(1).map_err(unread)?,
        client_encoding: row.try_get(2).map_err(unread)?,
        is_replica: row.try_get(3).map_err(unread)?,
        is_read_only: row.try_get(4).map_err(unread)?,
    };
    let synchronous: String = row.try_get(5).map_err(unread)?;
    let has_citus = row.try_get(6).map_err(unread)?;
    said.refusal().map_or(Ok(()), |why| Err(StoreError::Refused(why)))?;
    Ok(Found { has_citus, is_durable: synchronous != "off", timeline: timeline(client).await? })
}

/// The server's timeline. Not every service that speaks like PostgreSQL has one, or lets everybody ask for it: then the
/// revisions alone must tell that a catalog is another one, and it is always read as a whole.
async fn timeline(client: &Client) -> Result<u32, StoreError> {
    match client.query_one(TIMELINE, &[]).await {
        Ok(row) => {
            let name: String = row.try_get(0).unwrap_or_default();
            Ok(u32::from_str_radix(&name, 16).unwrap_or(NO_TIMELINE))
        }
        Err(refused) if refused.code().is_some() && !client.is_closed() => Ok(NO_TIMELINE),
        Err(error) => Err(error::of_connecting(&error)),
    }
}

/// What a server must be.
#[derive(Clone, Debug)]
struct Said {
    version: i32,
    server_encoding: String,
    client_encoding: String,
    is_replica: bool,
    is_read_only: bool,
}

impl Said {
    fn refusal(&self) -> Option<String> {
        if self.version < OLDEST {
            return Some(format!(
                "the server is PostgreSQL {}, Koi needs {} or newer: upgrade the server",
                self.version / 10_000,
                OLDEST / 10_000
            ));
        }
        if self.server_encoding != "UTF8" {
            return Some(format!(
                "the database's encoding is {}, Koi needs UTF8: make one with `createdb --encoding=UTF8 --template=template0`",
                self.server_encoding
            ));
        }
        if self.client_encoding != "UTF8" {
            return Some(format!(
                "the connection's encoding is {}, Koi needs UTF8: take client_encoding out of the address's options",
                self.client_encoding
            ));
        }
        if self.is_replica {
            return Some(
                "the server is a replica, which takes no writes: give the address of the primary, or of all servers with \
                 target_session_attrs=read-write"
                    .into(),
            );
        }
        if self.is_read_only {
            return Some(
                "the server takes no writes (default_transaction_read_only is on): give the address of one that does, or \
                 ALTER the database or the user so that it is off"
                    .into(),
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_fit_is_named_with_what_to_do() {
        let fit = Said {
            version: 150_018,
            server_encoding: "UTF8".into(),
            client_encoding: "UTF8".into(),
            is_replica: false,
            is_read_only: false,
        };
        assert_eq!(fit.refusal(), None);
        for (said, parts) in [
            (Said { version: 130_021, ..fit.clone() }, ["PostgreSQL 13", "14 or newer"]),
            (Said { server_encoding: "SQL_ASCII".into(), ..fit.clone() }, ["SQL_ASCII", "createdb"]),
            (Said { client_encoding: "LATIN1".into(), ..fit.clone() }, ["LATIN1", "options"]),
            (Said { is_replica: true, ..fit.clone() }, ["replica", "primary"]),
            (Said { is_read_only: true, ..fit }, ["default_transaction_read_only", "ALTER"]),
        ] {
            let why = said.refusal().unwrap();
            assert!(parts.iter().all(|part| why.contains(part)), "{why}");
        }
    }
}
