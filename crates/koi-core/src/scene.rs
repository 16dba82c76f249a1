//! What a decision sees besides its rows: rules, settings, the time, and luck. All of it are values.

use crate::campaign::Campaign;
use crate::catalog::Catalog;
use crate::fault::Fault;
use crate::id::{Cell, CouponId};
use crate::money::Currency;
use crate::time::{Time, Zone};

/// Settings of the installation that decisions need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The currency of gross amounts, coupons and what shoppers pay.
    pub wallet_currency: Currency,
    /// The zone of the trading day.
    pub settlement_zone: Zone,
    /// How long a quote without a coupon holds, in seconds.
    pub quote_valid_s: u32,
    /// Minutes after midnight until which the payments of the day before can be cancelled.
    pub cancel_minutes: i64,
    /// Days after a payment during which it can be refunded.
    pub refund_days: i64,
}

/// Which packet a claim takes: for the claim with an ordinal in a cell, a number below `total` (above zero),
/// by the rule of the sealed stock.
pub type Luck<'a> = &'a dyn Fn(&Campaign, Cell, u64, u64) -> u64;

/// What a decision sees besides its rows.
pub struct Scene<'a> {
    /// Campaigns, merchants, stores, codes, rates.
    pub catalog: &'a Catalog,
    /// Settings.
    pub settings: &'a Settings,
    /// The time of the batch.
    pub now: Time,
    /// Which packet a claim takes.
    pub luck: Luck<'a>,
}

impl Scene<'_> {
    /// The campaign that issued a coupon.
    pub fn campaign_of(&self, coupon: CouponId) -> Result<&Campaign, Fault> {
        self.catalog
            .campaign_numbered(coupon.campaign())
            .map(AsRef::as_ref)
            .ok_or(Fault::Missing("a coupon's campaign"))
    }
}
