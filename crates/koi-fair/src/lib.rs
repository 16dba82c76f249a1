//! Luck that anyone can check. Usable without the rest of Koi: it knows nothing of campaigns or databases.
//!
//! Today it holds the packet rule of a sealed stock ([`packet`]) and the local beacon that stands in for
//! public randomness ([`beacon`]). Everything is SHA-256, integers are big-endian, tags are ASCII ending in a newline.

pub mod beacon;
pub mod log;
pub mod packet;
