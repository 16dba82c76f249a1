//! A whole draw again, from its public files: what was said and in which order, every entry, who won.
//!
//! A person's proof shows one entry and that the operator was bound in time. The audit also shows what a person cannot
//! see: that the rules were stated once and the seal said the same ones, that the draw was held once, that every sealed entry is
//! there, and that the exclusions are the sealed ones.

use std::num::NonZeroUsize;

use super::bound::{drawn, exclusions, seen_in_time};
use super::refusal::of_statement;
use super::{Bound, DrawProofRefusal, DrawTrust, Outcome};
use crate::log::{
    AuditDepth, AuditError, Frontier, SignedCheckpoint, TileError, TileKind, TilePath, TileSource, TreeHash,
    audit as audit_tiles, entries_of,
};
use crate::statement::{DrawOutcome, DrawRules, DrawSeal, DrawStatement, Instant, Unreadable};

/// The public files of a draw.
#[derive(Clone, Copy, Debug)]
pub struct DrawFiles<'a, S> {
    /// A checkpoint of the statement log that covers the seal, cosigned before the round.
    pub early: &'a SignedCheckpoint,
    /// The checkpoint that covers all statements at hand.
    pub latest: &'a SignedCheckpoint,
    /// The tiles and bundles of the entry log.
    pub entries: &'a S,
    /// The published list of exclusions.
    pub exclusions: &'a str,
}

/// What an audit shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// What bound the operator before the round.
    pub bound: Bound,
    /// What was sealed, with the rules.
    pub seal: DrawSeal,
    /// Who won.
    pub outcome: Outcome,
}

/// Why a draw does not hold, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawAuditRefusal<E> {
    /// A checkpoint is refused, or what a person's proof would be refused for, too.
    #[error(transparent)]
    Proof(#[from] DrawProofRefusal),
    /// The statements at hand are not those of the log.
    #[error("the first {size} statements do not make up the root that the log signed")]
    LogDiffers {
        /// How many were to make up a root, or how many there are if they are too few.
        size: u64,
    },
    /// A statement names the draw, but cannot be read.
    #[error("statement {leaf} of the log cannot be read: {why}")]
    Statement {
        /// Its index in the log.
        leaf: u64,
        /// Why.
        why: Unreadable,
    },
    /// A statement came where another one belongs.
    #[error("statement {leaf} of the log: {why}")]
    Order {
        /// Its index in the log.
        leaf: u64,
        /// What is wrong.
        why: WrongOrder,
    },
    /// The statements end too early.
    #[error("{0}")]
    Unfinished(Unfinished),
    /// A file of the entry log is missing or cannot be read.
    #[error("the entries: {path} cannot be read: {error}")]
    EntriesMissing {
        /// The file.
        path: TilePath,
        /// What its source says.
        error: E,
    },
    /// A file of the entry log is not what its path says, or has an entry that is not 32 bytes.
    #[error("the entries: {0} is not as long as its path says, or has an entry that is not 32 bytes")]
    EntriesMalformed(TilePath),
    /// The entry log's files do not make up the sealed root.
    #[error("the entries are not those that were sealed: {0}")]
    EntriesRoot(String),
    /// The outcome names another round than the seal.
    #[error("the outcome is of round {said}, sealed was {sealed}")]
    OutcomeRound {
        /// What the outcome says.
        said: u64,
        /// What the seal says.
        sealed: u64,
    },
    /// The outcome was stated before the round.
    #[error("the outcome was stated at {at}, before its round at {round}")]
    OutcomeEarly {
        /// When it was stated.
        at: Instant,
        /// The time of the round.
        round: Instant,
    },
    /// Other reserves.
    #[error("the reserves are {found:?}, not {said:?}")]
    ReservesDiffer {
        /// What the outcome says.
        said: Vec<u64>,
        /// Who they are.
        found: Vec<u64>,
    },
}

/// A statement where another one belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongOrder {
    /// Something of the draw came before its rules.
    #[error("it comes before the draw's rules")]
    NoRules,
    /// Rules were stated again.
    #[error("the draw's rules were stated before: they cannot change")]
    RulesTwice,
    /// An outcome without a seal.
    #[error("an outcome needs a seal before it")]
    NoSeal,
    /// It was sealed again.
    #[error("the draw was sealed before")]
    SealTwice,
    /// Something came after the outcome.
    #[error("the draw had ended: it is held once")]
    EndedTwice,
    /// A time goes back.
    #[error("it is earlier than the draw's statement before it")]
    Backwards,
    /// The seal says other rules than those that were stated.
    #[error("the seal has other rules than those that were stated")]
    RulesDiffer,
}

/// Statements that end too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// The log says nothing of the draw.
    #[error("the log says nothing of this draw")]
    NoRules,
    /// It was not sealed.
    #[error("the draw has not been sealed yet")]
    NoSeal,
    /// It was not drawn.
    #[error("the draw is sealed, but its outcome has not been stated yet")]
    NoOutcome,
    /// It was declared void.
    #[error("the draw was declared void: nobody won")]
    Void,
}

impl<E> DrawAuditRefusal<E> {
    /// The stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Proof(why) => why.code(),
            Self::LogDiffers { .. } => "log_differs",
            Self::Statement { why, .. } => of_statement(why),
            Self::Order { why, .. } => match why {
                WrongOrder::NoRules => "no_rules",
                WrongOrder::RulesTwice => "rules_twice",
                WrongOrder::NoSeal => "no_seal",
                WrongOrder::SealTwice => "seal_twice",
                WrongOrder::EndedTwice => "ended_twice",
                WrongOrder::Backwards => "backwards",
                WrongOrder::RulesDiffer => "rules_differ",
            },
            Self::Unfinished(why) => match why {
                Unfinished::NoRules => "no_rules",
                Unfinished::NoSeal => "no_seal",
                Unfinished::NoOutcome => "no_outcome",
                Unfinished::Void => "void",
            },
            Self::EntriesMissing { .. } => "entries_missing",
            Self::EntriesMalformed(_) => "entries_malformed",
            Self::EntriesRoot(_) => "entries_root",
            Self::OutcomeRound { .. } => "outcome_round",
            Self::OutcomeEarly { .. } => "outcome_early",
            Self::ReservesDiffer { .. } => "reserves_differ",
        }
    }
}

/// Holds a draw again from its public files; `statements` are all leaves of the statement log, from the first.
///
/// # Errors
///
/// The first reason for which the draw does not hold.
pub fn audit<S>(
    draw: &str,
    statements: impl IntoIterator<Item = impl AsRef<[u8]>>,
    files: &DrawFiles<'_, S>,
    trust: &DrawTrust,
    threads: NonZeroUsize,
) -> Result<Audited, DrawAuditRefusal<S::Error>>
where
    S: TileSource + Sync,
    S::Error: Send + std::fmt::Display,
{
    let History { seal, seal_index, outcome, .. } = history(draw, statements, files, trust)?;
    let early = open(files.early, trust)?;
    if seal_index >= early.0 {
        let why = crate::log::ProofError::IndexOutOfRange;
        return Err(DrawProofRefusal::SealInclusion { index: seal_index, why }.into());
    }
    let bound = seen_in_time(&seal, files.early, trust)?;
    entries(files.entries, &seal, threads)?;
    let excluded = exclusions(&seal, Some(files.exclusions), &[])?;
    if outcome.round != seal.round {
        return Err(DrawAuditRefusal::OutcomeRound { said: outcome.round, sealed: seal.round });
    }
    let round_time = Instant(i64::try_from(bound.round_s).unwrap_or(i64::MAX).saturating_mul(1_000));
    if outcome.at < round_time {
        return Err(DrawAuditRefusal::OutcomeEarly { at: outcome.at, round: round_time });
    }
    let round = bound.verified(seal.round, &outcome.signature)?;
    let (found, _) = drawn(&seal, bound.rules_hash, &round, &excluded).map_err(DrawProofRefusal::Draw)?;
    if found.winner != outcome.winner {
        return Err(DrawProofRefusal::WinnerDiffers { said: outcome.winner, found: found.winner }.into());
    }
    if found.reserves != outcome.reserves {
        return Err(DrawAuditRefusal::ReservesDiffer { said: outcome.reserves, found: found.reserves });
    }
    Ok(Audited { bound, seal, outcome: found })
}

/// What was said of a draw, complete and in order.
struct History {
    seal: DrawSeal,
    seal_index: u64,
    outcome: DrawOutcome,
}

/// Where a draw stands while its statements are read.
enum Stage {
    Nothing,
    Ruled(DrawRules),
    Sealed { seal: DrawSeal, seal_index: u64 },
    Drawn(History),
    Void,
}

fn history<S: TileSource>(
    draw: &str,
    statements: impl IntoIterator<Item = impl AsRef<[u8]>>,
    files: &DrawFiles<'_, S>,
    trust: &DrawTrust,
) -> Result<History, DrawAuditRefusal<S::Error>> {
    let roots = [open(files.early, trust)?, open(files.latest, trust)?];
    let mut tree = Frontier::new();
    let mut said = Vec::new();
    let differs = |tree: &Frontier| roots.iter().any(|(size, root)| *size == tree.size() && *root != tree.root());
    let last = roots.iter().map(|(size, _)| *size).max().unwrap_or(0);
    for (index, leaf) in (0..last).zip(statements) {
        tree.append(TreeHash::of_leaf(leaf.as_ref()));
        if differs(&tree) {
            return Err(DrawAuditRefusal::LogDiffers { size: tree.size() });
        }
        said.extend(of_draw(draw, leaf.as_ref()).map(|statement| (index, statement)));
    }
    if tree.size() < last {
        return Err(DrawAuditRefusal::LogDiffers { size: tree.size() });
    }
    let mut stage = Stage::Nothing;
    let mut latest = Instant(i64::MIN);
    for (leaf, statement) in said {
        let statement = statement.map_err(|why| DrawAuditRefusal::Statement { leaf, why })?;
        let order = |why| DrawAuditRefusal::Order { leaf, why };
        let at = statement.at();
        stage = stage.after(leaf, statement).map_err(order)?;
        if at < latest {
            return Err(order(WrongOrder::Backwards));
        }
        latest = at;
    }
    stage.finished().map_err(DrawAuditRefusal::Unfinished)
}

impl Stage {
    fn after(self, leaf: u64, statement: DrawStatement) -> Result<Self, WrongOrder> {
        match (self, statement) {
            (Self::Nothing, DrawStatement::Rules(rules)) => Ok(Self::Ruled(rules)),
            (Self::Nothing, _) => Err(WrongOrder::NoRules),
            (Self::Drawn { .. } | Self::Void, _) => Err(WrongOrder::EndedTwice),
            (Self::Ruled(_) | Self::Sealed { .. }, DrawStatement::Rules(_)) => Err(WrongOrder::RulesTwice),
            (Self::Ruled(_) | Self::Sealed { .. }, DrawStatement::Void(_)) => Ok(Self::Void),
            (Self::Ruled(_), DrawStatement::Outcome(_)) => Err(WrongOrder::NoSeal),
            (Self::Ruled(rules), DrawStatement::Seal(seal)) if rules != seal.rules => Err(WrongOrder::RulesDiffer),
            (Self::Ruled(_), DrawStatement::Seal(seal)) => Ok(Self::Sealed { seal: *seal, seal_index: leaf }),
            (Self::Sealed { .. }, DrawStatement::Seal(_)) => Err(WrongOrder::SealTwice),
            (Self::Sealed { seal, seal_index }, DrawStatement::Outcome(outcome)) => {
                Ok(Self::Drawn(History { seal, seal_index, outcome }))
            }
        }
    }

    fn finished(self) -> Result<History, Unfinished> {
        match self {
            Self::Nothing => Err(Unfinished::NoRules),
            Self::Ruled(_) => Err(Unfinished::NoSeal),
            Self::Sealed { .. } => Err(Unfinished::NoOutcome),
            Self::Void => Err(Unfinished::Void),
            Self::Drawn(history) => Ok(history),
        }
    }
}

/// A statement of the draw; nothing of other statements. One that names the draw and cannot be read is told.
fn of_draw(draw: &str, leaf: &[u8]) -> Option<Result<DrawStatement, Unreadable>> {
    let text = std::str::from_utf8(leaf).ok()?;
    // Most leaves of a log are of others: only those that name the draw are worth reading.
    if !text.contains(draw) {
        return None;
    }
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let names_it = value.get("draw").is_some_and(|named| named == draw);
    names_it.then(|| DrawStatement::parse(leaf))
}

/// Size and root that a log signed.
fn open(signed: &SignedCheckpoint, trust: &DrawTrust) -> Result<(u64, TreeHash), DrawProofRefusal> {
    let checkpoint = signed.open(&trust.log.origin, &trust.log.keys)?;
    Ok((checkpoint.size(), checkpoint.root()))
}

/// Checks that the files of the entry log make up the sealed root, from every entry up.
fn entries<S>(source: &S, seal: &DrawSeal, threads: NonZeroUsize) -> Result<(), DrawAuditRefusal<S::Error>>
where
    S: TileSource + Sync,
    S::Error: Send,
{
    let source = OfHashes(source);
    let root = TreeHash(seal.root.0);
    let audited = audit_tiles(&source, seal.entries, &root, AuditDepth::Entries, threads);
    audited.map_err(|why| match why {
        AuditError::Tile(TileError::Source { path, error: Unread::Source(error) }) => {
            DrawAuditRefusal::EntriesMissing { path, error }
        }
        AuditError::Tile(
            TileError::Source { path, error: Unread::NotHashes }
            | TileError::Length { path, .. }
            | TileError::Bundle { path, .. },
        ) => DrawAuditRefusal::EntriesMalformed(path),
        AuditError::Tile(TileError::NotInLog) => {
            DrawAuditRefusal::EntriesRoot("a log of this size has no such tile".to_owned())
        }
        AuditError::RootDiffers => {
            DrawAuditRefusal::EntriesRoot("the right edge of the tiles makes up another root".to_owned())
        }
        AuditError::TileDiffers { path } => {
            DrawAuditRefusal::EntriesRoot(format!("{path} does not belong to the tile above it"))
        }
        AuditError::EntryDiffers { index } => {
            DrawAuditRefusal::EntriesRoot(format!("entry {index} does not belong to its hash"))
        }
    })
}

/// Files whose entries are all of 32 bytes: another entry could not have been opened by anybody.
struct OfHashes<'a, S>(&'a S);

enum Unread<E> {
    Source(E),
    NotHashes,
}

impl<S: TileSource> TileSource for OfHashes<'_, S> {
    type Error = Unread<S::Error>;

    fn read(&self, path: &TilePath) -> Result<Vec<u8>, Self::Error> {
        let bytes = self.0.read(path).map_err(Unread::Source)?;
        if path.kind() == TileKind::Entries {
            // One that is no bundle is told of by the audit of the tiles.
            let entries = entries_of(path, &bytes).unwrap_or_default();
            if entries.iter().any(|entry| entry.len() != TreeHash::BYTES) {
                return Err(Unread::NotHashes);
            }
        }
        Ok(bytes)
    }
}
