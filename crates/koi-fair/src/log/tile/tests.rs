use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::log::{
    AppendError, Frontier, HashSource, Leaves, Node, TreeHash, consistency, inclusion, verify_consistency,
    verify_inclusion,
};

fn entries(size: u64) -> Vec<Vec<u8>> {
    // Of many lengths, some of them empty.
    (0..size).map(|index| index.to_be_bytes().repeat(usize::try_from(index % 5).unwrap())).collect()
}

fn leaves(entries: &[Vec<u8>]) -> Leaves {
    Leaves(entries.iter().map(|entry| TreeHash::of_leaf(entry)).collect())
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn written(entries: &[Vec<u8>]) -> (TileWriter, Folder) {
    let (mut writer, folder) = (TileWriter::new(), Folder::default());
    writer.append(entries, &folder).unwrap();
    writer.write_partial(&folder).unwrap();
    (writer, folder)
}

fn contents(folder: &Folder) -> Vec<(TilePath, Vec<u8>)> {
    folder.paths().into_iter().map(|path| (path, folder.read(&path).unwrap())).collect()
}

#[test]
fn a_path_has_one_spelling() {
    use TileKind::{Entries, Hashes};
    for (kind, index, width, path) in [
        (Hashes(0), 0, 256, "tile/0/000"),
        (Hashes(63), 999, 1, "tile/63/999.p/1"),
        (Hashes(3), 1000, 255, "tile/3/x001/000.p/255"),
        // The example of the specification.
        (Hashes(4), 1_234_067, 256, "tile/4/x001/x234/067"),
        (Entries, 1_234_067, 17, "tile/entries/x001/x234/067.p/17"),
        (Entries, u64::MAX, 256, "tile/entries/x018/x446/x744/x073/x709/x551/615"),
    ] {
        let made = TilePath::new(kind, index, width).unwrap();
        assert_eq!(made.to_string(), path);
        assert_eq!(path.parse(), Ok(made));
        if let (Hashes(level), true) = (kind, width == 256) {
            // Theirs has the height of the tile in front.
            let theirs = tlog_tiles::Tile::new(8, level, index, u32::from(width), false).path();
            assert!(theirs.ends_with(path.strip_prefix("tile/").unwrap()), "{theirs}");
        }
    }
    for (path, error) in [
        ("", TilePathError::Shape),
        ("tile", TilePathError::Shape),
        ("tile/0", TilePathError::Shape),
        ("/tile/0/000", TilePathError::Shape),
        ("tile/64/000", TilePathError::Shape),
        ("tile/00/000", TilePathError::Shape),
        ("tile/+1/000", TilePathError::Shape),
        ("tile/data/000", TilePathError::Shape),
        ("tile/0/", TilePathError::Index),
        ("tile/0/0", TilePathError::Index),
        ("tile/0/0000", TilePathError::Index),
        ("tile/0/x000/001", TilePathError::Index),
        ("tile/0/x001", TilePathError::Index),
        ("tile/0/001/001", TilePathError::Index),
        ("tile/0/x001/x001", TilePathError::Index),
        ("tile/0/x01/001", TilePathError::Index),
        ("tile/0/x001//001", TilePathError::Index),
        ("tile/0/x018/x446/x744/x073/x709/x551/616", TilePathError::Index),
        ("tile/0/-01", TilePathError::Index),
        ("tile/0/000.p/0", TilePathError::Width),
        ("tile/0/000.p/256", TilePathError::Width),
        ("tile/0/000.p/01", TilePathError::Width),
        ("tile/0/000.p/", TilePathError::Width),
        ("tile/0/000.p/1/2", TilePathError::Width),
        ("tile/0/000.p/1.p/1", TilePathError::Width),
        ("tile/0/000/", TilePathError::Index),
        ("tile/0/000\n", TilePathError::Index),
    ] {
        assert_eq!(path.parse::<TilePath>(), Err(error), "{path:?}");
    }
    assert_eq!(TilePath::new(Hashes(64), 0, 1), Err(TilePathError::Shape));
    assert_eq!(TilePath::new(Hashes(0), 0, 0), Err(TilePathError::Width));
    assert_eq!(TilePath::new(Hashes(0), 0, 257), Err(TilePathError::Width));
}

#[test]
fn a_log_has_the_tiles_of_the_specification() {
    // https://c2sp.org/tlog-tiles, "Partial Tiles": the examples of 70,000 and of 256 entries.
    let (_, folder) = written(&entries(70_000));
    let count = |kind, partial: bool| {
        folder.paths().iter().filter(|path| path.kind() == kind && path.is_partial() == partial).count()
    };
    assert_eq!(count(TileKind::Hashes(0), false), 273);
    assert_eq!(count(TileKind::Entries, false), 273);
    assert_eq!(count(TileKind::Hashes(1), false), 1);
    let partial: Vec<String> =
        folder.paths().iter().filter(|path| path.is_partial()).map(ToString::to_string).collect();
    let expected = ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"];
    assert_eq!(partial, expected);
    assert_eq!(folder.paths().len(), 273 * 2 + 1 + 4);

    let (_, folder) = written(&entries(256));
    let paths: Vec<String> = folder.paths().iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
    assert!(written(&[]).1.paths().is_empty());
}

#[test]
fn tiles_are_those_of_another_implementation() {
    /// Nodes for their tiles, from our tree.
    struct Nodes(Leaves);
    impl tlog_tiles::HashReader for Nodes {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
            let nodes = indexes.iter().map(|index| {
                let (level, index) = tlog_tiles::split_stored_hash_index(*index);
                Node { level, index }
            });
            let hashes = self.0.hashes(&nodes.collect::<Vec<_>>()).unwrap();
            Ok(hashes.into_iter().map(|hash| tlog_tiles::Hash(hash.0)).collect())
        }
    }
    let entries = entries(66_000);
    let (writer, folder) = written(&entries);
    let nodes = Nodes(leaves(&entries));
    assert_eq!(tlog_tiles::tree_hash(66_000, &nodes).unwrap().0, writer.root().0);
    for path in folder.paths() {
        if let TileKind::Hashes(level) = path.kind() {
            let theirs = tlog_tiles::Tile::new(8, level, path.index(), u32::from(path.width()), false);
            assert_eq!(theirs.read_data(&nodes).unwrap(), folder.read(&path).unwrap(), "{path}");
        }
    }
}

#[test]
fn bundles_are_read_back_strictly() {
    let path = TilePath::new(TileKind::Entries, 0, 3).unwrap();
    let bundle = bundle_of(&["", "a", "bc"]).unwrap();
    assert_eq!(bundle, b"\x00\x00\x00\x01a\x00\x02bc");
    assert_eq!(entries_of(&path, &bundle), Ok(vec![&b""[..], b"a", b"bc"]));
    for cut in 0..bundle.len() {
        assert!(matches!(entries_of(&path, &bundle[..cut]), Err(BundleError::Cut { .. })), "{cut}");
    }
    let longer = [&bundle[..], &[0]].concat();
    assert_eq!(entries_of(&path, &longer), Err(BundleError::Trailing { bytes: 1 }));
    assert_eq!(bundle_of(&[vec![0; 65_536]]), None);
    let longest = [vec![7; 65_535]];
    let path = TilePath::new(TileKind::Entries, 0, 1).unwrap();
    assert_eq!(entries_of(&path, &bundle_of(&longest).unwrap()), Ok(vec![&longest[0][..]]));
}

#[test]
fn an_entry_that_is_too_long_adds_nothing() {
    let (mut writer, folder) = written(&entries(10));
    let root = writer.root();
    let refused = writer.append(&[vec![1], vec![0; 65_536]], &folder);
    assert_eq!(refused, Err(AppendError::EntryTooLong { place: 1, bytes: 65_536 }));
    assert_eq!((writer.size(), writer.root()), (10, root));
}

/// Fails at one write, once.
struct Failing<'a>(&'a Folder, Mutex<usize>);

impl TileSink for Failing<'_> {
    type Error = &'static str;

    fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), &'static str> {
        let mut left = self.1.lock().unwrap();
        *left = left.wrapping_sub(1);
        if *left == 0 {
            return Err("the disk is full");
        }
        let Ok(()) = self.0.write(path, bytes);
        Ok(())
    }
}

#[test]
fn a_write_that_fails_adds_nothing_and_can_be_made_again() {
    let entries = entries(1000);
    let whole = written(&entries);
    for count in [1, 2] {
        for failing in 1..=6 {
            let (mut writer, folder) = written(&entries[..100]);
            writer = writer.with_threads(threads(count));
            let root = writer.root();
            let sink = Failing(&folder, Mutex::new(failing));
            assert_eq!(writer.append(&entries[100..], &sink), Err(AppendError::Sink("the disk is full")));
            assert_eq!((writer.size(), writer.root()), (100, root));
            writer.append(&entries[100..], &sink).unwrap();
            assert_eq!(writer.root(), whole.0.root());
        }
    }
}

#[test]
fn what_does_not_belong_to_the_root_is_not_gone_on_with() {
    let (writer, folder) = written(&entries(300));
    let resume = |size, root: &TreeHash| TileWriter::resume(size, root, &folder).map(|writer| writer.root());
    assert_eq!(resume(300, &writer.root()), Ok(writer.root()));
    assert_eq!(resume(300, &TreeHash([0; 32])), Err(ResumeError::RootDiffers));
    assert!(matches!(resume(301, &writer.root()), Err(ResumeError::Tile(TileError::Source { .. }))));
    assert_eq!(resume(Frontier::SIZE_MAX + 1, &writer.root()), Err(ResumeError::TooLarge));
    let path = "tile/entries/001.p/44".parse().unwrap();
    let mut bundle = folder.read(&path).unwrap();
    *bundle.last_mut().unwrap() ^= 1;
    let Ok(()) = folder.write(&path, &bundle);
    assert_eq!(resume(300, &writer.root()), Err(ResumeError::BundleDiffers));
}

#[test]
fn an_audit_finds_every_file_that_is_touched() {
    let entries = entries(66_000);
    let (writer, folder) = written(&entries);
    let (size, root) = (writer.size(), writer.root());
    let run = |depth| audit(&folder, size, &root, depth, threads(2));
    assert_eq!(run(AuditDepth::Entries), Ok(()));
    assert_eq!(
        audit(&folder, size, &TreeHash([0; 32]), AuditDepth::Hashes, threads(2)),
        Err(AuditError::RootDiffers)
    );
    let some = folder.paths().into_iter().enumerate();
    for (_, path) in some.filter(|(place, path)| path.is_partial() || place % 37 == 0) {
        let bytes = folder.read(&path).unwrap();
        let mut flipped = bytes.clone();
        let at = flipped.len() * 2 / 3;
        flipped[at] ^= 1;
        let Ok(()) = folder.write(&path, &flipped);
        assert!(run(AuditDepth::Entries).is_err(), "{path}");
        assert_eq!(run(AuditDepth::Hashes).is_err(), path.kind() != TileKind::Entries, "{path}");
        let Ok(()) = folder.write(&path, &bytes[1..]);
        assert!(run(AuditDepth::Entries).is_err(), "{path}");
        folder.remove(&path);
        let missing = AuditError::Tile(TileError::Source { path, error: NoSuchTile });
        assert_eq!(run(AuditDepth::Entries), Err(missing));
        let Ok(()) = folder.write(&path, &bytes);
    }
    assert_eq!(run(AuditDepth::Entries), Ok(()));
    assert_eq!(audit(&Folder::default(), 0, &TreeHash::of_nothing(), AuditDepth::Entries, threads(2)), Ok(()));
}

/// A log of any size whose entries are all the same, made up as it is read; counts its reads.
struct Alike(AtomicUsize);

impl Alike {
    fn hash(level: u8) -> TreeHash {
        (0..level).fold(TreeHash::of_leaf(b"alike"), |hash, _| TreeHash::of_node(&hash, &hash))
    }
}

impl TileSource for Alike {
    type Error = NoSuchTile;

    fn read(&self, path: &TilePath) -> Result<Vec<u8>, NoSuchTile> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let TileKind::Hashes(level) = path.kind() else { return Err(NoSuchTile) };
        Ok(Self::hash(8 * level).0.repeat(usize::from(path.width())))
    }
}

#[test]
fn a_proof_in_a_large_log_reads_few_tiles() {
    let (source, size) = (Alike(AtomicUsize::new(0)), 300_000_000);
    let reader = TileReader::new(&source, size);
    let peaks = crate::log::tree::peaks(0, size);
    let root = crate::log::tree::root_of_peaks(&reader.hashes(&peaks).unwrap());
    for index in [0, 1, 123_456_789, size - 1] {
        let before = source.0.load(Ordering::Relaxed);
        let proof = inclusion(index, size, &reader).unwrap();
        assert_eq!(verify_inclusion(index, size, &Alike::hash(0), &proof, &root), Ok(()), "{index}");
        let reads = source.0.load(Ordering::Relaxed) - before;
        assert!(reads <= 8, "{reads} tiles for {index}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_entries_come_in_the_files_are_the_same(
        cuts in proptest::collection::vec(0..1500_usize, 0..6), count in 1..4_usize, resumed: bool,
    ) {
        let size: usize = cuts.iter().sum();
        let entries = entries(size as u64);
        let (at_once, whole) = written(&entries);
        let (mut writer, folder) = (TileWriter::new().with_threads(threads(count)), Folder::default());
        let mut rest = &entries[..];
        for cut in cuts {
            let (now, later) = rest.split_at(cut);
            writer.append(now, &folder).unwrap();
            rest = later;
            if resumed {
                writer.write_partial(&folder).unwrap();
                writer = TileWriter::resume(writer.size(), &writer.root(), &folder).unwrap();
            }
        }
        writer.write_partial(&folder).unwrap();
        prop_assert_eq!(writer.root(), at_once.root());
        prop_assert_eq!(writer.root(), leaves(&entries).root(size as u64));
        prop_assert_eq!(writer.frontier().size(), size as u64);
        let files = contents(&folder);
        // Stopping on the way leaves partial tiles behind; all others are the same.
        for file in contents(&whole) {
            prop_assert!(files.contains(&file));
        }
        prop_assert!(resumed || files.len() == whole.paths().len());
    }

    #[test]
    fn proofs_from_tiles_are_those_from_leaves(size in 1..3000_u64, index in 0..3000_u64, old in 0..3000_u64) {
        let (index, old) = (index % size, old % (size + 1));
        let entries = entries(size);
        let leaves = leaves(&entries);
        let (writer, folder) = written(&entries);
        let reader = TileReader::new(&folder, size);
        let proof = inclusion(index, size, &reader).unwrap();
        prop_assert_eq!(&proof, &inclusion(index, size, &leaves).unwrap());
        let leaf = leaves.0[usize::try_from(index).unwrap()];
        prop_assert_eq!(verify_inclusion(index, size, &leaf, &proof, &writer.root()), Ok(()));
        let proof = consistency(old, size, &reader).unwrap();
        prop_assert_eq!(&proof, &consistency(old, size, &leaves).unwrap());
        prop_assert_eq!(verify_consistency(old, size, &leaves.root(old), &writer.root(), &proof), Ok(()));
        prop_assert!(inclusion(0, size + 1, &reader).is_err());
    }

    #[test]
    fn no_text_is_taken_for_another_path(path in "(tile/)?[0-9entrisx/.p]{0,24}") {
        if let Ok(parsed) = path.parse::<TilePath>() {
            prop_assert_eq!(parsed.to_string(), path);
        }
    }
}
