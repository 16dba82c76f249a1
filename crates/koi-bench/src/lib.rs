//! The engine of `koi bench`: how fast is this machine, and does Koi keep its bars on it?
//!
//! Machines differ and are noisy, so a figure counts as a **ratio measured side by side in one run**.
//! The benchmark is a black box: it starts `koi serve --sandbox` as its users would, sets the stage
//! through the HTTP contract, and loads it over loopback. The story of one run:
//!
//! 1. `machine` says what it runs on, `disk` how long one fdatasync takes.
//! 2. `bars::hot_path` measures an empty server: claims beside requests that are only parsed
//!    (bar 1), the tail at half that rate (bar 6), quotes and payments (bar 7).
//! 3. `bars::compare` measures the same claims beside a Redis script (bar 2), a transaction of PostgreSQL for each
//!    (bar 3) and Koi on PostgreSQL (bar 4).
//! 4. `bars::stored` fills a server with coupons and measures it full (bar 5), its memory (bar 8), how
//!    it starts (bar 9) and how it is checked (bar 10).
//! 5. In place of all bars, `bars::scaling` puts numbers of cells and of servers on PostgreSQL beside each other.
//! 6. [`Report`] holds it all, as a table and as JSON.
//!
//! The load comes from `load`, a single-threaded event loop light enough to share two cores with
//! the server that it measures. `site` joins a server, its stage and the people who visit it.
//!
//! Every child process is ended by its own handle, every folder is temporary, and every loop is bounded
//! in count or time; `limits` names the bounds.
#![allow(
    clippy::float_arithmetic,
    reason = "rates and ratios are measurements, not money; no amount is computed here"
)]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock: that is what it is for")]

mod bars;
mod call;
mod disk;
mod limits;
mod load;
mod machine;
mod memory;
mod metrics;
mod options;
mod peer;
mod people;
mod postgres;
mod process;
mod processor;
mod progress;
mod random;
mod redis;
mod report;
mod run;
mod site;
mod spec;
mod stage;
mod table;

#[cfg(test)]
mod fake_server;

pub use bars::scaling::Scaling;
pub use limits::{CELLS_MAX, CONNECTIONS_MAX, COUPONS_MAX, ROUNDS_MAX, SECONDS_MAX, SECONDS_MIN, SERVERS_MAX};
pub use machine::Machine;
pub use options::Options;
pub use peer::{PeerClaim, PeerCoupon, PeerOutcome};
pub use postgres::PostgresPeer;
pub use progress::{Progress, on_standard_error};
pub use redis::{CLAIM_LUA, redis_arguments, redis_keys};
pub use report::{Bar, Compared, Report, Spread};
pub use run::run;
pub use spec::{COMPARED_BARS, MEASURED_BARS, Sense};
