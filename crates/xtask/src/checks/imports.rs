//! Imports go one way: core ← store ← engine ← {http, pages, jobs, witness, cli} ← main.

use crate::finding::Finding;
use crate::rust::is_word;
use crate::tree::Tree;

/// A part of the tree, and what it may not name.
struct Rule {
    /// Paths of files begin with one of these.
    within: &'static [&'static str],
    /// But not with one of these.
    except: &'static [&'static str],
    /// Rust paths that may not be named outside tests, nor what lies under them.
    no: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["crates/koi-core/src/"],
        except: &[],
        no: &[
            "koi",
            "koi_fair",
            "koi_store",
            "serde",
            "serde_json",
            "tokio",
            "rusqlite",
            "rand",
            "std::env",
            "std::fs",
            "std::io",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
        why: "the rules are pure functions over values: no I/O, clock, chance, environment or serde",
    },
    Rule {
        within: &["crates/koi-fair/"],
        except: &[],
        no: &["koi", "koi_core", "koi_store", "koi_bench", "koi_print"],
        why: "verifiable luck is usable without the rest",
    },
    Rule {
        within: &["crates/koi-store/src/"],
        except: &[],
        no: &["koi", "koi_fair", "axum", "hyper", "serde", "std::time::Instant", "std::time::SystemTime"],
        why: "the store knows the rules' rows and nothing above itself; times come in as arguments",
    },
    Rule {
        within: &["crates/"],
        // What Koi is compared with has a database of its own.
        except: &["crates/koi-store/", "crates/koi-bench/src/postgres/"],
        no: &["rusqlite", "tokio_postgres", "deadpool_postgres"],
        why: "only the store knows databases",
    },
    Rule {
        within: &["crates/koi/src/engine/"],
        except: &[],
        no: &[
            "axum",
            "hyper",
            "clap",
            "crate::connections",
            "crate::http",
            "crate::pages",
            "crate::jobs",
            "crate::witness",
            "crate::cli",
            "crate::serve",
        ],
        why: "the engine does not know who asks",
    },
    Rule {
        within: &["crates/koi/src/http/", "crates/koi/src/http.rs"],
        except: &[],
        no: &["clap", "crate::pages", "crate::jobs", "crate::witness", "crate::cli", "crate::serve"],
        why: "siblings do not know each other",
    },
    Rule {
        within: &["crates/koi/src/pages/"],
        except: &[],
        no: &["clap", "crate::http", "crate::jobs", "crate::witness", "crate::cli", "crate::serve"],
        why: "siblings do not know each other",
    },
    Rule {
        within: &["crates/koi/src/jobs/"],
        except: &[],
        no: &["axum", "clap", "crate::http", "crate::pages", "crate::witness", "crate::cli", "crate::serve"],
        why: "siblings do not know each other",
    },
    Rule {
        within: &["crates/koi/src/witness/"],
        except: &[],
        no: &[
            "clap",
            "koi_store",
            "crate::http",
            "crate::pages",
            "crate::jobs",
            "crate::public_log",
            "crate::settings",
            "crate::cli",
            "crate::serve",
        ],
        why: "a witness knows a folder and the logs' keys, and nothing of campaigns: nobody must run Koi to run one",
    },
    Rule {
        within: &["crates/koi/src/cli/"],
        except: &[],
        no: &["axum", "crate::http", "crate::pages", "crate::jobs"],
        why: "siblings do not know each other; `serve` puts the server together",
    },
    Rule {
        within: &["crates/koi/src/"],
        except: &[
            "crates/koi/src/http/",
            "crates/koi/src/pages/",
            "crates/koi/src/jobs/",
            "crates/koi/src/witness/",
            "crates/koi/src/cli/",
            "crates/koi/src/serve",
            "crates/koi/src/main.rs",
            "crates/koi/src/lib.rs",
        ],
        no: &["crate::http", "crate::pages", "crate::jobs", "crate::witness", "crate::cli", "crate::serve"],
        why: "what everybody uses knows none of its users",
    },
    Rule {
        within: &["crates/koi-bench/", "crates/koi-torture/"],
        except: &[],
        no: &["koi", "koi_core", "koi_store", "koi_fair"],
        why: "who measures or tortures the server knows it from outside: shared code would share its bugs",
    },
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, rust) in tree.rust() {
        let begins = |list: &[&str]| list.iter().any(|start| path.starts_with(start));
        let rules: Vec<&Rule> = RULES.iter().filter(|rule| begins(rule.within) && !begins(rule.except)).collect();
        if rules.is_empty() {
            continue;
        }
        let mut found = Vec::new();
        for (line, named) in rust.paths() {
            let broken = |rule: &&&Rule| rule.no.iter().any(|no| lies_under(&named, no));
            if let Some(rule) = rules.iter().find(broken).filter(|_| !rust.is_test(line)) {
                let no = rule.no.iter().find(|no| lies_under(&named, no)).unwrap_or(&"");
                found.push(Finding::new(path, line, format!("names `{no}`: {}", rule.why)));
            }
        }
        // A group of imports names the same thing many times.
        found.dedup();
        findings.append(&mut found);
        if path.starts_with("crates/koi-core/src/") {
            findings.extend(floats(path, &rust.code));
        }
    }
    findings
}

/// Whether a Rust path is `no` or something in it. A crate's name alone may also be a local name, so it only
/// counts in front of `::`.
fn lies_under(named: &str, no: &str) -> bool {
    named.strip_prefix(no).is_some_and(|rest| rest.starts_with("::") || (rest.is_empty() && no.contains("::")))
}

/// Floats in the code of the rules: their types, and numbers with a point.
fn floats(path: &str, code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, line) in code.lines().enumerate() {
        let words = line.split(|letter| !is_word(letter));
        let typed = words.clone().any(|word| word == "f32" || word == "f64");
        if typed || has_point(line) {
            findings.push(Finding::new(path, place + 1, "a float: money and odds are integers"));
        }
    }
    findings
}

/// Whether a line has digits, a point and digits that are a number, not the fields of nested tuples.
fn has_point(line: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices('.').any(|(at, _)| {
        let whole = line[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        let begins = at.checked_sub(whole + 1).map(|before| bytes[before]);
        let is_number = begins.is_none_or(|before| before != b'.' && !is_word(char::from(before)));
        whole > 0 && is_number && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Tree::planted(&[(path, text)])).len()
    }

    #[test]
    fn an_import_against_the_current_is_found() {
        for (path, text, count) in [
            ("crates/koi-core/src/a.rs", "use std::{fmt, fs::File};", 1),
            ("crates/koi-core/src/a.rs", "let now = std::time::SystemTime::now();", 1),
            ("crates/koi-core/src/a.rs", "use std::time::Duration;", 0),
            ("crates/koi-core/src/a.rs", "let rand = 1; f(rand);", 0),
            ("crates/koi-core/src/a.rs", "#[cfg(test)]\nmod tests {\n    use rand::Rng;\n}", 0),
            ("crates/koi-fair/src/a.rs", "use koi_core::money;", 1),
            ("crates/koi-store/src/a.rs", "use koi::engine;", 1),
            ("crates/koi/src/http/a.rs", "use rusqlite::Connection;", 1),
            ("crates/koi/src/http/a.rs", "use crate::cli;", 1),
            ("crates/koi/src/http/a.rs", "use crate::{engine, pages::Page};", 1),
            ("crates/koi/src/engine/a.rs", "use crate::http::problem;", 1),
            ("crates/koi/src/cli/a.rs", "crate::http::run();", 1),
            ("crates/koi/src/cli/a.rs", "crate::witness::run();", 0),
            ("crates/koi/src/http/a.rs", "use crate::witness::Witness;", 1),
            ("crates/koi/src/public_log/a.rs", "use crate::witness::Witness;", 1),
            ("crates/koi/src/witness/a.rs", "use koi_store::Store;", 1),
            ("crates/koi/src/witness/a.rs", "use crate::connections;", 0),
            ("crates/koi/src/fields.rs", "use crate::http::body;", 1),
            ("crates/koi/src/serve.rs", "use crate::http::routes;", 0),
            ("crates/koi-torture/src/a.rs", "use koi_core::money;", 1),
        ] {
            assert_eq!(found(path, text), count, "{path}: {text}");
        }
    }

    #[test]
    fn a_float_in_the_rules_is_found() {
        for (text, count) in [
            ("let rate: f64 = 1;", 1),
            ("let rate = 4.58;", 1),
            ("let part = pair.0.1;", 0),
            ("let range = 0..10;", 0),
            ("let one = 1.max(2);", 0),
            ("let text = \"4.58\"; // 4.58", 0),
        ] {
            assert_eq!(found("crates/koi-core/src/a.rs", text), count, "{text}");
        }
    }
}
