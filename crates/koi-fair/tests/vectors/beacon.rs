use koi_fair::beacon::{Beacon, BeaconRefusal, Chain, Verified, local};
use proptest::prelude::*;
use serde_json::Value;

use super::{bytes, list, number, text, vectors};

const VECTORS: &str = include_str!("../../../../verify/vectors/beacon.json");

fn chain(vectors: &Value, entry: &Value) -> Chain {
    Chain::read(&vectors["chains"][text(entry, "chain")].to_string()).unwrap()
}

/// Verifies the round of an entry, read as relays write it.
fn verified(vectors: &Value, entry: &Value) -> Result<Verified, BeaconRefusal> {
    let round: u64 = number(entry, "round");
    let answer =
        serde_json::json!({ "round": round, "signature": entry["signature"], "randomness": entry["randomness"] });
    chain(vectors, entry).verify(&Beacon::read(&answer.to_string())?)
}

#[test]
fn published_chains_are_read_and_the_built_in_ones_are_those() {
    let vectors = vectors(VECTORS);
    let of = |name: &str| Chain::read(&vectors["chains"][name].to_string()).unwrap();
    assert_eq!(of("quicknet"), Chain::quicknet());
    assert_eq!(of("local"), Chain::local());
    for (name, chain) in vectors["chains"].as_object().unwrap() {
        assert_eq!(serde_json::from_str::<Value>(&of(name).info()).unwrap(), *chain, "{name}");
    }
}

#[test]
fn published_rounds_are_accepted() {
    let vectors = vectors(VECTORS);
    for entry in list(&vectors, "accepted") {
        let verified = verified(&vectors, entry).unwrap_or_else(|why| panic!("{entry}: {why}"));
        let chain = chain(&vectors, entry);
        assert_eq!(*verified.randomness(), bytes(entry, "randomness"), "{entry}");
        assert_eq!(*verified.signature(), bytes(entry, "signature"), "{entry}");
        assert_eq!((verified.chain_hash(), verified.round()), (chain.hash(), number(entry, "round")), "{entry}");
        let time_s = entry["time_s"].as_str().map(|time| time.parse().unwrap());
        assert_eq!(chain.time_s(verified.round()), time_s, "{entry}");
        if text(entry, "chain") == "local" {
            assert_eq!(local::sign(verified.round()).signature, verified.signature(), "{entry}");
        }
    }
}

#[test]
fn everything_else_is_refused_for_its_reason() {
    let vectors = vectors(VECTORS);
    for entry in list(&vectors, "refused") {
        let refused = verified(&vectors, entry).expect_err(text(entry, "name"));
        assert_eq!(refused.code(), text(entry, "reason"), "{}: {refused}", text(entry, "name"));
    }
    for entry in list(&vectors, "chains_refused") {
        let refused = Chain::read(&entry["info"].to_string()).expect_err(text(entry, "name"));
        assert_eq!(refused.code(), text(entry, "reason"), "{}: {refused}", text(entry, "name"));
    }
}

#[test]
fn rounds_follow_from_times() {
    let vectors = vectors(VECTORS);
    for entry in list(&vectors, "rounds") {
        let round: u64 = number(entry, "round");
        assert_eq!(chain(&vectors, entry).round_at(number(entry, "time_ms")), round, "{entry}");
    }
}

#[test]
fn no_bit_of_a_signature_can_be_another() {
    let vectors = vectors(VECTORS);
    let entry = &list(&vectors, "accepted")[1];
    let genuine: [u8; 48] = bytes(entry, "signature");
    for bit in 0..8 * genuine.len() {
        let mut signature = genuine;
        signature[bit / 8] ^= 1 << (bit % 8);
        let beacon = Beacon { round: number(entry, "round"), signature: signature.to_vec(), randomness: None };
        assert!(Chain::quicknet().verify(&beacon).is_err(), "bit {bit}");
    }
}

#[test]
fn no_bit_of_a_key_can_be_another() {
    let info = Chain::local().info();
    let key = hex::encode(Chain::local().public_key());
    for bit in 0..8 * 96 {
        let mut other = *Chain::local().public_key();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(Chain::read(&info.replace(&key, &hex::encode(other))).is_err(), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_round_of_the_local_chain_is_of_that_number_and_no_other(round in 1_u64.., other in 1_u64..) {
        let beacon = local::sign(round);
        prop_assert!(Chain::local().verify(&beacon).is_ok());
        prop_assert_eq!(Chain::local().verify(&Beacon { round: other, ..beacon }).is_ok(), other == round);
    }

    #[test]
    fn no_letter_of_an_answer_can_be_another_and_mean_something_else(round in 1_u64.., place in 0_usize..240, letter in "[ -~]") {
        let genuine = local::sign(round).json();
        let place = place % genuine.len();
        let other = format!("{}{letter}{}", &genuine[..place], &genuine[place + 1..]);
        if let Ok(accepted) = Beacon::read(&other).and_then(|beacon| Chain::local().verify(&beacon)) {
            prop_assert_eq!(Ok(accepted), Chain::local().accept(round, &genuine), "{}", other);
        }
    }

    #[test]
    fn random_bytes_are_no_signature(signature in proptest::collection::vec(any::<u8>(), 48), flags in any::<bool>()) {
        let mut signature = signature;
        // Half of them get past the flags and the prime.
        if flags { signature[0] = signature[0] & 0x2F | 0x80; }
        let beacon = Beacon { round: 1, signature, randomness: None };
        prop_assert!(Chain::quicknet().verify(&beacon).is_err());
    }
}
