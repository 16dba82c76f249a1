//! The crates that Koi is built from: their licences and where they come from.
//!
//! The rules stand in `deny.toml`, which cargo-deny reads as well. Compiling that tool takes longer than all
//! our tests, so `./test` asks this instead; who has cargo-deny runs `cargo deny check` for more, above all
//! for known vulnerabilities, which need the advisory database from the network.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::finding::Finding;
use crate::tree::root;

/// The findings of the crates in the lock file.
pub(crate) fn check() -> Result<Vec<Finding>> {
    let allowed = allowed(&std::fs::read_to_string(root().join("deny.toml")).context("deny.toml")?)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    findings(&metadata, &allowed)
}

/// The licences that `deny.toml` allows.
fn allowed(deny: &str) -> Result<Vec<String>> {
    let deny: toml::Table = deny.parse()?;
    let list = deny.get("licenses").and_then(|licenses| licenses.get("allow")).and_then(toml::Value::as_array);
    let list = list.context("deny.toml has no list licenses.allow")?;
    Ok(list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

fn findings(metadata: &Value, allowed: &[String]) -> Result<Vec<Finding>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut findings = Vec::new();
    for package in packages {
        let text = |member: &str| package[member].as_str();
        let name = format!("{} {}", text("name").unwrap_or("?"), text("version").unwrap_or("?"));
        match text("license") {
            Some(licence) if satisfied(licence, allowed) => {}
            Some(licence) => {
                findings.push(Finding::new(&name, 0, format!("its licence {licence} is not allowed")))
            }
            None => findings.push(Finding::new(&name, 0, "it names no licence")),
        }
        // A crate of the tree has no source; all others come from the one registry that cargo knows by itself.
        if let Some(source) = text("source")
            && !source.ends_with("//github.com/rust-lang/crates.io-index")
        {
            findings.push(Finding::new(&name, 0, format!("it comes from {source}")));
        }
    }
    findings.sort();
    Ok(findings)
}

/// Whether an SPDX expression can be met with the allowed licences. A `/` is an old way to write OR.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced =
        expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "_WITH_");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&tokens, &mut at, allowed);
    met && at == tokens.len()
}

fn either(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = both(tokens, at, allowed);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(tokens, at, allowed);
    }
    met
}

fn both(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut met = one(tokens, at, allowed);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(tokens, at, allowed);
    }
    met
}

fn one(tokens: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let token = tokens.get(*at).copied().unwrap_or_default();
    *at += 1;
    if token == "(" {
        let met = either(tokens, at, allowed);
        *at += 1;
        return met;
    }
    let licence = token.replace("_WITH_", " WITH ");
    allowed.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_licences_are_read() {
        let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()];
        for (expression, met) in [
            ("MIT", true),
            ("MIT OR GPL-3.0", true),
            ("MIT AND GPL-3.0", false),
            ("MIT/Apache-2.0", true),
            ("(GPL-3.0 OR MIT) AND Apache-2.0", true),
            ("(GPL-3.0 AND MIT) OR LGPL-2.1", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0 WITH other", false),
            ("", false),
            ("MIT nonsense", false),
        ] {
            assert_eq!(satisfied(expression, &allowed), met, "{expression}");
        }
    }

    #[test]
    fn a_planted_crate_is_found() {
        let allowed = allowed("[licenses]\nallow = [\"MIT\"]").unwrap();
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        let metadata = serde_json::json!({"packages": [
            {"name": "fine", "version": "1.0.0", "license": "MIT", "source": registry},
            {"name": "ours", "version": "1.0.0", "license": "MIT", "source": null},
            {"name": "viral", "version": "1.0.0", "license": "GPL-3.0", "source": registry},
            {"name": "bare", "version": "1.0.0", "license": null, "source": registry},
            {"name": "forked", "version": "1.0.0", "license": "MIT", "source": "git+https://example.com/a"},
        ]});
        let found: Vec<String> =
            findings(&metadata, &allowed).unwrap().into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["bare 1.0.0", "forked 1.0.0", "viral 1.0.0"]);
    }
}
