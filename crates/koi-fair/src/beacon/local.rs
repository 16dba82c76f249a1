//! The local chain: real rounds by a key that everybody knows.
//!
//! It signs like quicknet and is verified by the same code, so that tests, the sandbox and work without a
//! network go every step of the way. But its key stands below, and whoever knows a key knows every round ahead:
//! **nothing that is drawn from it is a public draw**, and [`NOTICE`] is said beside it.
//!
//! | | |
//! |---|---|
//! | secret key | `SHA256("koi/local-secret/v1\n")` with its two highest bits cleared, a big-endian number |
//! | group hash | `SHA256("koi/local-group/v1\n")` |
//! | name | `koi-local` |
//! | first round | 2000-01-01T00:00:00Z, then one every 3 seconds |
//! | hash | what drand computes of these |
//!
//! Any round can be signed at any time, ahead of every clock.

use blst::min_sig::SecretKey;
use sha2::{Digest, Sha256};

use super::chain::bytes;
use super::verify::{TAG, message};
use super::{Beacon, PUBLIC_KEY_BYTES, SIGNATURE_BYTES};

/// What is said beside everything that is drawn from the local chain.
pub const NOTICE: &str = "local randomness: not a public draw";

/// The local chain's name.
pub(super) const BEACON_ID: &str = "koi-local";
/// Its hash. A test computes it.
pub(super) const HASH: [u8; 32] = bytes("9effef0e694894a2de5afd035dbe85e1c437c0a16ef6f8ab13fad06c9a68cd54");
/// Its public key. A test computes it.
pub(super) const PUBLIC_KEY: [u8; PUBLIC_KEY_BYTES] = bytes(
    "8712abcde1d98aeaeee411bd08e16b183f9e0d14afbf004d09c9606235395ce5486cb471da9028bfaaabf4e1fd1b0ada\
     058c942682afb9f558ef96167a6038937d4f5a503554ca8e6a01054c510c8eba0eb27fe1bc368600c924ee2c8ebed111",
);
/// The hash of the group that never was. A test computes it.
pub(super) const GROUP_HASH: [u8; 32] = bytes("f6edf22828464c054831c69168750ef039e26abde549a05d0e90e9499b5a9f66");

/// What must be said beside what is drawn from the chain of this hash, if anything.
pub fn notice_of(chain_hash: &[u8; 32]) -> Option<&'static str> {
    (*chain_hash == HASH).then_some(NOTICE)
}

/// Signs a round of the local chain, which takes a fraction of a millisecond. (Round 0 is signed too, and refused
/// by the verifier like that of any chain.)
///
/// ```
/// use koi_fair::beacon::{Chain, local};
///
/// let verified = Chain::local().verify(&local::sign(7))?;
/// assert_eq!(verified.round(), 7);
/// # Ok::<(), koi_fair::beacon::BeaconRefusal>(())
/// ```
pub fn sign(round: u64) -> Beacon {
    Beacon::of_signature(round, signature(round))
}

/// The randomness of a round of the local chain: the SHA-256 of its signature.
pub fn local_randomness(round: u64) -> [u8; 32] {
    Sha256::digest(signature(round)).into()
}

fn signature(round: u64) -> [u8; SIGNATURE_BYTES] {
    secret_key().sign(&message(round), TAG, &[]).compress()
}

fn secret_key() -> SecretKey {
    let mut number: [u8; 32] = Sha256::digest(b"koi/local-secret/v1\n").into();
    // Below 2²⁵⁴, and so below the order of the group, which is a little under 2²⁵⁵.
    number[0] &= 0b0011_1111;
    SecretKey::from_bytes(&number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beacon::Chain;

    #[test]
    fn the_chain_is_what_its_texts_come_to() {
        assert_eq!(hex::encode(GROUP_HASH), hex::encode(Sha256::digest(b"koi/local-group/v1\n")));
        assert_eq!(hex::encode(PUBLIC_KEY), hex::encode(secret_key().sk_to_pk().compress()));
        assert_eq!(hex::encode(HASH), hex::encode(Chain::local().computed_hash()));
    }

    #[test]
    fn rounds_are_those_of_the_key_and_no_others() {
        for round in [1, 2, 1000, u64::MAX] {
            let verified = Chain::local().verify_round(round, &sign(round)).unwrap();
            assert_eq!(*verified.randomness(), local_randomness(round));
            assert_eq!(verified.chain_hash(), Chain::local().hash());
            assert_eq!(Chain::quicknet().verify(&sign(round)).unwrap_err().code(), "signature_wrong");
        }
        assert_eq!(Chain::local().verify(&sign(0)).unwrap_err().code(), "round_zero");
    }
}
