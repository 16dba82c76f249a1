//! What must never happen: a fault is not an answer to a shopper but the end of a command, and of the
//! trust in the rows that caused it.

/// A broken invariant. The command that meets one changes nothing and is answered 500; operators find
/// it in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A sum beyond 2⁶³ − 1.
    #[error("an amount exceeds 2^63 - 1")]
    Overflow,
    /// A bucket, a coupon's part or a stock would go below zero.
    #[error("an amount would go below zero")]
    Negative,
    /// A row that other rows name is not there.
    #[error("{0} is named but not there")]
    Missing(&'static str),
    /// Rows that contradict each other, or a sequence that is used up.
    #[error("{0}")]
    Broken(&'static str),
}
