//! Indices and packets are spread evenly over 100,000 rounds, and the test that says so finds rules that are not fair.
//!
//! `rounds_of_the_local_chain_spread_evenly` takes 100,000 rounds as they are: signed, and hashed to randomness. For the other
//! tests randomness is derived by a hash, which is as good and takes no time. A fair rule exceeds a limit once in a
//! million; as all rounds are fixed, a test that passed passes again. Beside each fair rule stand such as are not: they must be found.

use koi_fair::beacon::local_randomness;
use koi_fair::draw::{Exclusions, Sealed, Seed, outcome};
use koi_fair::packet::{PoolKey, Tier, packets};
use sha2::{Digest, Sha256};

const ROUNDS: u64 = 100_000;

/// How far counts are from even ones, as chi-square over its degrees of freedom, in millionths. Even ones are near 1,000,000.
fn chi_square_millionths(counts: &[u64]) -> u64 {
    let (sum, places) = (counts.iter().sum::<u64>(), counts.len() as u64);
    // Σ (count − sum/places)² / (sum/places) = (places · Σ count²) / sum − sum
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    (u128::from(places * squares - sum * sum) * 1_000_000 / u128::from(sum) / u128::from(places - 1)) as u64
}

/// What chi-square over its degrees of freedom exceeds once in a million for a fair rule, in millionths.
fn limit_millionths(places: u64) -> u64 {
    match places - 1 {
        6 => 6_376_390,  // 38.258 / 6
        9 => 4_978_994,  // 44.811 / 9
        99 => 1_826_182, // 180.792 / 99
        d => panic!("no limit is noted for {d} degrees of freedom"),
    }
}

fn is_even(counts: &[u64]) -> bool {
    chi_square_millionths(counts) < limit_millionths(counts.len() as u64)
}

fn randomness(round: u64) -> [u8; 32] {
    Sha256::new().chain_update(b"a round of the test").chain_update(round.to_be_bytes()).finalize().into()
}

/// The winner of a draw over so many entries by a round.
fn winner(entries: u64, round: u64, randomness: &[u8; 32]) -> u64 {
    let sealed = Sealed { rules_hash: [1; 32], root: [2; 32], entries };
    let seed = Seed::new(&sealed, &[3; 32], round, randomness);
    outcome(&seed, entries, &Exclusions::none(), 0).unwrap().winner
}

/// How often each of so many places was found.
fn counted(places: u64, found: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut counts = vec![0; usize::try_from(places).unwrap()];
    found.for_each(|place| counts[usize::try_from(place).unwrap()] += 1);
    counts
}

#[test]
fn winners_are_spread_evenly() {
    for entries in [7, 10, 100] {
        let counts = counted(entries, (0..ROUNDS).map(|round| winner(entries, round, &randomness(round))));
        assert!(is_even(&counts), "{entries}: {}", chi_square_millionths(&counts));
    }
    // Many entries, in hundredths.
    let many = 3_000_000_000;
    let counts = counted(100, (0..ROUNDS).map(|round| winner(many, round, &randomness(round)) / (many / 100)));
    assert!(is_even(&counts), "{}", chi_square_millionths(&counts));
}

#[test]
fn every_reserve_and_every_neighbour_is_as_likely() {
    let exclusions = Exclusions::of(vec![0, 4, 5]).unwrap();
    let drawn: Vec<Vec<u64>> = (0..ROUNDS)
        .map(|round| {
            let outcome = outcome(&Seed(randomness(round)), 13, &exclusions, 2).unwrap();
            [&[outcome.winner], outcome.reserves.as_slice()].concat()
        })
        .collect();
    // The ten that are left, closed up.
    let closed = |index: u64| index - [0, 4, 5].iter().filter(|out| **out < index).count() as u64;
    for place in 0..3 {
        let counts = counted(10, drawn.iter().map(|drawn| closed(drawn[place])));
        assert!(is_even(&counts), "place {place}: {counts:?}");
    }
    // How far the first reserve is behind the winner, around the circle: 1 to 9.
    let apart = |drawn: &Vec<u64>| (closed(drawn[1]) + 10 - closed(drawn[0])) % 10;
    let counts = counted(10, drawn.iter().map(apart));
    assert_eq!(counts[0], 0);
    // The tenth place is impossible; the mean of the others stands in for it.
    let mut counts = counts;
    counts[0] = ROUNDS / 9;
    assert!(is_even(&counts), "{counts:?}");
}

#[test]
fn packets_are_spread_evenly() {
    let key = |round: u64| PoolKey::new(&[1; 32], &[2; 32], round, &randomness(round));
    // Seven packets, one of them large: the ordinal that finds it is any of seven.
    let tiers = [Tier { face: 100, count: 1 }, Tier { face: 1, count: 6 }];
    let found = (0..ROUNDS).map(|round| {
        let faces = packets(&key(round), 0, &tiers, 7).unwrap().faces;
        faces.iter().position(|face| *face == 100).unwrap() as u64
    });
    let counts = counted(7, found);
    assert!(is_even(&counts), "{counts:?}");
    // And one claim after the other in one pool.
    let counts = counted(100, (0..ROUNDS).map(|ordinal| key(1).pick(0, ordinal, 100)));
    assert!(is_even(&counts), "{counts:?}");
}

#[test]
fn rules_that_are_not_fair_are_found() {
    let first_byte = |round: u64| u64::from(randomness(round)[0]);
    // One byte modulo 100: the first 56 are three times in 256, the others twice.
    assert!(!is_even(&counted(100, (0..ROUNDS).map(|round| first_byte(round) % 100))));
    // One byte modulo 10: 0 to 5 are 26 times in 256, the others 25 times.
    assert!(!is_even(&counted(10, (0..ROUNDS).map(|round| first_byte(round) % 10))));
    // A byte's limit that is one multiple too high, and the same with the right one.
    let below = |limit: u64| {
        move |round: u64| {
            randomness(round).iter().map(|byte| u64::from(*byte)).find(|byte| *byte < limit).unwrap_or(0) % 100
        }
    };
    assert!(!is_even(&counted(100, (0..ROUNDS).map(below(256)))));
    assert!(is_even(&counted(100, (0..ROUNDS).map(below(200)))));
    // Three bits: of 8 values 7 are fair; with a limit that is one off, 0 is twice as likely.
    let bits = |limit: u8| {
        move |round: u64| {
            randomness(round)
                .iter()
                .map(|byte| byte & 7)
                .find(|bits| *bits < limit)
                .map_or(0, |bits| u64::from(bits % 7))
        }
    };
    assert!(!is_even(&counted(7, (0..ROUNDS).map(bits(8)))));
    assert!(is_even(&counted(7, (0..ROUNDS).map(bits(7)))));
    // Taken ones are not skipped but moved up by one: neighbours of the winner are twice as likely.
    let moved_up = (0..ROUNDS).map(|round| {
        let (winner, reserve) =
            (winner(10, round, &randomness(round)), winner(10, round, &randomness(round + ROUNDS)));
        if winner == reserve { 1 } else { (reserve + 10 - winner) % 10 }
    });
    let mut counts = counted(10, moved_up);
    counts[0] = ROUNDS / 9;
    assert!(!is_even(&counts));
}

/// The randomness of the first [`ROUNDS`] rounds of the local chain, signed on all cores.
fn local_rounds() -> Vec<[u8; 32]> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rounds = vec![[0; 32]; usize::try_from(ROUNDS).unwrap()];
    let share = rounds.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for (first, part) in (1..).step_by(share).zip(rounds.chunks_mut(share)) {
            scope.spawn(move || {
                (first..).zip(part).for_each(|(round, randomness)| *randomness = local_randomness(round));
            });
        }
    });
    rounds
}

#[test]
fn rounds_of_the_local_chain_spread_evenly() {
    let rounds = local_rounds();
    assert_eq!((rounds.len() as u64, rounds[6]), (ROUNDS, local_randomness(7)));
    let numbered = || (1..).zip(&rounds);
    // Indices: winners of few entries, and of many in hundredths.
    for (entries, places) in [(7, 7), (100, 100), (3_000_000, 100)] {
        let won = numbered().map(|(round, randomness)| winner(entries, round, randomness) / (entries / places));
        let counts = counted(places, won);
        assert!(is_even(&counts), "{entries}: {counts:?}");
    }
    // Packets: at which ordinal the large one of seven is found, and which of a hundred a claim takes.
    let key = |round: u64, randomness: &[u8; 32]| PoolKey::new(&[1; 32], &[2; 32], round, randomness);
    let tiers = [Tier { face: 100, count: 1 }, Tier { face: 1, count: 6 }];
    let found = numbered().map(|(round, randomness)| {
        let faces = packets(&key(round, randomness), 0, &tiers, 7).unwrap().faces;
        faces.iter().position(|face| *face == 100).unwrap() as u64
    });
    let counts = counted(7, found);
    assert!(is_even(&counts), "{counts:?}");
    let taken = numbered().map(|(round, randomness)| key(round, randomness).pick(0, 0, 100));
    let counts = counted(100, taken);
    assert!(is_even(&counts), "{counts:?}");
    // The same rounds by rules that are not fair: a byte's remainder, without rejecting any; and an operator who looks at
    // the first of two rounds and takes the second where a friend among the first ten of a hundred did not win.
    let remainder = numbered().map(|(_, randomness)| u64::from(randomness[0]) % 100);
    assert!(!is_even(&counted(100, remainder)));
    let chosen = numbered().zip(rounds.iter().skip(1)).map(|((round, first), second)| {
        let first = winner(100, round, first);
        if first < 10 { first } else { winner(100, round + 1, second) }
    });
    assert!(!is_even(&counted(100, chosen)));
}
