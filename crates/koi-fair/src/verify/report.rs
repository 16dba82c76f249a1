//! What a verifier says of an input: the same members as `koi verify --json` writes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::log::{CosignTime, Cosignature, TreeHash, VerifierKey};
use crate::replay;
use crate::statement::{Instant, Receipt};

/// What an input is, as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole log.
    Log,
    /// A shopper's receipt: a promise that the log will have its leaf.
    Receipt,
    /// A shopper's proof that the log has it.
    CouponProof,
    /// An entrant's proof in a draw.
    DrawProof,
    /// None of these.
    Unknown,
}

/// Whom the log's key is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFrom {
    /// Who asked has it from elsewhere.
    Option,
    /// The log itself: then somebody else could have made the whole of it.
    Log,
}

/// What holds only so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caveat {
    /// The log was believed about its own key.
    KeyBelieved,
    /// No quorum of witnesses was asked for.
    NoWitnesses,
    /// Nobody but the operator says when something happened.
    TimesBelieved,
    /// The randomness of a campaign is of the local chain.
    LocalRandomness,
    /// A campaign is not closed yet.
    Running,
    /// The packets of a closed campaign could not be drawn again.
    Unrevealed,
    /// A receipt alone does not show that it is in the log.
    NotInLog,
    /// The list of exclusions was not given: that the entries that were passed over are in it is believed.
    ExclusionsBelieved,
    /// The log tells of draws, which are checked by their proofs and with their entries.
    DrawsNotChecked,
    /// A proof alone does not show that the packet is the one that the stock gave.
    FaceNotDrawn,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its stable code.
    pub code: &'static str,
    /// The campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<u16>,
    /// The claim's place in the cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u64>,
    /// The leaf of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// In words.
    pub detail: Box<str>,
}

impl Finding {
    /// Something about the whole of an input.
    pub fn new(code: &'static str, detail: impl ToString) -> Self {
        let detail = detail.to_string().into();
        Self { code, campaign: None, cell: None, ordinal: None, leaf: None, file: None, detail }
    }

    pub(super) fn of_replay(found: &replay::Finding) -> Self {
        Self {
            campaign: Some(found.campaign.clone()),
            cell: found.cell,
            ordinal: found.wrong.ordinal(),
            leaf: found.index,
            ..Self::new(found.wrong.code(), &found.wrong)
        }
    }

    /// The same about a claim.
    pub(super) fn of_claim(self, receipt: &Receipt) -> Self {
        let (campaign, cell, ordinal) =
            (Some(receipt.campaign.clone()), Some(receipt.cell), Some(receipt.ordinal));
        Self { campaign, cell, ordinal, ..self }
    }
}

/// A witness that cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cosigned {
    /// Its name.
    pub name: String,
    /// When, as it says: RFC 3339 in UTC, or seconds since 1970 beyond the year 9999.
    pub at: String,
}

impl From<&Cosignature> for Cosigned {
    fn from(cosignature: &Cosignature) -> Self {
        Self { name: cosignature.name.to_string(), at: in_words(cosignature.time) }
    }
}

fn in_words(time: CosignTime) -> String {
    let instant = i64::try_from(time.seconds()).ok().and_then(|time_s| jiff::Timestamp::from_second(time_s).ok());
    instant.map_or_else(|| time.seconds().to_string(), |instant| instant.to_string())
}

/// How much of a campaign could be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every packet was drawn again.
    Replayed,
    /// It is not closed yet: everything but the draws was checked.
    Running,
    /// It is over, and nothing can be drawn again: there is a finding that says why.
    Unrevealed,
    /// Its rules are not known.
    Unknown,
}

/// What was found of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Campaign {
    /// Its name.
    pub campaign: String,
    /// How much could be checked.
    pub state: State,
    /// What is wrong with it, all counted.
    pub findings: u64,
    /// What was counted; not of one whose rules are not known.
    #[serde(flatten)]
    pub numbers: Option<Numbers>,
}

/// What a replay counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Whether its randomness is of the local chain: not a public draw.
    pub local: bool,
    /// Its currency; empty if its document names none.
    pub currency: String,
    /// Claims.
    pub claims: u64,
    /// Packets that went back.
    pub put_back: u64,
    /// Packets that moved between cells.
    pub moved: u64,
    /// Cells that issued something.
    pub cells: u64,
    /// Packets left of each tier.
    pub left: Vec<u64>,
    /// What is out is worth so many minor units: a decimal text.
    pub issued: String,
}

/// A receipt or a coupon that was looked for in a log and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The name of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The coupon.
    pub coupon: String,
    /// Its leaf.
    pub leaf: u64,
}

/// What a proof of a draw shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Draw {
    /// The draw.
    pub draw: String,
    /// Entries that were sealed.
    pub entries: u64,
    /// The person's entry, from 0.
    pub index: u64,
    /// The number that the person is told: from 1.
    pub number: u64,
    /// The winner's entry, from 0.
    pub winner: u64,
    /// The reserves' entries, in their order.
    pub reserves: Vec<u64>,
    /// What became of the person's entry: `winner`, `reserve`, `excluded` or `none`.
    pub place: &'static str,
    /// The round that decided.
    pub round: u64,
    /// Whether it is of the local chain: not a public draw.
    pub local: bool,
    /// In words.
    pub detail: String,
}

/// What is said of one input. Members that could not be known are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What was asked about.
    pub input: String,
    /// What it is.
    pub kind: Kind,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The log's origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The log's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whom the key is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_from: Option<KeyFrom>,
    /// The place of a proof's leaf in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
    /// Leaves of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its root, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The witnesses that cosigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosigned: Option<Vec<Cosigned>>,
    /// What a receipt or a proof says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// What a proof of a draw says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<Draw>,
    /// Statements of each kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves: Option<BTreeMap<String, u64>>,
    /// The latest instant that a statement names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Instant>,
    /// The campaigns, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaigns: Option<Vec<Campaign>>,
    /// Receipts and coupons that were looked for and found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Found>,
    /// What is wrong: the first of each campaign.
    pub findings: Vec<Finding>,
    /// How much is wrong.
    pub findings_count: u64,
    /// What holds only so far.
    pub caveats: Vec<Caveat>,
}

impl Checked {
    pub(super) fn new(input: &str, kind: Kind) -> Self {
        Self {
            input: input.to_owned(),
            kind,
            ok: true,
            origin: None,
            key: None,
            key_from: None,
            leaf: None,
            size: None,
            root: None,
            cosigned: None,
            receipt: None,
            draw: None,
            leaves: None,
            latest: None,
            campaigns: None,
            receipts: Vec::new(),
            findings: Vec::new(),
            findings_count: 0,
            caveats: Vec::new(),
        }
    }

    pub(super) fn say_log(&mut self, key: &VerifierKey, size: u64, root: TreeHash) {
        self.origin = Some(key.name().to_string());
        (self.size, self.root) = (Some(size), Some(root.to_string()));
    }

    /// Notes that what is said holds only so far.
    pub fn caveat(&mut self, caveat: Caveat) {
        if let Err(place) = self.caveats.binary_search(&caveat) {
            self.caveats.insert(place, caveat);
        }
    }

    /// Notes something that is wrong; so many of these are kept.
    pub(super) fn refuse(&mut self, finding: Finding) {
        self.ok = false;
        self.findings_count += 1;
        if self.findings.len() < super::FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// Notes what is wrong with a campaign: so much is kept, and so much there is.
    pub(super) fn refuse_all(&mut self, kept: impl Iterator<Item = Finding>, count: u64) {
        self.findings.extend(kept);
        self.findings_count += count;
        self.ok &= count == 0;
    }

    /// An input of which nothing is known but what is wrong.
    pub(super) fn refused(input: &str, kind: Kind, finding: Finding) -> Self {
        let mut checked = Self::new(input, kind);
        checked.refuse(finding);
        checked
    }
}

/// What is said of all inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong with any.
    pub ok: bool,
    /// One after the other.
    pub inputs: Vec<Checked>,
}

impl Report {
    /// What is said of inputs.
    pub fn new(inputs: Vec<Checked>) -> Self {
        Self { ok: inputs.iter().all(|input| input.ok), inputs }
    }
}
