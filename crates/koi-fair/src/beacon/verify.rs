//! Is this the signature of this round by this chain's key, in its one encoding?
//!
//! The randomness is a hash of the signature's bytes, so two encodings of one signature would be two outcomes, and
//! whoever hands the round in could choose. The encoding is therefore checked before the signature: 48 bytes, the flag of
//! compressed points set and that of infinity not, a coordinate below the field's prime, on the curve, in the group of prime order.
//! The flag of the sign has to be right by itself: with the other one it is another point, which is not the signature.

use blst::BLST_ERROR;
use blst::min_sig::Signature;
use sha2::{Digest, Sha256};

use super::{Beacon, BeaconRefusal, Chain, SIGNATURE_BYTES, info};

/// The tag by which rounds are hashed to G1 (RFC 9380, suite `BLS12381G1_XMD:SHA-256_SSWU_RO_`).
pub(super) const TAG: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// The flag of compressed encodings, in the first byte.
const COMPRESSED: u8 = 0b1000_0000;
/// The flag of the point at infinity, in the first byte.
const INFINITY: u8 = 0b0100_0000;

/// A round whose signature is its chain's. There is no way to one but [`Chain::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    chain_hash: [u8; 32],
    round: u64,
    signature: [u8; SIGNATURE_BYTES],
    randomness: [u8; 32],
}

impl Verified {
    /// The hash of the chain that signed.
    pub fn chain_hash(&self) -> &[u8; 32] {
        &self.chain_hash
    }

    /// The number of the round; at least 1.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The signature in its one encoding.
    pub fn signature(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.signature
    }

    /// The round's randomness: the SHA-256 of the signature.
    pub fn randomness(&self) -> &[u8; 32] {
        &self.randomness
    }
}

impl Chain {
    /// Verifies a round, for the number that it says it has.
    ///
    /// # Errors
    ///
    /// Every reason for which the round is not accepted.
    pub fn verify(&self, beacon: &Beacon) -> Result<Verified, BeaconRefusal> {
        if beacon.round == 0 {
            return Err(BeaconRefusal::RoundZero);
        }
        let (bytes, signature) = decoded(&beacon.signature)?;
        // The key was checked when the chain was made; nothing is a signature by what is no key.
        let key = info::decoded(self.public_key()).ok_or(BeaconRefusal::SignatureWrong)?;
        let checked = signature.verify(false, &message(beacon.round), TAG, &[], &key, false);
        if checked != BLST_ERROR::BLST_SUCCESS {
            return Err(BeaconRefusal::SignatureWrong);
        }
        let randomness = Sha256::digest(bytes).into();
        if beacon.randomness.is_some_and(|said| said != randomness) {
            return Err(BeaconRefusal::RandomnessWrong);
        }
        Ok(Verified { chain_hash: *self.hash(), round: beacon.round, signature: bytes, randomness })
    }

    /// Verifies a round, which must be the one that was asked for.
    ///
    /// # Errors
    ///
    /// Every reason for which the round is not accepted.
    pub fn verify_round(&self, asked: u64, beacon: &Beacon) -> Result<Verified, BeaconRefusal> {
        match asked {
            0 => Err(BeaconRefusal::RoundZero),
            _ if beacon.round != asked => Err(BeaconRefusal::OtherRound { asked, answered: beacon.round }),
            _ => self.verify(beacon),
        }
    }

    /// Accepts the JSON of a round that somebody hands in, or that a relay serves: it must be the one that was asked for.
    /// Where it comes from makes no difference.
    ///
    /// # Errors
    ///
    /// Every reason for which the round is not accepted.
    pub fn accept(&self, asked: u64, json: &str) -> Result<Verified, BeaconRefusal> {
        self.verify_round(asked, &Beacon::read(json)?)
    }
}

/// What is signed for a round: `SHA256(BE64(round))`.
pub(super) fn message(round: u64) -> [u8; 32] {
    Sha256::digest(round.to_be_bytes()).into()
}

/// The point of a signature, if these are the bytes of its one encoding.
fn decoded(signature: &[u8]) -> Result<([u8; SIGNATURE_BYTES], Signature), BeaconRefusal> {
    let bytes: [u8; SIGNATURE_BYTES] =
        signature.try_into().map_err(|_| BeaconRefusal::SignatureLength(signature.len()))?;
    if bytes[0] & COMPRESSED == 0 {
        return Err(BeaconRefusal::NotCompressed);
    }
    if bytes[0] & INFINITY != 0 {
        return Err(BeaconRefusal::Infinity);
    }
    let point = Signature::uncompress(&bytes).map_err(|why| match why {
        BLST_ERROR::BLST_POINT_NOT_ON_CURVE => BeaconRefusal::NotOnCurve,
        BLST_ERROR::BLST_POINT_NOT_IN_GROUP => BeaconRefusal::OutsideGroup,
        // The length and the flags are right, so what is left is the coordinate.
        _ => BeaconRefusal::NotReduced,
    })?;
    if !point.subgroup_check() {
        return Err(BeaconRefusal::OutsideGroup);
    }
    // Belt and braces: what this point is written as is what was read.
    if point.compress() != bytes {
        return Err(BeaconRefusal::NotReduced);
    }
    Ok((bytes, point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beacon::local;

    #[test]
    fn only_the_round_that_was_asked_for_is_accepted() {
        let code =
            |asked, round| Chain::local().accept(asked, &local::sign(round).json()).map_err(|why| why.code());
        assert_eq!(code(5, 5).map(|verified| verified.round()), Ok(5));
        assert_eq!(code(6, 5), Err("other_round"));
        for (asked, round) in [(0, 5), (0, 0)] {
            assert_eq!(code(asked, round), Err("round_zero"));
        }
        assert_eq!(code(5, 0), Err("other_round"));
    }
}
