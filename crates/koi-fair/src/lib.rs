//! Luck that anyone can check. Usable without the rest of Koi: it knows nothing of campaigns or databases.
//!
//! Today it holds the packet rule of a sealed stock ([`packet`]), the local beacon that stands in for
//! public randomness ([`beacon`]), and the [`log`] that keeps what nobody may change later. Everything is
//! SHA-256, integers are big-endian, tags are ASCII ending in a newline.

pub mod beacon;
pub mod log;
pub mod packet;
