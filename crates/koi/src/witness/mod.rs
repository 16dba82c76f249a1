//! A witness: it cosigns checkpoints of logs that only grow (<https://c2sp.org/tlog-witness>), for whoever does not want to
//! believe a log that it shows everybody the same.
//!
//! ```text
//! request ──▶ which log? ──▶ ┌ what was seen last ─ decide ─ store ┐ ──▶ answer
//!                            └──────── one at a time per log ──────┘
//! ```
//! It knows nothing of campaigns, and needs only a folder and a clock. [`known`] says which logs it follows, [`folder`] is
//! what it keeps, [`server`] what it answers over HTTP, [`rate`] how much of it.
//!
//! *Invariant:* what was cosigned is on the disk before anybody has the cosignature. *Invariant:* of each log it cosigns
//! only what continues what it cosigned last. *Invariant:* what it cannot remember it does not guess: it refuses to start.

pub(crate) mod folder;
pub(crate) mod known;
mod rate;
pub(crate) mod server;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use koi_core::time::Time;
use koi_fair::log::{
    AddCheckpoint, Answer, CheckpointError, CosignTime, CosignerKey, KnownLog, Refusal, Seen, SignedCheckpoint,
    decide,
};

use folder::{Folder, FolderError, Latest, Lock};

/// Connections at once; further ones wait to be accepted.
pub(crate) const CONNECTIONS: usize = 256;
/// Logs that one witness follows.
pub(crate) const LOGS: usize = 64;
/// Bytes of a request: far more than 63 hashes and a checkpoint with some signatures.
pub(crate) const REQUEST_BYTES: usize = 64 * 1024;
/// Requests in a second, and how many may come at once: a log sends one every few seconds.
const REQUESTS_PER_SECOND: u32 = 100;
const REQUESTS_AT_ONCE: u32 = 200;
/// A machine whose clock says less has no battery or no network: what it cosigns would be dated before it happened.
/// The first second of 2026.
const EARLIEST_S: i64 = 1_767_225_600;
/// How far a clock that went back may be behind what was said already: that is said once more. Further, it would be a lie.
const BEHIND_S: u64 = 60;

/// A witness on its folder, which nobody else uses meanwhile.
#[derive(Debug)]
pub(crate) struct Witness {
    key: CosignerKey,
    folder: Folder,
    logs: BTreeMap<String, Followed>,
    _lock: Lock,
}

/// A log that it follows.
#[derive(Debug)]
struct Followed {
    log: KnownLog,
    memory: Mutex<Memory>,
}

/// What it knows of a log without reading its file.
#[derive(Debug)]
enum Memory {
    /// As in the file.
    Known(Option<Latest>),
    /// Something went wrong while the file was written: it says what holds.
    InDoubt,
}

/// Why nothing was cosigned although the request may be right.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The folder could not be read or written, or is damaged.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The machine's clock cannot be right.
    #[error("the machine's clock says {0}, which cannot be: set it right (time synchronisation)")]
    Clock(Time),
    /// The machine's clock is far behind what was cosigned already.
    #[error(
        "the machine's clock says {now}, but {origin} was cosigned {behind_s} s later already: set it right. If it was ahead \
         then, nothing of this log can be cosigned until it has caught up, or by another witness with a key of its own"
    )]
    Behind {
        /// What the clock says.
        now: Time,
        /// Which log.
        origin: String,
        /// How far it is behind, in seconds.
        behind_s: u64,
    },
    /// The cosigned checkpoint cannot be written as one.
    #[error("the checkpoint cannot be kept: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl Witness {
    /// The witness of a folder that has a key, for these logs.
    pub(crate) fn open(folder: Folder, logs: Vec<KnownLog>, now: Time) -> Result<Self, Fault> {
        cosign_time(now, None)?;
        let key = folder.key()?;
        let lock = folder.lock()?;
        let mut latest = folder.all(&key.witness())?;
        let follow = |log: KnownLog| {
            let memory = Mutex::new(Memory::Known(latest.remove(&log.origin)));
            (log.origin.clone(), Followed { log, memory })
        };
        let logs = logs.into_iter().map(follow).collect();
        Ok(Self { key, folder, logs, _lock: lock })
    }

    /// Its public key, as log operators get it.
    pub(crate) fn key(&self) -> String {
        self.key.witness().to_string()
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        self.key.witness().name().to_string()
    }

    /// The logs that it follows, each with what it saw last, if that is known.
    pub(crate) fn seen(&self) -> Vec<(&str, Option<Seen>)> {
        let seen = |followed: &Followed| match &*followed.memory() {
            Memory::Known(latest) => latest.as_ref().map(Latest::seen),
            Memory::InDoubt => None,
        };
        self.logs.iter().map(|(origin, followed)| (origin.as_str(), seen(followed))).collect()
    }

    /// Whether it remembers what it saw of every log.
    pub(crate) fn is_well(&self) -> bool {
        self.logs.values().all(|followed| matches!(&*followed.memory(), Memory::Known(_)))
    }

    /// The checkpoint of a log that it cosigned last, by the name of its file.
    pub(crate) fn checkpoint(&self, hash: &str) -> Option<String> {
        let followed = self.logs.values().find(|followed| folder::hash(&followed.log.origin) == hash)?;
        match &*followed.memory() {
            Memory::Known(latest) => latest.as_ref().map(|latest| latest.note().to_string()),
            Memory::InDoubt => None,
        }
    }

    /// What it answers to a request. One for the same log waits meanwhile; this may take as long as the disk. The time is asked
    /// for when it is the request's turn: one that waited was not seen before.
    pub(crate) fn add(&self, request: &AddCheckpoint, now: impl FnOnce() -> Time) -> Result<Answer, Fault> {
        let Some(followed) = self.logs.get(request.checkpoint.claimed_origin()) else {
            return Ok(Answer::NotFound);
        };
        let mut memory = followed.memory();
        let latest = match std::mem::replace(&mut *memory, Memory::InDoubt) {
            Memory::Known(latest) => latest,
            Memory::InDoubt => self.folder.latest(&followed.log.origin, &self.key.witness())?,
        };
        let seen = latest.as_ref().map(Latest::seen);
        // What fails from here on, before anything was written, leaves what is known as it was.
        let time = match cosign_time(now(), latest.as_ref()) {
            Ok(time) => time,
            Err(fault) => {
                *memory = Memory::Known(latest);
                return Err(fault);
            }
        };
        match decide(seen.as_ref(), Some(&followed.log), request, &self.key, time) {
            Ok((_, cosignature)) => {
                let note = signed_by(&followed.log, &request.checkpoint)?.with(cosignature.clone())?;
                let cosigned = Latest::new(note, time);
                self.folder.store(&cosigned)?;
                *memory = Memory::Known(Some(cosigned));
                Ok(Answer::Cosigned(vec![cosignature]))
            }
            Err(refusal) => {
                self.look_for_a_fork(followed, latest.as_ref(), request, refusal);
                *memory = Memory::Known(latest);
                Ok(refusal.into())
            }
        }
    }

    /// Two checkpoints of one size with different roots, both signed by the log, prove that it shows two histories: whatever
    /// else is wrong with the request, that is kept.
    fn look_for_a_fork(
        &self,
        followed: &Followed,
        latest: Option<&Latest>,
        request: &AddCheckpoint,
        refusal: Refusal,
    ) {
        let (origin, shown) = (&followed.log.origin, request.checkpoint.claimed());
        // Anybody can send these as often as they like.
        if matches!(refusal, Refusal::UnknownLog | Refusal::NotSigned(_)) {
            return tracing::debug!(origin, %refusal, "not cosigned");
        }
        let other = |latest: &&Latest| {
            let seen = latest.seen();
            seen.size == shown.size() && seen.root != shown.root()
        };
        let Some(latest) = latest.filter(other) else {
            return match refusal {
                // How a log asks what was seen last.
                Refusal::OtherSize { .. } => {
                    tracing::debug!(origin, size = shown.size(), %refusal, "not cosigned")
                }
                _ => tracing::warn!(origin, size = shown.size(), %refusal, "not cosigned"),
            };
        };
        let other = signed_by(&followed.log, &request.checkpoint).unwrap_or_else(|_| request.checkpoint.clone());
        match self.folder.keep_evidence(latest, &other) {
            Ok(true) => tracing::error!(
                origin,
                size = shown.size(),
                "ALARM: the log signed two histories: both are in the folder `evidence`, see `koi witness show`"
            ),
            Ok(false) => tracing::debug!(origin, size = shown.size(), "another history once more"),
            Err(error) => tracing::error!(
                origin, %error, seen = %latest.note(), %other,
                "ALARM: the log signed two histories, and they could not be kept: here they are"
            ),
        }
    }
}

impl Followed {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        // Who panicked while it was away has left it in doubt.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A checkpoint with the signatures of the log alone.
fn signed_by(log: &KnownLog, checkpoint: &SignedCheckpoint) -> Result<SignedCheckpoint, CheckpointError> {
    checkpoint
        .only(|signature| log.keys.iter().any(|key| (key.name(), key.id()) == (signature.name(), signature.id())))
}

/// The time that a cosignature gets: the machine's, but for one log never before what was said already.
fn cosign_time(now: Time, latest: Option<&Latest>) -> Result<CosignTime, Fault> {
    let seconds = now.ms() / 1000;
    let time = u64::try_from(seconds).ok().filter(|_| seconds >= EARLIEST_S);
    let time = time.and_then(|seconds| CosignTime::of_seconds(seconds).ok()).ok_or(Fault::Clock(now))?;
    let Some(latest) = latest else { return Ok(time) };
    let behind_s = latest.time().seconds().saturating_sub(time.seconds());
    if behind_s > BEHIND_S {
        return Err(Fault::Behind { now, origin: latest.origin().to_owned(), behind_s });
    }
    Ok(latest.time().max(time))
}

#[cfg(test)]
mod tests;
