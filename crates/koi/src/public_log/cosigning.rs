//! Cosignatures for what is published: asked for with each checkpoint, and again later of who did not answer.

use std::time::{Duration, Instant};

use koi_core::time::Time;
use koi_fair::log::{SignedCheckpoint, TileReader, consistency};

use super::place::Place;
use super::witnesses::{AskError, Asking, Witness};

/// How long a checkpoint waits for its witnesses: longer than most take, shorter than people notice.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long who did not answer is left alone at first; each time twice as long.
const FIRST_REST: Duration = Duration::from_secs(10);
/// The longest time.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The witnesses of a log, and how each has behaved.
#[derive(Debug)]
pub(super) struct Cosigning {
    witnesses: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    witness: Witness,
    /// The size that it cosigned last, as far as this server knows.
    size: u64,
    /// Since when it does not answer, and for how long it is left alone.
    resting: Option<(Instant, Duration)>,
}

impl Known {
    fn may_be_asked(&self) -> bool {
        self.resting.is_none_or(|(since, rest)| since.elapsed() >= rest)
    }

    fn has_cosigned(&self, checkpoint: &SignedCheckpoint) -> bool {
        matches!(self.witness.key.time_of(checkpoint), Ok(Some(_)))
    }
}

impl Cosigning {
    pub(super) fn new(witnesses: Vec<Witness>) -> Self {
        let known = |witness| Known { witness, size: 0, resting: None };
        Self { witnesses: witnesses.into_iter().map(known).collect() }
    }

    /// Whether there is nobody to ask now.
    pub(super) fn is_idle(&self) -> bool {
        !self.witnesses.iter().any(Known::may_be_asked)
    }

    /// Whether there is somebody to ask who has not cosigned this checkpoint.
    pub(super) fn is_wanted(&self, checkpoint: &SignedCheckpoint) -> bool {
        self.witnesses.iter().any(|known| known.may_be_asked() && !known.has_cosigned(checkpoint))
    }

    /// The checkpoint with the cosignatures of all who answer in time. Whoever does not is said, and left alone for a while.
    /// `stored` tells how many leaves are sequenced by now: another server may have published more than this one.
    pub(super) fn cosign(
        &mut self,
        place: &Place,
        checkpoint: SignedCheckpoint,
        stored: impl Fn() -> Option<u64>,
        now: Time,
    ) -> SignedCheckpoint {
        let size = checkpoint.claimed().size();
        let asked: Vec<Witness> = self
            .witnesses
            .iter()
            .filter(|known| known.may_be_asked() && !known.has_cosigned(&checkpoint))
            .map(|known| known.witness.clone())
            .collect();
        if asked.is_empty() {
            return checkpoint;
        }
        let proof =
            |old: u64| consistency(old, size, &TileReader::new(place, size)).map_err(|error| error.to_string());
        let seconds = u64::try_from(now.ms() / 1000).unwrap_or_default();
        let asking = Asking { checkpoint: &checkpoint, proof: &proof, patience: PATIENCE, now: seconds };
        let known = |witness: &Witness| {
            self.witnesses.iter().find(|known| known.witness == *witness).map_or(0, |known| known.size)
        };
        let mut cosigned = checkpoint.clone();
        for (witness, answer) in asking.ask_all(&asked, known) {
            let Some(known) = self.witnesses.iter_mut().find(|known| known.witness == *witness) else { continue };
            match answer {
                Ok(answer) => {
                    (known.size, known.resting) = (size, None);
                    // What cannot be added was not asked for: the checkpoint has one of its key already.
                    cosigned = cosigned.clone().with(answer.signature).unwrap_or(cosigned);
                }
                // It has cosigned what another server of this log has published meanwhile.
                Err(AskError::SawLarger { seen, .. }) if stored().is_some_and(|stored| seen <= stored) => {
                    known.size = seen;
                }
                Err(error) => known.rest(&error),
            }
        }
        cosigned
    }
}

impl Known {
    fn rest(&mut self, error: &AskError) {
        let name = self.witness.key.name();
        if error.is_alarm() {
            tracing::error!(witness = %name, %error, "a witness does not cosign the public log");
        } else if self.resting.is_none() {
            tracing::warn!(witness = %name, %error, "a witness does not cosign the public log; it is asked again later");
        }
        let rest = self.resting.map_or(FIRST_REST, |(_, rest)| (rest * 2).min(LONGEST_REST));
        self.resting = Some((Instant::now(), rest));
    }
}
