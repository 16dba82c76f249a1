//! The three roundings of the contract, worked out a second time.
//!
//! All amounts are minor units of currencies with two decimals; a rate counts 1/100,000,000.

/// A rate of one.
pub(crate) const RATE_ONE_E8: i64 = 100_000_000;
/// Basis points of the whole.
const BPS_WHOLE: i128 = 10_000;

fn half_up(numerator: i128, denominator: i128) -> i64 {
    let rounded = (2 * numerator + denominator) / (2 * denominator);
    i64::try_from(rounded).expect("the harness plans no amounts beyond 64 bits")
}

/// What a purchase is in the campaign's currency.
pub(crate) fn gross(amount: i64, rate_e8: i64) -> i64 {
    half_up(i128::from(amount) * i128::from(rate_e8), i128::from(RATE_ONE_E8))
}

/// What the merchant pays for being paid.
pub(crate) fn fee(amount: i64, fee_bps: i64) -> i64 {
    half_up(i128::from(amount) * i128::from(fee_bps), BPS_WHOLE)
}

/// What a payment is about, as far as refunds go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paid {
    pub(crate) amount: i64,
    pub(crate) rate_e8: i64,
    pub(crate) gross: i64,
    pub(crate) paid: i64,
}

/// The shares of all refunds of a payment together, once `refunded` of its amount has been given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shares {
    pub(crate) shopper: i64,
    pub(crate) funder: i64,
}

pub(crate) fn cumulative_shares(payment: Paid, refunded: i64) -> Shares {
    let whole = refunded == payment.amount;
    let cum_gross = if whole { payment.gross } else { gross(refunded, payment.rate_e8) };
    let shopper = half_up(i128::from(cum_gross) * i128::from(payment.paid), i128::from(payment.gross));
    Shares { shopper, funder: cum_gross - shopper }
}

/// A rate as the contract writes it: a decimal string of up to 8 places.
pub(crate) fn rate_text(rate_e8: i64) -> String {
    format!("{}.{:08}", rate_e8 / RATE_ONE_E8, rate_e8 % RATE_ONE_E8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_E8: i64 = 458_170_000;

    #[test]
    fn the_worked_example_of_the_domain_page() {
        assert_eq!(gross(4590, RATE_E8), 21_030);
        assert_eq!(fee(4590, 160), 73);
        assert_eq!(rate_text(RATE_E8), "4.58170000");
        let payment = Paid { amount: 4590, rate_e8: RATE_E8, gross: 21_030, paid: 12_230 };
        check_refunds(payment, &[(1000, 2665, 1917), (1595, 4250, 3058), (1995, 5315, 3825)]);
    }

    #[test]
    fn three_thirds_do_not_pay_a_fen_too_much() {
        let payment = Paid { amount: 4590, rate_e8: RATE_E8, gross: 21_030, paid: 12_230 };
        check_refunds(payment, &[(1530, 4077, 2933), (1530, 4076, 2934), (1530, 4077, 2933)]);
    }

    #[test]
    fn a_half_is_rounded_up() {
        assert_eq!(gross(1, 150_000_000), 2);
        assert_eq!(gross(1, 149_999_999), 1);
        assert_eq!(fee(5000, 1), 1);
        assert_eq!(fee(4999, 1), 0);
    }

    fn check_refunds(payment: Paid, expect: &[(i64, i64, i64)]) {
        let (mut refunded, mut before) = (0, Shares::default());
        for &(amount, shopper, funder) in expect {
            refunded += amount;
            let sum = cumulative_shares(payment, refunded);
            assert_eq!((sum.shopper - before.shopper, sum.funder - before.funder), (shopper, funder));
            before = sum;
        }
        assert_eq!((before.shopper, before.funder), (payment.paid, payment.gross - payment.paid));
    }
}
