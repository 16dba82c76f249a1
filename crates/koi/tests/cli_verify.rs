//! `koi verify`, asked of the binary: made-up logs in folders and behind addresses, and what a shopper was given.

mod cli;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use cli::{Ran, run};
use koi_fair::draw::made_up::Plan;
use koi_fair::verify::made_up::{MadeUp, Mistake, cosigners, signer};
use serde_json::{Value, json};
use tempfile::TempDir;

type Files = BTreeMap<String, Vec<u8>>;

fn files(mistake: Option<Mistake>) -> Files {
    MadeUp::new(600, 5, mistake).unwrap().files().unwrap()
}

/// A folder of its own with these files.
fn folder(files: &Files) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

fn in_folder(folder: &str, name: &str) -> String {
    Path::new(folder).join(name).to_str().unwrap().to_owned()
}

/// Serves files until the test ends. Of `/log/x` it has the file `x`; `/broken/…` answers 500, `/away/…` sends elsewhere.
fn serve(files: Files) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let files = Arc::new(files);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let files = files.clone();
            std::thread::spawn(move || answer_all(stream, &files));
        }
    });
    address
}

fn answer_all(stream: TcpStream, files: &Files) {
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (status, body) = match path.strip_prefix("/log/").map(|name| files.get(name)) {
            Some(Some(bytes)) => ("200 OK", bytes.as_slice()),
            _ if path.starts_with("/broken") => ("500 Internal Server Error", &b"broken"[..]),
            _ if path.starts_with("/away") => ("302 Found\r\nlocation: /log", &b""[..]),
            _ => ("404 Not Found", &b"nothing"[..]),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body)).is_err() {
            break;
        }
    }
}

fn key() -> String {
    signer().unwrap().verifier().to_string()
}

/// The arguments for both witnesses.
fn witnesses() -> Vec<String> {
    let keys = cosigners().unwrap();
    keys.iter().flat_map(|cosigner| ["--witness".to_owned(), cosigner.witness().to_string()]).collect()
}

fn verify(arguments: &[&str]) -> Ran {
    run(&[&["verify"], arguments].concat())
}

/// Code, campaign, cell and ordinal of everything that was found in the first input.
fn found(report: &Value) -> Vec<Value> {
    let of = |finding: &Value| json!([finding["code"], finding["campaign"], finding["cell"], finding["ordinal"]]);
    report["inputs"][0]["findings"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn an_honest_log_holds_in_a_folder_and_at_an_address() {
    let files = files(None);
    let (_kept, folder) = folder(&files);
    let address = format!("{}/log", serve(files));
    let of = |input: &str| {
        let witnesses = witnesses();
        let mut arguments = vec![input, "--key"];
        let key = key();
        arguments.push(&key);
        arguments.extend(witnesses.iter().map(String::as_str));
        arguments.push("--json");
        let mut report = verify(&arguments).expect(0).json();
        assert_eq!(report["ok"], true);
        report["inputs"][0].as_object_mut().unwrap().remove("input");
        report
    };
    let report = of(&folder);
    assert_eq!(report, of(&address));
    assert_eq!(report, of(&format!("{address}/")));
    let input = &report["inputs"][0];
    assert_eq!((&input["kind"], &input["key_from"]), (&json!("log"), &json!("option")));
    assert_eq!(input["cosigned"].as_array().unwrap().len(), 2);
    let states: Vec<_> =
        input["campaigns"].as_array().unwrap().iter().map(|campaign| &campaign["state"]).collect();
    assert_eq!(states, ["running", "replayed", "replayed"]);
    assert_eq!(input["caveats"], json!(["times_believed", "local_randomness", "running"]));
}

#[test]
fn what_was_checked_and_what_it_does_not_show_is_said_in_words() {
    let (_kept, folder) = folder(&files(None));
    let said = verify(&[&folder]).expect(0).out;
    for words in [
        "signed by made-up.example/log (by its own word)",
        "spring     drawn again",
        "harbour    not closed yet",
        "What this shows",
        "What it does not show",
        "local randomness: not a public draw",
        "packets can be drawn again once the secret is revealed",
        "without witnesses",
        "All of it holds.",
    ] {
        assert!(said.replace("\n    ", " ").contains(words), "{words}:\n{said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 110 && line == line.trim_end()), "{said}");
}

#[test]
fn one_face_one_ordinal_and_one_missing_receipt_are_named() {
    let promised = MadeUp::new(600, 5, None).unwrap().promised;
    let (cell, ordinal) = (promised.cell, promised.ordinal);
    for (mistake, code) in [(Mistake::Face, "face"), (Mistake::Missing, "missing"), (Mistake::Ordinal, "missing")]
    {
        let (_kept, folder) = folder(&files(Some(mistake)));
        let report = verify(&[&folder, "--json"]).expect(1).json();
        assert_eq!(found(&report)[0], json!([code, "spring", cell, ordinal]));
        let said = verify(&[&folder]).expect(1).out;
        assert!(said.replace("\n    ", " ").contains(&format!("ordinal {ordinal}")), "{said}");
        assert!(said.contains("wrong."), "{said}");
        // The other campaigns are as they were.
        verify(&[&folder, "--campaign", "lantern", "--campaign", "harbour"]).expect(0);
    }
}

#[test]
fn a_receipt_is_looked_up_in_its_log() {
    let (_kept, honest) = folder(&files(None));
    let receipt = in_folder(&honest, "receipt.txt");
    let proof = in_folder(&honest, "proof.txt");
    let report = verify(&[&honest, "--receipt", &receipt, "--receipt", &proof, "--json"]).expect(0).json();
    assert_eq!(report["inputs"][0]["receipts"].as_array().unwrap().len(), 2);
    let (_kept, other) = folder(&files(Some(Mistake::Missing)));
    let report = verify(&[&other, "--receipt", &receipt, "--json"]).expect(1).json();
    let codes: Vec<_> = found(&report).iter().map(|found| found[0].clone()).collect();
    assert_eq!(codes, ["receipt_missing", "missing"]);
    let said = verify(&[&other, "--receipt", &receipt]).expect(1).out;
    assert!(said.replace("\n    ", " ").contains("was promised but is missing from the log"), "{said}");
    verify(&[&other, "--coupon", "cpn_of_nobody"]).expect(1);
    verify(&[&receipt, "--key", &key(), "--receipt", &receipt]).expect(2);
}

#[test]
fn what_a_shopper_keeps_is_known_by_what_is_in_it() {
    let files = files(None);
    let (_kept, folder) = folder(&files);
    // The names say nothing.
    let (receipt, proof) = (in_folder(&folder, "a.json"), in_folder(&folder, "b"));
    fs::rename(in_folder(&folder, "receipt.txt"), &receipt).unwrap();
    fs::rename(in_folder(&folder, "proof.txt"), &proof).unwrap();
    let report = verify(&[&receipt, &proof, "--key", &key(), "--json"]).expect(0).json();
    assert_eq!(report["inputs"][0]["kind"], "receipt");
    assert_eq!(report["inputs"][0]["caveats"], json!(["not_in_log", "face_not_drawn"]));
    assert_eq!(report["inputs"][1]["kind"], "coupon_proof");
    assert_eq!(report["inputs"][1]["receipt"], report["inputs"][0]["receipt"]);
    // The log beside it has the key.
    verify(&[&receipt, &proof, &folder]).expect(0);
    let said = verify(&[&receipt]).expect(2).err;
    assert!(said.contains("--key"), "{said}");
    // And from an address.
    let address = serve(files);
    verify(&[&format!("{address}/log/proof.txt"), "--key", &key()]).expect(0);
    // Whatever is changed in them is refused.
    for path in [&receipt, &proof] {
        let honest = fs::read_to_string(path).unwrap();
        fs::write(path, honest.replacen("1", "2", 1)).unwrap();
        verify(&[path, "--key", &key()]).expect(1);
    }
    fs::write(&receipt, "a shopping list").unwrap();
    let report = verify(&[&receipt, "--json"]).expect(1).json();
    assert_eq!(
        (&report["inputs"][0]["kind"], &found(&report)[0][0]),
        (&json!("unknown"), &json!("input_unknown"))
    );
}

#[test]
fn the_proof_of_a_draw_tells_an_entrant_their_number() {
    let (plan, entries) = (Plan::small(), koi_fair::log::Folder::default());
    let held = plan.hold(plan.write_entries(&entries, NonZeroUsize::MIN).unwrap()).unwrap();
    let proof = held.proof(&entries, 41).unwrap().text().unwrap();
    let made = BTreeMap::from([
        ("mine".to_owned(), proof.clone().into_bytes()),
        ("list".to_owned(), held.exclusions.into_bytes()),
        ("other".to_owned(), proof.replace("\"index\":41", "\"index\":42").into_bytes()),
    ]);
    let (_kept, folder) = folder(&made);
    let (mine, list, other) =
        (in_folder(&folder, "mine"), in_folder(&folder, "list"), in_folder(&folder, "other"));
    let key = plan.signer().unwrap().verifier().to_string();
    let report = verify(&[&mine, "--key", &key, "--json"]).expect(0).json();
    assert_eq!(report["inputs"][0]["kind"], "draw_proof");
    assert_eq!(
        (&report["inputs"][0]["draw"]["number"], &report["inputs"][0]["draw"]["entries"]),
        (&json!(42), &json!(1000))
    );
    assert_eq!(report["inputs"][0]["caveats"], json!(["local_randomness", "exclusions_believed"]));
    let said = verify(&[&mine, "--key", &key, "--exclusions", &list]).expect(0).out;
    assert!(said.contains("You were number 42 of 1,000; ") && !said.contains("--exclusions"), "{said}");
    let report = verify(&[&other, "--key", &key, "--json"]).expect(1).json();
    assert_eq!(found(&report)[0][0], "entry_root");
    verify(&[&mine]).expect(2);
}

#[test]
fn a_proof_needs_the_witnesses_that_are_asked_for() {
    let (_kept, folder) = folder(&files(None));
    let (proof, key) = (in_folder(&folder, "proof.txt"), key());
    let witnesses = witnesses();
    let other = koi_fair::log::CosignerKey::from_seed("other.example", [3; 32]).unwrap().witness().to_string();
    let with = |more: &[&str]| {
        let mut arguments = vec![proof.as_str(), "--key", &key];
        arguments.extend(witnesses.iter().map(String::as_str));
        arguments.extend(more);
        verify(&arguments)
    };
    with(&[]).expect(0);
    with(&["--quorum", "1"]).expect(0);
    with(&["--witness", &other]).expect(1);
    with(&["--witness", &other, "--quorum", "2"]).expect(0);
    with(&["--quorum", "3"]).expect(2);
    verify(&[&proof, "--key", &key, "--quorum", "1"]).expect(2);
}

#[test]
fn what_cannot_be_read_is_not_said_to_be_wrong() {
    let files = files(None);
    let address = serve(files.clone());
    let (_kept, folder) = folder(&files);
    for (input, words) in [
        (format!("{folder}/nothing"), "nothing"),
        (format!("{address}/nothing"), "there is nothing at"),
        (format!("{address}/broken"), "500"),
        (format!("{address}/away"), "redirection"),
        ("http://127.0.0.1:1/log".to_owned(), "fetching"),
        (format!("{folder}/tile"), "checkpoint"),
    ] {
        let said = verify(&[&input]).expect(2).err;
        assert!(said.contains(words), "{input}: {said}");
    }
}

#[test]
fn a_file_that_an_address_does_not_have_is_named() {
    let mut files = files(None);
    files.remove("tile/entries/001");
    let report = verify(&[&format!("{}/log", serve(files)), "--json"]).expect(1).json();
    let finding = &report["inputs"][0]["findings"][0];
    assert_eq!((&finding["code"], &finding["file"]), (&json!("tile_missing"), &json!("tile/entries/001")));
}
