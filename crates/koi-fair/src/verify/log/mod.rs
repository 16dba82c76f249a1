//! A whole log, stage by stage: key, checkpoint, witnesses, files, statements, campaigns.

mod campaigns;
mod papers;
mod tiles;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use super::files::LogFiles;
use super::report::{Caveat, Checked, Finding, KeyFrom, Kind};
use super::{CAMPAIGNS_MAX, Step, Trust, Watch, code};
use crate::log::{Note, Quorum, SignedCheckpoint, TreeHash, VerifierKey};
use crate::statement::{Leaf, Statement};
use campaigns::{Campaigns, Replays};
use papers::Papers;

/// Bytes of the file `key`.
const KEY_BYTES_MAX: usize = 4096;

/// What is asked about a log.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its key, if it is known from elsewhere than the log.
    pub key: Option<VerifierKey>,
    /// The witnesses, and how many must have cosigned.
    pub quorum: Quorum,
    /// The campaigns that are replayed; none: all.
    pub campaigns: BTreeSet<String>,
    /// Receipts and proofs that the log must have.
    pub papers: Vec<Paper>,
    /// Coupons that the log must have.
    pub coupons: Vec<String>,
    /// Threads that read files, and as many files are asked for at once.
    pub threads: NonZeroUsize,
}

/// A file of a shopper.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why a log could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum NotChecked<E> {
    /// Its files could not be read.
    #[error("{0}")]
    Files(E),
    /// It has no checkpoint.
    #[error("it has no file `checkpoint`: it is no log")]
    NoLog,
    /// It is of more campaigns than are looked at in one go.
    #[error("it is of more than {CAMPAIGNS_MAX} campaigns: choose some of them")]
    TooManyCampaigns,
}

/// What was checked of a log, and the key by which.
type Opened = (Trust, SignedCheckpoint);

/// The key that a log says is its own.
///
/// # Errors
///
/// If the log could not be read; the finding if it has none.
pub fn key_of<F: LogFiles>(files: &F) -> Result<Result<VerifierKey, Finding>, F::Error> {
    let Some(bytes) = files.read("key", KEY_BYTES_MAX)? else {
        return Ok(Err(Finding::new("key_missing", "the log has no file `key`: give its key")));
    };
    let malformed = |why: &dyn ToString| Finding::new("key_malformed", why.to_string());
    let line = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let line = line.filter(|_| bytes.len() <= KEY_BYTES_MAX);
    Ok(match line.map(str::parse::<VerifierKey>) {
        Some(Ok(key)) => Ok(key),
        Some(Err(why)) => Err(malformed(&why)),
        None => Err(malformed(&"the file `key` is not one line")),
    })
}

/// Checks a whole log.
///
/// # Errors
///
/// [`NotChecked`], if it could not be read. What is wrong with it is in the answer.
pub fn check_log<F: LogFiles>(
    input: &str,
    files: &F,
    asked: &Asked,
    watch: &Watch<'_>,
) -> Result<Checked, NotChecked<F::Error>> {
    let mut checked = Checked::new(input, Kind::Log);
    let Some((trust, signed)) = open(files, asked, &mut checked)? else { return Ok(checked) };
    // It was opened: what it says is the log's.
    let Ok(checkpoint) = signed.open(trust.key.name().as_str(), std::slice::from_ref(&trust.key)) else {
        return Ok(checked);
    };
    let (size, root) = (checkpoint.size(), checkpoint.root());
    checked.say_log(&trust.key, size, root);
    cosigned(&signed, &trust.quorum, &mut checked);
    let log = Log { files, size, root, watch };
    let read = tiles::audited(files, size, &root, asked.threads, watch);
    match read.and_then(|()| log.read(asked, &trust, &mut checked)) {
        Ok(()) => {}
        Err(Stop::Refused(finding)) => checked.refuse(finding),
        Err(Stop::Failed(why)) => return Err(NotChecked::Files(why)),
        Err(Stop::TooManyCampaigns) => return Err(NotChecked::TooManyCampaigns),
    }
    Ok(checked)
}

/// Why the rest of a log is not looked at.
enum Stop<E> {
    /// Its files are not those of the checkpoint.
    Refused(Finding),
    /// They could not be read.
    Failed(E),
    /// It is of too many campaigns.
    TooManyCampaigns,
}

/// The log's key and checkpoint, if they are right.
fn open<F: LogFiles>(
    files: &F,
    asked: &Asked,
    checked: &mut Checked,
) -> Result<Option<Opened>, NotChecked<F::Error>> {
    let bytes = files.read("checkpoint", Note::BYTES_MAX).map_err(NotChecked::Files)?.ok_or(NotChecked::NoLog)?;
    let key = match &asked.key {
        Some(key) => Ok(key.clone()),
        None => {
            checked.caveat(Caveat::KeyBelieved);
            key_of(files).map_err(NotChecked::Files)?
        }
    };
    checked.key_from = Some(if asked.key.is_some() { KeyFrom::Option } else { KeyFrom::Log });
    let opened = key.and_then(|key| {
        checked.key = Some(key.to_string());
        let trust = Trust { key, quorum: asked.quorum.clone() };
        signed_by(&bytes, &trust.key).map(|signed| (trust, signed))
    });
    Ok(opened.map_err(|finding| checked.refuse(finding)).ok())
}

fn signed_by(bytes: &[u8], key: &VerifierKey) -> Result<SignedCheckpoint, Finding> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| Finding::new("note_malformed", "the checkpoint is not in UTF-8"))?;
    let refused = |why| Finding::new(code::of_checkpoint(why), why);
    let signed: SignedCheckpoint = text.parse().map_err(refused)?;
    signed.open(key.name().as_str(), std::slice::from_ref(key)).map_err(refused)?;
    Ok(signed)
}

/// Which witnesses cosigned, and whether they are enough.
fn cosigned(signed: &SignedCheckpoint, quorum: &Quorum, checked: &mut Checked) {
    if quorum.needed() == 0 {
        checked.caveat(Caveat::NoWitnesses);
    }
    // Whoever cosigned this checkpoint saw what is in it then, and not when each statement was made.
    checked.caveat(Caveat::TimesBelieved);
    match quorum.reached(signed) {
        Ok(cosignatures) => checked.cosigned = Some(cosignatures.iter().map(Into::into).collect()),
        Err(why) => checked.refuse(Finding::new(code::of_cosignature(&why), why)),
    }
}

/// A log whose files are right.
struct Log<'a, F> {
    files: &'a F,
    size: u64,
    root: TreeHash,
    watch: &'a Watch<'a>,
}

impl<F: LogFiles> Log<'_, F> {
    /// Reads its statements, twice if there is something to draw again.
    fn read(&self, asked: &Asked, trust: &Trust, checked: &mut Checked) -> Result<(), Stop<F::Error>> {
        let mut papers = Papers::new(asked, trust, checked);
        let mut campaigns = Campaigns::new(&asked.campaigns);
        let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
        tiles::each_entry(self, Step::Statements, |index, entry, frontier| {
            papers.take_root(frontier);
            match Leaf::parse(entry) {
                Ok(Leaf::Campaign(statement)) => {
                    *kinds.entry(statement.kind()).or_default() += 1;
                    checked.latest = checked.latest.max(Some(statement.at()));
                    papers.take(index, &statement);
                    campaigns.outline(index, &statement)?;
                }
                Ok(Leaf::Draw(statement)) => {
                    *kinds.entry(statement.kind()).or_default() += 1;
                    checked.latest = checked.latest.max(Some(statement.at()));
                    checked.caveat(Caveat::DrawsNotChecked);
                }
                Err(why) => {
                    let finding = Finding::new(code::of_statement(&why), why);
                    checked.refuse(Finding { leaf: Some(index), ..finding });
                }
            }
            Ok(())
        })?;
        checked.leaves = Some(kinds.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect());
        papers.finish(self.size, self.root, checked);
        let (outlines, findings) = campaigns.outlined();
        let mut replays = Replays::new(&outlines, findings);
        if replays.are_some() {
            tiles::each_entry(self, Step::Replay, |index, entry, _| {
                // Those that are none were found before; draws have no packets.
                if let Ok(statement) = Statement::parse(entry) {
                    replays.take(index, &statement);
                }
                Ok(())
            })?;
        }
        replays.finish(&asked.campaigns, checked);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
