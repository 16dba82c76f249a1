//! Asking witnesses to cosign a checkpoint (<https://c2sp.org/tlog-witness>).
//!
//! A witness may be slow, away, wrong or hostile: each is a failure with a name, and none of them keeps the others waiting
//! for longer than the patience. Nothing that it says is believed but a cosignature that its key verifies, dated about now.
//!
//! Two answers are more than a failure ([`AskError::is_alarm`]): a witness that saw a larger log than ours, and one that saw
//! another history. Either this installation went back to an older state, for example by a backup that was restored,
//! or somebody else signs with its key.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use koi_fair::log::{
    AddCheckpoint, Answer, AnswerError, CosignTime, CosignatureError, KeyError, Quorum, QuorumError, Signature,
    SignedCheckpoint, TreeHash, WitnessKey,
};

use crate::vkey;

/// Witnesses of one log.
pub const WITNESSES: usize = 16;
/// How far the clock of a witness may be from ours: a cosignature says when a checkpoint was there.
pub const CLOCKS_APART: Duration = Duration::from_secs(600);
/// Bytes of an answer: some lines of signatures.
const ANSWER_BYTES: u64 = 16 * 1024;
/// How often one witness is asked: at first with the size that it is thought to have, then with the one that it says. That
/// may change once more, if another server of the same log asks it meanwhile.
const ATTEMPTS: usize = 3;
/// Time that is too short to ask again in.
const SHORTEST: Duration = Duration::from_millis(10);

/// A witness: where it is, and the key that it cosigns with. As text: `VKEY@URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The address that `/add-checkpoint` is put after, without a slash at its end.
    pub url: String,
    /// Its key.
    pub key: WitnessKey,
}

/// Why a text is not a witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It does not have the form.
    #[error("VKEY is a witness's key, NAME+HASH+BASE64, and URL is where it is")]
    Shape,
    /// The key is not one of a witness.
    #[error("the key of a witness: {0}")]
    Key(#[from] KeyError),
    /// The address is not one of the web.
    #[error("the address of the witness {name} must be one such as https://witness.example.com, without ? and #")]
    Url {
        /// The witness's name.
        name: String,
    },
    /// One stands for two.
    #[error(transparent)]
    Same(#[from] QuorumError),
    /// There are more than [`WITNESSES`].
    #[error("at most {WITNESSES} witnesses are asked")]
    TooMany,
}

impl FromStr for Witness {
    type Err = WitnessError;

    fn from_str(text: &str) -> Result<Self, WitnessError> {
        let (key, url) = vkey::split(text).ok_or(WitnessError::Shape)?;
        let url = url.strip_prefix('@').ok_or(WitnessError::Shape)?;
        let key: WitnessKey = key.parse()?;
        let wrong = || WitnessError::Url { name: key.name().to_string() };
        let address: ureq::http::Uri = url.parse().map_err(|_| wrong())?;
        let of_web = matches!(address.scheme_str(), Some("https" | "http"));
        let host = address.host().is_some_and(|host| !host.is_empty());
        if !of_web || !host || url.contains(['?', '#']) || url.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key })
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}", self.key, self.url)
    }
}

/// Reads witnesses with spaces between them; neither a key nor an address has any.
///
/// # Errors
///
/// If one of them is none, or two have the same name or key.
pub fn parse(text: &str) -> Result<Vec<Witness>, WitnessError> {
    let witnesses = text.split_whitespace().map(str::parse).collect::<Result<Vec<Witness>, _>>()?;
    if witnesses.len() > WITNESSES {
        return Err(WitnessError::TooMany);
    }
    Quorum::new(witnesses.iter().map(|witness| witness.key.clone()).collect(), 0)?;
    Ok(witnesses)
}

/// A cosignature that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// To be added to the checkpoint ([`SignedCheckpoint::with`]).
    pub signature: Signature,
    /// When the witness saw the checkpoint, as it says.
    pub time: CosignTime,
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It cannot be reached, or broke off.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("it did not answer in time")]
    TimedOut,
    /// Its answer has more than some lines.
    #[error("its answer is too long")]
    TooLong,
    /// Its answer is not text.
    #[error("its answer is not text")]
    NotText,
    /// Its answer is none of the protocol.
    #[error("its answer is not one of a witness: {0}")]
    Answer(#[from] AnswerError),
    /// 400.
    #[error("it says that our request is wrong (400)")]
    BadRequest,
    /// 403: it has another key of this log.
    #[error("it does not trust the key of this log (403): give its owner the key, as `/log/key` shows it")]
    Forbidden,
    /// 404: it does not follow this log.
    #[error("it does not watch this log (404): ask its owner to, with the log's key")]
    NotFound,
    /// It saw a log that is larger than ours.
    #[error(
        "ALARM: it saw {seen} entries of this log, and ours has {ours}: this installation went back to an older state, or \
         somebody else signs with its key. See docs/witness.md"
    )]
    SawLarger {
        /// The size that it says.
        seen: u64,
        /// The size of the checkpoint.
        ours: u64,
    },
    /// It saw another history.
    #[error(
        "ALARM: it saw another history of this log ({status}): this installation went back to an older state and on from \
         there, or somebody else signs with its key. See docs/witness.md"
    )]
    SawOther {
        /// 409 with no size, or 422 to a proof from the size that it said.
        status: u16,
    },
    /// It says another size each time that it is asked.
    #[error("it says another size each time, {seen} at last")]
    Undecided {
        /// The last one.
        seen: u64,
    },
    /// We cannot prove what it needs.
    #[error("no proof from {old} entries can be made for it: {why}")]
    NoProof {
        /// The size that it saw.
        old: u64,
        /// Why not.
        why: String,
    },
    /// None of its lines is by the key that we know.
    #[error("its answer has no cosignature of its key")]
    NoCosignature,
    /// The cosignature is not right.
    #[error(transparent)]
    Cosignature(#[from] CosignatureError),
    /// The cosignature is dated far from now.
    #[error("it cosigned at {said} s after 1970, and it is {now}: its clock or ours is wrong")]
    Clock {
        /// What it says.
        said: u64,
        /// What our clock says.
        now: u64,
    },
    /// It could not be asked at all.
    #[error("it was not asked: {0}")]
    NotAsked(String),
}

impl AskError {
    /// Whether somebody must look: the log that the witness saw is not a part of ours.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::SawLarger { .. } | Self::SawOther { .. })
    }
}

/// What is asked of witnesses.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The checkpoint, signed by the log. It may have cosignatures already.
    pub checkpoint: &'a SignedCheckpoint,
    /// The consistency proof from an older size to the checkpoint's. It may be asked for on any thread.
    pub proof: &'a (dyn Fn(u64) -> Result<Vec<TreeHash>, String> + Sync),
    /// How long one witness may take, all in all.
    pub patience: Duration,
    /// The time, in seconds since 1970.
    pub now: u64,
}

impl fmt::Debug for Asking<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Asking")
            .field("checkpoint", self.checkpoint)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Asking<'_> {
    /// Asks one witness, which is known to have cosigned `known` entries last (0 if nobody knows). It blocks.
    ///
    /// # Errors
    ///
    /// If there is no cosignature that can be believed, for whatever reason.
    pub fn ask(&self, witness: &Witness, known: u64) -> Result<Cosigned, AskError> {
        let deadline = Instant::now() + self.patience;
        let agent = agent(&witness.url);
        let ours = self.checkpoint.claimed().size();
        // More than ours cannot be proved from: then it is asked what it has.
        let mut old = if known > ours { 0 } else { known };
        let mut said = None;
        for _ in 0..ATTEMPTS {
            let proof = self.prove(old, ours)?;
            let request = AddCheckpoint { old_size: old, proof, checkpoint: self.checkpoint.clone() };
            match post(&agent, witness, &request.to_string(), deadline)? {
                Answer::Cosigned(lines) => return self.believed(witness, &lines),
                Answer::OtherSize(seen) if seen > ours => return Err(AskError::SawLarger { seen, ours }),
                // The size that it was asked from, which is the checkpoint's: it has another root there.
                Answer::OtherSize(seen) if seen == old && seen == ours => {
                    return Err(AskError::SawOther { status: 409 });
                }
                Answer::OtherSize(seen) => {
                    if seen < known {
                        let witness = witness.key.name();
                        tracing::warn!(%witness, seen, known, "this witness has seen less than it cosigned: it has forgotten");
                    }
                    (old, said) = (seen, Some(seen));
                }
                answer @ (Answer::OtherRoot | Answer::Unprocessable) => {
                    return Err(AskError::SawOther { status: answer.status() });
                }
                Answer::BadRequest => return Err(AskError::BadRequest),
                Answer::Forbidden => return Err(AskError::Forbidden),
                Answer::NotFound => return Err(AskError::NotFound),
            }
        }
        Err(AskError::Undecided { seen: said.unwrap_or(old) })
    }

    fn prove(&self, old: u64, ours: u64) -> Result<Vec<TreeHash>, AskError> {
        if old == 0 || old == ours {
            return Ok(Vec::new());
        }
        (self.proof)(old).map_err(|why| AskError::NoProof { old, why })
    }

    /// The cosignature among the lines of an answer. Lines of keys that nobody knows are passed over.
    fn believed(&self, witness: &Witness, lines: &[Signature]) -> Result<Cosigned, AskError> {
        let (name, id) = (witness.key.name(), witness.key.id());
        let by_it = |signature: &&Signature| (signature.name(), signature.id()) == (name, id);
        let mut found = lines.iter().filter(by_it);
        let signature = match (found.next(), found.next()) {
            (Some(signature), None) => signature.clone(),
            (Some(_), Some(_)) => return Err(CosignatureError::Wrong { name: name.clone() }.into()),
            (None, _) => return Err(AskError::NoCosignature),
        };
        // The one that the checkpoint may have already is not what is looked at.
        let wrong = || CosignatureError::Wrong { name: name.clone() };
        let others = self.checkpoint.only(|signature| !by_it(&signature)).map_err(|_| wrong())?;
        let cosigned = others.with(signature.clone()).map_err(|_| wrong())?;
        let time = witness.key.time_of(&cosigned)?.ok_or(AskError::NoCosignature)?;
        let apart = time.seconds().abs_diff(self.now);
        if apart > CLOCKS_APART.as_secs() {
            return Err(AskError::Clock { said: time.seconds(), now: self.now });
        }
        Ok(Cosigned { signature, time })
    }

    /// Asks all witnesses at once, each on a thread of its own. It blocks until all have answered or the patience is over.
    /// `known` is what each is known to have cosigned last. The answers are in the order of the witnesses.
    pub fn ask_all<'w>(
        &self,
        witnesses: &'w [Witness],
        known: impl Fn(&Witness) -> u64,
    ) -> Vec<(&'w Witness, Result<Cosigned, AskError>)> {
        std::thread::scope(|scope| {
            let ask = |witness: &'w Witness| {
                let known = known(witness);
                let thread = std::thread::Builder::new().name("witness".to_owned());
                (witness, thread.spawn_scoped(scope, move || self.ask(witness, known)))
            };
            let asked: Vec<_> = witnesses.iter().take(WITNESSES).map(ask).collect();
            let answer = |(witness, thread): (_, std::io::Result<std::thread::ScopedJoinHandle<'_, _>>)| {
                let answer = match thread.map(std::thread::ScopedJoinHandle::join) {
                    Ok(Ok(answer)) => answer,
                    Ok(Err(_)) => Err(AskError::NotAsked("the thread that asked it panicked".to_owned())),
                    Err(error) => Err(AskError::NotAsked(error.to_string())),
                };
                (witness, answer)
            };
            asked.into_iter().map(answer).collect()
        })
    }
}

fn agent(url: &str) -> ureq::Agent {
    // An answer that leads elsewhere is not the witness's.
    let mut config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    // A proxy has no business between a log and a witness on the same machine.
    if ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| url.starts_with(here)) {
        config = config.proxy(None);
    }
    config.max_redirects_will_error(false).build().into()
}

fn post(agent: &ureq::Agent, witness: &Witness, body: &str, deadline: Instant) -> Result<Answer, AskError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < SHORTEST {
        return Err(AskError::TimedOut);
    }
    let request = agent.post(format!("{}/add-checkpoint", witness.url));
    let request = request.config().timeout_global(Some(left)).build().content_type("text/plain; charset=utf-8");
    let mut answer = request.send(body).map_err(|error| failed(&error))?;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let bytes =
        answer.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec().map_err(|error| failed(&error))?;
    // What is no answer is not read as one, however it is spelled.
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) if status == 200 || status == 409 => return Err(AskError::NotText),
        Err(_) => String::new(),
    };
    Ok(Answer::parse(status, &kind, &text)?)
}

fn failed(error: &ureq::Error) -> AskError {
    match error {
        ureq::Error::Timeout(_) => AskError::TimedOut,
        ureq::Error::BodyExceedsLimit(_) => AskError::TooLong,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => AskError::TimedOut,
        error => AskError::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
