use std::os::unix::fs::MetadataExt;

use koi_fair::log::{Checkpoint, SignerKey, TreeHash};

use super::*;

fn cosigner() -> CosignerKey {
    CosignerKey::from_seed("witness.example", [2; 32]).unwrap()
}

fn latest(origin: &str, size: u64, cosigner: &CosignerKey) -> Latest {
    let log = SignerKey::from_seed("log", [1; 32]).unwrap();
    let note = Checkpoint::new(origin, size, TreeHash([7; 32])).unwrap().sign(&[&log]).unwrap();
    let time = CosignTime::of_seconds(size).unwrap();
    let cosignature = cosigner.cosign(&note, time);
    Latest::new(note.with(cosignature).unwrap(), time)
}

/// A folder that has seen one log.
fn seen() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(&place.path().join("w"));
    folder.make(&cosigner()).unwrap();
    folder.store(&latest("a", 5, &cosigner())).unwrap();
    (place, folder)
}

#[test]
fn what_is_stored_is_read_back() {
    let (_place, folder) = seen();
    for size in [6, 7, 7] {
        folder.store(&latest("b", size, &cosigner())).unwrap();
    }
    let all = folder.all(&cosigner().witness()).unwrap();
    let sizes: Vec<_> = all.iter().map(|(origin, latest)| (origin.as_str(), latest.seen().size)).collect();
    assert_eq!(sizes, [("a", 5), ("b", 7)]);
    assert_eq!(all["b"], latest("b", 7, &cosigner()));
    assert_eq!(all["b"].time().seconds(), 7);
    assert_eq!(std::fs::read_to_string(folder.path.join(LOGS)).unwrap(), "a\nb\n");
}

#[test]
fn the_key_is_for_its_owner_alone_and_stays() {
    let (_place, folder) = seen();
    let path = folder.path.join(KEY);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(&folder.path).unwrap().mode() & 0o777, 0o700);
    assert_eq!(folder.key().unwrap().witness(), cosigner().witness());
    assert!(matches!(folder.make(&cosigner()), Err(FolderError::KeyThere(_))));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(folder.key(), Err(FolderError::KeyOpen(_))));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let secret = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, secret.replace('+', "-")).unwrap();
    let error = folder.key().unwrap_err();
    assert!(matches!(error, FolderError::KeyDamaged { .. }));
    assert!(!format!("{error} {error:?}").contains(&secret.trim()[30..]), "the secret is not said");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(folder.key(), Err(FolderError::NoKey(_))));
    // What was seen with a lost key is not taken over by a new one.
    assert!(matches!(folder.make(&cosigner()), Err(FolderError::Damaged { .. })));
}

#[test]
fn a_folder_is_served_once() {
    let (_place, folder) = seen();
    let lock = folder.lock().unwrap();
    let error = folder.lock().unwrap_err();
    assert!(matches!(error, FolderError::InUse(_)) && error.to_string().contains("two histories"), "{error}");
    drop(lock);
    folder.lock().unwrap();
}

#[test]
fn a_damaged_file_is_no_reason_to_begin_anew() {
    let other = CosignerKey::from_seed("witness.example", [3; 32]).unwrap();
    type Damage = Box<dyn Fn(&Path)>;
    let write = |text: String| -> Damage { Box::new(move |path| std::fs::write(path, &text).unwrap()) };
    let whole = latest("a", 5, &cosigner()).note().to_string();
    let cut = |bytes: usize| write(whole[..bytes].to_owned());
    let damages: Vec<(&str, Damage)> = vec![
        ("gone", Box::new(|path| std::fs::remove_file(path).unwrap())),
        ("empty", write(String::new())),
        ("no checkpoint", write("a\n5\n".to_owned())),
        ("cut within a line", cut(whole.len() - 3)),
        ("cut after the log's signature", cut(whole.rfind('—').unwrap())),
        ("another size", write(whole.replacen("a\n5\n", "a\n4\n", 1))),
        ("another key's", write(latest("a", 5, &other).note().to_string())),
        ("another log's", write(latest("b", 5, &cosigner()).note().to_string())),
        ("not text", Box::new(|path| std::fs::write(path, [0xFF; 100]).unwrap())),
        ("endless", Box::new(|path| std::fs::write(path, vec![b'a'; 2 << 20]).unwrap())),
    ];
    for (what, damage) in damages {
        let (_place, folder) = seen();
        damage(&folder.seen("a"));
        for error in [
            folder.all(&cosigner().witness()).map(drop).unwrap_err(),
            folder.latest("a", &cosigner().witness()).map(drop).unwrap_err(),
        ] {
            assert!(matches!(error, FolderError::Damaged { .. }), "{what}: {error}");
            let said = error.to_string();
            assert!(said.contains("put it back") && said.contains("koi witness key"), "{what}: {said}");
        }
    }
}

#[test]
fn a_list_or_a_folder_that_is_gone_is_missed() {
    for gone in [LOGS, SEEN] {
        let (_place, folder) = seen();
        std::fs::rename(folder.path.join(gone), folder.path.join("away")).unwrap();
        let error = folder.all(&cosigner().witness()).unwrap_err();
        assert!(matches!(error, FolderError::Damaged { .. }), "{gone}: {error}");
    }
    let (_place, folder) = seen();
    std::fs::write(folder.path.join(LOGS), "a\nb").unwrap();
    assert!(matches!(folder.all(&cosigner().witness()), Err(FolderError::Damaged { .. })));
}

#[test]
fn a_process_that_ended_within_a_write_has_lost_nothing() {
    let (_place, folder) = seen();
    // Before the new file took its place.
    std::fs::write(folder.seen("a").with_extension("new"), "a\n6").unwrap();
    // After a log's first file, before it came on the list: nobody has that cosignature, but it is remembered.
    folder.replace(&folder.seen("b"), &latest("b", 6, &cosigner()).note().to_string()).unwrap();
    let all = folder.all(&cosigner().witness()).unwrap();
    let sizes: Vec<_> = all.values().map(|latest| latest.seen().size).collect();
    assert_eq!(sizes, [5, 6]);
    folder.store(&latest("b", 7, &cosigner())).unwrap();
    assert_eq!(folder.origins().unwrap(), ["a", "b"]);
}
