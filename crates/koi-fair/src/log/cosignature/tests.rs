use super::*;
use crate::log::{Checkpoint, NoteError, Quorum, QuorumError, SignerKey, TreeHash, VerifierKey};

/// A checkpoint that a public log published and four public witnesses cosigned, in 2026.
const PUBLISHED: &str = "\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";
const LOG: &str = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
const WITNESSES: [&str; 4] = [
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
];
/// Which did not cosign it.
const OTHER_WITNESS: &str =
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G";
const PUBLISHED_TIME: u64 = 0x6A12_2120;

fn witness(text: &str) -> WitnessKey {
    text.parse().unwrap()
}

fn time(seconds: u64) -> CosignTime {
    CosignTime::of_seconds(seconds).unwrap()
}

#[test]
fn the_published_cosignatures_are_right() {
    let checkpoint: SignedCheckpoint = PUBLISHED.parse().unwrap();
    assert_eq!(checkpoint.to_string(), PUBLISHED);
    let log: VerifierKey = LOG.parse().unwrap();
    let opened = checkpoint.open("arche2025h1.staging.ct.transparency.dev", &[log]).unwrap();
    assert_eq!(opened.size(), 1_432_088_532);
    for text in WITNESSES {
        assert_eq!(witness(text).to_string(), text);
        assert_eq!(witness(text).time_of(&checkpoint), Ok(Some(time(PUBLISHED_TIME))), "{text}");
    }
    assert_eq!(witness(OTHER_WITNESS).time_of(&checkpoint), Ok(None));
    let quorum = Quorum::new(WITNESSES.map(witness).to_vec(), 4).unwrap();
    assert_eq!(quorum.before(&checkpoint, PUBLISHED_TIME + 1).unwrap().len(), 4);
    assert_eq!(
        quorum.before(&checkpoint, PUBLISHED_TIME),
        Err(CosignatureError::TooLate { before: PUBLISHED_TIME, needed: 4, in_time: 0 })
    );
    let larger: SignedCheckpoint = PUBLISHED.replacen("1432088532", "1432088533", 1).parse().unwrap();
    for text in WITNESSES {
        let wrong = CosignatureError::Wrong { name: witness(text).name().clone() };
        assert_eq!(witness(text).time_of(&larger), Err(wrong));
    }
}

#[test]
fn the_example_of_the_specification_is_read() {
    // https://c2sp.org/tlog-cosignature; its keys are not published.
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa \
        Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 \
        jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let checkpoint: SignedCheckpoint = text.parse().unwrap();
    assert_eq!(checkpoint.to_string(), text);
    let cosignature = checkpoint.note().signatures()[1].bytes();
    assert_eq!(cosignature.len(), 8 + 64);
    assert_eq!(u64::from_be_bytes(cosignature[..8].try_into().unwrap()), 1_679_315_147);
    let message = message(time(1_679_315_147), checkpoint.note().text_unverified());
    assert_eq!(
        message,
        "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
         CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    );
}

fn log() -> SignerKey {
    SignerKey::from_seed("log.example", [1; 32]).unwrap()
}

fn cosigner(seed: u8) -> CosignerKey {
    CosignerKey::from_seed(&format!("w{seed}.example"), [seed; 32]).unwrap()
}

fn signed() -> SignedCheckpoint {
    Checkpoint::new("log.example", 1, TreeHash::of_leaf(b"")).unwrap().sign(&[&log()]).unwrap()
}

#[test]
fn every_bit_of_a_cosignature_counts() {
    let (checkpoint, cosigner) = (signed(), cosigner(2));
    let signature = cosigner.cosign(&checkpoint, time(1000));
    let bytes = signature.bytes().to_vec();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let cosigned = checkpoint.clone().with(cosigner.0.line(flipped)).unwrap();
        assert!(cosigner.witness().time_of(&cosigned).is_err(), "{bit}");
    }
    for bytes in [&bytes[..7], &bytes[..71], &[&bytes[..], &[0]].concat()] {
        let cosigned = checkpoint.clone().with(cosigner.0.line(bytes.to_vec())).unwrap();
        let wrong = CosignatureError::Wrong { name: cosigner.witness().name().clone() };
        assert_eq!(cosigner.witness().time_of(&cosigned), Err(wrong));
    }
    // Time 0, rightly signed, says nothing of a time.
    let text = checkpoint.note().text_unverified();
    let signature = cosigner.0.sign(format!("cosignature/v1\ntime 0\n{text}").as_bytes());
    let cosigned = checkpoint.clone().with(cosigner.0.line([&[0; 8][..], &signature].concat())).unwrap();
    let no_time = CosignatureError::TimeOutOfRange { name: cosigner.witness().name().clone() };
    assert_eq!(cosigner.witness().time_of(&cosigned), Err(no_time));
    for seconds in [0, 1 << 63, u64::MAX] {
        assert_eq!(CosignTime::of_seconds(seconds), Err(TimeOutOfRange { seconds }));
    }
}

#[test]
fn a_note_signature_is_no_cosignature() {
    // The same secret and name, as another type: another id, so that neither stands for the other.
    let cosigner = CosignerKey::from_seed("log.example", [1; 32]).unwrap();
    assert_eq!(cosigner.witness().time_of(&signed()), Ok(None));
    let text = cosigner.witness().to_string();
    assert_eq!(text.parse::<VerifierKey>(), Err(KeyError::Type(4)));
    assert_eq!(LOG.parse::<WitnessKey>(), Err(KeyError::Type(1)));
    assert_eq!(log().to_secret_text().parse::<CosignerKey>().map(|_| ()), Err(KeyError::Type(1)));
    let cosigned = signed().with(cosigner.cosign(&signed(), time(5))).unwrap();
    let read: CosignerKey = cosigner.to_secret_text().parse().unwrap();
    assert_eq!(read.witness().time_of(&cosigned), Ok(Some(time(5))));
    assert_eq!(cosigned.note().open(&[log().verifier()]).map(|_| ()), Ok(()));
    assert_eq!(signed().note().open(&[]), Err(NoteError::NoKnownKey));
}

#[test]
fn a_quorum_counts_each_witness_once_and_in_time() {
    let mut checkpoint = signed();
    for (seed, seconds) in [(2, 1000), (3, 1001), (9, 1)] {
        checkpoint = checkpoint.clone().with(cosigner(seed).cosign(&checkpoint, time(seconds))).unwrap();
    }
    let witnesses: Vec<WitnessKey> = [2, 3, 4].map(|seed| cosigner(seed).witness()).to_vec();
    let quorum = |needed| Quorum::new(witnesses.clone(), needed).unwrap();
    let found = quorum(2).reached(&checkpoint).unwrap();
    assert_eq!(found.iter().map(|found| found.time.seconds()).collect::<Vec<_>>(), [1000, 1001]);
    assert_eq!(quorum(3).reached(&checkpoint), Err(CosignatureError::TooFew { needed: 3, found: 2 }));
    assert_eq!(quorum(2).before(&checkpoint, 1002).unwrap().len(), 2);
    let late = CosignatureError::TooLate { before: 1001, needed: 2, in_time: 1 };
    assert_eq!(quorum(2).before(&checkpoint, 1001), Err(late));
    assert_eq!(quorum(1).before(&checkpoint, 1001).unwrap().len(), 1);
    assert_eq!(quorum(0).before(&checkpoint, 0), Ok(vec![]));

    let few = QuorumError::TooFew { needed: 4, witnesses: 3 };
    assert_eq!(Quorum::new(witnesses.clone(), 4), Err(few));
    let renamed = CosignerKey::from_seed("w5.example", [2; 32]).unwrap().witness();
    let same = QuorumError::Same { name: renamed.name().clone() };
    assert_eq!(Quorum::new(vec![witnesses[0].clone(), renamed], 1), Err(same));
    let other_key = CosignerKey::from_seed("w2.example", [5; 32]).unwrap().witness();
    let same = QuorumError::Same { name: other_key.name().clone() };
    assert_eq!(Quorum::new(vec![witnesses[0].clone(), other_key], 1), Err(same));
}

#[test]
fn signatures_are_taken_away_without_touching_the_rest() {
    let cosigned = signed().with(cosigner(2).cosign(&signed(), time(7))).unwrap();
    let by_log = |signature: &crate::log::Signature| signature.id() == log().verifier().id();
    assert_eq!(cosigned.only(by_log), Ok(signed()));
    assert_eq!(cosigned.only(|_| true).as_ref(), Ok(&cosigned));
    let by_witness = cosigned.only(|signature| !by_log(signature)).unwrap();
    assert_eq!(cosigner(2).witness().time_of(&by_witness), Ok(Some(time(7))));
    assert_eq!(by_witness.claimed(), signed().claimed());
    // A note without signatures is none.
    assert_eq!(cosigned.only(|_| false), Err(NoteError::NoSignatures.into()));
}
