//! Luck that anyone can check. Usable without the rest of Koi: it knows nothing of campaigns or databases.
//!
//! What is random is decided by public randomness of a round that nobody chose ([`beacon`]), by exact functions: who
//! wins a [`draw`], which packet a claim takes from a sealed stock ([`packet`]). All of them reduce hashes to
//! numbers in the same way ([`selection`]). What was committed and what came of it is said in statements ([`statement`]), with
//! which anybody can take the same packets again ([`replay`]), and kept in a [`log`] that nobody may change later. Who wants
//! to know whether all of it holds, [`verify`]s the public files. Everything is SHA-256, integers are big-endian, tags are
//! ASCII ending in a newline, so that a page of any language can do the same.

pub mod beacon;
pub mod canonical;
pub mod draw;
pub mod log;
pub mod packet;
pub mod replay;
pub mod selection;
pub mod statement;
pub mod verify;
