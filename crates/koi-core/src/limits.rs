//! Every limit of the rules has a name and lives here; the documentation prints them from this file.

/// The greatest sum of a campaign's stock, and of its funding: 2⁵³ − 1 minor units, what every JSON
/// reader holds exactly.
pub const MONEY: i64 = (1 << 53) - 1;
/// Tiers of a campaign's stock.
pub const TIERS: usize = 100;
/// Packets of a campaign's stock: the ordinals of one cell.
pub const PACKETS: i64 = (1 << 32) - 1;
/// Days of a campaign, of a window, of a coupon's validity: ten years.
pub const CAMPAIGN_DAYS: i64 = 3660;
/// Coupons per window, and coupons held at once.
pub const PER_WINDOW: i64 = 1000;
/// Seconds that a quote may hold: one day.
pub const QUOTE_VALID_S: i64 = 86_400;
/// Open quotes that may hold parts of one coupon at once: each is looked at whenever its shopper calls.
pub const OPEN_QUOTES: usize = 256;
/// Merchants that a campaign may list.
pub const MERCHANTS_LISTED: usize = 100_000;
/// Countries of one list of a campaign's eligibility: all there are (ISO 3166-1 names 249), and one.
pub const COUNTRIES: usize = 250;
/// Characters of a title.
pub const TITLE_CHARS: usize = 200;
/// Characters of the terms, in each language.
pub const TERMS_CHARS: usize = 100_000;
/// Characters of a reason, a merchant's or a store's name.
pub const TEXT_CHARS: usize = 500;
/// A fee in basis points: all of the amount at most.
pub const FEE_BPS: i64 = 10_000;
/// Days after a payment during which it can be refunded.
pub const REFUND_DAYS: i64 = 360;
/// Minutes after midnight until which the payments of the day before can be cancelled.
pub const CANCEL_MINUTES: i64 = 15;
/// Packets that one cell gives another at once: each of them is drawn.
pub const GRANT: u64 = 4096;
