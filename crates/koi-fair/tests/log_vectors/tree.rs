use koi_fair::log::{
    Leaves, TileKind, TilePath, TilePathError, TreeHash, bundle_of, consistency, entries_of, inclusion,
    verify_consistency, verify_inclusion,
};
use serde_json::{Value, json};

use crate::case;
use crate::texts::base64;

/// The entries of the reference tree of Certificate Transparency.
const REFERENCE: [&[u8]; 8] =
    [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];

fn reference() -> Leaves {
    Leaves(REFERENCE.iter().map(|entry| TreeHash::of_leaf(entry)).collect())
}

fn numbered(size: u64) -> Leaves {
    Leaves((0..size).map(|index| TreeHash::of_leaf(&index.to_be_bytes())).collect())
}

fn texts(hashes: &[TreeHash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

pub(crate) fn roots() -> Vec<Value> {
    let reference = (0..=REFERENCE.len()).map(|size| {
        let entries: Vec<String> = REFERENCE[..size].iter().map(|entry| base64(entry)).collect();
        json!({"name": format!("reference tree, {size}"), "entries": entries,
               "root": self::reference().root(size as u64).to_string()})
    });
    let numbered = [1, 2, 255, 256, 257, 65_536, 65_793, 70_000].map(|size| {
        let root = self::numbered(size).root(size).to_string();
        json!({"name": format!("numbered entries, {size}"), "numbered": size, "root": root})
    });
    reference.chain(numbered).collect()
}

fn flipped(hash: TreeHash) -> TreeHash {
    let mut hash = hash;
    hash.0[31] ^= 1;
    hash
}

/// Everything that is wrong with a list of hashes in some way.
fn wrong(proof: &[TreeHash]) -> Vec<(&'static str, Vec<TreeHash>)> {
    let mut wrong = vec![("a hash too many", [proof, &[TreeHash([0; 32])]].concat())];
    if let [first, rest @ ..] = proof {
        wrong.push(("a hash changed", [&[flipped(*first)], rest].concat()));
        wrong.push(("a hash missing", rest.to_vec()));
        wrong.push(("a hash twice", [&[*first], proof].concat()));
    }
    if let [first, second, rest @ ..] = proof {
        wrong.push(("two hashes swapped", [&[*second, *first], rest].concat()));
    }
    wrong
}

pub(crate) fn inclusions() -> Vec<Value> {
    let mut cases = Vec::new();
    let big = numbered(1000);
    let small = reference();
    for (tree, leaves, index, size) in [
        ("reference tree", &small, 0, 1),
        ("reference tree", &small, 0, 8),
        ("reference tree", &small, 5, 8),
        ("reference tree", &small, 2, 3),
        ("reference tree", &small, 1, 5),
        ("numbered entries", &big, 0, 1000),
        ("numbered entries", &big, 700, 1000),
        ("numbered entries", &big, 999, 1000),
    ] {
        let name = format!("{tree}, entry {index} of {size}");
        let (leaf, root) = (leaves.0[usize::try_from(index).unwrap()], leaves.root(size));
        let proof = inclusion(index, size, leaves).unwrap();
        let mut add = |name: &str, index, size, leaf, proof: &[TreeHash], root| {
            let given = json!({"index": index, "size": size, "leaf": TreeHash::to_string(&leaf),
                               "proof": texts(proof), "root": TreeHash::to_string(&root)});
            let result = verify_inclusion(index, size, &leaf, proof, &root);
            cases.push(case(name, given, result, |()| json!(true)));
        };
        add(&name, index, size, leaf, &proof, root);
        let refused = |what: &str| format!("refused: {name}, {what}");
        for (what, proof) in wrong(&proof) {
            add(&refused(what), index, size, leaf, &proof, root);
        }
        add(&refused("another leaf"), index, size, flipped(leaf), &proof, root);
        add(&refused("another root"), index, size, leaf, &proof, flipped(root));
        add(&refused("the index of nothing"), size, size, leaf, &proof, root);
        add(&refused("the next index"), index + 1, size, leaf, &proof, root);
        add(&refused("an empty log"), 0, 0, leaf, &[], TreeHash::of_nothing());
    }
    cases
}

pub(crate) fn consistencies() -> Vec<Value> {
    let mut cases = Vec::new();
    let big = numbered(1000);
    let small = reference();
    for (tree, leaves, old_size, size) in [
        ("reference tree", &small, 0, 0),
        ("reference tree", &small, 0, 8),
        ("reference tree", &small, 1, 1),
        ("reference tree", &small, 1, 8),
        ("reference tree", &small, 6, 8),
        ("reference tree", &small, 2, 5),
        ("reference tree", &small, 6, 7),
        ("numbered entries", &big, 256, 1000),
        ("numbered entries", &big, 700, 1000),
        ("numbered entries", &big, 999, 1000),
    ] {
        let name = format!("{tree}, {old_size} to {size}");
        let (old_root, root) = (leaves.root(old_size), leaves.root(size));
        let proof = consistency(old_size, size, leaves).unwrap();
        let mut add = |name: &str, old_size, size, old_root, root, proof: &[TreeHash]| {
            let given = json!({"old_size": old_size, "size": size, "old_root": TreeHash::to_string(&old_root),
                               "root": TreeHash::to_string(&root), "proof": texts(proof)});
            let result = verify_consistency(old_size, size, &old_root, &root, proof);
            cases.push(case(name, given, result, |()| json!(true)));
        };
        add(&name, old_size, size, old_root, root, &proof);
        let refused = |what: &str| format!("refused: {name}, {what}");
        for (what, proof) in wrong(&proof) {
            add(&refused(what), old_size, size, old_root, root, &proof);
        }
        add(&refused("another old root"), old_size, size, flipped(old_root), root, &proof);
        if old_size > 0 {
            add(&refused("another root"), old_size, size, old_root, flipped(root), &proof);
        }
        if old_size < size {
            add(&refused("sizes exchanged"), size, old_size, root, old_root, &proof);
        }
    }
    cases
}

pub(crate) fn tile_paths() -> Vec<Value> {
    let paths = [
        "tile/0/000",
        "tile/63/999.p/1",
        "tile/4/x001/x234/067",
        "tile/entries/x001/x234/067.p/17",
        "refused: tile/64/000",
        "refused: tile/00/000",
        "refused: tile/data/000",
        "refused: tile/0/0",
        "refused: tile/0/x000/001",
        "refused: tile/0/x001",
        "refused: tile/0/001/001",
        "refused: tile/0/000.p/0",
        "refused: tile/0/000.p/256",
        "refused: tile/0/000.p/01",
        "refused: tile/0/000/",
        "refused: /tile/0/000",
    ];
    let cases = paths.map(|name| {
        let path = name.strip_prefix("refused: ").unwrap_or(name);
        let result: Result<TilePath, TilePathError> = path.parse();
        case(name, json!({"path": path}), result, |path| {
            let kind = match path.kind() {
                TileKind::Hashes(level) => json!(level),
                TileKind::Entries => json!("entries"),
            };
            json!({"level": kind, "index": path.index(), "width": path.width()})
        })
    });
    cases.to_vec()
}

pub(crate) fn bundles() -> Vec<Value> {
    let entries: [&[u8]; 3] = [b"", b"a", b"bc"];
    let bundle = bundle_of(&entries).unwrap();
    let mut longer = bundle.clone();
    longer.push(0);
    let cases = [
        ("three entries", 3, &bundle[..]),
        ("refused: a byte missing", 3, &bundle[..bundle.len() - 1]),
        ("refused: a byte too many", 3, &longer),
        ("refused: an entry missing", 4, &bundle),
        ("refused: an entry too many", 2, &bundle),
    ];
    let cases = cases.map(|(name, width, bundle)| {
        let path = TilePath::new(TileKind::Entries, 0, width).unwrap();
        let given = json!({"width": width, "bundle": base64(bundle)});
        case(name, given, entries_of(&path, bundle), |entries| {
            json!(entries.into_iter().map(base64).collect::<Vec<_>>())
        })
    });
    cases.to_vec()
}
