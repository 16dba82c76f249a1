//! Why a round, or a chain, is not accepted. The order is that of precedence: the first that applies is said.

use thiserror::Error;

use super::{BEACON_BYTES_MAX, INFO_BYTES_MAX, PUBLIC_KEY_BYTES, SCHEME, SIGNATURE_BYTES};

/// Why a round is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BeaconRefusal {
    /// More bytes than a round has.
    #[error("the answer is longer than {BEACON_BYTES_MAX} bytes; a round has a few hundred")]
    TooLong,
    /// Not the JSON of a round.
    #[error(
        "it is not a round as relays answer it, {{\"round\": …, \"randomness\": \"…\", \"signature\": \"…\"}}: {0}"
    )]
    Unreadable(String),
    /// Rounds begin with 1; relays answer 0 with whatever is the latest.
    #[error("round 0 does not exist: the first one is 1")]
    RoundZero,
    /// Another round than the one that was asked for.
    #[error("round {asked} was asked for, this is round {answered}")]
    OtherRound {
        /// The round that decides.
        asked: u64,
        /// The round of the answer.
        answered: u64,
    },
    /// A signature of this scheme has 48 bytes, one of others 96.
    #[error("the signature has {0} bytes; a compressed point of G1 has {SIGNATURE_BYTES}")]
    SignatureLength(usize),
    /// The flag of compressed encodings is not set.
    #[error("the signature's first bit is 0: it is not a compressed point")]
    NotCompressed,
    /// The flag of the point at infinity is set.
    #[error("the signature is the point at infinity, which signs nothing")]
    Infinity,
    /// A coordinate that is not below the field's prime: a second encoding of another point.
    #[error("the signature's coordinate is not below the field's prime: it is a second encoding of a point")]
    NotReduced,
    /// No point of the curve has this coordinate.
    #[error("the signature is no point of the curve")]
    NotOnCurve,
    /// A point of the curve outside the group of prime order.
    #[error("the signature is a point of the curve, but not of the group of prime order")]
    OutsideGroup,
    /// Not what the chain's key signs for the round.
    #[error("the signature is not that of this round by this chain's key")]
    SignatureWrong,
    /// The randomness beside the signature is another one.
    #[error("the randomness is not the SHA-256 of the signature")]
    RandomnessWrong,
}

impl BeaconRefusal {
    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            BeaconRefusal::TooLong => "too_long",
            BeaconRefusal::Unreadable(_) => "unreadable",
            BeaconRefusal::RoundZero => "round_zero",
            BeaconRefusal::OtherRound { .. } => "other_round",
            BeaconRefusal::SignatureLength(_) => "signature_length",
            BeaconRefusal::NotCompressed => "not_compressed",
            BeaconRefusal::Infinity => "infinity",
            BeaconRefusal::NotReduced => "not_reduced",
            BeaconRefusal::NotOnCurve => "not_on_curve",
            BeaconRefusal::OutsideGroup => "outside_group",
            BeaconRefusal::SignatureWrong => "signature_wrong",
            BeaconRefusal::RandomnessWrong => "randomness_wrong",
        }
    }
}

/// Why the info of a chain is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainRefusal {
    /// More bytes than an info has.
    #[error("the info is longer than {INFO_BYTES_MAX} bytes; one has about 600")]
    TooLong,
    /// Not the JSON of an info.
    #[error("it is not a chain's info as relays answer it under /info: {0}")]
    Unreadable(String),
    /// The former scheme of *fastnet*, which hashes to G1 by the tag of G2.
    #[error(
        "bls-unchained-on-g1 (fastnet) is not accepted: it does not hash as RFC 9380 has it, and its chain has ended"
    )]
    Fastnet,
    /// Any other scheme.
    #[error("the scheme {0:?} is not accepted: only {SCHEME} is")]
    Scheme(String),
    /// Rounds that take no time.
    #[error("the period is 0 seconds")]
    PeriodZero,
    /// Not a canonical compressed point of G2 of prime order, or infinity.
    #[error("the public key is not the {PUBLIC_KEY_BYTES} bytes of a compressed point of G2 of prime order")]
    PublicKey,
    /// The info is not what its hash says.
    #[error("the info hashes to {computed}, but says that it is {stated}")]
    Hash {
        /// What it should be, in hex.
        stated: String,
        /// What it is, in hex.
        computed: String,
    },
}

impl ChainRefusal {
    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            ChainRefusal::TooLong => "too_long",
            ChainRefusal::Unreadable(_) => "unreadable",
            ChainRefusal::Fastnet => "fastnet",
            ChainRefusal::Scheme(_) => "scheme",
            ChainRefusal::PeriodZero => "period_zero",
            ChainRefusal::PublicKey => "public_key",
            ChainRefusal::Hash { .. } => "hash",
        }
    }
}
