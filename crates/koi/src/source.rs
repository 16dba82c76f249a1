//! The source of randomness that codes, keys and secrets come from: the operating system, or a seed.

use std::sync::{Mutex, PoisonError};

use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

/// Where random bytes come from.
#[derive(Debug)]
pub struct Source(Kind);

#[derive(Debug)]
enum Kind {
    System,
    /// SHA-256 of the seed and a counter: for tests and simulations, which repeat.
    Seeded(u64, Mutex<u64>),
}

impl Source {
    /// The operating system's.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A repeatable one.
    pub fn seeded(seed: u64) -> Self {
        Self(Kind::Seeded(seed, Mutex::new(0)))
    }

    /// 32 random bytes; `None` when the operating system has none to give.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        match &self.0 {
            Kind::System => {
                let mut bytes = [0; 32];
                SysRng.try_fill_bytes(&mut bytes).ok()?;
                Some(bytes)
            }
            Kind::Seeded(seed, counter) => {
                let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
                *counter += 1;
                let hash = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(counter.to_be_bytes());
                Some(hash.finalize().into())
            }
        }
    }
}
