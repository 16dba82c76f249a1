//! `koi fair`: the functions of verifiable luck, each by itself, from public bytes alone.
//!
//! Each command writes one line of JSON. What cannot be accepted or drawn is said there too, as a `reason`, which is a
//! code, and a `detail` in words.

mod beacon;
mod chain;
mod draw;
mod note;
mod packet;
mod parse;
mod round;
mod tree;

use clap::Subcommand;
use serde::Serialize;

use super::{Ended, Ending, terminal};

/// Recomputes what luck has decided, from public bytes alone
#[derive(Subcommand)]
pub(super) enum FairCommand {
    Beacon(beacon::BeaconCommand),
    Round(round::RoundCommand),
    Outcome(draw::OutcomeCommand),
    PoolKey(packet::PoolKeyCommand),
    Packets(packet::PacketsCommand),
    Tree(tree::TreeCommand),
    Note(note::NoteCommand),
}

impl FairCommand {
    pub(super) fn run(self) -> Ended {
        match self {
            FairCommand::Beacon(beacon) => beacon.run(),
            FairCommand::Round(round) => round.run(),
            FairCommand::Outcome(outcome) => outcome.run(),
            FairCommand::PoolKey(pool_key) => pool_key.run(),
            FairCommand::Packets(packets) => packets.run(),
            FairCommand::Tree(tree) => tree.run(),
            FairCommand::Note(note) => note.run(),
        }
    }
}

/// Why there is no answer.
#[derive(Serialize)]
struct No {
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<bool>,
    reason: String,
    detail: String,
}

/// Writes an answer as one line of JSON.
fn say(answer: &impl Serialize) -> Ended {
    terminal::print(&serde_json::to_string(answer)?)?;
    Ok(Ending::Well)
}

/// Writes why there is none.
fn refuse(reason: &str, detail: &impl ToString) -> Ended {
    say(&No { valid: None, reason: reason.to_owned(), detail: detail.to_string() })?;
    Ok(Ending::NotWell)
}
