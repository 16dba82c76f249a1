//! Verifying what a server published, from the public files alone: what `koi verify` does, without the command.
//!
//! | | |
//! |---|---|
//! | [`check_log`] | a whole log: checkpoint, witnesses, every tile and entry, every statement, every campaign drawn again |
//! | [`check_file`] | what a shopper keeps: a receipt, or the proof that the log has it |
//! | [`check_draw_proof`] | what an entrant keeps: their number in a draw, and who won |
//! | [`made_up`] | logs to try a verifier with |
//!
//! What is wrong is never an error but a [`Finding`] with a stable code; an error is a log that could not be read. Nothing is
//! kept of a leaf but what [`crate::replay`] keeps: one byte of a claim.
//!
//! ```
//! use koi_fair::log::{Quorum, VerifierKey};
//! use koi_fair::verify::{Trust, check_file, made_up};
//!
//! let made = made_up::MadeUp::new(50, 7, None)?;
//! let trust = Trust { key: made_up::signer()?.verifier(), quorum: Quorum::new(vec![], 0)? };
//! assert!(check_file("receipt.txt", made.receipt.as_bytes(), &trust).ok);
//! let changed = made.receipt.replace("\"face\":", "\"face\":1");
//! assert_eq!(check_file("receipt.txt", changed.as_bytes(), &trust).findings[0].code, "signature_wrong");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod drawn;
mod files;
mod log;
pub mod made_up;
mod paper;
mod report;

pub use drawn::check_draw_proof;
pub use files::{Directory, LogFiles};
pub use log::{Asked, NotChecked, Paper, check_log, key_of};
pub use paper::{check_file, kind_of, no_paper};
pub use report::{Campaign, Caveat, Checked, Cosigned, Finding, Found, KeyFrom, Kind, Numbers, Report, State};

use crate::log::{Quorum, VerifierKey};

/// Findings that are kept of each campaign; all are counted.
pub const FINDINGS_MAX: usize = 100;
/// Bytes of a shopper's file.
pub const FILE_BYTES_MAX: usize = 2_000_000;
/// Campaigns that are looked at in one go: what each says of itself is kept, and that may be 64 KB.
pub const CAMPAIGNS_MAX: usize = 10_000;

/// Whom a verifier believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The log's key.
    pub key: VerifierKey,
    /// The witnesses, and how many of them must have cosigned.
    pub quorum: Quorum,
}

/// What is being done with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its tiles and bundles are read and hashed.
    Files,
    /// Its statements are read.
    Statements,
    /// The packets are drawn again.
    Replay,
}

/// Hears how far a step is: how many pieces of how many.
pub type Watch<'a> = dyn Fn(Step, u64, u64) + Sync + 'a;
