//! Holds a draw that never was, and writes all that would be published of it.
//!
//!     cargo run -p koi-fair --example made_up_draw -- DIR 1000
//!
//! takes a folder and the number of entries, and writes there: `log/` (the statement log with its `checkpoint` and `key`),
//! `early` (the checkpoint that was cosigned before the round), `entries/` (the tiles of the entry log), `exclusions.txt`, and the proofs of the
//! first entrant (`proof.json`) and of the winner (`winner.json`). The same arguments make the same bytes. Then it audits what it wrote.

use std::error::Error;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use koi_fair::draw::audit::{DrawFiles, audit};
use koi_fair::draw::made_up::Plan;
use koi_fair::log::{TilePath, TileSink, TileSource, TileWriter};

/// A folder of tiles and bundles.
struct Files(PathBuf);

impl TileSink for Files {
    type Error = io::Error;

    fn write(&self, path: &TilePath, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.join(path.to_string());
        fs::create_dir_all(file.parent().unwrap_or(&self.0))?;
        fs::write(file, bytes)
    }
}

impl TileSource for Files {
    type Error = io::Error;

    fn read(&self, path: &TilePath) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path.to_string()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder, and the number of entries")?);
    let entries = arguments.next().map_or(Ok(1_000), |number| number.parse())?;

    let plan = Plan { entries, ..Plan::small() };
    let (log, files) = (Files(folder.join("log")), Files(folder.join("entries")));
    let root = plan.write_entries(&files, NonZeroUsize::MIN)?;
    let draw = plan.hold(root)?;

    let mut writer = TileWriter::new();
    writer.append(&draw.statements, &log)?;
    writer.write_partial(&log)?;
    fs::write(folder.join("log/checkpoint"), draw.latest.to_string())?;
    fs::write(folder.join("log/key"), format!("{}\n", plan.signer()?.verifier()))?;
    fs::write(folder.join("early"), draw.in_log.checkpoint.to_string())?;
    fs::write(folder.join("exclusions.txt"), &draw.exclusions)?;
    let proof = draw.proof(&files, 0)?;
    fs::write(folder.join("proof.json"), proof.text()?)?;
    fs::write(folder.join("winner.json"), draw.proof(&files, proof.winner)?.text()?)?;
    println!("{}", proof.verify(&plan.trust()?, Some(&draw.exclusions))?);

    let public = DrawFiles {
        early: &draw.in_log.checkpoint,
        latest: &draw.latest,
        entries: &files,
        exclusions: &draw.exclusions,
    };
    let audited = audit(&plan.draw, &draw.statements, &public, &plan.trust()?, NonZeroUsize::MIN)?;
    println!("audited: {} entries, reserves {:?}", audited.seal.entries, audited.outcome.reserves);
    Ok(())
}
