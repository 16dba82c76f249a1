//! A round as relays serve it, before anybody has verified it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BeaconRefusal, SIGNATURE_BYTES};

/// Bytes of a round's JSON that are read.
pub const BEACON_BYTES_MAX: usize = 16 * 1024;

/// A round as a relay serves it. Nothing in it is believed before [`Chain::verify`](super::Chain::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The number of the round.
    pub round: u64,
    /// The signature's bytes.
    pub signature: Vec<u8>,
    /// What the relay says the randomness is. Newer relays leave it out, since it follows from the signature.
    pub randomness: Option<[u8; 32]>,
}

/// The JSON of `GET /{chain_hash}/public/{round}`. Relays may add names; these may not stand twice.
#[derive(Serialize, Deserialize)]
struct Answer {
    round: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    randomness: Option<String>,
    signature: String,
}

impl Beacon {
    /// Reads the JSON of a round, as relays answer `/{chain_hash}/public/{round}`.
    ///
    /// # Errors
    ///
    /// [`BeaconRefusal::TooLong`] and [`BeaconRefusal::Unreadable`].
    pub fn read(json: &str) -> Result<Self, BeaconRefusal> {
        if json.len() > BEACON_BYTES_MAX {
            return Err(BeaconRefusal::TooLong);
        }
        let answer: Answer =
            serde_json::from_str(json).map_err(|why| BeaconRefusal::Unreadable(why.to_string()))?;
        let not_hex = |name: &str, why: hex::FromHexError| {
            BeaconRefusal::Unreadable(format!("the {name} is not hex: {why}"))
        };
        let signature = hex::decode(&answer.signature).map_err(|why| not_hex("signature", why))?;
        let randomness = answer.randomness.map(|text| {
            let mut bytes = [0; 32];
            let read = hex::decode_to_slice(&text, &mut bytes);
            read.map(|()| bytes).map_err(|why| not_hex("randomness of 32 bytes", why))
        });
        Ok(Self { round: answer.round, signature, randomness: randomness.transpose()? })
    }

    /// A round of its number and signature, with the randomness that follows.
    pub fn of_signature(round: u64, signature: [u8; SIGNATURE_BYTES]) -> Self {
        Self { round, signature: signature.to_vec(), randomness: Some(Sha256::digest(signature).into()) }
    }

    /// The JSON of the round, as relays answer it: one line.
    pub fn json(&self) -> String {
        let answer = Answer {
            round: self.round,
            randomness: self.randomness.map(hex::encode),
            signature: hex::encode(&self.signature),
        };
        // Texts and numbers are always JSON.
        serde_json::to_string(&answer).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_read_as_relays_write_them() {
        let sig = "0a".repeat(48);
        let of = |json: &str| {
            Beacon::read(json).map(|beacon| (beacon.round, beacon.randomness)).map_err(|why| why.code())
        };
        for (json, expected) in [
            (format!(r#"{{"round":7,"signature":"{sig}"}}"#), Ok((7, None))),
            (format!(r#"{{"round":7,"signature":"{sig}","randomness":null,"more":[1]}}"#), Ok((7, None))),
            (format!(r#" {{"signature":"{}","round":7}} "#, sig.to_uppercase()), Ok((7, None))),
            (
                format!(r#"{{"round":7,"randomness":"{}","signature":"{sig}"}}"#, "0b".repeat(32)),
                Ok((7, Some([11; 32]))),
            ),
            (format!(r#"{{"round":"7","signature":"{sig}"}}"#), Err("unreadable")),
            (format!(r#"{{"round":-7,"signature":"{sig}"}}"#), Err("unreadable")),
            (format!(r#"{{"round":7.0,"signature":"{sig}"}}"#), Err("unreadable")),
            (format!(r#"{{"round":7,"round":7,"signature":"{sig}"}}"#), Err("unreadable")),
            (format!(r#"{{"round":7,"signature":"{sig}","randomness":"0b"}}"#), Err("unreadable")),
            (r#"{"round":7}"#.to_owned(), Err("unreadable")),
            (r#"{"round":7,"signature":"0x12"}"#.to_owned(), Err("unreadable")),
            ("[]".to_owned(), Err("unreadable")),
            (String::new(), Err("unreadable")),
            (" ".repeat(BEACON_BYTES_MAX + 1), Err("too_long")),
        ] {
            assert_eq!(of(&json), expected, "{json}");
        }
    }

    #[test]
    fn a_round_reads_back() {
        let beacon = Beacon::of_signature(9, [7; 48]);
        assert_eq!(Beacon::read(&beacon.json()), Ok(beacon));
    }
}
