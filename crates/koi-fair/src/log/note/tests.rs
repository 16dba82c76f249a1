//! Published notes are read and verified; any change of one is refused.

use proptest::prelude::*;

use super::*;

/// The example of Go's `golang.org/x/mod/sumdb/note`: text, keys and signatures.
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ROOT: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const SIGNATURES: &str = "\
\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=
";

fn published() -> String {
    format!("{TEXT}\n{SIGNATURES}")
}

fn key(text: &str) -> VerifierKey {
    VerifierKey::parse(text).unwrap()
}

#[test]
fn a_published_note_is_verified() {
    let note = Note::parse(published().as_bytes()).unwrap();
    assert_eq!(note.text, TEXT);
    assert_eq!(note.to_string(), published());
    for text in [NEUMANN, ROOT] {
        assert_eq!(key(text).to_string(), text);
        assert_eq!(note.signed_by(&key(text)), Ok(()), "{text}");
    }
    let stranger = Signer::new("PeterNeumann", [1; 32]).unwrap().key(Kind::Note);
    assert_eq!(note.signed_by(&stranger), Err(NoteRefusal::Unsigned), "a name alone is no key");
}

#[test]
fn a_note_has_one_shape() {
    let good = published();
    for (wrong, refusal) in [
        (String::new(), NoteRefusal::Shape),
        (TEXT.to_owned(), NoteRefusal::Shape),
        (format!("{TEXT}\n"), NoteRefusal::Shape),
        (good.trim_end().to_owned(), NoteRefusal::Shape),
        (good.replace("problem is", "problem\tis"), NoteRefusal::Text),
        (good.replace("\u{2014} Enoch", "- Enoch"), NoteRefusal::Signature),
        (good.replace("EnochRoot rwz", "EnochRoot  rwz"), NoteRefusal::Signature),
        (good.replace("EnochRoot rwz", "Enoch+Root rwz"), NoteRefusal::Signature),
        (good.replace("+QQ=", "+QQ"), NoteRefusal::Signature),
        (good.replace("+QQ=", "+QR="), NoteRefusal::Signature),
        (format!("{TEXT}\n\u{2014} a AAAAAA==\n"), NoteRefusal::Signature),
        (format!("{TEXT}\n{}", "\u{2014} a AAAAAAA=\n".repeat(101)), NoteRefusal::TooMany),
        ("x".repeat(NOTE_BYTES_MAX + 1), NoteRefusal::TooLong),
    ] {
        assert_eq!(Note::parse(wrong.as_bytes()), Err(refusal), "{}", &wrong[..wrong.len().min(300)]);
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteRefusal::Text));
}

#[test]
fn keys_are_checked() {
    for (wrong, refusal) in [
        (NEUMANN.replace("c74f20a3", "c74f20a4"), WrongKey::Hash),
        (NEUMANN.replace("Peter", "Petra"), WrongKey::Hash),
        (NEUMANN.replace("c74f20a3", "C74F20A3"), WrongKey::Shape),
        (NEUMANN.replace("+AR", "+BR"), WrongKey::Type(5)),
        (NEUMANN.replace("10TW", ""), WrongKey::Key),
        ("PeterNeumann".into(), WrongKey::Shape),
        (NEUMANN.replace("PeterNeumann", ""), WrongKey::Shape),
        (NEUMANN.replace("PeterNeumann", "Peter Neumann"), WrongKey::Shape),
    ] {
        assert_eq!(VerifierKey::parse(&wrong), Err(refusal), "{wrong}");
    }
    assert!(Signer::new("a b", [1; 32]).is_none() && Signer::new("", [1; 32]).is_none());
}

#[test]
fn a_witness_signs_the_time_with_the_text() {
    let witness = Signer::new("witness.example", [2; 32]).unwrap();
    let text = "koi.example/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    let mut note = Note { text: text.into(), signatures: vec![] };
    for time_s in [1_700_000_005, 1_700_000_000] {
        note.signatures.push(witness.cosignature(text, time_s));
    }
    let key = witness.key(Kind::Cosignature);
    assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key.clone()));
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read.cosigned_at(&key), Ok(1_700_000_000));
    assert_eq!(
        read.signed_by(&witness.key(Kind::Note)),
        Err(NoteRefusal::Unsigned),
        "another kind is another key"
    );
    // A witness that says to have seen it earlier has signed that.
    note.signatures[0].bytes[7] ^= 1;
    assert_eq!(note.cosigned_at(&key), Err(NoteRefusal::Forged));
}

#[test]
fn a_text_that_is_no_notes_is_not_signed() {
    let signer = Signer::new("koi", [3; 32]).unwrap();
    assert_eq!(format!("{signer:?}"), "Signer(koi)");
    for text in ["no end", "", "a\u{7}\n", "a\n\n\u{2014} b AAAAAAA="] {
        assert_eq!(signer.sign(text), None, "{text:?}");
    }
    let note = signer.sign("a\n\nb\n").unwrap();
    assert_eq!(Note::parse(note.as_bytes()).unwrap().text, "a\n\nb\n");
}

proptest! {
    #[test]
    fn a_changed_bit_is_refused_or_changes_nothing_that_was_signed(place in any::<proptest::sample::Index>(), bit in 0..8) {
        let good = published();
        let mut bytes = good.clone().into_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        if let Ok(note) = Note::parse(&bytes) {
            let verified = [NEUMANN, ROOT].map(|text| note.signed_by(&key(text)) == Ok(()));
            prop_assert!(verified != [true, true], "{}", String::from_utf8_lossy(&bytes));
            if verified != [false, false] {
                prop_assert_eq!(&note.text, TEXT);
            }
        }
    }

    #[test]
    fn nothing_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        let _ = Note::parse(&bytes);
        let _ = Note::parse(text.as_bytes());
        let _ = VerifierKey::parse(&text);
    }
}
