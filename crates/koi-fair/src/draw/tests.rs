use proptest::prelude::*;
use serde_json::json;

use super::*;

const SEED: Seed = Seed([7; 32]);

fn excluded(indices: &[u64]) -> Exclusions {
    Exclusions::of(indices.to_vec()).unwrap()
}

/// The winner and the reserves in one list.
fn all(outcome: &Outcome) -> Vec<u64> {
    [&[outcome.winner], outcome.reserves.as_slice()].concat()
}

#[test]
fn more_than_there_is_cannot_be_drawn() {
    use DrawRefusal::*;
    let too_few = |asked, available, entries| Err(TooFewEntries { asked, available, entries });
    for (entries, indices, reserves, expected) in [
        (0, &[][..], 0, too_few(1, 0, 0)),
        (1, &[], 0, Ok(1)),
        (1, &[], 1, too_few(2, 1, 1)),
        (1, &[0], 0, too_few(1, 0, 1)),
        (5, &[0, 2, 4], 1, Ok(2)),
        (5, &[0, 2, 4], 2, too_few(3, 2, 5)),
        (5, &[5], 0, Err(ExcludedNobody { index: 5, entries: 5 })),
        (0, &[0], 0, Err(ExcludedNobody { index: 0, entries: 0 })),
        (u64::MAX, &[u64::MAX], 0, Err(ExcludedNobody { index: u64::MAX, entries: u64::MAX })),
        (u64::MAX, &[], u32::MAX, Err(TooMany { asked: 1 << 32 })),
        (u64::MAX, &[], 9, Ok(10)),
        (1 << 63, &[1, 1 << 62], 9, Ok(10)),
    ] {
        let found = outcome(&SEED, entries, &excluded(indices), reserves).map(|outcome| all(&outcome).len());
        assert_eq!(found, expected, "{entries} {indices:?} {reserves}");
    }
}

#[test]
fn everybody_is_drawn_when_everybody_is_asked_for() {
    let outcome = outcome(&SEED, 100, &excluded(&[3, 50]), 97).unwrap();
    let mut drawn = all(&outcome);
    drawn.sort_unstable();
    assert_eq!(drawn, (0..100).filter(|index| ![3, 50].contains(index)).collect::<Vec<_>>());
    assert_eq!(
        audit_sample(&SEED, 100, &excluded(&[3, 50]), &outcome, 1),
        Err(DrawRefusal::TooFewEntries { asked: 1, available: 0, entries: 100 })
    );
    assert_eq!(audit_sample(&SEED, 100, &excluded(&[3, 50]), &outcome, 0), Ok(vec![]));
}

#[test]
fn every_part_of_the_seed_counts() {
    let sealed = Sealed { rules_hash: [1; 32], root: [2; 32], entries: 3 };
    let seed = Seed::new(&sealed, &[4; 32], 5, &[6; 32]);
    for other in [
        Seed::new(&Sealed { rules_hash: [9; 32], ..sealed }, &[4; 32], 5, &[6; 32]),
        Seed::new(&Sealed { root: [9; 32], ..sealed }, &[4; 32], 5, &[6; 32]),
        Seed::new(&Sealed { entries: 9, ..sealed }, &[4; 32], 5, &[6; 32]),
        Seed::new(&sealed, &[9; 32], 5, &[6; 32]),
        Seed::new(&sealed, &[4; 32], 9, &[6; 32]),
        Seed::new(&sealed, &[4; 32], 5, &[9; 32]),
    ] {
        assert_ne!(seed, other);
    }
}

#[test]
fn rules_have_one_hash_however_they_are_written() {
    let one = serde_json::from_str(r#"{ "b": 1, "a": "x" }"#).unwrap();
    assert_eq!(rules_hash(&one), rules_hash(&json!({ "a": "x", "b": 1 })));
    assert_eq!(rules_hash(&one).unwrap(), <[u8; 32]>::from(Sha256::digest(r#"{"a":"x","b":1}"#)));
    assert!(rules_hash(&json!({ "a": 0.5 })).is_err());
}

#[test]
fn a_newline_cannot_move_from_the_id_into_the_salt() {
    assert_eq!(entry_leaf("a\nb", &[0; 32], "c"), Err(IdWithNewline));
}

proptest! {
    #[test]
    fn indices_are_entries_each_once_and_none_excluded(
        seed in any::<[u8; 32]>(), entries in 1_u64..60, picks in proptest::collection::btree_set(0_u64..60, 0..20),
        reserves in 0_u32..70, sample in 0_u32..30,
    ) {
        let (seed, picks) = (Seed(seed), picks.into_iter().filter(|index| *index < entries).collect::<Vec<_>>());
        let exclusions = excluded(&picks);
        let available = entries - exclusions.count();
        let Ok(outcome) = outcome(&seed, entries, &exclusions, reserves) else {
            prop_assert!(u64::from(reserves) + 1 > available);
            return Ok(());
        };
        let mut found = all(&outcome);
        if let Ok(sampled) = audit_sample(&seed, entries, &exclusions, &outcome, sample) {
            prop_assert_eq!(sampled.len(), sample as usize);
            found.extend(sampled);
        } else {
            prop_assert!(u64::from(sample) > available - found.len() as u64);
        }
        prop_assert!(found.iter().all(|index| *index < entries && !exclusions.contains(*index)));
        let count = found.len();
        found.sort_unstable();
        found.dedup();
        prop_assert_eq!(found.len(), count);
    }

    #[test]
    fn fewer_reserves_are_the_first_of_more(seed in any::<[u8; 32]>(), entries in 20_u64.., reserves in 0_u32..19) {
        let more = outcome(&Seed(seed), entries, &Exclusions::none(), 19).unwrap();
        let fewer = outcome(&Seed(seed), entries, &Exclusions::none(), reserves).unwrap();
        prop_assert_eq!(more.winner, fewer.winner);
        prop_assert_eq!(&more.reserves[..reserves as usize], &fewer.reserves[..]);
    }

    #[test]
    fn an_exclusion_moves_the_later_ones_up(seed in any::<[u8; 32]>(), entries in 20_u64.., out in 0_usize..10) {
        let before = all(&outcome(&Seed(seed), entries, &Exclusions::none(), 9).unwrap());
        let after = all(&outcome(&Seed(seed), entries, &excluded(&[before[out]]), 8).unwrap());
        let expected: Vec<u64> = before.into_iter().enumerate().filter(|(place, _)| *place != out).map(|(_, index)| index).collect();
        prop_assert_eq!(after, expected);
    }
}
