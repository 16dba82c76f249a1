//! One winner and k reserves of n entries, by public randomness that came after the entries were sealed.
//!
//! ```text
//! seed        = SHA256("koi/draw/v1\n" ‖ rules_hash ‖ root ‖ BE64(n) ‖ chain_hash ‖ BE64(R) ‖ randomness)
//! block(j, c) = SHA256("koi/block/v1\n" ‖ seed ‖ BE32(j) ‖ BE32(c))          as an integer below 2²⁵⁶
//! limit       = floor(2²⁵⁶ / n) · n
//! for j = 0, 1, 2 …: take the first c = 0, 1, 2 … with block(j, c) < limit;  i = block(j, c) mod n;
//! skip i when it is excluded or already taken; stop after 1 + k indices. First = winner, then the reserves in order.
//! ```
//!
//! Everything in the seed is published before the round but the randomness, so whoever has the public bytes can
//! announce the result, and nobody else has a say: there is no operator's secret. Work is O(k): no pass over the entries.
//!
//! | | |
//! |---|---|
//! | [`rules_hash`] | what the rules are, in 32 bytes |
//! | [`entry_leaf`] | what an entry is in the log whose root is sealed |
//! | [`Exclusions`] | which entries are skipped, and why, in one published list |
//! | [`Seed`], [`outcome`] | who wins |
//! | [`audit_sample`] | whose entries are opened, so that made-up ones are found |
//! | [`DrawProof`] | what a person keeps: one file that shows their number, who won, and that nobody chose it |
//! | [`audit`] | the whole draw again, from its public files |
//!
//! # Example
//!
//! ```
//! use koi_fair::beacon::{Chain, local};
//! use koi_fair::draw::{Exclusions, Sealed, Seed, outcome};
//!
//! let sealed = Sealed { rules_hash: [1; 32], root: [2; 32], entries: 3_000_000 };
//! let round = Chain::local().verify(&local::sign(1_000))?;
//! let seed = Seed::new(&sealed, round.chain_hash(), round.round(), round.randomness());
//! let outcome = outcome(&seed, sealed.entries, &Exclusions::none(), 3)?;
//! assert!(outcome.winner < 3_000_000);
//! assert_eq!(outcome.reserves.len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod audit;
mod bound;
mod entry;
mod exclusions;
mod indices;
pub mod made_up;
mod proof;
mod refusal;
mod verdict;

use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use bound::{Bound, DrawTrust, SealInLog};
pub use entry::{IdWithNewline, entry_leaf};
pub use exclusions::{EXCLUSIONS_HEADING, Exclusion, Exclusions, WrongExclusion};
use indices::{Blocks, take};
pub use proof::{DrawProof, EntryProof, PROOF_BYTES_MAX, PROOF_FORMAT};
pub use refusal::DrawProofRefusal;
pub use verdict::{Place, Verdict};

use crate::canonical::{self, NotCanonical};

/// The most indices of one draw, the winner among them, and of one audit sample: 80 MB of them.
pub const INDICES_MAX: u32 = 10_000_000;

/// What the operator is bound to before the round exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The hash of the rules ([`rules_hash`]).
    pub rules_hash: [u8; 32],
    /// The root of the entry log.
    pub root: [u8; 32],
    /// The number of entries in the log, excluded ones too; they have the indices 0 to `entries` − 1.
    pub entries: u64,
}

/// What all indices of a draw follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// `SHA256("koi/draw/v1\n" ‖ rules_hash ‖ root ‖ BE64(entries) ‖ chain_hash ‖ BE64(round) ‖ randomness)`.
    pub fn new(sealed: &Sealed, chain_hash: &[u8; 32], round: u64, randomness: &[u8; 32]) -> Self {
        let hash = Sha256::new()
            .chain_update(b"koi/draw/v1\n")
            .chain_update(sealed.rules_hash)
            .chain_update(sealed.root)
            .chain_update(sealed.entries.to_be_bytes())
            .chain_update(chain_hash)
            .chain_update(round.to_be_bytes())
            .chain_update(randomness)
            .finalize();
        Self(hash.into())
    }
}

/// Who wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The index of the winner's entry.
    pub winner: u64,
    /// The indices of the reserves, in the order in which they move up.
    pub reserves: Vec<u64>,
}

/// Why nothing can be drawn, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DrawRefusal {
    /// An excluded index that is no entry's.
    #[error("entry {index} is excluded, but the {entries} entries have the indices 0 to {}", entries.saturating_sub(1))]
    ExcludedNobody {
        /// The index.
        index: u64,
        /// The number of entries.
        entries: u64,
    },
    /// More entries are asked for than may be taken.
    #[error("{asked} entries are asked for, but only {available} of {entries} can be taken: ask for fewer")]
    TooFewEntries {
        /// How many are asked for: winner and reserves, or the sample.
        asked: u64,
        /// How many can be taken: neither excluded nor, for a sample, drawn.
        available: u64,
        /// The number of entries.
        entries: u64,
    },
    /// More entries are asked for than one draw gives.
    #[error("{asked} entries are asked for; at most {INDICES_MAX} are drawn at once")]
    TooMany {
        /// How many are asked for.
        asked: u64,
    },
    /// All of 2³² blocks were excluded or taken, which only happens when hardly any entry is neither.
    #[error("2^32 blocks did not find enough entries: nearly all are excluded")]
    BlocksExhausted,
}

impl DrawRefusal {
    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            DrawRefusal::ExcludedNobody { .. } => "excluded_nobody",
            DrawRefusal::TooFewEntries { .. } => "too_few_entries",
            DrawRefusal::TooMany { .. } => "too_many",
            DrawRefusal::BlocksExhausted => "blocks_exhausted",
        }
    }
}

/// The SHA-256 of the rules statement's canonical JSON (RFC 8785, see [`canonical`]).
///
/// # Errors
///
/// [`NotCanonical::Number`].
pub fn rules_hash(statement: &Value) -> Result<[u8; 32], NotCanonical> {
    Ok(Sha256::digest(canonical::text(statement)?).into())
}

/// The winner and `reserves` reserves of `entries` entries. The sealed number of entries must be the same as in the seed.
///
/// # Errors
///
/// Every [`DrawRefusal`]. Nothing is drawn in part: who cannot have all reserves must seal rules with fewer.
pub fn outcome(seed: &Seed, entries: u64, exclusions: &Exclusions, reserves: u32) -> Result<Outcome, DrawRefusal> {
    Ok(outcome_and_skipped(seed, entries, exclusions, reserves)?.0)
}

/// The same, with the excluded indices that were met and passed over on the way, in the order in which they were met.
///
/// # Errors
///
/// Every [`DrawRefusal`].
pub fn outcome_and_skipped(
    seed: &Seed,
    entries: u64,
    exclusions: &Exclusions,
    reserves: u32,
) -> Result<(Outcome, Vec<u64>), DrawRefusal> {
    let asked = u64::from(reserves) + 1;
    let taken = take(Blocks::Draw, seed, entries, exclusions, &[], asked)?;
    let mut drawn = taken.found.into_iter();
    // One at least was asked for.
    let winner = drawn.next().ok_or(DrawRefusal::BlocksExhausted)?;
    Ok((Outcome { winner, reserves: drawn.collect() }, taken.skipped))
}

/// The audit sample: the indices of `count` more entries that must be opened, in the order in which they are found.
///
/// It is drawn from the draw's own seed, by blocks of another tag, until there are `count`:
///
/// ```text
/// sample(j, c) = SHA256("koi/audit/v1\n" ‖ seed ‖ BE32(j) ‖ BE32(c))         as an integer below 2²⁵⁶
/// for j = 0, 1, 2 …: take the first c = 0, 1, 2 … with sample(j, c) < limit;  i = sample(j, c) mod n;
/// skip i when it is excluded, the winner, a reserve, or already in the sample; stop after m indices.
/// ```
///
/// `seed`, `n` and `limit` are the draw's. Winner and reserves are opened anyway, so the sample is of others; the
/// excluded ones take no part. A share f of made-up entries is found with a chance of 1 − (1 − f)^m or more.
///
/// # Errors
///
/// Every [`DrawRefusal`].
pub fn audit_sample(
    seed: &Seed,
    entries: u64,
    exclusions: &Exclusions,
    outcome: &Outcome,
    count: u32,
) -> Result<Vec<u64>, DrawRefusal> {
    let drawn: Vec<u64> = std::iter::once(outcome.winner).chain(outcome.reserves.iter().copied()).collect();
    Ok(take(Blocks::Audit, seed, entries, exclusions, &drawn, u64::from(count))?.found)
}

#[cfg(test)]
mod tests;
