//! Who calls: keys, the principals they belong to, and what each role may do.

use std::sync::{PoisonError, RwLock};

use koi_core::id::Principal;
use koi_core::time::Time;
use koi_store::sqlite::ApiKey;
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

/// Working keys by the hash of their secret: who calls with it, and until when.
type Keys = FxHashMap<[u8; 32], (Caller, Option<Time>)>;

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
                keys.insert(key.hash, (Caller { principal: key.principal, role }, key.expires_at));
            }
        }
        if self.sandbox {
            for role in Role::ALL {
                let secret = format!("sandbox_{}", role.name());
                keys.insert(hash(&secret), (Caller { principal: Principal::stored(&secret), role }, None));
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Who calls with a secret, if its key works.
    pub fn caller(&self, secret: &str, now: Time) -> Option<Caller> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (caller, expires_at) = keys.get(&hash(secret))?;
        expires_at.is_none_or(|expires_at| now < expires_at).then(|| caller.clone())
    }
}
