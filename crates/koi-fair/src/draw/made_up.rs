//! A draw that never was: the same bytes for the same plan, to test verifiers with and to measure.
//!
//! All its keys are known to everybody, and its round is one of the local chain: nothing of it is a public draw.
//!
//! ```
//! use koi_fair::draw::{DrawProof, made_up::Plan};
//! use koi_fair::log::Folder;
//! use std::num::NonZeroUsize;
//!
//! let (plan, entries) = (Plan::small(), Folder::default());
//! let root = plan.write_entries(&entries, NonZeroUsize::MIN)?;
//! let draw = plan.hold(root)?;
//! let file = draw.proof(&entries, 41)?.text()?;
//! let verdict = DrawProof::parse(file.as_bytes())?.verify(&plan.trust()?, None)?;
//! assert!(verdict.to_string().starts_with("You were number 42 of 1,000; "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::num::NonZeroUsize;

use sha2::{Digest, Sha256};

use super::bound::drawn;
use super::{
    DrawProof, DrawProofRefusal, DrawTrust, EntryProof, Exclusion, Exclusions, SealInLog, WrongExclusion,
    entry_leaf,
};
use crate::beacon::{BeaconRefusal, Chain, Verified, local};
use crate::log::{
    AppendError, Checkpoint, CheckpointError, CosignTime, CosignerKey, KeyError, Leaves, MakeError, NoSuchNode,
    SignedCheckpoint, SignerKey, TileReader, TileSink, TileSource, TileWriter, TimeOutOfRange, TreeHash,
    inclusion,
};
use crate::statement::{
    DrawBeacon, DrawOutcome, DrawRules, DrawSeal, DrawStatement, DrawVoid, ExclusionsSealed, Hex32, Instant,
    Unreadable,
};

/// The name of the log.
pub const ORIGIN: &str = "made-up.example/log";
/// The names of the witnesses.
const WITNESSES: [&str; 3] = ["press.example", "rival.example", "sponsor.example"];
/// How many entries are made and appended at once.
const PIECE: u64 = 65_536;

/// 29 September 2018, 00:00 in Beijing.
const RULES_AT: Instant = Instant(1_538_150_400_000);
/// 7 October 2018, 00:00 in Beijing.
const CLOSE: Instant = Instant(1_538_841_600_000);
/// Noon of that day.
const MARGIN_S: u32 = 43_200;
/// An hour before noon.
const SEALED_AT: Instant = Instant(CLOSE.0 + 39_600_000);
/// A minute after that, in seconds.
const COSIGNED_S: u64 = 1_538_881_260;

/// What a draw is made up of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The draw's id.
    pub draw: String,
    /// How many entries there are; above zero.
    pub entries: u64,
    /// Every so many entries, one is excluded; 0: none is.
    pub excluded_every: u64,
    /// How many reserves are drawn.
    pub reserves: u32,
    /// How many statements of others the log has before the seal, and a tenth of that after it.
    pub others: u64,
}

/// Why a draw could not be made up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    /// A key's name is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No checkpoint can be made.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A witness's time is out of range.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
    /// A statement is out of range.
    #[error(transparent)]
    Statement(#[from] Unreadable),
    /// The exclusions make no list.
    #[error(transparent)]
    Exclusions(#[from] WrongExclusion),
    /// The round is none.
    #[error(transparent)]
    Beacon(#[from] BeaconRefusal),
    /// Nothing can be drawn, or proved.
    #[error(transparent)]
    Proof(#[from] DrawProofRefusal),
    /// The log has no proof of its seal.
    #[error(transparent)]
    Inclusion(#[from] MakeError<NoSuchNode>),
    /// The entry log's files could not be read.
    #[error("the files of the entry log: {0}")]
    Entries(String),
}

impl Plan {
    /// A draw that takes no time: a thousand entries, 100 of them excluded, two reserves.
    pub fn small() -> Self {
        Self { draw: "made-up".to_owned(), entries: 1_000, excluded_every: 10, reserves: 2, others: 40 }
    }

    /// The key of the log. Everybody knows its secret.
    ///
    /// # Errors
    ///
    /// None: the name is one.
    pub fn signer(&self) -> Result<SignerKey, KeyError> {
        SignerKey::from_seed(ORIGIN, secret("log"))
    }

    /// The keys of the witnesses. Everybody knows their secrets.
    ///
    /// # Errors
    ///
    /// None: the names are some.
    pub fn cosigners(&self) -> Result<Vec<CosignerKey>, KeyError> {
        WITNESSES.iter().map(|name| CosignerKey::from_seed(name, secret(name))).collect()
    }

    /// What who checks this draw trusts.
    ///
    /// # Errors
    ///
    /// None: the name of the log's key is one.
    pub fn trust(&self) -> Result<DrawTrust, KeyError> {
        Ok(DrawTrust::of_key(self.signer()?.verifier()))
    }

    /// Salt and id of an entrant.
    pub fn entrant(&self, index: u64) -> ([u8; 32], String) {
        let salt =
            Sha256::new().chain_update(b"made up\n").chain_update(&self.draw).chain_update(index.to_be_bytes());
        (salt.finalize().into(), format!("person-{index}"))
    }

    /// The entry with an index.
    pub fn entry(&self, index: u64) -> [u8; 32] {
        let (salt, external_id) = self.entrant(index);
        // A plan with an id that has a newline has no rules either.
        entry_leaf(&self.draw, &salt, &external_id).unwrap_or_default()
    }

    /// Writes tiles and bundles of the entry log, with memory that does not grow with it; gives its root.
    ///
    /// # Errors
    ///
    /// If the sink fails.
    pub fn write_entries<S: TileSink>(
        &self,
        sink: &S,
        threads: NonZeroUsize,
    ) -> Result<TreeHash, AppendError<S::Error>> {
        let mut writer = TileWriter::new().with_threads(threads);
        while writer.size() < self.entries {
            let end = self.entries.min(writer.size() + PIECE);
            let piece: Vec<[u8; 32]> = (writer.size()..end).map(|index| self.entry(index)).collect();
            writer.append(&piece, sink)?;
        }
        writer.write_partial(sink).map_err(AppendError::Sink)?;
        Ok(writer.root())
    }

    /// The rules.
    pub fn rules(&self) -> DrawRules {
        let keys = self.cosigners().unwrap_or_default();
        DrawRules {
            at: RULES_AT,
            beacon: DrawBeacon { chain: Hex32(*Chain::local().hash()), local: true },
            claim_s: 432_000,
            close: CLOSE,
            draw: self.draw.clone(),
            eligibility: "One entry a person, 18 or older.".to_owned(),
            filter: "one_account".to_owned(),
            margin_s: MARGIN_S,
            quorum: 2,
            reserves: self.reserves,
            silent: "The prizes go to the museum.".to_owned(),
            witnesses: keys.iter().map(CosignerKey::witness).collect(),
        }
    }

    /// Who is excluded.
    pub fn exclusions(&self) -> Vec<Exclusion> {
        let reason = |index: u64| if index.is_multiple_of(3) { "employee" } else { "double_entry" };
        let step = usize::try_from(self.excluded_every).unwrap_or(usize::MAX);
        let excluded = (0..self.entries).step_by(step.max(1)).filter(|_| step > 0);
        excluded.map(|index| Exclusion { index, reason: reason(index).to_owned() }).collect()
    }

    /// The seal of entries with this root.
    pub fn seal(&self, root: TreeHash) -> DrawSeal {
        let rules = self.rules();
        let exclusions = self.exclusions();
        DrawSeal {
            at: SEALED_AT,
            draw: self.draw.clone(),
            entries: self.entries,
            exclusions: ExclusionsSealed {
                count: exclusions.len() as u64,
                hash: Hex32(Exclusions::hash(&exclusions).unwrap_or_default()),
            },
            prizes: 208,
            root: Hex32(root.0),
            round: rules.round(&Chain::local()),
            rules,
        }
    }

    /// Holds the draw over entries with this root.
    ///
    /// # Errors
    ///
    /// If the plan is none, for example because more are drawn than there are.
    pub fn hold(&self, root: TreeHash) -> Result<Held, NotMade> {
        self.hold_sealed(self.seal(root), COSIGNED_S)
    }

    /// Holds the draw by a seal that may be none, cosigned at a time in seconds since the epoch: for who tests a verifier.
    ///
    /// # Errors
    ///
    /// As [`Self::hold`].
    pub fn hold_sealed(&self, seal: DrawSeal, cosigned_s: u64) -> Result<Held, NotMade> {
        let exclusions = Exclusions::published(&self.exclusions())?;
        let round = Chain::local().verify(&local::sign(seal.round))?;
        let rules_hash = seal.rules.hash()?;
        let (outcome, _) =
            drawn(&seal, rules_hash, &round, &Exclusions::read(&exclusions)?).map_err(DrawProofRefusal::Draw)?;
        let round_s = Chain::local().time_s(seal.round).unwrap_or(0);
        let outcome = DrawOutcome {
            at: Instant(round_s.saturating_mul(1_000)),
            draw: self.draw.clone(),
            reserves: outcome.reserves,
            round: seal.round,
            signature: *round.signature(),
            winner: outcome.winner,
        };
        let (in_log, mut statements) = self.seal_in_log(&seal, cosigned_s)?;
        let after = (0..self.others / 10).map(other).chain([DrawStatement::Outcome(outcome)]);
        for statement in after {
            statements.push(statement.leaf()?);
        }
        let latest = self.cosigned(&tree(&statements), statements.len() as u64, cosigned_s + 86_400)?;
        Ok(Held { plan: self.clone(), seal, in_log, round, exclusions, statements, latest })
    }

    /// A log that ends with a seal, which may be none, cosigned at a time in seconds since the epoch; and its leaves.
    ///
    /// # Errors
    ///
    /// If the seal cannot be stated.
    pub fn seal_in_log(&self, seal: &DrawSeal, cosigned_s: u64) -> Result<(SealInLog, Vec<Vec<u8>>), NotMade> {
        let mut statements = vec![DrawStatement::Rules(seal.rules.clone())];
        statements.extend((0..self.others).map(other));
        let index = statements.len() as u64;
        statements.push(DrawStatement::Seal(Box::new(seal.clone())));
        let leaves = statements.iter().map(DrawStatement::leaf).collect::<Result<Vec<_>, _>>()?;
        let log = tree(&leaves);
        let checkpoint = self.cosigned(&log, index + 1, cosigned_s)?;
        Ok((SealInLog { checkpoint, index, hashes: inclusion(index, index + 1, &log)? }, leaves))
    }

    /// The checkpoint of the first statements, cosigned by a quorum.
    fn cosigned(&self, log: &Leaves, size: u64, time_s: u64) -> Result<SignedCheckpoint, NotMade> {
        let checkpoint = Checkpoint::new(ORIGIN, size, log.root(size))?.sign(&[&self.signer()?])?;
        let time = CosignTime::of_seconds(time_s)?;
        let mut cosigned = checkpoint.clone();
        for cosigner in self.cosigners()?.iter().take(2) {
            cosigned = cosigned.with(cosigner.cosign(&checkpoint, time))?;
        }
        Ok(cosigned)
    }
}

/// A draw that was held, and all that is published of it.
#[derive(Clone, Debug)]
pub struct Held {
    plan: Plan,
    /// What was sealed.
    pub seal: DrawSeal,
    /// Where the seal is in the log, with the checkpoint that was cosigned before the round.
    pub in_log: SealInLog,
    /// The round.
    pub round: Verified,
    /// The published list of exclusions.
    pub exclusions: String,
    /// All leaves of the statement log.
    pub statements: Vec<Vec<u8>>,
    /// The checkpoint of all of them.
    pub latest: SignedCheckpoint,
}

impl Held {
    /// The proof of an entry, from the files of the entry log.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or its files cannot be read.
    pub fn proof<S: TileSource>(&self, entries: &S, index: u64) -> Result<DrawProof, NotMade> {
        let reader = TileReader::new(entries, self.plan.entries);
        let hashes = inclusion(index, self.plan.entries, &reader);
        let hashes = hashes.map_err(|_| NotMade::Entries(format!("entry {index} is not there")))?;
        let (salt, external_id) = self.plan.entrant(index);
        let entry = EntryProof { external_id, index, hashes, salt };
        let exclusions = Exclusions::read(&self.exclusions)?;
        Ok(DrawProof::new(&self.seal, &self.in_log, &self.round, &exclusions, entry)?)
    }
}

/// A statement of another draw.
fn other(number: u64) -> DrawStatement {
    DrawStatement::Void(DrawVoid {
        at: RULES_AT,
        draw: format!("another-{number}"),
        reason: "not_cosigned".to_owned(),
    })
}

fn tree(leaves: &[Vec<u8>]) -> Leaves {
    Leaves(leaves.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect())
}

fn secret(of: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"made up: everybody knows this secret\n").chain_update(of).finalize().into()
}
