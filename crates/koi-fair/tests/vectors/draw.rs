use koi_fair::canonical;
use koi_fair::draw::{
    Exclusion, Exclusions, INDICES_MAX, Outcome, Sealed, Seed, audit_sample, entry_leaf, outcome, rules_hash,
};
use koi_fair::selection::remainder_without_bias;
use serde_json::Value;

use super::{bytes, list, number, numbers, text, vectors};

const VECTORS: &str = include_str!("../../../../verify/vectors/draw.json");

fn exclusions(entry: &Value) -> Exclusions {
    Exclusions::of(numbers(entry, "exclude")).unwrap()
}

#[test]
fn numbers_follow_from_hashes() {
    for entry in list(&vectors(VECTORS), "selection") {
        let remainder = entry["remainder"].as_str().map(|number| number.parse().unwrap());
        assert_eq!(remainder_without_bias(&bytes(entry, "value"), number(entry, "n")), remainder, "{entry}");
    }
}

#[test]
fn rules_have_the_hash_of_their_canonical_text() {
    for entry in list(&vectors(VECTORS), "rules") {
        let document = &entry["document"];
        assert_eq!(canonical::text(document).as_deref(), Ok(text(entry, "canonical")));
        assert_eq!(canonical::read(text(entry, "canonical")).as_ref(), Ok(document));
        assert_eq!(rules_hash(document), Ok(bytes(entry, "hash")));
    }
}

#[test]
fn entries_have_their_leaves() {
    for entry in list(&vectors(VECTORS), "entries") {
        let leaf = entry_leaf(text(entry, "draw_id"), &bytes(entry, "salt"), text(entry, "external_id"));
        assert_eq!(leaf, Ok(bytes(entry, "leaf")), "{entry}");
    }
}

#[test]
fn exclusions_have_the_hash_of_their_text() {
    for entry in list(&vectors(VECTORS), "exclusions") {
        let of = |one: &Value| Exclusion { index: number(one, "index"), reason: text(one, "reason").to_owned() };
        let exclusions: Vec<Exclusion> = entry["list"].as_array().unwrap().iter().map(of).collect();
        assert_eq!(Exclusions::published(&exclusions).as_deref(), Ok(text(entry, "text")));
        assert_eq!(Exclusions::hash(&exclusions), Ok(bytes(entry, "hash")));
        assert_eq!(Exclusions::read_published(text(entry, "text")), Ok(exclusions));
    }
}

#[test]
fn draws_have_their_outcome_and_sample() {
    for entry in list(&vectors(VECTORS), "draws") {
        let sealed = Sealed {
            rules_hash: bytes(entry, "rules_hash"),
            root: bytes(entry, "root"),
            entries: number(entry, "entries"),
        };
        let seed =
            Seed::new(&sealed, &bytes(entry, "chain_hash"), number(entry, "round"), &bytes(entry, "randomness"));
        assert_eq!(seed.0, bytes(entry, "seed"), "{entry}");
        let expected = Outcome { winner: number(entry, "winner"), reserves: numbers(entry, "reserves") };
        let reserves = u32::try_from(expected.reserves.len()).unwrap();
        let found = outcome(&seed, sealed.entries, &exclusions(entry), reserves);
        assert_eq!(found.as_ref(), Ok(&expected), "{entry}");
        let sample = numbers(entry, "sample");
        let count = u32::try_from(sample.len()).unwrap();
        assert_eq!(
            audit_sample(&seed, sealed.entries, &exclusions(entry), &expected, count),
            Ok(sample),
            "{entry}"
        );
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_for_its_reason() {
    for entry in list(&vectors(VECTORS), "refused") {
        let refused =
            outcome(&Seed([0; 32]), number(entry, "entries"), &exclusions(entry), number(entry, "reserves"));
        assert_eq!(refused.map_err(|why| why.code()), Err(text(entry, "reason")), "{entry}");
    }
    assert_eq!(INDICES_MAX, 10_000_000);
}
