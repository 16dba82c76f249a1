//! That the operator was bound before the round: the seal is in a log that witnesses saw in time, and its round follows
//! from the rules. A person's proof and the audit of the whole draw begin with the same questions.

use sha2::{Digest, Sha256};

use super::{
    DrawProofRefusal, DrawRefusal, EXCLUSIONS_HEADING, Exclusions, Outcome, Sealed, Seed, outcome_and_skipped,
};
use crate::beacon::{Beacon, Chain, SIGNATURE_BYTES, Verified};
use crate::log::{Cosignature, KnownLog, Quorum, SignedCheckpoint, TreeHash, VerifierKey, verify_inclusion};
use crate::statement::{DrawSeal, DrawStatement, Instant};

/// Milliseconds of a second.
const SECOND_MS: i64 = 1_000;

/// What whoever checks a draw trusts from the beginning. Everything else is shown.
#[derive(Clone, Debug)]
pub struct DrawTrust {
    /// The statement log and its keys.
    pub log: KnownLog,
    /// The chains whose rounds are accepted.
    pub chains: Vec<Chain>,
    /// Witnesses that must have cosigned before the round besides those that the rules name, if any.
    pub quorum: Option<Quorum>,
}

impl DrawTrust {
    /// Trusts a log by its key, whose name is the log's origin. Quicknet is known, and the local chain, which is told of.
    pub fn of_key(key: VerifierKey) -> Self {
        let log = KnownLog { origin: key.name().to_string(), keys: vec![key] };
        Self { log, chains: vec![Chain::quicknet(), Chain::local()], quorum: None }
    }
}

/// What is known once it is shown that the seal came before the round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The chain of the round.
    pub chain: Chain,
    /// The number of statements that the checkpoint covers.
    pub log_size: u64,
    /// The root over them.
    pub log_root: TreeHash,
    /// Who cosigned before the round, and when.
    pub cosigned: Vec<Cosignature>,
    /// The hash of the rules, which is in the seed.
    pub rules_hash: [u8; 32],
    /// The time of the round, in seconds since the epoch.
    pub round_s: u64,
}

/// Where the seal is in the log, and who saw it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealInLog {
    /// A checkpoint that covers the seal, cosigned before the round.
    pub checkpoint: SignedCheckpoint,
    /// The seal's index in the log, from 0.
    pub index: u64,
    /// The inclusion proof of the seal, from the leaf to the checkpoint's root.
    pub hashes: Vec<TreeHash>,
}

impl SealInLog {
    /// Checks that the seal is in the log, that its round follows from its rules, and that it was seen in time.
    pub(super) fn bind(&self, seal: &DrawSeal, trust: &DrawTrust) -> Result<Bound, DrawProofRefusal> {
        let checkpoint = self.checkpoint.open(&trust.log.origin, &trust.log.keys)?;
        let leaf = DrawStatement::Seal(Box::new(seal.clone())).leaf().map_err(DrawProofRefusal::Statement)?;
        verify_inclusion(
            self.index,
            checkpoint.size(),
            &TreeHash::of_leaf(&leaf),
            &self.hashes,
            &checkpoint.root(),
        )
        .map_err(|why| DrawProofRefusal::SealInclusion { index: self.index, why })?;
        seen_in_time(seal, &self.checkpoint, trust)
    }
}

/// Checks that the round of a seal, which the checkpoint covers, follows from its rules, and that it was seen in time.
pub(super) fn seen_in_time(
    seal: &DrawSeal,
    signed: &SignedCheckpoint,
    trust: &DrawTrust,
) -> Result<Bound, DrawProofRefusal> {
    let checkpoint = signed.open(&trust.log.origin, &trust.log.keys)?;
    let (log_size, log_root) = (checkpoint.size(), checkpoint.root());
    let (chain, round_ms) = round_of(seal, &trust.chains)?;
    in_order(seal, round_ms)?;
    let round_s = u64::try_from(round_ms.div_euclid(SECOND_MS)).unwrap_or(0);
    // The statement was read, so its witnesses make a quorum.
    let quorum = seal.rules.quorum().map_err(|why| DrawProofRefusal::Member(why.to_string()))?;
    let mut cosigned = quorum.before(signed, round_s)?;
    if let Some(own) = &trust.quorum {
        let more = own.before(signed, round_s)?;
        cosigned.extend(more.into_iter().filter(|one| !cosigned.contains(one)).collect::<Vec<_>>());
    }
    let rules_hash = seal.rules.hash().map_err(DrawProofRefusal::Statement)?;
    Ok(Bound { chain, log_size, log_root, cosigned, rules_hash, round_s })
}

/// The chain, and the time of the round in milliseconds since the epoch.
fn round_of(seal: &DrawSeal, chains: &[Chain]) -> Result<(Chain, i64), DrawProofRefusal> {
    if seal.draw != seal.rules.draw {
        let (seal, rules) = (seal.draw.clone(), seal.rules.draw.clone());
        return Err(DrawProofRefusal::DrawDiffers { seal, rules });
    }
    let beacon = &seal.rules.beacon;
    let chain = chains.iter().find(|chain| *chain.hash() == beacon.chain.0);
    let chain = chain.ok_or_else(|| DrawProofRefusal::ChainUnknown(beacon.chain.to_string()))?;
    if beacon.local != chain.notice().is_some() {
        return Err(DrawProofRefusal::ChainLocal { said: beacon.local });
    }
    let computed = seal.rules.round(chain);
    let round_ms = chain.time_s(computed).and_then(|time_s| time_s.checked_mul(SECOND_MS));
    match round_ms {
        Some(round_ms) if seal.round == computed => Ok((chain.clone(), round_ms)),
        Some(_) | None => Err(DrawProofRefusal::RoundFormula { said: seal.round, computed }),
    }
}

/// Rules, close, seal, round: in this order.
fn in_order(seal: &DrawSeal, round_ms: i64) -> Result<(), DrawProofRefusal> {
    let (rules, at) = (&seal.rules, seal.at);
    let close = rules.close;
    if rules.at >= close {
        return Err(DrawProofRefusal::RulesLate { at: rules.at, close });
    }
    if at < close {
        return Err(DrawProofRefusal::SealedEarly { at, close });
    }
    if at.0 >= round_ms {
        return Err(DrawProofRefusal::SealedLate { at, round: Instant(round_ms) });
    }
    Ok(())
}

impl Bound {
    /// The round's randomness, from its signature.
    pub(super) fn verified(
        &self,
        round: u64,
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<Verified, DrawProofRefusal> {
        let beacon = Beacon::of_signature(round, *signature);
        self.chain.verify_round(round, &beacon).map_err(DrawProofRefusal::Beacon)
    }
}

/// Who wins by the round, with the excluded entries that were met on the way. `exclusions` has those that count for the
/// draw; how many there are in all, the seal says.
pub(super) fn drawn(
    seal: &DrawSeal,
    rules_hash: [u8; 32],
    round: &Verified,
    exclusions: &Exclusions,
) -> Result<(Outcome, Vec<u64>), DrawRefusal> {
    let (entries, reserves) = (seal.entries, seal.rules.reserves);
    let (asked, available) = (u64::from(reserves) + 1, entries.saturating_sub(seal.exclusions.count));
    if asked > available {
        return Err(DrawRefusal::TooFewEntries { asked, available, entries });
    }
    let sealed = Sealed { rules_hash, root: seal.root.0, entries };
    let seed = Seed::new(&sealed, round.chain_hash(), round.round(), round.randomness());
    outcome_and_skipped(&seed, entries, exclusions, reserves)
}

/// Checks what is known of the exclusions against the seal, and gives those that count: the list where there is
/// one, otherwise those that are said to have been passed over.
pub(super) fn exclusions(
    seal: &DrawSeal,
    list: Option<&str>,
    skipped: &[u64],
) -> Result<Exclusions, DrawProofRefusal> {
    let (sealed, entries) = (seal.exclusions, seal.entries);
    let read = list.map(Exclusions::read_published).transpose().map_err(DrawProofRefusal::Exclusions)?;
    // Of no exclusions everybody has the list.
    let list = if sealed.count == 0 { list.or(Some(EXCLUSIONS_HEADING)) } else { list };
    if let Some(text) = list {
        let found: [u8; 32] = Sha256::digest(text).into();
        if found != sealed.hash.0 {
            let (found, sealed) = (hex::encode(found), sealed.hash.to_string());
            return Err(DrawProofRefusal::ExclusionsHash { found, sealed });
        }
    }
    let found = read.as_ref().map_or(sealed.count, |list| list.len() as u64);
    let wrong = |found| DrawProofRefusal::ExclusionsCount { found, sealed: sealed.count, entries };
    if found != sealed.count || sealed.count > entries {
        return Err(wrong(found));
    }
    if skipped.len() as u64 > sealed.count {
        return Err(wrong(skipped.len() as u64));
    }
    let mut indices = match read {
        Some(list) => list.into_iter().map(|exclusion| exclusion.index).collect(),
        None => skipped.to_vec(),
    };
    indices.sort_unstable();
    let exclusions = Exclusions::of(indices).map_err(DrawProofRefusal::Exclusions)?;
    let outside = exclusions.last().filter(|index| *index >= entries);
    match outside.or(skipped.iter().copied().find(|index| *index >= entries)) {
        Some(index) => Err(DrawRefusal::ExcludedNobody { index, entries }.into()),
        None => Ok(exclusions),
    }
}
