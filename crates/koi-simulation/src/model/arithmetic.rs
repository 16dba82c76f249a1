//! The contract's arithmetic: three roundings, all half up, in numbers wide enough that nothing overflows.

/// Decimal places of a currency's minor unit.
pub(super) fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

/// `numerator / denominator`, half up.
fn half_up(numerator: u128, denominator: u128) -> u128 {
    (2 * numerator + denominator) / (2 * denominator)
}

/// `amount × rate` in the wallet's minor units: `rate` in steps of 10⁻⁸ of whole units.
pub(super) fn gross(amount: i64, from: &str, rate: u64, into: &str) -> i128 {
    let amount = u128::from(amount.unsigned_abs());
    let numerator = amount * u128::from(rate) * 10_u128.pow(exponent(into));
    let denominator = 100_000_000 * 10_u128.pow(exponent(from));
    i128::try_from(half_up(numerator, denominator)).unwrap_or(i128::MAX)
}

/// `amount × basis points / 10,000`.
pub(super) fn fee(amount: i64, basis_points: u32) -> i64 {
    let fee = half_up(u128::from(amount.unsigned_abs()) * u128::from(basis_points), 10_000);
    i64::try_from(fee).unwrap_or(i64::MAX)
}

/// `whole × part / of`.
pub(super) fn share(whole: i64, part: i64, of: i64) -> i64 {
    let product = u128::from(whole.unsigned_abs()) * u128::from(part.unsigned_abs());
    i64::try_from(half_up(product, u128::from(of.unsigned_abs()))).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_of_the_design_comes_out() {
        assert_eq!(gross(4590, "NZD", 458_170_000, "CNY"), 21_030);
        assert_eq!(fee(4590, 160), 73);
        let back = |refunded| share(gross(refunded, "NZD", 458_170_000, "CNY") as i64, 12_230, 21_030);
        assert_eq!(back(1000), 2665);
        assert_eq!(back(2595) - back(1000), 4250);
        assert_eq!(share(21_030, 12_230, 21_030) - back(2595), 5315);
    }
}
