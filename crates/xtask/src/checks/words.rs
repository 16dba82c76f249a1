//! Words and calls that may not be there.

use crate::finding::Finding;
use crate::rust::{Rust, is_word};
use crate::tree::Tree;

/// Where a word counts.
#[derive(Clone, Copy, PartialEq)]
enum In {
    /// Code, also that of tests.
    Code,
    /// Code that runs in production.
    Production,
    /// Comments.
    Comments,
}

struct Word {
    word: &'static str,
    place: In,
    why: &'static str,
}

const WORDS: &[Word] = &[
    Word { word: "todo!", place: In::Code, why: "what is not written is not merged" },
    Word { word: "unimplemented!", place: In::Code, why: "what is not written is not merged" },
    Word { word: "dbg!", place: In::Code, why: "a trace of debugging" },
    Word { word: "#[ignore]", place: In::Code, why: "a test that does not run says why: `#[ignore = \"…\"]`" },
    Word { word: "FIXME", place: In::Comments, why: "what is broken is repaired or an issue" },
    Word { word: "XXX", place: In::Comments, why: "what is broken is repaired or an issue" },
    Word { word: "TODO", place: In::Comments, why: "what is planned is an issue" },
    Word { word: ".unwrap()", place: In::Production, why: UNWRAP },
    Word { word: ".expect(", place: In::Production, why: UNWRAP },
];

const UNWRAP: &str = "a fault is an error that somebody handles, never a panic";

/// Calls that stand today: file, word, how many, why. The numbers may only go down.
const RATCHET: &[(&str, &str, usize, &str)] = &[
    ("crates/koi-bench/src/load/tally.rs", ".expect(", 3, "constants, and histograms made of them"),
    ("crates/koi-bench/src/load/request.rs", ".expect(", 1, "writing into memory"),
    ("crates/koi-bench/src/report.rs", ".expect(", 1, "a report is always JSON"),
    ("crates/koi-bench/src/site/shopping.rs", ".expect(", 2, "writing into memory"),
    ("crates/koi-torture/src/day/performance.rs", ".expect(", 1, "a bug of the harness must stop it"),
    ("crates/koi-torture/src/model/arithmetic.rs", ".expect(", 1, "a bug of the harness must stop it"),
    ("crates/koi-torture/src/server.rs", ".expect(", 1, "a bug of the harness must stop it"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree.rust().flat_map(|(path, rust)| in_file(path, rust, RATCHET)).collect();
    for (path, word, count, _) in RATCHET {
        if tree.file("Cargo.toml").is_some() && tree.file(path).is_none() {
            findings.push(Finding::new(path, 0, format!("is gone: take its {count} `{word}` out of the ratchet")));
        }
    }
    findings
}

fn in_file(path: &str, rust: &Rust, ratchet: &[(&str, &str, usize, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Word { word, place, why } in WORDS {
        let layer = if *place == In::Comments { &rust.comments } else { &rust.code };
        let lines = layer.lines().enumerate().map(|(place, line)| (place + 1, line));
        let lines = lines.filter(|(number, _)| *place != In::Production || !rust.is_test(*number));
        let hits: Vec<usize> =
            lines.flat_map(|(number, line)| occurrences(line, word).map(move |()| number)).collect();
        let allowed = ratchet.iter().find(|(file, allowed, ..)| file == &path && allowed == word);
        match allowed.map(|(_, _, count, _)| *count) {
            None => {
                findings.extend(hits.iter().map(|line| Finding::new(path, *line, format!("`{word}`: {why}"))));
            }
            Some(count) if hits.len() > count => {
                let what = format!("{} of `{word}`, {count} are allowed: {why}", hits.len());
                findings.push(Finding::new(path, hits[count], what));
            }
            Some(count) if hits.len() < count => {
                let what = format!("only {} of `{word}` are left of {count}: lower the ratchet", hits.len());
                findings.push(Finding::new(path, 0, what));
            }
            Some(_) => {}
        }
    }
    findings
}

/// Each place where a word stands by itself.
fn occurrences<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = ()> + 'a {
    line.match_indices(word).filter_map(move |(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word);
        let starts_as_word = word.starts_with(is_word);
        let ends_as_word = word.ends_with(is_word);
        let within = (starts_as_word && before) || (ends_as_word && after);
        (!within).then_some(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_where_it_counts() {
        for (text, count) in [
            ("fn a() { todo!() }", 1),
            ("fn a() { unimplemented!() }", 1),
            ("fn a() { dbg!(1); }", 1),
            ("fn a() { let b = c.unwrap(); }", 1),
            ("fn a() { let b = c.expect(\"d\"); }", 1),
            ("fn a() { let b = c.unwrap_or(1); }", 0),
            ("// FIXME", 1),
            ("/* XXX */", 1),
            ("// TODO", 1),
            ("const A: &str = \"XXX FIXME todo!\";", 0),
            ("#[ignore]\nfn a() {}", 1),
            ("#[ignore = \"takes a day\"]\nfn a() {}", 0),
            ("#[cfg(test)]\nmod tests {\n    fn a() { b.unwrap(); }\n}", 0),
            ("#[cfg(test)]\nmod tests {\n    fn a() { dbg!(b); }\n}", 1),
        ] {
            let tree = Tree::planted(&[("crates/a/src/b.rs", text)]);
            assert_eq!(check(&tree).len(), count, "{text}");
        }
    }

    #[test]
    fn the_ratchet_turns_one_way() {
        let findings = |text: &str| {
            in_file("a.rs", &Rust::of(text), &[("a.rs", ".unwrap()", 2, "")])
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(findings("a.unwrap();\nb.unwrap();"), "");
        assert!(findings("a.unwrap();\nb.unwrap();\nc.unwrap();").starts_with("a.rs:3: 3 of"));
        assert!(findings("a.unwrap();").contains("lower the ratchet"));
    }
}
