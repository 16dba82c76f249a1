//! Files that are changed, missing or another log's.

use super::*;

/// Everything that a bit may break before a statement is read.
const REFUSED: [&str; 18] = [
    "note_malformed",
    "signed_twice",
    "checkpoint_malformed",
    "checkpoint_origin",
    "signature_missing",
    "signature_wrong",
    "cosignature_wrong",
    "cosignature_time",
    "quorum_too_few",
    "key_missing",
    "key_malformed",
    "tile_missing",
    "tile_length",
    "bundle_malformed",
    "root_differs",
    "tile_differs",
    "entry_differs",
    "input_unknown",
];

fn read_files(files: &Files) -> Vec<String> {
    files.keys().filter(|name| name.starts_with("tile/") || *name == "checkpoint").cloned().collect()
}

#[test]
fn every_bit_of_every_file_matters() {
    let honest = MadeUp::new(600, 11, None).unwrap().files().unwrap();
    let mut tried = 0;
    for name in read_files(&honest) {
        let bits = 8 * honest[&name].len();
        // All bits of the small files, some of the large ones: about 300 of each.
        for bit in (0..bits).step_by((bits / 300).max(1) | 1) {
            let mut files = honest.clone();
            files.get_mut(&name).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let checked = check(&files, &strict());
            assert!(!checked.ok, "{name}, bit {bit}");
            assert!(codes(&checked).iter().all(|code| REFUSED.contains(code)), "{name}, {bit}: {checked:?}");
            tried += 1;
        }
    }
    assert!(tried > 2000, "{tried}");
}

#[test]
fn a_file_that_is_missing_cut_or_longer_is_refused() {
    let honest = MadeUp::new(600, 12, None).unwrap().files().unwrap();
    for name in read_files(&honest) {
        let change = |change: &dyn Fn(&mut Files)| {
            let mut files = honest.clone();
            change(&mut files);
            match check_log("log", &files, &strict(), &|_, _, _| {}) {
                Ok(checked) => codes(&checked),
                Err(NotChecked::NoLog) => vec!["no_log"],
                Err(other) => panic!("{other}"),
            }
        };
        let is_tile = name.starts_with("tile/");
        let missing = change(&|files| drop(files.remove(&name)));
        assert_eq!(missing, [if is_tile { "tile_missing" } else { "no_log" }], "{name}");
        for (what, longer) in [("cut", false), ("longer", true)] {
            let found = change(&|files| {
                let bytes = files.get_mut(&name).unwrap();
                if longer { bytes.push(b'x') } else { bytes.truncate(bytes.len() - 1) }
            });
            let expected = match (is_tile, name.contains("entries")) {
                (false, _) => "note_malformed",
                (true, true) => "bundle_malformed",
                (true, false) => "tile_length",
            };
            assert_eq!(found, [expected], "{name}, {what}");
        }
    }
}

#[test]
fn files_cannot_change_places() {
    let honest = MadeUp::new(800, 13, None).unwrap().files().unwrap();
    for (one, other) in [("tile/0/000", "tile/0/001"), ("tile/entries/000", "tile/entries/002")] {
        let mut files = honest.clone();
        files.insert(one.into(), honest[other].clone());
        files.insert(other.into(), honest[one].clone());
        let found = codes(&check(&files, &strict()));
        assert!(["tile_differs", "entry_differs"].contains(&found[0]), "{found:?}");
    }
}

#[test]
fn a_partial_tile_that_is_gone_is_cut_from_the_full_one() {
    let made = MadeUp::new(600, 14, None).unwrap();
    let mut files = made_up::files(&made.leaves[..500]).unwrap();
    let later = made.files().unwrap();
    files.retain(|name, _| !name.contains(".p/") || name.starts_with("tile/1"));
    files.insert("tile/0/001".into(), later["tile/0/001"].clone());
    files.insert("tile/entries/001".into(), later["tile/entries/001"].clone());
    let checked = check(&files, &strict());
    // Of the campaigns nothing is closed by then.
    assert_eq!((codes(&checked), checked.size), (vec![], Some(500)));
}

#[test]
fn a_log_is_known_by_its_key() {
    let honest = MadeUp::new(30, 1, None).unwrap().files().unwrap();
    let with_key = |key: Option<&str>| {
        let mut files = honest.clone();
        files.remove("key");
        files.extend(key.map(|key| ("key".to_owned(), key.as_bytes().to_vec())));
        codes(&check(&files, &trusting()))
    };
    let right = String::from_utf8(honest["key"].clone()).unwrap();
    assert_eq!(with_key(Some(&right)), [""; 0]);
    assert_eq!(with_key(None), ["key_missing"]);
    for wrong in ["", "\n", right.trim_end(), &format!("{right}{right}"), &right.replace('+', "-"), "é\n"] {
        assert_eq!(with_key(Some(wrong)), ["key_malformed"], "{wrong:?}");
    }
    let other = |name: &str| {
        let key = crate::log::SignerKey::from_seed(name, [1; 32]).unwrap().verifier();
        with_key(Some(&format!("{key}\n")))
    };
    assert_eq!(other(made_up::ORIGIN), ["signature_missing"]);
    assert_eq!(other("other.example/log"), ["checkpoint_origin"]);
    // A key that is given is believed, whatever the log says.
    let mut files = honest.clone();
    files.remove("key");
    assert!(check(&files, &strict()).ok);
}

#[test]
fn witnesses_must_have_cosigned() {
    let honest = MadeUp::new(30, 1, None).unwrap().files().unwrap();
    let checkpoint = String::from_utf8(honest["checkpoint"].clone()).unwrap();
    let lines: Vec<&str> = checkpoint.split_inclusive('\n').collect();
    let with = |lines: Vec<&str>| {
        let mut files = honest.clone();
        files.insert("checkpoint".into(), lines.concat().into_bytes());
        codes(&check(&files, &strict()))
    };
    // Three lines of the checkpoint, an empty one, the log's signature, two cosignatures.
    assert_eq!(with(lines.clone()), [""; 0]);
    assert_eq!(with(lines[..6].to_vec()), ["quorum_too_few"]);
    assert_eq!(with([&lines[..4], &lines[5..]].concat()), ["signature_missing"]);
    assert_eq!(with([&lines[..], &lines[6..]].concat()), ["signed_twice"]);
    // Too few witnesses do not keep anybody from looking further.
    let made = MadeUp::new(200, 1, Some(Mistake::Face)).unwrap();
    let mut files = made.files().unwrap();
    let signed = made_up::checkpoint(1, crate::log::TreeHash([0; 32])).unwrap();
    assert!(signed.to_string().contains("witness"));
    let text = String::from_utf8(files["checkpoint"].clone()).unwrap();
    let without: String = text.split_inclusive('\n').take(6).collect();
    files.insert("checkpoint".into(), without.into_bytes());
    assert_eq!(codes(&check(&files, &strict())), ["quorum_too_few", "face"]);
}

#[test]
fn a_root_or_a_size_that_is_signed_but_not_the_files_is_refused() {
    let made = MadeUp::new(600, 15, None).unwrap();
    let honest = made.files().unwrap();
    let (size, tree) =
        (made.leaves.len() as u64, made.leaves.iter().map(|leaf| TreeHash::of_leaf(leaf)).collect());
    let root = crate::log::Leaves(tree).root(size);
    let with = |size, root| {
        let mut files = honest.clone();
        files.insert("checkpoint".into(), made_up::checkpoint(size, root).unwrap().to_string().into_bytes());
        let found = codes(&check(&files, &strict()));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    };
    assert_eq!(with(size, TreeHash([7; 32])), "root_differs");
    for other in [1, 255, 256, 257, 512, size - 1, size + 1, 1 << 40, u64::MAX] {
        assert!(["root_differs", "tile_missing", "bundle_malformed"].contains(&with(other, root)), "{other}");
    }
}
