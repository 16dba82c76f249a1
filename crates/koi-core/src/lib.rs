//! The rules of Koi: pure functions over values.
//!
//! Nothing in this crate does I/O, waits, reads a clock, a random source or the environment, or knows
//! serde. Time and luck are arguments; money is an integer with a currency. A call is decided on the rows
//! of a batch in memory ([`decide::decide`]), an order of the office likewise ([`office::order`]); both
//! change the working set ([`rows::Rows`]), which the store then writes in one transaction. Packets move between cells in
//! [`cells`].

pub mod audit;
pub mod campaign;
pub mod catalog;
pub mod cells;
mod claim;
pub mod command;
pub mod coupon;
pub mod decide;
pub mod fault;
pub mod id;
pub mod idempotency;
pub mod ledger;
pub mod limits;
pub mod money;
pub mod office;
pub mod packet;
mod pay;
pub mod payment;
mod purchase;
pub mod quote;
mod refund;
pub mod refusal;
pub mod rows;
pub mod rules;
pub mod scene;
pub mod settle;
pub mod time;
mod void;
