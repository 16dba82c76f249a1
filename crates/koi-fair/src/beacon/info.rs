//! The info of a chain as relays serve it, and back.

use std::num::NonZeroU32;

use blst::min_sig::PublicKey;
use serde::{Deserialize, Serialize};

use super::chain::bytes;
use super::{Chain, ChainRefusal, PUBLIC_KEY_BYTES, SCHEME};

/// Bytes of an info that are read.
pub const INFO_BYTES_MAX: usize = 16 * 1024;

/// The scheme of drand's former *fastnet*.
const FASTNET_SCHEME: &str = "bls-unchained-on-g1";
/// fastnet's hash. The scheme is not in it, so that its info could go about under the name of another scheme.
const FASTNET_HASH: [u8; 32] = bytes("dbd506d6ef76e5f386f41c651dcb808c5bcbd75471cc4eafa3f4df7ad4e4c493");

/// The JSON of `GET /{chain_hash}/info`.
#[derive(Serialize, Deserialize)]
struct Info {
    public_key: String,
    period: u32,
    genesis_time: i64,
    hash: String,
    #[serde(rename = "groupHash")]
    group_hash: String,
    #[serde(rename = "schemeID")]
    scheme_id: String,
    metadata: Metadata,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    #[serde(rename = "beaconID")]
    beacon_id: String,
}

impl Chain {
    /// Reads the info of a chain, as relays answer `/{chain_hash}/info`, and recomputes its hash.
    ///
    /// Whoever uses it must know the chain by its hash: anybody can make a chain.
    ///
    /// # Errors
    ///
    /// Every reason for which the chain is not accepted.
    pub fn read(json: &str) -> Result<Self, ChainRefusal> {
        if json.len() > INFO_BYTES_MAX {
            return Err(ChainRefusal::TooLong);
        }
        let info: Info = serde_json::from_str(json).map_err(|why| ChainRefusal::Unreadable(why.to_string()))?;
        match info.scheme_id.as_str() {
            SCHEME => {}
            FASTNET_SCHEME => return Err(ChainRefusal::Fastnet),
            _ => return Err(ChainRefusal::Scheme(info.scheme_id)),
        }
        let period_s = NonZeroU32::new(info.period).ok_or(ChainRefusal::PeriodZero)?;
        let mut public_key = [0; PUBLIC_KEY_BYTES];
        hex::decode_to_slice(&info.public_key, &mut public_key).map_err(|_| ChainRefusal::PublicKey)?;
        if decoded(&public_key).is_none() {
            return Err(ChainRefusal::PublicKey);
        }
        let hash = |name: &str, text: &str| {
            let mut bytes = [0; 32];
            let read = hex::decode_to_slice(text, &mut bytes);
            read.map(|()| bytes)
                .map_err(|why| ChainRefusal::Unreadable(format!("{name} is not 32 bytes in hex: {why}")))
        };
        let (stated, group_hash) = (hash("hash", &info.hash)?, hash("groupHash", &info.group_hash)?);
        let chain = Chain::of_parts(info.genesis_time, period_s, public_key, group_hash, info.metadata.beacon_id);
        if *chain.hash() != stated {
            let (stated, computed) = (hex::encode(stated), hex::encode(chain.hash()));
            return Err(ChainRefusal::Hash { stated, computed });
        }
        if stated == FASTNET_HASH {
            return Err(ChainRefusal::Fastnet);
        }
        Ok(chain)
    }

    /// The info of the chain, as relays answer it: one line of JSON.
    pub fn info(&self) -> String {
        let info = Info {
            public_key: hex::encode(self.public_key()),
            period: self.period_s(),
            genesis_time: self.genesis_s(),
            hash: hex::encode(self.hash()),
            group_hash: hex::encode(self.group_hash()),
            scheme_id: SCHEME.to_owned(),
            metadata: Metadata { beacon_id: self.beacon_id().to_owned() },
        };
        // Texts and numbers are always JSON.
        serde_json::to_string(&info).unwrap_or_default()
    }
}

/// The point of a public key: of the group of prime order, not infinity, in its one canonical encoding.
pub(super) fn decoded(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Option<PublicKey> {
    let key = PublicKey::uncompress(bytes).ok()?;
    key.validate().ok()?;
    (key.compress() == *bytes).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_reads_back() {
        for chain in [Chain::quicknet(), Chain::local()] {
            assert_eq!(Chain::read(&chain.info()), Ok(chain));
        }
    }

    #[test]
    fn an_info_is_as_short_as_it_says() {
        let long = format!("{}{}", Chain::quicknet().info(), " ".repeat(INFO_BYTES_MAX));
        assert_eq!(Chain::read(&long), Err(ChainRefusal::TooLong));
    }
}
