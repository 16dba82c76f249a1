//! A number below n from hashes, without bias.
//!
//! A hash is a number below 2²⁵⁶, and its remainder modulo n would be a little more often small than large, unless
//! n is a power of two. So the hashes from the largest multiple of n on are rejected, and the next one is
//! taken: every number below n is then equally likely. A hash is rejected with a chance below n / 2²⁵⁶, so
//! there is in practice one; the rule is there so that nobody has to believe that.

use std::num::NonZeroU64;

/// The first of `hash(0)`, `hash(1)`, `hash(2)` …, as a big-endian number, that is below `floor(2²⁵⁶ / n) · n`, modulo `n`.
///
/// # Example
///
/// ```
/// use koi_fair::selection::first_below;
/// use std::num::NonZeroU64;
///
/// let n = NonZeroU64::new(10).ok_or("zero")?;
/// // 2²⁵⁶ − 1 is above the largest multiple of 10, so the next hash decides.
/// let hashes = [[0xFF; 32], [0x00; 32]];
/// assert_eq!(first_below(n, |attempt| hashes[attempt as usize]), 0);
/// # Ok::<(), &str>(())
/// ```
pub fn first_below(n: NonZeroU64, hash: impl Fn(u32) -> [u8; 32]) -> u64 {
    // That all of 2³² hashes are rejected has a chance below 2^(−192 · 2³²).
    (0..=u32::MAX).find_map(|attempt| remainder_without_bias(&hash(attempt), n)).unwrap_or(0)
}

/// `value mod n` of a 256-bit big-endian number if it is below `floor(2²⁵⁶ / n) · n`, else `None`: the numbers
/// from there on would favour small remainders.
pub fn remainder_without_bias(value: &[u8; 32], n: NonZeroU64) -> Option<u64> {
    let remainder_of_value = remainder(value, n);
    // 2²⁵⁶ mod n, from the largest number: (2²⁵⁶ − 1) mod n, plus one.
    let excess = (u128::from(remainder(&[0xFF; 32], n)) + 1) % u128::from(n.get());
    // Rejected: value ≥ 2²⁵⁶ − excess, that is 2²⁵⁶ − 1 − value < excess.
    let complement = value.map(|byte| !byte);
    let high_is_zero = complement[..24].iter().all(|byte| *byte == 0);
    let low = u64::from_be_bytes(std::array::from_fn(|place| complement[24 + place]));
    let rejected = high_is_zero && u128::from(low) < excess;
    (!rejected).then_some(remainder_of_value)
}

fn remainder(value: &[u8; 32], n: NonZeroU64) -> u64 {
    let rest = value.chunks_exact(8).fold(0_u128, |rest, limb| {
        let limb = u64::from_be_bytes(std::array::from_fn(|place| limb[place]));
        ((rest << 64) | u128::from(limb)) % u128::from(n.get())
    });
    u64::try_from(rest).unwrap_or(0) // below n
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn n(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).unwrap()
    }

    fn number(low: u64) -> [u8; 32] {
        let mut value = [0; 32];
        value[24..].copy_from_slice(&low.to_be_bytes());
        value
    }

    fn below_max(less: u8) -> [u8; 32] {
        let mut value = [0xFF; 32];
        value[31] -= less;
        value
    }

    #[test]
    fn remainders_are_those_of_the_whole_number() {
        assert_eq!(remainder(&number(17), n(5)), 2);
        let mut two_to_64 = [0; 32];
        two_to_64[23] = 1;
        assert_eq!(remainder(&two_to_64, n(10)), 6); // 18446744073709551616
        assert_eq!(remainder(&two_to_64, n(u64::MAX)), 1);
        assert_eq!(remainder(&[0xFF; 32], n(7)), 1); // 2^256 mod 7 = 2
    }

    #[test]
    fn numbers_that_would_favour_some_are_rejected() {
        // 2^256 mod 7 = 2: the two largest numbers are out.
        for (less, of, expected) in [
            (0, 7, None),
            (1, 7, None),
            (2, 7, Some(6)),
            // A power of two divides 2^256: nothing is out.
            (0, 8, Some(7)),
            (0, 1, Some(0)),
            (0, 1 << 63, Some((1 << 63) - 1)),
            // 2^256 mod (2^64 − 1) = 1: only the largest is out.
            (0, u64::MAX, None),
            (1, u64::MAX, Some(u64::MAX - 1)),
        ] {
            assert_eq!(remainder_without_bias(&below_max(less), n(of)), expected, "2^256 - 1 - {less} mod {of}");
        }
    }

    #[test]
    fn the_first_that_is_not_rejected_decides() {
        let hashes = [below_max(0), below_max(1), number(12), number(13)];
        assert_eq!(first_below(n(7), |attempt| hashes[attempt as usize]), 5);
    }

    proptest! {
        #[test]
        fn what_is_accepted_lies_in_a_whole_multiple(value in any::<[u8; 32]>(), near in any::<bool>(), of in 1_u64..) {
            // Half of the values are near the upper end, where the rule matters.
            let mut value = value;
            if near { value[..24].fill(0xFF); }
            // The last number of the same multiple, value − remainder + n − 1, must not pass 2^256 − 1.
            let room_is_small = value[..24].iter().all(|byte| *byte == 0xFF);
            let low = u64::from_be_bytes(value[24..].try_into().unwrap());
            let rest = remainder(&value, n(of));
            let fits = !room_is_small || u128::from(low) + u128::from(of - 1 - rest) <= u128::from(u64::MAX);
            prop_assert_eq!(remainder_without_bias(&value, n(of)), fits.then_some(rest));
        }
    }
}
