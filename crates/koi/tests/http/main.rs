//! The HTTP API from outside: the real binary as a sandbox, over plain sockets.
//!
//! What a client library would hide is what is tested here, so requests are written by hand.

#![allow(missing_docs, reason = "tests")]

mod client;
mod codes;
mod connections;
mod folder;
mod hostile;
mod ledger;
mod lists;
mod log;
mod order;
mod pages;
#[allow(dead_code, reason = "shared with the tests of the store")]
#[path = "../../../koi-store/tests/postgres/server.rs"]
mod postgres;
mod processes;
mod replays;
mod roles;
mod server;
mod slow;
mod story;
