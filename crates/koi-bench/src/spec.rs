//! The bars that this command measures: what each is, and what it must reach.

use serde::Serialize;

/// On which side of its target a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    /// The value must reach the target.
    AtLeast,
    /// The value must not exceed the target.
    AtMost,
}

/// One bar.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) bar: u8,
    pub(crate) what: &'static str,
    /// Of value and target; empty for a ratio.
    pub(crate) unit: &'static str,
    pub(crate) sense: Sense,
    pub(crate) target: f64,
}

/// The numbers of the bars that this command measures, in order.
pub const MEASURED_BARS: [u8; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
/// Those of them that put Koi beside something else.
pub const COMPARED_BARS: [u8; 3] = [2, 3, 4];

/// Coupons that bars 5, 8, 9 and 10 speak of.
pub(crate) const COUPONS_OF_THE_BARS: u64 = 10_000_000;

const SPECS: [Spec; 11] = [
    at_least(1, "claims ÷ requests only parsed", 0.4),
    at_least(2, "claims ÷ claims in a Redis script", 1.0),
    at_least(3, "claims ÷ claims, a transaction each", 6.0),
    at_least(4, "claims, PostgreSQL ÷ data folder", 0.5),
    at_least(5, "claims, coupons stored ÷ empty", 0.8),
    at_most(6, "p99 of a claim at half the peak", "ms", 10.0),
    at_least(7, "quote and pay ÷ claims", 0.4),
    at_most(8, "memory, coupons stored", "MiB", 512.0),
    at_most(9, "start, coupons stored", "s", 2.0),
    at_most(10, "koi check, coupons stored", "s", 60.0),
    at_least(11, "claims, public log written ÷ put off", 0.9),
];

const fn at_least(bar: u8, what: &'static str, target: f64) -> Spec {
    Spec { bar, what, unit: "", sense: Sense::AtLeast, target }
}

const fn at_most(bar: u8, what: &'static str, unit: &'static str, target: f64) -> Spec {
    Spec { bar, what, unit, sense: Sense::AtMost, target }
}

/// The bar of this number.
pub(crate) fn spec(bar: u8) -> &'static Spec {
    SPECS.iter().find(|spec| spec.bar == bar).unwrap_or_else(|| panic!("bar {bar} is not among {MEASURED_BARS:?}"))
}

impl Spec {
    pub(crate) fn holds(&self, value: f64) -> bool {
        match self.sense {
            Sense::AtLeast => value >= self.target,
            Sense::AtMost => value <= self.target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_bar() {
        assert_eq!(SPECS.map(|spec| spec.bar), MEASURED_BARS);
    }

    #[test]
    fn the_target_itself_holds() {
        assert!(spec(1).holds(0.4) && !spec(1).holds(0.399));
        assert!(spec(6).holds(10.0) && !spec(6).holds(10.001));
        assert!(!spec(6).holds(f64::NAN) && !spec(1).holds(f64::NAN));
    }
}
