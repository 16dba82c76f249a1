//! What PostgreSQL's errors mean to those who call the store.

use tokio_postgres::error::{DbError, SqlState};

use crate::error::StoreError;

/// What is said of a connection that is gone.
const LOST: &str = "the connection to the database was lost";

/// What an error of a statement means, and whether its connection is of no use any more.
pub(super) fn of(error: &tokio_postgres::Error) -> (StoreError, bool) {
    match error.as_db_error() {
        Some(error) => of_server(error),
        // Whatever it was: the server, the net, or bytes that are no answer.
        None => (lost(&words(error)), true),
    }
}

/// What an error of connecting means: the server may come back.
pub(super) fn of_connecting(error: &tokio_postgres::Error) -> StoreError {
    let Some(said) = error.as_db_error() else { return StoreError::Unavailable(words(error)) };
    let text = text(said);
    match said.code().code() {
        "3D000" => StoreError::Refused(format!("{text}: create it with `createdb --encoding=UTF8`")),
        "28P01" | "28000" => StoreError::Refused(format!("{text}: see the user and the password of --database")),
        // It starts, it stops, it is full: it may be well again. Anything else stays as it is until somebody acts.
        code if ["08", "25", "53", "55", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Unavailable(text)
        }
        _ => StoreError::Refused(text),
    }
}

/// The error of a connection that was lost in the middle of a transaction.
pub(super) fn lost(why: &str) -> StoreError {
    StoreError::Conflict(format!("{LOST}: {why}"))
}

fn of_server(error: &DbError) -> (StoreError, bool) {
    let (code, text) = (error.code(), text(error));
    let is = |codes: &[SqlState]| codes.contains(code);
    let class = code.code().get(..2).unwrap_or_default();
    // The server ends the connection with it: told to stop, about to crash, or tired of waiting for us.
    let ends =
        is(&[SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT])
            || code.code() == "57P05"
            || class == "08";
    if ends {
        return (lost(&text), true);
    }
    if is(&[SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED]) {
        return (StoreError::Conflict(text), false);
    }
    // After a failover the server of an old connection may be a replica: the next connection looks for the primary.
    if is(&[SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::CANNOT_CONNECT_NOW]) {
        return (StoreError::Unavailable(text), true);
    }
    let error = match class {
        "53" | "58" => StoreError::Unavailable(text),
        // Who waited for a lock waited longer than its holder may stand still: asking again at once would not help.
        _ if is(&[SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE]) => StoreError::Unavailable(text),
        "XX" if is(&[SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED]) => StoreError::Unreadable(text),
        _ => StoreError::Refused(text),
    };
    (error, false)
}

/// The server's words, with its code: `disk full (53100)`. Details may hold rows, and are left out.
pub(super) fn text(error: &DbError) -> String {
    format!("{} ({})", error.message(), error.code().code())
}

/// An error with its causes.
fn words(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(why) = cause {
        let more = why.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = why.source();
    }
    words
}
