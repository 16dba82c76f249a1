//! What campaigns said of themselves: rules, money, randomness, secret. The first of the two times that a log is read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::finding::{Findings, Packet, Wrong};
use crate::beacon::{Beacon, Chain};
use crate::packet::{PoolKey, commitment};
use crate::statement::{Hex32, Instant, Opening, Reveal, Rules, Statement};

/// The randomness of a stock is of a round this long before the opening, in milliseconds,
const BEFORE_OPENING_MS: i64 = 60_000;
/// but never of one earlier than this after the rules were stated.
const AFTER_RULES_MS: i64 = 3000;
/// Tiers of a stock: what is kept of a claim is one byte.
const TIERS_MAX: usize = 100;
/// Packets of a stock: ordinals have 32 bits.
const PACKETS_MAX: u64 = u32::MAX as u64;

/// Packets of one face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// What each is worth, in minor units.
    pub face: i64,
    /// How many there are.
    pub count: u64,
    /// Whether they may be spent over several purchases.
    pub split: bool,
}

impl Tier {
    pub(super) fn worth(&self) -> u128 {
        u128::try_from(self.face).unwrap_or(0)
    }
}

/// What one campaign said of itself.
#[derive(Clone, Debug)]
pub struct Outline {
    rules: Rules,
    tiers: Vec<Tier>,
    starts_at: Instant,
    ends_at: Instant,
    revision: u32,
    opening: Option<Opening>,
    reveal: Option<Reveal>,
    closed: bool,
    /// The chain of its randomness, if it is known here.
    chain: Option<Chain>,
}

/// What all campaigns of a log said of themselves.
#[derive(Debug)]
pub struct Outlines {
    chains: Vec<Chain>,
    campaigns: BTreeMap<String, Outline>,
}

/// The round whose randomness seals a stock: the first at or after the later of the opening minus 60 s and the rules'
/// statement plus 3 s. Nobody chooses it.
pub fn sealing_round(chain: &Chain, starts_at: Instant, stated_at: Instant) -> u64 {
    let time_ms = starts_at.0.saturating_sub(BEFORE_OPENING_MS).max(stated_at.0.saturating_add(AFTER_RULES_MS));
    chain.round_at(time_ms)
}

impl Outlines {
    /// Nothing yet; `chains` are those whose randomness is known.
    pub fn new(chains: Vec<Chain>) -> Self {
        Self { chains, campaigns: BTreeMap::new() }
    }

    /// The campaigns, by their names.
    pub fn campaigns(&self) -> impl Iterator<Item = &Outline> {
        self.campaigns.values()
    }

    /// Takes a statement, in the order of the log.
    pub fn take(&mut self, statement: &Statement, findings: &mut Findings) {
        if let Statement::Rules(rules) = statement {
            return self.rules(rules, findings);
        }
        let Some(outline) = self.campaigns.get_mut(statement.campaign()) else {
            return findings.add(None, Wrong::NoRules);
        };
        match statement {
            Statement::Opening(opening) => {
                if outline.opening.replace(opening.clone()).is_some() {
                    findings.add(None, Wrong::Opening);
                }
                if let Err(wrong) = outline.opening_fits(opening) {
                    findings.add(None, wrong);
                }
            }
            Statement::Reveal(reveal) => {
                if !outline.closed {
                    findings.add(None, Wrong::RevealedEarly);
                }
                if outline.reveal.replace(reveal.clone()).is_some() {
                    findings.add(None, Wrong::NotRevealed);
                }
                if !outline.has_right_secret() {
                    findings.add(None, Wrong::Secret);
                }
            }
            Statement::Close(_) => outline.closed = true,
            Statement::Rules(_)
            | Statement::Fund(_)
            | Statement::Receipt(_)
            | Statement::PutBack(_)
            | Statement::Sent(_)
            | Statement::Received(_)
            | Statement::Pause(_)
            | Statement::Resume(_)
            | Statement::End(_) => {}
        }
    }

    fn rules(&mut self, rules: &Rules, findings: &mut Findings) {
        let stated = match Outline::new(rules) {
            Ok(outline) => outline,
            Err(wrong) => return findings.add(None, wrong),
        };
        match self.campaigns.get_mut(&rules.campaign) {
            None => {
                if rules.revision != 1 {
                    findings.add(None, Wrong::Revision { expected: 1, found: rules.revision });
                }
                let chain = self.chains.iter().find(|chain| *chain.hash() == rules.beacon.chain.0).cloned();
                if let Err(wrong) = stated.beacon_fits(chain.as_ref()) {
                    findings.add(None, wrong);
                }
                self.campaigns.insert(rules.campaign.clone(), Outline { chain, ..stated });
            }
            Some(outline) => {
                let expected = outline.revision.saturating_add(1);
                if rules.revision != expected || rules.revision == outline.revision {
                    findings.add(None, Wrong::Revision { expected, found: rules.revision });
                }
                if !outline.may_become(&stated) {
                    findings.add(None, Wrong::RulesChanged);
                }
                outline.revision = rules.revision;
            }
        }
    }
}

impl Outline {
    fn new(rules: &Rules) -> Result<Self, Wrong> {
        let document = &rules.document;
        let instant = |name| {
            let text = document.get(name).and_then(Value::as_str);
            text.and_then(Instant::of_rfc3339).ok_or(Wrong::Document(name))
        };
        if document.get("id").is_some_and(|id| id.as_str() != Some(&rules.campaign)) {
            return Err(Wrong::Document("id"));
        }
        Ok(Self {
            tiers: tiers(document).ok_or(Wrong::Document("packets"))?,
            starts_at: instant("starts_at")?,
            ends_at: instant("ends_at")?,
            rules: rules.clone(),
            revision: rules.revision,
            opening: None,
            reveal: None,
            closed: false,
            chain: None,
        })
    }

    /// The campaign's name.
    pub fn campaign(&self) -> &str {
        &self.rules.campaign
    }

    /// The statement of its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Its stock, in the order of its document.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// What its stock is worth, in minor units.
    pub fn budget(&self) -> u128 {
        self.tiers.iter().map(|tier| u128::from(tier.count) * tier.worth()).sum()
    }

    /// The randomness of its opening, once it was stated.
    pub fn opening(&self) -> Option<&Opening> {
        self.opening.as_ref()
    }

    /// Whether its secret was revealed, so that it can be replayed.
    pub fn is_revealed(&self) -> bool {
        self.reveal.is_some()
    }

    /// Whether the secret that was revealed is the one that it committed to.
    pub fn has_right_secret(&self) -> bool {
        let fits = |reveal: &Reveal| commitment(self.campaign(), &reveal.secret.0) == self.rules.pool.0;
        self.reveal.as_ref().is_some_and(fits)
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The currency of its money; empty if its document names none.
    pub fn currency(&self) -> &str {
        self.rules.document.get("currency").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn ends_at(&self) -> Instant {
        self.ends_at
    }

    pub(super) fn is_during(&self, at: Instant) -> bool {
        (self.starts_at..self.ends_at).contains(&at)
    }

    pub(super) fn tier_of(&self, face: i64, split: bool) -> Option<usize> {
        self.tiers.iter().position(|tier| (tier.face, tier.split) == (face, split))
    }

    /// The packet of a tier; one that does not exist is worth nothing.
    pub(super) fn packet(&self, tier: usize) -> Packet {
        let tier = self.tiers.get(tier);
        tier.map_or(Packet { face: 0, split: false }, |tier| Packet { face: tier.face, split: tier.split })
    }

    pub(super) fn secret(&self) -> Result<&[u8; 32], Wrong> {
        self.reveal.as_ref().map(|reveal| &reveal.secret.0).ok_or(Wrong::NotRevealed)
    }

    /// The key of its pool, from the secret and the randomness.
    pub(super) fn pool_key(&self, secret: &[u8; 32]) -> Result<PoolKey, Wrong> {
        let opening = self.opening.as_ref().ok_or(Wrong::Opening)?;
        let Hex32(chain) = self.rules.beacon.chain;
        Ok(PoolKey::new(secret, &chain, opening.round, &opening.randomness.0))
    }

    fn beacon_fits(&self, chain: Option<&Chain>) -> Result<(), Wrong> {
        let beacon = &self.rules.beacon;
        let chain = chain.ok_or(Wrong::Chain)?;
        if beacon.local != (chain == &Chain::local()) {
            return Err(Wrong::Chain);
        }
        let expected = sealing_round(chain, self.starts_at, self.rules.at);
        if beacon.round == expected { Ok(()) } else { Err(Wrong::Round { expected, stated: beacon.round }) }
    }

    fn opening_fits(&self, opening: &Opening) -> Result<(), Wrong> {
        let expected = self.rules.beacon.round;
        if opening.round != expected {
            return Err(Wrong::Round { expected, stated: opening.round });
        }
        let signature = bytes(&opening.signature)
            .ok_or_else(|| Wrong::Randomness("its signature is not in hexadecimal".into()))?;
        let chain = self.chain.as_ref().ok_or(Wrong::Chain)?;
        let beacon = Beacon { round: opening.round, signature, randomness: Some(opening.randomness.0) };
        chain.verify(&beacon).map_err(|refusal| Wrong::Randomness(refusal.to_string()))?;
        // The local chain signs ahead of every clock, and says so.
        let known_from = chain.time_s(opening.round).filter(|_| !self.rules.beacon.local);
        if opening.at < self.rules.at
            || known_from.is_some_and(|time_s| opening.at.0 < time_s.saturating_mul(1000))
        {
            return Err(Wrong::Backwards { at: opening.at });
        }
        Ok(())
    }

    /// Whether rules may become others: what everything hangs on stays.
    fn may_become(&self, other: &Self) -> bool {
        let kept = |outline: &Self| {
            let rules = &outline.rules;
            (
                outline.starts_at,
                rules.pool,
                rules.beacon.clone(),
                outline.tiers.clone(),
                outline.currency().to_owned(),
            )
        };
        kept(self) == kept(other) && self.ends_at == other.ends_at
    }
}

/// The stock of a document.
fn tiers(document: &Value) -> Option<Vec<Tier>> {
    let packets = document.get("packets")?.as_array()?;
    let tier = |packet: &Value| {
        let face = packet.get("face")?.as_i64().filter(|face| *face > 0)?;
        let count = packet.get("count")?.as_u64().filter(|count| *count > 0)?;
        let split = match packet.get("split") {
            None => false,
            Some(split) => split.as_bool()?,
        };
        Some(Tier { face, count, split })
    };
    let tiers: Vec<Tier> = packets.iter().map(tier).collect::<Option<_>>()?;
    let twice = |tier: &Tier| {
        tiers.iter().filter(|other| (other.face, other.split) == (tier.face, tier.split)).count() > 1
    };
    let packets = tiers.iter().fold(0_u64, |sum, tier| sum.saturating_add(tier.count));
    let fits = (1..=TIERS_MAX).contains(&tiers.len()) && packets <= PACKETS_MAX;
    (fits && !tiers.iter().any(twice)).then_some(tiers)
}

/// Bytes of lower-case hexadecimal.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let even = text.len().is_multiple_of(2);
    (lower && even)
        .then(|| digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect())
        .flatten()
}
