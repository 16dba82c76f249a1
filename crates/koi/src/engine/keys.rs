//! Who calls: keys, the principals they belong to, and what each role may do.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use koi_core::id::Principal;
use koi_core::time::Time;
use koi_store::ApiKey;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Runs campaigns.
    Operator,
    /// The second pair of eyes.
    Approver,
    /// Asks for coupons, quotes, payments and refunds.
    Wallet,
    /// Keeps merchants, stores, codes and rates.
    Acquirer,
    /// Reads everything, and checks the ledger.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [Role::Operator, Role::Approver, Role::Wallet, Role::Acquirer, Role::Auditor];

    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Approver => "approver",
            Role::Wallet => "wallet",
            Role::Acquirer => "acquirer",
            Role::Auditor => "auditor",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who the key belongs to.
    pub principal: Principal,
    /// What it may do.
    pub role: Role,
}

/// The hash under which a secret is stored.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// How much later than the last time a key must be used for it to be remembered.
const USED_EVERY_MS: i64 = 60_000;

/// A key that works.
#[derive(Debug)]
struct Known {
    caller: Caller,
    expires_at: Option<Time>,
    /// Its id, and when it was last used as far as that is stored; the sandbox's fixed keys have none.
    stored: Option<(String, i64)>,
    /// When it was last used, in milliseconds since 1970.
    used_ms: AtomicI64,
}

/// Working keys by the hash of their secret.
type Keys = FxHashMap<[u8; 32], Known>;

/// Before all uses.
const NEVER: i64 = i64::MIN;

/// The keys that work. Secrets are random and long, so their plain SHA-256 finds them, in constant time
/// as far as the secret is concerned.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: RwLock<Keys>,
    sandbox: bool,
}

impl KeyRing {
    /// An empty ring; in the sandbox with its fixed keys.
    pub fn new(sandbox: bool) -> Self {
        let ring = Self { keys: RwLock::default(), sandbox };
        ring.replace(Vec::new());
        ring
    }

    /// Puts the stored keys in place of those before.
    pub fn replace(&self, stored: Vec<ApiKey>) {
        let mut keys = Keys::default();
        for key in stored.into_iter().filter(|key| key.revoked_at.is_none()) {
            if let Some(role) = Role::parse(&key.role) {
                let used_ms = key.used_at.map_or(NEVER, Time::ms);
                let caller = Caller { principal: key.principal, role };
                let stored = Some((key.id, used_ms));
                let known = Known { caller, expires_at: key.expires_at, stored, used_ms: used_ms.into() };
                keys.insert(key.hash, known);
            }
        }
        if self.sandbox {
            for role in Role::ALL {
                let secret = format!("sandbox_{}", role.name());
                let caller = Caller { principal: Principal::stored(&secret), role };
                let known = Known { caller, expires_at: None, stored: None, used_ms: NEVER.into() };
                keys.insert(hash(&secret), known);
            }
        }
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for (hash, known) in &keys {
            if let Some(before) = current.get(hash) {
                known.used_ms.fetch_max(before.used_ms.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        *current = keys;
    }

    /// The keys that were used since that was stored, and when.
    pub fn used(&self) -> Vec<(String, Time)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let used = keys.values().filter_map(|known| {
            let (id, stored_ms) = known.stored.as_ref()?;
            let used_ms = known.used_ms.load(Ordering::Relaxed);
            (used_ms > *stored_ms).then(|| (id.clone(), Time::of_ms(used_ms)))
        });
        used.collect()
    }

    /// Who calls with a secret, if its key works.
    pub fn caller(&self, secret: &str, now: Time) -> Option<Caller> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let known = keys.get(&hash(secret))?;
        if known.expires_at.is_some_and(|expires_at| now >= expires_at) {
            return None;
        }
        // Written once in a while only: all threads look at it.
        if now.ms().saturating_sub(known.used_ms.load(Ordering::Relaxed)) >= USED_EVERY_MS {
            known.used_ms.fetch_max(now.ms(), Ordering::Relaxed);
        }
        Some(known.caller.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(used_at: Option<Time>) -> ApiKey {
        ApiKey {
            id: "key_1".into(),
            hash: hash("secret"),
            principal: Principal::stored("till-7"),
            role: "wallet".into(),
            created_at: Time::of_ms(0),
            expires_at: Some(Time::of_ms(1_000_000)),
            revoked_at: None,
            used_at,
        }
    }

    #[test]
    fn the_last_use_of_a_key_is_told_until_it_is_stored() {
        let at = Time::of_ms;
        let ring = KeyRing::new(true);
        ring.replace(vec![key(None)]);
        assert!(ring.caller("sandbox_wallet", at(5)).is_some());
        assert_eq!(ring.used(), [], "fixed keys are nobody's");
        assert!(ring.caller("secret", at(100)).is_some());
        assert!(ring.caller("secret", at(200)).is_some());
        assert_eq!(ring.used(), [("key_1".into(), at(100))], "not more often than needed");
        assert!(ring.caller("secret", at(100 + USED_EVERY_MS)).is_some());
        let used = [("key_1".into(), at(100 + USED_EVERY_MS))];
        ring.replace(vec![key(None)]);
        assert_eq!(ring.used(), used, "reading the keys again forgets nothing");
        ring.replace(vec![key(Some(at(100 + USED_EVERY_MS)))]);
        assert_eq!(ring.used(), []);
        assert!(ring.caller("secret", at(1_000_000)).is_none(), "it expired");
        assert_eq!(ring.used(), [], "a refusal is no use");
    }
}
