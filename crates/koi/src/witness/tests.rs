use std::path::Path;

use koi_fair::log::{Checkpoint, Leaves, SignerKey, TreeHash, consistency};

use super::*;

const ORIGIN: &str = "koi.example.com/log";

fn at(seconds: i64) -> Time {
    Time::of_ms((EARLIEST_S + seconds) * 1000)
}

fn signer() -> SignerKey {
    SignerKey::from_seed(ORIGIN, [1; 32]).unwrap()
}

fn logs() -> Vec<KnownLog> {
    vec![KnownLog { origin: ORIGIN.to_owned(), keys: vec![signer().verifier()] }]
}

/// A folder with a key in it.
fn folder(place: &Path) -> Folder {
    let folder = Folder::new(&place.join("witness"));
    folder.make(&CosignerKey::from_seed("witness.example", [2; 32]).unwrap()).unwrap();
    folder
}

fn open(place: &Path) -> Witness {
    Witness::open(Folder::new(&place.join("witness")), logs(), at(0)).unwrap()
}

/// The leaves of one of two histories, which part after so many.
fn leaves(part_after: usize) -> Leaves {
    let leaf = |index: usize| if index < part_after { vec![0, index as u8] } else { vec![1, index as u8] };
    Leaves((0..40).map(|index| TreeHash::of_leaf(&leaf(index))).collect())
}

fn request_of(leaves: &Leaves, old_size: u64, size: u64) -> AddCheckpoint {
    let checkpoint = Checkpoint::new(ORIGIN, size, leaves.root(size)).unwrap().sign(&[&signer()]).unwrap();
    let proof = consistency(old_size, size, leaves).unwrap_or_default();
    AddCheckpoint { old_size, proof, checkpoint }
}

fn request(old_size: u64, size: u64) -> AddCheckpoint {
    request_of(&leaves(40), old_size, size)
}

/// The time of the cosignature in an answer, which must be right.
#[track_caller]
fn cosigned(witness: &Witness, request: &AddCheckpoint, answer: &Answer) -> u64 {
    let Answer::Cosigned(lines) = answer else { panic!("{answer:?}") };
    assert_eq!(lines.len(), 1);
    let cosigned = request.checkpoint.clone().with(lines[0].clone()).unwrap();
    witness.key.witness().time_of(&cosigned).unwrap().unwrap().seconds() - EARLIEST_S.unsigned_abs()
}

#[test]
fn what_was_cosigned_is_remembered_by_the_next_process() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path());
    let asked = request(0, 5);
    {
        let witness = open(place.path());
        assert_eq!(cosigned(&witness, &asked, &witness.add(&asked, || at(7)).unwrap()), 7);
    }
    let witness = open(place.path());
    assert_eq!(witness.seen(), [(ORIGIN, Some(Seen { size: 5, root: leaves(40).root(5) }))]);
    assert_eq!(witness.add(&request(0, 3), || at(8)).unwrap(), Answer::OtherSize(5));
    assert_eq!(witness.add(&request(5, 3), || at(8)).unwrap(), Answer::BadRequest);
    assert_eq!(witness.add(&request_of(&leaves(2), 5, 9), || at(8)).unwrap(), Answer::Unprocessable);
    let asked = request(5, 9);
    cosigned(&witness, &asked, &witness.add(&asked, || at(8)).unwrap());
    // What anybody can fetch is the checkpoint with both signatures.
    let published: SignedCheckpoint = witness.checkpoint(&folder::hash(ORIGIN)).unwrap().parse().unwrap();
    assert_eq!(published.open(ORIGIN, &logs()[0].keys).unwrap().size(), 9);
    assert!(witness.key.witness().time_of(&published).unwrap().is_some());
    assert_eq!(witness.checkpoint(&folder::hash("other")), None);
}

#[test]
fn only_what_the_log_signed_is_kept_of_a_request() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path());
    let witness = open(place.path());
    let stranger = CosignerKey::from_seed("other.example", [9; 32]).unwrap();
    let mut asked = request(0, 5);
    let line = stranger.cosign(&asked.checkpoint, CosignTime::of_seconds(1).unwrap());
    asked.checkpoint = asked.checkpoint.with(line).unwrap();
    // Also one that claims to be this witness's own.
    let line = witness.key.cosign(&asked.checkpoint, CosignTime::of_seconds(1).unwrap());
    asked.checkpoint = asked.checkpoint.with(line).unwrap();
    assert_eq!(witness.add(&asked, || at(1)).unwrap().status(), 200);
    let kept: SignedCheckpoint = witness.checkpoint(&folder::hash(ORIGIN)).unwrap().parse().unwrap();
    assert_eq!(kept.note().signatures().len(), 2);
}

#[test]
fn its_time_never_goes_back_for_a_log() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path());
    let mut said = Vec::new();
    for (process, now) in [(0, 100), (0, 50), (1, 60), (1, 101), (2, 41)] {
        let witness = open(place.path());
        let old = witness.seen()[0].1.map_or(0, |seen| seen.size);
        let asked = request(old, old + 1);
        said.push((process, cosigned(&witness, &asked, &witness.add(&asked, || at(now)).unwrap())));
    }
    assert_eq!(said, [(0, 100), (0, 100), (1, 100), (1, 101), (2, 101)]);
    // So far from the truth it says nothing at all, and forgets nothing.
    let witness = open(place.path());
    let fault = witness.add(&request(5, 6), || at(40)).unwrap_err();
    assert!(matches!(fault, Fault::Behind { behind_s: 61, .. }), "{fault}");
    assert!(witness.is_well());
    assert_eq!(witness.add(&request(5, 6), || at(41)).unwrap().status(), 200);
}

#[test]
fn a_clock_that_cannot_be_right_stops_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path());
    let fault = Witness::open(folder, logs(), Time::of_ms(0)).unwrap_err();
    assert!(fault.to_string().contains("clock"), "{fault}");
    let witness = open(place.path());
    assert!(matches!(witness.add(&request(0, 1), || Time::of_ms(0)), Err(Fault::Clock(_))));
    assert!(witness.is_well(), "nothing was written");
    assert_eq!(witness.add(&request(0, 1), || at(0)).unwrap().status(), 200);
}

#[test]
fn two_histories_are_kept_as_evidence() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path());
    let witness = open(place.path());
    let fork = leaves(2);
    witness.add(&request(0, 5), || at(1)).unwrap();
    assert!(folder.evidence([ORIGIN.to_owned()]).unwrap().is_empty());
    // Who signed it matters: anybody can write a checkpoint.
    let mut forged = request_of(&fork, 5, 5);
    let thief = SignerKey::from_seed(ORIGIN, [3; 32]).unwrap();
    forged.checkpoint = forged.checkpoint.claimed().sign(&[&thief]).unwrap();
    assert_eq!(witness.add(&forged, || at(2)).unwrap(), Answer::Forbidden);
    assert!(folder.evidence([ORIGIN.to_owned()]).unwrap().is_empty());
    // Also when the old size is not the one that was seen.
    assert_eq!(witness.add(&request_of(&fork, 3, 5), || at(2)).unwrap(), Answer::OtherSize(5));
    let found = folder.evidence([ORIGIN.to_owned()]).unwrap();
    assert_eq!((found.len(), found[0].size), (1, 5));
    let read = |place: usize| -> SignedCheckpoint {
        std::fs::read_to_string(&found[0].files[place]).unwrap().parse().unwrap()
    };
    let (seen, other) = (read(0), read(1));
    assert_eq!(seen.open(ORIGIN, &logs()[0].keys).unwrap().root(), leaves(40).root(5));
    assert_eq!(other.open(ORIGIN, &logs()[0].keys).unwrap().root(), fork.root(5));
    // The first pair stays, and the witness goes on with what it saw first.
    assert_eq!(witness.add(&request_of(&leaves(1), 5, 5), || at(3)).unwrap(), Answer::OtherRoot);
    assert_eq!(read(1), other);
    assert_eq!(witness.add(&request(5, 8), || at(3)).unwrap().status(), 200);
}

#[test]
fn what_could_not_be_stored_was_not_cosigned() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path());
    let witness = open(place.path());
    witness.add(&request(0, 5), || at(1)).unwrap();
    let (seen, away) = (place.path().join("witness/seen"), place.path().join("witness/away"));
    std::fs::rename(&seen, &away).unwrap();
    assert!(matches!(witness.add(&request(5, 7), || at(2)), Err(Fault::Folder(_))));
    assert!(!witness.is_well());
    // As long as its memory is gone it does not begin anew.
    assert!(matches!(witness.add(&request(0, 4), || at(2)), Err(Fault::Folder(FolderError::Damaged { .. }))));
    std::fs::create_dir(&seen).unwrap();
    assert!(matches!(witness.add(&request(0, 4), || at(2)), Err(Fault::Folder(FolderError::Damaged { .. }))));
    std::fs::remove_dir(&seen).unwrap();
    std::fs::rename(&away, &seen).unwrap();
    assert_eq!(witness.add(&request(0, 4), || at(3)).unwrap(), Answer::OtherSize(5));
    assert_eq!(witness.add(&request(5, 7), || at(3)).unwrap().status(), 200);
    assert!(witness.is_well());
}

#[test]
fn two_requests_at_once_never_take_it_back() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path());
    let witness = open(place.path());
    let (honest, fork) = (leaves(40), leaves(3));
    // Each thread goes for its own sizes, from whatever the witness says that it has seen.
    let cosigned: Vec<(u64, TreeHash)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|number| {
                let (witness, honest, fork) = (&witness, &honest, &fork);
                scope.spawn(move || {
                    let mut cosigned = Vec::new();
                    for step in 0..20_u64 {
                        let size = 4 + (step * 7 + number * 3) % 36;
                        let history = if number % 2 == 0 { honest } else { fork };
                        let old = witness.seen()[0].1.map_or(0, |seen| seen.size).min(size);
                        let asked = request_of(history, old, size);
                        if let Answer::Cosigned(_) = witness.add(&asked, || at(1)).unwrap() {
                            cosigned.push((size, history.root(size)));
                        }
                    }
                    cosigned
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    // Everything that was cosigned is of one history: the one that came first.
    let of_honest = cosigned.iter().all(|(size, root)| honest.root(*size) == *root);
    let of_fork = cosigned.iter().all(|(size, root)| fork.root(*size) == *root);
    assert!(!cosigned.is_empty() && (of_honest != of_fork), "{cosigned:?}");
    let largest = cosigned.iter().map(|(size, _)| *size).max();
    assert_eq!(witness.seen()[0].1.map(|seen| seen.size), largest);
    drop(witness);
    assert_eq!(open(place.path()).seen()[0].1.map(|seen| seen.size), largest);
}

#[test]
fn logs_do_not_share_what_was_seen() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path());
    let mut both = logs();
    both.push(KnownLog { origin: "other".to_owned(), keys: both[0].keys.clone() });
    let witness = Witness::open(folder, both, at(0)).unwrap();
    witness.add(&request(0, 5), || at(1)).unwrap();
    let fork = leaves(1);
    let checkpoint = Checkpoint::new("other", 3, fork.root(3)).unwrap().sign(&[&signer()]).unwrap();
    let asked = AddCheckpoint { old_size: 0, proof: vec![], checkpoint };
    assert_eq!(witness.add(&asked, || at(1)).unwrap().status(), 200);
    assert_eq!(witness.seen().iter().map(|(_, seen)| seen.unwrap().size).collect::<Vec<_>>(), [5, 3]);
    drop(witness);
    // One that is not followed any more is remembered all the same.
    assert_eq!(open(place.path()).add(&asked, || at(1)).unwrap(), Answer::NotFound);
    let all = Folder::new(&place.path().join("witness")).all(&key()).unwrap();
    assert_eq!(all.len(), 2);
}

fn key() -> koi_fair::log::WitnessKey {
    CosignerKey::from_seed("witness.example", [2; 32]).unwrap().witness()
}
