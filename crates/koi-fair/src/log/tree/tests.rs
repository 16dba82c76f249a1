use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;

use super::*;
use crate::log::TreeHash;

/// A hash from hexadecimal.
fn hash(hex: &str) -> TreeHash {
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    TreeHash(std::array::from_fn(byte))
}

/// The entries of the reference tree of Certificate Transparency, and of all trees that were tested with it.
const ENTRIES: [&[u8]; 8] =
    [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];

/// The roots over the first 0 to 8 of them: transparency-dev/merkle, testonly/constants.go, as in
/// google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Index, size and hashes: the same source, its verifier's tests.
const INCLUSIONS: &[(u64, u64, &[&str])] = &[
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        &[
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

/// Old size, size and hashes: the same source (testdata/consistency, happy paths).
const CONSISTENCIES: &[(u64, u64, &[&str])] = &[
    (1, 1, &[]),
    (
        1,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];

fn reference() -> Leaves {
    Leaves(ENTRIES.iter().map(|entry| TreeHash::of_leaf(entry)).collect())
}

fn numbered(size: u64) -> Leaves {
    Leaves((0..size).map(|index| TreeHash::of_leaf(&index.to_be_bytes())).collect())
}

#[test]
fn the_roots_are_those_of_the_reference_tree() {
    let leaves = reference();
    let mut tree = Frontier::new();
    for (size, root) in (0..).zip(ROOTS) {
        assert_eq!(leaves.root(size), hash(root), "{size}");
        assert_eq!(tree.root(), hash(root), "{size}");
        if let Some(entry) = ENTRIES.get(usize::try_from(size).unwrap()) {
            tree.append(TreeHash::of_leaf(entry));
        }
    }
}

#[test]
fn the_proofs_are_those_of_the_reference_tree() {
    let leaves = reference();
    let root = |size: u64| hash(ROOTS[usize::try_from(size).unwrap()]);
    for (index, size, proof) in INCLUSIONS {
        let proof: Vec<TreeHash> = proof.iter().map(|hex| hash(hex)).collect();
        assert_eq!(inclusion(*index, *size, &leaves).unwrap(), proof, "{index} in {size}");
        let leaf = leaves.0[usize::try_from(*index).unwrap()];
        assert_eq!(verify_inclusion(*index, *size, &leaf, &proof, &root(*size)), Ok(()));
    }
    for (old_size, size, proof) in CONSISTENCIES {
        let proof: Vec<TreeHash> = proof.iter().map(|hex| hash(hex)).collect();
        assert_eq!(consistency(*old_size, *size, &leaves).unwrap(), proof, "{old_size} to {size}");
        assert_eq!(verify_consistency(*old_size, *size, &root(*old_size), &root(*size), &proof), Ok(()));
    }
}

#[test]
fn proofs_of_every_small_tree_are_those_of_another_implementation() {
    let mut other = MemoryBackedTree::<sha2::Sha256, [u8; 8]>::new();
    let leaves = numbered(70);
    for size in 1..=70_u64 {
        other.push((size - 1).to_be_bytes());
        assert_eq!(other.root().as_bytes().as_slice(), leaves.root(size).0);
        for index in 0..size {
            let theirs = other.prove_inclusion(usize::try_from(index).unwrap());
            let ours = inclusion(index, size, &leaves).unwrap();
            assert_eq!(theirs.as_bytes(), ours.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
            assert_eq!(
                verify_inclusion(
                    index,
                    size,
                    &leaves.0[usize::try_from(index).unwrap()],
                    &ours,
                    &leaves.root(size)
                ),
                Ok(())
            );
        }
        for old_size in 1..size {
            let theirs = other.prove_consistency(usize::try_from(size - old_size).unwrap());
            let ours = consistency(old_size, size, &leaves).unwrap();
            assert_eq!(theirs.as_bytes(), ours.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
            let roots = (leaves.root(old_size), leaves.root(size));
            assert_eq!(verify_consistency(old_size, size, &roots.0, &roots.1, &ours), Ok(()));
        }
    }
}

#[test]
fn refusals_give_the_first_reason() {
    let leaves = reference();
    let (old, root) = (leaves.root(6), leaves.root(8));
    let leaf = leaves.0[5];
    let proof = inclusion(5, 8, &leaves).unwrap();
    let check = |index, size, proof: &[TreeHash]| verify_inclusion(index, size, &leaf, proof, &root);
    assert_eq!(check(8, 8, &proof), Err(ProofError::IndexOutOfRange));
    assert_eq!(check(0, 0, &[]), Err(ProofError::IndexOutOfRange));
    assert_eq!(check(5, 8, &proof[..2]), Err(ProofError::TooShort { needed: 3, given: 2 }));
    assert_eq!(check(5, 8, &[&proof[..], &proof[..1]].concat()), Err(ProofError::TooLong { needed: 3, given: 4 }));
    assert_eq!(check(4, 8, &proof), Err(ProofError::RootDiffers));
    assert_eq!(check(u64::MAX - 1, u64::MAX, &proof), Err(ProofError::TooShort { needed: 63, given: 3 }));

    let proof = consistency(6, 8, &leaves).unwrap();
    let check = |old_size, size, proof: &[TreeHash]| verify_consistency(old_size, size, &old, &root, proof);
    assert_eq!(check(8, 6, &proof), Err(ProofError::SizesOutOfOrder));
    assert_eq!(check(6, 8, &proof[..2]), Err(ProofError::TooShort { needed: 3, given: 2 }));
    assert_eq!(check(6, 6, &proof), Err(ProofError::TooLong { needed: 0, given: 3 }));
    assert_eq!(check(0, 8, &proof), Err(ProofError::TooLong { needed: 0, given: 3 }));
    assert_eq!(check(0, 8, &[]), Err(ProofError::OldRootDiffers));
    assert_eq!(check(8, 8, &[]), Err(ProofError::RootDiffers));
    assert_eq!(check(5, 8, &proof[..]), Err(ProofError::TooShort { needed: 4, given: 3 }));
    assert_eq!(verify_consistency(6, 8, &root, &root, &proof), Err(ProofError::OldRootDiffers));
    assert_eq!(verify_consistency(6, 8, &old, &old, &proof), Err(ProofError::RootDiffers));
    assert_eq!(verify_consistency(0, 0, &TreeHash::of_nothing(), &TreeHash::of_nothing(), &[]), Ok(()));
}

#[test]
fn what_is_not_there_cannot_be_proved() {
    let leaves = reference();
    assert_eq!(inclusion(8, 8, &leaves), Err(MakeError::IndexOutOfRange { index: 8, size: 8 }));
    assert_eq!(consistency(8, 7, &leaves), Err(MakeError::SizesOutOfOrder { old_size: 8, size: 7 }));
    let missing = Node { level: 3, index: 1 };
    assert_eq!(inclusion(0, 16, &leaves), Err(MakeError::Source(NoSuchNode { node: missing })));
    let far = Node { level: 63, index: u64::MAX };
    assert_eq!(leaves.hashes(&[far]), Err(NoSuchNode { node: far }));
}

#[test]
fn a_frontier_goes_on_only_from_what_fits() {
    let edge = vec![TreeHash([1; 32]); 3];
    assert_eq!(Frontier::resume(8, edge.clone()), Err(FrontierError::EdgeLength { size: 8, needed: 1, given: 3 }));
    let size = Frontier::SIZE_MAX + 1;
    assert_eq!(Frontier::resume(size, edge.clone()), Err(FrontierError::TooLarge { size }));
    assert!(Frontier::resume(7, edge).is_ok());
}

/// Everything that a hand could do to a list of hashes.
fn mutations(proof: &[TreeHash], at: usize, bit: u8) -> Vec<Vec<TreeHash>> {
    let mut made = vec![[proof, &[TreeHash([bit; 32])]].concat(), [&[TreeHash([bit; 32])], proof].concat()];
    if !proof.is_empty() {
        let at = at % proof.len();
        let mut flipped = proof.to_vec();
        flipped[at].0[usize::from(bit / 8)] ^= 1 << (bit % 8);
        let mut dropped = proof.to_vec();
        dropped.remove(at);
        let mut swapped = proof.to_vec();
        swapped.swap(at, (at + 1) % proof.len());
        let mut doubled = proof.to_vec();
        doubled.insert(at, proof[at]);
        made.extend([flipped, dropped, swapped, doubled]);
    }
    made.retain(|mutation| mutation != proof);
    made
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inclusion_holds_and_no_mutation_does(size in 1..700_u64, index in 0..700_u64, at in 0..64_usize, bit: u8) {
        let (index, leaves) = (index % size, numbered(size));
        let (leaf, root) = (leaves.0[usize::try_from(index).unwrap()], leaves.root(size));
        let proof = inclusion(index, size, &leaves).unwrap();
        prop_assert_eq!(verify_inclusion(index, size, &leaf, &proof, &root), Ok(()));
        for mutation in mutations(&proof, at, bit) {
            prop_assert!(verify_inclusion(index, size, &leaf, &mutation, &root).is_err());
        }
        for other in (0..size + 2).chain([u64::MAX, 1 << 63]).filter(|other| *other != index) {
            prop_assert!(verify_inclusion(other, size, &leaf, &proof, &root).is_err());
        }
        let flip = |hash: &TreeHash| {
            let mut hash = *hash;
            hash.0[usize::from(bit / 8)] ^= 1 << (bit % 8);
            hash
        };
        prop_assert_eq!(
            verify_inclusion(index, size, &flip(&leaf), &proof, &root), Err(ProofError::RootDiffers));
        prop_assert_eq!(
            verify_inclusion(index, size, &leaf, &proof, &flip(&root)), Err(ProofError::RootDiffers));
        // Another size with the root that belongs to it.
        prop_assert!(verify_inclusion(index, size, &leaf, &proof, &numbered(size + 1).root(size + 1)).is_err());
    }

    #[test]
    fn consistency_holds_and_no_mutation_does(size in 1..700_u64, old in 0..700_u64, at in 0..64_usize, bit: u8) {
        let (old_size, leaves) = (old % (size + 1), numbered(size));
        let (old_root, root) = (leaves.root(old_size), leaves.root(size));
        let proof = consistency(old_size, size, &leaves).unwrap();
        prop_assert_eq!(verify_consistency(old_size, size, &old_root, &root, &proof), Ok(()));
        for mutation in mutations(&proof, at, bit) {
            prop_assert!(verify_consistency(old_size, size, &old_root, &root, &mutation).is_err());
        }
        let flip = |hash: &TreeHash| {
            let mut hash = *hash;
            hash.0[usize::from(bit / 8)] ^= 1 << (bit % 8);
            hash
        };
        prop_assert!(verify_consistency(old_size, size, &flip(&old_root), &root, &proof).is_err());
        // From nothing everything is consistent: there the root is vouched for by the signature alone.
        if old_size > 0 {
            prop_assert!(verify_consistency(old_size, size, &old_root, &flip(&root), &proof).is_err());
        }
        // A tree that differs in one leaf of the old part.
        if old_size > 0 {
            let mut forged = leaves.clone();
            forged.0[at % usize::try_from(old_size).unwrap()] = TreeHash([bit; 32]);
            let proof = consistency(old_size, size, &forged).unwrap();
            prop_assert!(verify_consistency(old_size, size, &old_root, &forged.root(size), &proof).is_err());
        }
    }

    #[test]
    fn adding_one_by_one_is_the_same_as_all_at_once(size in 0..700_u64, stop in 0..700_u64) {
        let leaves = numbered(size);
        let mut tree = Frontier::new();
        for (leaf, index) in leaves.0.iter().zip(0..) {
            if index == stop {
                tree = Frontier::resume(tree.size(), tree.edge().to_vec()).unwrap();
            }
            tree.append(*leaf);
        }
        prop_assert_eq!(tree.root(), leaves.root(size));
        prop_assert_eq!(tree.size(), size);
        prop_assert_eq!(u32::try_from(tree.edge().len()).unwrap(), size.count_ones());
    }
}
