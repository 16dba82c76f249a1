//! Honest proofs hold, and say what they show.

use koi_fair::draw::{DrawProof, Place};

use super::*;

#[test]
fn everybody_has_a_proof_that_reads_back() {
    let draw = &*DRAW;
    for index in (0..draw.plan.entries).step_by(37).chain([999]) {
        let proof = draw.held.proof(&draw.entries, index).unwrap();
        let text = proof.text().unwrap();
        assert_eq!(DrawProof::parse(text.as_bytes()), Ok(proof));
        for list in [None, Some(draw.held.exclusions.as_str())] {
            let verdict = verified(draw, text.as_bytes(), list).unwrap();
            assert_eq!(verdict.index, index);
            assert_eq!(verdict.exclusions_believed, list.is_none());
            assert_eq!(verdict.notice(), Some("local randomness: not a public draw"));
            assert_eq!(verdict.bound.cosigned.len(), 2);
        }
    }
}

#[test]
fn a_proof_says_what_became_of_the_entry() {
    let draw = &*DRAW;
    let said = |index: u64| {
        let text = draw.held.proof(&draw.entries, index).unwrap().text().unwrap();
        let verdict = verified(draw, text.as_bytes(), Some(&draw.held.exclusions)).unwrap();
        (verdict.place, verdict.to_string())
    };
    let outcome = verified(draw, &file(&document(draw, 1)), None).unwrap().outcome;
    let (winner, number) = (outcome.winner, outcome.winner + 1);
    assert_eq!(said(winner), (Place::Winner, format!("You were number {number} of 1,000; you are the winner.")));
    let second = outcome.reserves[1];
    assert_eq!(said(second).0, Place::Reserve(2));
    assert!(said(second).1.ends_with(&format!("; the winner is number {number}, you are reserve 2.")));
    assert_eq!(said(500).0, Place::Excluded);
    assert_eq!(said(501), (Place::None, format!("You were number 502 of 1,000; the winner is number {number}.")));
}

#[test]
fn those_that_were_passed_over_are_told() {
    let draw = &*MANY_EXCLUDED;
    let proof = draw.held.proof(&draw.entries, 7).unwrap();
    assert!(proof.skipped.len() > 1, "{:?}", proof.skipped);
    for list in [None, Some(draw.held.exclusions.as_str())] {
        verified(draw, proof.text().unwrap().as_bytes(), list).unwrap();
    }
}

#[test]
fn a_proof_is_short_however_many_entries_there_are() {
    // The hashes of a tree of 3,000,000 entries and of logs of some sizes, without making them: nothing of the
    // length depends on their bytes. After 1,000 statements a seal has 7 hashes or so beside its path, never more than
    // there are doublings.
    let draw = &*DRAW;
    let mut proof = draw.held.proof(&draw.entries, 998).unwrap();
    proof.entry.index = 1_834_000;
    proof.entry.external_id = "person-1834000".to_owned();
    proof.seal.entries = 3_000_000;
    proof.entry.hashes = vec![draw.root; 22];
    proof.winner = 2_169_283;
    for (hashes, at_most) in [(7, 3_000), (10, 3_072)] {
        proof.seal_proof = vec![draw.root; hashes];
        let length = proof.text().unwrap().len();
        assert!(length < at_most, "{hashes}: {length}");
    }
}
