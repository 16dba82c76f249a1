//! The people who claim: who they are decides what the server has to look up.
//!
//! A benchmark in which everybody is new, or in which ids count upwards, flatters a store: its newest
//! page is always at hand. So:
//!
//! - **Ids look random.** A person is an ordinal; the id is its SplitMix64 hash in hexadecimal, so that
//!   neighbours in time are strangers in the index.
//! - **One claim in five is by somebody who has claimed before** ([`ONE_IN`]), anybody with equal chance:
//!   the row to read is anywhere among all those stored. Real shoppers return soon rather than late, which
//!   is kinder to a cache; this is the hard case.
//! - The campaign allows it: its limits are far above what anybody reaches (see [`crate::stage`]).
//! - **Idempotency keys are random**, 32 hexadecimal digits, as clients make them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::{Random, mix};

/// One claim in this many is by somebody who returns.
const ONE_IN: u64 = 5;

/// A natural person with one account, by order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person(pub(crate) u64);

impl Person {
    /// 16 hexadecimal digits, different for everybody.
    pub(crate) fn write_id(self, text: &mut Vec<u8>) {
        write_hexadecimal(text, mix(self.0 ^ 0x6b6f_692d_6265_6e63));
    }
}

/// 16 hexadecimal digits. The standard formatter is several times slower, and the generator runs on
/// the server's own cores.
pub(crate) fn write_hexadecimal(text: &mut Vec<u8>, number: u64) {
    for byte in number.to_be_bytes() {
        for digit in [byte >> 4, byte & 15] {
            text.push(b"0123456789abcdef"[usize::from(digit)]);
        }
    }
}

/// Everybody who ever came to one server.
#[derive(Debug, Default)]
pub(crate) struct People {
    arrived: AtomicU64,
    streams: AtomicU64,
}

impl People {
    /// The next person who claims.
    pub(crate) fn next(&self, random: &mut Random) -> Person {
        let arrived = self.arrived();
        if arrived > 0 && random.below(ONE_IN) == 0 {
            return Person(random.below(arrived));
        }
        Person(self.arrived.fetch_add(1, Ordering::Relaxed))
    }

    /// How many different people have come.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// A random stream that nobody else has: a repeated idempotency key would be a replay.
    pub(crate) fn stream(&self) -> Random {
        Random::seeded(self.streams.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claim_in_five_is_by_somebody_who_has_been_here() {
        let people = People::default();
        let mut random = people.stream();
        let claims = 100_000;
        for _ in 0..claims {
            people.next(&mut random);
        }
        let returned = claims - people.arrived();
        assert!((19_000..21_000).contains(&returned), "{returned} of {claims} returned");
    }

    #[test]
    fn ids_are_sixteen_hexadecimal_digits_without_order() {
        let id = |ordinal| {
            let mut text = Vec::new();
            Person(ordinal).write_id(&mut text);
            String::from_utf8(text).expect("digits")
        };
        let ids: Vec<String> = (0..1_000).map(id).collect();
        assert!(ids.iter().all(|id| id.len() == 16 && id.bytes().all(|digit| digit.is_ascii_hexdigit())));
        let rises = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((400..600).contains(&rises), "{rises} of 999 neighbours rise");
    }

    #[test]
    fn two_streams_never_begin_alike() {
        let people = People::default();
        assert_ne!(people.stream().number(), people.stream().number());
    }
}
