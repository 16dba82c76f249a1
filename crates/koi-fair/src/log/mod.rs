//! The log: an append-only Merkle tree in the formats of C2SP, which tools of others can read.

pub mod checkpoint;
pub mod note;
pub mod path;
pub mod tile;
pub mod tree;
