//! SQLite: one file, one writer, readers beside it.
//!
//! A transaction of the writer holds the database from its first read to its commit, so what is decided on
//! is what is changed. Commits are durable (`synchronous = FULL`); the write-ahead log is folded into the
//! database beside the writer.

mod backup;
mod copying;
mod fold;
mod folder;
mod indexes;
#[cfg(test)]
mod plans;
mod prefetch;
mod purchases;
mod reader;
mod schema;
mod sheets;
mod sorted;
mod sum;
mod table;
mod writer;

pub use backup::{backup, open_backup, restore};
pub(crate) use copying::Filling;
pub use folder::{Folder, Lock};
pub use indexes::Indexes;
pub use reader::{Reader, Totals};
pub use sorted::{Beside, Runs};
pub use table::api_key::ApiKey;
pub use writer::Writer;
