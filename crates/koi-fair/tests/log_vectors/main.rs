//! The cases that verifiers in other languages are tested with: `verify/vectors/log.json`.
//!
//! `KOI_TEST_UPDATE=1 cargo test -p koi-fair --test log_vectors` writes the file anew. Each case says what is
//! given and what must come out: `valid`, or `refused` with the innermost reason of this library's refusal.
//! Another verifier must refuse the same cases; it may call the reason otherwise.

mod texts;
mod tree;

use std::fmt::Debug;
use std::path::Path;

use serde_json::{Value, json};

/// What is given, with what came out of it, which must be as expected.
fn case<V, E: Debug>(name: &str, mut given: Value, result: Result<V, E>, valid: impl FnOnce(V) -> Value) -> Value {
    let must_be_refused = name.starts_with("refused: ");
    assert_eq!(result.is_err(), must_be_refused, "{name}: {:?}", result.err());
    given["name"] = json!(name);
    match result {
        Ok(value) => given["valid"] = valid(value),
        Err(error) => given["refused"] = json!(reason(&error)),
    }
    given
}

/// The innermost name in the debug text of an error: `Checkpoint(Note(NoKnownKey))` is `NoKnownKey`.
fn reason(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let names = text.split([' ', '{', ')']).next().unwrap_or(&text);
    names
        .rsplit('(')
        .find(|name| name.starts_with(|letter: char| letter.is_ascii_uppercase()))
        .unwrap_or(names)
        .to_owned()
}

#[test]
fn the_file_is_what_the_code_says() {
    let made = json!({
        "about": "Cases for verifiers of Koi's logs, made by crates/koi-fair/tests/log_vectors. Hashes, entries and \
                  extra data are base64; numbered entries are their index as 8 bytes, big-endian. A case with `refused` \
                  must be refused; the reason is that of the library.",
        "version": 1,
        "roots": tree::roots(),
        "inclusion": tree::inclusions(),
        "consistency": tree::consistencies(),
        "tile_paths": tree::tile_paths(),
        "bundles": tree::bundles(),
        "keys": texts::keys(),
        "notes": texts::notes(),
        "checkpoints": texts::checkpoints(),
        "cosignatures": texts::cosignatures(),
        "proofs": texts::proofs(),
    });
    let made = serde_json::to_string_pretty(&made).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../verify/vectors/log.json");
    if std::env::var_os("KOI_TEST_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == file,
        "verify/vectors/log.json is not what the code says; run: KOI_TEST_UPDATE=1 cargo test -p koi-fair --test log_vectors"
    );
}

#[test]
fn reasons_are_the_innermost_names() {
    for (text, name) in [("A", "A"), ("A(B(C))", "C"), ("A(B { c: 1 })", "B"), ("Type(101)", "Type")] {
        struct Shown(&'static str);
        impl Debug for Shown {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.0)
            }
        }
        assert_eq!(reason(&Shown(text)), name);
    }
}
