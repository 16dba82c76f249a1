use proptest::prelude::*;

use super::*;
use crate::log::{Checkpoint, CheckpointError, SignedCheckpoint, TextError, TreeHash};

/// The example of <https://c2sp.org/signed-note>, "Verifier keys".
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// The example of Go's golang.org/x/mod/sumdb/note, with the keys of its tests.
const GO_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_OTHER_KEY: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const GO_TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE: &str = "— PeterNeumann \
    x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// The example of <https://c2sp.org/tlog-checkpoint>.
const SPEC_CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa \
    Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(name, [seed; 32]).unwrap()
}

#[test]
fn the_published_notes_are_read() {
    let note: Note = SPEC_NOTE.parse().unwrap();
    assert_eq!(note.open(&[key(SPEC_KEY)]), Ok("This is an example message.\n"));
    assert_eq!(note.to_string(), SPEC_NOTE);
    let note: Note = format!("{GO_TEXT}\n{GO_LINE}").parse().unwrap();
    assert_eq!(note.open(&[key(GO_KEY), key(GO_OTHER_KEY)]), Ok(GO_TEXT));
    assert_eq!(note.open(&[key(GO_OTHER_KEY)]), Err(NoteError::NoKnownKey));
    assert_eq!(note.open(&[]), Err(NoteError::NoKnownKey));
    assert_eq!(note.open(&[key(GO_KEY), key(GO_KEY)]), Err(NoteError::KeysAmbiguous));
    // An earlier example of the specification, whose text has an empty line.
    let poem = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
        — quasimodo.example/salvatore \
        NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let note: Note = poem.parse().unwrap();
    assert_eq!(note.to_string(), poem);
    assert!(note.text_unverified().ends_with("sole:\n\ned è subito sera.\n"));
}

#[test]
fn a_signature_is_the_published_one() {
    let signer: SignerKey = GO_SECRET.parse().unwrap();
    assert_eq!(signer.to_secret_text(), GO_SECRET);
    assert_eq!(signer.verifier(), key(GO_KEY));
    assert_eq!(Note::sign(GO_TEXT, &[&signer]).unwrap().to_string(), format!("{GO_TEXT}\n{GO_LINE}"));
    assert!(!format!("{signer:?}").contains("AYEK"));
}

#[test]
fn a_key_has_one_spelling() {
    // As in Go's note_test.go: no part of a key is a key, nor one with another byte.
    for from in 0..GO_KEY.len() {
        for to in from..=GO_KEY.len() {
            assert_eq!(GO_KEY[from..to].parse::<VerifierKey>().is_ok(), to - from == GO_KEY.len());
        }
    }
    for at in 0..GO_KEY.len() {
        let mut bytes = GO_KEY.as_bytes().to_vec();
        bytes[at] += 1;
        assert!(String::from_utf8(bytes).unwrap().parse::<VerifierKey>().is_err(), "{at}");
    }
    for (text, error) in [
        // From the same file: a key that is too long, an unknown type, both with the id that belongs to them.
        ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", KeyError::Shape),
        ("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Type(0x65)),
        (&GO_KEY.replace("c74f20a3", "C74F20A3"), KeyError::Shape),
        (&GO_KEY.replace("c74f20a3", "c74f20a4"), KeyError::Id),
        (&GO_KEY.replace("Peter", "Peter "), KeyError::Name),
        (&GO_KEY.replace("Peter", "Peter\u{a0}"), KeyError::Name),
        (&GO_KEY.replace("PeterNeumann", ""), KeyError::Name),
        (&format!("{GO_KEY}\n"), KeyError::Shape),
        ("", KeyError::Shape),
    ] {
        assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
    }
    // Keys whose signatures mean nothing, each with the id that belongs to it: the points of order 1 and 4,
    // and a second spelling of a point (y + p).
    let weak = |bytes: [u8; 32]| {
        let typed = [&[1], &bytes[..]].concat();
        let id = key::hex(key::key_id(&"weak".parse().unwrap(), &typed));
        format!("weak+{id}+{}", crate::log::text::base64(&typed)).parse::<VerifierKey>()
    };
    let mut one = [0; 32];
    one[0] = 1;
    assert_eq!(weak(one), Err(KeyError::Bytes));
    assert_eq!(weak([0; 32]), Err(KeyError::Bytes));
    let mut spelled_again = [0xFF; 32];
    spelled_again[31] = 0x7F;
    for low in 0xED..=0xFF {
        spelled_again[0] = low;
        assert_eq!(weak(spelled_again), Err(KeyError::Bytes));
    }
}

#[test]
fn a_secret_has_one_spelling() {
    for (text, error) in [
        (GO_KEY, KeyError::Shape),
        (&GO_SECRET.replace("c74f20a3", "c74f20a4"), KeyError::Id),
        (&GO_SECRET.replace("+AYEK", "+BYEK"), KeyError::Type(5)),
        (&GO_SECRET[..GO_SECRET.len() - 4], KeyError::Bytes),
        (&GO_SECRET.replace("PeterNeumann", "Peter Neumann"), KeyError::Name),
    ] {
        assert_eq!(text.parse::<SignerKey>().map(|_| ()), Err(error), "{text}");
    }
}

#[test]
fn what_is_not_a_note_is_refused_with_a_reason() {
    let many = format!("a\n\n{}", GO_LINE.repeat(101));
    let long = format!("{}\n\n{GO_LINE}", "a".repeat(1_000_000));
    for (text, error) in [
        ("", NoteError::NoNewline),
        ("a\n", NoteError::NoSignatures),
        ("a\n\n", NoteError::NoSignatures),
        (GO_LINE, NoteError::NoSignatures),
        (&format!("\n{GO_LINE}"), NoteError::NoSignatures),
        (&format!("a\n{GO_LINE}"), NoteError::NoSignatures),
        (&format!("a\n\n{}", GO_LINE.trim_end()), NoteError::NoNewline),
        (&format!("a\r\n\n{GO_LINE}"), NoteError::ControlCharacter),
        (&format!("a\0\n\n{GO_LINE}"), NoteError::ControlCharacter),
        (&format!("a\t\n\n{GO_LINE}"), NoteError::ControlCharacter),
        (&format!("a\n\n{GO_LINE}b\n"), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace('—', "-")), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace("— ", "—")), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace("Peter", "Peter+")), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace("Peter", "Peter ")), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace("PeterNeumann", "")), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace("nAM=", "nAN=")), NoteError::SignatureLine),
        (&format!("a\n\n{}", GO_LINE.replace("nAM=", "nAM")), NoteError::SignatureLine),
        ("a\n\n— b AAAAAA==\n", NoteError::SignatureLine),
        (&many, NoteError::TooManySignatures),
        (&long, NoteError::TooLong),
    ] {
        assert_eq!(text.parse::<Note>(), Err(error), "{}", &text[..text.len().min(80)]);
    }
    assert!(format!("a\n\n{}", GO_LINE.repeat(100)).parse::<Note>().is_ok());
    let signer = signer("a", 1);
    for (text, error) in [
        ("", NoteError::NoSignatures),
        ("a", NoteError::NoSignatures),
        ("a\r\n", NoteError::ControlCharacter),
        ("— b\n\nc", NoteError::SignatureLine),
    ] {
        assert_eq!(Note::sign(text, &[&signer]), Err(error), "{text:?}");
    }
}

#[test]
fn known_keys_must_be_right_and_others_do_not_matter() {
    let (ours, theirs) = (signer("ours", 1), signer("theirs", 2));
    let note = Note::sign("text\n", &[&ours, &theirs]).unwrap();
    let keys = [ours.verifier(), theirs.verifier()];
    assert_eq!(note.open(&keys), Ok("text\n"));
    let wrong = note.to_string().replace("text", "test");
    assert_eq!(wrong.parse::<Note>().unwrap().open(&keys), Err(NoteError::SignatureWrong));
    // One right and one wrong: refused if the wrong one's key is known.
    let other = Note::sign("other\n", &[&theirs]).unwrap();
    let mixed = Note::sign("text\n", &[&ours]).unwrap().with(other.signatures()[0].clone()).unwrap();
    assert_eq!(mixed.open(&keys), Err(NoteError::SignatureWrong));
    assert_eq!(mixed.open(&keys[..1]), Ok("text\n"));
    // The same name with another id is another key.
    let renamed = signer("ours", 3);
    assert_eq!(note.open(&[renamed.verifier()]), Err(NoteError::NoKnownKey));
    let twice = note.clone().with(note.signatures()[0].clone()).unwrap();
    assert_eq!(twice.open(&keys), Err(NoteError::SignedTwice));
    assert_eq!(twice.open(&keys[1..]), Ok("text\n"));
}

#[test]
fn checkpoints_are_read_strictly() {
    let signed: SignedCheckpoint = SPEC_CHECKPOINT.parse().unwrap();
    assert_eq!(signed.to_string(), SPEC_CHECKPOINT);
    assert_eq!(signed.claimed_origin(), "example.com/behind-the-sofa");
    let body = |text: &str| text.parse::<Checkpoint>();
    let root = TreeHash::of_leaf(b"");
    let good = format!("a b+c\n7\n{root}\n");
    assert_eq!(body(&good).unwrap().to_string(), good);
    assert_eq!(body(&format!("{good}more\nlines\n")).unwrap().extensions(), ["more", "lines"]);
    let (line, number) = (TextError::LineMissing, TextError::Number);
    for (text, error) in [
        (String::new(), line.into()),
        (good.replace("a b+c", ""), line.into()),
        (good.replace('7', ""), number.into()),
        (good.replace('7', "07"), number.into()),
        (good.replace('7', "+7"), number.into()),
        (good.replace('7', "18446744073709551616"), number.into()),
        (good.replace('7', "0"), CheckpointError::EmptyRoot),
        (good.replace('=', ""), TextError::Base64.into()),
        (format!("a\n7\n{}\n", "AAAA"), TextError::HashLength.into()),
        (good.trim_end().to_owned(), TextError::NoNewline.into()),
        (format!("{good}\n"), line.into()),
        (format!("{good}more\n\nlines\n"), line.into()),
        (format!("{good}more"), TextError::NoNewline.into()),
        (format!("{good}mo\tre\n"), CheckpointError::ControlCharacter),
        (good.replace("a b", "a\r"), CheckpointError::ControlCharacter),
    ] {
        assert_eq!(body(&text), Err(error), "{text:?}");
    }
    assert_eq!(body(&format!("a\n0\n{}\n", TreeHash::of_nothing())).unwrap().size(), 0);
}

#[test]
fn a_checkpoint_is_of_its_origin_and_signed_once_by_each() {
    let (ours, theirs) = (signer("ours", 1), signer("theirs", 2));
    let checkpoint = Checkpoint::new("ours", 1, TreeHash::of_leaf(b"")).unwrap();
    let signed = checkpoint.sign(&[&ours]).unwrap();
    assert_eq!(signed.open("ours", &[ours.verifier()]), Ok(&checkpoint));
    assert_eq!(signed.open("yours", &[ours.verifier()]), Err(CheckpointError::OriginDiffers));
    assert_eq!(signed.open("ours", &[theirs.verifier()]), Err(NoteError::NoKnownKey.into()));
    let again = signed.note().signatures()[0].clone();
    assert_eq!(signed.clone().with(again), Err(CheckpointError::SignedTwice));
    assert_eq!(checkpoint.sign(&[]), Err(NoteError::NoSignatures.into()));
    assert_eq!(Checkpoint::new("", 1, TreeHash::of_leaf(b"")), Err(TextError::LineMissing.into()));
    assert_eq!(Checkpoint::new("a\nb", 1, TreeHash::of_leaf(b"")), Err(CheckpointError::ControlCharacter));
}

#[test]
fn notes_and_checkpoints_are_read_by_another_implementation() {
    let signer: SignerKey = GO_SECRET.parse().unwrap();
    let checkpoint = Checkpoint::new("PeterNeumann", 12, TreeHash::of_leaf(b"x")).unwrap();
    let text = checkpoint.sign(&[&signer]).unwrap().to_string();
    let note = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let verifier = signed_note::StandardVerifier::new(GO_KEY).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (verified, unverified) = note.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("PeterNeumann", 12, checkpoint.root().0));
}

proptest! {
    #[test]
    fn what_is_signed_is_read_back(text in "([a-zé —+=\n]{0,20}\n)", names in prop::collection::vec("[a-zé/.]{1,8}", 1..4)) {
        let signers: Vec<SignerKey> = (0..).zip(&names).map(|(seed, name)| signer(name, seed)).collect();
        let keys: Vec<VerifierKey> = signers.iter().map(SignerKey::verifier).collect();
        let note = Note::sign(&text, &signers.iter().collect::<Vec<_>>()).unwrap();
        let read: Note = note.to_string().parse().unwrap();
        prop_assert_eq!(read.open(&keys), Ok(&text[..]));
    }

    #[test]
    fn a_note_that_was_changed_is_refused_or_means_the_same(at in 0..200_usize, byte: u8, cut: bool) {
        let mut bytes = format!("{GO_TEXT}\n{GO_LINE}").into_bytes();
        let at = at % bytes.len();
        if cut { bytes.remove(at); } else { bytes[at] ^= byte.max(1); }
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(note) = text.parse::<Note>() {
            prop_assert_eq!(note.to_string(), text);
            prop_assert!(note.open(&[key(GO_KEY)]).is_err());
        }
    }

    #[test]
    fn a_checkpoint_has_one_spelling(at in 0..200_usize, byte: u8, cut: bool) {
        let mut bytes = SPEC_CHECKPOINT.as_bytes().to_vec();
        let at = at % bytes.len();
        if cut { bytes.remove(at); } else { bytes[at] = byte; }
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(checkpoint) = text.parse::<SignedCheckpoint>() {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }
}
