use proptest::prelude::*;

use super::*;
use crate::log::{
    Checkpoint, CheckpointError, CosignTime, CosignerKey, Leaves, NoteError, ProofError, SignedCheckpoint,
    SignerKey, TextError, TreeHash, consistency,
};

/// The example of <https://c2sp.org/tlog-witness>.
const SPEC_REQUEST: &str = "\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";
const SPEC_ANSWER: &str = "\
— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
";

#[test]
fn the_published_messages_are_read() {
    let request: AddCheckpoint = SPEC_REQUEST.parse().unwrap();
    assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
    assert_eq!(request.to_string(), SPEC_REQUEST);
    let answer = Answer::parse(200, "text/plain; charset=utf-8", SPEC_ANSWER).unwrap();
    let Answer::Cosigned(signatures) = &answer else { panic!("{answer:?}") };
    assert_eq!(signatures.len(), 3);
    assert_eq!(answer.body(), SPEC_ANSWER);
}

#[test]
fn what_is_not_a_request_is_refused_with_a_reason() {
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    let many = SPEC_REQUEST.replace(hash, &hash.repeat(61));
    for (body, error) in [
        (String::new(), TextError::LineMissing.into()),
        ("old 1".to_owned(), TextError::NoNewline.into()),
        (SPEC_REQUEST.replace("old ", "old"), TextError::WordMissing.into()),
        (SPEC_REQUEST.replace("old 2", "old 02"), TextError::Number.into()),
        (SPEC_REQUEST.replace("old 2", "size 2"), TextError::WordMissing.into()),
        (SPEC_REQUEST.replace("pkaw=", "pkax="), TextError::Base64.into()),
        (SPEC_REQUEST.replacen(hash, "AAAA\n", 1), TextError::HashLength.into()),
        (many, RequestError::TooManyHashes),
        (SPEC_REQUEST.replace("Kj/0=\n\n", "Kj/0=\n"), TextError::Base64.into()),
        (
            SPEC_REQUEST.replacen("\n\nexample", "\n\n\nexample", 1),
            CheckpointError::Text(TextError::LineMissing).into(),
        ),
    ] {
        let refused = body.parse::<AddCheckpoint>().unwrap_err();
        assert_eq!(refused, error, "{body}");
    }
    assert!(SPEC_REQUEST.replace(hash, &hash.repeat(60)).parse::<AddCheckpoint>().is_ok());
}

#[test]
fn answers_are_read_back() {
    for answer in [
        Answer::BadRequest,
        Answer::Forbidden,
        Answer::NotFound,
        Answer::OtherSize(0),
        Answer::OtherSize(u64::MAX),
        Answer::OtherRoot,
        Answer::Unprocessable,
    ] {
        assert_eq!(Answer::parse(answer.status(), answer.content_type(), &answer.body()), Ok(answer));
    }
    let size = |body| Answer::parse(409, Answer::SIZE_TYPE, body);
    for body in ["", "7", "07\n", "7\n\n", "-7\n"] {
        assert_eq!(size(body), Err(AnswerError::Size), "{body:?}");
    }
    assert_eq!(Answer::parse(500, "", ""), Err(AnswerError::Status(500)));
    assert_eq!(Answer::parse(200, "", ""), Err(NoteError::NoSignatures.into()));
    assert_eq!(Answer::parse(200, "", "ok\n"), Err(NoteError::SignatureLine.into()));
}

fn log() -> SignerKey {
    SignerKey::from_seed("log.example", [1; 32]).unwrap()
}

fn known() -> KnownLog {
    KnownLog { origin: "log.example".to_owned(), keys: vec![log().verifier()] }
}

fn cosigner() -> CosignerKey {
    CosignerKey::from_seed("witness.example", [2; 32]).unwrap()
}

fn leaves(size: u8) -> Leaves {
    Leaves((0..size).map(|index| TreeHash::of_leaf(&[index])).collect())
}

fn signed(size: u64, root: TreeHash) -> SignedCheckpoint {
    Checkpoint::new("log.example", size, root).unwrap().sign(&[&log()]).unwrap()
}

fn seen(size: u64) -> Seen {
    Seen { size, root: leaves(20).root(size) }
}

fn request(old_size: u64, size: u64) -> AddCheckpoint {
    let leaves = leaves(20);
    let proof = consistency(old_size, size, &leaves).unwrap();
    AddCheckpoint { old_size, proof, checkpoint: signed(size, leaves.root(size)) }
}

fn run(seen: Option<Seen>, request: &AddCheckpoint) -> Result<Seen, Refusal> {
    let time = CosignTime::of_seconds(1000).unwrap();
    let (seen, signature) = decide(seen.as_ref(), Some(&known()), request, &cosigner(), time)?;
    let cosigned = request.checkpoint.clone().with(signature).unwrap();
    assert_eq!(cosigner().witness().time_of(&cosigned), Ok(Some(time)));
    Ok(seen)
}

#[test]
fn a_witness_cosigns_what_only_grows() {
    assert_eq!(run(None, &request(0, 5)), Ok(seen(5)));
    assert_eq!(run(Some(seen(5)), &request(5, 11)), Ok(seen(11)));
    assert_eq!(run(Some(seen(11)), &request(11, 11)), Ok(seen(11)));
    assert_eq!(run(None, &request(0, 0)), Ok(seen(0)));
    assert_eq!(run(Some(seen(0)), &request(0, 3)), Ok(seen(3)));
}

#[test]
fn refusals_come_in_their_order() {
    let time = CosignTime::of_seconds(1000).unwrap();
    let refusal = decide(None, None, &request(0, 5), &cosigner(), time).unwrap_err();
    assert_eq!((refusal, Answer::from(refusal).status()), (Refusal::UnknownLog, 404));

    let stranger = SignerKey::from_seed("log.example", [3; 32]).unwrap();
    let forged = Checkpoint::new("log.example", 5, seen(5).root).unwrap().sign(&[&stranger]).unwrap();
    let other_origin = Checkpoint::new("other.example", 5, seen(5).root).unwrap().sign(&[&log()]).unwrap();
    let with = |checkpoint| AddCheckpoint { old_size: 9, proof: vec![], checkpoint };
    let unproved = |old_size, size| AddCheckpoint { proof: vec![], ..request(old_size, size) };
    let other_root =
        |old_size, size| AddCheckpoint { checkpoint: signed(size, TreeHash([7; 32])), ..request(old_size, size) };
    let old_size = |old_size, request| AddCheckpoint { old_size, ..request };
    let short = ProofError::TooShort { needed: 3, given: 0 };
    for (seen, request, refusal, status) in [
        (None, with(forged), Refusal::NotSigned(NoteError::NoKnownKey.into()), 403),
        (None, with(other_origin), Refusal::NotSigned(CheckpointError::OriginDiffers), 403),
        (Some(seen(5)), with(signed(8, seen(8).root)), Refusal::SizesOutOfOrder, 400),
        (None, request(3, 5), Refusal::OtherSize { seen: 0 }, 409),
        (Some(seen(5)), request(0, 8), Refusal::OtherSize { seen: 5 }, 409),
        // Back to a smaller log.
        (Some(seen(8)), request(5, 8), Refusal::OtherSize { seen: 8 }, 409),
        (Some(seen(8)), request(5, 6), Refusal::OtherSize { seen: 8 }, 409),
        (Some(seen(8)), old_size(8, request(5, 6)), Refusal::SizesOutOfOrder, 400),
        (Some(seen(8)), other_root(8, 8), Refusal::OtherRoot, 409),
        (Some(seen(6)), unproved(6, 8), Refusal::ProofWrong(short), 422),
        (Some(seen(6)), other_root(6, 8), Refusal::ProofWrong(ProofError::RootDiffers), 422),
        (
            Some(Seen { root: TreeHash([7; 32]), ..seen(6) }),
            request(6, 8),
            Refusal::ProofWrong(ProofError::OldRootDiffers),
            422,
        ),
        (
            None,
            AddCheckpoint { proof: vec![TreeHash([0; 32])], ..request(0, 5) },
            Refusal::ProofWrong(ProofError::TooLong { needed: 0, given: 1 }),
            422,
        ),
    ] {
        assert_eq!(run(seen, &request), Err(refusal));
        assert_eq!(Answer::from(refusal).status(), status, "{refusal}");
    }
}

proptest! {
    #[test]
    fn a_request_has_one_spelling(at in 0..1000_usize, byte: u8, cut: bool) {
        let mut bytes = SPEC_REQUEST.as_bytes().to_vec();
        let at = at % bytes.len();
        if cut { bytes.remove(at); } else { bytes[at] = byte; }
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(request) = text.parse::<AddCheckpoint>() {
            prop_assert_eq!(request.to_string(), text);
        }
    }

    #[test]
    fn a_witness_never_goes_back(requests in prop::collection::vec((0..20_u64, 0..20_u64, any::<bool>()), 1..12)) {
        let mut state: Option<Seen> = None;
        for (old_size, more, honest) in requests {
            let size = (old_size + more).min(20);
            let mut asked = request(old_size.min(size), size);
            if !honest {
                asked.checkpoint = signed(size.max(1), TreeHash([9; 32]));
            }
            let before = state;
            if let Ok(now) = run(state, &asked) {
                prop_assert!(now.size >= before.map_or(0, |before| before.size));
                state = Some(now);
            }
            // Once it saw the true history, it never believes another.
            if before.is_some_and(|before| before.size > 0 && before == seen(before.size)) {
                prop_assert_eq!(state, state.map(|state| seen(state.size)));
            }
        }
    }
}
