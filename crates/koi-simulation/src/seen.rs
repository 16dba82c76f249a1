//! What the server answers, in the words of the contract.

/// A coupon, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the contract's JSON")]
pub struct CouponShown {
    pub id: String,
    pub campaign: String,
    pub account: String,
    pub person: String,
    pub code: String,
    pub face: i64,
    pub remaining: i64,
    pub split: bool,
    pub status: &'static str,
    pub collected_at: i64,
    pub expires_at: i64,
    pub terms_revision: u32,
}

/// A quote, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the contract's JSON")]
pub struct QuoteShown {
    pub id: String,
    pub status: &'static str,
    pub account: String,
    pub person: String,
    pub store: String,
    pub amount: (String, i64),
    pub rate: u64,
    pub gross: (String, i64),
    pub deduction: i64,
    pub payable: i64,
    pub coupon: Option<String>,
    pub no_deduction: Option<&'static str>,
    pub expires_at: i64,
}

/// A payment, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the contract's JSON")]
pub struct PaymentShown {
    pub id: String,
    pub status: &'static str,
    pub quote: String,
    pub account: String,
    pub person: String,
    pub store: String,
    pub amount: (String, i64),
    pub rate: u64,
    pub gross: i64,
    pub deduction: i64,
    pub paid: i64,
    pub coupon: Option<String>,
    pub fee: i64,
    pub net: i64,
    pub refunded: i64,
    pub paid_at: i64,
}

/// A refund, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the contract's JSON")]
pub struct RefundShown {
    pub id: String,
    pub payment: String,
    pub amount: i64,
    pub shopper: i64,
    pub funder: i64,
}

/// A campaign, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the contract's JSON")]
pub struct CampaignShown {
    pub id: String,
    pub status: String,
    pub left: Vec<u64>,
}

/// The body of a good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A coupon.
    Coupon(CouponShown),
    /// A quote.
    Quote(QuoteShown),
    /// A payment.
    Payment(PaymentShown),
    /// A refund.
    Refund(RefundShown),
    /// A campaign.
    Campaign(CampaignShown),
    /// Any other object of the office, by its name.
    Entered(String),
    /// The clock stands at this time.
    Clock(i64),
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its stable code.
    pub code: String,
    /// When time heals it.
    pub next_allowed_at: Option<i64>,
    /// The coupon that is held.
    pub coupon: Option<CouponShown>,
}

/// What a caller sees of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A good answer.
    Good {
        /// Its body.
        reply: Reply,
        /// Whether it repeats an earlier one.
        replayed: bool,
    },
    /// The rules say no.
    Refused(Refused),
    /// 503, or no answer at all: nobody can tell what happened, but a repeat with the same key.
    Unknown,
    /// 500: an invariant is broken.
    Fault,
}

impl Seen {
    /// A refusal by its code alone.
    pub fn refused(code: &str) -> Self {
        Seen::Refused(Refused { code: code.to_owned(), next_allowed_at: None, coupon: None })
    }

    /// A refusal that time heals.
    pub fn refused_until(code: &str, until: Option<i64>) -> Self {
        Seen::Refused(Refused { code: code.to_owned(), next_allowed_at: until, coupon: None })
    }

    /// A first answer.
    pub fn good(reply: Reply) -> Self {
        Seen::Good { reply, replayed: false }
    }
}
