//! Proofs that were changed, or were wrong from the beginning, are refused with the reason that they deserve.

use koi_fair::beacon::local;
use koi_fair::draw::DrawTrust;
use koi_fair::log::Quorum;
use koi_fair::statement::{DrawSeal, Instant};
use serde_json::json;

use super::*;

/// A document with one member changed; the names have dots between them.
pub(super) fn with(document: &Value, name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = document.clone();
    change(name.split('.').fold(&mut changed, |value, name| &mut value[name]));
    assert_ne!(changed, *document, "{name} was not changed");
    changed
}

/// With the text of a member changed by its first occurrence.
fn replaced(document: &Value, name: &str, from: &str, to: &str) -> Value {
    with(document, name, |value| *value = value.as_str().unwrap().replacen(from, to, 1).into())
}

/// A base64 member with one bit of its bytes turned.
pub(super) fn turned(document: &Value, name: &str, bit: usize) -> Value {
    with(document, name, |value| {
        let mut bytes = base64(value.as_str().unwrap());
        bytes[bit / 8] ^= 1 << (bit % 8);
        *value = text(&bytes).into();
    })
}

fn base64(text: &str) -> Vec<u8> {
    use base64ct::{Base64, Encoding};
    Base64::decode_vec(text).unwrap()
}

fn text(bytes: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(bytes)
}

#[test]
fn every_bit_of_a_file_counts() {
    // Also bits that make no JSON of it: whatever a file becomes, it does not hold.
    let draw = &*DRAW;
    let honest = file(&document(draw, 123));
    let mut codes = std::collections::BTreeMap::new();
    for bit in (0..honest.len() * 8).step_by(5) {
        let mut changed = honest.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // The name of a key that nobody knows may change; there is none in this file.
        *codes.entry(refusal(draw, &changed, None)).or_insert(0) += 1;
    }
    let count: i32 = codes.values().sum();
    assert!(count > 3_000, "{count}");
    for code in ["proof_not_canonical", "proof_member", "statement_member", "seal_root", "entry_root"] {
        assert!(codes.contains_key(code), "{codes:?}");
    }
    for length in 0..honest.len() {
        refusal(draw, &honest[..length], None);
    }
    assert_eq!(refusal(draw, &[&honest[..], b"\n"].concat(), None), "proof_not_canonical");
}

#[test]
fn every_bit_of_hashes_salt_and_signature_has_its_reason() {
    let draw = &*DRAW;
    let document = document(draw, 123);
    for (name, code) in [("entry.proof", "entry_root"), ("entry.salt", "entry_root"), ("seal_proof", "seal_root")]
    {
        let value = name.split('.').fold(&document, |value, name| &value[name]);
        let bits = base64(value.as_str().unwrap()).len() * 8;
        for bit in 0..bits {
            assert_eq!(refusal(draw, &file(&turned(&document, name, bit)), None), code, "{name} {bit}");
        }
    }
    for bit in 0..48 * 8 {
        let code = refusal(draw, &file(&turned(&document, "beacon", bit)), None);
        assert!(["beacon_encoding", "beacon_signature"].contains(&code), "{bit}: {code}");
    }
}

#[test]
fn every_number_of_another_has_its_reason() {
    let draw = &*DRAW;
    let honest = document(draw, 123);
    for by in 1..100_u64 {
        for (name, codes) in [
            ("entry.index", &["entry_root", "entry_length", "entry_index"][..]),
            ("seal_index", &["seal_root", "seal_length", "seal_index"]),
            ("seal.entries", &["seal_root"]),
            ("seal.round", &["seal_root"]),
            ("seal.prizes", &["seal_root"]),
            ("seal.exclusions.count", &["seal_root"]),
            ("seal.rules.reserves", &["seal_root"]),
            ("seal.rules.margin_s", &["seal_root"]),
            ("winner", &["winner_differs"]),
        ] {
            let number = name.split('.').fold(&honest, |value, name| &value[name]).as_u64().unwrap();
            let more = [number + by, number + 10 * by * by];
            for number in more.into_iter().chain(number.checked_sub(by).filter(|less| *less > 0)) {
                let changed = with(&honest, name, |value| *value = number.into());
                // No draw has so many reserves.
                let codes =
                    if name == "seal.rules.reserves" && number > 1_000 { &["statement_member"] } else { codes };
                let code = refusal(draw, &file(&changed), None);
                assert!(codes.contains(&code), "{name} {number}: {code}");
            }
        }
    }
}

#[test]
fn a_person_cannot_be_told_the_proof_of_another() {
    let draw = &*DRAW;
    let (one, other) = (document(draw, 123), document(draw, 124));
    for name in ["external_id", "index", "proof", "salt"] {
        let changed = with(&one, "entry", |entry| entry[name] = other["entry"][name].clone());
        assert_eq!(refusal(draw, &file(&changed), None), "entry_root", "{name}");
    }
}

#[test]
fn what_is_no_proof_is_refused_at_once() {
    let draw = &*DRAW;
    let honest = document(draw, 123);
    let set = |name: &str, to: Value| with(&honest, name, |value| *value = to);
    let mut more = honest.clone();
    more["more"] = 1.into();
    let mut without = honest.clone();
    without.as_object_mut().unwrap().remove("winner");
    let long = text(&[0; 65 * 32]);
    for (changed, code) in [
        (set("format", json!("koi/draw-proof/v2")), "proof_version"),
        (json!([1]), "proof_version"),
        (more, "proof_member"),
        (without, "proof_member"),
        (set("beacon", json!(text(&[0x80; 47]))), "proof_member"),
        (set("beacon", json!(text(&[0x80; 49]))), "proof_member"),
        (set("entry.salt", json!(text(&[1; 31]))), "proof_member"),
        (set("entry.salt", json!(text(&[1; 32]).replace('=', ""))), "proof_member"),
        (set("entry.proof", json!(text(&[1; 33]))), "proof_member"),
        (set("entry.proof", json!(long)), "proof_member"),
        (set("seal_proof", json!(long)), "proof_member"),
        (set("entry.external_id", json!("")), "proof_member"),
        (set("entry.external_id", json!("a\nb")), "proof_member"),
        (set("entry.external_id", json!("x".repeat(257))), "proof_member"),
        (set("entry.index", json!(-1)), "proof_member"),
        (set("entry.index", json!("123")), "proof_member"),
        (set("skipped", json!([3, 3])), "proof_member"),
        (set("skipped", json!((0..1_001).collect::<Vec<u32>>())), "proof_member"),
        (set("seal", json!(7)), "statement_version"),
        (set("seal.v", json!(2)), "statement_version"),
        (set("seal.rules.v", json!(2)), "statement_version"),
        (set("seal.kind", json!("draw_void")), "statement_member"),
        (set("seal.root", json!("AB")), "statement_member"),
        (set("seal.rules.quorum", json!(9)), "statement_member"),
        (set("checkpoint", json!("")), "note_malformed"),
        (set("entry.proof", json!("")), "entry_length"),
        (set("seal_proof", json!("")), "seal_length"),
    ] {
        assert_eq!(refusal(draw, &file(&changed), None), code, "{changed}");
    }
    assert_eq!(refusal(draw, &[b' '; 65_537], None), "proof_too_long");
    assert_eq!(refusal(draw, b"\xff", None), "proof_not_canonical");
    assert_eq!(
        refusal(draw, serde_json::to_string_pretty(&honest).unwrap().as_bytes(), None),
        "proof_not_canonical"
    );
    let twice = String::from_utf8(file(&honest)).unwrap().replacen('{', r#"{"winner":1,"#, 1);
    assert_eq!(refusal(draw, twice.as_bytes(), None), "proof_not_canonical");
}

#[test]
fn a_checkpoint_is_the_logs_own() {
    let draw = &*DRAW;
    let honest = document(draw, 123);
    let note = honest["checkpoint"].as_str().unwrap();
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    let of = |text: String| with(&honest, "checkpoint", |value| *value = text.into());
    for (changed, code) in [
        (of(note.replacen("\n42\n", "\n43\n", 1)), "signature_wrong"),
        (of(note.replacen("\n42\n", "\n042\n", 1)), "checkpoint_malformed"),
        (of(note.replacen("made-up.example/log\n", "other.example/log\n", 1)), "checkpoint_origin"),
        (of(lines[..4].concat()), "note_malformed"),
        (of(lines[..4].concat() + &lines[5..].concat()), "signature_missing"),
        (of(note.to_owned() + lines[4]), "signed_twice"),
        (of(note.to_owned() + lines[5]), "signed_twice"),
        (of(lines[..5].concat()), "quorum_too_few"),
        (of(lines[..6].concat()), "quorum_too_few"),
    ] {
        assert_eq!(refusal(draw, &file(&changed), None), code, "{}", changed["checkpoint"]);
    }
    assert!(lines.len() == 7, "{note}");
}

#[test]
fn a_second_spelling_of_a_signature_is_refused() {
    let draw = &*DRAW;
    let honest = document(draw, 123);
    let line = honest["checkpoint"].as_str().unwrap().lines().last().unwrap().to_owned();
    let base = line.rsplit(' ').next().unwrap();
    // S of an Ed25519 signature, the last 32 bytes, plus the order of the group: it would be right modulo the order.
    let mut bytes = base64(base);
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let start = bytes.len() - 32;
    let mut carry = 0_u16;
    for (byte, add) in bytes[start..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    assert_eq!(carry, 0);
    let changed = replaced(&honest, "checkpoint", base, &text(&bytes));
    assert_eq!(refusal(draw, &file(&changed), None), "cosignature_wrong");
    // Unused bits of base64, and base64 without padding.
    for other in [base.replace('=', ""), base.to_owned() + "="] {
        let changed = replaced(&honest, "checkpoint", base, &other);
        assert_eq!(refusal(draw, &file(&changed), None), "note_malformed");
    }
    // The round's signature as its negative: the other point of the same coordinate.
    let changed = turned(&honest, "beacon", 5);
    assert_eq!(refusal(draw, &file(&changed), None), "beacon_signature");
    // Uncompressed, and infinity.
    for bit in [7, 6] {
        assert_eq!(refusal(draw, &file(&turned(&honest, "beacon", bit)), None), "beacon_encoding");
    }
    let other_round = with(&honest, "beacon", |value| *value = text(&local::sign(7).signature).into());
    assert_eq!(refusal(draw, &file(&other_round), None), "beacon_signature");
}

/// A draw whose operator sealed something else; the log and the witnesses take anything.
fn sealed(change: impl FnOnce(&mut DrawSeal), cosigned_s: u64) -> &'static str {
    let draw = &*DRAW;
    let mut seal = draw.plan.seal(draw.root);
    change(&mut seal);
    let held = draw.plan.hold_sealed(seal, cosigned_s).unwrap();
    let text = held.proof(&draw.entries, 123).unwrap().text().unwrap();
    match verified(draw, text.as_bytes(), Some(&held.exclusions)) {
        Ok(_) => "it holds",
        Err(why) => why.code(),
    }
}

#[test]
fn a_seal_that_was_wrong_from_the_beginning_is_refused() {
    let seal = DRAW.plan.seal(DRAW.root);
    let round_s = u64::try_from(seal.rules.close.0 / 1000).unwrap() + 43_200;
    let round_ms = i64::try_from(round_s * 1000).unwrap();
    for (cosigned_s, code) in [
        (1, "it holds"),
        (round_s - 1, "it holds"),
        (round_s, "quorum_too_late"),
        (round_s + 1, "quorum_too_late"),
        (round_s + 86_400, "quorum_too_late"),
    ] {
        assert_eq!(sealed(|_| (), cosigned_s), code, "{cosigned_s}");
    }
    type Change = fn(&mut DrawSeal);
    let changes: [(Change, &str); 12] = [
        (|seal| seal.draw.push('x'), "draw_differs"),
        (|seal| seal.rules.beacon.chain.0[0] ^= 1, "chain_unknown"),
        (|seal| seal.rules.beacon.local = false, "chain_local"),
        (|seal| seal.round += 1, "round_formula"),
        (|seal| seal.round -= 1, "round_formula"),
        (|seal| seal.rules.margin_s += 3, "round_formula"),
        (|seal| seal.rules.at = seal.rules.close, "rules_late"),
        (|seal| seal.at = Instant(seal.rules.close.0 - 1), "sealed_early"),
        (|seal| seal.exclusions.hash.0[0] ^= 1, "exclusions_hash"),
        (|seal| seal.exclusions.count -= 1, "exclusions_count"),
        (|seal| seal.exclusions.count += 1, "exclusions_count"),
        (|seal| seal.root.0[0] ^= 1, "entry_root"),
    ];
    for (change, code) in changes {
        assert_eq!(sealed(change, round_s - 60), code);
    }
    assert_eq!(sealed(|seal| seal.at = Instant(round_ms), round_s - 60), "sealed_late");
    assert_eq!(sealed(|seal| seal.at = Instant(round_ms - 1), round_s - 60), "it holds");
    // Trees of some other sizes have the same way to an entry: that is for the audit of all entries to find.
    assert_eq!(sealed(|seal| seal.entries += 1, round_s - 60), "it holds");
    assert_eq!(sealed(|seal| seal.entries += 100, round_s - 60), "entry_length");
    assert_eq!(sealed(|seal| seal.exclusions.count = 0, round_s - 60), "exclusions_count");
    assert_eq!(sealed(|seal| seal.rules.reserves += 1, round_s - 60), "it holds");
}

#[test]
fn a_draw_of_more_than_there_are_is_none() {
    // Nobody could have drawn it, so its proof is put together by hand.
    let draw = &*DRAW;
    let of = |change: fn(&mut DrawSeal)| {
        let mut proof = draw.held.proof(&draw.entries, 123).unwrap();
        change(&mut proof.seal);
        let (in_log, _) = draw.plan.seal_in_log(&proof.seal, 1_538_881_260).unwrap();
        proof.checkpoint = in_log.checkpoint.to_string();
        (proof.seal_index, proof.seal_proof) = (in_log.index, in_log.hashes);
        refusal(draw, proof.text().unwrap().as_bytes(), None)
    };
    assert_eq!(of(|seal| seal.rules.reserves = 900), "too_few_entries");
    assert_eq!(of(|seal| seal.exclusions.count = 998), "too_few_entries");
    assert_eq!(of(|seal| seal.exclusions.count = 1_001), "exclusions_count");
    assert_eq!(of(|seal| seal.entries = 123), "entry_index");
}

#[test]
fn exclusions_are_the_sealed_ones() {
    let draw = &*MANY_EXCLUDED;
    let honest = document(draw, 7);
    let list = draw.held.exclusions.as_str();
    for (list, code) in [
        (list.replacen("employee", "double_entry", 1), "exclusions_hash"),
        (list.to_owned() + "63 employee\n", "exclusions_hash"),
        (list.replacen("koi/exclusions/v1\n0 employee\n", "koi/exclusions/v1\n", 1), "exclusions_hash"),
        (list.trim_end().to_owned(), "exclusions_malformed"),
        (String::new(), "exclusions_malformed"),
    ] {
        assert_eq!(refusal(draw, &file(&honest), Some(&list)), code, "{list}");
    }
    let skipped: Vec<u64> = serde_json::from_value(honest["skipped"].clone()).unwrap();
    let [first, second] = [skipped[0], skipped[1]];
    let set = |to: Vec<u64>| file(&with(&honest, "skipped", |value| *value = json!(to)));
    let turned = [&[second, first], &skipped[2..]].concat();
    let never_met = (0..64).find(|index| index % 2 == 0 && !skipped.contains(index)).unwrap();
    for with_list in [None, Some(list)] {
        assert_eq!(refusal(draw, &set(turned.clone()), with_list), "skipped_differs");
        assert_eq!(refusal(draw, &set([&skipped[..], &[never_met]].concat()), with_list), "skipped_differs");
        assert_eq!(refusal(draw, &set([&skipped[..], &[64]].concat()), with_list), "excluded_nobody");
        assert_eq!(refusal(draw, &set((0..33).collect()), with_list), "exclusions_count");
    }
    assert_eq!(refusal(draw, &set(skipped[1..].to_vec()), Some(list)), "skipped_differs");
    // Without the list, an entry that is said to be no exclusion is drawn: another one wins, or moves up.
    let less = DrawProof::parse(&set(skipped[1..].to_vec())).unwrap().verify(&draw.plan.trust().unwrap(), None);
    assert!(less.is_err() || less.unwrap().exclusions_believed);
}

#[test]
fn whoever_verifies_may_ask_for_more() {
    let draw = &*DRAW;
    let proof = draw.held.proof(&draw.entries, 123).unwrap();
    let witnesses: Vec<_> = draw.plan.cosigners().unwrap().iter().map(|cosigner| cosigner.witness()).collect();
    let with = |quorum: Quorum| {
        let trust = DrawTrust { quorum: Some(quorum), ..draw.plan.trust().unwrap() };
        proof.verify(&trust, None).map(|verdict| verdict.bound.cosigned.len()).map_err(|why| why.code())
    };
    assert_eq!(with(Quorum::new(witnesses[..2].to_vec(), 2).unwrap()), Ok(2));
    assert_eq!(with(Quorum::new(witnesses, 3).unwrap()), Err("quorum_too_few"));
    let nobody = DrawTrust { chains: vec![], ..draw.plan.trust().unwrap() };
    assert_eq!(proof.verify(&nobody, None).map_err(|why| why.code()), Err("chain_unknown"));
    let mut another = draw.plan.trust().unwrap();
    another.log.keys = vec![Plan::small().cosigners().map(|_| other_key()).unwrap()];
    assert_eq!(proof.verify(&another, None).map_err(|why| why.code()), Err("signature_missing"));
}

fn other_key() -> koi_fair::log::VerifierKey {
    koi_fair::log::SignerKey::from_seed("made-up.example/log", [9; 32]).unwrap().verifier()
}
