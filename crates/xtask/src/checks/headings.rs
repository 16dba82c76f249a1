//! Every source file begins with a `//!` line that tells its story; files of tests only have that of their parent.

use crate::finding::Finding;
use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let in_source = |path: &str| path.starts_with("crates/") && path.contains("/src/");
    let sources = tree.files.iter().filter(|file| in_source(&file.path));
    sources
        .filter(|file| file.rust.as_ref().is_some_and(|rust| !rust.is_test(1)))
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| Finding::new(&file.path, 1, "the file does not begin with `//!`: say first what it is for"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_heading_is_found() {
        let tree = Tree::planted(&[
            ("crates/a/src/lib.rs", "//! A.\n"),
            ("crates/a/src/b.rs", "use c;\n"),
            ("crates/a/tests/c.rs", "use c;\n"),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["crates/a/src/b.rs"]);
    }
}
