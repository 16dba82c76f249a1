//! The auditor: what must be true, from the history alone.
//!
//! The model is told what was asked and what was answered, in the order of each shopper's own requests,
//! and works out everything else by itself: what each answer may say, which refusals are justified,
//! where every fen lies at any instant. It shares no code with the server. Expiry is not an event here
//! but a question asked of the time, so nothing has to be "run" when the clock moves.

pub(crate) mod arithmetic;
pub(crate) mod buckets;
pub(crate) mod coupon;
pub(crate) mod expectation;
pub(crate) mod fields;
pub(crate) mod rules;
mod witness;
pub(crate) mod world;

#[cfg(test)]
mod tests;
