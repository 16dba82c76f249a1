//! The claim as a script: its text, what it is given, and what it answers.

/// The script; its head says what its keys and arguments are.
pub const CLAIM_LUA: &str = include_str!("../claim.lua");

/// One call of the script.
#[derive(Debug, Clone, Copy, Default)]
pub struct RedisClaim<'a> {
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

impl RedisClaim<'_> {
    /// `KEYS`, in the script's order.
    #[must_use]
    pub fn keys(&self) -> [String; 7] {
        let RedisClaim { campaign, person, idempotency_key, coupon_id, .. } = self;
        [
            format!("idempotency:{person}:{idempotency_key}"),
            format!("person:{campaign}:{person}"),
            format!("campaign:{campaign}"),
            format!("packets:{campaign}"),
            format!("faces:{campaign}"),
            "codes".to_owned(),
            format!("coupon:{coupon_id}"),
        ]
    }

    /// `ARGV`, in the script's order.
    #[must_use]
    pub fn arguments(&self) -> [String; 7] {
        [
            self.fingerprint.to_owned(),
            self.code.to_owned(),
            self.account.to_owned(),
            self.person.to_owned(),
            self.coupon_id.to_owned(),
            self.now_ms.to_string(),
            (self.luck >> 11).to_string(),
        ]
    }
}

/// What the script answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A coupon was issued.
    Created(Coupon),
    /// The key had been used for the same request: this is what it got.
    Replayed(Coupon),
    /// No coupon, for the reason of this code.
    Refused(String),
}

impl Outcome {
    /// Reads the two words that the script answers; `None` for anything else.
    #[must_use]
    pub fn parse(word: &str, rest: &str) -> Option<Outcome> {
        match word {
            "created" => Coupon::parse(rest).map(Outcome::Created),
            "replayed" => Coupon::parse(rest).map(Outcome::Replayed),
            "refused" => Some(Outcome::Refused(rest.to_owned())),
            _ => None,
        }
    }
}

/// A coupon as the script stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
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

impl Coupon {
    /// Reads the eight columns of a stored coupon.
    #[must_use]
    pub fn parse(text: &str) -> Option<Coupon> {
        let columns: Vec<&str> = text.split('|').collect();
        let [id, account, person, code, store, face, collected_at_ms, expires_at_ms] = columns[..] else {
            return None;
        };
        Some(Coupon {
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
