//! Cosignatures: what witnesses add to a checkpoint (<https://c2sp.org/tlog-cosignature>).
//!
//! A witness says: at this time, this was the largest state of the log that I have seen, and it contains
//! everything I saw before. With enough witnesses nobody can be shown another history; with their times it is
//! also known that a checkpoint was there *before* something else happened, such as a beacon's round. Only the
//! Ed25519 kind is known here (signature type 0x04).
//!
//! ```
//! use koi_fair::log::{Checkpoint, CosignTime, CosignerKey, Quorum, SignerKey, TreeHash};
//!
//! // Everybody knows the secrets of this example.
//! let log = SignerKey::from_seed("example.com/log", [7; 32])?;
//! let press = CosignerKey::from_seed("press.example", [8; 32])?;
//! let rival = CosignerKey::from_seed("rival.example", [9; 32])?;
//!
//! let checkpoint = Checkpoint::new("example.com/log", 1, TreeHash::of_leaf(b"entry"))?.sign(&[&log])?;
//! let time = CosignTime::of_seconds(1_700_000_000)?;
//! let cosigned = checkpoint.clone().with(press.cosign(&checkpoint, time))?;
//!
//! let quorum = Quorum::new(vec![press.witness(), rival.witness()], 1)?;
//! let cosignatures = quorum.before(&cosigned, 1_700_000_001)?;
//! assert_eq!(cosignatures[0].name.as_str(), "press.example");
//! assert!(quorum.before(&cosigned, 1_700_000_000).is_err()); // at the time is not before it
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::str::FromStr;

use super::checkpoint::SignedCheckpoint;
use super::note::{KeyError, KeyName, PublicKey, Secret, Signature};

/// The type byte of cosignatures.
const TYPE_COSIGNATURE: u8 = 0x04;

/// The time of a cosignature, in seconds since the epoch: 1 to 2⁶³ − 1. Zero would say nothing of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CosignTime(u64);

/// A time that no cosignature can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cosignature can have the time {seconds}")]
pub struct TimeOutOfRange {
    /// The time, in seconds since the epoch.
    pub seconds: u64,
}

impl CosignTime {
    /// A time in seconds since the epoch.
    ///
    /// # Errors
    ///
    /// If it is 0 or above 2⁶³ − 1.
    pub fn of_seconds(seconds: u64) -> Result<Self, TimeOutOfRange> {
        let in_range = (1..=i64::MAX.unsigned_abs()).contains(&seconds);
        if in_range { Ok(Self(seconds)) } else { Err(TimeOutOfRange { seconds }) }
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

/// What a witness signs: two lines in front of the checkpoint's text.
fn message(time: CosignTime, text: &str) -> String {
    format!("cosignature/v1\ntime {}\n{text}", time.seconds())
}

/// A key that checks cosignatures: `<name>+<id>+<base64 of 0x04 and key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessKey(PublicKey);

impl WitnessKey {
    /// The witness's name.
    pub fn name(&self) -> &KeyName {
        self.0.name()
    }

    /// The key's id: with the name it tells which signatures are this key's.
    pub fn id(&self) -> [u8; 4] {
        self.0.id()
    }

    /// Whether both are the same key, whatever their names.
    pub(super) fn is_same_key(&self, other: &Self) -> bool {
        self.0.bytes() == other.0.bytes()
    }

    /// When this witness cosigned, if it did.
    ///
    /// # Errors
    ///
    /// If its cosignature is not right, or has a time that none can have.
    pub fn time_of(&self, checkpoint: &SignedCheckpoint) -> Result<Option<CosignTime>, CosignatureError> {
        let name = || self.name().clone();
        let found = checkpoint.note().signature_of(&self.0);
        let Some(signature) = found.map_err(|_| CosignatureError::Wrong { name: name() })? else {
            return Ok(None);
        };
        let (time, bytes) =
            signature.bytes().split_first_chunk().ok_or(CosignatureError::Wrong { name: name() })?;
        let time = CosignTime::of_seconds(u64::from_be_bytes(*time))
            .map_err(|_| CosignatureError::TimeOutOfRange { name: name() })?;
        let message = message(time, checkpoint.note().text_unverified());
        let right = self.0.verifies(message.as_bytes(), bytes);
        if right { Ok(Some(time)) } else { Err(CosignatureError::Wrong { name: name() }) }
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PublicKey::parse(text, TYPE_COSIGNATURE).map(Self)
    }
}

/// A secret key that cosigns: `PRIVATE+KEY+<name>+<id>+<base64 of 0x04 and seed>`. It must not be used for
/// anything else, since what it signs does not name it.
#[derive(Clone, Debug)]
pub struct CosignerKey(Secret);

impl CosignerKey {
    /// The key of a name and a secret of 32 random bytes.
    ///
    /// # Errors
    ///
    /// If the name is not that of a key.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        Secret::from_seed(name, TYPE_COSIGNATURE, seed).map(Self)
    }

    /// The secret as text, to be kept where only its owner can read it.
    pub fn to_secret_text(&self) -> String {
        self.0.to_text()
    }

    /// The key that checks what this one cosigns.
    pub fn witness(&self) -> WitnessKey {
        WitnessKey(self.0.public())
    }

    /// The cosignature of a checkpoint. Who calls this has seen that the log only grew: see
    /// [`decide`](super::decide).
    pub fn cosign(&self, checkpoint: &SignedCheckpoint, time: CosignTime) -> Signature {
        let signature = self.0.sign(message(time, checkpoint.note().text_unverified()).as_bytes());
        self.0.line([&time.seconds().to_be_bytes()[..], &signature].concat())
    }
}

impl FromStr for CosignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Secret::parse(text, TYPE_COSIGNATURE).map(Self)
    }
}

/// Who cosigned, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness.
    pub name: KeyName,
    /// The time that it says.
    pub time: CosignTime,
}

/// Why the cosignatures of a checkpoint are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// A known witness's cosignature is not right, or there are two.
    #[error("the cosignature of {name} is not right")]
    Wrong {
        /// The witness.
        name: KeyName,
    },
    /// A known witness's cosignature has a time of 0 or above 2⁶³ − 1.
    #[error("the cosignature of {name} has no time")]
    TimeOutOfRange {
        /// The witness.
        name: KeyName,
    },
    /// Fewer witnesses cosigned than are needed.
    #[error("{found} of the witnesses cosigned, {needed} are needed")]
    TooFew {
        /// How many are needed.
        needed: usize,
        /// How many cosigned, at any time.
        found: usize,
    },
    /// Enough witnesses cosigned, but too few of them early enough.
    #[error("{in_time} of the witnesses cosigned before {before}, {needed} are needed")]
    TooLate {
        /// The time before which they had to, in seconds since the epoch.
        before: u64,
        /// How many are needed.
        needed: usize,
        /// How many cosigned before.
        in_time: usize,
    },
}

#[cfg(test)]
mod tests;
