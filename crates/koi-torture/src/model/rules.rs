//! The rules of a campaign that the harnesses open, and its document.

use serde_json::{Value, json};

use crate::deed::CAMPAIGN_CURRENCY;
use crate::moment::{DAY_MS, Moment, SECOND_MS};

/// One kind of packet of the stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tier {
    pub(crate) face: i64,
    pub(crate) count: i64,
    pub(crate) split: bool,
}

/// What the harnesses vary; the rest is the original's.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) id: String,
    pub(crate) starts_at: Moment,
    pub(crate) ends_at: Moment,
    pub(crate) tiers: Vec<Tier>,
}

/// Coupons that one person may receive in one window.
pub(crate) const COUPONS_PER_WINDOW: usize = 5;
/// The least that a shopper pays, in minor units.
pub(crate) const MIN_SHOPPER_PAYS: i64 = 1;
const WINDOW_DAYS: i64 = 30;
const COUPON_VALID_DAYS: i64 = 7;
const QUOTE_VALID_S: i64 = 180;
/// How long a coupon is valid.
pub(crate) const COUPON_VALID_MS: i64 = COUPON_VALID_DAYS * DAY_MS;
/// How long a quote is valid.
pub(crate) const QUOTE_VALID_MS: i64 = QUOTE_VALID_S * SECOND_MS;
/// A cancel is possible for so long after midnight in Shanghai.
pub(crate) const CANCEL_GRACE_MS: i64 = 15 * 60 * SECOND_MS;
/// A refund is possible for so long after the payment.
pub(crate) const REFUND_WINDOW_MS: i64 = 360 * DAY_MS;
/// Who pays for the coupons.
pub(crate) const FUNDER: &str = "alipay";

impl Rules {
    /// What the whole stock costs.
    pub(crate) fn budget(&self) -> i64 {
        self.tiers.iter().map(|tier| tier.face * tier.count).sum()
    }

    /// The window of the limits that holds this moment.
    pub(crate) fn window(&self, at: Moment) -> i64 {
        at.minus(self.starts_at).div_euclid(WINDOW_DAYS * DAY_MS)
    }

    /// The tier that a coupon says to be from.
    pub(crate) fn tier(&self, face: i64, split: bool) -> Option<Tier> {
        self.tiers.iter().copied().find(|tier| tier.face == face && tier.split == split)
    }

    /// The campaign document of the contract.
    pub(crate) fn document(&self) -> Value {
        let packet = |tier: &Tier| json!({"face": tier.face, "count": tier.count, "split": tier.split});
        json!({
            "id": self.id, "kind": "red_packet",
            "title": {"en": "NZ summer", "zh": "新西兰之夏"},
            "currency": CAMPAIGN_CURRENCY, "funder": FUNDER, "time_zone": "Asia/Shanghai",
            "starts_at": self.starts_at.to_string(), "ends_at": self.ends_at.to_string(),
            "packets": self.tiers.iter().map(packet).collect::<Vec<_>>(),
            "eligibility": {"verified": true, "id_countries": ["CN"], "not_in_countries": ["CN"]},
            "limits": {"window_days": WINDOW_DAYS, "per_window": COUPONS_PER_WINDOW, "live": 1},
            "coupon": {
                "valid_days": COUPON_VALID_DAYS, "threshold": "exceeds", "min_shopper_pays": MIN_SHOPPER_PAYS,
                "refund_returns_coupon": false, "restock_expired": true,
            },
            "quote": {"valid_seconds": QUOTE_VALID_S},
            "terms": {"en": "One live coupon at a time.", "zh": "同一时间只能持有一张红包。"},
        })
    }
}
