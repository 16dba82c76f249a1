//! Files are short enough to be read at once.

use crate::finding::Finding;
use crate::tree::Tree;

/// The most lines of a file.
const LINES_MAX: usize = 600;
const KINDS: &[&str] = &[".rs", ".sql", ".py", ".css", ".html", "test"];

/// Longer ones that stand today: file, lines, why. The numbers may only go down.
const RATCHET: &[(&str, usize, &str)] = &[(
    "verify/koi_verify.py",
    2222,
    "one file that an auditor takes along and reads from the top, by its own table of contents",
)];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let kinds = |path: &str| KINDS.iter().any(|kind| path.ends_with(kind));
    tree.files
        .iter()
        .filter(|file| kinds(&file.path))
        .filter_map(|file| finding(&file.path, file.text.lines().count(), RATCHET))
        .collect()
}

fn finding(path: &str, lines: usize, ratchet: &[(&str, usize, &str)]) -> Option<Finding> {
    let allowed = ratchet.iter().find(|(file, ..)| *file == path).map(|(_, lines, _)| *lines);
    let what = match allowed {
        None if lines > LINES_MAX => format!("{lines} lines, at most {LINES_MAX}: a file is read from the top"),
        Some(allowed) if lines > allowed => format!("{lines} lines, the ratchet allows {allowed}"),
        Some(_) if lines <= LINES_MAX => "is short enough: take it out of the ratchet".to_owned(),
        Some(allowed) if lines < allowed => format!("{lines} lines: lower the ratchet from {allowed}"),
        None | Some(_) => return None,
    };
    Some(Finding::new(path, 0, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let tree = Tree::planted(&[
            ("a.rs", &"\n".repeat(LINES_MAX + 1)),
            ("b.rs", &"\n".repeat(LINES_MAX)),
            ("c.lock", &"\n".repeat(LINES_MAX + 1)),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["a.rs"]);
    }

    #[test]
    fn the_ratchet_turns_one_way() {
        let ratchet = [("a.rs", 700, "")];
        for (lines, wrong) in [(701, true), (700, false), (650, true), (600, true)] {
            assert_eq!(finding("a.rs", lines, &ratchet).is_some(), wrong, "{lines}");
        }
    }
}
