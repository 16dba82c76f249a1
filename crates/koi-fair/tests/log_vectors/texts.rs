use koi_fair::log::{
    Checkpoint, CosignTime, CosignerKey, Leaves, Note, Policy, Quorum, SignedCheckpoint, SignerKey, TlogProof,
    TreeHash, VerifierKey, WitnessKey, inclusion,
};
use serde_json::{Value, json};

use crate::case;

/// The examples of the specifications and of Go's `note`, as in the tests of the library.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const WITNESS_KEY: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

const ORIGIN: &str = "log.example";
const SIZE: u64 = 11;
const INDEX: u64 = 6;
const BEFORE: u64 = 1_700_000_003;

/// Base64, as this library writes it in a proof's extra data.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let text = TlogProof { extra: Some(bytes.to_vec()), ..proof() }.to_string();
    text.lines().find_map(|line| line.strip_prefix("extra ")).unwrap_or_default().to_owned()
}

fn log() -> SignerKey {
    SignerKey::from_seed(ORIGIN, [1; 32]).unwrap()
}

fn cosigner(seed: u8) -> CosignerKey {
    CosignerKey::from_seed(&format!("w{seed}.example"), [seed; 32]).unwrap()
}

fn leaves() -> Leaves {
    Leaves((0..SIZE).map(|index| TreeHash::of_leaf(&index.to_be_bytes())).collect())
}

fn checkpoint(times: &[(u8, u64)]) -> SignedCheckpoint {
    let signed = Checkpoint::new(ORIGIN, SIZE, leaves().root(SIZE)).unwrap().sign(&[&log()]).unwrap();
    times.iter().fold(signed, |signed, (seed, seconds)| {
        let cosignature = cosigner(*seed).cosign(&signed, CosignTime::of_seconds(*seconds).unwrap());
        signed.with(cosignature).unwrap()
    })
}

fn proof() -> TlogProof {
    let hashes = inclusion(INDEX, SIZE, &leaves()).unwrap();
    TlogProof { extra: None, index: INDEX, hashes, checkpoint: checkpoint(&[(2, 1_700_000_000)]) }
}

pub(crate) fn keys() -> Vec<Value> {
    let notes = [
        ("the example of signed-note", SPEC_KEY.to_owned()),
        ("the example of Go", GO_KEY.to_owned()),
        ("refused: another name", GO_KEY.replace("Peter", "peter")),
        ("refused: another id", GO_KEY.replace("c74f20a3", "c74f20a4")),
        ("refused: capitals", GO_KEY.replace("c74f20a3", "C74F20A3")),
        ("refused: a space in the name", GO_KEY.replace("Peter", "Peter ")),
        ("refused: a key of a witness", WITNESS_KEY.to_owned()),
        (
            "refused: an unknown type",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".to_owned(),
        ),
    ];
    let notes = notes.map(|(name, key)| {
        let given = json!({"kind": "note", "key": key});
        case(
            name,
            given,
            key.parse::<VerifierKey>(),
            |key| json!({"name": key.name().as_str(), "id": hex(key.id())}),
        )
    });
    let witnesses = [("a public witness", WITNESS_KEY), ("refused: a key of a log", GO_KEY)].map(|(name, key)| {
        let given = json!({"kind": "witness", "key": key});
        case(
            name,
            given,
            key.parse::<WitnessKey>(),
            |key| json!({"name": key.name().as_str(), "id": hex(key.id())}),
        )
    });
    notes.into_iter().chain(witnesses).collect()
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

pub(crate) fn notes() -> Vec<Value> {
    let line = &GO_NOTE[GO_NOTE.find('—').unwrap()..];
    let other = cosigner(9).cosign(&checkpoint(&[]), CosignTime::of_seconds(1).unwrap()).to_string();
    let cases = [
        ("the example of signed-note", SPEC_NOTE.to_owned(), SPEC_KEY),
        ("the example of Go", GO_NOTE.to_owned(), GO_KEY),
        ("a line of an unknown key", format!("{GO_NOTE}{other}"), GO_KEY),
        ("refused: only unknown keys", GO_NOTE.to_owned(), SPEC_KEY),
        ("refused: another text", GO_NOTE.replace("answer", "Answer"), GO_KEY),
        ("refused: signed twice", format!("{GO_NOTE}{line}"), GO_KEY),
        ("refused: the id of another key", GO_NOTE.replace("x08go/", "x08gp/"), GO_KEY),
        ("refused: another signature", GO_NOTE.replace("/ZJkuBS9", "/ZJkuBS8"), GO_KEY),
        ("refused: no empty line", GO_NOTE.replace("\n\n", "\n"), GO_KEY),
        ("refused: no newline at the end", GO_NOTE.trim_end().to_owned(), GO_KEY),
        ("refused: a hyphen for the dash", GO_NOTE.replace('—', "-"), GO_KEY),
        ("refused: a carriage return", GO_NOTE.replace(".\n\n", ".\r\n\n"), GO_KEY),
        ("refused: base64 spelled otherwise", GO_NOTE.replace("nAM=", "nAN="), GO_KEY),
        ("refused: base64 without padding", GO_NOTE.replace("nAM=", "nAM"), GO_KEY),
        ("refused: text after the signatures", format!("{GO_NOTE}and more\n"), GO_KEY),
    ];
    let cases = cases.map(|(name, note, key)| {
        let given = json!({"note": note, "keys": [key]});
        let keys = [key.parse().unwrap()];
        let result = note.parse().and_then(|note: Note| note.open(&keys).map(str::to_owned));
        case(name, given, result, |text| json!({"text": text}))
    });
    cases.to_vec()
}

pub(crate) fn checkpoints() -> Vec<Value> {
    let good = checkpoint(&[]).to_string();
    let line = good.lines().last().unwrap().to_owned();
    // Signed as they stand, so that only their form is wrong.
    let signed = |text: String| Note::sign(&text, &[&log()]).unwrap().to_string();
    let root = leaves().root(SIZE);
    let cases = [
        ("a log", good.clone(), ORIGIN),
        ("cosigned by unknown witnesses", checkpoint(&[(2, 5)]).to_string(), ORIGIN),
        ("extension lines", signed(format!("{ORIGIN}\n11\n{root}\none\ntwo\n")), ORIGIN),
        ("an empty log", signed(format!("{ORIGIN}\n0\n{}\n", TreeHash::of_nothing())), ORIGIN),
        ("refused: another origin", good.clone(), "other.example"),
        ("refused: another size", good.replace("\n11\n", "\n12\n"), ORIGIN),
        ("refused: signed twice", format!("{good}{line}\n"), ORIGIN),
        ("refused: a zero in front", signed(format!("{ORIGIN}\n011\n{root}\n")), ORIGIN),
        ("refused: a sign in front", signed(format!("{ORIGIN}\n+11\n{root}\n")), ORIGIN),
        ("refused: no root", signed(format!("{ORIGIN}\n11\n")), ORIGIN),
        ("refused: a root of 31 bytes", signed(format!("{ORIGIN}\n11\n{}\n", base64(&[0; 31]))), ORIGIN),
        ("refused: no origin", signed(format!("\n11\n{root}\n")), ""),
        ("refused: an empty line", signed(format!("{ORIGIN}\n11\n{root}\none\n\ntwo\n")), ORIGIN),
        ("refused: a size above 64 bits", signed(format!("{ORIGIN}\n18446744073709551616\n{root}\n")), ORIGIN),
        ("refused: an empty log with a root", signed(format!("{ORIGIN}\n0\n{root}\n")), ORIGIN),
    ];
    let cases = cases.map(|(name, text, origin)| {
        let key = log().verifier();
        let given = json!({"checkpoint": text, "origin": origin, "keys": [key.to_string()]});
        let result = text.parse().and_then(|signed: SignedCheckpoint| signed.open(origin, &[key]).cloned());
        case(name, given, result, |checkpoint| {
            json!({"size": checkpoint.size(), "root": checkpoint.root().to_string(),
                   "extensions": checkpoint.extensions()})
        })
    });
    cases.to_vec()
}

pub(crate) fn cosignatures() -> Vec<Value> {
    let both = checkpoint(&[(2, BEFORE - 3), (3, BEFORE - 1)]).to_string();
    let late = checkpoint(&[(2, BEFORE - 3), (3, BEFORE)]).to_string();
    // A signature line with another time in it: the name, then base64 of 4 bytes of the id and 8 of the time.
    let line = cosigner(2).cosign(&checkpoint(&[]), CosignTime::of_seconds(1_700_000_000).unwrap()).to_string();
    let right = format!("{}{line}", checkpoint(&[]));
    let time = line.rfind(' ').map_or(0, |at| at + 1 + 14);
    let other_time = format!("{}{}AA{}", checkpoint(&[]), &line[..time], &line[time + 2..]);
    let cases = [
        ("two of three", both.clone(), 2, Some(BEFORE)),
        ("at any time", late.clone(), 2, None),
        ("one of three is enough", right, 1, None),
        ("none is needed", checkpoint(&[]).to_string(), 0, Some(BEFORE)),
        ("refused: too few", both.clone(), 3, None),
        ("refused: at the time is too late", late, 2, Some(BEFORE)),
        ("refused: another time", other_time, 1, None),
        ("refused: another size", both.replace("\n11\n", "\n12\n"), 2, None),
    ];
    let witnesses = [2, 3, 4].map(|seed| cosigner(seed).witness()).to_vec();
    let cases = cases.map(|(name, text, needed, before)| {
        let keys: Vec<String> = witnesses.iter().map(ToString::to_string).collect();
        let given = json!({"checkpoint": text, "witnesses": keys, "needed": needed, "before": before});
        let quorum = Quorum::new(witnesses.clone(), needed).unwrap();
        let signed: SignedCheckpoint = text.parse().unwrap();
        let result = match before {
            Some(before) => quorum.before(&signed, before),
            None => quorum.reached(&signed),
        };
        case(name, given, result, |found| {
            let found = found.iter().map(|found| json!([found.name.as_str(), found.time.seconds()]));
            json!(found.collect::<Vec<_>>())
        })
    });
    cases.to_vec()
}

pub(crate) fn proofs() -> Vec<Value> {
    let good = proof().to_string();
    let extra = TlogProof { extra: Some(b"a salt".to_vec()), ..proof() }.to_string();
    let hash = format!("{}\n", proof().hashes[0]);
    let first_signature = good.find('—').unwrap();
    let cases = [
        ("an entry", good.clone(), INDEX, Some(BEFORE)),
        ("extra data", extra.clone(), INDEX, Some(BEFORE)),
        ("at any time", good.clone(), INDEX, None),
        ("refused: another entry", good.clone(), INDEX + 1, Some(BEFORE)),
        ("refused: another index", good.replace("index 6", "index 7"), INDEX, Some(BEFORE)),
        ("refused: an index beyond the log", good.replace("index 6", "index 11"), INDEX, Some(BEFORE)),
        ("refused: another size", good.replace("\n11\n", "\n12\n"), INDEX, Some(BEFORE)),
        ("refused: a hash missing", good.replace(&hash, ""), INDEX, Some(BEFORE)),
        ("refused: a hash twice", good.replace(&hash, &hash.repeat(2)), INDEX, Some(BEFORE)),
        ("refused: too many hashes", good.replace(&hash, &hash.repeat(70)), INDEX, Some(BEFORE)),
        ("refused: cosigned at the time", good.clone(), INDEX, Some(1_700_000_000)),
        ("refused: another version", good.replace("@v1", "@v2"), INDEX, Some(BEFORE)),
        ("refused: a zero in front", good.replace("index 6", "index 06"), INDEX, Some(BEFORE)),
        ("refused: extra data twice", extra.replace("extra ", "extra AA==\nextra "), INDEX, Some(BEFORE)),
        ("refused: no signatures", good[..first_signature].to_owned(), INDEX, Some(BEFORE)),
        ("refused: nothing", String::new(), INDEX, Some(BEFORE)),
    ];
    let cases = cases.map(|(name, text, entry, before)| {
        let (key, witness) = (log().verifier(), cosigner(2).witness());
        let given = json!({"proof": text, "entry": base64(&entry.to_be_bytes()), "origin": ORIGIN,
            "keys": [key.to_string()], "witnesses": [witness.to_string()], "needed": 1, "before": before});
        let quorum = Quorum::new(vec![witness], 1).unwrap();
        let policy = Policy { origin: ORIGIN.to_owned(), keys: vec![key], quorum, before };
        let verify =
            |proof: TlogProof| proof.verify(&entry.to_be_bytes(), &policy).map_err(|error| format!("{error:?}"));
        let result =
            text.parse().map_err(|error: koi_fair::log::TlogProofError| format!("{error:?}")).and_then(verify);
        case(
            name,
            given,
            result.map_err(Told),
            |proved| json!({"index": proved.index, "size": proved.size, "root": proved.root.to_string()}),
        )
    });
    cases.to_vec()
}

/// A reason of either kind, shown as itself.
struct Told(String);

impl std::fmt::Debug for Told {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}
