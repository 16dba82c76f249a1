//! Sums over rows that do not depend on their order.

/// Two lots of rows with the same sum are the same, but for accidents of one in 2¹²⁸.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    hashes: u128,
}

impl Sum {
    /// Adds a row.
    pub(super) fn add<const N: usize>(&mut self, row: [i64; N]) {
        let mixed = row.into_iter().fold(0, stirred);
        self.count += 1;
        self.hashes = self.hashes.wrapping_add(mixed.wrapping_mul(mixed | 1));
    }
}

/// The multiplier is that of a 128-bit linear congruential generator (L'Ecuyer 1999).
fn stirred(hash: u128, value: i64) -> u128 {
    let mixed = (hash ^ u128::from(value.cast_unsigned())).wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645);
    mixed ^ mixed >> 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum<const N: usize>(rows: &[[i64; N]]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(*row));
        sum
    }

    #[test]
    fn the_order_of_rows_does_not_count_and_everything_else_does() {
        let rows = [[1, 2], [3, 4], [-5, i64::MAX]];
        assert_eq!(sum(&rows), sum(&[rows[2], rows[0], rows[1]]));
        for other in [&[[1, 2], [3, 4]][..], &[[1, 4], [3, 2], rows[2]], &[[2, 1], rows[1], rows[2]]] {
            assert_ne!(sum(&rows), sum(other), "{other:?}");
        }
        assert_ne!(sum(&[[0, 0], [0, 0]]), sum(&[[0, 0]]));
    }
}
