//! Nothing in the tree names the machine it was written on, or the mirror that its crates came from.

use crate::finding::Finding;
use crate::rust::{is_word, line_of};
use crate::tree::Tree;

/// Where machines keep people's folders. Cut in two, so that this file does not name one.
const FOLDERS: &[(&str, &str)] =
    &[("/ho", "me/"), ("/ro", "ot/"), ("/Use", "rs/"), ("/wo", "rk/"), ("C:\\Us", "ers")];
/// Labels of the hosts that packages come from.
const LABELS: &[&str] =
    &["registry", "index", "mirror", "mirrors", "artifactory", "nexus", "pypi", "npmjs", "pythonhosted", "crates"];
/// The one source of crates, as the lock file writes it.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (first, second) in FOLDERS {
            let folder = format!("{first}{second}");
            for (at, _) in file.text.match_indices(&folder) {
                // Within a longer path it is a folder of that path.
                let within = file.text[..at].ends_with(|before| is_word(before) || "./}>)-".contains(before));
                let line = line_of(&file.text, at);
                // A test may play with anybody's folder.
                let in_test = file.rust.as_ref().is_some_and(|rust| rust.is_test(line));
                if !within && !in_test {
                    let what = format!("`{folder}`: a path of one machine");
                    findings.push(Finding::new(&file.path, line, what));
                }
            }
        }
        for (at, _) in file.text.match_indices("://") {
            let host = &file.text[at + 3..];
            let host = &host
                [..host.find(|letter: char| !(is_word(letter) || ".-".contains(letter))).unwrap_or(host.len())];
            if host.split(['.', '-']).any(|label| LABELS.contains(&label)) {
                let what = format!("`{host}`: where packages come from is a setting of the machine");
                findings.push(Finding::new(&file.path, line_of(&file.text, at), what));
            }
        }
        if file.path.ends_with("Cargo.lock") {
            let sources = file.text.lines().enumerate().filter(|(_, line)| line.starts_with("source = "));
            for (place, line) in sources.filter(|(_, line)| *line != format!("source = \"{SOURCE}\"")) {
                findings.push(Finding::new(&file.path, place + 1, format!("{line}: crates come from one place")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_found() {
        for (text, count) in [
            (concat!("see /ho", "me/somebody/koi"), 1),
            (concat!("`/ro", "ot/.cargo`"), 1),
            (concat!("\"/wo", "rk/main\""), 1),
            (concat!("crates/koi/ho", "me/x"), 0),
            ("/usr/lib/postgresql", 0),
        ] {
            assert_eq!(check(&Tree::planted(&[("a.md", text)])).len(), count, "{text}");
        }
    }

    #[test]
    fn a_host_that_packages_come_from_is_found() {
        for (text, count) in [
            (concat!("https:", "//registry.example.com/x"), 1),
            (concat!("sparse+https:", "//index.example.org/"), 1),
            (concat!("http:", "//my-mirror.local:8080"), 1),
            (concat!("https:", "//docs.rs/axum"), 0),
            (concat!("https:", "//example.com/registry/index"), 0),
        ] {
            assert_eq!(check(&Tree::planted(&[("a.toml", text)])).len(), count, "{text}");
        }
    }

    #[test]
    fn another_source_of_crates_is_found() {
        let check = |source: &str| check(&Tree::planted(&[("Cargo.lock", source)])).len();
        assert_eq!(check(&format!("source = \"{SOURCE}\"\n")), 0);
        assert_eq!(check("source = \"git+https://github.com/a/b#c\"\n"), 1);
    }
}
