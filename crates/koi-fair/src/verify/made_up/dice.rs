//! Numbers that look random and are the same for the same seed, on every machine and in every language.

use sha2::{Digest, Sha256};

/// `SHA256("koi/made-up/v1\n" ‖ BE64(seed) ‖ BE64(k))`, k = 0, 1, 2 …, of each the first eight bytes.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// 32 bytes.
    pub(super) fn bytes(&mut self) -> [u8; 32] {
        let hash = Sha256::new().chain_update(b"koi/made-up/v1\n").chain_update(self.seed.to_be_bytes());
        let hash = hash.chain_update(self.thrown.to_be_bytes()).finalize();
        self.thrown += 1;
        hash.into()
    }

    /// A number below `n`, which is above 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let bytes = self.bytes();
        // How evenly they fall does not matter here.
        u64::from_be_bytes(std::array::from_fn(|place| bytes[place])) % n.max(1)
    }

    /// Whether something happens that happens `of` times in a thousand.
    pub(super) fn happens(&mut self, of: u64) -> bool {
        self.below(1000) < of
    }
}
