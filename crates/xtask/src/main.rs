//! The rules of the source tree, as checks that run with the tests.
//!
//! `cargo run -p xtask` prints every finding of the tree, `cargo run -p xtask -- dependencies` those of the
//! crates that it is built from. Each rule is a line of a table beside its reason; where the tree breaks
//! one today, a ratchet holds the number, which may only go down.

mod checks;
mod dependencies;
mod finding;
mod rust;
mod tree;

use std::process::ExitCode;

use anyhow::Result;

use crate::finding::Finding;
use crate::tree::Tree;

const USAGE: &str = "usage: xtask [tree | dependencies]";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let findings = match (arguments.next().as_deref(), arguments.next()) {
        (None | Some("tree"), None) => Tree::of_workspace().map(|tree| checks::all(&tree)),
        (Some("dependencies"), None) => dependencies::check(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    report(findings)
}

fn report(findings: Result<Vec<Finding>>) -> ExitCode {
    match findings {
        Ok(findings) => {
            findings.iter().for_each(|finding| println!("{finding}"));
            println!("{} findings", findings.len());
            if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
