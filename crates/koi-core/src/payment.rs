//! A payment, and the refunds of it.
//!
//! `paid + deduction = gross`, and the merchant's amount, fee and net are the same with and without a
//! coupon. Refunds are computed cumulatively, each as the difference to the sums before it, so that after
//! the last one the shopper has back exactly what they paid, and the funder exactly the deduction.

use crate::id::{PaymentId, RefundId};
use crate::idempotency::Asked;
use crate::money::{gross, share};
use crate::quote::Quote;
use crate::time::Time;

/// A payment. What was bought stands in its quote.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Its number, that of its quote.
    pub id: PaymentId,
    /// When it was made.
    pub paid_at: Time,
    /// The merchant's fee, in the payment's currency.
    pub fee: i64,
    /// Refunded so far, in the payment's currency.
    pub refunded: i64,
    /// Of that the shopper's share, in the wallet's currency.
    pub refunded_shopper: i64,
    /// And the funder's.
    pub refunded_funder: i64,
    /// How many refunds.
    pub refunds: u32,
    /// Whether a refund gave the coupon back (then nothing was recovered).
    pub coupon_returned: bool,
    /// When and by which call it was cancelled.
    pub cancelled: Option<(Time, Asked)>,
}

/// A refund.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// Its payment and place.
    pub id: RefundId,
    /// How much, in the payment's currency.
    pub amount: i64,
    /// What the shopper gets, in the wallet's currency.
    pub shopper: i64,
    /// What goes to the funder.
    pub funder: i64,
    /// When.
    pub at: Time,
    /// The call that it answers.
    pub asked: Asked,
}

impl Payment {
    /// The payment as it was when it was made: what a repeated call is answered.
    pub fn as_paid(&self) -> Self {
        Self {
            refunded: 0,
            refunded_shopper: 0,
            refunded_funder: 0,
            refunds: 0,
            coupon_returned: false,
            cancelled: None,
            ..self.clone()
        }
    }
}

/// The sums of all refunds of a payment, in the wallet's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// What the shopper has back.
    pub shopper: i64,
    /// What the funder has back.
    pub funder: i64,
}

/// The sums once `refunded` of the purchase (from 0 to its whole amount, in its currency) is given back.
pub fn cumulative(quote: &Quote, refunded: i64) -> Shares {
    let whole = quote.gross.value;
    let amount = crate::money::Money { value: refunded, ..quote.amount };
    let given_back = match refunded {
        all if all == quote.amount.value => whole,
        // A part of the amount never has more gross than the whole; the bound keeps that true by type.
        _ => gross(amount, quote.rate, quote.gross.currency).unwrap_or(whole).min(whole),
    };
    let shopper = share(given_back, quote.payable().value, whole);
    Shares { shopper, funder: given_back - shopper }
}
