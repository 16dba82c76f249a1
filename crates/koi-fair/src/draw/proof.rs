//! What a person keeps of a draw: one file of about 3 KB, whatever the number of entries.
//!
//! It shows the person's number among those that were sealed, the rules, who won, and that nobody chose it: the seal
//! is in a log that witnesses cosigned before the round. Rules and seal have one inclusion proof, since the seal says the rules once more.
//!
//! The file is canonical JSON, without a newline at its end. Bytes are base64, the hashes of a proof stand one after the other.
//!
//! ```text
//! {"beacon":"…","checkpoint":"koi.example.com/log\n1000\n…","entry":{"external_id":"…","index":1834000,"proof":"…","salt":"…"},
//!  "format":"koi/draw-proof/v1","seal":{…,"rules":{…},…},"seal_index":998,"seal_proof":"…","skipped":[],"winner":2169283}
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bound::{drawn, exclusions};
use super::{DrawProofRefusal, DrawTrust, Place, SealInLog, Verdict, entry_leaf};
use crate::beacon::{SIGNATURE_BYTES, Verified};
use crate::canonical;
use crate::log::text::{base64, bytes_of_base64};
use crate::log::{SignedCheckpoint, TlogProof, TreeHash, verify_inclusion};
use crate::statement::{DrawSeal, DrawStatement};

/// The format of the file.
pub const PROOF_FORMAT: &str = "koi/draw-proof/v1";
/// Bytes of a file that are read.
pub const PROOF_BYTES_MAX: usize = 65_536;
/// The longest id of an entrant, in bytes.
const EXTERNAL_ID_BYTES_MAX: usize = 256;
/// The most excluded entries that a draw may meet on its way, so that a person can be told of them.
const SKIPPED_MAX: usize = 1_000;

/// What a person keeps of a draw. Nothing of it is believed before [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawProof {
    /// The signature of the round that the seal names.
    pub beacon: [u8; SIGNATURE_BYTES],
    /// The checkpoint of the statement log, with its cosignatures: the text of a signed note.
    pub checkpoint: String,
    /// The person's entry.
    pub entry: EntryProof,
    /// The seal, with the rules in it.
    pub seal: DrawSeal,
    /// The index of the seal in the statement log, from 0.
    pub seal_index: u64,
    /// The inclusion proof of the seal, from the leaf to the checkpoint's root.
    pub seal_proof: Vec<TreeHash>,
    /// The excluded entries that the draw met and passed over, in the order in which it met them.
    pub skipped: Vec<u64>,
    /// The index of the winner's entry.
    pub winner: u64,
}

/// An entry, opened, and where it is among all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProof {
    /// The entrant, as the operator knows them: 1 to 256 bytes in one line.
    pub external_id: String,
    /// The entry's index, from 0.
    pub index: u64,
    /// The inclusion proof, from the leaf to the sealed root.
    pub hashes: Vec<TreeHash>,
    /// The entrant's salt.
    pub salt: [u8; 32],
}

/// The members of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    beacon: String,
    checkpoint: String,
    entry: EntryMembers,
    format: String,
    seal: Value,
    seal_index: u64,
    seal_proof: String,
    skipped: Vec<u64>,
    winner: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryMembers {
    external_id: String,
    index: u64,
    proof: String,
    salt: String,
}

impl DrawProof {
    /// The proof of an entry, from what is published and what the entrant has. Who wins is computed.
    ///
    /// # Errors
    ///
    /// If nothing can be drawn, or more than 1,000 excluded entries were met. Whether the proof holds is not looked at.
    pub fn new(
        seal: &DrawSeal,
        in_log: &SealInLog,
        round: &Verified,
        exclusions: &super::Exclusions,
        entry: EntryProof,
    ) -> Result<Self, DrawProofRefusal> {
        let rules_hash = seal.rules.hash().map_err(DrawProofRefusal::Statement)?;
        let (outcome, skipped) = drawn(seal, rules_hash, round, exclusions)?;
        if skipped.len() > SKIPPED_MAX {
            return Err(member("skipped: the draw met more than 1,000 excluded entries"));
        }
        Ok(Self {
            beacon: *round.signature(),
            checkpoint: in_log.checkpoint.to_string(),
            entry,
            seal: seal.clone(),
            seal_index: in_log.index,
            seal_proof: in_log.hashes.clone(),
            skipped,
            winner: outcome.winner,
        })
    }

    /// Reads the file, strictly: its bytes are those that [`Self::text`] makes of it.
    ///
    /// # Errors
    ///
    /// If it is too long, not canonical, of another format, or has other members than a proof has.
    pub fn parse(file: &[u8]) -> Result<Self, DrawProofRefusal> {
        if file.len() > PROOF_BYTES_MAX {
            return Err(DrawProofRefusal::TooLong);
        }
        let text =
            std::str::from_utf8(file).map_err(|error| canonical::NotCanonical::Unreadable(error.to_string()))?;
        let value = canonical::read(text)?;
        if value.get("format").and_then(Value::as_str) != Some(PROOF_FORMAT) {
            return Err(DrawProofRefusal::Version);
        }
        let members: Members =
            serde_json::from_value(value).map_err(|error| DrawProofRefusal::Member(error.to_string()))?;
        Self::of_members(members)
    }

    fn of_members(members: Members) -> Result<Self, DrawProofRefusal> {
        let entry = members.entry;
        let in_one_line = !entry.external_id.contains(|letter: char| letter < ' ');
        if !in_one_line || !(1..=EXTERNAL_ID_BYTES_MAX).contains(&entry.external_id.len()) {
            return Err(member("entry.external_id: 1 to 256 bytes in one line are needed"));
        }
        let mut once = members.skipped.clone();
        once.sort_unstable();
        once.dedup();
        if once.len() != members.skipped.len() || once.len() > SKIPPED_MAX {
            return Err(member("skipped: at most 1,000 indices, each once"));
        }
        Ok(Self {
            beacon: exactly(&members.beacon, "beacon")?,
            checkpoint: members.checkpoint,
            entry: EntryProof {
                hashes: hashes(&entry.proof, "entry.proof")?,
                salt: exactly(&entry.salt, "entry.salt")?,
                external_id: entry.external_id,
                index: entry.index,
            },
            seal_proof: hashes(&members.seal_proof, "seal_proof")?,
            // Last: whatever is wrong around the statements comes before what is wrong in them.
            seal: sealed(members.seal)?,
            seal_index: members.seal_index,
            skipped: members.skipped,
            winner: members.winner,
        })
    }

    /// The text of the file.
    ///
    /// # Errors
    ///
    /// If a member is out of its range.
    pub fn text(&self) -> Result<String, DrawProofRefusal> {
        let seal = DrawStatement::Seal(Box::new(self.seal.clone()));
        let members = Members {
            beacon: base64(&self.beacon),
            checkpoint: self.checkpoint.clone(),
            entry: EntryMembers {
                external_id: self.entry.external_id.clone(),
                index: self.entry.index,
                proof: base64_of_hashes(&self.entry.hashes),
                salt: base64(&self.entry.salt),
            },
            format: PROOF_FORMAT.to_owned(),
            seal: seal.value().map_err(DrawProofRefusal::Statement)?,
            seal_index: self.seal_index,
            seal_proof: base64_of_hashes(&self.seal_proof),
            skipped: self.skipped.clone(),
            winner: self.winner,
        };
        let value = serde_json::to_value(members).map_err(|error| DrawProofRefusal::Member(error.to_string()))?;
        Ok(canonical::text(&value)?)
    }

    /// Checks everything, in the order of [`DrawProofRefusal`]. `list` is the published list of exclusions, if it is at
    /// hand: without it, it is believed that the entries that were passed over are in it, and that the winner is not.
    ///
    /// # Errors
    ///
    /// The first reason for which the proof does not hold.
    pub fn verify(&self, trust: &DrawTrust, list: Option<&str>) -> Result<Verdict, DrawProofRefusal> {
        let checkpoint: SignedCheckpoint = self.checkpoint.parse()?;
        let in_log = SealInLog { checkpoint, index: self.seal_index, hashes: self.seal_proof.clone() };
        let (seal, entry) = (&self.seal, &self.entry);
        let bound = in_log.bind(seal, trust)?;
        let round = bound.verified(seal.round, &self.beacon)?;
        let leaf = entry_leaf(&seal.draw, &entry.salt, &entry.external_id)
            .map_err(|why| DrawProofRefusal::Member(why.to_string()))?;
        let (leaf, root) = (TreeHash::of_leaf(&leaf), TreeHash(seal.root.0));
        verify_inclusion(entry.index, seal.entries, &leaf, &entry.hashes, &root)
            .map_err(|why| DrawProofRefusal::EntryInclusion { index: entry.index, why })?;
        let excluded = exclusions(seal, list, &self.skipped)?;
        let (outcome, skipped) = drawn(seal, bound.rules_hash, &round, &excluded)?;
        if skipped != self.skipped {
            return Err(DrawProofRefusal::SkippedDiffers { said: self.skipped.clone(), found: skipped });
        }
        if outcome.winner != self.winner {
            return Err(DrawProofRefusal::WinnerDiffers { said: self.winner, found: outcome.winner });
        }
        Ok(Verdict {
            place: Place::of(entry.index, &outcome, &excluded),
            draw: seal.draw.clone(),
            entries: seal.entries,
            index: entry.index,
            outcome,
            round: seal.round,
            exclusions_believed: list.is_none() && seal.exclusions.count > 0,
            bound,
        })
    }
}

/// The seal, of its one text.
fn sealed(value: Value) -> Result<DrawSeal, DrawProofRefusal> {
    let statement = DrawStatement::of_value(value.clone()).map_err(DrawProofRefusal::Statement)?;
    // What was read is what stands there; that is so important that it is looked at.
    let same = statement.value().is_ok_and(|again| again == value);
    match statement {
        DrawStatement::Seal(seal) if same => Ok(*seal),
        _ => Err(DrawProofRefusal::Statement(crate::statement::Unreadable::Member(
            "a statement of kind draw_seal is needed".to_owned(),
        ))),
    }
}

fn member(wrong: &str) -> DrawProofRefusal {
    DrawProofRefusal::Member(wrong.to_owned())
}

fn exactly<const N: usize>(text: &str, name: &str) -> Result<[u8; N], DrawProofRefusal> {
    let bytes = bytes_of_base64(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| member(&format!("{name}: {N} bytes in base64 are needed")))
}

fn hashes(text: &str, name: &str) -> Result<Vec<TreeHash>, DrawProofRefusal> {
    let wrong = || member(&format!("{name}: at most 64 hashes of 32 bytes in base64 are needed"));
    let bytes = bytes_of_base64(text).map_err(|_| wrong())?;
    let (hashes, rest) = bytes.as_chunks::<{ TreeHash::BYTES }>();
    let fits = rest.is_empty() && hashes.len() <= TlogProof::HASHES_MAX;
    if fits { Ok(hashes.iter().map(|hash| TreeHash(*hash)).collect()) } else { Err(wrong()) }
}

fn base64_of_hashes(hashes: &[TreeHash]) -> String {
    base64(&hashes.iter().map(|hash| hash.0).collect::<Vec<_>>().into_flattened())
}
