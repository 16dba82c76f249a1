//! The Merkle tree of RFC 6962 (section 2.1; RFC 9162 says the same): its hashes, and its root as it grows.
//!
//! A leaf is hashed with a zero byte before it, a node with a one before its two children, so that neither can pass for
//! the other. A tree of any size is made of complete subtrees whose sizes are powers of two; they are all that has to be
//! kept to go on.
//!
//! ```
//! use koi_fair::log::tree::{Peaks, leaf_hash};
//!
//! let mut peaks = Peaks::default();
//! peaks.push(leaf_hash(b"first"));
//! peaks.push(leaf_hash(b"second"));
//! assert_eq!(peaks.size(), 2);
//! assert_eq!(peaks.root(), koi_fair::log::tree::node_hash(&leaf_hash(b"first"), &leaf_hash(b"second")));
//! ```

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// The hash of a leaf: `SHA256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// The hash of a node: `SHA256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One block less is copied than if the parts were given one by one.
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root of hashes that stand side by side, each the root of a complete subtree of the same size; there may be any
/// number of them.
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut peaks = Peaks::default();
    hashes.iter().for_each(|hash| peaks.push(*hash));
    peaks.root()
}

/// The roots of the complete subtrees that a tree is made of, the largest first: at most 64 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    size: u64,
    hashes: Vec<Hash>,
}

impl Peaks {
    /// The peaks of a tree of so many leaves; `None` when their number is not the one that the size needs.
    pub fn of(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The peaks, the largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds a leaf, by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // As many subtrees become part of a larger one as the size ends in ones.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let above = |right: Hash, left: &Hash| node_hash(left, &right);
        let mut peaks = self.hashes.iter().rev();
        match peaks.next() {
            Some(last) => peaks.fold(*last, above),
            None => empty_root(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The leaves of the reference tree of Certificate Transparency (github.com/google/certificate-transparency,
    /// `cpp/merkletree/merkle_tree_test.cc`; transparency-dev/merkle has the same in `testonly`).
    pub(in crate::log) const LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    /// Their roots, from one leaf to eight (the same source).
    pub(in crate::log) const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    pub(in crate::log) fn leaf_hashes() -> Vec<Hash> {
        LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect()
    }

    pub(in crate::log) fn root(size: usize) -> Hash {
        hex::decode(ROOTS[size - 1]).unwrap().try_into().unwrap()
    }

    #[test]
    fn roots_are_those_of_the_reference() {
        let mut peaks = Peaks::default();
        assert_eq!(hex::encode(peaks.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (place, hash) in leaf_hashes().into_iter().enumerate() {
            peaks.push(hash);
            assert_eq!(peaks.root(), root(place + 1), "{} leaves", place + 1);
            let again = Peaks::of(peaks.size(), peaks.hashes().to_vec());
            assert_eq!(again, Some(peaks.clone()));
        }
        assert_eq!(Peaks::of(7, vec![[0; 32]; 2]), None);
    }
}
