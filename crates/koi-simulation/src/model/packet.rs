//! The sealed stock, computed byte by byte as fairness.md words it. Only the local beacon's signatures are not
//! computed twice: whether they are right is checked where they are made.

use koi_fair::beacon::{Chain, local_randomness};
use sha2::{Digest, Sha256};

/// The packet that the claim with an ordinal takes, of `total` above zero, in cell 0.
pub(super) fn pick(key: &[u8; 32], ordinal: u64, total: u64) -> u64 {
    let mut attempt = 0_u32;
    loop {
        let mut text = b"koi/packet/v1\n".to_vec();
        text.extend_from_slice(key);
        text.extend_from_slice(&0_u32.to_be_bytes());
        text.extend_from_slice(&ordinal.to_be_bytes());
        text.extend_from_slice(&attempt.to_be_bytes());
        let value: [u8; 32] = Sha256::digest(&text).into();
        if is_fair(value, total) {
            return modulo(&value, total);
        }
        attempt += 1;
    }
}

/// The key of the pool of rules that were stated at an instant. The chain is the sandbox's local one, whose rounds
/// anybody can sign: one every 3 seconds from 2000-01-01T00:00:00Z, the first of which has number 1.
pub(super) fn pool_key(secret: &[u8; 32], starts_at_ms: i64, stated_at_ms: i64) -> [u8; 32] {
    let sealed_at_ms = (starts_at_ms - 60_000).max(stated_at_ms + 3000);
    let since_genesis_ms = u64::try_from(sealed_at_ms - 946_684_800_000).unwrap_or(0);
    let round = since_genesis_ms.div_ceil(3000) + 1;
    let mut text = b"koi/pool-key/v1\n".to_vec();
    text.extend_from_slice(secret);
    text.extend_from_slice(Chain::local().hash());
    text.extend_from_slice(&round.to_be_bytes());
    text.extend_from_slice(&local_randomness(round));
    Sha256::digest(&text).into()
}

fn modulo(value: &[u8; 32], total: u64) -> u64 {
    let rest = value.iter().fold(0_u128, |rest, byte| (rest * 256 + u128::from(*byte)) % u128::from(total));
    u64::try_from(rest).unwrap_or(0)
}

/// Whether the value is below `floor(2^256 / total) · total`, which is 2^256 less what 2^256 leaves over: adding that
/// much must not carry out of 32 bytes.
fn is_fair(value: [u8; 32], total: u64) -> bool {
    let over = (0..256).fold(1 % u128::from(total), |rest, _| rest * 2 % u128::from(total));
    let mut carry = over;
    for byte in value.iter().rev() {
        carry = (carry + u128::from(*byte)) >> 8;
        // The low bits stay in the sum, which nobody needs; what is left of `over` moves on with the carry.
    }
    carry == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_would_favour_small_remainders_are_drawn_again() {
        // 2^256 mod 7 = 2: the two largest values are out.
        let mut value = [0xFF; 32];
        assert!(!is_fair(value, 7));
        value[31] = 0xFE;
        assert!(!is_fair(value, 7));
        value[31] = 0xFD;
        assert!(is_fair(value, 7));
        assert!(is_fair([0xFF; 32], 8) && is_fair([0xFF; 32], 1));
    }

    #[test]
    fn a_remainder_is_that_of_the_whole_number() {
        let mut value = [0; 32];
        value[23] = 1; // 2^64
        assert_eq!(modulo(&value, 10), 6);
        assert_eq!(modulo(&[0xFF; 32], 7), 1);
    }
}
