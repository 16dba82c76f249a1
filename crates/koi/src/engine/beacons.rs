//! The chains of public randomness that are known here, and which of them seals what is approved from now on.
//!
//! A campaign keeps the chain that it was sealed with, whatever the setting says later: quicknet and the local chain are
//! both known at any time.

use koi_core::campaign::{Beacon, Seal};
use koi_core::rules::Rules;
use koi_core::time::Time;
use koi_fair::beacon::{self, BeaconRefusal, Chain, local};
use koi_fair::replay::sealing_round;
use koi_fair::statement::Instant;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// What rounds are taken from, and verified against.
#[derive(Clone, Debug)]
pub struct Beacons {
    /// The chain that seals what is approved.
    sealing: Chain,
    /// Whether its rounds are signed here, ahead of every clock. Else they are known when somebody brings them.
    at_once: bool,
    known: Vec<Chain>,
}

/// Why a round does not unseal a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unaccepted {
    /// It is not the round, or not signed as it should be.
    #[error("{0}")]
    Refused(BeaconRefusal),
    /// It is genuine, and of another chain than the one that the campaign was sealed with.
    #[error("it is a round of the chain {is}, the campaign was sealed with one of {asked}")]
    OtherChain {
        /// The name of the chain that the campaign was sealed with.
        asked: String,
        /// The name of the chain that signed.
        is: String,
    },
    /// The campaign was sealed with a chain that is not known here.
    #[error("the chain {} is not known here", hex::encode(.0))]
    UnknownChain([u8; 32]),
    /// By this server's clock the round's time has not come: the clock is behind.
    #[error("by this server's clock the round's time, {0}, has not come")]
    Early(Time),
}

impl Beacons {
    /// drand's quicknet: nobody knows a round before its time, and somebody has to bring it then.
    pub fn quicknet() -> Self {
        Self::brought(Chain::quicknet())
    }

    /// The local chain, whose rounds are signed here at once: nothing that is drawn from it is a public draw.
    pub fn local() -> Self {
        Self { at_once: true, ..Self::brought(Chain::local()) }
    }

    /// A chain whose rounds have to be brought. (Tests bring those of the local chain, the only one that they can sign.)
    pub(crate) fn brought(sealing: Chain) -> Self {
        Self { sealing, at_once: false, known: vec![Chain::quicknet(), Chain::local()] }
    }

    /// What seals the stock of rules that are stated now.
    pub fn seal(&self, rules: &Rules, now: Time) -> Seal {
        let round = sealing_round(&self.sealing, Instant(rules.starts_at.ms()), Instant(now.ms()));
        let beacon = self.at_once.then(|| signed_here(round));
        Seal { stated_at: now, chain: *self.sealing.hash(), round, beacon }
    }

    /// The chain of a hash, if it is known here.
    pub fn chain(&self, hash: &[u8; 32]) -> Option<&Chain> {
        self.known.iter().find(|chain| chain.hash() == hash)
    }

    /// Whether a round that somebody brings is the one that a campaign was sealed with, signed by its chain.
    ///
    /// One that is known already is accepted whatever the clock says. Any other is known to nobody before its time: who
    /// brings it before that has a clock to set right, and would be said to have foreseen it.
    pub fn accept(&self, seal: &Seal, round: u64, brought: &Beacon, now: Time) -> Result<(), Unaccepted> {
        let chain = self.chain(&seal.chain).ok_or(Unaccepted::UnknownChain(seal.chain))?;
        let signed =
            beacon::Beacon { round, signature: brought.signature.to_vec(), randomness: Some(brought.randomness) };
        if let Err(refusal) = chain.verify_round(seal.round, &signed) {
            return Err(self.explained(chain, &signed, refusal));
        }
        let time = time_of(chain, round).filter(|time| seal.beacon.is_none() && now < *time);
        time.map_or(Ok(()), |time| Err(Unaccepted::Early(time)))
    }

    /// A round of another chain is said to be that: quicknet's and the local chain's look alike.
    fn explained(&self, chain: &Chain, signed: &beacon::Beacon, refusal: BeaconRefusal) -> Unaccepted {
        let is_genuine = |other: &&Chain| *other != chain && other.verify(signed).is_ok();
        match self.known.iter().find(is_genuine) {
            Some(other) => {
                Unaccepted::OtherChain { asked: chain.beacon_id().to_owned(), is: other.beacon_id().to_owned() }
            }
            None => Unaccepted::Refused(refusal),
        }
    }
}

/// When a round of a chain can be known.
pub fn time_of(chain: &Chain, round: u64) -> Option<Time> {
    Some(Time::of_ms(chain.time_s(round)?.checked_mul(1000)?))
}

/// The local chain signs any round when it is asked to, ahead of every clock: what is drawn by it is no public draw.
fn signed_here(round: u64) -> Beacon {
    let signature = local::sign(round).signature;
    Beacon { randomness: Sha256::digest(&signature).into(), signature: signature.into() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A round of quicknet as api.drand.sh served it; of 2026-06-30T07:09:24Z (verify/vectors/beacon.json).
    pub(crate) const ROUND: u64 = 30_000_000;
    pub(crate) const SIGNATURE: &str =
        "81d2fc112b91932d9e4074a46b88c4dc78149b859660e0673c0bb9bd0caefdc9cc194e83de980441355b8ef44cc7a355";
    const TIME: Time = Time::of_ms(1_782_803_364_000);

    fn of_signature(signature: &[u8]) -> Beacon {
        Beacon { randomness: Sha256::digest(signature).into(), signature: signature.into() }
    }

    fn genuine() -> Beacon {
        of_signature(&hex::decode(SIGNATURE).unwrap())
    }

    fn sealed(chain: &Chain, round: u64) -> Seal {
        Seal { stated_at: Time::of_ms(0), chain: *chain.hash(), round, beacon: None }
    }

    fn refused(why: BeaconRefusal) -> Result<(), Unaccepted> {
        Err(Unaccepted::Refused(why))
    }

    #[test]
    fn quicknet_has_the_round_that_it_was_sealed_with_and_no_other() {
        for beacons in [Beacons::quicknet(), Beacons::local()] {
            let seal = sealed(&Chain::quicknet(), ROUND);
            assert_eq!(beacons.accept(&seal, ROUND, &genuine(), TIME), Ok(()), "whatever the setting says later");
            let asked = ROUND;
            assert_eq!(
                beacons.accept(&seal, ROUND + 1, &genuine(), TIME),
                refused(BeaconRefusal::OtherRound { asked, answered: ROUND + 1 })
            );
            let another = sealed(&Chain::quicknet(), ROUND + 1);
            assert_eq!(
                beacons.accept(&another, ROUND + 1, &genuine(), TIME.plus_ms(3000)),
                refused(BeaconRefusal::SignatureWrong)
            );
        }
    }

    #[test]
    fn a_round_of_another_chain_is_called_that() {
        let brought = signed_here(ROUND);
        assert_eq!(
            Beacons::quicknet().accept(&sealed(&Chain::quicknet(), ROUND), ROUND, &brought, TIME),
            Err(Unaccepted::OtherChain { asked: "quicknet".into(), is: "koi-local".into() })
        );
        assert_eq!(
            Beacons::quicknet().accept(&sealed(&Chain::local(), ROUND), ROUND, &genuine(), TIME),
            Err(Unaccepted::OtherChain { asked: "koi-local".into(), is: "quicknet".into() })
        );
        let unknown = Seal { chain: [7; 32], ..sealed(&Chain::local(), ROUND) };
        assert_eq!(
            Beacons::quicknet().accept(&unknown, ROUND, &brought, TIME),
            Err(Unaccepted::UnknownChain([7; 32]))
        );
    }

    #[test]
    fn randomness_is_that_of_the_signature() {
        let brought = Beacon { randomness: [0; 32], ..genuine() };
        let seal = sealed(&Chain::quicknet(), ROUND);
        let accepted = Beacons::quicknet().accept(&seal, ROUND, &brought, TIME);
        assert_eq!(accepted, refused(BeaconRefusal::RandomnessWrong));
    }

    #[test]
    fn nobody_brings_a_round_before_its_time() {
        let accept = |seal: &Seal, now| Beacons::quicknet().accept(seal, ROUND, &genuine(), now);
        let seal = sealed(&Chain::quicknet(), ROUND);
        assert_eq!(accept(&seal, TIME.plus_ms(-1)), Err(Unaccepted::Early(TIME)));
        assert_eq!(accept(&seal, TIME), Ok(()));
        let known = Seal { beacon: Some(genuine()), ..seal };
        assert_eq!(accept(&known, TIME.plus_ms(-1)), Ok(()), "it is known already");
    }

    #[test]
    fn every_flipped_bit_of_a_signature_is_refused() {
        let seal = sealed(&Chain::quicknet(), ROUND);
        let signature = hex::decode(SIGNATURE).unwrap();
        for bit in 0..8 * signature.len() {
            let mut other = signature.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let accepted = Beacons::quicknet().accept(&seal, ROUND, &of_signature(&other), TIME);
            assert!(matches!(accepted, Err(Unaccepted::Refused(_))), "bit {bit}: {accepted:?}");
        }
    }

    #[test]
    fn rounds_have_their_time() {
        assert_eq!(time_of(&Chain::quicknet(), ROUND), Some(TIME));
        assert_eq!(time_of(&Chain::quicknet(), 0), None);
        assert_eq!(time_of(&Chain::quicknet(), u64::MAX), None);
    }
}
