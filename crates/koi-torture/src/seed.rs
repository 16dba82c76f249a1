//! One number decides a whole run: every plan is drawn from streams of this seed.
//!
//! Each use has a stream of its own, so that a longer plan of one client never shifts the luck of
//! another, and round 812 can be planned without planning the 811 before it.

use anyhow::{Context, Result};
use rand::rngs::SysRng;
use rand::{SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// The seed that was asked for, or a fresh one.
    pub(crate) fn given_or_fresh(given: Option<u64>) -> Result<Self> {
        match given {
            Some(seed) => Ok(Self(seed)),
            // Short seeds are easier to read out and to type again.
            None => Ok(Self(u64::from(SysRng.try_next_u32().context("no randomness from the operating system")?))),
        }
    }

    /// The stream for one purpose, and for one of its many (a round, a client).
    pub(crate) fn stream(self, purpose: &str, index: u64) -> ChaCha8Rng {
        let mut stream = ChaCha8Rng::seed_from_u64(self.0);
        stream.set_stream(fnv_1a(purpose).wrapping_add(index));
        stream
    }
}

fn fnv_1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn a_stream_depends_on_seed_purpose_and_index_alone() {
        let draw = |seed, purpose, index| Seed(seed).stream(purpose, index).next_u64();
        assert_eq!(draw(7, "round", 3), draw(7, "round", 3));
        assert_ne!(draw(7, "round", 3), draw(8, "round", 3));
        assert_ne!(draw(7, "round", 3), draw(7, "round", 4));
        assert_ne!(draw(7, "round", 3), draw(7, "client", 3));
    }
}
