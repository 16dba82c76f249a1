//! What the log says: statements, each a leaf, in the order in which things became true.
//!
//! A statement is one JSON object in canonical form ([`crate::canonical`]): its `kind`, the version `v` of its form, `at`, the
//! instant at which it became true, and what it says. Anybody can read it without this library. The kinds of a sealed
//! stock's campaign are here, those of a draw in [`draw`], and a [`Leaf`] is either; each tells as much as a stranger needs to take the same packets from the same stock, and
//! nothing of who a shopper is.
//!
//! ```
//! use koi_fair::statement::{Receipt, Statement};
//!
//! let leaf = br#"{"at":"2018-07-15T02:00:00.000Z","campaign":"nz","cell":0,"coupon":"cpn_1","face":888,"kind":"receipt","ordinal":0,"revision":1,"split":false,"v":1}"#;
//! let Statement::Receipt(Receipt { face, .. }) = Statement::parse(leaf)? else { unreachable!() };
//! assert_eq!(face, 888);
//! # Ok::<(), koi_fair::statement::Unreadable>(())
//! ```

mod bytes;
pub mod draw;
mod instant;

pub use bytes::Hex32;
pub use draw::{DrawBeacon, DrawOutcome, DrawRules, DrawSeal, DrawStatement, DrawVoid, ExclusionsSealed, Leaf};
pub use instant::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{self, NotCanonical};

/// The version of the statements' form.
pub const VERSION: u64 = 1;

/// Why a leaf of the log is no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no canonical JSON.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// It is of another version, or names none.
    #[error("it is of a version that is not known here")]
    Version,
    /// A member is missing, unknown or wrong.
    #[error("{0}")]
    Member(String),
}

/// A statement of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Statement {
    /// A campaign's rules, or a revision of them.
    Rules(Rules),
    /// Money for a campaign.
    Fund(Fund),
    /// The public randomness that seals the stock.
    Opening(Opening),
    /// A claim took a packet.
    Receipt(Receipt),
    /// A packet went back into the stock of its cell.
    PutBack(PutBack),
    /// Packets left a cell for another one.
    Sent(Sent),
    /// Packets came into a cell.
    Received(Received),
    /// Nothing is issued from here on.
    Pause(Pause),
    /// The pause is over.
    Resume(Change),
    /// The campaign ended early.
    End(Change),
    /// The campaign is closed: what was left went back to the funder.
    Close(Close),
    /// The secret of the stock, which everything can be replayed with.
    Reveal(Reveal),
}

/// A campaign's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// When they were stated.
    pub at: Instant,
    /// The randomness that will seal the stock.
    pub beacon: Beacon,
    /// The campaign.
    pub campaign: String,
    /// The campaign's document, as its operator wrote it.
    pub document: Value,
    /// What commits to the pool's secret (see [`crate::packet::commitment`]).
    pub pool: Hex32,
    /// The revision of the rules, from 1.
    pub revision: u32,
}

/// Which public randomness is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beacon {
    /// The chain's hash.
    pub chain: Hex32,
    /// Whether it is a local chain: what is drawn from it is no public draw.
    pub local: bool,
    /// The round; a formula over the rules, which a verifier computes again.
    pub round: u64,
}

/// Money of minor units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// ISO 4217.
    pub currency: String,
    /// Minor units.
    pub value: i64,
}

/// Money for a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fund {
    /// How much.
    pub amount: Money,
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
}

/// The public randomness that seals a campaign's stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// When it was known here.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// SHA-256 of the signature.
    pub randomness: Hex32,
    /// The round that the rules name.
    pub round: u64,
    /// The chain's signature of the round, in hex.
    pub signature: String,
}

/// A claim took a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// The cell that issued it.
    pub cell: u16,
    /// The coupon's id, as its shopper has it.
    pub coupon: String,
    /// What the packet is worth, in minor units of the campaign's currency.
    pub face: i64,
    /// The claim's place among those of the campaign in the cell, from 0.
    pub ordinal: u64,
    /// The revision of the rules that the coupon lives by.
    pub revision: u32,
    /// Whether it may be spent over several purchases.
    pub split: bool,
}

/// A packet went back into the stock of its cell: nothing of it was spent, and it expired or was made void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutBack {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// The cell.
    pub cell: u16,
    /// What the packet is worth.
    pub face: i64,
    /// The ordinal of the claim that had taken it.
    pub ordinal: u64,
    /// Whether it splits.
    pub split: bool,
}

/// Packets of one tier left a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// The cell that gave them.
    pub cell: u16,
    /// Whether they belong to the move that the cell's statement before this one told of.
    pub continues: bool,
    /// How many.
    pub count: u64,
    /// What each is worth.
    pub face: i64,
    /// The cell that got them.
    pub into: u16,
    /// The number of the line of the cell's ledger: the first one of a move decides which packets go.
    pub line: u64,
    /// Whether they split.
    pub split: bool,
}

/// Packets of one tier came into a cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// The cell that got them.
    pub cell: u16,
    /// How many.
    pub count: u64,
    /// What each is worth.
    pub face: i64,
    /// The cell that gave them.
    pub from: u16,
    /// Whether they split.
    pub split: bool,
}

/// A campaign was paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// What its operator gave as the reason.
    pub reason: String,
    /// What stands still.
    pub scope: Scope,
}

/// What a pause stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// New coupons.
    Issuing,
    /// Deductions and expiries, too.
    All,
}

/// A campaign went on, or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// What its operator gave as the reason; may be empty.
    pub reason: String,
}

/// A campaign was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// Everything that was paid in.
    pub funded: Money,
    /// Packets left of each tier, in the rules' order, over all cells.
    pub left: Vec<u64>,
    /// The funder's share of refunds.
    pub recovered: Money,
    /// What went back to the funder.
    pub returned: Money,
    /// What was taken off purchases.
    pub spent: Money,
}

/// The secret of a stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// When.
    pub at: Instant,
    /// The campaign.
    pub campaign: String,
    /// What the rules' statement committed to.
    pub secret: Hex32,
}

impl Receipt {
    /// The leaf of a receipt, written in one go: its members are in their order, and what they hold is written as canonical
    /// JSON has it, too.
    fn leaf(&self) -> Result<Vec<u8>, NotCanonical> {
        #[derive(Serialize)]
        struct Leaf<'a> {
            at: Instant,
            campaign: &'a str,
            cell: u16,
            coupon: &'a str,
            face: i64,
            kind: &'static str,
            ordinal: u64,
            revision: u32,
            split: bool,
            v: u64,
        }
        let Self { at, campaign, cell, coupon, face, ordinal, revision, split } = self;
        let is_exact = |number: i64| (-canonical::NUMBER_MAX..=canonical::NUMBER_MAX).contains(&number);
        if !is_exact(*face) || !i64::try_from(*ordinal).is_ok_and(is_exact) {
            return Err(NotCanonical::Number(format!("{face} or {ordinal}")));
        }
        let leaf = Leaf {
            at: *at,
            campaign,
            cell: *cell,
            coupon,
            face: *face,
            kind: "receipt",
            ordinal: *ordinal,
            revision: *revision,
            split: *split,
            v: VERSION,
        };
        serde_json::to_vec(&leaf).map_err(|error| NotCanonical::Unreadable(error.to_string()))
    }
}

impl Statement {
    /// Reads a leaf of the log. It must be canonical, of this version, and say nothing else than its kind does.
    pub fn parse(leaf: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(leaf).map_err(|error| NotCanonical::Unreadable(error.to_string()))?;
        Self::of_value(canonical::read(text)?)
    }

    /// Reads a statement of what was seen to be canonical.
    fn of_value(value: Value) -> Result<Self, Unreadable> {
        serde_json::from_value(without_version(value)?).map_err(|error| Unreadable::Member(error.to_string()))
    }

    /// The leaf: canonical JSON. An error if a number is beyond 2⁵³ − 1, or the rules' document holds a fraction.
    pub fn leaf(&self) -> Result<Vec<u8>, NotCanonical> {
        // Most leaves are receipts.
        if let Self::Receipt(receipt) = self {
            return receipt.leaf();
        }
        self.any_leaf()
    }

    fn any_leaf(&self) -> Result<Vec<u8>, NotCanonical> {
        let mut value = serde_json::to_value(self).map_err(|error| NotCanonical::Unreadable(error.to_string()))?;
        if let Some(members) = value.as_object_mut() {
            members.insert("v".into(), VERSION.into());
        }
        canonical::text(&value).map(String::into_bytes)
    }

    /// Its kind, as the leaf names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rules(_) => "rules",
            Self::Fund(_) => "fund",
            Self::Opening(_) => "opening",
            Self::Receipt(_) => "receipt",
            Self::PutBack(_) => "put_back",
            Self::Sent(_) => "sent",
            Self::Received(_) => "received",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::End(_) => "end",
            Self::Close(_) => "close",
            Self::Reveal(_) => "reveal",
        }
    }

    /// When it became true.
    pub fn at(&self) -> Instant {
        match self {
            Self::Rules(rules) => rules.at,
            Self::Fund(fund) => fund.at,
            Self::Opening(opening) => opening.at,
            Self::Receipt(receipt) => receipt.at,
            Self::PutBack(put_back) => put_back.at,
            Self::Sent(sent) => sent.at,
            Self::Received(received) => received.at,
            Self::Pause(pause) => pause.at,
            Self::Resume(change) | Self::End(change) => change.at,
            Self::Close(close) => close.at,
            Self::Reveal(reveal) => reveal.at,
        }
    }

    /// The cell that it is about; `None`: the operator says it of the whole campaign.
    pub fn cell(&self) -> Option<u16> {
        match self {
            Self::Receipt(receipt) => Some(receipt.cell),
            Self::PutBack(put_back) => Some(put_back.cell),
            Self::Sent(sent) => Some(sent.cell),
            Self::Received(received) => Some(received.cell),
            Self::Rules(_)
            | Self::Fund(_)
            | Self::Opening(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::End(_)
            | Self::Close(_)
            | Self::Reveal(_) => None,
        }
    }

    /// The campaign that it is about.
    pub fn campaign(&self) -> &str {
        match self {
            Self::Rules(rules) => &rules.campaign,
            Self::Fund(fund) => &fund.campaign,
            Self::Opening(opening) => &opening.campaign,
            Self::Receipt(receipt) => &receipt.campaign,
            Self::PutBack(put_back) => &put_back.campaign,
            Self::Sent(sent) => &sent.campaign,
            Self::Received(received) => &received.campaign,
            Self::Pause(pause) => &pause.campaign,
            Self::Resume(change) | Self::End(change) => &change.campaign,
            Self::Close(close) => &close.campaign,
            Self::Reveal(reveal) => &reveal.campaign,
        }
    }
}

/// The members of a statement besides its version, which must be this one.
fn without_version(mut statement: Value) -> Result<Value, Unreadable> {
    let version = statement.as_object_mut().and_then(|members| members.remove("v"));
    if version == Some(Value::from(VERSION)) { Ok(statement) } else { Err(Unreadable::Version) }
}

#[cfg(test)]
mod tests;
