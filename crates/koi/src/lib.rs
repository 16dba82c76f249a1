//! Koi: a self-hosted server for campaigns that give money and prizes away.
//!
//! The binary's parts: the [`engine`] turns commands into rows, `http` is the API, `cli` the command line.
//! There is no global state: one `App` is built in `serve` and passed down.

pub mod check;
pub mod cli;
mod connections;
mod document;
pub mod engine;
mod fields;
mod http;
mod jobs;
pub mod limits;
pub mod metrics;
mod pages;
pub mod public_log;
mod schema;
mod serve;
pub mod settings;
pub mod source;
mod vkey;
mod witness;
