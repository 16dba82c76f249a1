//! A claim as those get it that Koi is compared with, and what they answer.
//!
//! They stand behind Koi's own HTTP layer, in the hidden child mode `koi bench-peer`, so that what is compared differs
//! in what stands behind a claim and in nothing else.

/// One claim.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeerClaim<'a> {
    /// The campaign's id, from the path.
    pub campaign: &'a str,
    /// The code scanned.
    pub code: &'a str,
    /// The account that claims.
    pub account: &'a str,
    /// The person behind it.
    pub person: &'a str,
    /// The header of that name; its scope is the person.
    pub idempotency_key: &'a str,
    /// What tells two bodies apart; it must not contain `|`.
    pub fingerprint: &'a str,
    /// The id of the coupon, should one be issued.
    pub coupon_id: &'a str,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
    /// Any number; its upper 53 bits choose the packet.
    pub luck: u64,
}

impl PeerClaim<'_> {
    /// The luck as a number of 53 bits, which every peer can hold.
    #[must_use]
    pub fn luck_53(&self) -> u64 {
        self.luck >> 11
    }
}

/// What a peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerOutcome {
    /// A coupon was issued.
    Created(PeerCoupon),
    /// The key had been used for the same request: this is what it got.
    Replayed(PeerCoupon),
    /// No coupon, for the reason of this code.
    Refused(String),
}

impl PeerOutcome {
    /// Reads the two words that a peer answers; `None` for anything else.
    #[must_use]
    pub fn parse(word: &str, rest: &str) -> Option<PeerOutcome> {
        match word {
            "created" => PeerCoupon::parse(rest).map(PeerOutcome::Created),
            "replayed" => PeerCoupon::parse(rest).map(PeerOutcome::Replayed),
            "refused" => Some(PeerOutcome::Refused(rest.to_owned())),
            _ => None,
        }
    }
}

/// A coupon as a peer stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCoupon {
    /// As it was given.
    pub id: String,
    /// As it was given.
    pub account: String,
    /// As it was given.
    pub person: String,
    /// As it was given.
    pub code: String,
    /// The store of that code.
    pub store: String,
    /// In minor units.
    pub face: u64,
    /// Milliseconds since 1970.
    pub collected_at_ms: u64,
    /// Milliseconds since 1970.
    pub expires_at_ms: u64,
}

impl PeerCoupon {
    /// Reads the eight columns of a stored coupon.
    #[must_use]
    pub fn parse(text: &str) -> Option<PeerCoupon> {
        let columns: Vec<&str> = text.split('|').collect();
        let [id, account, person, code, store, face, collected_at_ms, expires_at_ms] = columns[..] else {
            return None;
        };
        Some(PeerCoupon {
            id: id.to_owned(),
            account: account.to_owned(),
            person: person.to_owned(),
            code: code.to_owned(),
            store: store.to_owned(),
            face: face.parse().ok()?,
            collected_at_ms: collected_at_ms.parse().ok()?,
            expires_at_ms: expires_at_ms.parse().ok()?,
        })
    }
}
