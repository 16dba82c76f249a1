use super::*;
use crate::log::{Note, Quorum, SignerKey};
use crate::verify::made_up::{self, MadeUp, ORIGIN};

fn trust(needed: usize) -> Trust {
    let witnesses = made_up::cosigners().unwrap().iter().map(|cosigner| cosigner.witness()).collect();
    Trust { key: made_up::signer().unwrap().verifier(), quorum: Quorum::new(witnesses, needed).unwrap() }
}

fn code(bytes: &[u8], trust: &Trust) -> &'static str {
    let checked = check_file("file", bytes, trust);
    assert_eq!(checked.ok, checked.findings.is_empty());
    assert!(checked.findings.len() <= 1);
    checked.findings.first().map_or("", |finding| finding.code)
}

fn signed(text: &str) -> String {
    Note::sign(text, &[&made_up::signer().unwrap()]).unwrap().to_string()
}

#[test]
fn what_a_shopper_keeps_says_what_was_taken() {
    let made = MadeUp::new(100, 1, None).unwrap();
    let receipt = check_file("file", made.receipt.as_bytes(), &trust(2));
    assert_eq!((receipt.kind, receipt.ok), (Kind::Receipt, true));
    assert_eq!(receipt.receipt, Some(made.promised.clone()));
    let proof = check_file("file", made.proof.as_bytes(), &trust(2));
    assert_eq!((proof.kind, proof.ok), (Kind::CouponProof, true));
    assert_eq!(proof.receipt, Some(made.promised));
    assert_eq!(proof.size, Some(made.leaves.len() as u64));
    assert_eq!(proof.cosigned.unwrap().len(), 2);
}

#[test]
fn every_bit_of_it_matters() {
    let made = MadeUp::new(300, 2, None).unwrap();
    for honest in [made.receipt, made.proof] {
        for bit in 0..8 * honest.len() {
            let mut bytes = honest.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(code(&bytes, &trust(2)), "", "bit {bit} of {honest}");
        }
        for length in 0..honest.len() {
            assert_ne!(code(&honest.as_bytes()[..length], &trust(2)), "", "{length} bytes of {honest}");
        }
        assert_ne!(code(format!("{honest}\n").as_bytes(), &trust(2)), "");
    }
}

#[test]
fn a_receipt_is_two_lines_of_its_log() {
    let made = MadeUp::new(100, 1, None).unwrap();
    let leaf = made.receipt.lines().nth(1).unwrap();
    let end = std::str::from_utf8(made.leaves.iter().find(|leaf| leaf.ends_with(b"\"v\":1}")).unwrap()).unwrap();
    for (text, expected) in [
        (format!("{ORIGIN}/receipt\n{leaf}\n"), ""),
        (format!("other.example/receipt\n{leaf}\n"), "receipt_origin"),
        (format!("{ORIGIN}/receipt\n{leaf}\n{leaf}\n"), "receipt_shape"),
        (format!("{ORIGIN}/receipt\n"), "receipt_shape"),
        (format!("{ORIGIN}/receipt\n{leaf}\n\n"), "receipt_shape"),
        (format!("{ORIGIN}/receipt\n {leaf}\n"), "statement_not_canonical"),
        (format!("{ORIGIN}/receipt\n{}\n", leaf.replace("\"v\":1", "\"v\":2")), "statement_version"),
        (format!("{ORIGIN}/receipt\n{}\n", leaf.replace("\"cell\":", "\"cell\":70000")), "statement_member"),
        (format!("{ORIGIN}/receipt\n{end}\n"), "receipt_kind"),
    ] {
        assert_eq!(code(signed(&text).as_bytes(), &trust(0)), expected, "{text}");
    }
    let other = SignerKey::from_seed(ORIGIN, [1; 32]).unwrap();
    let text = format!("{ORIGIN}/receipt\n{leaf}\n");
    let by = |signers: &[&SignerKey]| code(Note::sign(&text, signers).unwrap().to_string().as_bytes(), &trust(0));
    assert_eq!(by(&[&other]), "signature_missing");
    assert_eq!(by(&[&other, &made_up::signer().unwrap()]), "");
}

#[test]
fn a_proof_is_refused_for_its_reason() {
    let made = MadeUp::new(100, 1, None).unwrap();
    let place =
        made.leaves.iter().position(|leaf| leaf.windows(16).any(|part| part == b"\"kind\":\"receipt\"")).unwrap();
    let proof = made_up::proof_of(&made.leaves, place).unwrap();
    let refused = |change: &dyn Fn(&mut TlogProof)| {
        let mut changed = proof.clone();
        change(&mut changed);
        code(changed.to_string().as_bytes(), &trust(2))
    };
    assert_eq!(refused(&|_| {}), "");
    assert_eq!(refused(&|proof| proof.extra = None), "proof_no_leaf");
    assert_eq!(refused(&|proof| proof.extra = Some(vec![])), "inclusion_root");
    assert_eq!(refused(&|proof| proof.index = 1 << 40), "inclusion_index");
    assert_eq!(refused(&|proof| proof.index += 1), "inclusion_root");
    assert_eq!(refused(&|proof| proof.hashes.truncate(1)), "inclusion_length");
    assert_eq!(refused(&|proof| proof.hashes.push(proof.hashes[0])), "inclusion_length");
    assert_eq!(refused(&|proof| proof.hashes.swap(0, 1)), "inclusion_root");
    assert_eq!(refused(&|proof| *proof = made_up::proof_of(&made.leaves, 0).unwrap()), "receipt_kind");
    assert_eq!(code(proof.to_string().replace("index ", "index 0").as_bytes(), &trust(2)), "proof_malformed");
}

#[test]
fn a_file_is_known_by_its_first_bytes() {
    let long = vec![b'{'; FILE_BYTES_MAX + 1];
    for (bytes, kind, expected) in [
        (&b"c2sp.org/tlog-proof@v1\n"[..], Kind::CouponProof, "proof_malformed"),
        (b"c2sp.org/tlog-proof@v1", Kind::Unknown, "input_unknown"),
        (b"c2sp.org/tlog-proof@v2\n", Kind::Unknown, "input_unknown"),
        (b"x/receipt\n", Kind::Receipt, "note_malformed"),
        (b"x/receipt", Kind::Receipt, "note_malformed"),
        (b"", Kind::Unknown, "input_unknown"),
        (b"\xff/receipt\n", Kind::Unknown, "input_unknown"),
        (&long, Kind::Unknown, "input_too_long"),
    ] {
        assert_eq!(kind_of(bytes), kind);
        assert_eq!(code(bytes, &trust(0)), expected);
    }
    assert_eq!(kind_of(b"{}"), Kind::DrawProof);
}
