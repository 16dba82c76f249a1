//! Proofs against the reference tree, a naive tree, and every small change.

use proptest::prelude::*;

use super::super::tree::leaf_hash;
use super::super::tree::tests::{leaf_hashes, root as reference};
use super::*;

/// A tree of leaves.
struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    type Error = NotThere;

    fn node(&self, level: u32, index: u64) -> Result<Hash, NotThere> {
        InMemory(&self.0).node(level, index)
    }
}

fn leaves(count: u64) -> Leaves {
    Leaves((0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect())
}

fn hexes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(hex::encode).collect()
}

/// Proofs of the reference tree of Certificate Transparency (`cpp/merkletree/merkle_tree_test.cc`; the same in
/// transparency-dev/merkle, `testonly`).
#[test]
fn proofs_are_those_of_the_reference() {
    let tree = Leaves(leaf_hashes());
    let inclusion = |index, size| hexes(&inclusion(&tree, index, size).unwrap());
    assert_eq!(inclusion(0, 1), [""; 0]);
    assert_eq!(
        inclusion(0, 8),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
    assert_eq!(
        inclusion(5, 8),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(inclusion(2, 3), ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]);
    let consistency = |old, size| hexes(&consistency(&tree, old, size).unwrap());
    assert_eq!(consistency(1, 1), [""; 0]);
    assert_eq!(
        consistency(1, 8),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
    assert_eq!(
        consistency(6, 8),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        consistency(2, 5),
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ]
    );
    for size in 1..=8 {
        assert_eq!(root(&tree, size as u64).unwrap(), reference(size));
    }
}

/// Whether changes of a proof are refused: a hash that is another, missing, added, or in another place.
fn changes_are_refused(proof: &[Hash], check: impl Fn(&[Hash]) -> Result<(), ProofRefusal>) {
    for place in 0..proof.len() {
        for bit in [0, 100, 255] {
            let mut changed = proof.to_vec();
            changed[place][bit / 8] ^= 1 << (bit % 8);
            assert!(check(&changed).is_err());
        }
        let mut shorter = proof.to_vec();
        shorter.remove(place);
        assert!(matches!(check(&shorter), Err(ProofRefusal::Length { .. })));
        let mut swapped = proof.to_vec();
        swapped.rotate_left(place);
        assert!(swapped == proof || check(&swapped).is_err());
    }
    let longer = [proof, &[[0; 32]]].concat();
    assert!(matches!(check(&longer), Err(ProofRefusal::Length { .. })));
}

#[test]
fn a_tree_in_memory_has_no_subtree_beyond_its_end() {
    let tree = leaves(5);
    assert_eq!(tree.node(2, 1), Err(NotThere));
    assert_eq!(tree.node(0, 5), Err(NotThere));
    assert_eq!(tree.node(64, 0), Err(NotThere));
    assert_eq!(tree.node(1, u64::MAX), Err(NotThere));
    assert!(tree.node(2, 0).is_ok());
}

#[test]
fn every_proof_of_small_trees_is_accepted_and_no_other() {
    let tree = leaves(40);
    for size in 1..=40 {
        let root_now = root(&tree, size).unwrap();
        for index in 0..size {
            let proof = inclusion(&tree, index, size).unwrap();
            let leaf = &tree.0[usize::try_from(index).unwrap()];
            let check = |proof: &[Hash]| check_inclusion(leaf, index, size, proof, &root_now);
            assert_eq!(check(&proof), Ok(()), "{index} of {size}");
            changes_are_refused(&proof, check);
            for other in (0..size).filter(|other| *other != index) {
                assert!(
                    check_inclusion(leaf, other, size, &proof, &root_now).is_err(),
                    "{index} is not {other} of {size}"
                );
            }
            assert!(check_inclusion(&[7; 32], index, size, &proof, &root_now).is_err());
            assert!(check_inclusion(leaf, index, size, &proof, &[7; 32]).is_err());
        }
        let outside = ProofRefusal::Index { index: size, size };
        assert_eq!(check_inclusion(&tree.0[0], size, size, &[], &root_now), Err(outside));
        for old in 0..=size {
            let proof = consistency(&tree, old, size).unwrap();
            let old_root = root(&tree, old).unwrap();
            let check = |proof: &[Hash]| check_consistency(old, &old_root, size, &root_now, proof);
            assert_eq!(check(&proof), Ok(()), "{old} of {size}");
            changes_are_refused(&proof, check);
            assert!(check_consistency(old, &[7; 32], size, &root_now, &proof).is_err());
            if old > 0 {
                assert!(check_consistency(old, &old_root, size, &[7; 32], &proof).is_err());
            }
            for other in (1..size).filter(|other| *other != old && old > 0) {
                assert!(
                    check_consistency(other, &old_root, size, &root_now, &proof).is_err(),
                    "{old} is not {other}"
                );
            }
        }
        let reversed = ProofRefusal::Sizes { old: size + 1, size };
        assert_eq!(check_consistency(size + 1, &root_now, size, &root_now, &[]), Err(reversed));
    }
}

proptest! {
    #[test]
    fn proofs_of_larger_trees(size in 1..3000_u64, index in any::<proptest::sample::Index>(), old in any::<proptest::sample::Index>()) {
        let tree = leaves(size);
        let root_now = root(&tree, size).unwrap();
        prop_assert_eq!(root_now, root_of(&tree.0));
        let index = index.index(usize::try_from(size).unwrap());
        let proof = inclusion(&tree, index as u64, size).unwrap();
        prop_assert_eq!(check_inclusion(&tree.0[index], index as u64, size, &proof, &root_now), Ok(()));
        let old = old.index(usize::try_from(size).unwrap()) as u64 + 1;
        let proof = consistency(&tree, old, size).unwrap();
        let old_root = root(&tree, old).unwrap();
        prop_assert_eq!(check_consistency(old, &old_root, size, &root_now, &proof), Ok(()));
    }

    #[test]
    fn no_proof_of_any_size_makes_a_check_panic(
        index in any::<u64>(), size in any::<u64>(), old in any::<u64>(), proof in proptest::collection::vec(any::<[u8; 32]>(), 0..130),
    ) {
        prop_assert!(check_inclusion(&[1; 32], index, size, &proof, &[2; 32]).is_err());
        prop_assert!(check_consistency(old, &[1; 32], size, &[2; 32], &proof).is_err());
    }
}
