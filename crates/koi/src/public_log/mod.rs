//! The public log of an installation: what campaigns said and what became of their packets.
//!
//! [`witnesses`] asks others to cosign what the log says of itself.

pub mod witnesses;
