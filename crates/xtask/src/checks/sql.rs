//! SQL stands in the store only, and there in one file per table.

use crate::finding::Finding;
use crate::rust::{Rust, is_word};
use crate::tree::Tree;

const STORE: &str = "crates/koi-store/";
const TABLES: &str = "crates/koi-store/src/sqlite/table/";
const MIGRATIONS: &str = "crates/koi-store/migrations/";

/// What only SQL says.
const WORDS: &[&str] =
    &["SELECT ", "INSERT INTO ", "INSERT OR ", "DELETE FROM ", "CREATE TABLE ", "BEGIN IMMEDIATE"];
/// Words in front of a table's name.
const BEFORE_NAME: &[&str] = &["FROM", "INTO", "UPDATE", "JOIN"];

/// Tables that belong to the file of another: they are only ever read and written together.
const PARTS: &[(&str, &str)] =
    &[("tier", "campaign"), ("pause", "campaign"), ("stock", "slice"), ("run_last", "run")];
/// Files of the folder that are no table: the list of them, and columns that tables share.
const NO_TABLES: &[&str] = &["mod", "asked"];
/// Statements that stand elsewhere, and why.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("crates/koi-store/src/sqlite/backup.rs", "meta", "reads any row, which fixes the state that is copied"),
    (
        "crates/koi-store/src/sqlite/table/quote.rs",
        "payment",
        "the check reads what quotes took off with what became of it",
    ),
];
/// Files with SQL that is not Koi's: they look for its words, or are what Koi is compared with.
const OTHERS: &[&str] = &["crates/xtask/", "crates/koi-bench/src/postgres/"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let tables = tables(tree);
    let mut findings: Vec<Finding> = tree.rust().flat_map(|(path, rust)| in_file(path, rust, &tables)).collect();
    for table in &tables {
        let file = format!("{TABLES}{}.rs", home(table));
        if tree.file(&file).is_none() {
            findings.push(Finding::new(&file, 0, format!("is missing: the table `{table}` has no file")));
        }
    }
    let files = tree.files.iter().filter_map(|file| file.path.strip_prefix(TABLES)?.strip_suffix(".rs"));
    for name in files.filter(|name| !NO_TABLES.contains(name) && !tables.iter().any(|table| table == name)) {
        findings.push(Finding::new(&format!("{TABLES}{name}.rs"), 0, "is named like no table"));
    }
    findings
}

/// The tables that the migrations make.
fn tables(tree: &Tree) -> Vec<String> {
    let migrations = tree.files.iter().filter(|file| file.path.starts_with(MIGRATIONS));
    let names = migrations.flat_map(|file| file.text.split("CREATE TABLE ").skip(1));
    names.map(|rest| rest.chars().take_while(|letter| is_word(*letter)).collect()).collect()
}

/// The file in which a table's statements stand.
fn home(table: &str) -> &str {
    PARTS.iter().find(|(part, _)| *part == table).map_or(table, |(_, home)| home)
}

fn in_file(path: &str, rust: &Rust, tables: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = rust.strings.lines().enumerate().map(|(place, line)| (place + 1, line));
    if !path.starts_with(STORE) {
        for (number, line) in lines.filter(|_| !OTHERS.iter().any(|other| path.starts_with(other))) {
            if let Some(word) = WORDS.iter().find(|word| line.contains(**word)) {
                let what = format!("`{}` is SQL, which stands in the store only", word.trim());
                findings.push(Finding::new(path, number, what));
            }
        }
    } else if path.starts_with("crates/koi-store/src/") {
        let words: Vec<(usize, &str)> = lines
            .filter(|(number, _)| !rust.is_test(*number))
            .flat_map(|(number, line)| {
                line.split(|letter| !is_word(letter))
                    .filter(|word| !word.is_empty())
                    .map(move |word| (number, word))
            })
            .collect();
        for pair in words.windows(2) {
            let [(_, before), (number, name)] = pair else { continue };
            let is_table = BEFORE_NAME.contains(before) && tables.iter().any(|table| table == name);
            let elsewhere = ELSEWHERE.iter().any(|(file, table, _)| *file == path && table == name);
            if is_table && !elsewhere && path != format!("{TABLES}{}.rs", home(name)) {
                let what = format!("a statement on `{name}`, which has a file of its own");
                findings.push(Finding::new(path, *number, what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIGRATION: (&str, &str) = (
        "crates/koi-store/migrations/1.sql",
        "CREATE TABLE coupon (id INTEGER);\nCREATE TABLE tier (id INTEGER);",
    );

    #[test]
    fn sql_outside_the_store_is_found() {
        let found =
            |path: &str| check(&Tree::planted(&[(path, "const A: &str = \"SELECT 1\"; // SELECT 2")])).len();
        assert_eq!(found("crates/koi/src/http/a.rs"), 1);
        assert_eq!(found("crates/koi-store/src/a.rs"), 0);
    }

    #[test]
    fn a_statement_in_the_file_of_another_table_is_found() {
        let text = "const A: &str = \"SELECT id \\\n    FROM coupon\";";
        let tree = Tree::planted(&[
            MIGRATION,
            ("crates/koi-store/src/sqlite/table/campaign.rs", text),
            ("crates/koi-store/src/sqlite/table/coupon.rs", text),
        ]);
        let found: Vec<String> = check(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/koi-store/src/sqlite/table/campaign.rs:2: a statement on `coupon`"));
        assert!(found[1].contains("is named like no table"));
    }

    #[test]
    fn a_table_without_a_file_is_found() {
        let found = check(&Tree::planted(&[MIGRATION]));
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
