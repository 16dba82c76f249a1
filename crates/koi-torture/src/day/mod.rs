//! A day of the server, as a fixed list of acts, and the player that performs it.

pub(crate) mod performance;
pub(crate) mod player;
pub(crate) mod script;
