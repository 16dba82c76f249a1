//! Idempotency is a type: a command that changes something carries an [`Asked`], and the row that the
//! command makes keeps it. A repeat finds the row and is answered from it.

use sha2::{Digest, Sha256};

use crate::id::{Principal, first_i64};

/// What a caller's key means: 63 bits of SHA-256 over principal, scope and key.
///
/// The scope is what the call is about (the shopper of a claim or quote, the quote of a payment, …), so a
/// key lives in the same cell as the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub i64);

/// The path and the body of a call: 128 bits of SHA-256. The same fingerprint is the same call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// The idempotency key of a call, and what was asked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Principal, scope and key.
    pub key: Key,
    /// Path and body.
    pub fingerprint: Fingerprint,
}

impl Asked {
    /// Hashes the parts. They are framed by their lengths, so that no two calls run into each other.
    pub fn new(principal: &Principal, scope: &str, key: &str, path: &str, body: &[&[u8]]) -> Self {
        let key = hash(b"koi/key/v1\n", &[principal.as_str().as_bytes(), scope.as_bytes(), key.as_bytes()]);
        let mut call = Sha256::new().chain_update(b"koi/call/v1\n");
        add(&mut call, path.as_bytes());
        body.iter().for_each(|part| add(&mut call, part));
        let call = call.finalize();
        Self { key: Key(first_i64(&key)), fingerprint: Fingerprint(std::array::from_fn(|place| call[place])) }
    }
}

fn hash(tag: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new().chain_update(tag);
    parts.iter().for_each(|part| add(&mut hasher, part));
    hasher.finalize().into()
}

fn add(hasher: &mut Sha256, part: &[u8]) {
    hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let wallet = Principal::stored("wallet");
        let base = Asked::new(&wallet, "P1", "k", "/claims", &[b"ab", b"c"]);
        assert_eq!(base, Asked::new(&wallet, "P1", "k", "/claims", &[b"ab", b"c"]));
        assert_ne!(base.key, Asked::new(&wallet, "P", "1k", "/claims", &[b"ab", b"c"]).key);
        assert_ne!(base.key, Asked::new(&Principal::stored("other"), "P1", "k", "/claims", &[]).key);
        assert_ne!(base.fingerprint, Asked::new(&wallet, "P1", "k", "/quotes", &[b"ab", b"c"]).fingerprint);
        assert_ne!(base.fingerprint, Asked::new(&wallet, "P1", "k", "/claims", &[b"a", b"bc"]).fingerprint);
    }
}
