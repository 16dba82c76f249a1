//! What is said in public of a draw: its rules before the first entry, its seal between close and round, its outcome.
//!
//! The seal says the rules once more, in full: whoever has a proof that the seal is in the log has one of the rules, too,
//! and a person's proof stays short. That they are the same bytes as the leaf before is for who reads the whole log.
//!
//! ```
//! use koi_fair::statement::{Leaf, DrawStatement};
//!
//! let leaf = br#"{"at":"2018-10-07T04:00:05.000Z","draw":"koi","kind":"draw_void","reason":"not_cosigned","v":1}"#;
//! let Leaf::Draw(DrawStatement::Void(void)) = Leaf::parse(leaf)? else { unreachable!() };
//! assert_eq!(void.reason, "not_cosigned");
//! # Ok::<(), koi_fair::statement::Unreadable>(())
//! ```

mod shape;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Hex32, Instant, Statement, Unreadable, VERSION, without_version};
use crate::beacon::{Chain, SIGNATURE_BYTES};
use crate::canonical::{self, NUMBER_MAX};
use crate::log::{Quorum, QuorumError, WitnessKey};

/// The most reserves of a draw.
pub const RESERVES_MAX: u32 = 1_000;
/// The most witnesses that rules name.
pub const WITNESSES_MAX: usize = 16;
/// The longest text in a draw's statement, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_000;
/// The longest id and the longest code, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Milliseconds of a second.
const SECOND_MS: i64 = 1_000;

/// A leaf of the log: of a campaign with a sealed stock, or of a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// What is said of a campaign.
    Campaign(Statement),
    /// What is said of a draw.
    Draw(DrawStatement),
}

impl Leaf {
    /// Reads a leaf of either kind.
    ///
    /// # Errors
    ///
    /// If it is not canonical, of another version, or of no kind that is known.
    pub fn parse(leaf: &[u8]) -> Result<Self, Unreadable> {
        let value = canonical_value(leaf)?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if KINDS.contains(&kind) {
            return DrawStatement::of_value(value).map(Self::Draw);
        }
        Statement::of_value(value).map(Self::Campaign)
    }
}

/// The kinds of a draw's statements.
const KINDS: [&str; 4] = ["draw_rules", "draw_seal", "draw_outcome", "draw_void"];

/// A statement of a draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum DrawStatement {
    /// The rules, before the first entry.
    #[serde(rename = "draw_rules")]
    Rules(DrawRules),
    /// Entries, exclusions and prizes are fixed.
    #[serde(rename = "draw_seal")]
    Seal(Box<DrawSeal>),
    /// Who won.
    #[serde(rename = "draw_outcome")]
    Outcome(DrawOutcome),
    /// Nobody won: the seal was not cosigned in time, for example.
    #[serde(rename = "draw_void")]
    Void(DrawVoid),
}

/// The rules of a draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawRules {
    /// When they were stated.
    pub at: Instant,
    /// Which chain's round decides.
    pub beacon: DrawBeacon,
    /// How long a winner has to answer, in seconds; above zero.
    pub claim_s: u32,
    /// Entries are accepted before this instant.
    pub close: Instant,
    /// The draw: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub draw: String,
    /// Who may enter: 1 to 1,000 bytes, one line.
    pub eligibility: String,
    /// How strictly entries are filtered: a code, 1 to 64 of `a-z 0-9 _`.
    pub filter: String,
    /// Seconds from the close to the earliest time of the round that decides.
    pub margin_s: u32,
    /// How many of the witnesses must cosign before the round. 0 only without witnesses.
    pub quorum: u32,
    /// How many reserves are drawn: at most [`RESERVES_MAX`].
    pub reserves: u32,
    /// What happens when the winner and all reserves are silent: 1 to 1,000 bytes, one line.
    pub silent: String,
    /// The keys of the witnesses: at most [`WITNESSES_MAX`].
    #[serde(with = "shape::keys")]
    pub witnesses: Vec<WitnessKey>,
}

/// The chain of a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawBeacon {
    /// The chain's hash.
    pub chain: Hex32,
    /// Whether it is the local chain: what is drawn from it is no public draw.
    pub local: bool,
}

/// What is fixed between the close and the round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawSeal {
    /// When it was sealed.
    pub at: Instant,
    /// The draw.
    pub draw: String,
    /// The number of entries in the entry log, excluded ones too; above zero.
    pub entries: u64,
    /// The published list of entries that are skipped.
    pub exclusions: ExclusionsSealed,
    /// The revision of the prize list.
    pub prizes: u32,
    /// The root of the entry log.
    pub root: Hex32,
    /// The round that decides; it follows from the rules.
    pub round: u64,
    /// The rules once more, as they were stated.
    #[serde(with = "shape::rules")]
    pub rules: DrawRules,
}

/// What the seal says of the exclusions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExclusionsSealed {
    /// How many there are.
    pub count: u64,
    /// The SHA-256 of the published list.
    pub hash: Hex32,
}

/// Who won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawOutcome {
    /// When it was known here.
    pub at: Instant,
    /// The draw.
    pub draw: String,
    /// The indices of the reserves, in the order in which they move up.
    pub reserves: Vec<u64>,
    /// The round of the seal.
    pub round: u64,
    /// The chain's signature of the round.
    #[serde(with = "shape::signature")]
    pub signature: [u8; SIGNATURE_BYTES],
    /// The index of the winner's entry.
    pub winner: u64,
}

/// A draw that nobody wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawVoid {
    /// When.
    pub at: Instant,
    /// The draw.
    pub draw: String,
    /// The code of the reason: 1 to 64 of `a-z 0-9 _`.
    pub reason: String,
}

impl DrawRules {
    /// The round that decides: the first of the chain at or after the close and the margin. Nobody chooses it.
    pub fn round(&self, chain: &Chain) -> u64 {
        let margin_ms = i64::from(self.margin_s) * SECOND_MS;
        chain.round_at(self.close.0.saturating_add(margin_ms))
    }

    /// The witnesses, and how many of them must cosign.
    ///
    /// # Errors
    ///
    /// If two are the same, or there are fewer than must.
    pub fn quorum(&self) -> Result<Quorum, QuorumError> {
        let needed = usize::try_from(self.quorum).unwrap_or(usize::MAX);
        Quorum::new(self.witnesses.clone(), needed)
    }

    /// `rules_hash` of the draw's seed: the SHA-256 of the statement's leaf.
    ///
    /// # Errors
    ///
    /// If the rules have no leaf, see [`DrawStatement::leaf`].
    pub fn hash(&self) -> Result<[u8; 32], Unreadable> {
        Ok(Sha256::digest(DrawStatement::Rules(self.clone()).leaf()?).into())
    }
}

impl DrawStatement {
    /// Reads a leaf. It must be canonical, of this version, in all its ranges, and say nothing else than its kind does.
    ///
    /// # Errors
    ///
    /// The first that applies.
    pub fn parse(leaf: &[u8]) -> Result<Self, Unreadable> {
        Self::of_value(canonical_value(leaf)?)
    }

    /// Reads a statement that stands in a larger document.
    pub(crate) fn of_value(value: Value) -> Result<Self, Unreadable> {
        if value.get("kind").is_some_and(|kind| kind == "draw_seal") {
            // The version of what is inside comes before the members of what is around it.
            without_version(value.get("rules").cloned().unwrap_or_default())
                .and(without_version(value.clone()))
                .map_err(|_| Unreadable::Version)?;
        }
        let members = without_version(value)?;
        let statement: Self =
            serde_json::from_value(members).map_err(|error| Unreadable::Member(error.to_string()))?;
        statement.check()?;
        Ok(statement)
    }

    /// The statement as a member of a larger document.
    pub(crate) fn value(&self) -> Result<Value, Unreadable> {
        self.check()?;
        let mut value = serde_json::to_value(self).map_err(|error| Unreadable::Member(error.to_string()))?;
        if let Some(members) = value.as_object_mut() {
            members.insert("v".into(), VERSION.into());
        }
        Ok(value)
    }

    /// The leaf: canonical JSON.
    ///
    /// # Errors
    ///
    /// If a member is out of its range: nothing is stated that would not be read.
    pub fn leaf(&self) -> Result<Vec<u8>, Unreadable> {
        Ok(canonical::text(&self.value()?)?.into_bytes())
    }

    /// Its kind, as the leaf names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rules(_) => "draw_rules",
            Self::Seal(_) => "draw_seal",
            Self::Outcome(_) => "draw_outcome",
            Self::Void(_) => "draw_void",
        }
    }

    /// When it became true.
    pub fn at(&self) -> Instant {
        match self {
            Self::Rules(rules) => rules.at,
            Self::Seal(seal) => seal.at,
            Self::Outcome(outcome) => outcome.at,
            Self::Void(void) => void.at,
        }
    }

    /// The draw that it is about.
    pub fn draw(&self) -> &str {
        match self {
            Self::Rules(rules) => &rules.draw,
            Self::Seal(seal) => &seal.draw,
            Self::Outcome(outcome) => &outcome.draw,
            Self::Void(void) => &void.draw,
        }
    }

    /// Ranges that the types do not have.
    fn check(&self) -> Result<(), Unreadable> {
        let wrong = match self {
            Self::Rules(rules) => wrong_rules(rules),
            Self::Seal(seal) => wrong_rules(&seal.rules).or(wrong_seal(seal)),
            Self::Outcome(outcome) => wrong_outcome(outcome),
            Self::Void(void) => {
                wrong_draw(&void.draw).or((!is_code(&void.reason)).then_some("reason: a code is needed"))
            }
        };
        wrong.map_or(Ok(()), |wrong| Err(Unreadable::Member(wrong.to_owned())))
    }
}

fn wrong_rules(rules: &DrawRules) -> Option<&'static str> {
    let named = rules.witnesses.len();
    let said = [
        (is_text(&rules.eligibility), "eligibility: 1 to 1,000 bytes in one line are needed"),
        (is_text(&rules.silent), "silent: 1 to 1,000 bytes in one line are needed"),
        (is_code(&rules.filter), "filter: a code is needed, 1 to 64 of a-z, 0-9 and _"),
        (rules.claim_s > 0, "claim_s: it is above zero"),
        (rules.reserves <= RESERVES_MAX, "reserves: at most 1,000"),
        (named <= WITNESSES_MAX, "witnesses: at most 16"),
        (rules.quorum().is_ok(), "quorum: no more than there are witnesses, and no witness twice"),
        ((rules.quorum == 0) == (named == 0), "quorum: one witness at least must cosign if there are any"),
    ];
    wrong_draw(&rules.draw).or(first_wrong(&said))
}

fn wrong_seal(seal: &DrawSeal) -> Option<&'static str> {
    let said = [
        (is_number(seal.entries) && seal.entries > 0, "entries: above zero, below 2^53"),
        (is_number(seal.exclusions.count), "exclusions: below 2^53"),
        (is_number(seal.round), "round: below 2^53"),
    ];
    wrong_draw(&seal.draw).or(first_wrong(&said))
}

fn wrong_outcome(outcome: &DrawOutcome) -> Option<&'static str> {
    let fit = u32::try_from(outcome.reserves.len()).is_ok_and(|count| count <= RESERVES_MAX);
    let numbers = [outcome.round, outcome.winner];
    let said = [
        (fit, "reserves: at most 1,000"),
        (numbers.iter().chain(&outcome.reserves).all(|number| is_number(*number)), "numbers are below 2^53"),
    ];
    wrong_draw(&outcome.draw).or(first_wrong(&said))
}

fn wrong_draw(draw: &str) -> Option<&'static str> {
    let letters = draw.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    let fits = letters && (1..=NAME_BYTES_MAX).contains(&draw.len());
    (!fits).then_some("draw: 1 to 64 of A-Z, a-z, 0-9, ., _ and - are needed")
}

fn first_wrong(said: &[(bool, &'static str)]) -> Option<&'static str> {
    said.iter().find(|(right, _)| !right).map(|(_, wrong)| *wrong)
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(|letter: char| letter < ' ')
}

fn is_code(code: &str) -> bool {
    let letters = code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    letters && (1..=NAME_BYTES_MAX).contains(&code.len())
}

fn is_number(number: u64) -> bool {
    number <= NUMBER_MAX.unsigned_abs()
}

fn canonical_value(leaf: &[u8]) -> Result<Value, Unreadable> {
    let text =
        std::str::from_utf8(leaf).map_err(|error| canonical::NotCanonical::Unreadable(error.to_string()))?;
    Ok(canonical::read(text)?)
}
