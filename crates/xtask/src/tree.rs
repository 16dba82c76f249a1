//! The files of the tree.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::rust::Rust;

/// Folders that are made, not written.
const SKIPPED: &[&str] = &["target", ".git", "__pycache__", "mutants.out", "mutants.out.old"];

/// A file of text.
#[derive(Debug)]
pub(crate) struct File {
    /// From the root of the tree, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
    /// What it says, if it is Rust.
    pub(crate) rust: Option<Rust>,
}

/// Every file of text in the tree, by path.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    /// Paths of all files and folders, text or not.
    pub(crate) paths: Vec<String>,
}

impl Tree {
    /// The tree that this program was built from.
    pub(crate) fn of_workspace() -> Result<Self> {
        let root = root();
        let mut tree = Self { files: Vec::new(), paths: Vec::new() };
        tree.read(&root, &root)?;
        tree.mark_test_files();
        Ok(tree)
    }

    /// A tree of given files.
    #[cfg(test)]
    pub(crate) fn planted(files: &[(&str, &str)]) -> Self {
        let mut tree = Self { files: Vec::new(), paths: Vec::new() };
        for (path, text) in files {
            tree.add((*path).to_owned(), (*text).to_owned());
        }
        tree.mark_test_files();
        tree
    }

    /// The file of a path.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files, each with what it says.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &Rust)> {
        self.files.iter().filter_map(|file| Some((file.path.as_str(), file.rust.as_ref()?)))
    }

    fn read(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            if SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                continue;
            }
            let path = entry.path();
            let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.paths.push(name);
                self.read(root, &path)?;
            } else if kind.is_file() {
                // What is not UTF-8 is a picture or a font: nothing to read.
                match std::fs::read(&path).map(String::from_utf8) {
                    Ok(Ok(text)) => self.add(name, text),
                    Ok(Err(_)) => self.paths.push(name),
                    // Somebody's editor took its temporary file away.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error).with_context(|| path.display().to_string()),
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, text: String) {
        let rust = path.ends_with(".rs").then(|| Rust::of(&text));
        self.paths.push(path.clone());
        self.files.push(File { path, text, rust });
    }

    /// Files that only tests see: those in `tests` and `benches`, and the modules that are declared so.
    fn mark_test_files(&mut self) {
        let mut test_files: Vec<String> = Vec::new();
        for (path, rust) in self.rust() {
            if path.contains("/tests/") || path.contains("/benches/") || path.contains("/examples/") {
                test_files.push(path.to_owned());
            }
            let folder = module_folder(path);
            for module in rust.test_modules() {
                test_files.push(format!("{folder}/{module}.rs"));
                test_files.push(format!("{folder}/{module}/mod.rs"));
            }
        }
        for file in &mut self.files {
            if let Some(rust) = file.rust.as_mut().filter(|_| test_files.contains(&file.path)) {
                rust.mark_as_test();
            }
        }
    }
}

/// The folder in which the modules of a file lie.
fn module_folder(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder,
        _ => path.strip_suffix(".rs").unwrap_or(path),
    }
}

/// The root of the tree: two folders above this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_only_tests_see_are_known() {
        let tree = Tree::planted(&[
            ("crates/a/src/lib.rs", "#[cfg(test)]\nmod fake;\nmod real;\n"),
            ("crates/a/src/fake.rs", "fn one() {}"),
            ("crates/a/src/real.rs", "#[cfg(test)]\nmod tests;\nfn one() {}"),
            ("crates/a/src/real/tests.rs", "fn one() {}"),
            ("crates/a/tests/whole.rs", "fn one() {}"),
        ]);
        let is_test =
            |path: &str, line| tree.file(path).and_then(|file| file.rust.as_ref()).unwrap().is_test(line);
        assert!(is_test("crates/a/src/fake.rs", 1));
        assert!(is_test("crates/a/src/real/tests.rs", 1));
        assert!(is_test("crates/a/tests/whole.rs", 1));
        assert!(!is_test("crates/a/src/real.rs", 3));
    }
}
