//! A chain of rounds: its identity, its key, its first round's time and its pace.

use std::num::NonZeroU32;

use sha2::{Digest, Sha256};

use super::{PUBLIC_KEY_BYTES, SCHEME, local};

/// quicknet's public key, as <https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info> has it.
const QUICKNET_PUBLIC_KEY: [u8; PUBLIC_KEY_BYTES] = bytes(
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451\
     0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
);
/// quicknet's hash, which every outcome over it names.
const QUICKNET_HASH: [u8; 32] = bytes("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971");
/// The hash of the group that began quicknet, which is part of the chain's.
const QUICKNET_GROUP: [u8; 32] = bytes("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e");

/// Milliseconds of a second.
const SECOND_MS: i128 = 1000;

/// A chain of rounds of the scheme [`SCHEME`]. Its key is a point of the right group, and its hash is that of what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    hash: [u8; 32],
    genesis_s: i64,
    period_s: NonZeroU32,
    public_key: [u8; PUBLIC_KEY_BYTES],
    group_hash: [u8; 32],
    beacon_id: String,
}

impl Chain {
    /// drand's quicknet: one round every 3 seconds since 2023-08-23T15:09:27Z.
    pub fn quicknet() -> Self {
        Self {
            hash: QUICKNET_HASH,
            genesis_s: 1_692_803_367,
            period_s: PERIOD_S,
            public_key: QUICKNET_PUBLIC_KEY,
            group_hash: QUICKNET_GROUP,
            beacon_id: "quicknet".to_owned(),
        }
    }

    /// The local chain: one round every 3 seconds since 2000-01-01T00:00:00Z, by a key that everybody knows (see [`local`]).
    pub fn local() -> Self {
        Self {
            hash: local::HASH,
            genesis_s: 946_684_800,
            period_s: PERIOD_S,
            public_key: local::PUBLIC_KEY,
            group_hash: local::GROUP_HASH,
            beacon_id: local::BEACON_ID.to_owned(),
        }
    }

    /// A chain of its parts, with its hash computed. The key must be a point of the group.
    pub(super) fn of_parts(
        genesis_s: i64,
        period_s: NonZeroU32,
        public_key: [u8; PUBLIC_KEY_BYTES],
        group_hash: [u8; 32],
        beacon_id: String,
    ) -> Self {
        let mut chain = Self { hash: [0; 32], genesis_s, period_s, public_key, group_hash, beacon_id };
        chain.hash = chain.computed_hash();
        chain
    }

    /// The chain's hash, as drand computes it: `SHA256(BE32(period) ‖ BE64(genesis) ‖ public_key ‖ group_hash ‖ beacon_id)`,
    /// without the last part where it is `default` (drand/drand, `common/chain/info.go`).
    pub(super) fn computed_hash(&self) -> [u8; 32] {
        let hash = Sha256::new()
            .chain_update(self.period_s.get().to_be_bytes())
            .chain_update(self.genesis_s.to_be_bytes())
            .chain_update(self.public_key)
            .chain_update(self.group_hash);
        let id = if self.beacon_id == "default" { "" } else { &self.beacon_id };
        hash.chain_update(id).finalize().into()
    }

    /// The chain's hash, which every outcome names.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The time of round 1, in seconds since the epoch.
    pub fn genesis_s(&self) -> i64 {
        self.genesis_s
    }

    /// Seconds between rounds; above zero.
    pub fn period_s(&self) -> u32 {
        self.period_s.get()
    }

    /// The public key: a compressed point of G2.
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public_key
    }

    /// The hash of the group that began the chain, which is part of the chain's hash.
    pub fn group_hash(&self) -> &[u8; 32] {
        &self.group_hash
    }

    /// The chain's name, which is part of its hash.
    pub fn beacon_id(&self) -> &str {
        &self.beacon_id
    }

    /// The scheme of its signatures.
    pub fn scheme(&self) -> &'static str {
        SCHEME
    }

    /// What must be said beside everything that is drawn from this chain, if anything.
    pub fn notice(&self) -> Option<&'static str> {
        local::notice_of(&self.hash)
    }

    /// The first round whose time is at or after `time_ms` (milliseconds since the epoch, rounded up where they
    /// are not whole); at least 1. Exact for every time.
    ///
    /// ```
    /// use koi_fair::beacon::Chain;
    ///
    /// let quicknet = Chain::quicknet();
    /// assert_eq!(quicknet.round_at(1_692_803_367_000), 1);
    /// assert_eq!(quicknet.round_at(1_692_803_367_001), 2);
    /// assert_eq!(quicknet.time_s(1000), Some(1_692_803_367 + 999 * 3));
    /// ```
    pub fn round_at(&self, time_ms: i64) -> u64 {
        let since_ms = (i128::from(time_ms) - i128::from(self.genesis_s) * SECOND_MS).max(0);
        let period_ms = i128::from(self.period_s.get()) * SECOND_MS;
        // Rounded up: a round that lies before the time would be known already.
        let rounds = since_ms / period_ms + i128::from(since_ms % period_ms > 0);
        // Two times are less than 2⁶⁴ milliseconds apart from any genesis at or after 1970, and a round takes a second or more.
        u64::try_from(rounds + 1).unwrap_or(u64::MAX)
    }

    /// The time of a round, in seconds since the epoch; none for round 0, and for rounds after the year 292,000,000,000.
    pub fn time_s(&self, round: u64) -> Option<i64> {
        let since_s = i128::from(round.checked_sub(1)?) * i128::from(self.period_s.get());
        i64::try_from(i128::from(self.genesis_s) + since_s).ok()
    }
}

/// Seconds between rounds of quicknet and of the local chain.
const PERIOD_S: NonZeroU32 = match NonZeroU32::new(3) {
    Some(period) => period,
    None => NonZeroU32::MIN,
};

/// Bytes that are written in hex in the code. Anything but lower-case hex of the right length does not compile.
pub(super) const fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let digits = hex.as_bytes();
    assert!(digits.len() == 2 * N);
    let mut bytes = [0; N];
    let mut place = 0;
    while place < N {
        bytes[place] = digit(digits[2 * place]) * 16 + digit(digits[2 * place + 1]);
        place += 1;
    }
    bytes
}

const fn digit(letter: u8) -> u8 {
    match letter {
        b'0'..=b'9' => letter - b'0',
        b'a'..=b'f' => letter - b'a' + 10,
        _ => panic!(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(genesis_s: i64, period_s: u32) -> Chain {
        let period_s = NonZeroU32::new(period_s).unwrap();
        Chain::of_parts(genesis_s, period_s, QUICKNET_PUBLIC_KEY, [0; 32], "test".to_owned())
    }

    #[test]
    fn quicknet_hashes_to_what_everybody_calls_it() {
        assert_eq!(Chain::quicknet().computed_hash(), QUICKNET_HASH);
    }

    #[test]
    fn every_part_is_in_the_hash() {
        let of = |genesis_s, period_s, key_byte, group: u8, id: &str| {
            let period_s = NonZeroU32::new(period_s).unwrap();
            *Chain::of_parts(genesis_s, period_s, [key_byte; 96], [group; 32], id.to_owned()).hash()
        };
        let one = of(1, 3, 1, 1, "a");
        for other in [
            of(2, 3, 1, 1, "a"),
            of(1, 4, 1, 1, "a"),
            of(1, 3, 2, 1, "a"),
            of(1, 3, 1, 2, "a"),
            of(1, 3, 1, 1, "b"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(of(1, 3, 1, 1, "default"), of(1, 3, 1, 1, ""));
    }

    #[test]
    fn a_round_is_never_before_its_time() {
        let chain = chain(10, 3);
        for (time_ms, round) in [
            (i64::MIN, 1),
            (-1, 1),
            (0, 1),
            (10_000, 1),
            (10_001, 2),
            (13_000, 2),
            (13_001, 3),
            (16_000, 3),
            (i64::MAX, 3_074_457_345_618_257),
        ] {
            assert_eq!(chain.round_at(time_ms), round, "{time_ms}");
        }
    }

    #[test]
    fn rounds_out_of_time_have_none() {
        let chain = chain(10, 3);
        for (round, time_s) in [(0, None), (1, Some(10)), (2, Some(13)), (u64::MAX, None)] {
            assert_eq!(chain.time_s(round), time_s, "{round}");
        }
        assert_eq!(Chain::quicknet().time_s(1), Some(1_692_803_367));
    }

    #[test]
    fn only_the_local_chain_bears_a_notice() {
        assert_eq!(Chain::local().notice(), Some("local randomness: not a public draw"));
        assert_eq!(Chain::quicknet().notice(), None);
    }

    proptest! {
        #[test]
        fn the_round_at_a_time_is_the_first_at_or_after(
            genesis_s in 0_i64..4_000_000_000, period_s in 1_u32..100_000, time_ms in any::<i64>(), near in 0_i64..4_000_000_000_000,
        ) {
            let chain = chain(genesis_s, period_s);
            for time_ms in [time_ms, near] {
                let round = chain.round_at(time_ms);
                // The last round before the end of time may lie after it.
                if let Some(time_s) = chain.time_s(round) {
                    prop_assert!(i128::from(time_s) * 1000 >= i128::from(time_ms));
                }
                if round > 1 {
                    let before_s = chain.time_s(round - 1).unwrap();
                    prop_assert!(i128::from(before_s) * 1000 < i128::from(time_ms));
                }
            }
        }
    }
}
