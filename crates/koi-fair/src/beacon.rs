//! Public randomness in rounds, and the local chain that stands in for it.
//!
//! A round is a formula over a time, so that nobody chooses it. The local chain has a fixed key, which
//! anybody can compute ahead: it makes the same decisions repeatable, and it is no public draw.

use sha2::{Digest, Sha256};

/// A chain of rounds: its identity, its first round's time and its pace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The chain's hash, which every outcome names.
    pub hash: [u8; 32],
    /// The time of round 1, in seconds since the epoch.
    pub genesis_s: i64,
    /// Seconds between rounds.
    pub period_s: i64,
}

impl Chain {
    /// The local chain: one round every 3 seconds since 2000-01-01T00:00:00Z.
    pub fn local() -> Self {
        Self { hash: Sha256::digest(b"koi/local-chain/v1\n").into(), genesis_s: 946_684_800, period_s: 3 }
    }

    /// The first round whose time is at or after `time_ms` (milliseconds since the epoch); at least 1.
    pub fn round_at(&self, time_ms: i64) -> u64 {
        let since_ms = time_ms.saturating_sub(self.genesis_s.saturating_mul(1000)).max(0);
        let period_ms = self.period_s.max(1) * 1000;
        // Rounded up: a round that lies before the time would be known already.
        let rounds = since_ms / period_ms + i64::from(since_ms % period_ms > 0);
        u64::try_from(rounds).unwrap_or(0) + 1
    }
}

/// The randomness of a round of the local chain.
pub fn local_randomness(round: u64) -> [u8; 32] {
    Sha256::new().chain_update(b"koi/local-beacon/v1\n").chain_update(round.to_be_bytes()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_never_before_its_time() {
        let chain = Chain { hash: [0; 32], genesis_s: 10, period_s: 3 };
        for (time_ms, round) in [(0, 1), (10_000, 1), (10_001, 2), (13_000, 2), (13_001, 3), (16_000, 3)] {
            assert_eq!(chain.round_at(time_ms), round, "{time_ms}");
        }
    }

    #[test]
    fn rounds_differ() {
        assert_ne!(local_randomness(1), local_randomness(2));
        assert_eq!(local_randomness(7), local_randomness(7));
    }
}
