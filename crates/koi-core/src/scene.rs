//! What a decision sees besides its rows: rules, settings, the time, and luck. All of it are values.

use crate::campaign::{Campaign, Seal};
use crate::catalog::Catalog;
use crate::fault::Fault;
use crate::id::{Cell, CouponId};
use crate::money::Currency;
use crate::rules::Rules;
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
    /// How many cells the installation has: 1–1024, for ever the same.
    pub cells: u16,
}

/// What a packet is drawn for. Every draw of a cell is another one, so that each can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// A claim.
    Claim {
        /// Its ordinal among the campaign's claims in the cell.
        ordinal: u64,
    },
    /// A move to another cell.
    Move {
        /// The number of the first line that the move writes in the cell that gives.
        line: i64,
        /// The packet's place among those that the move takes, from 0.
        place: u64,
    },
}

/// Luck, as decisions see it.
pub trait Luck {
    /// Which of the packets that are left in a cell is drawn: a number below `total` (above zero), by the rule of the
    /// sealed stock. A fault when the randomness that seals the campaign's stock is not known.
    fn pick(&self, campaign: &Campaign, cell: Cell, pick: Pick, total: u64) -> Result<u64, Fault>;

    /// What seals the stock of rules that are stated now.
    fn seal(&self, rules: &Rules, now: Time) -> Result<Seal, Fault>;
}

/// Luck for scenes in which nothing is drawn.
#[derive(Clone, Copy, Debug)]
pub struct NoLuck;

impl Luck for NoLuck {
    fn pick(&self, _: &Campaign, _: Cell, _: Pick, _: u64) -> Result<u64, Fault> {
        Err(Fault::Broken("a packet is drawn where nothing is"))
    }

    fn seal(&self, _: &Rules, _: Time) -> Result<Seal, Fault> {
        Err(Fault::Broken("rules are stated where nothing is drawn"))
    }
}

/// What a decision sees besides its rows.
pub struct Scene<'a> {
    /// Campaigns, merchants, stores, codes, rates.
    pub catalog: &'a Catalog,
    /// Settings.
    pub settings: &'a Settings,
    /// The time of the batch.
    pub now: Time,
    /// Which packet is drawn.
    pub luck: &'a dyn Luck,
}

impl Scene<'_> {
    /// All cells of the installation, in order.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + use<> {
        (0..self.settings.cells).map(Cell)
    }

    /// The campaign that issued a coupon.
    pub fn campaign_of(&self, coupon: CouponId) -> Result<&Campaign, Fault> {
        self.catalog
            .campaign_numbered(coupon.campaign())
            .map(AsRef::as_ref)
            .ok_or(Fault::Missing("a coupon's campaign"))
    }
}
