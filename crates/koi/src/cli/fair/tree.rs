//! `koi fair tree`: the Merkle tree of leaves, and the proofs of it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use koi_fair::log::{Leaves, TreeHash, consistency, inclusion};
use serde::Serialize;

use super::{refuse, say};
use crate::cli::Ended;

const AFTER_HELP: &str = "\
The file has one leaf a line, in hexadecimal; an empty line is an empty leaf. The tree is that of RFC 6962, section 2.1. \
A proof's hashes stand from the leaf up, as in RFC 9162.

Example:
  koi fair tree leaves.txt --prove 2

Exit status:
  0  the size and the root were written, and the proof if one was asked for
  1  there is no such leaf, or no tree so old; the reason is said
  2  it was called wrongly, or the file is wrong";

/// Computes the root of a Merkle tree, and proofs of it
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct TreeCommand {
    /// The leaves, one a line in hexadecimal
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Proves that this leaf is in the tree; the first one is 0
    #[arg(long, value_name = "I")]
    prove: Option<u64>,
    /// Proves that the tree of the first M leaves is the beginning of this one
    #[arg(long, value_name = "M", conflicts_with = "prove")]
    consistency: Option<u64>,
}

/// A tree, and what was asked to be proven of it.
#[derive(Serialize)]
struct Tree {
    size: u64,
    root: String,
    #[serde(flatten)]
    asked: Option<Proof>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Proof {
    Inclusion { index: u64, leaf_hash: String, proof: Vec<String> },
    Consistency { old_size: u64, old_root: String, proof: Vec<String> },
}

impl TreeCommand {
    pub(super) fn run(self) -> Ended {
        let leaves = leaves(&self.file)?;
        let size = leaves.0.len() as u64;
        let asked = match (self.prove, self.consistency) {
            (Some(index), _) => {
                let Some(leaf) = usize::try_from(index).ok().and_then(|index| leaves.0.get(index)) else {
                    return refuse(
                        "index_outside",
                        &format!("there is no leaf {index} of {size}: the first one is 0"),
                    );
                };
                let proof = hexes(&inclusion(index, size, &leaves)?);
                Some(Proof::Inclusion { index, leaf_hash: hex::encode(leaf.0), proof })
            }
            (None, Some(old_size)) if old_size > size => {
                let detail = format!("a tree of {old_size} leaves is not the beginning of one of {size}");
                return refuse("sizes_reversed", &detail);
            }
            (None, Some(old_size)) => {
                let old_root = hex::encode(leaves.root(old_size).0);
                let proof = hexes(&consistency(old_size, size, &leaves)?);
                Some(Proof::Consistency { old_size, old_root, proof })
            }
            (None, None) => None,
        };
        say(&Tree { size, root: hex::encode(leaves.root(size).0), asked })
    }
}

fn hexes(hashes: &[TreeHash]) -> Vec<String> {
    hashes.iter().map(|hash| hex::encode(hash.0)).collect()
}

/// The hashes of the leaves.
fn leaves(path: &Path) -> anyhow::Result<Leaves> {
    let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    let mut hashes = Vec::new();
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let line = line.with_context(|| format!("{}, line {number}", path.display()))?;
        match hex::decode(&line) {
            Ok(leaf) => hashes.push(TreeHash::of_leaf(&leaf)),
            Err(why) => bail!("{}, line {number}: write a leaf in hexadecimal: {why}", path.display()),
        }
    }
    Ok(Leaves(hashes))
}
