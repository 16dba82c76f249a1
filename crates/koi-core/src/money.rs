//! Money is an integer of minor units with a currency that is chosen at run time.
//!
//! There is no `Add` on purpose: sums are checked and named, and a sum that does not fit is a fault,
//! never a wrap. Rounding happens in three named places only: [`gross`], [`fee`] and
//! [`share`] (the shopper's share of a refund). All of them round half up, once.

use crate::fault::Fault;

/// An ISO 4217 currency, by its three letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// China's yuan, the wallet currency unless a setting says otherwise.
    pub const CNY: Currency = Currency(*b"CNY");

    /// Reads an ISO 4217 code (upper case); `None` when there is no such currency, or when it has no
    /// minor units (gold, the testing code and their like), which nobody pays with.
    pub fn parse(code: &str) -> Option<Self> {
        let listed = iso_currency::Currency::from_code(code)?;
        listed.exponent()?;
        code.as_bytes().try_into().ok().map(Self)
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Decimal places of the minor unit: 2 for CNY and NZD, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        iso_currency::Currency::from_code(self.code()).and_then(|listed| listed.exponent()).map_or(2, u32::from)
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money, in minor units of its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// The currency of `value`.
    pub currency: Currency,
    /// Minor units (fen, cents); may be negative only in differences.
    pub value: i64,
}

/// Writes the amount with its decimal point and thousands commas: `CNY 2,888.00`.
impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scale = 10_u64.pow(self.currency.exponent());
        let magnitude = self.value.unsigned_abs();
        let whole = (magnitude / scale).to_string();
        let mut grouped = String::with_capacity(whole.len() + whole.len() / 3);
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.value < 0 { "-" } else { "" };
        write!(f, "{} {sign}{grouped}", self.currency)?;
        match self.currency.exponent() {
            0 => Ok(()),
            places => write!(f, ".{:0width$}", magnitude % scale, width = places as usize),
        }
    }
}

/// What one whole unit of a currency is in whole units of another, in steps of 10⁻⁸.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate(u64);

impl Rate {
    /// Decimal places of a rate.
    pub const PLACES: u32 = 8;
    /// The rate of a currency to itself.
    pub const ONE: Rate = Rate(SCALE);
    /// The largest rate: ten million to one (no pair of currencies comes near).
    pub const MAX: Rate = Rate(10_000_000 * SCALE);

    /// Reads a decimal string such as `4.5817`: digits, at most eight after the point, above zero and
    /// at most [`Rate::MAX`]. No sign, no exponent, no spaces.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 8) || !digits(places, Self::PLACES as usize) {
            return None;
        }
        let padded: u64 = format!("{places:0<8}").parse().ok()?;
        let scaled = whole.parse::<u64>().ok()?.checked_mul(SCALE)?.checked_add(padded)?;
        (scaled > 0 && scaled <= Self::MAX.0).then_some(Self(scaled))
    }

    /// The rate in steps of 10⁻⁸, as it is stored.
    pub fn scaled(self) -> u64 {
        self.0
    }

    /// The rate of stored steps of 10⁻⁸.
    pub fn of_scaled(scaled: u64) -> Self {
        Self(scaled)
    }
}

const SCALE: u64 = 10_u64.pow(Rate::PLACES);

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:08}", self.0 / SCALE, self.0 % SCALE)
    }
}

/// `numerator / denominator`, rounded half up. Both are not negative, the denominator above zero.
fn half_up(numerator: u128, denominator: u128) -> u128 {
    let quotient = numerator / denominator;
    let rest = numerator % denominator;
    // `rest >= denominator - rest` is `2 * rest >= denominator` without the overflow.
    if rest >= denominator - rest { quotient + 1 } else { quotient }
}

/// The gross of a purchase: `amount × rate` in `into`'s minor units, half up, rounded once. The
/// difference of the two currencies' exponents is taken into account. `None` when it exceeds 2⁶³ − 1, and for an
/// amount below zero.
pub fn gross(amount: Money, rate: Rate, into: Currency) -> Option<i64> {
    let value = u128::try_from(amount.value).ok()?;
    // 2^63 × 2^50 (Rate::MAX) × 10^4 stays below 2^127; a damaged rate may be larger.
    let product = value.checked_mul(u128::from(rate.0))?.checked_mul(10_u128.pow(into.exponent()))?;
    let scale = u128::from(SCALE) * 10_u128.pow(amount.currency.exponent());
    i64::try_from(half_up(product, scale)).ok()
}

/// The merchant's fee: `amount × basis points / 10,000`, half up. It never depends on a coupon.
pub fn fee(amount: i64, basis_points: u32) -> i64 {
    let product = u128::from(amount.unsigned_abs()) * u128::from(basis_points.min(10_000));
    // At most `amount` itself, so it fits.
    i64::try_from(half_up(product, 10_000)).unwrap_or(amount)
}

/// The part of `whole` that belongs to one of `of` when `part` belongs to them: `whole × part / of`,
/// half up. `part` is at most `of`, so the result is at most `whole`. A purchase of nothing has no share.
pub fn share(whole: i64, part: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    let product = u128::from(whole.unsigned_abs()) * u128::from(part.unsigned_abs());
    i64::try_from(half_up(product, u128::from(of.unsigned_abs()))).unwrap_or(whole)
}

/// `a + b`, or the fault that it does not fit.
pub fn sum(a: i64, b: i64) -> Result<i64, Fault> {
    a.checked_add(b).ok_or(Fault::Overflow)
}

/// `a − b` for amounts that must not go below zero, or the fault that they would.
pub fn take(a: i64, b: i64) -> Result<i64, Fault> {
    a.checked_sub(b).filter(|rest| *rest >= 0).ok_or(Fault::Negative)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(code: &str, value: i64) -> Money {
        Money { currency: Currency::parse(code).unwrap(), value }
    }

    #[test]
    fn gross_is_rounded_half_up_once() {
        let check = |code, value, rate, expected: Option<i64>| {
            assert_eq!(
                gross(money(code, value), Rate::parse(rate).unwrap(), Currency::CNY),
                expected,
                "{code} {value} at {rate}"
            );
        };
        check("NZD", 4590, "4.58170000", Some(21_030));
        check("NZD", 2000, "4.4", Some(8800));
        check("NZD", 1, "0.5", Some(1)); // exactly half a fen goes up
        check("NZD", 1, "0.49999999", Some(0));
        check("NZD", 0, "4.4", Some(0));
        check("JPY", 1, "0.05", Some(5)); // one yen has no minor unit
        check("KWD", 1, "23.5", Some(2)); // 0.001 dinar = 0.0235 yuan = 2.35 fen
        check("KWD", 10, "23.45", Some(23)); // 23.45 fen
        check("CNY", i64::MAX, "1", Some(i64::MAX));
        check("NZD", i64::MAX, "1.00000001", None);
        check("NZD", i64::MAX, "10000000", None);
        check("NZD", -1, "1", None);
    }

    #[test]
    fn a_fee_is_rounded_half_up() {
        for (amount, points, expected) in [
            (4590, 160, 73),
            (0, 160, 0),
            (50, 100, 1),
            (49, 100, 0),
            (i64::MAX, 10_000, i64::MAX),
            (i64::MAX, 0, 0),
        ] {
            assert_eq!(fee(amount, points), expected, "{amount} at {points}");
        }
    }

    #[test]
    fn a_share_is_rounded_half_up_and_never_exceeds_the_whole() {
        for (whole, part, of, expected) in [
            (4582, 12_230, 21_030, 2665),
            (21_030, 12_230, 21_030, 12_230),
            (1, 1, 2, 1),
            (3, 1, 2, 2),
            (5, 0, 7, 0),
            (0, 3, 7, 0),
            (9, 0, 0, 0),
            (i64::MAX, i64::MAX, i64::MAX, i64::MAX),
        ] {
            assert_eq!(share(whole, part, of), expected, "{whole} × {part} / {of}");
        }
    }

    #[test]
    fn a_rate_is_a_plain_decimal() {
        for (text, expected) in [
            ("4.58170000", Some("4.58170000")),
            ("4", Some("4.00000000")),
            ("0.00000001", Some("0.00000001")),
            ("10000000", Some("10000000.00000000")),
            ("10000000.00000001", None),
            ("0", None),
            ("0.00000000", None),
            ("4.", None),
            (".5", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.123456789", None),
            ("123456789", None),
            (" 1", None),
            ("", None),
            ("１", None),
        ] {
            assert_eq!(Rate::parse(text).map(|rate| rate.to_string()).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn stored_rates_come_back() {
        let rate = Rate::parse("4.5817").unwrap();
        assert_eq!(Rate::of_scaled(rate.scaled()), rate);
        assert_eq!(rate.scaled(), 458_170_000);
    }

    #[test]
    fn sums_and_differences_never_wrap() {
        assert_eq!(sum(i64::MAX, 1), Err(Fault::Overflow));
        assert_eq!(sum(2, 3), Ok(5));
        assert_eq!(take(2, 3), Err(Fault::Negative));
        assert_eq!(take(3, 3), Ok(0));
        assert_eq!(take(i64::MIN, 1), Err(Fault::Negative));
    }

    #[test]
    fn currencies_are_those_one_can_pay_with() {
        for (code, exponent) in [
            ("CNY", Some(2)),
            ("JPY", Some(0)),
            ("KWD", Some(3)),
            ("XAU", None),
            ("cny", None),
            ("ABC", None),
            ("", None),
        ] {
            assert_eq!(Currency::parse(code).map(Currency::exponent), exponent, "{code}");
        }
    }

    #[test]
    fn amounts_read_like_a_receipt() {
        for (amount, expected) in [
            (money("CNY", 288_800), "CNY 2,888.00"),
            (money("CNY", 100_000_000), "CNY 1,000,000.00"),
            (money("CNY", 5), "CNY 0.05"),
            (money("CNY", -100_005), "CNY -1,000.05"),
            (money("JPY", 1234), "JPY 1,234"),
            (money("KWD", 1234), "KWD 1.234"),
        ] {
            assert_eq!(amount.to_string(), expected);
        }
    }
}
