//! Public randomness in rounds, and the local chain that stands in for it.
//!
//! drand's *quicknet* signs the number of a round every three seconds, by a key that no single party holds. There is one
//! valid signature of a round, it cannot be foreseen, and its SHA-256 is the round's randomness. Which round decides is
//! a formula over a time in published rules ([`Chain::round_at`]), so that nobody chooses it.
//!
//! | | |
//! |---|---|
//! | [`Chain`] | who signs, since when, how often: quicknet is compiled in, another one is read and its hash recomputed |
//! | [`Beacon`] | a round as a relay serves it; nothing in it is believed |
//! | [`Chain::verify`] | one encoding of one signature is accepted, everything else is a [`BeaconRefusal`] |
//! | [`Chain::accept`] | the same for JSON that was handed in: the round that was asked for, or none |
//! | [`relay`] | asks several relays; they can delay a round, never choose it |
//! | [`local`] | a chain whose key everybody knows, for tests, the sandbox and work without a network |
//!
//! # Example
//!
//! ```
//! use koi_fair::beacon::{Beacon, Chain};
//!
//! let answer = r#"{"round":1000,
//!     "randomness":"fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
//!     "signature":"b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"}"#;
//! let verified = Chain::quicknet().verify(&Beacon::read(answer)?)?;
//! assert_eq!(verified.round(), 1000);
//! assert_eq!(verified.randomness()[..2], [0xfe, 0x29]);
//!
//! // The same signature is not one of another round.
//! let other = answer.replace("1000", "1001");
//! assert_eq!(Chain::quicknet().verify(&Beacon::read(&other)?).unwrap_err().code(), "signature_wrong");
//! # Ok::<(), koi_fair::beacon::BeaconRefusal>(())
//! ```

mod chain;
mod info;
pub mod local;
mod refusal;
pub mod relay;
mod round;
mod verify;

pub use chain::Chain;
pub use info::INFO_BYTES_MAX;
pub use local::local_randomness;
pub use refusal::{BeaconRefusal, ChainRefusal};
pub use round::{BEACON_BYTES_MAX, Beacon};
pub use verify::Verified;

/// Bytes of a compressed point of G1: a signature.
pub const SIGNATURE_BYTES: usize = 48;
/// Bytes of a compressed point of G2: a chain's public key.
pub const PUBLIC_KEY_BYTES: usize = 96;
/// The one scheme that is accepted: each round is signed for itself, on G1, hashed to the curve as RFC 9380 has it.
pub const SCHEME: &str = "bls-unchained-g1-rfc9380";
