//! The work that makes the log: sequence what is new, write its leaves, sign how far it is.
//!
//! Any number of servers may do it at once. A step is made by who stores its number first; the leaves between two steps are
//! the same whoever reads them, and so are the files and the signature. What is published is never less than what was.

use std::num::NonZeroUsize;

use koi_core::time::Time;
use koi_fair::log::{
    AppendError, CheckpointError, MakeError, ResumeError, SignedCheckpoint, TileError, TilePath, TileWriter,
    TreeHash,
};
use koi_store::{Installation, Reader, Sequenced, StoreError, Writer};

use super::cosigning::Cosigning;
use super::place::PlaceError;
use super::witnesses::Witness;
use super::{CHECKPOINT, KEY, PublicLog};
use crate::engine::leaves::{Campaigns, Leaf, Limits, after, between, nothing};

/// What a step takes. It is read again as a whole to find a leaf in it.
const LIMITS: Limits = Limits { leaves: 4096, lines: 65_536 };
/// A step without leaves is stored when so many lines were passed, so that they are not looked at again and again.
const LINES_PASSED: i64 = 10_000;
/// Steps that are made before their checkpoint is published.
const STEPS: usize = 64;
/// Files that are written to a bucket at once.
const THREADS: NonZeroUsize = match NonZeroUsize::new(8) {
    Some(threads) => threads,
    None => NonZeroUsize::MIN,
};

/// Why the log is not published.
#[derive(Debug, thiserror::Error)]
pub enum Unpublished {
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The place of the files says no.
    #[error("the public log cannot be written: {0}")]
    Place(#[from] PlaceError),
    /// A file cannot be read.
    #[error("a file of the public log cannot be read: {0}")]
    Tile(#[from] TileError<PlaceError>),
    /// A proof cannot be made.
    #[error("the files of the public log do not make a proof: {0}")]
    Proof(#[from] MakeError<TileError<PlaceError>>),
    /// Entries cannot be added.
    #[error("the public log cannot grow: {0}")]
    Append(#[from] AppendError<PlaceError>),
    /// The checkpoint that is there is none of ours.
    #[error(
        "what is published is not of this log ({0}): give each installation a place of its own (public_log), or remove \
         what does not belong there"
    )]
    Foreign(CheckpointError),
    /// More is published than the database knows of.
    #[error(
        "{published} leaves of the public log are published, and the database knows of {known}: it is older than what \
         the public has seen, as after a restore. Nothing more is published, because it would contradict that. Restore \
         the newest state of the database; if it is lost, what the log says of later claims is not true of this server"
    )]
    Ahead {
        /// Leaves that are published.
        published: u64,
        /// Leaves that the database knows of.
        known: u64,
    },
    /// The same leaves have another root.
    #[error(
        "the first {size} leaves of the public log are not what was published: the database is not the one that they \
         were made from. Nothing more is published, because it would contradict that"
    )]
    Forked {
        /// How many leaves.
        size: u64,
    },
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// How far the log is, as it was signed.
    pub checkpoint: SignedCheckpoint,
    /// The number of leaves.
    pub size: u64,
}

/// Makes the log. Calls block.
#[derive(Debug)]
pub struct Publisher {
    log: PublicLog,
    installation: Installation,
    /// What is known of the log; nothing after a failure, when it is read again.
    open: Option<Open>,
    cosigning: Cosigning,
}

#[derive(Debug)]
struct Open {
    reader: Reader,
    writer: Writer,
    campaigns: Campaigns,
    tree: TileWriter,
    /// The last step whose leaves are in the tree.
    at: Sequenced,
    /// How far what is published goes.
    published: u64,
    /// Whether files are written again: those of the right edge are written then though nothing is new.
    is_mending: bool,
}

impl Publisher {
    /// The publisher of an installation's log, which these witnesses cosign.
    pub fn new(installation: Installation, log: PublicLog, witnesses: Vec<Witness>) -> Self {
        Self { log, installation, open: None, cosigning: Cosigning::new(witnesses) }
    }

    /// Publishes what is new, if there is anything; `now` is the machine's clock. Answers also whether there is more to do at
    /// once.
    pub fn publish(&mut self, now: Time) -> Result<(Option<Published>, bool), Unpublished> {
        // After a failure everything is read again: nobody knows what it left behind.
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.installation, &self.log)?,
        };
        let is_more = open.sequence(&self.log, now)?;
        let published = open.publish(&self.log, &mut self.cosigning, now)?;
        if published.is_none() {
            cosign_again(&self.log, &mut self.cosigning, &open.reader, now)?;
        }
        self.open = Some(open);
        Ok((published, is_more))
    }
}

impl Open {
    /// Goes on from what is published. Files that do not lead to its root are written again.
    fn new(installation: &Installation, log: &PublicLog) -> Result<Self, Unpublished> {
        let (reader, writer) = (installation.reader()?, installation.administer()?);
        let start = nothing(reader.cells());
        let mut open = Self {
            reader,
            writer,
            campaigns: Campaigns::default(),
            tree: TileWriter::new(),
            at: start,
            published: 0,
            is_mending: false,
        };
        if let Some(there) = published(log)? {
            let (size, root) = (there.size, there.root);
            let step = continued(&open.reader, size, &root)?;
            open.published = size;
            match TileWriter::resume(size, &root, &log.place) {
                Ok(tree) => (open.tree, open.at) = (tree, step),
                Err(ResumeError::TooLarge) => return Err(Unpublished::Forked { size }),
                // A place that cannot be read is not a damaged one.
                Err(ResumeError::Tile(TileError::Source { path, error })) if !error.is_absent() => {
                    return Err(TileError::Source { path, error }.into());
                }
                Err(why) => {
                    open.is_mending = true;
                    tracing::warn!(%why, place = ?log.place, "files of the public log are missing or damaged: all are written again");
                }
            }
        }
        log.place.write_file(KEY, &log.identity.key_file())?;
        if log.place.is_far() {
            open.tree = open.tree.with_threads(THREADS);
        }
        Ok(open)
    }

    /// Takes the steps that were made, and makes those that can be; answers whether there are more.
    fn sequence(&mut self, log: &PublicLog, now: Time) -> Result<bool, Unpublished> {
        self.must_be_stored()?;
        for _ in 0..STEPS {
            let last = self.reader.sequenced(None)?.map_or(0, |last| last.number);
            if self.at.number < last {
                let step = step(&self.reader, self.at.number + 1)?;
                let leaves = between(&self.reader, &mut self.campaigns, &self.at, &step)?;
                // Nothing is written that the step did not mean.
                if self.root_with(&leaves).0 != step.root {
                    return Err(Unpublished::Forked { size: step.size });
                }
                self.add(log, step, &leaves)?;
                continue;
            }
            let (mut step, leaves) = after(&self.reader, &mut self.campaigns, &self.at, LIMITS)?;
            if leaves.is_empty() && passed(&self.at, &step) < LINES_PASSED {
                return Ok(false);
            }
            (step.number, step.at) = (self.at.number + 1, now);
            step.root = self.root_with(&leaves).0;
            // Another server may have made this step meanwhile: then it is taken as it was made.
            if self.writer.sequence(&step, &self.at.root)? {
                self.add(log, step, &leaves)?;
            }
        }
        Ok(true)
    }

    /// A database that went back, by a failover that lost something or a restore, no longer has the step that this goes on
    /// from.
    fn must_be_stored(&self) -> Result<(), Unpublished> {
        if self.at.number == 0 {
            return Ok(());
        }
        match self.reader.sequenced(Some(self.at.number))? {
            Some(stored) if (stored.size, stored.root) == (self.at.size, self.at.root) => Ok(()),
            Some(_) => Err(Unpublished::Forked { size: self.at.size }),
            None => {
                let known = self.reader.sequenced(None)?.map_or(0, |last| last.size);
                Err(Unpublished::Ahead { published: self.at.size, known })
            }
        }
    }

    fn add(&mut self, log: &PublicLog, step: Sequenced, leaves: &[Leaf]) -> Result<(), Unpublished> {
        self.tree.append(leaves, &log.place)?;
        self.at = step;
        Ok(())
    }

    /// The root after these leaves, too, before any file has them.
    fn root_with(&self, leaves: &[Leaf]) -> TreeHash {
        let mut frontier = self.tree.frontier();
        leaves.iter().for_each(|leaf| frontier.append(TreeHash::of_leaf(leaf)));
        frontier.root()
    }

    /// Looks how far what is published goes: other servers may share the place. It must be what the database goes on from.
    fn look(&mut self, log: &PublicLog) -> Result<(), Unpublished> {
        let there = published(log)?;
        if let Some(there) = &there
            && (there.size, there.root) != (self.at.size, self.tree.root())
        {
            continued(&self.reader, there.size, &there.root)?;
        }
        self.published = there.map_or(0, |there| there.size);
        Ok(())
    }

    /// Signs how far the tree is, unless that is published already.
    fn publish(
        &mut self,
        log: &PublicLog,
        cosigning: &mut Cosigning,
        now: Time,
    ) -> Result<Option<Published>, Unpublished> {
        let size = self.tree.size();
        // While files are written again, or taken over from another server, what is there is more than what this one has: it
        // says nothing until it has come to the last step that was made.
        if self.reader.sequenced(None)?.is_some_and(|last| last.number > self.at.number) {
            return Ok(None);
        }
        self.look(log)?;
        if size <= self.published {
            if self.is_mending {
                self.tree.write_partial(&log.place)?;
                log.place.sync()?;
                self.is_mending = false;
            }
            return Ok(None);
        }
        self.tree.write_partial(&log.place)?;
        log.place.sync()?;
        let checkpoint = log.identity.sign(size, self.tree.root()).map_err(Unpublished::Foreign)?;
        let checkpoint = cosigning.cosign(&log.place, checkpoint, || stored(&self.reader), now);
        // Witnesses take their time: another server may have published more meanwhile.
        let before = self.published;
        self.look(log)?;
        if size <= self.published {
            return Ok(None);
        }
        log.place.write_file(CHECKPOINT, checkpoint.to_string().as_bytes())?;
        for path in TilePath::partial_in_log(before) {
            let full = TilePath::full(path.kind(), path.index());
            if TilePath::in_log(path.kind(), path.index(), size) == Some(full) {
                log.place.remove_partial(&full)?;
            }
        }
        (self.published, self.is_mending) = (size, false);
        Ok(Some(Published { checkpoint, size }))
    }
}

/// How many leaves are sequenced by now.
fn stored(reader: &Reader) -> Option<u64> {
    reader.sequenced(None).ok().map(|last| last.map_or(0, |last| last.size))
}

/// Asks those witnesses again who did not cosign what is published.
fn cosign_again(
    log: &PublicLog,
    cosigning: &mut Cosigning,
    reader: &Reader,
    now: Time,
) -> Result<(), Unpublished> {
    if cosigning.is_idle() {
        return Ok(());
    }
    let Some(there) = published(log)?.filter(|there| cosigning.is_wanted(&there.checkpoint)) else {
        return Ok(());
    };
    let cosigned = cosigning.cosign(&log.place, there.checkpoint.clone(), || stored(reader), now);
    // Another server may have published more meanwhile.
    if cosigned != there.checkpoint && published(log)?.is_some_and(|now| now.checkpoint == there.checkpoint) {
        log.place.write_file(CHECKPOINT, cosigned.to_string().as_bytes())?;
    }
    Ok(())
}

/// The step that published leaves end with: the database goes on from there, or from nothing.
pub fn continued(reader: &Reader, size: u64, root: &TreeHash) -> Result<Sequenced, Unpublished> {
    let last = reader.sequenced(None)?;
    let known = last.as_ref().map_or(0, |last| last.size);
    let Some(last) = last.filter(|last| last.size >= size) else {
        return Err(Unpublished::Ahead { published: size, known });
    };
    // The first one with so many leaves.
    let (mut low, mut high) = (1, last);
    while low < high.number {
        let middle = low + (high.number - low) / 2;
        let step = step(reader, middle)?;
        if step.size < size { low = middle + 1 } else { high = step }
    }
    if (high.size, high.root) == (size, root.0) { Ok(high) } else { Err(Unpublished::Forked { size }) }
}

/// A step that must be there.
pub(super) fn step(reader: &Reader, number: i64) -> Result<Sequenced, StoreError> {
    let step = reader.sequenced(Some(number))?;
    step.ok_or_else(|| StoreError::Damaged(format!("step {number} of the public log is missing")))
}

/// How many lines one step is further than another.
fn passed(from: &Sequenced, to: &Sequenced) -> i64 {
    from.lines.iter().zip(&to.lines).map(|(from, to)| to.saturating_sub(*from)).sum()
}

/// How far a log is published.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
    /// What says so.
    pub checkpoint: SignedCheckpoint,
}

/// What is published of a log, if anything is.
pub fn published(log: &PublicLog) -> Result<Option<Standing>, Unpublished> {
    let Some(bytes) = log.place.read_file(CHECKPOINT)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let checkpoint: SignedCheckpoint = text.parse().map_err(Unpublished::Foreign)?;
    let stated = log.identity.open(&checkpoint).map_err(Unpublished::Foreign)?;
    Ok(Some(Standing { size: stated.size(), root: stated.root(), checkpoint }))
}
