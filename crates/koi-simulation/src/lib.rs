//! The simulation: the whole server in one process beside an auditor that knows every answer.
//!
//! Everything random comes from one seed: the world ([`ask`]), what is asked, which calls of the store fail and when
//! the server dies. The real pipeline over a real database carries the calls out; the [`model`], written from the
//! contract alone, says what each answer had to be and what has to be stored. The same seed is always the same run.
//! On PostgreSQL the stock may be scattered over cells, and several servers may take turns, as the seed says.

pub mod ask;
mod audit;
pub mod bugs;
pub mod databases;
mod faults;
mod luck;
pub mod model;
pub mod seen;
mod server;
pub mod simulation;
mod translate;
mod workload;
mod world;
