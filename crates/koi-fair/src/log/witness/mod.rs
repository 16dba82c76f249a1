//! The protocol between a log and its witnesses (<https://c2sp.org/tlog-witness>), as values without I/O.
//!
//! A log sends a checkpoint with the proof that it continues what the witness saw last ([`AddCheckpoint`]).
//! The witness [`decide`]s from what it saw last ([`Seen`]) and answers ([`Answer`]). Who serves this must
//! read, decide and store what was seen in one step, and store it before the answer leaves: otherwise two
//! requests at once could take the witness back to a smaller log.
//!
//! ```
//! use koi_fair::log::{
//!     AddCheckpoint, Answer, Checkpoint, CosignTime, CosignerKey, KnownLog, SignerKey, TreeHash, decide,
//! };
//!
//! // Everybody knows the secrets of this example.
//! let log = SignerKey::from_seed("example.com/log", [7; 32])?;
//! let cosigner = CosignerKey::from_seed("witness.example", [8; 32])?;
//! let known = KnownLog { origin: "example.com/log".to_owned(), keys: vec![log.verifier()] };
//!
//! let checkpoint = Checkpoint::new("example.com/log", 1, TreeHash::of_leaf(b"entry"))?.sign(&[&log])?;
//! let request = AddCheckpoint { old_size: 0, proof: vec![], checkpoint };
//! let received: AddCheckpoint = request.to_string().parse()?;
//!
//! let time = CosignTime::of_seconds(1_700_000_000)?;
//! let (seen, answer) = match decide(None, Some(&known), &received, &cosigner, time) {
//!     Ok((seen, cosignature)) => (Some(seen), Answer::Cosigned(vec![cosignature])),
//!     Err(refusal) => (None, Answer::from(refusal)),
//! };
//! assert_eq!(seen.map(|seen| seen.size), Some(1));
//! assert_eq!(answer.status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod decision;
mod request;
#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerError};
pub use decision::{KnownLog, Refusal, Seen, decide};
pub use request::{AddCheckpoint, RequestError};
