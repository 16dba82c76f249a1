//! Help, completions, manual pages, and the pages of `docs/` that are made from the code.

mod cli;

use std::path::Path;

use cli::{koi, run};

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        "demo",
        "serve",
        "campaign check",
        "campaign apply",
        "campaign show",
        "key create",
        "key list",
        "key revoke",
        "check",
        "backup",
        "restore",
        "db copy",
        "db distribute",
        "witness key",
        "witness serve",
        "witness show",
        "config show",
        "config check",
        "doctor",
        "healthcheck",
        "bench",
        "completions",
        "man",
    ] {
        let mut words: Vec<&str> = command.split(' ').collect();
        words.push("--help");
        let ran = run(&words).expect(0);
        assert!(ran.out.contains(&format!("  koi {command}")), "{command}: {}", ran.out);
        assert!(ran.out.contains("Exit status:"), "{command}: {}", ran.out);
        let widest = ran.out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{command}: {widest} columns");
    }
}

#[test]
fn a_wrong_call_suggests_the_right_one_and_ends_with_2() {
    let ran = run(&["serv"]).expect(2);
    assert!(ran.err.contains("serve"), "{}", ran.err);
    let ran = run(&["serve", "--lisen", "x"]).expect(2);
    assert!(ran.err.contains("--listen"), "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn completions_and_manual_pages_come_from_the_binary() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).expect(0).out.contains("healthcheck"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    run(&["man", folder.path().to_str().unwrap()]).expect(0);
    for page in ["koi.1", "koi-serve.1", "koi-campaign-check.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
    assert!(!folder.path().join("koi-docs.1").exists());
}

/// `KOI_TEST_UPDATE=1 cargo test -p koi --test cli_help` writes the pages anew.
#[test]
fn the_pages_made_from_the_code_are_the_files() {
    for page in ["settings", "command-line"] {
        let made = cli::finish(koi().args(["docs", page])).expect(0).out;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/{page}.md"));
        if std::env::var_os("KOI_TEST_UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &made).unwrap();
        }
        let file = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(made == file, "docs/{page}.md is not what the code says; run: koi docs {page} > docs/{page}.md");
    }
}
