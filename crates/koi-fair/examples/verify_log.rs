//! Verifies the folder of a log with the library alone, and says how long it took.
//!
//!     cargo run --release -p koi-fair --example verify_log -- DIR

use std::collections::BTreeSet;
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

use koi_fair::log::Quorum;
use koi_fair::verify::{Asked, Directory, check_log};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder is needed")?;
    let asked = Asked {
        key: None,
        quorum: Quorum::new(vec![], 0)?,
        campaigns: BTreeSet::new(),
        papers: Vec::new(),
        coupons: Vec::new(),
        threads: NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN),
    };
    let begun = Instant::now();
    let checked = check_log(&folder, &Directory(folder.clone().into()), &asked, &|_, _, _| {})?;
    println!("{}", serde_json::to_string_pretty(&checked)?);
    println!("{} ms", begun.elapsed().as_millis());
    Ok(())
}
