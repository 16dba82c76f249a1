//! PostgreSQL: any number of processes, each with writers that take the cells of their batch, and readers beside them.
//!
//! ```text
//! begin   one round trip, pipelined:  BEGIN · lock the cells' rows in their order · one SELECT per table and key
//!         one more, if need be:       what those rows name in turn (a quote its coupon, a coupon what holds it)
//! commit  one round trip, pipelined:  one INSERT or UPDATE per table, with arrays of values
//!         one round trip:             COMMIT, once every row count is what it must be
//! ```
//! Every batch needs the rows of its cells anyway, for their numbers. Locked first, they make READ COMMITTED as safe as
//! SQLite's one writer: what is read after them stays true until the commit. Batches of other cells do not meet.
//!
//! Nor does a batch lock anything that all cells have in common, and yet it is never decided on a campaign that has
//! changed. The catalog's revision is read after the cells are locked, and who changes a campaign has all cells: so its
//! change was committed before any of the batch's cells could be locked, and is seen, or it waits for the batch to end.
//! Other orders have the treasury. One may commit beside a batch of another cell that has read the revision before it:
//! then the batch counts as the earlier one, of which the order reads nothing; and whoever begins after the order's answer
//! sees it. Orders follow each other by the revision itself, which each moves on from the one that it was decided on.
//!
//! A batch that finds another revision than the one that is known reads what was written since (`catalog`), with its cells
//! locked, and goes on. An order that needs none of its cells may commit meanwhile, and is seen: then the batch counts as
//! the later one.
//!
//! Locks are taken in one order by everybody: cells from the lowest on, when a transaction begins; then the revision and
//! the sandbox's clock, when it ends.
//!
//! A statement on a table that carries the load (see `table`) is generated in two forms: over many cells, and pinned
//! to one, `cell = $1`, which Citus sends to the one node that has the cell. There the pinned one is sent for each cell,
//! and a transaction has one cell if it can.
//!
//! A writer and a reader are synchronous: the thread that calls them waits, and drives the connection meanwhile. They
//! must not be called on a thread that runs asynchronous tasks.

mod address;
mod administer;
mod catalog;
mod changes;
mod copying;
mod distribute;
mod due;
mod error;
mod form;
mod link;
mod notes;
mod prefetch;
mod probe;
mod purchases;
mod reader;
#[cfg(test)]
mod rules;
mod schema;
#[allow(dead_code, reason = "shared with the tests beside this crate")]
#[cfg(test)]
#[path = "../../tests/postgres/server.rs"]
mod server;
mod session;
mod sheets;
mod table;
mod tls;
mod walk;
mod writer;

pub use crate::sqlite::{ApiKey, Totals};
pub use address::{AddressError, Database};
pub(crate) use copying::Filling;
pub use reader::Reader;
pub use schema::{CELLS, Standing};
pub use writer::Writer;
