//! Which coupons a shopper has, as far as they are sorted already; see [`sorted`](crate::sqlite::sorted).

pub(crate) const OF: &str = "SELECT coupon FROM coupon_of_shopper WHERE shopper = ?1";
pub(crate) const ADD: &str = "INSERT OR IGNORE INTO coupon_of_shopper (shopper, coupon) VALUES (?1, ?2)";
pub(crate) const ALL: &str = "SELECT shopper, coupon FROM coupon_of_shopper ORDER BY shopper, coupon";
