//! The vectors that every verifier shares: honest proofs with what they show, and others with the code of their refusal.
//!
//! Rounds are of the local chain and all seeds are fixed, so the file is the same wherever it is made:
//!
//!     UPDATE_VECTORS=1 cargo nextest run -p koi-fair --test draw_proof vectors
//!
//! A changed proof is written as what of an honest one is cut out, and what stands there instead. Python's script and the
//! page's module are tested with the same file.

use std::path::Path;

use koi_fair::statement::{DrawSeal, Instant};
use serde_json::json;

use super::*;

/// Every so many bits of a file, one is turned.
const BITS: usize = 9;

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verify/vectors/draw_proof.json")
}

/// What a verifier says of a proof, as vectors have it.
fn said(draw: &Draw, file: &str, list: bool) -> Value {
    let list = list.then_some(draw.held.exclusions.as_str());
    match verified(draw, file.as_bytes(), list) {
        Err(why) => json!({ "code": why.code() }),
        Ok(verdict) => json!({
            "cosigned": verdict.bound.cosigned.iter().map(|one| json!([one.name.as_str(), one.time.seconds()])).collect::<Vec<_>>(),
            "draw": verdict.draw,
            "entries": verdict.entries,
            "exclusions_believed": verdict.exclusions_believed,
            "index": verdict.index,
            "local": verdict.notice().is_some(),
            "place": verdict.place.code(),
            "reserves": verdict.outcome.reserves,
            "round": verdict.round,
            "sentence": verdict.to_string(),
            "winner": verdict.outcome.winner,
        }),
    }
}

/// An honest proof, and what becomes of it when every so many bits one is turned.
fn honest(name: &str, draw: &Draw, index: u64, changed: &mut Vec<Value>) -> Value {
    let text = draw.held.proof(&draw.entries, index).unwrap().text().unwrap();
    let bytes = text.as_bytes();
    for bit in (0..bytes.len() * 8).step_by(BITS) {
        let mut turned = bytes.to_vec();
        turned[bit / 8] ^= 1 << (bit % 8);
        let Ok(turned) = String::from_utf8(turned) else { continue };
        changed.push(cut(name, &text, &turned, &said(draw, &turned, false)));
    }
    json!({
        "list": draw.held.exclusions,
        "name": name,
        "proof": text,
        "with_list": said(draw, &text, true),
        "without_list": said(draw, &text, false),
    })
}

/// What of the text is cut out for the other one, and what stands there instead. Places count characters from 0.
fn cut(of: &str, text: &str, other: &str, said: &Value) -> Value {
    let (text, other): (Vec<char>, Vec<char>) = (text.chars().collect(), other.chars().collect());
    let from = text.iter().zip(&other).take_while(|(one, another)| one == another).count();
    let rest = text.len().min(other.len()) - from;
    let same = text.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(one, another)| one == another);
    let after = same.count();
    let with: String = other[from..other.len() - after].iter().collect();
    let code = said["code"].as_str().unwrap_or_else(|| panic!("it holds with {with} at {from}"));
    json!({ "code": code, "from": from, "of": of, "to": text.len() - after, "with": with })
}

/// A draw that was sealed wrongly by its operator, with the log's and the witnesses' right signatures.
fn sealed(name: &str, change: impl FnOnce(&mut DrawSeal), cosigned_s: u64) -> Value {
    let draw = &*DRAW;
    let mut seal = draw.plan.seal(draw.root);
    change(&mut seal);
    let held = draw.plan.hold_sealed(seal, cosigned_s).unwrap();
    let text = held.proof(&draw.entries, 123).unwrap().text().unwrap();
    let code = refusal(draw, text.as_bytes(), Some(&held.exclusions));
    json!({ "code": code, "list": held.exclusions, "name": name, "proof": text })
}

fn wrong_from_the_beginning() -> Vec<Value> {
    let seal = &DRAW.held.seal;
    let round_s = u64::try_from(seal.rules.close.0 / 1000).unwrap() + 43_200;
    let in_time = round_s - 1;
    vec![
        sealed("cosigned at the round", |_| (), round_s),
        sealed("cosigned after the round", |_| (), round_s + 3_600),
        sealed("the seal of another draw", |seal| seal.draw.push('x'), in_time),
        sealed("a chain that nobody knows", |seal| seal.rules.beacon.chain.0[0] ^= 1, in_time),
        sealed("the local chain as a public one", |seal| seal.rules.beacon.local = false, in_time),
        sealed("the round after", |seal| seal.round += 1, in_time),
        sealed("the round before", |seal| seal.round -= 1, in_time),
        sealed("rules after the close", |seal| seal.rules.at = seal.rules.close, in_time),
        sealed("sealed before the close", |seal| seal.at = Instant(seal.rules.close.0 - 1), in_time),
        sealed("sealed at the round", |seal| seal.at = Instant(seal.rules.close.0 + 43_200_000), in_time),
        sealed("another root", |seal| seal.root.0[31] ^= 0x80, in_time),
        sealed("another list of exclusions", |seal| seal.exclusions.hash.0[0] ^= 1, in_time),
        sealed("one exclusion more", |seal| seal.exclusions.count += 1, in_time),
    ]
}

#[test]
fn the_shared_vectors_are_what_is_computed() {
    let draw = &*DRAW;
    let mut changed = Vec::new();
    let outcome = verified(draw, &file(&document(draw, 1)), None).unwrap().outcome;
    let honest = vec![
        honest("a thousand entries", draw, 123, &mut changed),
        honest("the winner", draw, outcome.winner, &mut Vec::new()),
        honest("a reserve", draw, outcome.reserves[0], &mut Vec::new()),
        honest("excluded", draw, 500, &mut Vec::new()),
        honest("many excluded", &MANY_EXCLUDED, 7, &mut changed),
        honest("the last", draw, 999, &mut Vec::new()),
    ];
    let computed = json!({
        "about": "Proofs of made-up draws (local randomness: no public draws) for every verifier. See tests/draw_proof/vectors.rs of koi-fair.",
        "changed": changed,
        "honest": honest,
        "key": draw.plan.signer().unwrap().verifier().to_string(),
        "wrong": wrong_from_the_beginning(),
    });
    // One vector a line: what changes shows.
    let text = serde_json::to_string(&computed).unwrap().replace("},{", "},\n{") + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path(), &text).unwrap();
    }
    assert!(changed.len() > 3_000, "{}", changed.len());
    assert!(
        std::fs::read_to_string(path()).unwrap() == text,
        "verify/vectors/draw_proof.json is not what is computed"
    );
}
