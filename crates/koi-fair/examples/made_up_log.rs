//! Writes a made-up log to a folder, for who writes a verifier: the same bytes for the same arguments.
//!
//!     cargo run -p koi-fair --example made_up_log -- DIR --claims N --seed S [--wrong face|ordinal|missing]
//!
//! The folder then has the files of the log (`checkpoint`, `key`, `tile/…`), and beside them what a shopper was given
//! (`receipt.txt`, `proof.txt`), and the keys of the two witnesses that cosigned (`witnesses`, one a line).

use std::error::Error;
use std::path::{Path, PathBuf};

use koi_fair::verify::made_up::{MadeUp, Mistake};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut claims, mut seed, mut mistake) = (None, 1000, 1, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--claims" => claims = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            "--wrong" => {
                mistake = Some(match value()?.as_str() {
                    "face" => Mistake::Face,
                    "ordinal" => Mistake::Ordinal,
                    "missing" => Mistake::Missing,
                    other => return Err(format!("--wrong is face, ordinal or missing, not {other}").into()),
                });
            }
            _ if folder.is_none() && !argument.starts_with('-') => folder = Some(PathBuf::from(argument)),
            _ => return Err(format!("{argument} is not understood: DIR --claims N --seed S --wrong WHAT").into()),
        }
    }
    let folder = folder.ok_or("a folder is needed: DIR --claims N --seed S --wrong WHAT")?;
    let made = MadeUp::new(claims, seed, mistake)?;
    write(&folder, &made)?;
    println!("{}: {} leaves", folder.display(), made.leaves.len());
    let what = &made.promised;
    println!("receipt.txt is of {}, cell {}, ordinal {}", what.campaign, what.cell, what.ordinal);
    Ok(())
}

fn write(folder: &Path, made: &MadeUp) -> Result<(), Box<dyn Error>> {
    for (name, bytes) in made.files()? {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}
