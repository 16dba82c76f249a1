//! Links between the pages of the tree lead somewhere. Those that begin with `/` are addresses of a server.

use crate::finding::Finding;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        let mut fenced = false;
        for (place, line) in file.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(line) {
                let path = target.split('#').next().unwrap_or_default();
                if path.is_empty() || path.starts_with('/') || path.contains(':') {
                    continue;
                }
                match resolved(&file.path, path) {
                    Some(path) if path.is_empty() || tree.paths.contains(&path) => {}
                    _ => findings.push(Finding::new(
                        &file.path,
                        place + 1,
                        format!("links to `{target}`: no such file"),
                    )),
                }
            }
        }
    }
    findings
}

/// What the links of a line point to: `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.match_indices("](").filter_map(|(at, _)| line[at + 2..].split([')', ' ']).next());
    let reference =
        line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(reference).collect()
}

/// A path from the root of the tree, given one from a file; `None` when it leaves the tree.
fn resolved(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_into_nothing_is_found() {
        for (text, count) in [
            ("[a](b.md)", 0),
            ("[a](b.md#part) and [c](#part) and [d](https://example.com/x)", 0),
            ("[a](missing.md)", 1),
            ("[a](../README.md) [b](../README.md \"title\")", 0),
            ("[a](../../outside.md)", 1),
            ("[a]: missing.md", 1),
            ("[a](/docs/problems)", 0),
            ("```\n[a](missing.md)\n```", 0),
        ] {
            let tree = Tree::planted(&[("README.md", ""), ("docs/b.md", ""), ("docs/a.md", text)]);
            assert_eq!(check(&tree).len(), count, "{text}");
        }
    }
}
