//! A log in files is the same tree as in memory, wherever it is stopped and gone on with.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::log::path::{check_consistency, check_inclusion, consistency, inclusion, root};
use crate::log::tree::{Hash, leaf_hash, root_of};

/// Files in memory; one that was written may not become another.
#[derive(Default)]
struct Memory {
    files: BTreeMap<String, Vec<u8>>,
    reads: RefCell<usize>,
}

impl Sink for Memory {
    type Error = Infallible;

    fn write(&mut self, name: TileName, bytes: &[u8]) -> Result<(), Infallible> {
        let before = self.files.insert(name.to_string(), bytes.to_vec());
        assert!(before.is_none_or(|before| before == bytes), "{name} was changed");
        Ok(())
    }
}

impl Files for Memory {
    fn read(&self, name: TileName) -> Result<Option<Vec<u8>>, String> {
        *self.reads.borrow_mut() += 1;
        Ok(self.files.get(&name.to_string()).cloned())
    }
}

fn leaf(number: u64) -> Vec<u8> {
    number.to_string().repeat(usize::try_from(number % 5).unwrap()).into_bytes()
}

fn written(size: u64) -> (TileWriter, Memory) {
    let (mut writer, mut memory) = (TileWriter::new(true), Memory::default());
    for number in 0..size {
        assert!(writer.push(&leaf(number), &mut memory).unwrap());
    }
    writer.write_edge(&mut memory).unwrap();
    (writer, memory)
}

/// Names of the specification (c2sp.org/tlog-tiles): `tile/0/x001/x234/067`, and partial ones.
#[test]
fn names_have_one_spelling() {
    let name = |level, index, width| TileName { level, index, width };
    for (path, expected) in [
        ("tile/0/x001/x234/067", name(Some(0), 1_234_067, 256)),
        ("tile/0/000", name(Some(0), 0, 256)),
        ("tile/1/000.p/1", name(Some(1), 0, 1)),
        ("tile/entries/x273/x123/100.p/255", name(None, 273_123_100, 255)),
        ("tile/7/999", name(Some(7), 999, 256)),
        ("tile/0/x018/x446/x744/x073/x709/x551/615", name(Some(0), u64::MAX, 256)),
    ] {
        assert_eq!(TileName::parse(path), Ok(expected), "{path}");
        assert_eq!(expected.to_string(), path);
    }
    for wrong in [
        "",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/x000/067",
        "tile/8/000",
        "tile/00/000",
        "tile/+0/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/data/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/-01",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(TileName::parse(wrong), Err(Unnamed), "{wrong}");
    }
}

#[test]
fn a_log_in_files_is_the_tree_of_its_leaves() {
    for size in [0, 1, 2, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 70_000] {
        let hashes: Vec<Hash> = (0..size).map(|number| leaf_hash(&leaf(number))).collect();
        let (writer, memory) = written(size);
        assert_eq!(writer.root(), root_of(&hashes), "{size}");
        let tiles = Tiles::new(&memory, size);
        assert_eq!(root(&tiles, size).unwrap(), writer.root(), "{size}");
        for index in [0, 1, 254, 255, 256, 257, 65_535, 65_536, 69_999].into_iter().filter(|index| *index < size) {
            let proof = inclusion(&tiles, index, size).unwrap();
            let place = usize::try_from(index).unwrap();
            assert_eq!(check_inclusion(&hashes[place], index, size, &proof, &writer.root()), Ok(()));
            assert_eq!(tiles.leaves(index / 256).unwrap()[place % 256], leaf(index));
        }
        for old in [1, 255, 256, 257, 999, 65_536].into_iter().filter(|old| *old <= size) {
            let proof = consistency(&tiles, old, size).unwrap();
            let old_root = root_of(&hashes[..usize::try_from(old).unwrap()]);
            assert_eq!(check_consistency(old, &old_root, size, &writer.root(), &proof), Ok(()), "{old} of {size}");
        }
    }
}

#[test]
fn a_proof_touches_few_files() {
    let (_, memory) = written(70_000);
    *memory.reads.borrow_mut() = 0;
    inclusion(&Tiles::new(&memory, 70_000), 12_345, 70_000).unwrap();
    assert!(*memory.reads.borrow() < 40, "{}", memory.reads.borrow());
}

#[test]
fn hashes_at_once_are_those_one_by_one() {
    let hashes: Vec<Hash> = (0..70_000).map(|number| leaf_hash(&leaf(number))).collect();
    let (mut at_once, mut files) = (TileWriter::new(false), Memory::default());
    for part in [3, 250, 3, 256, 40_000, 20_000, 0, 9488] {
        let from = usize::try_from(at_once.size()).unwrap();
        at_once.extend(&hashes[from..from + part], &mut files).unwrap();
    }
    at_once.write_edge(&mut files).unwrap();
    let (one_by_one, mut expected) = written(70_000);
    assert_eq!((at_once.size(), at_once.root()), (70_000, one_by_one.root()));
    expected.files.retain(|name, _| !name.starts_with("tile/entries/"));
    assert_eq!(files.files, expected.files);
}

#[test]
fn what_is_damaged_is_named() {
    let (writer, memory) = written(300);
    let damaged = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = memory.files.clone();
        change(files.get_mut(path).expect("such a file"));
        Memory { files, ..Memory::default() }
    };
    let resumed =
        |memory: &Memory| TileWriter::resume(memory, 300, &writer.root(), true).map(|writer| writer.root());
    assert_eq!(resumed(&memory), Ok(writer.root()));
    let edge = TileName { level: Some(0), index: 1, width: 44 };
    let shorter = damaged("tile/0/001.p/44", &|bytes| bytes.truncate(44 * 32 - 1));
    assert_eq!(resumed(&shorter), Err(TileRefusal::Length(edge, 44 * 32 - 1).into()));
    assert_eq!(resumed(&damaged("tile/0/001.p/44", &|bytes| bytes[7] ^= 1)), Err(Unresumed::Root));
    let bundle = TileName { level: None, index: 1, width: 44 };
    let longer = damaged("tile/entries/001.p/44", &|bytes| bytes.push(0));
    assert_eq!(resumed(&longer), Err(TileRefusal::Bundle(bundle).into()));
    let mut missing = damaged("tile/0/000", &|_| ());
    missing.files.remove("tile/0/001.p/44");
    assert_eq!(resumed(&missing), Err(TileRefusal::Missing(edge).into()));
    assert!(!TileWriter::new(true).push(&vec![0; LEAF_BYTES_MAX + 1], &mut Memory::default()).unwrap());
}

#[test]
fn a_full_tile_stands_in_for_its_beginnings() {
    let (_, mut memory) = written(600);
    memory.files.remove("tile/0/002.p/88");
    memory.files.remove("tile/entries/002.p/88");
    let one = memory.files["tile/1/000.p/2"][..32].to_vec();
    memory.files.insert("tile/1/000.p/1".into(), one);
    let early = Tiles::new(&memory, 300);
    assert_eq!(root(&early, 300).unwrap(), written(300).0.root());
    assert_eq!(early.leaves(1).unwrap().len(), 44);
}

proptest! {
    #[test]
    fn a_log_goes_on_where_it_was_stopped(parts in proptest::collection::vec(0..700_u64, 1..6)) {
        let (mut writer, mut memory) = written(0);
        let mut number = 0;
        for part in parts {
            for _ in 0..part {
                writer.push(&leaf(number), &mut memory).unwrap();
                number += 1;
            }
            writer.write_edge(&mut memory).unwrap();
            let root = writer.root();
            writer = TileWriter::resume(&memory, number, &root, true).unwrap();
        }
        let (whole, expected) = written(number);
        prop_assert_eq!(writer.root(), whole.root());
        // Beginnings of tiles are left over where it was stopped; all others are the same.
        for (name, bytes) in &expected.files {
            prop_assert_eq!(memory.files.get(name), Some(bytes), "{}", name);
        }
    }
}

/// What a log of 3,000,000 leaves takes; run it by name in a release build.
#[test]
#[ignore = "it measures"]
#[allow(clippy::disallowed_methods, reason = "it measures")]
fn three_million_leaves() {
    struct Nowhere(usize);
    impl Sink for Nowhere {
        type Error = Infallible;
        fn write(&mut self, _: TileName, bytes: &[u8]) -> Result<(), Infallible> {
            self.0 += bytes.len();
            Ok(())
        }
    }
    let leaves: Vec<[u8; 32]> = (0..3_000_000_u64).map(|number| leaf_hash(&number.to_be_bytes())).collect();
    let begun = std::time::Instant::now();
    let (mut writer, mut nowhere) = (TileWriter::new(false), Nowhere(0));
    writer.extend(&leaves, &mut nowhere).unwrap();
    println!("tiles and root of hashes: {:?}, {} bytes", begun.elapsed(), nowhere.0);
    let begun = std::time::Instant::now();
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    println!("hashes of leaves, one thread: {:?}", begun.elapsed());
    assert_eq!(hashes.len(), leaves.len());
}
