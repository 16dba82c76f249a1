//! What can be wrong with a campaign's statements, each with its reason in words.

use std::fmt;

use crate::statement::Instant;

/// Something that is wrong with a campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no statement of its rules, or not one before everything else.
    #[error("its rules were not stated first")]
    NoRules,
    /// A revision of its rules is missing, comes twice, or changes its stock.
    #[error("revision {found} of its rules stands where {expected} had to be")]
    Revision {
        /// The next one.
        expected: u32,
        /// The one that is there.
        found: u32,
    },
    /// A revision changes what a campaign began with.
    #[error("a revision of its rules changes its stock, its times or what it committed to")]
    RulesChanged,
    /// Its document does not say what a document has to.
    #[error("its document has no valid {0}")]
    Document(&'static str),
    /// Its randomness is of a chain that is not known here, or that is not what the rules say of it.
    #[error("its randomness is of a chain that is not known here, or marked wrongly as local or public")]
    Chain,
    /// The round is not the one of the formula.
    #[error("its randomness is of round {stated}; by its rules it had to be round {expected}")]
    Round {
        /// The one that the formula gives.
        expected: u64,
        /// The one that was stated.
        stated: u64,
    },
    /// Time goes back.
    #[error(
        "it is said to have happened at {at}, before what was said before it, or before its randomness was known"
    )]
    Backwards {
        /// When.
        at: Instant,
    },
    /// The randomness was never stated, or twice.
    #[error("the public randomness of its opening was not stated exactly once")]
    Opening,
    /// The randomness is not that of the signature, or the signature is not the chain's.
    #[error("the public randomness of its opening is false: {0}")]
    Randomness(String),
    /// The secret was not revealed, or twice.
    #[error("its secret was not revealed exactly once, so its packets cannot be drawn again")]
    NotRevealed,
    /// The secret is not the one that was committed to.
    #[error("the secret that was revealed is not the one that it committed to")]
    Secret,
    /// The secret was revealed while packets could still be taken.
    #[error("its secret was revealed before it was closed")]
    RevealedEarly,
    /// Something happened that the stage does not allow.
    #[error("it was opened, paused, resumed, ended or closed out of order")]
    Order,
    /// Claims began before the stock was paid for.
    #[error("its first packet was taken when {funded} was paid in of a budget of {budget} minor units")]
    Underfunded {
        /// What was paid in.
        funded: u128,
        /// The stock's value.
        budget: u128,
    },
    /// A claim before the randomness was known.
    #[error("a packet was taken before the randomness of the opening was stated")]
    BeforeOpening,
    /// A claim during a pause.
    #[error("a packet was taken during a pause")]
    WhilePaused,
    /// A claim after the end.
    #[error("a packet was taken after the campaign had ended")]
    AfterEnd,
    /// A claim before the start or after the end by the clock.
    #[error("a packet was taken at {at}, before the start or after the end")]
    OutsideOfTime {
        /// When.
        at: Instant,
    },
    /// Receipts are missing.
    #[error("the receipt of ordinal {ordinal} is missing")]
    Missing {
        /// The first one that is missing.
        ordinal: u64,
    },
    /// A receipt comes a second time, or late.
    #[error("ordinal {ordinal} comes twice, or after a later one")]
    Twice {
        /// Which.
        ordinal: u64,
    },
    /// The packet is another one.
    #[error("ordinal {ordinal} got {found}, the stock gives it {expected}")]
    Face {
        /// Which claim.
        ordinal: u64,
        /// What the stock gives.
        expected: Packet,
        /// What the receipt says.
        found: Packet,
    },
    /// A packet out of an empty stock.
    #[error("ordinal {ordinal} took a packet of a cell that has none left")]
    Empty {
        /// Which claim.
        ordinal: u64,
    },
    /// The tier does not exist.
    #[error("the rules know no packet of {}", Packet { face: *.face, split: *.split })]
    NoSuchTier {
        /// What it is worth.
        face: i64,
        /// Whether it splits.
        split: bool,
    },
    /// Packets moved to the same cell, or none did, or more than a move takes.
    #[error(
        "a move of {count} packets from cell {from} to cell {into} is none: it takes 1 to 4096, to another cell"
    )]
    NoMove {
        /// How many.
        count: u64,
        /// Who gave.
        from: u16,
        /// Who got.
        into: u16,
    },
    /// Something happened to the stock while it could not.
    #[error("a packet went back, or moved, before the opening or after the close")]
    NotOpen,
    /// A packet went back that was not out, or another one.
    #[error("the packet of ordinal {ordinal} went back, which was not out, or was another one")]
    PutBack {
        /// Which claim had taken it.
        ordinal: u64,
    },
    /// The packets of a move are others.
    #[error("the move of line {line} took {found:?} packets of the tiers, by its rule it takes {expected:?}")]
    Move {
        /// The line.
        line: u64,
        /// Packets of each tier by the rule.
        expected: Vec<u64>,
        /// Packets of each tier as stated.
        found: Vec<u64>,
    },
    /// A move of more packets than there were, which shows even while the secret is not known.
    #[error("the move of line {line} took more packets than its cell had, or than a move may take")]
    MoveOfMore {
        /// The line.
        line: u64,
    },
    /// A move's statement continues nothing, or its line is not after the one before.
    #[error("a statement of line {line} continues a move that is not before it, or is of no later line")]
    Continues {
        /// The line.
        line: u64,
    },
    /// What a cell sent is not what the other one received.
    #[error("what cell {from} sent is not what cell {into} received")]
    Between {
        /// Who sent.
        from: u16,
        /// Who received.
        into: u16,
    },
    /// Other packets are left.
    #[error(
        "at its close {stated:?} packets were said to be left of the tiers; by its receipts it is {counted:?}"
    )]
    Left {
        /// By the receipts.
        counted: Vec<u64>,
        /// As stated.
        stated: Vec<u64>,
    },
    /// Money that is none, or of another currency.
    #[error("an amount is below zero, or nothing, or of another currency than the campaign's")]
    Amount,
    /// The money of the close does not add up.
    #[error(
        "{paid_in} was paid in; at its close {funded} was said to be, of which {spent} spent (no more than was issued) and {returned} returned"
    )]
    Money {
        /// By the statements of fundings.
        paid_in: u128,
        /// As the close says.
        funded: i128,
        /// As the close says.
        returned: i128,
        /// As the close says.
        spent: i128,
    },
}

impl Wrong {
    /// The stable code of what is wrong.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRules => "no_rules",
            Self::Revision { .. } => "revision",
            Self::RulesChanged => "rules_changed",
            Self::Document(_) => "document",
            Self::Chain => "chain",
            Self::Round { .. } => "round",
            Self::Backwards { .. } => "backwards",
            Self::Opening => "opening",
            Self::Randomness(_) => "randomness",
            Self::NotRevealed => "not_revealed",
            Self::Secret => "secret",
            Self::RevealedEarly => "revealed_early",
            Self::Order => "order",
            Self::Underfunded { .. } => "underfunded",
            Self::BeforeOpening => "before_opening",
            Self::WhilePaused => "while_paused",
            Self::AfterEnd => "after_end",
            Self::OutsideOfTime { .. } => "outside_of_time",
            Self::Missing { .. } => "missing",
            Self::Twice { .. } => "twice",
            Self::Face { .. } => "face",
            Self::Empty { .. } => "empty",
            Self::NoSuchTier { .. } => "no_such_tier",
            Self::NoMove { .. } => "no_move",
            Self::NotOpen => "not_open",
            Self::PutBack { .. } => "put_back",
            Self::Move { .. } => "move",
            Self::MoveOfMore { .. } => "move_of_more",
            Self::Continues { .. } => "continues",
            Self::Between { .. } => "between",
            Self::Left { .. } => "left",
            Self::Amount => "amount",
            Self::Money { .. } => "money",
        }
    }

    /// The claim that it is about, if it is about one.
    pub fn ordinal(&self) -> Option<u64> {
        match self {
            Self::Missing { ordinal }
            | Self::Twice { ordinal }
            | Self::Face { ordinal, .. }
            | Self::Empty { ordinal }
            | Self::PutBack { ordinal } => Some(*ordinal),
            _ => None,
        }
    }
}

/// A packet, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is worth, in minor units.
    pub face: i64,
    /// Whether it splits.
    pub split: bool,
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} minor units{}", self.face, if self.split { ", splittable" } else { "" })
    }
}

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The leaf of the log; `None`: the log as a whole.
    pub index: Option<u64>,
    /// The campaign.
    pub campaign: String,
    /// The cell, when it is about one.
    pub cell: Option<u16>,
    /// What is wrong.
    pub wrong: Wrong,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "statement {index}: ")?;
        }
        write!(f, "campaign {}", self.campaign)?;
        if let Some(cell) = self.cell {
            write!(f, ", cell {cell}")?;
        }
        write!(f, ": {}", self.wrong)
    }
}

/// What was found: all of it is counted, so many are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first ones.
    pub kept: Vec<Finding>,
    /// How many there are.
    pub count: u64,
    most: usize,
    index: Option<u64>,
    campaign: String,
}

impl Findings {
    /// Keeps at most so many.
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// What is found from here on is about a leaf of a campaign.
    pub fn at(&mut self, index: Option<u64>, campaign: &str) {
        self.index = index;
        if self.campaign != campaign {
            campaign.clone_into(&mut self.campaign);
        }
    }

    /// Notes something.
    pub fn add(&mut self, cell: Option<u16>, wrong: Wrong) {
        self.count += 1;
        if self.kept.len() < self.most {
            self.kept.push(Finding { index: self.index, campaign: self.campaign.clone(), cell, wrong });
        }
    }
}
