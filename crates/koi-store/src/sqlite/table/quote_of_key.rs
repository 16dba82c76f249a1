//! Which quote was asked for under a key, as far as they are sorted already; see [`sorted`](crate::sqlite::sorted).

pub(crate) const OF: &str = "SELECT quote FROM quote_of_key WHERE key = ?1";
pub(crate) const ADD: &str = "INSERT OR IGNORE INTO quote_of_key (key, quote) VALUES (?1, ?2)";
pub(crate) const ALL: &str = "SELECT key, quote FROM quote_of_key ORDER BY key, quote";
