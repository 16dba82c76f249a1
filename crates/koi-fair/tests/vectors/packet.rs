use koi_fair::packet::{PoolKey, Replay, Tier, commitment, packets};
use serde_json::Value;

use super::{bytes, list, number, numbers, text, vectors};

const VECTORS: &str = include_str!("../../../../verify/vectors/packet.json");

fn tiers(entry: &Value) -> Vec<Tier> {
    let of = |tier: &Value| Tier { face: number(tier, "face"), count: number(tier, "count") };
    entry["tiers"].as_array().unwrap().iter().map(of).collect()
}

fn cell(entry: &Value) -> u32 {
    entry["cell"].as_u64().and_then(|cell| u32::try_from(cell).ok()).unwrap()
}

#[test]
fn pools_have_their_commitments_and_keys() {
    let vectors = vectors(VECTORS);
    for entry in list(&vectors, "commitments") {
        assert_eq!(
            commitment(text(entry, "campaign"), &bytes(entry, "secret")),
            bytes(entry, "commitment"),
            "{entry}"
        );
    }
    for entry in list(&vectors, "pool_keys") {
        let round = number(entry, "round");
        let key =
            PoolKey::new(&bytes(entry, "secret"), &bytes(entry, "chain_hash"), round, &bytes(entry, "randomness"));
        assert_eq!(key.0, bytes(entry, "pool_key"), "{entry}");
    }
}

#[test]
fn picks_are_those_of_the_rule() {
    let vectors = vectors(VECTORS);
    let key = PoolKey(bytes(&vectors, "picks_of"));
    for entry in list(&vectors, "picks") {
        let pick = key.pick(cell(entry), number(entry, "ordinal"), number(entry, "total"));
        assert_eq!(pick, number::<u64>(entry, "pick"), "{entry}");
    }
    for entry in list(&vectors, "moves") {
        let pick =
            key.pick_to_move(cell(entry), number(entry, "line"), number(entry, "place"), number(entry, "total"));
        assert_eq!(pick, number::<u64>(entry, "pick"), "{entry}");
    }
}

#[test]
fn stocks_are_given_away_in_their_order() {
    for entry in list(&vectors(VECTORS), "replays") {
        let found =
            packets(&PoolKey(bytes(entry, "pool_key")), cell(entry), &tiers(entry), number(entry, "count"));
        assert_eq!(found, Ok(Replay { faces: numbers(entry, "faces"), left: numbers(entry, "left") }), "{entry}");
    }
}

#[test]
fn what_cannot_be_replayed_is_refused_for_its_reason() {
    for entry in list(&vectors(VECTORS), "refused") {
        let refused = packets(&PoolKey([0; 32]), 0, &tiers(entry), number(entry, "count"));
        assert_eq!(refused.map_err(|why| why.code()), Err(text(entry, "reason")), "{entry}");
    }
}
