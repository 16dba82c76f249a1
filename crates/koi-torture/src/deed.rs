//! What a client can ask of the server: every changing call of the contract that the harnesses use.
//!
//! A deed is data. The request is made from it anew each time it is sent, so that a repeat with the
//! same key is the same request to the letter, and a history of a million deeds stays small.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::model::rules::Rules;

/// Who asks; each has the sandbox key of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Operator,
    Approver,
    Wallet,
    Acquirer,
    Auditor,
}

impl Role {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Operator => "sandbox_operator",
            Self::Approver => "sandbox_approver",
            Self::Wallet => "sandbox_wallet",
            Self::Acquirer => "sandbox_acquirer",
            Self::Auditor => "sandbox_auditor",
        }
    }
}

/// What a pause stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Issuing,
    All,
}

/// A wallet account and the human behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shopper {
    pub(crate) account: String,
    pub(crate) person: String,
}

/// One changing call, without its idempotency key.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    CreateMerchant { id: String, fee_bps: i64 },
    CreateStore { merchant: String, id: String },
    CreateCode { store: String },
    RevokeCode { code: String },
    CreateCampaign { rules: Arc<Rules> },
    Submit { campaign: String },
    Approve { campaign: String },
    Fund { campaign: String, amount: i64 },
    Pause { campaign: String, scope: Scope },
    Resume { campaign: String },
    End { campaign: String },
    Close { campaign: String },
    Claim { campaign: String, code: String, shopper: Shopper },
    VoidCoupon { coupon: String },
    Quote { shopper: Shopper, store: String, amount: i64 },
    CancelQuote { quote: String },
    Pay { quote: String },
    CancelPayment { payment: String },
    Refund { payment: String, amount: i64 },
}

/// A deed with its key: what may be sent again and again and must happen once.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) deed: Deed,
    pub(crate) key: String,
}

/// What shoppers pay in.
pub(crate) const CAMPAIGN_CURRENCY: &str = "CNY";
/// What merchants are settled in.
pub(crate) const MERCHANT_CURRENCY: &str = "NZD";

pub(crate) fn cny(value: i64) -> Value {
    json!({"currency": CAMPAIGN_CURRENCY, "value": value})
}

pub(crate) fn nzd(value: i64) -> Value {
    json!({"currency": MERCHANT_CURRENCY, "value": value})
}

impl Deed {
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::CreateMerchant { .. }
            | Self::CreateStore { .. }
            | Self::CreateCode { .. }
            | Self::RevokeCode { .. } => Role::Acquirer,
            Self::Approve { .. } | Self::Resume { .. } => Role::Approver,
            Self::CreateCampaign { .. }
            | Self::Submit { .. }
            | Self::Fund { .. }
            | Self::Pause { .. }
            | Self::End { .. }
            | Self::Close { .. }
            | Self::VoidCoupon { .. } => Role::Operator,
            Self::Claim { .. }
            | Self::Quote { .. }
            | Self::CancelQuote { .. }
            | Self::Pay { .. }
            | Self::CancelPayment { .. }
            | Self::Refund { .. } => Role::Wallet,
        }
    }

    pub(crate) fn path(&self) -> String {
        match self {
            Self::CreateMerchant { .. } => "/v1/merchants".to_owned(),
            Self::CreateStore { merchant, .. } => format!("/v1/merchants/{merchant}/stores"),
            Self::CreateCode { store } => format!("/v1/stores/{store}/codes"),
            Self::RevokeCode { code } => format!("/v1/codes/{code}/revoke"),
            Self::CreateCampaign { .. } => "/v1/campaigns".to_owned(),
            Self::Submit { campaign } => format!("/v1/campaigns/{campaign}/submit"),
            Self::Approve { campaign } => format!("/v1/campaigns/{campaign}/approve"),
            Self::Fund { campaign, .. } => format!("/v1/campaigns/{campaign}/fund"),
            Self::Pause { campaign, .. } => format!("/v1/campaigns/{campaign}/pause"),
            Self::Resume { campaign } => format!("/v1/campaigns/{campaign}/resume"),
            Self::End { campaign } => format!("/v1/campaigns/{campaign}/end"),
            Self::Close { campaign } => format!("/v1/campaigns/{campaign}/close"),
            Self::Claim { campaign, .. } => format!("/v1/campaigns/{campaign}/claims"),
            Self::VoidCoupon { coupon } => format!("/v1/coupons/{coupon}/void"),
            Self::Quote { .. } => "/v1/quotes".to_owned(),
            Self::CancelQuote { quote } => format!("/v1/quotes/{quote}/cancel"),
            Self::Pay { .. } => "/v1/payments".to_owned(),
            Self::CancelPayment { payment } => format!("/v1/payments/{payment}/cancel"),
            Self::Refund { payment, .. } => format!("/v1/payments/{payment}/refunds"),
        }
    }

    pub(crate) fn body(&self) -> Value {
        match self {
            Self::CreateMerchant { id, fee_bps } => json!({
                "id": id, "name": "Kiwi Honey Ltd", "country": "NZ",
                "currency": MERCHANT_CURRENCY, "fee_bps": fee_bps,
            }),
            Self::CreateStore { id, .. } => json!({
                "id": id, "name": "Queen Street", "country": "NZ", "time_zone": "Pacific/Auckland",
            }),
            Self::CreateCode { .. } => json!({"medium": "a5_sticker"}),
            Self::RevokeCode { .. } => json!({"reason": "pasted over"}),
            Self::CreateCampaign { rules } => rules.document(),
            Self::Fund { amount, .. } => json!({"amount": cny(*amount)}),
            Self::Pause { scope: Scope::Issuing, .. } => json!({"scope": "issuing", "reason": "fraud spike"}),
            Self::Pause { scope: Scope::All, .. } => json!({"scope": "all", "reason": "investigation"}),
            Self::End { .. } => json!({"reason": "the stock runs low"}),
            Self::VoidCoupon { .. } => json!({"reason": "issued by mistake"}),
            Self::Submit { .. }
            | Self::Approve { .. }
            | Self::Resume { .. }
            | Self::Close { .. }
            | Self::CancelQuote { .. }
            | Self::CancelPayment { .. } => json!({}),
            Self::Claim { code, shopper, .. } => json!({
                "code": code,
                "shopper": {
                    "account": shopper.account, "person": shopper.person,
                    "verified": true, "id_country": "CN",
                },
            }),
            Self::Quote { shopper, store, amount } => json!({
                "shopper": {"account": shopper.account, "person": shopper.person},
                "store": store, "amount": nzd(*amount),
            }),
            Self::Pay { quote } => json!({"quote": quote}),
            Self::Refund { amount, .. } => json!({"amount": nzd(*amount)}),
        }
    }

    /// The status of the answer when it is done.
    pub(crate) fn done_status(&self) -> u16 {
        match self {
            Self::CreateMerchant { .. }
            | Self::CreateStore { .. }
            | Self::CreateCode { .. }
            | Self::CreateCampaign { .. }
            | Self::Claim { .. }
            | Self::Quote { .. }
            | Self::Pay { .. }
            | Self::Refund { .. } => 201,
            Self::RevokeCode { .. }
            | Self::Submit { .. }
            | Self::Approve { .. }
            | Self::Fund { .. }
            | Self::Pause { .. }
            | Self::Resume { .. }
            | Self::End { .. }
            | Self::Close { .. }
            | Self::VoidCoupon { .. }
            | Self::CancelQuote { .. }
            | Self::CancelPayment { .. } => 200,
        }
    }
}
