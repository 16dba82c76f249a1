//! Every way in which a command is refused. A refusal is an answer, it changes nothing, and its order
//! among others is part of the contract. What must never happen is a [`Fault`](crate::fault::Fault).

use crate::coupon::Coupon;
use crate::time::Time;

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    // --- names
    /// The call's subject, or something that it names, does not exist.
    NotFound,
    /// No campaign of this name.
    UnknownCampaign,
    /// No code with these characters.
    UnknownCode,
    /// The id is taken.
    AlreadyExists,
    // --- keys
    /// The key was used for another call.
    KeyReused,
    // --- bodies
    /// An amount that is not above zero, in the wrong currency, or out of range.
    InvalidAmount,
    // --- claims, in order of precedence
    /// The code was revoked.
    CodeRevoked,
    /// The campaign starts at this time.
    CampaignNotStarted(Time),
    /// The campaign has ended.
    CampaignEnded,
    /// The campaign is paused.
    CampaignPaused,
    /// The campaign is not approved or not funded.
    CampaignNotLive,
    /// The shopper is not checked against an ID.
    NotVerified,
    /// IDs of the shopper's country are not eligible.
    IdCountryNotEligible,
    /// The store is in an excluded country.
    StoreCountryNotEligible,
    /// The store's merchant does not take part.
    StoreNotParticipating,
    /// The account holds this coupon until the time.
    CouponAlreadyHeld(Box<Coupon>, Time),
    /// The person holds a coupon through another account until the time.
    PersonHoldsCoupon(Time),
    /// The person has had all coupons of the window; the next one starts at the time, if any follows.
    LimitReached(Option<Time>),
    /// No packet is left.
    SoldOut,
    // --- coupons
    /// The coupon is not active.
    CouponNotActive,
    // --- quotes and payments
    /// No rate for the pair of currencies.
    NoRate,
    /// The quote was paid or cancelled.
    QuoteNotOpen,
    /// The quote ran out.
    QuoteExpired,
    /// The payment was cancelled.
    PaymentCancelled,
    /// The payment was refunded, in part or whole.
    AlreadyRefunded,
    /// It is too late to cancel.
    CancelWindowClosed,
    /// It is too late to refund.
    RefundWindowClosed,
    /// More than what is left of the payment.
    RefundExceedsPayment,
    // --- campaigns
    /// The campaign's state does not allow it.
    InvalidTransition,
    /// Who submitted a campaign cannot approve it.
    OwnSubmission,
    /// The installation is full: no number is left for another campaign.
    TooManyCampaigns,
}

impl Refusal {
    /// The stable code of the contract.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotFound => "not_found",
            Refusal::UnknownCampaign => "unknown_campaign",
            Refusal::UnknownCode => "unknown_code",
            Refusal::AlreadyExists => "already_exists",
            Refusal::KeyReused => "idempotency_key_reused",
            Refusal::InvalidAmount => "invalid_amount",
            Refusal::CodeRevoked => "code_revoked",
            Refusal::CampaignNotStarted(_) => "campaign_not_started",
            Refusal::CampaignEnded => "campaign_ended",
            Refusal::CampaignPaused => "campaign_paused",
            Refusal::CampaignNotLive => "campaign_not_live",
            Refusal::NotVerified => "not_verified",
            Refusal::IdCountryNotEligible => "id_country_not_eligible",
            Refusal::StoreCountryNotEligible => "store_country_not_eligible",
            Refusal::StoreNotParticipating => "store_not_participating",
            Refusal::CouponAlreadyHeld(..) => "coupon_already_held",
            Refusal::PersonHoldsCoupon(_) => "person_holds_coupon",
            Refusal::LimitReached(_) => "limit_reached",
            Refusal::SoldOut => "sold_out",
            Refusal::CouponNotActive => "coupon_not_active",
            Refusal::NoRate => "no_rate",
            Refusal::QuoteNotOpen => "quote_not_open",
            Refusal::QuoteExpired => "quote_expired",
            Refusal::PaymentCancelled => "payment_cancelled",
            Refusal::AlreadyRefunded => "already_refunded",
            Refusal::CancelWindowClosed => "cancel_window_closed",
            Refusal::RefundWindowClosed => "refund_window_closed",
            Refusal::RefundExceedsPayment => "refund_exceeds_payment",
            Refusal::InvalidTransition => "invalid_transition",
            Refusal::OwnSubmission => "forbidden",
            Refusal::TooManyCampaigns => "too_many_campaigns",
        }
    }
}
