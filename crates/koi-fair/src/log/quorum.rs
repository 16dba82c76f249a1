//! How many of which witnesses must have cosigned.

use super::checkpoint::SignedCheckpoint;
use super::cosignature::{Cosignature, CosignatureError, WitnessKey};
use super::note::KeyName;

/// Why witnesses cannot make a quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// More are needed than there are.
    #[error("{needed} witnesses are needed of {witnesses}")]
    TooFew {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        witnesses: usize,
    },
    /// Two have the same name and id, or the same key under two names: one would count for two.
    #[error("the witness {name} is another one, too")]
    Same {
        /// The second of the two.
        name: KeyName,
    },
}

/// Named witnesses, and how many of them must cosign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    witnesses: Vec<WitnessKey>,
    needed: usize,
}

impl Quorum {
    /// Of these witnesses, `needed` must cosign; 0 if none has to.
    ///
    /// # Errors
    ///
    /// If there are too few, or one stands for two.
    pub fn new(witnesses: Vec<WitnessKey>, needed: usize) -> Result<Self, QuorumError> {
        if needed > witnesses.len() {
            return Err(QuorumError::TooFew { needed, witnesses: witnesses.len() });
        }
        for (place, witness) in witnesses.iter().enumerate() {
            let same = |other: &WitnessKey| other.name() == witness.name() || other.is_same_key(witness);
            if witnesses[..place].iter().any(same) {
                return Err(QuorumError::Same { name: witness.name().clone() });
            }
        }
        Ok(Self { witnesses, needed })
    }

    /// How many must cosign.
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// The witnesses that cosigned, in the order of the quorum, each with its time.
    ///
    /// # Errors
    ///
    /// If they are too few, or one of them did it wrongly.
    pub fn reached(&self, checkpoint: &SignedCheckpoint) -> Result<Vec<Cosignature>, CosignatureError> {
        let mut found = Vec::new();
        for witness in &self.witnesses {
            let time = witness.time_of(checkpoint)?;
            found.extend(time.map(|time| Cosignature { name: witness.name().clone(), time }));
        }
        let enough = found.len() >= self.needed;
        if enough { Ok(found) } else { Err(CosignatureError::TooFew { needed: self.needed, found: found.len() }) }
    }

    /// The witnesses that cosigned before a time (in seconds since the epoch). At the time is too late.
    ///
    /// # Errors
    ///
    /// If they are too few, or one of all that cosigned did it wrongly.
    pub fn before(
        &self,
        checkpoint: &SignedCheckpoint,
        before: u64,
    ) -> Result<Vec<Cosignature>, CosignatureError> {
        let mut found = self.reached(checkpoint)?;
        found.retain(|cosignature| cosignature.time.seconds() < before);
        let (needed, in_time) = (self.needed, found.len());
        if in_time >= needed { Ok(found) } else { Err(CosignatureError::TooLate { before, needed, in_time }) }
    }
}
