//! The rules, one table each.

mod headings;
mod imports;
mod lengths;
mod links;
mod places;
mod sql;
mod words;

use crate::finding::Finding;
use crate::tree::Tree;

/// Every finding of every check, by file and line.
pub(crate) fn all(tree: &Tree) -> Vec<Finding> {
    let checks: [fn(&Tree) -> Vec<Finding>; 7] =
        [headings::check, imports::check, lengths::check, links::check, places::check, sql::check, words::check];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(tree)).collect();
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_keeps_its_rules() {
        let tree = Tree::of_workspace().unwrap();
        let findings: Vec<String> = all(&tree).iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
        assert!(tree.files.len() > 100, "the tree was not read");
    }
}
