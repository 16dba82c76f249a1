//! How long a log of many entries takes: writing its tiles, a proof, an audit.
//!
//!     cargo run --release -p koi-fair --example log_timing -- 3000000 2
//!
//! takes the number of entries (of 32 bytes) and of threads. The files go nowhere, or into memory for the
//! second part; the third number leaves that out when it is 0: memory then stays the same for any log.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use koi_fair::log::{
    AuditDepth, Folder, TileKind, TilePath, TileReader, TileSink, TileWriter, TreeHash, audit, inclusion,
    verify_inclusion,
};

/// Counts files and bytes.
#[derive(Default)]
struct Counted {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl TileSink for Counted {
    type Error = Infallible;

    fn write(&self, _: &TilePath, bytes: &[u8]) -> Result<(), Infallible> {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Entries like those of a draw: hashes, as far as anybody can tell.
fn entries(first: u64, count: u64) -> Vec<[u8; 32]> {
    let entry = |index: u64| {
        let mixed = index.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        let mut entry = [0; 32];
        entry.as_chunks_mut::<8>().0.fill(mixed);
        entry
    };
    (first..first + count).map(entry).collect()
}

/// Appends in pieces of 65,536 entries.
fn write<S: TileSink<Error = Infallible>>(size: u64, threads: NonZeroUsize, sink: &S) -> TileWriter {
    let mut writer = TileWriter::new().with_threads(threads);
    while writer.size() < size {
        let piece = entries(writer.size(), (size - writer.size()).min(65_536));
        writer.append(&piece, sink).expect("no entry is too long");
    }
    let Ok(()) = writer.write_partial(sink);
    writer
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let size = numbers.first().copied().unwrap_or(3_000_000);
    let threads = numbers.get(1).and_then(|count| usize::try_from(*count).ok()).and_then(NonZeroUsize::new);
    let threads = threads.unwrap_or(NonZeroUsize::MIN);

    let counted = Counted::default();
    let begun = Instant::now();
    let writer = write(size, threads, &counted);
    let took_ms = begun.elapsed().as_millis();
    println!("{size} entries, {threads} threads: root {} in {took_ms} ms", writer.root());
    let (files, bytes) = (counted.files.into_inner(), counted.bytes.into_inner());
    println!("{files} files of {bytes} bytes together");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("memory at most: {line}");
    }
    if numbers.get(2) == Some(&0) {
        return;
    }

    let folder = Folder::default();
    let begun = Instant::now();
    write(size, threads, &folder);
    println!("the same into memory: {} ms", begun.elapsed().as_millis());

    let reader = TileReader::new(&folder, size);
    let begun = Instant::now();
    let proof = inclusion(size / 3, size, &reader).expect("all tiles are there");
    println!("a proof of {} hashes: {} µs", proof.len(), begun.elapsed().as_micros());
    let leaf = TreeHash::of_leaf(&entries(size / 3, 1)[0]);
    let begun = Instant::now();
    let verified = verify_inclusion(size / 3, size, &leaf, &proof, &writer.root());
    println!("checked: {verified:?} in {} µs", begun.elapsed().as_micros());

    for depth in [AuditDepth::Hashes, AuditDepth::Entries] {
        let begun = Instant::now();
        let audited = audit(&folder, size, &writer.root(), depth, threads);
        println!("audit of {depth:?}: {audited:?} in {} ms", begun.elapsed().as_millis());
    }
    let bundles = folder.paths().iter().filter(|path| path.kind() == TileKind::Entries).count();
    println!("{bundles} bundles");
}
