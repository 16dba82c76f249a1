//! `koi fair`: the vectors that all verifiers share, asked of the binary; and what it says to wrong calls.

mod cli;

use std::io::Write;
use std::process::Stdio;

use cli::{Ran, koi, run};
use serde_json::{Value, json};

const QUICKNET: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
const ROUND_1000: &str = r#"{"round":1000,"randomness":"fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd","signature":"b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"}"#;
const BYTES: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{value}: no text {name}"))
}

/// Numbers that are texts in the vectors, as the command writes them.
fn numbers(value: &Value) -> Value {
    value.as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> Value {
    json!(value.as_str().unwrap().parse::<u64>().unwrap())
}

/// A file in a folder of its own.
fn file(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// `koi fair beacon` with something on standard input.
fn beacon(arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = koi();
    command.args(["fair", "beacon"]).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It stops reading where it has seen enough.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_genuine_round_is_said_in_one_line() {
    let ran = beacon(&[], ROUND_1000.as_bytes()).expect(0);
    let expected = format!(
        "{{\"valid\":true,\"round\":1000,\
         \"randomness\":\"fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd\",\
         \"chain\":\"{QUICKNET}\",\"time\":\"2023-08-23T15:59:24Z\"}}\n"
    );
    assert_eq!((ran.out, ran.err), (expected, String::new()));
}

#[test]
fn rounds_are_judged_as_the_vectors_have_it() {
    let vectors = vectors(include_str!("../../../verify/vectors/beacon.json"));
    let judged = |entry: &Value| {
        let (_folder, chain) = file(&vectors["chains"][text(entry, "chain")].to_string());
        let mut answer = json!({ "round": number(&entry["round"]), "signature": entry["signature"] });
        if !entry["randomness"].is_null() {
            answer["randomness"] = entry["randomness"].clone();
        }
        beacon(&["--chain", &chain], answer.to_string().as_bytes())
    };
    for entry in vectors["accepted"].as_array().unwrap() {
        let said = judged(entry).expect(0).json();
        assert_eq!((&said["valid"], &said["randomness"]), (&json!(true), &entry["randomness"]), "{entry}");
        let notice = (text(entry, "chain") == "local").then_some("local randomness: not a public draw");
        assert_eq!(said["notice"].as_str(), notice, "{entry}");
    }
    for entry in vectors["refused"].as_array().unwrap() {
        let said = judged(entry).expect(1).json();
        assert_eq!((&said["valid"], &said["reason"]), (&json!(false), &entry["reason"]), "{entry}");
        assert!(said["detail"].as_str().unwrap().contains(' '), "{said}");
    }
    for entry in vectors["chains_refused"].as_array().unwrap() {
        let (_folder, chain) = file(&entry["info"].to_string());
        let said = beacon(&["--chain", &chain], ROUND_1000.as_bytes()).expect(1).json();
        assert_eq!(said["reason"], format!("chain_{}", text(entry, "reason")), "{entry}");
    }
}

#[test]
fn input_that_is_no_round_is_refused_and_not_read_forever() {
    for (input, reason) in [
        (&b""[..], "unreadable"),
        (b"\xFF", "unreadable"),
        (b"<html>", "unreadable"),
        (&vec![b' '; 1 << 20], "too_long"),
    ] {
        let ran = beacon(&[], input).expect(1);
        assert_eq!(ran.json()["reason"], reason);
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    }
}

#[test]
fn rounds_and_times_follow_from_each_other() {
    for (arguments, round, time) in [
        (["--at", "2026-11-11T20:00:00+08:00"], 33_865_012, "2026-11-11T12:00:00Z"),
        (["--at", "2026-11-11T12:00:00.000000001Z"], 33_865_013, "2026-11-11T12:00:03Z"),
        (["--at", "1970-01-01T00:00:00Z"], 1, "2023-08-23T15:09:27Z"),
        (["--of", "1000"], 1000, "2023-08-23T15:59:24Z"),
    ] {
        let said = run(&[&["fair", "round"], &arguments[..]].concat()).expect(0).json();
        assert_eq!(said, json!({ "round": round, "time": time, "chain": QUICKNET }), "{arguments:?}");
    }
    let vectors = vectors(include_str!("../../../verify/vectors/beacon.json"));
    let (_folder, local) = file(&vectors["chains"]["local"].to_string());
    let said = run(&["fair", "round", "--of", "2", "--chain", &local]).expect(0).json();
    assert_eq!(
        (&said["time"], &said["notice"]),
        (&json!("2000-01-01T00:00:03Z"), &json!("local randomness: not a public draw"))
    );
}

#[test]
fn draws_come_out_as_the_vectors_have_it() {
    let vectors = vectors(include_str!("../../../verify/vectors/draw.json"));
    for entry in vectors["draws"].as_array().unwrap() {
        let excluded: String = entry["exclude"]
            .as_array()
            .unwrap()
            .iter()
            .map(|index| format!("{}\n", index.as_str().unwrap()))
            .collect();
        let (_folder, exclude) = file(&excluded);
        let reserves = entry["reserves"].as_array().unwrap().len().to_string();
        let said = run(&[
            "fair",
            "outcome",
            "--rules-hash",
            text(entry, "rules_hash"),
            "--root",
            text(entry, "root"),
            "--entries",
            text(entry, "entries"),
            "--round",
            text(entry, "round"),
            "--randomness",
            text(entry, "randomness"),
            "--chain-hash",
            &text(entry, "chain_hash").to_uppercase(),
            "--reserves",
            &reserves,
            "--exclude",
            &exclude,
        ])
        .expect(0);
        let mut expected = json!({
            "seed": entry["seed"], "winner": number(&entry["winner"]), "reserves": numbers(&entry["reserves"]),
        });
        if text(entry, "chain_hash") != QUICKNET {
            expected["notice"] = json!("local randomness: not a public draw");
        }
        assert_eq!(said.json(), expected, "{entry}");
        assert_eq!(said.out.lines().count(), 1, "{}", said.out);
    }
}

/// A draw of two reserves with exclusions.
fn outcome(entries: &str, exclude: &str) -> Ran {
    let (_folder, exclude) = file(exclude);
    run(&[
        "fair",
        "outcome",
        "--rules-hash",
        BYTES,
        "--root",
        BYTES,
        "--entries",
        entries,
        "--round",
        "1000",
        "--randomness",
        BYTES,
        "--reserves",
        "2",
        "--exclude",
        &exclude,
    ])
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let said = outcome("3", "1\n").expect(1).json();
    let detail = "3 entries are asked for, but only 2 of 3 can be taken: ask for fewer";
    assert_eq!(said, json!({ "reason": "too_few_entries", "detail": detail }));
    assert_eq!(outcome("10", "10\n").expect(1).json()["reason"], "excluded_nobody");
    for (list, said) in [
        ("3\n1\n", "line 2: 1 comes after 3: sort the indices as numbers (sort -n)"),
        ("3\n3\n", "line 2: entry 3 stands twice: leave one out"),
        ("3\nx\n", "line 2: \"x\" is no index: write a number from 0 on, without sign, spaces or leading zeros"),
    ] {
        let ran = outcome("10", list).expect(2);
        assert!(ran.err.contains("--exclude") && ran.err.contains(said), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    let published = outcome("10", "koi/exclusions/v1\n3 employee\n").expect(0).json();
    assert_eq!(published, outcome("10", "3\n").expect(0).json());
}

#[test]
fn pools_are_replayed_as_the_vectors_have_it() {
    let vectors = vectors(include_str!("../../../verify/vectors/packet.json"));
    for entry in vectors["pool_keys"].as_array().unwrap() {
        let said = run(&[
            "fair",
            "pool-key",
            "--secret",
            text(entry, "secret"),
            "--round",
            text(entry, "round"),
            "--randomness",
            text(entry, "randomness"),
            "--chain-hash",
            text(entry, "chain_hash"),
        ]);
        assert_eq!(said.expect(0).json()["pool_key"], entry["pool_key"], "{entry}");
    }
    let packets = |entry: &Value, key: &str, cell: &str| {
        let tier = |tier: &Value| format!("{}x{}", text(tier, "face"), text(tier, "count"));
        let tiers: Vec<String> = entry["tiers"].as_array().unwrap().iter().map(tier).collect();
        let tiers = tiers.join(",");
        run(&[
            "fair",
            "packets",
            "--pool-key",
            key,
            "--cell",
            cell,
            "--tiers",
            &tiers,
            "--count",
            text(entry, "count"),
        ])
    };
    for entry in vectors["replays"].as_array().unwrap() {
        let said = packets(entry, text(entry, "pool_key"), &entry["cell"].to_string()).expect(0).json();
        assert_eq!(said, json!({ "faces": numbers(&entry["faces"]), "left": numbers(&entry["left"]) }), "{entry}");
    }
    for entry in vectors["refused"].as_array().unwrap().iter().filter(|entry| entry["tiers"] != json!([])) {
        assert_eq!(packets(entry, BYTES, "0").expect(1).json()["reason"], entry["reason"], "{entry}");
    }
}

#[test]
fn wrong_calls_name_the_argument_and_what_to_write() {
    let short = &BYTES[1..];
    for (arguments, said) in [
        (&["round"][..], "--at <TIME>|--of <ROUND>"),
        (&["round", "--at", "2026-11-11T20:00:00Z", "--of", "1"], "cannot be used with"),
        (&["round", "--at", "2026-11-11"], "'--at <TIME>': write a time of RFC 3339"),
        (&["round", "--of", "0"], "'--of <ROUND>'"),
        (&["round", "--of", "18446744073709551615"], "is after the year 9999"),
        (&["round", "--of", "1", "--chain", "no-such-file"], "--chain: reading no-such-file"),
        (
            &["pool-key", "--secret", short, "--round", "1", "--randomness", BYTES],
            "'--secret <HEX>': it has 63 characters",
        ),
        (&["pool-key", "--secret", BYTES, "--round", "0", "--randomness", BYTES], "'--round <ROUND>'"),
        (
            &["packets", "--pool-key", BYTES, "--cell", "0", "--tiers", "888", "--count", "1"],
            "write tiers as FACExCOUNT",
        ),
        (
            &["packets", "--pool-key", BYTES, "--cell", "0", "--tiers", "", "--count", "1"],
            "write tiers as FACExCOUNT",
        ),
        (&["packets", "--pool-key", BYTES, "--cell", "-1", "--tiers", "1x1", "--count", "1"], "--cell"),
    ] {
        let ran = run(&[&["fair"], arguments].concat()).expect(2);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{arguments:?}");
    }
}

/// The leaves of the reference tree of Certificate Transparency, and its root (see koi-fair, `log/tree.rs`).
const LEAVES: &str = "\n00\n10\n2021\n3031\n40414243\n5051525354555657\n606162636465666768696a6b6c6d6e6f\n";

#[test]
fn a_tree_has_its_root_and_its_proofs() {
    let (_folder, path) = file(LEAVES);
    let said = |arguments: &[&str]| {
        let ran = run(&[&["fair", "tree", &path], arguments].concat()).expect(0);
        serde_json::from_str::<Value>(&ran.out).unwrap()
    };
    let root = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    assert_eq!(said(&[]), json!({"size": 8, "root": root}));
    let consistency = said(&["--consistency", "2"]);
    assert_eq!(consistency["old_root"], "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    assert_eq!(consistency["proof"].as_array().unwrap().len(), 2);
    let inclusion = said(&["--prove", "0"]);
    assert_eq!(inclusion["leaf_hash"], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(
        inclusion["proof"],
        json!([
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ])
    );
    let (_nothing, empty) = file("");
    let none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let ran = run(&["fair", "tree", &empty]).expect(0);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), json!({"size": 0, "root": none}));
}

#[test]
fn a_tree_says_what_it_has_not() {
    let (_folder, path) = file(LEAVES);
    for (arguments, reason) in [(["--prove", "8"], "index_outside"), (["--consistency", "9"], "sizes_reversed")] {
        let ran = run(&[&["fair", "tree", &path], &arguments[..]].concat()).expect(1);
        assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap()["reason"], reason);
    }
    let (_wrong, path) = file("00\nxx\n");
    assert!(run(&["fair", "tree", &path]).expect(2).err.contains("line 2"), "the line is named");
    assert!(run(&["fair", "tree", "/no/such/file"]).expect(2).err.contains("/no/such/file"));
}

/// The example of Go's `golang.org/x/mod/sumdb/note`.
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const NOTE_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn a_published_note_is_checked() {
    let said = |note: &str, code: i32| {
        let (_folder, path) = file(note);
        let ran = run(&["fair", "note", &path, "--key", NOTE_KEY]).expect(code);
        serde_json::from_str::<Value>(&ran.out).unwrap()
    };
    let valid = said(NOTE, 0);
    assert_eq!((&valid["valid"], &valid["signed_by"]), (&json!(true), &json!([{"name": "PeterNeumann"}])));
    assert_eq!(valid["text"], NOTE.split("\n\n").next().unwrap().to_owned() + "\n");
    let forged = said(&NOTE.replace("problem is", "answer is"), 1);
    assert_eq!((&forged["valid"], &forged["reason"]), (&json!(false), &json!("signature_wrong")));
    assert_eq!(said(&NOTE.replace("PeterNeumann", "PetraNeumann"), 1)["reason"], "unsigned");
    assert_eq!(said("nothing", 1)["reason"], "not_a_note");
    assert_eq!(said(&"x".repeat(1_000_001), 1)["reason"], "too_long");
    let (_folder, path) = file(NOTE);
    let wrong_key = NOTE_KEY.replace("c74f20a3", "c74f20a4");
    assert!(run(&["fair", "note", &path, "--key", &wrong_key]).expect(2).err.contains("--key"));
    run(&["fair", "note", &path]).expect(2);
}
