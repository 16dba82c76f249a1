use proptest::prelude::*;

use super::*;
use crate::log::{CosignTime, CosignerKey, Leaves, NoteError, SignerKey, inclusion};

const SIZE: u64 = 11;
const INDEX: u64 = 6;
const BEFORE: u64 = 1001;

fn log() -> SignerKey {
    SignerKey::from_seed("log.example", [1; 32]).unwrap()
}

fn cosigner() -> CosignerKey {
    CosignerKey::from_seed("witness.example", [2; 32]).unwrap()
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn proof(extra: Option<&[u8]>) -> TlogProof {
    let leaves = Leaves((0..SIZE).map(|index| TreeHash::of_leaf(&entry(index))).collect());
    let checkpoint = Checkpoint::new("log.example", SIZE, leaves.root(SIZE)).unwrap().sign(&[&log()]).unwrap();
    let cosignature = cosigner().cosign(&checkpoint, CosignTime::of_seconds(1000).unwrap());
    TlogProof {
        extra: extra.map(<[u8]>::to_vec),
        index: INDEX,
        hashes: inclusion(INDEX, SIZE, &leaves).unwrap(),
        checkpoint: checkpoint.with(cosignature).unwrap(),
    }
}

fn policy() -> Policy {
    Policy {
        origin: "log.example".to_owned(),
        keys: vec![log().verifier()],
        quorum: Quorum::new(vec![cosigner().witness()], 1).unwrap(),
        before: Some(BEFORE),
    }
}

#[test]
fn a_proof_shows_place_and_size() {
    for extra in [None, Some(&b""[..]), Some(b"a salt")] {
        let kept = proof(extra).to_string();
        let read: TlogProof = kept.parse().unwrap();
        assert_eq!(read, proof(extra));
        let proved = read.verify(&entry(INDEX), &policy()).unwrap();
        assert_eq!((proved.index, proved.size, proved.cosignatures.len()), (INDEX, SIZE, 1));
        assert!(kept.len() < 3 * 1024);
    }
}

#[test]
fn the_text_is_that_of_the_specification() {
    // The shape of https://c2sp.org/tlog-proof, whose example has its signatures cut out: header, extra, index,
    // hashes, an empty line, checkpoint.
    let text = proof(Some(b"foo")).to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra Zm9v\nindex 6\n"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[7..11],
        ["", "log.example", "11", proof(None).checkpoint.to_string().lines().nth(2).unwrap()]
    );
}

#[test]
fn what_is_not_a_proof_is_refused_with_a_reason() {
    let good = proof(Some(b"foo")).to_string();
    let hash = format!("{}\n", proof(None).hashes[0]);
    for (text, error) in [
        (String::new(), TlogProofError::Header),
        (good.replace("@v1", "@v2"), TlogProofError::Header),
        (good.replace("@v1\n", "@v1\r\n"), TlogProofError::Header),
        (good.replace("extra Zm9v\n", "extra Zm9w==\n"), TextError::Base64.into()),
        (good.replace("extra Zm9v\n", "extra Zm9v\nextra Zm9v\n"), TextError::WordMissing.into()),
        (good.replace("extra", "Extra"), TextError::WordMissing.into()),
        (good.replace("index 6\n", ""), TextError::WordMissing.into()),
        (good.replace("index 6", "index 06"), TextError::Number.into()),
        (good.replace("index 6", "index -6"), TextError::Number.into()),
        (good.replace("index 6", "index notanumber"), TextError::Number.into()),
        (good.replace(&hash, "!!notbase64!!\n"), TextError::Base64.into()),
        (good.replace(&hash, &format!("{}==\n", "A".repeat(86))), TextError::HashLength.into()),
        (good.replace(&hash, &hash.repeat(70)), TlogProofError::TooManyHashes),
        (good[..good.len() - 1].to_owned(), CheckpointError::Note(NoteError::NoNewline).into()),
    ] {
        assert_eq!(text.parse::<TlogProof>(), Err(error), "{text}");
    }
}

#[test]
fn refusals_give_the_first_reason() {
    let good = proof(None);
    let check = |proof: &TlogProof, policy: &Policy| proof.verify(&entry(INDEX), policy).unwrap_err();
    let origin = Policy { origin: "other.example".to_owned(), ..policy() };
    assert_eq!(check(&good, &origin), CheckpointError::OriginDiffers.into());
    let keys = Policy { keys: vec![], ..policy() };
    assert_eq!(check(&good, &keys), CheckpointError::Note(NoteError::NoKnownKey).into());
    let late = Policy { before: Some(1000), ..policy() };
    let too_late = CosignatureError::TooLate { before: 1000, needed: 1, in_time: 0 };
    assert_eq!(check(&good, &late), too_late.into());
    let stranger = CosignerKey::from_seed("else.example", [3; 32]).unwrap().witness();
    let strange = Policy { quorum: Quorum::new(vec![stranger], 1).unwrap(), ..policy() };
    assert_eq!(check(&good, &strange), CosignatureError::TooFew { needed: 1, found: 0 }.into());
    let moved = TlogProof { index: 7, ..good.clone() };
    assert_eq!(check(&moved, &policy()), ProofError::RootDiffers.into());
    let beyond = TlogProof { index: SIZE, ..good.clone() };
    assert_eq!(check(&beyond, &policy()), ProofError::IndexOutOfRange.into());
    assert_eq!(good.verify(&entry(7), &policy()).unwrap_err(), ProofError::RootDiffers.into());
    let other_size: TlogProof = good.to_string().replace("\n11\n", "\n12\n").parse().unwrap();
    assert_eq!(check(&other_size, &policy()), CheckpointError::Note(NoteError::SignatureWrong).into());
}

#[test]
fn every_bit_of_a_proof_counts() {
    let text = proof(None).to_string();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(mutated) = String::from_utf8(bytes) else { continue };
            let Ok(proof) = mutated.parse::<TlogProof>() else { continue };
            assert_eq!(proof.to_string(), mutated);
            assert!(proof.verify(&entry(INDEX), &policy()).is_err(), "{mutated}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_is_cut_or_put_together_is_believed(from in 0..800_usize, to in 0..800_usize, into in 0..800_usize) {
        let text = proof(None).to_string();
        let letters: Vec<char> = text.chars().collect();
        let (from, to, into) = (from % letters.len(), to % letters.len(), into % letters.len());
        let (from, to) = (from.min(to), from.max(to));
        let part = letters[from..to].iter();
        let doubled: String = letters[..into].iter().chain(part).chain(&letters[into..]).collect();
        let cut: String = letters[..from].iter().chain(&letters[to..]).collect();
        for mutated in [doubled, cut] {
            if let Ok(proof) = mutated.parse::<TlogProof>() {
                prop_assert_eq!(proof.to_string(), &mutated[..]);
                prop_assert!(mutated == text || proof.verify(&entry(INDEX), &policy()).is_err());
            }
        }
    }
}
